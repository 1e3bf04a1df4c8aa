#!/usr/bin/env python3
"""Scores what `rtpload --record FOLDER` kept: PESQ of each heard-N.wav against its sent-N.wav.

  rtpload --to HOST:PORT --wav speech.wav --seconds 10 --record var/echo
  tools/quality/setup && var/quality/venv/bin/python tools/quality/echo.py var/echo [--least 3.5]

Prints a JSON object; ends with 1 when a leg is below --least or nothing can be scored.
"""
import argparse
import json
import pathlib
import sys

import numpy as np

import common as c


def pairs(folder):
    """[(leg, sent, heard)] in order of the legs."""
    found = []
    for heard in pathlib.Path(folder).glob("heard-*.wav"):
        number = heard.stem.partition("-")[2]
        sent = heard.with_name(f"sent-{number}.wav")
        if number.isdigit() and sent.exists():
            found.append((int(number), sent, heard))
    return sorted(found)


def trimmed(sent, heard, rate):
    """Both without the time before anything was heard and after; at most 20 s, PESQ's own limit."""
    active = np.flatnonzero(np.abs(heard) > 0)
    if len(active) == 0:
        return sent[:0], heard[:0]
    piece = slice(int(active[0]), min(int(active[-1]) + 1, int(active[0]) + 20 * rate))
    return sent[piece], heard[piece]


def score(sent, heard):
    from pesq import PesqError, pesq
    reference, rate = c.read_wav(sent)
    degraded, _ = c.read_wav(heard)
    reference, degraded = trimmed(reference, degraded, rate)
    if len(degraded) < rate:
        return None
    try:
        return round(pesq(rate, reference / 32768, degraded / 32768, "nb"), 3)
    except PesqError:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--least", type=float, default=0)
    options = parser.parse_args()
    scores = {leg: score(sent, heard) for leg, sent, heard in pairs(options.folder)}
    known = [value for value in scores.values() if value is not None]
    print(json.dumps({
        "pesq": scores, "mean": round(float(np.mean(known)), 3) if known else None,
        "least": min(known) if known else None}))
    if not known or len(known) < len(scores) or min(known) < options.least:
        sys.exit(1)


if __name__ == "__main__":
    main()
