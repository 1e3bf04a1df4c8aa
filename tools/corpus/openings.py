"""Openings of calls with their truth: people, mailboxes with their beeps, menus, intercepts, call
screening, people who take over from a mailbox, and long stretches in which there is no beep at all.

A row of truth.jsonl: id, group, answer (human, machine or none), kind, lang, voice, text, seconds,
channel, greeting_end, ready (where a message may start: the end of the last beep), fold_voice,
fold_beep, and events of type speech, beep or tone, all in seconds.
"""

import glob

import numpy as np

from . import lines, sentences, talkers, tones
from .audio import RATE, at_level, choose, ratio, speech_spans


def silence(seconds):
    return np.zeros(int(round(seconds * RATE)))


class Opening:
    """Sound laid end to end, and what it is."""

    def __init__(self):
        self.parts, self.events, self.length = [], [], 0

    @property
    def now(self):
        return self.length / RATE

    def add(self, x):
        self.parts.append(np.asarray(x, float))
        self.length += len(x)
        return self

    def pause(self, seconds):
        return self.add(silence(seconds))

    def speak(self, x, **facts):
        self.events += [
            dict(type="speech", start=a, end=b, **facts) for a, b in speech_spans(x, self.now)
        ]
        return self.add(x)

    def beep(self, x, facts):
        self.events.append(
            dict(
                type="beep",
                start=round(self.now, 4),
                end=round(self.now + len(x) / RATE, 4),
                **facts,
            )
        )
        return self.add(x)

    def tones(self, x, events):
        self.events += [
            dict(e, start=round(e["start"] + self.now, 3), end=round(e["end"] + self.now, 3))
            for e in events
        ]
        return self.add(x)

    def sound(self):
        return np.concatenate(self.parts)


def channel(x, rng, split):
    """(sound, facts): line noise, codec, loss."""
    snr = float(rng.choice([60, 35, 25, 18, 12], p=[0.3, 0.25, 0.2, 0.15, 0.1]))
    kind, way = choose(rng, lines.NOISES[split]), choose(rng, lines.CODECS[split])
    y = lines.codec(way, np.clip(x + lines.noise(kind, len(x), rng) * ratio(-23 - snr), -1, 1))
    loss = float(rng.choice([0, 0.01, 0.03], p=[0.7, 0.2, 0.1]))
    conceal = "zero" if rng.random() < 0.5 else "repeat"
    return lines.lossy(y, loss, rng, conceal), dict(
        codec=way, loss=loss, conceal=conceal if loss else None, noise=kind, snr_db=snr
    )


def sentence(rng, split, table, others=0.25):
    """(language, voice, sound): mostly English, now and then one of the other four languages."""
    language = "en" if rng.random() > others else choose(rng, ("es", "fr", "de", "pt"))
    if language not in table:
        language = "en"
    voice, text = choose(rng, talkers.voices(split, language)), choose(rng, table[language])
    return language, voice, text, talkers.say(voice, text, language)


def mailbox_prompts(rng, split):
    """(talker, sound): a greeting put together from prompts, as Asterisk's voicemail does it."""
    name = choose(rng, [t for t in talkers.recorded(split) if _prompt(t, "vm-intro") is not None])
    words = ["vm-theperson"] + [
        f"digits/{int(d)}" for d in rng.integers(0, 10, int(rng.integers(3, 6)))
    ]
    words += [choose(rng, ("vm-isunavail", "vm-isonphone")), "vm-intro"]
    if rng.random() < 0.3:
        words = ["vm-nobodyavail", "vm-intro"]
    parts = []
    for word in words:
        x = _prompt(name, word)
        if x is not None:
            parts += [at_level(x, -22), silence(0.06)]
    return name, np.concatenate(parts)


def _prompt(name, word):
    found = sorted(glob.glob(f"{talkers.SOUNDS}/{talkers.TALKERS[name].folder}/{word}.*"))
    return talkers.read_prompt(found[-1]) if found else None


# ---- the kinds of openings; each returns (Opening, facts)


def voicemail(rng, split, kind=None):
    opening = Opening()
    if rng.random() < 0.3:
        voice, x = mailbox_prompts(rng, split)
        language, text = talkers.TALKERS[voice].language, None
    else:
        language, voice, text, x = sentence(rng, split, sentences.VOICEMAIL)
    x = at_level(x, float(rng.uniform(-28, -17)))
    if rng.random() < 0.12:
        under = lines.music(len(x), rng, split) * ratio(-42)
    else:
        under = 0
    opening.pause(float(rng.uniform(0.1, 1.6)))
    opening.speak(x)
    opening.parts[-1] = opening.parts[-1] + under
    end = opening.events[-1]["end"] if opening.events else opening.now
    opening.pause(
        float(
            rng.choice(
                [0.0, rng.uniform(0.05, 0.4), rng.uniform(0.4, 1.5), rng.uniform(1.5, 3.5)],
                p=[0.08, 0.32, 0.4, 0.2],
            )
        )
    )
    facts = dict(kind="voicemail-no-beep", ready=None)
    if kind or rng.random() < 0.9:
        sound, about = tones.beep(rng, kind)
        opening.beep(sound, about)
        facts = dict(kind="voicemail", ready=round(opening.now, 3), fold_beep=about["kind"])
    opening.pause(float(rng.uniform(2, 5)))
    return opening, dict(
        facts, answer="machine", lang=language, voice=voice, text=text, greeting_end=end
    )


