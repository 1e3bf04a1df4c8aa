"""What lies between a talker and a media server: rooms and noises, music, telephone codecs in
tandem, lost packets."""

import functools
import glob
import subprocess
import tempfile

import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, resample_poly

from . import talkers
from .audio import RATE, choose, read_any, read_wav, unit, write_wav

MUSIC = "/usr/share/asterisk/moh"
#: Tracks of asterisk-moh-opsound-wav by index: the first three may be trained on.
TRACKS = {"seen": (0, 2, 4), "unseen": (1, 3)}
#: Line and room noises of a split; of the unseen ones tools/train makes none by the same recipe.
NOISES = {
    "seen": ("white", "pink", "car", "mains"),
    "unseen": ("white", "brown", "fan", "traffic", "rain", "cutlery", "mains", "gsm-buzz"),
}


# ---- codecs


@functools.lru_cache(maxsize=2)
def _g711_levels(law):
    """All values that the law can send, ascending (ITU-T G.711, tables 1a and 2a)."""
    values = []
    for code in range(128):
        segment, step = code >> 4, code & 15
        if law == "u":
            values.append((((step << 3) + 132) << segment) - 132)
        else:
            values.append((step << 4) + 8 if segment == 0 else ((step << 4) + 264) << (segment - 1))
    positive = np.array(values, float)
    return np.unique(np.concatenate([-positive, positive])) / 32768


def g711(x, law):
    levels = _g711_levels(law)
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, np.clip(x, -1, 1))]


