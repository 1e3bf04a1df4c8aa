"""The parts of tools/demo.py. Python standard library only."""
