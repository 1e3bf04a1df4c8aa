"""Tones of the corpus: voicemail beeps of many kinds, network tones, digits, and what only sounds
like a tone."""

import numpy as np
from scipy.signal import lfilter

from .audio import RATE, at_level, choose, ratio

#: Each is a fold of its own: (kind, how many in a round).
KINDS = {
    "single": 6,
    "known": 4,
    "dual": 2,
    "two-step": 2,
    "decay": 2,
    "chirp": 2,
    "double": 2,
    "warble": 2,
    "harmonic": 2,
    "long": 1,
    "short": 2,
    "bell": 1,
    "trill": 1,
    "three-step": 1,
    "high": 1,
    "low": 1,
}
#: Beeps of real machines: frequencies, seconds, dBFS. Asterisk's core sounds, FreeSWITCH's
#: voicemail.conf, AudioCodes' record beep (LTRT-83310), and three mailboxes.
KNOWN = {
    "asterisk": ([700], 0.42, -15),
    "freeswitch": ([1000], 0.64, -13),
    "gateway-430": ([430], 0.35, -16),
    "mailbox-742": ([742], 0.35, -18),
    "mailbox-655": ([655], 0.77, -21),
    "mailbox-992": ([992], 0.27, -8),
}


def edges(x, ramp):
    """Raised-cosine ends of `ramp` seconds, in place."""
    n = min(max(1, int(ramp * RATE)), len(x) // 2)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(n) / n)
    x[:n] *= rise
    x[len(x) - n :] *= rise[::-1]
    return x


def tone(frequencies, seconds, ramp=0.004, levels=None):
    """Sines of the given relative amplitudes with a common phase; each has amplitude level /
    count."""
    t = np.arange(max(1, int(round(seconds * RATE)))) / RATE
    levels = levels or [1.0] * len(frequencies)
    x = sum(a * np.sin(2 * np.pi * f * t) for f, a in zip(frequencies, levels)) / len(frequencies)
    return edges(x, ramp)


def glide(start, end, seconds, ramp=0.004):
    t = np.arange(int(round(seconds * RATE))) / RATE
    return edges(np.sin(2 * np.pi * (start * t + (end - start) * t * t / (2 * seconds))), ramp)


def pitch(rng, low=400.0, high=2300.0):
    """Evenly over the logarithm: mailboxes prefer the lower half."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def beep(rng, kind=None):
    """(sound, facts) of one beep at its level; facts: kind, name, freqs, level_dbfs."""
    if kind is None:
        kind = choose(rng, [k for k, count in KINDS.items() for _ in range(count)])
    seconds = float(np.clip(rng.lognormal(np.log(0.38), 0.5), 0.12, 1.2))
    level = float(np.clip(rng.normal(-17, 6), -36, -5))
    f, ramp, name = pitch(rng), float(rng.uniform(0.001, 0.015)), None
    frequencies = [f]
    if kind == "known":
        name = choose(rng, sorted(KNOWN))
        frequencies, seconds, level = KNOWN[name]
        level = level + float(rng.normal(0, 2))
        x = tone(frequencies, seconds)
    elif kind == "dual":
        g = f
        while abs(g - f) < 90:
            g = pitch(rng)
        frequencies = [f, g]
        x = tone(frequencies, seconds, ramp, [1, float(rng.uniform(0.5, 1))])
    elif kind in ("two-step", "three-step"):
        steps = 2 if kind == "two-step" else 3
        frequencies = [pitch(rng) for _ in range(steps)]
        seconds = max(seconds, 0.12 * steps)
        x = np.concatenate([tone([g], seconds / steps, 0.004) for g in frequencies])
    elif kind == "decay":
        seconds = max(seconds, 0.3)
        x = tone([f], seconds, 0.001)
        x = x * np.exp(-np.arange(len(x)) / RATE * float(rng.uniform(2, 4)) / seconds)
    elif kind == "bell":  # struck metal: partials that are no multiples, each with its own decay
        seconds = max(seconds, 0.4)
        t = np.arange(int(seconds * RATE)) / RATE
        f = pitch(rng, 450, 1100)
        frequencies = [f, 2.76 * f] if rng.random() < 0.5 else [f, 2.0 * f]
        x = sum(
            a * np.sin(2 * np.pi * g * t) * np.exp(-t * d / seconds)
            for g, a, d in zip(frequencies, (1, 0.3), (3, 7))
        )
        x = edges(x, 0.002)
    elif kind == "chirp":
        width = float(rng.uniform(40, 300)) * choose(rng, (-1, 1))
        frequencies = [f, max(380.0, f + width)]
        x = glide(*frequencies, seconds)
    elif kind == "double":
        one = tone([f], max(0.1, seconds / 2), ramp)
        x = np.concatenate([one, np.zeros(int(rng.uniform(0.05, 0.15) * RATE)), one])
    elif kind == "trill":  # two notes in turn, as some cordless sets do
        g = f * float(rng.uniform(1.1, 1.5))
        frequencies, seconds = [f, g], max(seconds, 0.3)
        t = np.arange(int(seconds * RATE)) / RATE
        which = (t * float(rng.uniform(10, 18))).astype(int) % 2
        x = edges(np.sin(2 * np.pi * np.cumsum(np.where(which, g, f)) / RATE), 0.004)
    elif kind == "warble":
        t = np.arange(int(seconds * RATE)) / RATE
        x = tone([f], seconds, ramp)
        x = x[: len(t)] * (
            0.75 + 0.25 * np.sin(2 * np.pi * float(rng.uniform(8, 25)) * t[: len(x)])
        )
    elif kind == "harmonic":  # a cheap machine: nearly a square wave
        f = min(f, 1150.0)
        frequencies = [f]
        x = tone(
            [f, 2 * f, 3 * f],
            seconds,
            ramp,
            [1, float(rng.uniform(0.05, 0.3)), float(rng.uniform(0.15, 0.5))],
        )
    elif kind == "long":
        seconds = float(rng.uniform(1.2, 2.0))
        x = tone([f], seconds, ramp)
    elif kind == "short":
        seconds = float(rng.uniform(0.08, 0.13))
        x = tone([f], seconds, 0.002)
    elif kind == "high":
        frequencies = [pitch(rng, 2300, 3000)]
        x = tone(frequencies, seconds, ramp)
    elif kind == "low":
        frequencies = [pitch(rng, 380, 440)]
        x = tone(frequencies, seconds, ramp)
    else:
        x = tone([f], seconds, ramp)
    x = x / (np.sqrt(np.mean(x**2)) + 1e-9) * ratio(level)
    return np.clip(x, -1, 1), dict(
        kind=kind,
        name=name,
        freqs=[round(float(g), 1) for g in frequencies],
        level_dbfs=round(level, 1),
    )


# ---- the network's

#: Name: frequencies, seconds on and off in turn. ITU-T E.180 supplement 2 and T1.401.
CADENCES = {
    "ringback-us": ((440, 480), (2, 4)),
    "ringback-eu": ((425,), (1, 4)),
    "ringback-uk": ((400, 450), (0.4, 0.2, 0.4, 2)),
    "ringback-fr": ((440,), (1.5, 3.5)),
    "ringback-au": ((400, 425, 450), (0.4, 0.2, 0.4, 2)),
    "ringback-ru": ((425,), (0.8, 3.2)),
    "busy-us": ((480, 620), (0.5, 0.5)),
    "reorder-us": ((480, 620), (0.25, 0.25)),
    "busy-eu": ((425,), (0.5, 0.5)),
    "busy-uk": ((400,), (0.375, 0.375)),
    "congestion-eu": ((425,), (0.25, 0.25)),
    "congestion-de": ((425,), (0.24, 0.24)),
    "dial-us": ((350, 440), (60, 0.01)),
    "dial-eu": ((425,), (60, 0.01)),
    "dial-uk": ((350, 450), (60, 0.01)),
    "stutter-dial": ((350, 440), (0.1, 0.1)),
    "fax-cng": ((1100,), (0.5, 3)),
    "fax-ced": ((2100,), (3, 0.075)),
    "call-waiting-us": ((440,), (0.3, 9.7)),
    "record-warning": ((1400,), (0.5, 14.5)),
    "milliwatt": ((1004,), (60, 0.01)),
    "howler": ((1400, 2060, 2450, 2600), (0.1, 0.1)),
    "zip": ((440,), (0.5, 0.3)),
}
#: Single bursts of these are beeps to any ear.
AMBIGUOUS = ("record-warning", "call-waiting-us")
DIGITS = dict(
    zip(
        "123A456B789C*0#D", [(r, c) for r in (697, 770, 852, 941) for c in (1209, 1336, 1477, 1633)]
    )
)
#: Special information tones: (name, hertz and seconds of the three steps), ITU-T E.180 with the
#: North American codes.
SIT = {
    "intercept": ((913.8, 0.276), (1370.6, 0.276), (1776.7, 0.38)),
    "vacant": ((985.2, 0.38), (1370.6, 0.276), (1776.7, 0.38)),
    "reorder": ((913.8, 0.276), (1428.5, 0.38), (1776.7, 0.38)),
    "no-circuit": ((985.2, 0.38), (1428.5, 0.38), (1776.7, 0.38)),
    "itu": ((950, 0.33), (1400, 0.33), (1800, 0.33)),
}


def sit(rng, name=None):
    """(sound, tone events from 0 s)."""
    name = name or choose(rng, sorted(SIT))
    parts, events, at = [], [], 0.0
    for hertz, seconds in SIT[name]:
        parts.append(tone([hertz * (1 + float(rng.normal(0, 0.002)))], seconds) * ratio(-16))
        events.append(
            dict(type="tone", name="sit", variant=name, start=at, end=at + seconds, freqs=[hertz])
        )
        at += len(parts[-1]) / RATE
    return np.concatenate(parts), events


def cadence(name, seconds, drift=1.0):
    """(sound of amplitude 1 at most, [(start, end)] of its bursts)."""
    frequencies, pattern = CADENCES[name]
    out, spans, at = np.zeros(int(round(seconds * RATE))), [], 0.0
    while at < seconds - 0.02:
        for index, length in enumerate(pattern):
            length = min(length, seconds - at)
            if length <= 0.005:
                break
            if index % 2 == 0:
                x = tone([f * drift for f in frequencies], length)
                first = int(round(at * RATE))
                x = x[: len(out) - first]
                out[first : first + len(x)] = x
                spans.append((round(at, 3), round(at + length, 3)))
            at += length
    return out, spans


def digit(
    key, seconds, low_db=-13.0, high_db=-13.0, low_off=0.0, high_off=0.0, ramp=0.0005, phase=0.7
):
    """A DTMF digit; levels in dBFS of a sine's amplitude, offsets as a part of the frequency."""
    row, column = DIGITS[key]
    t = np.arange(int(round(seconds * RATE))) / RATE
    x = ratio(low_db) * np.sin(2 * np.pi * row * (1 + low_off) * t) + ratio(high_db) * np.sin(
        2 * np.pi * column * (1 + high_off) * t + phase
    )
    n = max(1, int(ramp * RATE))
    x[:n] *= np.linspace(0, 1, n)
    x[-n:] *= np.linspace(1, 0, n)
    return x


def sung(rng, seconds):
    """Notes held on vowels, hummed and whistled, on a scale, some with vibrato, some sliding into
    the next."""
    out, count, previous = [], int(seconds * RATE), None
    scale = np.cumsum([0, 2, 2, 1, 2, 2, 2])
    key = float(rng.uniform(100, 260))
    while sum(map(len, out)) < count:
        octave, step = divmod(int(rng.integers(0, 15)), 7)
        base = key * 2 ** (octave + scale[step] / 12)
        t = np.arange(int(rng.uniform(0.2, 1.5) * RATE)) / RATE
        bend = np.ones(len(t))
        if previous and rng.random() < 0.3:
            bend = 1 + (previous / base - 1) * np.exp(-t / 0.05)
        if rng.random() < 0.5:
            bend = bend * (
                1
                + rng.uniform(0.003, 0.015)
                * np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * t)
                * np.minimum(1, t / 0.3)
            )
        angle = 2 * np.pi * np.cumsum(base * bend) / RATE
        way = rng.random()
        if way < 0.2:
            x = np.sin(angle) + rng.uniform(0.05, 0.3) * np.sin(2 * angle)
        elif way < 0.4:  # a whistle lies an octave or two higher and carries breath
            x = np.sin(angle * max(1, int(np.ceil(600 / base)))) + 0.03 * rng.standard_normal(
                len(t)
            )
        else:
            x = np.sum([np.cos(k * angle) / k**0.3 for k in range(1, int(3700 / base) + 1)], axis=0)
            for centre, width in zip(
                choose(
                    rng,
                    (
                        (800, 1150, 2900),
                        (400, 1600, 2700),
                        (350, 600, 2700),
                        (270, 2300, 3000),
                        (450, 800, 2830),
                    ),
                ),
                (80, 100, 140),
            ):
                r = np.exp(-np.pi * width / RATE)
                x = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * centre / RATE), r * r], x)
        x = edges(x, float(rng.uniform(0.02, 0.06)))
        out += [
            at_level(x, float(rng.uniform(-28, -15))),
            np.zeros(int(choose(rng, (0, 0, rng.uniform(0, 0.3))) * RATE)),
        ]
        previous = base
    return np.concatenate(out)[:count]