def _round_trip(x, encode, decode):
    """Through two programs; the codec's delay (at most 60 ms) is taken out again, so that labels
    stay true."""
    with tempfile.TemporaryDirectory() as folder:
        write_wav(f"{folder}/in.wav", x)
        for command in (encode, decode):
            subprocess.run(
                [part.replace("{d}", folder) for part in command],
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        y = read_wav(f"{folder}/out.wav")[0]
    n = min(len(x), len(y))
    if np.any(x[:n]):
        y = y[int(np.argmax(fftconvolve(y[:n], x[:n][::-1])[n - 1 : n - 1 + 480])) :]
    return np.pad(y, (0, max(0, len(x) - len(y))))[: len(x)]


_FFMPEG = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-i"]


def _sox(x, kind, *options):
    return _round_trip(
        x,
        ["sox", "{d}/in.wav", *options, "-t", kind, "{d}/c"],
        ["sox", "-t", kind, "{d}/c", "-b", "16", "{d}/out.wav"],
    )


def codec(name, x):
    """`x` through one codec or several in turn, joined by `+`: pcmu, pcma, gsm, amr0 … amr7,
    opusKBPS, g726."""
    for part in name.split("+"):
        if part in ("pcmu", "pcma"):
            x = g711(x, part[-1])
        elif part == "gsm":
            x = _sox(x, "gsm")
        elif part.startswith("amr"):
            x = _sox(x, "amr-nb", "-C", part[3:])
        elif part.startswith("opus"):
            x = _round_trip(
                x,
                _FFMPEG
                + [
                    "{d}/in.wav",
                    "-c:a",
                    "libopus",
                    "-b:a",
                    part[4:] + "k",
                    "-application",
                    "voip",
                    "{d}/c.ogg",
                ],
                _FFMPEG + ["{d}/c.ogg", "-ar", "8000", "-ac", "1", "{d}/out.wav"],
            )
        elif part == "g726":
            x = _round_trip(
                x,
                _FFMPEG + ["{d}/in.wav", "-c:a", "g726", "-b:a", "32k", "-f", "wav", "{d}/c.wav"],
                _FFMPEG + ["{d}/c.wav", "-c:a", "pcm_s16le", "{d}/out.wav"],
            )
        else:
            raise ValueError(f"no codec {part}")
    return x


#: How often each way through the network is drawn.
CODECS = {
    "seen": ("pcmu",) * 4 + ("pcma",) * 2 + ("gsm", "amr7+pcmu", "amr7+pcmu", "opus16"),
    "unseen": ("pcmu",) * 4
    + ("pcma",) * 3
    + (
        "gsm+pcma",
        "amr7+pcmu",
        "amr7+pcma",
        "amr4+pcmu",
        "amr2+pcmu",
        "opus12+pcmu",
        "g726+pcmu",
        "amr7+gsm+pcmu",
    ),
}


# ---- lost packets


def lossy(x, rate, rng, conceal, burst=1.6, packet=160):
    """20 ms packets lost by a two-state (Gilbert) chain with `rate` of them gone, `burst` of them
    in a row on average. `conceal`: zero, or repeat (the last packet, halved each time)."""
    if rate <= 0:
        return x
    leave, y, lost, again = 1 / burst, x.copy(), False, np.zeros(packet)
    enter = rate * leave / (1 - rate)
    for first in range(0, len(y) - packet + 1, packet):
        lost = rng.random() >= leave if lost else rng.random() < enter
        if lost:
            again = again * 0.5
            y[first : first + packet] = again if conceal == "repeat" else 0
        else:
            again = y[first : first + packet].copy()
    return y


# ---- backgrounds, of unit level


def _band(x, low, high, order=2):
    b, a = butter(order, [low / (RATE / 2), high / (RATE / 2)], "band")
    return lfilter(b, a, x)


def noise(kind, n, rng):
    """`n` samples of background noise with a standard deviation of 1."""
    white, t = rng.standard_normal(n), np.arange(n) / RATE
    if kind == "white":
        x = white
    elif kind in ("pink", "brown"):
        spectrum = np.fft.rfft(white)
        x = np.fft.irfft(
            spectrum / (np.arange(len(spectrum)) + 1.0) ** (0.5 if kind == "pink" else 1.0), n
        )
    elif kind == "car":
        b, a = butter(2, 320 / 4000)
        x = unit(lfilter(b, a, white)) + 0.15 * np.sin(2 * np.pi * 88 * t) * (
            1 + 0.3 * np.sin(2 * np.pi * 0.5 * t)
        )
    elif kind == "fan":  # blades: a hum with harmonics over filtered air
        turn = float(rng.uniform(70, 130))
        hum = sum(np.sin(2 * np.pi * k * turn * t + k) / k for k in range(1, 6))
        x = unit(_band(white, 100, 2200)) + 0.5 * unit(hum)
    elif kind == "traffic":
        swell = 0.4 + sum(
            np.exp(-(((t - c) / rng.uniform(0.7, 2.5)) ** 2))
            for c in rng.uniform(0, n / RATE, 1 + n // (5 * RATE))
        )
        x = _band(white, 100, 1500) * swell
    elif kind == "rain":  # many small drops over a hiss
        drops = np.zeros(n)
        places = rng.integers(0, max(1, n - 60), n // 40)
        for place, size in zip(places, rng.exponential(1, len(places))):
            drops[place : place + 24] += size * np.exp(-np.arange(24) / 5)
        x = unit(_band(drops - drops.mean(), 400, 3700)) + 0.4 * white
    elif kind == "cutlery":  # plates and glasses: short rings over a murmur of air
        x = 0.05 * _band(white, 80, 1200)
        for place in rng.integers(0, n, max(2, n // 4000)):
            m = min(int(rng.uniform(0.02, 0.12) * RATE), n - place)
            u = np.arange(m) / RATE
            x[place : place + m] += (
                rng.uniform(0.2, 1)
                * np.exp(-u * rng.uniform(40, 120))
                * sum(np.sin(2 * np.pi * f * u) for f in rng.uniform(900, 3800, 3))
            )
    elif kind == "mains":
        base = choose(rng, (50.0, 60.0))
        x = sum(
            a * np.sin(2 * np.pi * base * k * t + rng.random() * 6.28)
            for k, a in ((1, 1), (2, 0.4), (3, 0.8), (5, 0.3), (9, 0.1))
        )
        x = x + 0.35 * white
    elif kind == "gsm-buzz":  # a transmitter beside the wire: 217 bursts a second
        x = ((217 * t) % 1 < 0.125) * (np.sin(2 * np.pi * 0.4 * t) > -0.3) - 0.06 + 0.05 * white
    else:
        raise ValueError(f"no noise {kind}")
    return unit(x)


def babble(n, rng, name, people):
    """Several people at once: one recorded talker's prompts at as many pitches."""
    out = np.zeros(n)
    for _ in range(people):
        at, step = -int(rng.integers(0, 2 * RATE)), int(rng.integers(84, 119))
        while at < n:
            x = unit(
                resample_poly(
                    talkers.read_prompt(choose(rng, talkers.prompts(name, 1.0, 20.0))), 100, step
                )
            )
            first, last = max(at, 0), min(at + len(x), n)
            if last > first:
                out[first:last] += x[first - at : last - at]
            at += len(x) + int(rng.integers(0, RATE // 2))
    return unit(out)


@functools.lru_cache(maxsize=8)
def track(index):
    files = sorted(glob.glob(f"{MUSIC}/*.wav"))
    return read_any(files[index % len(files)])


def music(n, rng, split):
    x = track(choose(rng, TRACKS[split]))
    first = int(rng.integers(0, max(1, len(x) - n)))
    return unit(np.resize(x[first : first + n], n))
