"""What the quality tools share: where things are, recorded prompts, G.711, loss patterns, PESQ."""
import glob
import os
import pathlib
import wave

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WORK = ROOT / "var" / "quality"
FRAME = 160
SOUNDS = ["/usr/share/asterisk/sounds", str(WORK / "sounds/usr/share/asterisk/sounds")]
NOT_SPEECH = ("beep", "2tone", "monkeys", "silence", "confbridge-join", "confbridge-leave")


def read_wav(path):
    """Mono 16-bit samples as floats of 16-bit units, and the rate."""
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
        return data[::file.getnchannels()], file.getframerate()


def speakers():
    """[(name, [prompt files of 1.5 to 6 s])] of every recorded speaker that is installed."""
    found = {}
    for root in SOUNDS:
        for folder in sorted(glob.glob(root + "/??_??_?_*")):
            files = []
            for path in sorted(glob.glob(folder + "/**/*.wav", recursive=True)):
                if any(word in path for word in NOT_SPEECH):
                    continue
                size = (os.path.getsize(path) - 44) / 16000
                if 1.5 <= size <= 6:
                    files.append(path)
            if len(files) >= 10:
                found.setdefault(os.path.basename(folder), files)
    return sorted(found.items())


def to_level(x, dbfs):
    """Scaled so that the active part (frames within 30 dB of the loudest) has `dbfs`."""
    n = len(x) // FRAME
    energy = np.mean(x[:n * FRAME].reshape(n, FRAME) ** 2, axis=1)
    active = energy[energy > energy.max() * 1e-3].mean() ** 0.5
    return x * (32768 * 10 ** (dbfs / 20) / max(active, 1.0))


def items(total=24, seconds=8.5, only=None):
    """(speaker, samples at 8 kHz): prompts of one speaker joined with pauses of half a second."""
    rng = np.random.default_rng(862)
    everyone = [(name, files) for name, files in speakers() if only in (None, name)]
    if not everyone:
        raise SystemExit(f"no recorded prompts of {only or 'anybody'} in {' or '.join(SOUNDS)}: tools/setup")
    for index in range(total):
        name, files = everyone[index % len(everyone)]
        x = np.zeros(4000)
        while len(x) < seconds * 8000:
            prompt, rate = read_wav(files[int(rng.integers(len(files)))])
            if rate != 8000:
                continue
            x = np.concatenate([x, to_level(prompt, -24), np.zeros(4000)])
        yield name, np.clip(np.round(x), -32768, 32767)


def mu_law_table():
    codes = np.arange(128)
    positive = ((((codes & 15) << 3) + 132) << (codes >> 4)) - 132
    return np.sort(np.concatenate([-positive, positive])).astype(float)


MU_LAW = mu_law_table()


def mu_law(x):
    """Through G.711: each sample becomes the nearest output value."""
    place = np.clip(np.searchsorted(MU_LAW, x), 1, len(MU_LAW) - 1)
    lower, upper = MU_LAW[place - 1], MU_LAW[place]
    return np.where(x - lower < upper - x, lower, upper)


def loss_mask(frames, rate, rng, mean_burst):
    """Gilbert model on 20 ms packets: '1' is lost. mean_burst 1.6 is a common internet figure."""
    leave = 1 / mean_burst
    enter = rate * leave / (1 - rate)
    bad, mask = False, []
    for _ in range(frames):
        bad = (rng.random() >= leave) if bad else (rng.random() < enter)
        mask.append("1" if bad else "0")
    return "".join(mask)
