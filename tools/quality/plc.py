#!/usr/bin/env python3
"""Listening quality (PESQ, ITU-T P.862 and P.862.1) of G.711 with lost packets, through a whole media leg.

  tools/quality/setup && var/quality/venv/bin/python tools/quality/plc.py [room] [LOSS:BURST ...]
  var/quality/venv/bin/python tools/quality/plc.py --check

"room": `LossConcealer` alone, which sees only what was before the loss; the leg also has the packet behind it.
--check: twelve items of the speaker that tools/setup installs, 5 % lost, both ways; ends with 1 below FLOORS.
24 items of 8.5 s of recorded prompts of the speakers that are installed; µ-law; the same losses for every way of
concealment. "repeat" plays the last packet again at half the level each time. PESQ's reference code may be used for
tests only, so nothing here is part of a build.
"""
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from pesq import pesq

import common as c

CLI = ["swift", "run", "-c", "release", "--package-path", str(c.ROOT / "tools/quality/plc-cli"), "plc"]
LOSSES = [(.01, 1.6), (.03, 1.6), (.05, 1.6), (.10, 1.6), (.05, 1.0), (.05, 3.0)]

# --check: (way, mean burst) → the least mean PESQ at 5 % loss, and the least gain over repetition in the same run.
# A leg must have 3.3 and 0.15 in any case; these lie 0.05 below what was measured in November 2026.
FLOORS = {
    ("conceal", 1.0): (3.32, 0.40), ("leg", 1.0): (3.70, 0.78),
    ("conceal", 1.6): (3.09, 0.15), ("leg", 1.6): (3.40, 0.46),
}
CHECKED_VOICE = "en_US_f_Allison"


def simple(x, mask, factor):
    """Silence (factor 0) or the last good packet, `factor` times as loud each time."""
    y, last, run = x.copy(), np.zeros(c.FRAME), 0
    for index, mark in enumerate(mask):
        piece = slice(index * c.FRAME, (index + 1) * c.FRAME)
        if mark == "1":
            run += 1
            y[piece] = last * factor ** run
        else:
            run, last = 0, y[piece].copy()
    return y


def score(pair):
    return pesq(8000, pair[0] / 32768, pair[1] / 32768, "nb")


def conceal(coded, masks, way):
    folder = c.WORK / "plc"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "jobs", "w") as jobs:
        for index, (x, mask) in enumerate(zip(coded, masks)):
            x.astype("<i2").tofile(folder / f"{index}.in")
            jobs.write(f"{folder}/{index}.in {mask} {folder}/{index}.out\n")
    command = [os.environ["PLC_CLI"]] if "PLC_CLI" in os.environ else CLI
    subprocess.run(command + [way, str(folder / "jobs")], check=True, stdout=sys.stderr)
    return [np.fromfile(folder / f"{i}.out", "<i2").astype(float) for i in range(len(coded))]


def masks_of(coded, rate, burst):
    masks = [c.loss_mask(len(x) // c.FRAME, rate, np.random.default_rng([862, i]), burst)
             for i, x in enumerate(coded)]
    return ["0" + m[1:] for m in masks]


def check():
    """Whether both ways of concealment hold their floors."""
    originals = [x for _, x in c.items(12, only=CHECKED_VOICE)]
    coded = [c.mu_law(x) for x in originals]
    good = True
    with ProcessPoolExecutor() as pool:
        def mean(outputs):
            return float(np.mean(list(pool.map(score, zip(originals, outputs)))))
        for burst in sorted({burst for _, burst in FLOORS}):
            masks = masks_of(coded, .05, burst)
            again = mean([simple(x, m, .5) for x, m in zip(coded, masks)])
            for way in sorted(way for way, at in FLOORS if at == burst):
                least, gain = FLOORS[way, burst]
                ours = mean(conceal(coded, masks, way))
                holds = ours >= least and ours - again >= gain
                good = good and holds
                print(f"5 % lost in bursts of {burst}, {way}: PESQ {ours:.3f} (at least {least}), repetition "
                      f"{again:.3f} (at least {gain} less): {'holds' if holds else 'FAILED'}", flush=True)
    return good


def main():
    if "--check" in sys.argv[1:]:
        sys.exit(0 if check() else 1)
    way = "conceal" if "room" in sys.argv[1:] else "leg"
    losses = [tuple(map(float, a.split(":"))) for a in sys.argv[1:] if ":" in a] or LOSSES
    items = list(c.items())
    originals = [x for _, x in items]
    coded = [c.mu_law(x) for x in originals]
    print(f"{len(items)} items of {sorted({name for name, _ in items})}")
    print("| loss | mean burst | silence | repeat | Trunkline | worst item: repeat / Trunkline |\n|---|---|---|---|---|---|")
    with ProcessPoolExecutor() as pool:
        def scores(outputs):
            return np.array(list(pool.map(score, zip(originals, outputs))))
        clean = scores(coded)
        print(f"| none | | {clean.mean():.2f} | {clean.mean():.2f} | {clean.mean():.2f} | {clean.min():.2f} |")
        for rate, burst in losses:
            masks = masks_of(coded, rate, burst)
            silent = scores([simple(x, m, 0) for x, m in zip(coded, masks)])
            again = scores([simple(x, m, .5) for x, m in zip(coded, masks)])
            ours = scores(conceal(coded, masks, way))
            print(f"| {rate:.0%} | {burst} | {silent.mean():.2f} | {again.mean():.2f} | {ours.mean():.2f} "
                  f"| {again.min():.2f} / {ours.min():.2f} |", flush=True)


if __name__ == "__main__":
    main()
