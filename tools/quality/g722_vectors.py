#!/usr/bin/env python3
"""Writes the G.722 regression vectors of Fixtures/audio with an implementation that is not ours.

  var/quality/venv/bin/python tools/quality/g722_vectors.py

libspandsp2 (Debian; LGPL, called through ctypes) encodes and decodes; FFmpeg's own codec (PyPI av) decodes the same
octets and must agree with it, so two independent implementations stand behind each vector. Sound: synthetic, the same
bytes on every run. Nothing of either program is in the vectors but its output.
"""
import ctypes
import math
import sys

import numpy as np

from common import ROOT

OUT = ROOT / "Fixtures" / "audio"
EIGHT_K, PACKED = 1, 2


def sound():
    """1.6 s at 16 kHz: silence, sweep, vowel-like pulses, noise, square, one full-scale click, silence."""
    rng = np.random.default_rng(722)
    t = np.arange(4800) / 16000
    sweep = 9000 * np.sin(2 * math.pi * (100 * t + (7000 - 100) / 0.6 * t * t))
    pulses = np.zeros(4800)
    pulses[::133] = 20000
    for f in (500, 1500, 2500):
        r, w = 0.97, 2 * math.pi * f / 16000
        y1 = y2 = 0.0
        for i in range(len(pulses)):
            y1, y2 = pulses[i] * (1 - r) + 2 * r * math.cos(w) * y1 - r * r * y2, y1
            pulses[i] = y1
    noise = rng.normal(0, 3000, 4000)
    square = np.where(np.arange(2400) // 20 % 2 == 0, 20000.0, -20000.0)
    click = np.zeros(3200)
    click[100] = -32768
    x = np.concatenate([np.zeros(1600), sweep, pulses * 3, noise, square, click, np.zeros(1600)])
    x = x[:len(x) // 640 * 640]
    return np.clip(np.round(x), -32768, 32767).astype("<i2")


class Spandsp:
    def __init__(self):
        self.lib = ctypes.CDLL("libspandsp.so.2")
        for name in ("g722_encode_init", "g722_decode_init"):
            getattr(self.lib, name).restype = ctypes.c_void_p
            getattr(self.lib, name).argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        for name in ("g722_encode", "g722_decode"):
            getattr(self.lib, name).argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]

    def encode(self, x):
        state = self.lib.g722_encode_init(None, 64000, 0)
        out = (ctypes.c_uint8 * len(x))()
        n = self.lib.g722_encode(state, out, x.ctypes.data, len(x))
        return bytes(out[:n])

    def decode(self, octets, rate=64000):
        shift = {64000: 0, 56000: 1, 48000: 2}[rate]   # spandsp wants the code alone, without the data bits
        codes = bytes(o >> shift for o in octets)
        state = self.lib.g722_decode_init(None, rate, 0)
        out = (ctypes.c_int16 * (2 * len(codes)))()
        n = self.lib.g722_decode(state, out, codes, len(codes))
        return np.array(out[:n], "<i2")


def ffmpeg(octets):
    import av
    context = av.CodecContext.create("g722", "r")
    context.sample_rate, context.layout = 16000, "mono"
    frames = context.decode(av.Packet(octets)) + context.decode(None)
    return np.concatenate([f.to_ndarray().ravel() for f in frames]).astype("<i2")


def main():
    spandsp, x = Spandsp(), sound()
    octets = spandsp.encode(x)
    decoded = {rate: spandsp.decode(octets, rate) for rate in (64000, 56000, 48000)}
    other = ffmpeg(octets)
    if not np.array_equal(other, decoded[64000]):
        sys.exit("spandsp and FFmpeg do not agree: %d samples differ" % np.sum(other != decoded[64000]))
    if max(np.abs(d.astype(int)).max() for d in decoded.values()) > 32000:
        sys.exit("the sound is too loud: spandsp 0.0.6 wraps where the Recommendation saturates")
    # Every octet in every state that 4000 random ones reach.
    garbage = np.random.default_rng(7220).integers(0, 256, 4000, dtype=np.uint8).tobytes()
    files = {"g722-input.raw": x.tobytes(), "g722-64k.g722": octets, "g722-garbage.g722": garbage,
             "g722-garbage-decoded.raw": ffmpeg(garbage).tobytes()}
    for rate, samples in decoded.items():
        files[f"g722-decoded-{rate // 1000}k.raw"] = samples.tobytes()
    saturating, wrapping = ffmpeg(garbage).astype(int), spandsp.decode(garbage).astype(int)
    odd = saturating != wrapping
    if np.any(np.abs(saturating[odd]) < 32767) or odd.sum() > 100:
        sys.exit("spandsp and FFmpeg do not agree on random octets")
    for name, data in files.items():
        (OUT / name).write_bytes(data)
        print(f"{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
