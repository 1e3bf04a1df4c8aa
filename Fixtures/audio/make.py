#!/usr/bin/env python3
"""Writes the WAV files of this folder: synthetic tones only, no recording of anyone.

Run in this folder: python3 make.py. The bytes are the same on every run.
"""
import math
import struct


def tone(hertz, ms, rate, amplitude=8000):
    return [round(amplitude * math.sin(2 * math.pi * hertz * n / rate)) for n in range(ms * rate // 1000)]


def mu_law(x):
    """ITU-T G.711 by search over the 256 output values."""
    def value(code):
        code = ~code & 0xFF
        magnitude = (((code & 15) << 3) + 132 << (code >> 4 & 7)) - 132
        return -magnitude if code & 128 else magnitude
    return min(range(255, -1, -1), key=lambda code: abs(value(code) - x))


def a_law(x):
    def value(code):
        code ^= 0x55
        segment, mantissa = code >> 4 & 7, (code & 15) << 4
        magnitude = mantissa + 8 if segment == 0 else mantissa + 264 << segment - 1
        return magnitude if code & 128 else -magnitude
    return min(range(256), key=lambda code: abs(value(code) - x))


def chunk(name, body, size=None):
    return name + struct.pack("<I", len(body) if size is None else size) + body + b"\0" * (len(body) % 2)


def fmt(tag, channels, rate, bits, extra=b""):
    return struct.pack("<HHIIHH", tag, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits) + extra


def wav(path, *chunks, size=None):
    body = b"WAVE" + b"".join(chunks)
    with open(path, "wb") as f:
        f.write(b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body)


def pcm(samples):
    return struct.pack(f"<{len(samples)}h", *samples)


GUID = bytes.fromhex("000000001000800000aa00389b71")
beep = [0] * 4000 + tone(1000, 400, 8000) + [0] * 4000
wav("beep-mulaw.wav", chunk(b"fmt ", fmt(7, 1, 8000, 8, b"\0\0")), chunk(b"fact", struct.pack("<I", len(beep))),
    chunk(b"data", bytes(mu_law(x) for x in beep)))
wav("beep-alaw-extensible.wav",
    chunk(b"fmt ", fmt(0xFFFE, 1, 8000, 8, struct.pack("<HHIH", 22, 8, 4, 6) + GUID)),
    chunk(b"data", bytes(a_law(x) for x in beep)))
wide = [0] * 4000 + tone(1000, 400, 16000) + [0] * 4000
stereo = [v for x in wide for v in (x, -x // 2)]
wav("beep-stereo-16k.wav", chunk(b"LIST", b"odd"), chunk(b"fmt ", fmt(1, 2, 16000, 16)), chunk(b"data", pcm(stereo)))
wav("tone-unpatched-header.wav", chunk(b"fmt ", fmt(1, 1, 8000, 16)), chunk(b"data", pcm(tone(440, 100, 8000)), 0), size=0)
wav("tone-lying-size.wav", chunk(b"fmt ", fmt(1, 1, 8000, 16)), chunk(b"data", pcm(tone(440, 100, 8000)), 0xFFFFFFF0))
