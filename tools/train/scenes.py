#!/usr/bin/env python3
"""Builds labelled training scenes: people, machines, tones, music and noise on telephone lines.

  scenes.py OUT --minutes M [--seed N] [--kind talk|calls|sounds|beeps|tonal|answers]

OUT gets NAME.raw (16 bits, 8 kHz), NAME.npz with one value a 10 ms hop (speech: 1, 0, or -1 where nobody may judge; beep:
1 while a voicemail beep sounds, 2 where nobody may judge) and facts.jsonl. Labels come from the clean parts before noise, codec and loss.

  talk    one recorded talker over a known background, pauses of 0.5 to 5 s      (voice activity)
  calls   openings of calls: a person, a mailbox with its beep, a menu, an intercept
  sounds  what must not be taken for a beep or for speech
  beeps   beeps after a few words or alone in noise                              (tonal.py)
  answers people and machines at the beginning of calls                          (answers.py)
  tonal   whistles, tunes, singing, rhythms, steady tones                        (tonal.py)
"""
import argparse
import json
import os

import numpy as np

import answers
import network
import phrases
import sound as s
import texts
import tonal

KINDS = ("talk", "calls", "sounds", "beeps", "tonal", "answers")
PAD = 4                       # hops on both sides of a border of speech that are not judged


def pick(rng, choices):
    return s.pick(rng, choices)


