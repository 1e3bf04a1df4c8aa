"""Voice-activity clips: recorded prompts of one talker laid over a known background, about 40 % of
the time speech.

The truth is `mask`, one character a 10 ms hop: 1 speech, 0 none, x what nobody is judged by: within
40 ms of a border, and in prompts what does not stand out of the noise that was recorded with them.
It comes from the clean recording, so nothing that is added can move it. `mask_level` is the simpler
truth of a level alone, for which recorded hiss between two words is speech.
"""

import numpy as np

from . import lines, talkers, tones
from .audio import HOP, RATE, active_level, at_level, choose, hop_levels, ratio, speech_labels

BACKGROUNDS = {
    "seen": ("silence", "white", "pink", "car", "mains", "music", "tones", "babble"),
    "unseen": (
        "silence",
        "white",
        "traffic",
        "fan",
        "rain",
        "cutlery",
        "music",
        "tones",
        "babble",
        "gsm-buzz",
    ),
}
SNR_DB = (25, 15, 10, 5, 0)
#: Hops on both sides of a border.
UNJUDGED = 4
#: How far speech must stand out of the recording's own noise to be judged.
SURE_DB = 10.0
CODECS = {
    "seen": ("pcmu", "pcma"),
    "unseen": ("pcmu", "pcmu", "pcma", "amr7+pcmu", "gsm+pcma", "amr2+pcmu"),
}


def tone_bed(n, rng):
    """Network tones, digits and beeps one after the other; unit level while they sound."""
    x, at = np.zeros(n), int(0.2 * RATE)
    while at < n - RATE:
        chance = rng.random()
        if chance < 0.5:
            y, _ = tones.cadence(choose(rng, sorted(tones.CADENCES)), float(rng.uniform(1.5, 4)))
        elif chance < 0.8:
            y = tones.digit(choose(rng, sorted(tones.DIGITS)), float(rng.uniform(0.06, 0.5)))
        else:
            y = tones.beep(rng)[0]
        y = (y / (active_level(y) + 1e-9))[: n - at]
        x[at : at + len(y)] = y
        at += len(y) + int(rng.uniform(0.1, 0.8) * RATE)
    return x


def clip(rng, split, index, seconds):
    """(sound, facts) of clip `index`; talkers and backgrounds take turns, so every pair comes up
    equally often."""
    names, n = talkers.recorded(split), int(seconds * RATE)
    name = names[index % len(names)]
    background = BACKGROUNDS[split][index // len(names) % len(BACKGROUNDS[split])]
    snr = choose(rng, SNR_DB)
    speech, mask, unsure = np.zeros(n), np.zeros(n // HOP, bool), np.zeros(n // HOP, bool)
    sure_db = talkers.noise_floor(name) + SURE_DB
    at = int(rng.uniform(0.3, 2.5) * RATE) // HOP * HOP
    while at < n - RATE:
        x = at_level(
            talkers.read_prompt(choose(rng, talkers.prompts(name, 0.6, 12.0))),
            float(rng.uniform(-27, -19)),
        )[: n - at]
        speech[at : at + len(x)] = x
        labels = speech_labels(x)[: len(mask) - at // HOP]
        mask[at // HOP : at // HOP + len(labels)] |= labels
        unsure[at // HOP : at // HOP + len(labels)] |= labels & (
            hop_levels(x)[: len(labels)] < sure_db
        )
        at = (at + len(x) + int(rng.uniform(0.8, 5.0) * RATE)) // HOP * HOP
    level = ratio(-23 - snr)
    if background == "silence":
        under, snr = rng.standard_normal(n) * ratio(-75), None
    elif background == "music":
        under = lines.music(n, rng, split) * level
    elif background == "tones":
        under = tone_bed(n, rng) * level
        under[: len(mask) * HOP][np.repeat(mask, HOP)] *= 0.3  # mostly in the talker's pauses
    elif background == "babble":
        snr = max(snr, 10)
        other = [t for t in names if talkers.person(t) != talkers.person(name)]
        under = lines.babble(n, rng, other[index % len(other)], 6) * ratio(-23 - snr)
    else:
        under = lines.noise(background, n, rng) * level
    way = choose(rng, CODECS[split])
    loss = float(rng.choice([0, 0.02, 0.05], p=[0.6, 0.25, 0.15]))
    conceal = "zero" if rng.random() < 0.5 else "repeat"
    y = lines.lossy(lines.codec(way, np.clip(speech + under, -1, 1)), loss, rng, conceal)
    level_truth = np.where(mask, "1", "0")
    for border in np.flatnonzero(np.diff(mask.astype(int))) + 1:
        level_truth[max(0, border - UNJUDGED) : border + UNJUDGED] = "x"
    truth = np.where(unsure, "x", level_truth)
    return y, dict(
        speaker=name,
        fold_voice=talkers.person(name),
        lang=talkers.TALKERS[name].language,
        background=background,
        snr_db=snr,
        codec=way,
        loss=loss,
        conceal=conceal if loss else None,
        mask="".join(truth),
        mask_level="".join(level_truth),
    )
