#!/usr/bin/env python3
"""Writes the comfort noise vectors of Fixtures/audio with FFmpeg's codec (PyPI av), which is not ours.

  tools/quality/setup && var/quality/venv/bin/python tools/quality/noise_vectors.py

Backgrounds of four colours, one behind the other, each a second at 8 kHz; what FFmpeg's `comfortnoise` encoder
(RFC 3389, order 10) says of each in the mean of its frames; and the colour of what its decoder makes of that:
correlation at lags of 1 to 10 samples over that at 0. Its decoder's level is not taken: it plays white noise of
variance 1/3 through the filter and takes 3/4 of the energy besides, 6 dB below what the octet says.
"""
import av
import numpy as np

from common import ROOT

OUT = ROOT / "Fixtures" / "audio"
COLOURS = {
    "white": ([1.0], 200), "street": ([1, -.8], 120), "hiss": ([1, .6], 60),
    "hum": ([1, -1.6 * np.cos(2 * np.pi * 700 / 8000), .64], 400),
}


def background(poles, rms, rng, count=8000):
    y = np.zeros(count + 200)
    x = rng.normal(0, 1, len(y))
    for n in range(len(y)):
        y[n] = x[n] - sum(a * y[n - k] for k, a in enumerate(poles) if 0 < k <= n)
    y = y[200:]
    return np.clip(np.round(y * rms / np.sqrt(np.mean(y ** 2))), -32768, 32767).astype("<i2")


def described(x):
    """The mean of FFmpeg's payloads for frames of 80 ms, rounded."""
    codec = av.CodecContext.create("comfortnoise", "w")
    codec.sample_rate, codec.layout, codec.format = 8000, "mono", "s16"
    codec.open()
    payloads = []
    for at in range(0, len(x) - codec.frame_size + 1, codec.frame_size):
        frame = av.AudioFrame.from_ndarray(x[at:at + codec.frame_size].reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts = 8000, at
        payloads += [list(bytes(packet)) for packet in codec.encode(frame)]
    return np.round(np.mean(payloads, axis=0)).astype(int)


def generated(payload, frames=400):
    codec = av.CodecContext.create("comfortnoise", "r")
    codec.sample_rate, codec.layout = 8000, "mono"
    codec.open()
    pieces = [f.to_ndarray().ravel() for _ in range(frames) for f in codec.decode(av.Packet(bytes(payload)))]
    return np.concatenate(pieces[20:]).astype(float)


def colour(x):
    return [float(np.dot(x[lag:], x[:-lag]) / np.dot(x, x)) for lag in range(1, 11)]


def main():
    rng = np.random.default_rng(3389)
    sound, lines = [], []
    for name, (poles, rms) in COLOURS.items():
        x = background(poles, rms, rng)
        payload = [int(value) for value in described(x)]
        noise = generated(payload)
        sound.append(x)
        lines.append(f"{name} {' '.join(map(str, payload))} | {' '.join(f'{c:.4f}' for c in colour(noise))}")
        print(lines[-1], f"rms {np.sqrt(np.mean(noise ** 2)):.0f} of {rms}")
    (OUT / "noise-backgrounds.raw").write_bytes(np.concatenate(sound).tobytes())
    (OUT / "noise-ffmpeg.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
