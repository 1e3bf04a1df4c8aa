"""The program that a peer's script runs."""
import subprocess


def finish(process, seconds=5):
    """Ends it: asked first, and made to when it has not gone by then."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
