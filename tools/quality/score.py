#!/usr/bin/env python3
"""PESQ (ITU-T P.862, narrow band) of a recording against what was said.

    var/quality/venv/bin/python tools/quality/score.py SAID.wav HEARD.wav [--least SCORE]

Both are mono at 8 kHz. Prints one JSON line; exit code 1 below --least.
"""
import argparse
import json
import sys

import numpy as np
from pesq import pesq

import common


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("said")
    parser.add_argument("heard")
    parser.add_argument("--least", type=float, default=0.0)
    arguments = parser.parse_args()
    sounds = []
    for path in (arguments.said, arguments.heard):
        samples, rate = common.read_wav(path)
        if rate != 8000:
            sys.exit(f"score.py: {path} is not at 8 kHz")
        sounds.append(samples.astype(np.int16))
    score = float(pesq(8000, sounds[0], sounds[1], "nb"))
    print(json.dumps({"pesq": round(score, 3)}))
    sys.exit(0 if score >= arguments.least else 1)


if __name__ == "__main__":
    main()