class Scene:
    def __init__(self, n):
        self.x = np.zeros(n)
        self.speech = np.zeros(n // s.HOP, np.int8)
        self.beep = np.zeros(n // s.HOP, np.int8)

    def talk(self, place, x):
        """Adds clean speech; returns where it ends."""
        place -= place % s.HOP
        x = x[:max(0, len(self.x) - place)]
        self.x[place:place + len(x)] += x
        mask, first = s.speech_mask(x), place // s.HOP
        here = self.speech[first:first + len(mask)]
        here[mask[:len(here)]] = 1
        return place + len(x)

    def add_beep(self, place, x):
        x = x[:max(0, len(self.x) - place)]
        self.x[place:place + len(x)] += x
        self.beep[int(round(place / s.HOP)):int(round((place + len(x)) / s.HOP))] = 1
        return place + len(x)

    def labels(self):
        speech = self.speech.copy()
        for edge in np.flatnonzero(np.diff(self.speech)) + 1:
            speech[max(0, edge - PAD):edge + PAD] = -1
        return speech


def background(n, rng, talker, mask):
    """(name, unit-level sound) to lay under a talker."""
    kind = pick(rng, ("silence", "noise", "noise", "noise", "music", "music", "tones", "babble", "mixed"))
    if kind == "silence":
        return kind, rng.standard_normal(n) * s.gain(float(rng.uniform(-85, -60))), True
    if kind == "music":
        return kind, (s.recorded_music if rng.random() < 0.6 else s.synthetic_music)(n, rng), False
    if kind == "tones":
        x = tones(n, rng)
        if rng.random() < 0.7:
            x[np.repeat(mask == 1, s.HOP)[:n]] *= 0.3
        return kind, x, False
    if kind == "babble":
        others = [t for t in s.TALKERS if t != talker] or list(s.TALKERS)
        return kind, s.babble(n, rng, others, int(rng.integers(3, 9))), False
    x = s.noise(pick(rng, s.NOISES), n, rng)
    if kind == "mixed":
        x = s.unit(x + float(rng.uniform(0.3, 1.5)) * s.noise(pick(rng, s.NOISES), n, rng))
    return kind, x, False


def tones(n, rng):
    """Network tones, digits and beeps with pauses; unit level while they sound."""
    x, place = np.zeros(n), int(0.2 * s.RATE)
    while place < n - s.RATE:
        chance = rng.random()
        if chance < 0.45:
            y = s.cadence(pick(rng, sorted(s.CADENCES)), float(rng.uniform(1.0, 5.0)), rng)
        elif chance < 0.7:
            y = s.tone(list(s.DTMF[pick(rng, sorted(s.DTMF))]), float(rng.uniform(0.05, 0.6)))
        elif chance < 0.8:
            y = s.sit(rng)
        elif chance < 0.87:
            y = s.sung(int(rng.uniform(1, 3) * s.RATE), rng)
        else:
            y = s.beep(rng)[1]
        y = y / s.active_rms(y)
        m = min(len(y), n - place)
        x[place:place + m] = y[:m]
        place += m + int(rng.uniform(0.1, 1.0) * s.RATE)
    return x


def talk_scene(rng, seconds):
    n = int(seconds * s.RATE)
    scene, talker = Scene(n), pick(rng, s.TALKERS)
    files, place = s.prompts(talker, 0.6, 12.0), int(rng.uniform(0.2, 2.5) * s.RATE)
    change, step = rng.random() < 0.85, int(rng.integers(0, 2 ** 31))
    synthetic = answers.voice(rng, language := pick(rng, ("en", "en", "en") + phrases.LANGUAGES)) if rng.random() < 0.3 else None
    while place < n - s.RATE:
        if synthetic:
            x = s.say(synthetic, " ".join(pick(rng, (phrases.human, phrases.voicemail, phrases.menu))(rng, language)))
        else:
            x = s.read(pick(rng, files))
        if change:             # the same other person all through the scene
            x = s.other_talker(x, np.random.default_rng(step))
        x = s.to_level(x, float(rng.uniform(-28, -18)))
        place = scene.talk(place, x) + int(rng.uniform(0.5, 5.0) * s.RATE)
    name, under, quiet = background(n, rng, talker, scene.speech)
    snr = None if quiet else float(rng.choice([rng.uniform(-3, 12), rng.uniform(5, 30)]))
    if name == "babble":
        snr = max(snr, 6.0)
    scene.x += under if quiet else under * s.gain(-23 - snr)
    return scene, dict(kind="talk", background=name, snr=snr, talker=talker)


def speak(rng, table):
    """(language, voice, clean speech) of a sentence by a synthetic talker, changed into another half of the time."""
    language = "en" if rng.random() < 0.7 else pick(rng, ("es", "fr", "de", "pt"))
    voice, text = pick(rng, s.VOICES[language]), pick(rng, table[language])
    x = s.say(voice, text)
    if rng.random() < 0.6:
        x = s.other_talker(x, rng)
    return language, voice, x


def mailbox_prompts(rng):
    """The greeting of an Asterisk mailbox, put together from prompts as it does."""
    talker = pick(rng, [t for t in s.TALKERS if t.startswith(("en", "it", "es", "fr"))])
    names = ["vm-theperson"] + [f"digits/{int(d)}" for d in rng.integers(0, 10, int(rng.integers(3, 6)))] + [
        pick(rng, ("vm-isunavail", "vm-isonphone")), "vm-intro"]
    if rng.random() < 0.3:
        names = ["vm-nobodyavail", "vm-intro"]
    parts = []
    for name in names:
        path = f"{s.SOUNDS}/{talker}/{name}.wav"
        if os.path.exists(path):
            parts += [s.to_level(s.read(path), -22), np.zeros(int(0.06 * s.RATE))]
    return talker, np.concatenate(parts) if parts else s.say("flite:slt", "Please leave a message.")


def call_scene(rng):
    kind = pick(rng, ("voicemail",) * 5 + ("human",) * 4 + ("intercept", "ivr", "takeover"))
    facts, lead = dict(kind=kind, ready=None), float(rng.uniform(0.05, 2.0))
    n = int((lead + 34) * s.RATE)
    scene, place = Scene(n), int(lead * s.RATE)
    facts["lead"] = lead
    if kind == "human":
        _, voice, x = speak(rng, texts.HUMAN)
        place = scene.talk(place, s.to_level(x, float(rng.uniform(-30, -16))))
        facts["greeting"] = (int(lead * s.RATE), place)
        place += int(rng.uniform(1.2, 2.6) * s.RATE)
        if rng.random() < 0.4:
            place = scene.talk(place, s.to_level(s.say(voice, pick(rng, texts.HUMAN["en"][:8])), -22))
        place += int(rng.uniform(1.5, 3) * s.RATE)
    elif kind in ("intercept", "ivr"):
        if kind == "intercept" and rng.random() < 0.6:
            x = s.sit(rng) * s.gain(float(rng.uniform(-20, -8)))
            scene.x[place:place + len(x)] += x
            place += len(x) + int(rng.uniform(0.05, 0.6) * s.RATE)
        x = s.to_level(speak(rng, texts.INTERCEPT if kind == "intercept" else texts.IVR)[2], float(rng.uniform(-28, -17)))
        start = place
        place = scene.talk(place, x)
        facts["greeting"] = (start, place)
        place += int(1.5 * s.RATE)
        if rng.random() < 0.3:
            place = scene.talk(place, x)
    else:
        if rng.random() < 0.3:
            x = mailbox_prompts(rng)[1]
            x = s.other_talker(x, rng) if rng.random() < 0.5 else x
        else:
            x = speak(rng, texts.VOICEMAIL)[2]
        x = s.to_level(x, float(rng.uniform(-28, -17)))
        if rng.random() < 0.12:
            x = x + s.recorded_music(len(x), rng) * s.gain(float(rng.uniform(-48, -36)))
        start = place
        place = scene.talk(place, x)
        facts["greeting"] = (start, place)
        if rng.random() < 0.9:
            place += int(pick(rng, (0.0, float(rng.uniform(0.03, 0.4)), float(rng.uniform(0.4, 1.5)), float(rng.uniform(1.5, 4)))) * s.RATE)
            beep_kind, y = s.beep(rng)
            place = scene.add_beep(place, np.clip(y * s.gain(float(np.clip(rng.normal(-17, 7), -38, -4))), -1, 1))
            facts.update(ready=place, beep=beep_kind)
        place += int(rng.uniform(1.0, 4.0) * s.RATE)
    m = min(place, n) // s.HOP * s.HOP
    scene.x, scene.speech, scene.beep = scene.x[:m], scene.speech[:m // s.HOP], scene.beep[:m // s.HOP]
    level = float(rng.choice([-83, -58, -48, -41, -35, -30], p=[0.25, 0.2, 0.2, 0.15, 0.12, 0.08]))
    scene.x += s.noise(pick(rng, s.NOISES), m, rng) * s.gain(level)
    if kind == "human" and rng.random() < 0.25:
        scene.x += s.babble(m, rng, list(s.TALKERS), 4) * s.gain(float(rng.uniform(-50, -38)))
    facts["noise"] = level
    return scene, facts


def sound_scene(rng, seconds):
    """No beep of a mailbox is in it, and no speech but where it says so."""
    n = int(seconds * s.RATE)
    scene = Scene(n)
    kind = pick(rng, ("music", "music", "progress", "progress", "progress", "dtmf", "sung", "sung", "sung", "noise", "speech", "sit"))
    if kind == "music":
        scene.x += (s.recorded_music if rng.random() < 0.4 else s.synthetic_music)(n, rng) * s.gain(float(rng.uniform(-30, -12)))
    elif kind == "progress":
        name = pick(rng, sorted(s.CADENCES))
        scene.x += s.cadence(name, seconds, rng) * s.gain(float(rng.uniform(-24, -6)))
        kind = name
    elif kind == "dtmf":
        place = int(0.4 * s.RATE)
        while place < n - s.RATE:
            low, high = s.DTMF[pick(rng, sorted(s.DTMF))]
            y = s.tone([low, high], float(rng.uniform(0.04, 0.8)), levels=[1, float(rng.uniform(0.6, 1.5))]) * s.gain(float(rng.uniform(-20, -3)))
            scene.x[place:place + len(y)] += y[:n - place]
            place += len(y) + int(rng.uniform(0.04, 1.2) * s.RATE)
    elif kind == "sung":
        scene.x += s.sung(n, rng)
    elif kind == "noise":
        scene.x += s.noise(pick(rng, s.NOISES), n, rng) * s.gain(float(rng.uniform(-45, -15)))
    elif kind == "sit":
        place = 0
        while place < n - 2 * s.RATE:
            y = s.sit(rng) * s.gain(float(rng.uniform(-22, -6)))
            scene.x[place:place + len(y)] += y
            place += len(y) + int(rng.uniform(0.3, 6) * s.RATE)
    else:
        place = int(0.2 * s.RATE)
        while place < n - s.RATE:
            y = s.read(pick(rng, s.prompts(pick(rng, s.TALKERS), 0.6, 20.0)))
            y = s.other_talker(y, rng) if rng.random() < 0.7 else y
            place = scene.talk(place, s.to_level(y, float(rng.uniform(-30, -15)))) + int(rng.uniform(0.1, 1.2) * s.RATE)
    scene.x += s.noise(pick(rng, s.NOISES), n, rng) * s.gain(float(rng.uniform(-85, -38)))
    return scene, dict(kind=kind)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=KINDS, default="talk")
    parser.add_argument("--talkers", help="only these recorded talkers, a comma between them: to see how others fare")
    options = parser.parse_args()
    os.makedirs(options.out, exist_ok=True)
    if options.talkers:
        s.TALKERS = tuple(options.talkers.split(","))
    done, index = 0.0, 0
    with open(f"{options.out}/facts.jsonl", "w") as facts_file:
        while done < options.minutes * 60:
            rng = np.random.default_rng([options.seed, KINDS.index(options.kind), index])
            if options.kind == "talk":
                scene, facts = talk_scene(rng, 20.0)
            elif options.kind == "calls":
                scene, facts = call_scene(rng)
            elif options.kind == "answers":
                scene, facts = answers.answer_scene(rng, Scene)
            elif options.kind in ("beeps", "tonal"):
                scene = Scene(20 * s.RATE)
                facts = (tonal.beep_scene if options.kind == "beeps" else tonal.tonal_scene)(rng, scene, 20.0)
            else:
                scene, facts = sound_scene(rng, 20.0)
            facts["codec"] = pick(rng, network.CODECS)
            x = network.losses(network.codec(facts["codec"], np.clip(network.line(scene.x, rng), -1, 1)), rng)
            name = f"{options.kind}{options.seed}-{index:05d}"
            s.pcm(x).tofile(f"{options.out}/{name}.raw")
            speech = scene.labels()
            if facts["kind"] in ("sung", "whistle"):
                speech[:] = -1
            np.savez(f"{options.out}/{name}.npz", speech=speech, beep=scene.beep)
            facts_file.write(json.dumps(dict(facts, id=name, seconds=len(x) / s.RATE)) + "\n")
            done += len(x) / s.RATE
            index += 1
    print(f"{options.out}: {index} scenes, {done / 60:.1f} min")


if __name__ == "__main__":
    main()
