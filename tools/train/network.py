"""The way of a scene through the telephone network: a set and its line, codecs in tandem, lost packets.

8 kHz mono float in [-1, 1]; all chance comes from the caller's numpy Generator. Needs sox (with its amr library) and ffmpeg.
"""
import functools
import subprocess
import tempfile
import wave

import numpy as np
from scipy.signal import butter, fftconvolve, lfilter

import sound


def _quantised(x, table):
    levels = np.unique(table)
    return levels[np.searchsorted((levels[1:] + levels[:-1]) / 2, x)]


@functools.lru_cache(maxsize=2)
def _g711(law):
    code = np.arange(256)
    if law == "u":
        bits = ~code & 0xFF
        size = ((((bits & 15) << 3) + 132) << ((bits >> 4) & 7)) - 132
        return np.where(bits & 128, -size, size) / 32768
    bits = code ^ 0x55
    segment, step = (bits >> 4) & 7, bits & 15
    size = np.where(segment == 0, (step << 4) + 8, ((step << 4) + 264) << np.maximum(segment - 1, 0))
    return np.where(bits & 128, size, -size) / 32768


def _programs(x, there, back):
    with tempfile.TemporaryDirectory() as folder:
        sound.write(folder + "/in.wav", x)
        for command in (there, back):
            subprocess.run([part.format(d=folder) for part in command], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        with wave.open(folder + "/out.wav") as file:
            y = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    n = min(len(x), len(y))
    if np.any(x):              # a codec delays: move it back, so that labels stay true
        y = y[int(np.argmax(fftconvolve(y[:n], x[:n][::-1])[n - 1:n - 1 + 480])):]
    return np.pad(y, (0, max(0, len(x) - len(y))))[:len(x)]


FFMPEG = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-i"]


def codec(name, x):
    """`x` through codecs in tandem, `a+b`."""
    for part in name.split("+"):
        if part in ("pcmu", "pcma"):
            x = _quantised(np.clip(x, -1, 1), _g711(part[-1]))
        elif part == "gsm":
            x = _programs(x, ["sox", "{d}/in.wav", "-t", "gsm", "{d}/c"], ["sox", "-t", "gsm", "{d}/c", "-b", "16", "{d}/out.wav"])
        elif part.startswith("amr"):
            x = _programs(x, ["sox", "{d}/in.wav", "-C", part[3:], "-t", "amr-nb", "{d}/c"],
                          ["sox", "-t", "amr-nb", "{d}/c", "-b", "16", "{d}/out.wav"])
        elif part.startswith("opus"):
            x = _programs(x, FFMPEG + ["{d}/in.wav", "-c:a", "libopus", "-b:a", part[4:] + "k", "-application", "voip", "{d}/c.ogg"],
                          FFMPEG + ["{d}/c.ogg", "-ar", "8000", "-ac", "1", "{d}/out.wav"])
        else:
            x = _programs(x, FFMPEG + ["{d}/in.wav", "-c:a", "g726", "-b:a", "32k", "-f", "wav", "{d}/c.wav"],
                          FFMPEG + ["{d}/c.wav", "-c:a", "pcm_s16le", "{d}/out.wav"])
    return x


CODECS = ("pcmu",) * 7 + ("pcma",) * 5 + ("gsm", "gsm+pcma", "amr7+pcmu", "amr7+pcma", "amr2+pcmu", "amr0", "amr4+pcmu", "opus16",
                                        "opus24+pcmu", "g726+pcmu", "g726", "amr7+gsm+pcmu")


def line(x, rng):
    """A telephone set and line: band limits, tilt, level, sometimes clipping or an automatic gain."""
    if rng.random() < 0.5:
        b, a = butter(1, [float(rng.uniform(60, 320)) / 4000, float(rng.uniform(2900, 3800)) / 4000], "band")
        x = lfilter(b, a, x)
    if rng.random() < 0.06:
        x = np.clip(x * sound.gain(float(rng.uniform(4, 14))), -0.5, 0.5)
    return x * sound.gain(float(rng.uniform(-8, 5)))


def losses(x, rng):
    """Packets of 20 ms lost in bursts and concealed in one of the usual ways."""
    rate = float(rng.choice([0, 0.01, 0.03, 0.05], p=[0.6, 0.15, 0.15, 0.1]))
    if rate == 0:
        return x
    way, y, bad, last, run = int(rng.integers(3)), x.copy(), False, np.zeros(160), 0
    for start in range(0, len(y) - 159, 160):
        bad = rng.random() >= 0.62 if bad else rng.random() < rate * 0.62
        if not bad:
            run, last = 0, y[start:start + 160].copy()
            continue
        run += 1
        y[start:start + 160] = (0, last * 0.5 ** run, _periodic(y[max(0, start - 320):start]) * 0.8 ** run)[way]
    return y


def _periodic(past):
    """Goes on with the last pitch period."""
    if len(past) < 320:
        return np.zeros(160)
    best, lag = -1.0, 80
    for candidate in range(30, 140):
        a, b = past[-160:], past[-160 - candidate:-candidate]
        score = float(a @ b) / (np.sqrt(float(a @ a) * float(b @ b)) + 1e-9)
        if score > best:
            best, lag = score, candidate
    return np.resize(past[-lag:], 160)
