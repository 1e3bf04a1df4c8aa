"""8 kHz 16-bit mono sound as lists of integers: WAV files, tones, noise, levels."""

import array
import math
import random
import sys
import wave

RATE = 8000

# RMS of a sine at 0 dBm0. A full-scale sine is +3.14 dBm0 in µ-law (ITU-T G.711 table 2a, G.100.1).
RMS_0_DBM0 = 32767 / math.sqrt(2) / 10 ** (3.14 / 20)


def read_wav(path):
    """Samples of an 8 kHz 16-bit mono WAV file; anything else raises ValueError."""
    with wave.open(str(path)) as source:
        shape = (source.getframerate(), source.getsampwidth(), source.getnchannels())
        if shape != (RATE, 2, 1):
            raise ValueError(f"{path}: need 8 kHz 16-bit mono, found {shape}")
        samples = array.array("h", source.readframes(source.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tolist()


def write_wav(path, samples):
    """Writes samples, clipped to 16 bits, as 8 kHz mono WAV."""
    data = array.array("h", (max(-32768, min(32767, sample)) for sample in samples))
    if sys.byteorder == "big":
        data.byteswap()
    with wave.open(str(path), "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(RATE)
        target.writeframes(data.tobytes())


def ms(milliseconds):
    """Samples in so many milliseconds."""
    return int(milliseconds * RATE / 1000)


def tone(frequencies, milliseconds, level_dbm0):
    """A sum of sines, each at the given level."""
    amplitude = RMS_0_DBM0 * math.sqrt(2) * 10 ** (level_dbm0 / 20)
    steps = [2 * math.pi * frequency / RATE for frequency in frequencies]
    return [
        round(amplitude * sum(math.sin(step * n) for step in steps))
        for n in range(ms(milliseconds))
    ]


def line_noise(milliseconds, level_dbm0=-62.0, seed=1):
    """The quiet of an open line: white noise, repeated every four seconds, the same for a seed."""
    generator = random.Random(seed)
    deviation = RMS_0_DBM0 * 10 ** (level_dbm0 / 20)
    block = [round(generator.gauss(0, deviation)) for _ in range(4 * RATE)]
    count = ms(milliseconds)
    return (block * (count // len(block) + 1))[:count]


def rms(samples):
    return math.sqrt(sum(s * s for s in samples) / len(samples)) if samples else 0.0


def level_dbm0(samples):
    value = rms(samples)
    return 20 * math.log10(value / RMS_0_DBM0) if value > 0 else -math.inf


def active_span(samples, threshold_dbm0=-38.0, frame_ms=5):
    """(first, last) sample of the sound above a level, by frames; None when all is quieter."""
    frame = ms(frame_ms)
    limit = RMS_0_DBM0 * 10 ** (threshold_dbm0 / 20)
    active = [
        start
        for start in range(0, len(samples), frame)
        if rms(samples[start:start + frame]) > limit
    ]
    return (active[0], min(active[-1] + frame, len(samples))) if active else None


def power_at(samples, frequency):
    """Goertzel: the RMS of the component at a frequency."""
    coefficient = 2 * math.cos(2 * math.pi * frequency / RATE)
    a = b = 0.0
    for sample in samples:
        a, b = sample + coefficient * a - b, a
    return math.sqrt(max(0.0, a * a + b * b - coefficient * a * b) * 2) / len(samples)


def dominant_frequency(samples, low=300, high=3400, step=5):
    """The frequency (Hz, to `step`) that carries most power."""
    return max(range(low, high + 1, step), key=lambda frequency: power_at(samples, frequency))


def first_sentence(samples, minimum_ms=1000, pause_ms=200):
    """The sound up to the first pause of `pause_ms` after `minimum_ms`; all of it without one."""
    frame = ms(20)
    limit = RMS_0_DBM0 * 10 ** (-38 / 20)
    quiet = 0
    for start in range(ms(minimum_ms), len(samples), frame):
        quiet = quiet + 20 if rms(samples[start:start + frame]) <= limit else 0
        if quiet >= pause_ms:
            return samples[:start - ms(pause_ms - 60)]
    return samples
