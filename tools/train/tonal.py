"""Scenes about tones: beeps after a few words or alone, and everything tonal that is no beep.

In a scene's `beep`, 1 is a beep and 2 is what nobody may judge: a beep below its noise, or the first burst of a rhythm,
which only what follows tells from a beep.
"""
import numpy as np

import sound as s

UNJUDGED = 2


def any_beep(rng):
    """(kind, audio of unit level): those of sound.beep, and now and then a very long or a very short one."""
    chance = rng.random()
    if chance < 0.05:
        f = float(np.exp(rng.uniform(np.log(380), np.log(3000))))
        x = s.tone([f], float(rng.uniform(1.5, 5.0)), float(rng.uniform(0.0005, 0.03)))
    elif chance < 0.09:
        f, g = sorted(rng.uniform(400, 2200, 2))
        seconds, rate = float(rng.uniform(0.3, 1.2)), float(rng.uniform(6, 14))
        t = np.arange(int(seconds * s.RATE)) / s.RATE
        g = min(g, f * 1.6)
        frequency = np.where(np.sin(2 * np.pi * rate * t) > 0, f, g)
        x = np.sin(2 * np.pi * np.cumsum(frequency) / s.RATE)
    elif chance < 0.13:        # a nearly square wave, as old machines and cheap sounders make it
        f = float(np.exp(rng.uniform(np.log(380), np.log(1800))))
        t = np.arange(int(float(rng.uniform(0.1, 0.9)) * s.RATE)) / s.RATE
        x = sum(np.sin(2 * np.pi * k * f * t) / k ** float(rng.uniform(0.9, 2)) for k in range(1, 8, 2 if rng.random() < 0.6 else 1)
                if k * f < 3700)
    elif chance < 0.16:        # three or four quick pulses
        f = float(np.exp(rng.uniform(np.log(380), np.log(2500))))
        one, gap = s.tone([f], float(rng.uniform(0.06, 0.12))), np.zeros(int(rng.uniform(0.03, 0.1) * s.RATE))
        x = np.concatenate([one, gap] * int(rng.integers(2, 5)))[:-len(gap)]
    else:
        return s.beep(rng)
    return "other", x / (np.sqrt(np.mean(x ** 2)) + 1e-9)


def words(rng, seconds):
    """A few seconds of a recorded talker, changed into somebody else most of the time."""
    x = s.read(s.pick(rng, s.prompts(s.pick(rng, s.TALKERS), 0.5, 8.0)))[:int(seconds * s.RATE)]
    x = s.other_talker(x, rng) if rng.random() < 0.8 else x
    return s.to_level(x, float(rng.uniform(-30, -16)))


