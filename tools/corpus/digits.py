"""In-band digits after the limits of ITU-T Q.24 and the list of tests that libspandsp's own dtmf_rx
test goes through, made without the tapes of Bellcore and Mitel, which may not be copied.

`must` of a case: accept (every digit once, no other), reject (nothing), or report (no limit is
given: only compared). Levels are dBFS of each tone's amplitude; a tone at -3.14 dBFS is 0 dBm0.
"""

import glob

import numpy as np

from . import lines, talkers
from .audio import RATE, active_level, at_level, ratio
from .tones import digit, tone

KEYS = "123A456B789C*0#D"
#: Each row and each column once.
DIAGONAL = "159D"


def keys(sequence, on=0.05, off=0.05, **how):
    """Digits with pauses, 100 ms of silence before and 200 ms after."""
    parts = [np.zeros(RATE // 10)]
    for key in sequence:
        parts += [digit(key, on, **how), np.zeros(int(round(off * RATE)))]
    return np.concatenate(parts + [np.zeros(RATE // 5)])


def cases(seed):
    """Yields (test, value, sound, expected digits, must)."""
    rng, law = np.random.default_rng([seed, 24]), lambda x: lines.g711(x, "u")
    yield "every digit", 0, law(keys(KEYS * 10)), KEYS * 10, "accept"
    for percent in (1.0, 1.5, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0):
        must = "accept" if percent <= 1.5 else "reject" if percent >= 3.5 else "report"
        for sign in (1, -1):
            for group in ("low", "high"):
                x = keys(DIAGONAL * 5, **{group + "_off": sign * percent / 100})
                yield f"frequency of the {group} group, %", sign * percent, law(
                    x
                ), DIAGONAL * 5, must
    for twist in np.arange(0, 17):
        forward, reverse = (
            dict(low_db=-9, high_db=-9 - twist),
            dict(low_db=-9 - twist, high_db=-9),
        )
        yield "forward twist, dB", int(twist), law(keys(DIAGONAL * 5, **forward)), DIAGONAL * 5, (
            "accept" if twist <= 8 else "report"
        )
        yield "reverse twist, dB", int(twist), law(keys(DIAGONAL * 5, **reverse)), DIAGONAL * 5, (
            "accept" if twist <= 4 else "report"
        )
    for level in (-3, -6, -10, -16, -20, -25, -28, -30, -32, -36, -40, -50, -58):
        must = "accept" if -29 <= level else "reject" if level <= -58 else "report"
        yield "level of each tone, dBFS", level, law(
            keys(
                DIAGONAL * 5,
                low_db=level - (3.1 if level > -6 else 0),
                high_db=level - (3.1 if level > -6 else 0),
            )
        ), DIAGONAL * 5, must
    for milliseconds in (10, 15, 20, 23, 26, 30, 35, 40, 45, 50, 70, 100):
        must = "accept" if milliseconds >= 40 else "reject" if milliseconds <= 20 else "report"
        yield "duration, ms", milliseconds, law(
            keys(KEYS, on=milliseconds / 1000, off=0.06)
        ), KEYS, must
    for milliseconds in (10, 20, 30, 35, 40, 50):
        # The same digit twice is the hard case: only the pause parts them.
        must = "accept" if milliseconds >= 40 else "report"
        x = np.concatenate([keys(key * 2, on=0.06, off=milliseconds / 1000) for key in KEYS])
        yield "pause between equal digits, ms", milliseconds, law(x), "".join(
            key * 2 for key in KEYS
        ), must
    for milliseconds in (2, 5, 10, 15, 20):
        one = np.concatenate(
            [
                digit("5", 0.05),
                np.zeros(int(milliseconds * RATE / 1000)),
                digit("5", 0.05),
                np.zeros(800),
            ]
        )
        x = np.concatenate([np.zeros(800), np.tile(one, 10)])
        yield "interruption inside a digit, ms", milliseconds, law(x), "5" * 10, (
            "accept" if milliseconds <= 10 else "report"
        )
    for snr in (24, 18, 15, 12, 9, 6):
        x = keys(KEYS * 6, low_db=-16, high_db=-16)
        x = x + rng.standard_normal(len(x)) * np.sqrt(ratio(-16) ** 2) / ratio(snr)
        yield "white noise, signal to noise in dB", snr, law(x), KEYS * 6, (
            "accept" if snr >= 15 else "report"
        )
    for name in (
        "pcmu",
        "pcma",
        "opus16",
        "gsm",
        "g726",
        "amr7",
        "amr4",
        "amr2",
        "amr0",
        "amr7+pcmu",
        "gsm+pcma",
    ):
        yield "codec", name, lines.codec(name, keys(KEYS * 4, on=0.1, off=0.1)), KEYS * 4, (
            "accept" if name.startswith("pcm") else "report"
        )
    for loss in (0.01, 0.03, 0.05):
        for conceal in ("zero", "repeat"):
            x = lines.lossy(
                law(keys(KEYS * 8, on=0.12, off=0.12)),
                loss,
                np.random.default_rng([seed, 7]),
                conceal,
                1.0,
            )
            yield f"one packet lost at a time, {conceal}", loss, x, KEYS * 8, "report"
    for level in (-25, -20, -16, -13):
        x = keys(DIAGONAL * 5, on=0.08, off=0.08)
        dial = tone([350, 440], len(x) / RATE)[: len(x)] * 2 * ratio(level)
        yield "dial tone under it, dBFS a tone", level, law(
            x + dial[: len(x)]
        ), DIAGONAL * 5, "report"
    for seconds in (1.0, 3.0, 10.0):
        yield "long press, s", seconds, law(keys("5", on=seconds, off=0.1)), "5", "accept"


def talk_off(chunk=600.0):
    """Yields (name, sound): all recorded speech of the prompt packages, then all music on hold, at
    several levels and speeds until each is more than an hour."""
    for name in talkers.TALKERS:
        files = talkers.prompts(name, 0.3, 60.0)
        parts, length, number = [], 0, 0
        for path in files:
            x = at_level(talkers.read_prompt(path), -16)
            parts.append(x)
            length += len(x)
            if length >= chunk * RATE:
                yield f"speech {name}-{number}", lines.g711(np.concatenate(parts), "u")
                parts, length, number = [], 0, number + 1
        if length:
            yield f"speech {name}-{number}", lines.g711(np.concatenate(parts), "u")
    from scipy.signal import resample_poly

    for index in range(len(glob.glob(f"{lines.MUSIC}/*.wav"))):
        x = lines.track(index)
        for percent, level in ((100, -16), (89, -12), (112, -20), (94, -9)):
            y = resample_poly(x, 100, percent)
            y = np.clip(y * ratio(level) / active_level(y), -1, 1)
            yield f"music {index} at {percent} %, {level} dBFS", lines.g711(y, "u")
