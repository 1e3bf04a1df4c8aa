"""Levels, WAV files and speech labels of the corpus. All sound is 8 kHz mono float in [-1, 1]."""

import subprocess
import wave

import numpy as np
from scipy.signal import resample_poly

RATE = 8000
#: Samples of a label: 10 ms.
HOP = 80


def ratio(decibels):
    """Amplitude ratio of a level difference."""
    return 10.0 ** (decibels / 20.0)


def choose(rng, options):
    return options[int(rng.integers(len(options)))]


def active_level(x):
    """Root mean square of the 20 ms frames that are within 30 dB of the loudest one."""
    frames = len(x) // 160
    if frames == 0:
        return float(np.sqrt(np.mean(np.square(x)) + 1e-12)) if len(x) else 1e-6
    power = np.mean(np.square(x[: frames * 160]).reshape(frames, 160), axis=1)
    return float(np.sqrt(power[power >= 1e-3 * power.max()].mean() + 1e-12))


def at_level(x, dbfs):
    return x * (ratio(dbfs) / max(active_level(x), 1e-6))


def unit(x):
    return x / (np.std(x) + 1e-12)


def pcm16(x):
    return np.clip(np.rint(np.asarray(x, float) * 32768), -32768, 32767).astype("<i2")


def write_wav(path, x, rate=RATE):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm16(x).tobytes())


def read_wav(path):
    """(samples, rate) of a 16-bit WAV, first channel."""
    with wave.open(str(path)) as file:
        if file.getsampwidth() != 2:
            raise ValueError(f"{path}: {8 * file.getsampwidth()} bits; convert it to 16")
        x = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return x[:: file.getnchannels()] / 32768.0, file.getframerate()


def resampled(x, rate):
    if rate == RATE:
        return np.asarray(x, float)
    divisor = int(np.gcd(int(rate), RATE))
    return resample_poly(np.asarray(x, float), RATE // divisor, int(rate) // divisor)


def read_any(path):
    """8 kHz samples of a WAV, or of a raw GSM file through sox."""
    if not str(path).endswith(".gsm"):
        x, rate = read_wav(path)
        return resampled(x, rate)
    raw = subprocess.run(
        [
            "sox",
            "-t",
            "gsm",
            str(path),
            "-t",
            "raw",
            "-e",
            "signed",
            "-b",
            "16",
            "-r",
            str(RATE),
            "-",
        ],
        check=True,
        capture_output=True,
    ).stdout
    return np.frombuffer(raw, "<i2") / 32768.0


def runs(mask):
    """[(first, end)] of the stretches of true."""
    edge = np.flatnonzero(np.diff(np.concatenate(([0], np.asarray(mask, np.int8), [0]))))
    return list(zip(edge[::2].tolist(), edge[1::2].tolist()))


def hop_levels(x):
    """Level of each hop in dB over the loud part (95th percentile) of the recording, over 30 ms."""
    hops = len(x) // HOP
    if hops == 0:
        return np.zeros(0)
    level = np.sqrt(np.mean(np.square(x[: hops * HOP]).reshape(hops, HOP), axis=1) + 1e-12)
    level = np.convolve(level, np.full(3, 1 / 3), "same")
    return 20 * np.log10(level / max(np.percentile(level, 95), 1e-9) + 1e-9)


def speech_labels(x, below_db=38.0, close=15, least=3):
    """One truth value a hop of a clean recording: smoothed level within `below_db` of its loud part
    (95th percentile). Inner gaps shorter than `close` hops are filled, inner islands shorter than
    `least` hops dropped.
    """
    level = hop_levels(x)
    hops = len(level)
    if hops == 0:
        return np.zeros(0, bool)
    mask = level > -below_db
    for first, end in runs(~mask):
        if end - first < close and first > 0 and end < hops:
            mask[first:end] = True
    for first, end in runs(mask):
        if end - first < least and first > 0 and end < hops:
            mask[first:end] = False
    return mask


def speech_spans(x, at=0.0):
    """[(start, end)] in seconds of the speech in a clean recording that begins at `at`."""
    return [
        (round(at + a * HOP / RATE, 3), round(at + b * HOP / RATE, 3))
        for a, b in runs(speech_labels(x))
    ]
