"""Who answers a call: openings by people, mailboxes, menus, networks and call screens, with the truth beside them.

Texts come from phrases.py; the voices are the public ones of sound.VOICES at any pace and pitch, and Debian's recorded talkers
for both people and machines, so that a natural voice says nothing about who it is.
"""
import os

import numpy as np

import phrases
import sound as s

KINDS = ("human",) * 11 + ("voicemail",) * 7 + ("menu",) * 2 + ("unavailable",) * 2 + ("screening",)


def voice(rng, language):
    """A voice with a pace, for sound.say."""
    name, chance = s.pick(rng, s.VOICES[language]), rng.random()
    if language == "en" and chance < 0.55:
        name = "hibari:heart" if chance < 0.33 else "piper:joe"
    elif chance < 0.85:
        name = f"espeak:{s.pick(rng, s.ACCENTS[language])}+{s.pick(rng, s.VARIANTS)}"
    return f"{name}/{int(rng.choice([80, 88, 94, 100, 106, 112, 120, 130]))}"


#: How many texts of a kind and language Kokoro says; it takes about a second for one of sound.
KEPT = {"human": 120, "voicemail": 55, "menu": 14, "unavailable": 10, "screening": 6}


def kept(kind, language, index):
    """(voice, clauses, in one breath) of one of the texts that Kokoro says: few, so that they are made once."""
    rng = np.random.default_rng([77, sorted(KEPT).index(kind), phrases.LANGUAGES.index(language), index])
    clauses = getattr(phrases, kind)(rng, language)
    person = f"{int(s.pick(rng, (0, 25, 50, 75, 100)))}~{int(rng.integers(0, 60))}"
    who = f"kokoro:{language}-{person}/{int(s.pick(rng, (85, 95, 105, 120)))}"
    return who, clauses, rng.random() < 0.5


def spoken(rng, kind):
    """(talker, clean speech): the clauses in one breath as the voice takes them, or one by one with pauses."""
    is_human = kind == "human"
    language = "en" if rng.random() < 0.6 else s.pick(rng, phrases.LANGUAGES[1:])
    if rng.random() < (0.2 if language == "en" else 0.45):
        who, clauses, at_once = kept(kind, language, int(rng.integers(KEPT[kind])))
    else:
        clauses, who, at_once = getattr(phrases, kind)(rng, language), voice(rng, language), rng.random() < 0.5
    change, seed = rng.random() < 0.75, int(rng.integers(0, 2 ** 31))
    if at_once:
        parts = [s.say(who, " ".join(clauses))]
    else:
        parts = []
        for index, clause in enumerate(clauses):
            pause = rng.uniform(0.12, 0.7) if is_human else float(np.clip(rng.lognormal(np.log(0.35), 0.5), 0.08, 1.2))
            parts += ([np.zeros(int(pause * s.RATE))] if index else []) + [s.say(who, clause)]
    if change:
        parts = [s.other_talker(x, np.random.default_rng(seed)) for x in parts]
    return who, np.concatenate(parts)


def recorded(rng, is_human):
    """(talker, speech) of a recorded talker: a short remark of a person, or prompts put together as a mailbox does."""
    talker = s.pick(rng, s.TALKERS)
    if is_human:
        count = 1 if rng.random() < 0.75 else 2
        files = [s.pick(rng, s.prompts(talker, 0.35, 1.9 if rng.random() < 0.8 else 3.0)) for _ in range(count)]
    elif rng.random() < 0.5:
        names = ["vm-theperson"] + [f"digits/{int(d)}" for d in rng.integers(0, 10, int(rng.integers(2, 6)))] + [
            s.pick(rng, ("vm-isunavail", "vm-isonphone")), "vm-intro"]
        if rng.random() < 0.4:
            names = [s.pick(rng, ("vm-nobodyavail", "vm-isunavail")), "vm-intro"]
        files = [f"{s.SOUNDS}/{talker}/{name}.wav" for name in names]
        files = [path for path in files if os.path.exists(path)]
    else:
        files = [s.pick(rng, s.prompts(talker, 1.8, 12.0)) for _ in range(int(rng.integers(1, 4)))]
    change, seed = rng.random() < 0.8, int(rng.integers(0, 2 ** 31))
    parts = []
    for path in files:
        x = s.read(path)
        spans = s.intervals(s.speech_mask(x))
        x = x[max(0, spans[0][0] - 240):spans[-1][1] + 400] if spans else x
        x = s.other_talker(x, np.random.default_rng(seed)) if change else x
        parts += [s.to_level(x, -23), np.zeros(int(rng.uniform(0.04, 0.5) * s.RATE))]
    return talker, np.concatenate(parts[:-1])


def answer_scene(rng, make):
    """(scene, facts). `make(n)` makes an empty scene of n samples."""
    kind = s.pick(rng, KINDS)
    is_human = kind == "human"
    if rng.random() < (0.22 if is_human else 0.3):
        who, x = recorded(rng, is_human)
    else:
        who, x = spoken(rng, kind)
    lead = float(s.pick(rng, (rng.uniform(0.02, 0.5), rng.uniform(0.3, 1.5), rng.uniform(1, 3.5))))
    x = s.to_level(x, float(rng.uniform(-32, -15)))
    x = x[:16 * s.RATE]
    n = (int(lead * s.RATE) + len(x) + 12 * s.RATE) // s.HOP * s.HOP
    scene, place = make(n), int(lead * s.RATE)
    facts = dict(kind=kind, human=is_human, voice=who, lead=lead)
    if kind == "unavailable" and rng.random() < 0.4:
        y = s.sit(rng) * s.gain(float(rng.uniform(-22, -8)))
        scene.x[place:place + len(y)] += y
        place += len(y) + int(rng.uniform(0.05, 0.6) * s.RATE)
    start = place
    place = scene.talk(place, x)
    facts["greeting"] = (start, place)
    if is_human:
        place += int(rng.uniform(1.0, 3.0) * s.RATE)
        if rng.random() < 0.35:
            y = recorded(rng, True)[1] if who in s.TALKERS else s.say(who, "Hello?")
            place = scene.talk(place, s.to_level(y, -23)) + int(rng.uniform(0.8, 2.0) * s.RATE)
    elif kind == "voicemail" and rng.random() < 0.85:
        place += int(float(s.pick(rng, (0, rng.uniform(0.03, 0.4), rng.uniform(0.3, 1.5), rng.uniform(1.2, 3.5)))) * s.RATE)
        y = s.beep(rng)[1] * s.gain(float(np.clip(rng.normal(-17, 7), -38, -4)))
        place = scene.add_beep(place, np.clip(y, -1, 1)) + int(rng.uniform(0.8, 2.5) * s.RATE)
    else:
        place += int(rng.uniform(1.0, 3.0) * s.RATE)
    m = min(place, n) // s.HOP * s.HOP
    scene.x, scene.speech, scene.beep = scene.x[:m], scene.speech[:m // s.HOP], scene.beep[:m // s.HOP]
    level = float(rng.choice([-83, -58, -48, -41, -35, -31], p=[0.25, 0.2, 0.2, 0.15, 0.12, 0.08]))
    if not is_human and rng.random() < 0.1:
        scene.x += s.recorded_music(m, rng) * s.gain(float(rng.uniform(-52, -38)))
    if is_human and rng.random() < 0.2:
        scene.x += s.babble(m, rng, list(s.TALKERS), 4) * s.gain(float(rng.uniform(-52, -38)))
    scene.x += s.noise(s.pick(rng, s.NOISES), m, rng) * s.gain(level)
    facts["noise"] = level
    return scene, facts
