"""Beeps of 0.12 to 5 s in noise, without a greeting: how many are heard at which signal-to-noise ratio."""

import numpy as np

from corpus import lines, tones
from corpus.audio import choose, ratio, unit, write_wav

from . import detector, score

RATIOS = (20, 10, 5, 0)
NOISES = ("white", "pink", "brown", "car", "fan", "traffic", "rain")
SECONDS_AROUND = 2.0


#: Pitches that, alone and of the right length, are a network's or a fax's tones (ITU-T E.180, T.30).
NAMED = ((385, 465), (1060, 1140), (1370, 1430), (2060, 2140))


def scene(rng, decibels):
    """(samples, truth without id) of one beep, on a line of 300 to 3400 Hz; the ratio is that of the powers
    while the beep sounds."""
    seconds = float(np.exp(rng.uniform(np.log(0.12), np.log(5.0))))
    pitch = tones.pitch(rng, 400.0, 3000.0)
    while any(low < pitch < high for low, high in NAMED):
        pitch = tones.pitch(rng, 400.0, 3000.0)
    beep = tones.tone([pitch], seconds)
    around = int(SECONDS_AROUND * lines.RATE)
    kind = choose(rng, NOISES)
    x = unit(lines._band(lines.noise(kind, 2 * around + len(beep), rng), 300, 3400))
    inside = slice(around, around + len(beep))
    x[inside] += beep * ratio(decibels) * np.std(x[inside]) / np.std(beep)
    level = float(rng.uniform(-30, -12))
    x *= ratio(level) / np.std(x[inside])
    event = dict(
        type="beep",
        start=SECONDS_AROUND,
        end=SECONDS_AROUND + seconds,
        kind="single",
        freqs=[pitch],
        level_dbfs=level,
    )
    row = dict(kind="beep", group="beep", seconds=len(x) / lines.RATE, events=[event])
    return x, row | dict(channel=dict(codec="pcmu", loss=0.0, noise=kind, snr_db=decibels))


def run(executable, work, count, jobs):
    """[{ratio, found, total, parts, false}], one a ratio."""
    work.mkdir(parents=True, exist_ok=True)
    results = []
    for decibels in RATIOS:
        rng = np.random.default_rng(1000 + decibels)
        rows, files = [], []
        for number in range(count):
            x, row = scene(rng, decibels)
            rows.append(row | dict(id=f"n{decibels}-{number:03d}"))
            files.append(work / (rows[-1]["id"] + ".wav"))
            write_wav(files[-1], lines.codec("pcmu", x))
        heard = detector.hear(executable, files, jobs=jobs)
        found = score.Beeps(rows, {i: h.times("beep") for i, h in heard.items()})
        parts = {
            kind: [
                sum(r["channel"]["noise"] == kind for r in rows)
                - sum(r["channel"]["noise"] == kind for r, _ in found.missed),
                sum(r["channel"]["noise"] == kind for r in rows),
            ]
            for kind in NOISES
        }
        results.append(
            dict(
                ratio=decibels,
                found=found.found["all"],
                total=found.total["all"],
                parts=parts,
                false=found.false_per_hour(),
            )
        )
        print(f"  {results[-1]}", flush=True)
    return results
