#!/usr/bin/env python3
"""Computes the taps of Sources/Audio/HalfBand.swift and what they do to each frequency.

  var/quality/venv/bin/python tools/quality/halfband.py
"""
import numpy as np
from scipy.signal import freqz, remez

TAPS, PASS, RATE = 32, 3500, 16000

# A half-band filter's odd phase is one tap; its even phase is an all-pass-band filter of half the length.
phase = remez(TAPS, [0, 2 * PASS], [1.0], fs=RATE, maxiter=200)
whole = np.zeros(2 * TAPS - 1)
whole[0::2] = phase / 2
whole[TAPS - 1] = 0.5
w, response = freqz(whole, worN=16384, fs=RATE)
gain = 20 * np.log10(np.maximum(np.abs(response), 1e-12))
print(", ".join(f"{v:.9g}" for v in phase[:TAPS // 2]))
print(f"to {PASS} Hz: {gain[w <= PASS].min():+.4f} to {gain[w <= PASS].max():+.4f} dB")
print(f"to 3400 Hz: {gain[w <= 3400].min():+.4f} dB; 4000 Hz: {gain[np.argmin(abs(w - 4000))]:.2f} dB")
print(f"from {8000 - PASS} Hz: {gain[w >= 8000 - PASS].max():.1f} dB")