def beep_scene(rng, scene, seconds):
    """Words, a pause, a beep, and so on; sometimes tones alone in noise."""
    n, place = len(scene.x), int(rng.uniform(0.05, 1.0) * s.RATE)
    alone = rng.random() < 0.25
    noise = float(rng.choice([-83, -58, -48, -41, -35, -30, -25], p=[0.2, 0.2, 0.15, 0.15, 0.12, 0.1, 0.08]))
    under = s.noise(s.pick(rng, s.NOISES + ("white", "coloured")), n, rng)
    if rng.random() < 0.1:
        under = s.unit(under + s.synthetic_music(n, rng) if rng.random() < 0.5 else s.babble(n, rng, s.TALKERS, 4))
    while place < n - s.RATE:
        if not alone:
            place = scene.talk(place, words(rng, float(rng.uniform(0.6, 4.0))))
        place += int(float(s.pick(rng, (0.0, rng.uniform(0.02, 0.4), rng.uniform(0.3, 1.5), rng.uniform(1, 3)))) * s.RATE)
        _, y = any_beep(rng)
        level = float(np.clip(rng.normal(-18, 8), -40, -3))
        y = np.clip(y * s.gain(level), -1, 1)[:max(0, n - place)]
        if len(y) < 600:
            break
        end = scene.add_beep(place, y)
        if level - noise < 2:
            scene.beep[place // s.HOP:end // s.HOP + 1] = UNJUDGED
        place = end + int(rng.uniform(0.5, 3.0) * s.RATE)
    scene.x += under * s.gain(noise)
    return dict(kind="beeps", alone=alone, noise=noise)


def whistled(n, rng):
    """A person's whistle: sliding, trembling, breathy notes of 500 to 3000 Hz."""
    out = np.zeros(n)
    place, pitch = int(rng.uniform(0, 0.5) * s.RATE), float(rng.uniform(np.log2(550), np.log2(2400)))
    breath = float(rng.uniform(0.005, 0.2))
    while place < n - 2000:
        count = int(float(rng.uniform(0.08, 1.3)) * s.RATE)
        t = np.arange(count) / s.RATE
        target = float(np.clip(pitch + rng.normal(0, 0.25), np.log2(450), np.log2(3000)))
        path = pitch + (target - pitch) * np.minimum(1, t / float(rng.uniform(0.02, 0.2)))
        knots = np.arange(0, count + 400, 400)
        drift = np.interp(np.arange(count), knots, np.cumsum(rng.normal(0, 0.003, len(knots))))
        tremble = rng.uniform(0, 0.012) * (rng.random() < 0.7) * np.sin(2 * np.pi * rng.uniform(4, 8) * t)
        x = np.sin(2 * np.pi * np.cumsum(2 ** (path + drift + tremble)) / s.RATE) + breath * rng.standard_normal(count)
        swell = 1 + float(rng.uniform(0, 0.3)) * np.sin(2 * np.pi * rng.uniform(1, 7) * t)
        edge = np.minimum(1, np.minimum(t / rng.uniform(0.01, 0.08), (t[-1] - t + 1e-3) / rng.uniform(0.015, 0.12)))
        x = s.to_level(x * swell * edge, float(rng.uniform(-28, -10)))[:n - place]
        out[place:place + len(x)] = x
        place, pitch = place + len(x) + int(max(0, rng.uniform(-0.2, 0.35)) * s.RATE), target
    return out


def melody(n, rng):
    """Notes of one plain voice on a scale: a child's keyboard, a ring tone, a hummed tune, a music box."""
    out, place = np.zeros(n), int(rng.uniform(0, 0.4) * s.RATE)
    scale = (0, 2, 4, 5, 7, 9, 11) if rng.random() < 0.6 else (0, 2, 3, 5, 7, 8, 10)
    root, beat = float(rng.uniform(150, 900)), float(rng.uniform(0.12, 0.7))
    partials = [1.0] + [float(v) for v in rng.uniform(0, 1, 4) * float(rng.choice([0.02, 0.1, 0.3, 0.8]))]
    decay, attack, gap = float(rng.choice([0.15, 0.4, 1, 9])), float(rng.uniform(0.002, 0.06)), float(rng.uniform(0, 0.25))
    shake, level = float(rng.uniform(0, 0.01)) * (rng.random() < 0.5), float(rng.uniform(-28, -10))
    step = int(rng.integers(0, 8))
    while place < n - 1600:
        step = int(np.clip(step + rng.integers(-3, 4), 0, 13))
        f = root * 2 ** (scale[step % 7] / 12 + step // 7)
        length = beat * float(rng.choice([0.5, 1, 1, 1, 2, 3]))
        count = min(int(length * s.RATE), n - place)
        t = np.arange(count) / s.RATE
        phase = 2 * np.pi * f * (t + shake * np.sin(2 * np.pi * 5.5 * t) / 35)
        x = sum(p * np.sin((k + 1) * phase) for k, p in enumerate(partials) if f * (k + 1) < 3800)
        x = x * np.minimum(1, t / attack) * np.exp(-t / decay) * np.minimum(1, (t[-1] - t + 1e-3) / 0.02) if count > 200 else np.zeros(count)
        out[place:place + count] += s.to_level(x, level + float(rng.normal(0, 2))) if count > 200 else 0
        place += count + int(gap * beat * s.RATE)
    return out


def rhythm(rng, scene):
    """A network's tone with frequencies and times of no country in particular; its first burst is not judged."""
    n = len(scene.x)
    f = [float(rng.uniform(300, 1000))]
    if rng.random() < 0.4:
        f.append(f[0] + float(rng.uniform(25, 180)))
    on, off = float(rng.uniform(0.1, 1.5)), float(rng.uniform(0.1, 3.0))
    level, place, first = float(rng.uniform(-26, -8)), int(rng.uniform(0.1, 1) * s.RATE), True
    while place < n - 400:
        y = s.tone(f, on)[:n - place] * s.gain(level) * 1.4
        scene.x[place:place + len(y)] += y
        if first:
            scene.beep[place // s.HOP:(place + len(y)) // s.HOP + 15] = UNJUDGED
            first = False
        place += len(y) + int(off * s.RATE)


def tonal_scene(rng, scene, seconds):
    """What is tonal and no beep."""
    kind = s.pick(rng, ("whistle", "whistle", "melody", "melody", "sung", "sung", "sung", "rhythm", "steady", "echo"))
    n = len(scene.x)
    if kind == "whistle":
        scene.x += whistled(n, rng)
    elif kind == "melody":
        scene.x += melody(n, rng)
    elif kind == "sung":
        scene.x += s.sung(n, rng)
    elif kind == "rhythm":
        rhythm(rng, scene)
    elif kind == "steady":     # hum, hold tones, feedback: longer than any beep
        f = float(np.exp(rng.uniform(np.log(200), np.log(3000))))
        t = np.arange(n) / s.RATE
        scene.x += np.sin(2 * np.pi * f * t) * s.gain(float(rng.uniform(-40, -8)))
    else:                      # words over a tune
        place = int(0.2 * s.RATE)
        while place < n - s.RATE:
            place = scene.talk(place, words(rng, 6)) + int(rng.uniform(0.1, 1) * s.RATE)
        scene.x += melody(n, rng) * s.gain(float(rng.uniform(-15, 0)))
    scene.x += s.noise(s.pick(rng, s.NOISES), n, rng) * s.gain(float(rng.uniform(-85, -36)))
    return dict(kind=kind)
