#!/usr/bin/env python3
"""Makes what is said in the demo. For the callees: pcaps for SIPp's play_pcap_audio, the same
sound as WAV, and truth.json with the times that a detector must find. For our side: bot.wav and
message.wav.

The speech and the mailbox beep are recordings of Debian's asterisk-core-sounds-en-wav (Allison
Smith, CC-BY-SA 3.0); nothing of it is committed here. Fax and special information tones are made
by formula. Deterministic: the same package gives the same bytes.

    tools/make-callee-audio.py [OUT]        OUT defaults to var/callees under the repository
"""

import argparse
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from callees import pcap, rtp, sound  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
PACKAGE = "asterisk-core-sounds-en-wav"
# ITU-T E.180 supplement 2 / Telcordia SR-2275: "intercept", short, short, long.
SIT_INTERCEPT = [(913.8, 274), (1370.6, 274), (1776.7, 380)]
DIGIT_9_AT_MS = 7000
DIGIT_MS = 160


def find_sounds():
    """The folder of the package's recordings, as dpkg tells it."""
    try:
        listing = subprocess.run(
            ["dpkg", "-L", PACKAGE], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise SystemExit(f"{PACKAGE} is not installed: run tools/setup, or apt-get install it")
    for line in listing.splitlines():
        if line.endswith("/beep.wav"):
            return pathlib.Path(line).parent
    raise SystemExit(f"{PACKAGE} has no beep.wav")


def trimmed(samples, keep_ms=60):
    """The recording without the quiet before and after it."""
    first, last = sound.active_span(samples)
    return samples[max(0, first - sound.ms(keep_ms)):last + sound.ms(keep_ms)]


class Timeline:
    """Sound being put together over a quiet line, with the truth beside it."""

    def __init__(self, seed):
        self.samples = []
        self.truth = {}
        self.seed = seed

    @property
    def now_ms(self):
        return round(len(self.samples) * 1000 / sound.RATE, 3)

    def add(self, samples):
        """Adds sound; returns (start, end) in ms of what is audible in it."""
        start = self.now_ms
        self.samples += samples
        span = sound.active_span(samples)
        if span is None:
            return None
        return tuple(round(start + edge * 1000 / sound.RATE, 3) for edge in span)

    def pause(self, milliseconds):
        self.samples += [0] * sound.ms(milliseconds)

    def finish(self, total_ms):
        """Pads to the length, in whole packets, and lays the line's noise under everything."""
        self.pause(max(0, total_ms - self.now_ms))
        self.samples += [0] * (-len(self.samples) % rtp.SAMPLES)
        noise = sound.line_noise(self.now_ms + 1, seed=self.seed)
        self.samples = [s + n for s, n in zip(self.samples, noise)]
        self.truth["duration_ms"] = self.now_ms
        return self


def make_voicemail(recording, seed):
    line = Timeline(seed)
    line.pause(300)
    first = line.add(trimmed(recording("vm-nobodyavail")))
    line.pause(150)
    second = line.add(trimmed(sound.first_sentence(recording("vm-intro"))))
    line.truth["speech"] = [first, second]
    line.truth["greeting_end_ms"] = second[1]
    line.pause(700)
    beep = recording("beep")
    start, end = line.add(beep)
    line.truth["beep"] = {
        "start_ms": start, "end_ms": end, "frequency_hz": sound.dominant_frequency(beep),
        "level_dbm0": round(sound.level_dbm0(trimmed(beep, keep_ms=0)), 1),
    }
    return line.finish(line.now_ms + 16000)


def make_person(recording, seed):
    line = Timeline(seed)
    line.pause(400)
    line.truth["speech"] = [line.add(trimmed(recording("hello")))]
    line.truth["greeting_end_ms"] = line.truth["speech"][0][1]
    return line.finish(24000)


def make_fax(recording, seed):
    line = Timeline(seed)
    line.pause(1800)  # ITU-T T.30 4.1: the answering terminal waits 1.8 to 2.5 s.
    start, end = line.add(sound.tone([2100], 3000, -12))
    line.truth["tones"] = [{"frequency_hz": 2100, "start_ms": start, "end_ms": end}]
    return line.finish(16000)


def make_unavailable(recording, seed):
    line = Timeline(seed)
    line.pause(200)
    tones = []
    for frequency, length in SIT_INTERCEPT:
        start, end = line.now_ms, line.now_ms + length
        line.add(sound.tone([frequency], length, -16))
        tones.append({"frequency_hz": frequency, "start_ms": start, "end_ms": end})
    line.truth["tones"] = tones
    line.pause(400)
    line.truth["speech"] = [line.add(trimmed(recording("ss-noservice")))]
    return line.finish(16000)


def make_menu(recording, seed):
    line = Timeline(seed)
    line.pause(300)
    line.truth["speech"] = [line.add(trimmed(recording("basic-pbx-ivr-main")))]
    return line.finish(line.now_ms + 4000)


def make_ringback(recording, seed):
    line = Timeline(seed)
    line.pause(100)
    start, end = line.add(sound.tone([440, 480], 2000, -19))
    line.truth["tones"] = [{"frequency_hz": [440, 480], "start_ms": start, "end_ms": end}]
    return line.finish(6000)


def make_digit(recording, seed):
    return Timeline(seed).finish(DIGIT_MS + 400)


def make_hush(recording, seed):
    """One packet: SIPp has no other way to stop a file that is playing than to play the next."""
    return Timeline(seed).finish(rtp.PTIME_MS)


NINE = [(DIGIT_9_AT_MS, "9", DIGIT_MS)]
LINES = {
    "voicemail": (make_voicemail, []),
    "person": (make_person, NINE),
    "person-quiet": (make_person, []),
    "fax": (make_fax, []),
    "unavailable": (make_unavailable, []),
    "ivr": (make_menu, []),
    "ringback": (make_ringback, []),
    "dtmf-9": (make_digit, [(0, "9", DIGIT_MS)]),
    "hush": (make_hush, []),
}
# What our side says in the demo: the bot to a person, and the message left on a voicemail.
WORDS = {
    "bot": ["queue-thankyou", "if-correct-press", "digits/1", "to-listen-to-it"],
    "message": ["please-try-call-later", "goodbye"],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", default=str(ROOT / "var" / "callees"))
    options = parser.parse_args()
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    sounds = find_sounds()

    def recording(name):
        return sound.read_wav(sounds / f"{name}.wav")

    truth = {}
    for seed, (name, (make, digits)) in enumerate(LINES.items(), start=1):
        line = make(recording, seed)
        packets = rtp.stream(name, line.samples, digits)
        pcap.write(out / f"{name}.pcap", packets)
        sound.write_wav(out / f"{name}.wav", line.samples)
        truth[name] = {"pcap": f"{name}.pcap", "wav": f"{name}.wav", "packets": len(packets)}
        if digits:
            truth[name]["digits"] = [
                {"at_ms": at, "digit": digit, "ms": length} for at, digit, length in digits]
        truth[name].update(line.truth)
    for name, prompts in WORDS.items():
        samples = [sample for prompt in prompts for sample in recording(prompt)]
        sound.write_wav(out / f"{name}.wav", samples)
    (out / "truth.json").write_text(json.dumps(truth, indent=2) + "\n")
    print(f"{len(truth)} callees' audio in {out}")


if __name__ == "__main__":
    main()