def human(rng, split):
    language, voice, text, x = sentence(rng, split, sentences.HUMAN)
    opening = Opening().pause(
        float(
            rng.choice(
                [rng.uniform(0.05, 0.5), rng.uniform(0.5, 2), rng.uniform(2, 3.5)],
                p=[0.5, 0.4, 0.1],
            )
        )
    )
    opening.speak(at_level(x, float(rng.uniform(-30, -16))))
    end = opening.events[-1]["end"]
    opening.pause(float(rng.uniform(1.2, 2.6)))
    if rng.random() < 0.4:  # nobody answers, so the callee asks again
        opening.speak(
            at_level(talkers.say(voice, choose(rng, sentences.HUMAN[language][:3]), language), -22)
        )
    opening.pause(float(rng.uniform(1.5, 3)))
    x = opening.sound()
    if rng.random() < 0.25:  # other people or a television in the room
        x = x + lines.babble(len(x), rng, choose(rng, talkers.recorded(split)), 4) * ratio(
            float(rng.uniform(-48, -38))
        )
        opening.parts = [x]
    return opening, dict(
        kind="human", answer="human", lang=language, voice=voice, text=text, greeting_end=end
    )


def spoken(rng, split, kind):
    """An intercept, a menu or a call screen: a machine that speaks and has no beep."""
    table = dict(intercept=sentences.INTERCEPT, ivr=sentences.IVR, screening=sentences.SCREENING)[
        kind
    ]
    language, voice, text, x = sentence(rng, split, table, 0.2)
    opening = Opening()
    if kind == "intercept" and rng.random() < 0.6:
        opening.tones(*tones.sit(rng))
    opening.pause(float(rng.uniform(0.3, 1)))
    opening.speak(at_level(x, float(rng.uniform(-28, -17))))
    end = opening.events[-1]["end"]
    opening.pause(1.5)
    if rng.random() < 0.3:
        opening.speak(at_level(x, -22))
    opening.pause(float(rng.uniform(0.5, 2)))
    return opening, dict(
        kind=kind, answer="machine", lang=language, voice=voice, text=text, greeting_end=end
    )


def takeover(rng, split):
    """The callee picks up while the mailbox already records: a greeting, its beep, then a
    person."""
    opening, facts = voicemail(rng, split, "single")
    opening.parts.pop()
    opening.length = sum(map(len, opening.parts))
    opening.pause(float(rng.uniform(0.8, 2.5)))
    language, voice, text, x = sentence(rng, split, sentences.HUMAN)
    opening.speak(at_level(x, float(rng.uniform(-26, -16))), who="person")
    opening.pause(2.0)
    return opening, dict(facts, kind="takeover")


# ---- no beep in any of these


def negative(rng, split, kind, seconds):
    """One minute or less of one kind of sound; a row of group `negative`."""
    opening, n, name = Opening(), int(seconds * RATE), kind
    x, events = np.zeros(n), []
    if kind == "speech":
        at, pool = int(0.3 * RATE), [
            p for t in talkers.recorded(split) for p in talkers.prompts(t, 1.0, 60.0)
        ]
        while at < n - RATE:
            y = at_level(talkers.read_prompt(choose(rng, pool)), float(rng.uniform(-28, -18)))[
                : n - at
            ]
            x[at : at + len(y)] = y
            events += [dict(type="speech", start=a, end=b) for a, b in speech_spans(y, at / RATE)]
            at += len(y) + int(rng.uniform(0.1, 1.2) * RATE)
    elif kind == "music":
        x = lines.music(n, rng, split) * ratio(float(rng.uniform(-28, -16)))
    elif kind == "progress":
        name = choose(rng, sorted(tones.CADENCES) + ["sit"] * 6)
        if name == "sit":
            at = 0
            while at < n - 2 * RATE:
                y, steps = tones.sit(rng)
                x[at : at + len(y)] = y
                events += [
                    dict(
                        e,
                        start=round(e["start"] + at / RATE, 3),
                        end=round(e["end"] + at / RATE, 3),
                    )
                    for e in steps
                ]
                at += len(y) + int(rng.uniform(1, 6) * RATE)
        else:
            y, spans = tones.cadence(name, seconds, 1 + float(rng.normal(0, 0.003)))
            x = y * ratio(float(rng.uniform(-22, -10))) * 1.41
            events = [
                dict(type="tone", name=name, start=a, end=b, freqs=list(tones.CADENCES[name][0]))
                for a, b in spans
            ]
    elif kind == "dtmf":
        at = int(0.5 * RATE)
        while at < n - RATE:
            key, length, level = (
                choose(rng, sorted(tones.DIGITS)),
                float(rng.uniform(0.05, 0.4)),
                float(rng.uniform(-18, -8)),
            )
            y = tones.digit(key, length, level, level + float(rng.uniform(-3, 2)))
            x[at : at + len(y)] = y
            events.append(
                dict(
                    type="tone",
                    name="dtmf-" + key,
                    start=round(at / RATE, 3),
                    end=round(at / RATE + length, 3),
                    freqs=list(tones.DIGITS[key]),
                )
            )
            at += len(y) + int(rng.uniform(0.06, 1.5) * RATE)
    elif kind == "sung":
        x = tones.sung(rng, seconds)
    else:
        x = lines.noise(choose(rng, lines.NOISES[split]), n, rng) * ratio(
            float(rng.uniform(-40, -20))
        )
    opening.add(x)
    opening.events = events
    return opening, dict(kind=name, answer="none")


#: Part of the negatives' time that each kind gets.
SHARES = {"speech": 0.5, "music": 0.15, "progress": 0.15, "sung": 0.1, "dtmf": 0.05, "noise": 0.05}
