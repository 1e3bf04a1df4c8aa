#!/usr/bin/env python3
"""Listening quality (PESQ, P.862.1 and P.862.2) of both taps over losses and jitter.

  tools/quality/setup && var/quality/venv/bin/python tools/quality/taps.py [--items 12] [--wide] [--check]

Every cell is the mean of the items' scores, each with its own losses and delays (seeded, so that each run has the
same). "analysis" is what a whole media leg hands to its bridge, "playout" what a human hears behind the adaptive
buffer; µ-law, and with --wide G.722 behind the playout buffer (PESQ wideband). --check: ends with 1 when a cell is
worse than FLOORS says.
"""
import argparse
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from pesq import PesqError, pesq
from scipy.signal import resample_poly

import common as c

CLI = ["swift", "run", "-c", "release", "--package-path", str(c.ROOT / "tools/quality/plc-cli"), "taps"]
LOSSES = [0, .01, .03, .05, .10]
BURST = 1.6
JITTERS = ["none", "uniform 40", "uniform 80", "bursts 120"]
# Where a cell must not fall below: (tap, loss, jitter) and the mean score.
FLOORS = {
    ("analysis", 0, "none"): 4.2, ("analysis", .05, "none"): 3.1, ("analysis", 0, "uniform 40"): 4.2,
    ("playout", 0, "none"): 4.2, ("playout", 0, "uniform 40"): 3.8, ("playout", .05, "none"): 3.0,
}


def delays(frames, loss, jitter, rng):
    """Milliseconds on the way of each packet, None for a lost one. The first one comes."""
    mask = c.loss_mask(frames, loss, rng, BURST)
    kind, _, size = jitter.partition(" ")
    if kind == "uniform":
        late = rng.random(frames) * float(size)
    elif kind == "bursts":
        # Each two seconds nothing comes for a while, and then all of it at once.
        late = np.array([max(0.0, float(size) - 20 * ((index + 37) % 100)) for index in range(frames)])
    else:
        late = np.zeros(frames)
    return [None if mark == "1" and index > 0 else 30 + float(ms)
            for index, (mark, ms) in enumerate(zip(mask, late))]


def score(job):
    original, heard, rate = job
    heard = heard[:len(original) + rate]
    try:
        return pesq(rate, original / 32768, heard / 32768, "wb" if rate == 16000 else "nb")
    except PesqError:
        return 1.0


def run(items, loss, jitter, wide):
    """(analysis or [], playout): what came out, an item each."""
    folder = c.WORK / "taps"
    folder.mkdir(parents=True, exist_ok=True)
    frame = 320 if wide else 160
    with open(folder / "jobs", "w") as jobs:
        for index, x in enumerate(items):
            rng = np.random.default_rng([863, index])
            x.astype("<i2").tofile(folder / f"{index}.in")
            ways = delays(len(x) // frame, loss, jitter, rng)
            (folder / f"{index}.ms").write_text(
                "\n".join("-" if ms is None else f"{ms:.3f}" for ms in ways))
            jobs.write(f"{folder}/{index}.in {folder}/{index}.ms {folder}/{index}.heard "
                       f"{folder}/{index}.played{' g722' if wide else ''}\n")
    command = [os.environ["TAPS_CLI"]] if "TAPS_CLI" in os.environ else CLI
    subprocess.run(command + [str(folder / "jobs")], check=True, stdout=sys.stderr)

    def read(kind):
        return [np.fromfile(folder / f"{i}.{kind}", "<i2").astype(float) for i in range(len(items))]
    return ([] if wide else read("heard")), read("played")


def table(items, wide, pool):
    """Prints a table a tap; {(tap, loss, jitter): mean}."""
    rate = 16000 if wide else 8000
    found = {}
    for loss in LOSSES:
        for jitter in JITTERS:
            for tap, outputs in zip(("analysis", "playout"), run(items, loss, jitter, wide)):
                if outputs:
                    jobs = [(x, y, rate) for x, y in zip(items, outputs)]
                    found[tap, loss, jitter] = float(np.mean(list(pool.map(score, jobs))))
    for tap in ("analysis", "playout"):
        if (tap, 0, "none") not in found:
            continue
        print(f"\n{tap} tap, {'G.722, wideband' if wide else 'µ-law'}\n")
        print("| loss | " + " | ".join(f"jitter {jitter}" for jitter in JITTERS) + " |")
        print("|---|" + "---|" * len(JITTERS))
        for loss in LOSSES:
            cells = " | ".join(f"{found[tap, loss, jitter]:.2f}" for jitter in JITTERS)
            print(f"| {loss:.0%} | {cells} |", flush=True)
    return found


def fallen(found):
    """The cells below their floor, as lines."""
    return [f"{tap} tap, {loss:.0%} loss, jitter {jitter}: {found[tap, loss, jitter]:.2f} < {least}"
            for (tap, loss, jitter), least in FLOORS.items()
            if found.get((tap, loss, jitter), least) < least]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=12)
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    items = [x for _, x in c.items(options.items)]
    with ProcessPoolExecutor() as pool:
        if options.wide:
            # Telephone prompts hold nothing above 4 kHz: this is about the codec and the buffer.
            table([np.clip(resample_poly(x, 2, 1), -32768, 32767) for x in items], True, pool)
            return
        bad = fallen(table(items, False, pool))
    if options.check and bad:
        sys.exit("\n".join(bad))


if __name__ == "__main__":
    main()
