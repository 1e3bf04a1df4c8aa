"""Builds labelled telephone audio: openings of calls, voice-activity scenes, and digits.

  build openings OUT [--split seen|unseen] [--seed N] [--size N] [--minutes M]
  build voice    OUT [--split seen|unseen] [--seed N] [--clips N] [--seconds S]
  build digits   OUT [--seed N]

OUT gets wav/ID.wav (8 kHz, 16 bits, after codec and loss) and truth.jsonl. The same seed gives the
same bytes on the same packages. `seen` has the talkers, voices, music and noises that tools/train
may learn from, `unseen` has none of them. `--size` is the number of voicemails and of people; the
rarer groups follow from it. `--minutes`: sound without a beep.
"""

import argparse
import json
import pathlib

import numpy as np

from . import digits, openings, scenes
from .audio import RATE, write_wav


class Corpus:
    """The files of one corpus, written as they come."""

    def __init__(self, out):
        self.out = pathlib.Path(out)
        (self.out / "wav").mkdir(parents=True, exist_ok=True)
        self.truth = open(self.out / "truth.jsonl", "w", encoding="utf-8")
        self.count, self.seconds = 0, 0.0

    def write(self, name, x, facts):
        write_wav(self.out / "wav" / f"{name}.wav", x)
        self.truth.write(
            json.dumps(dict(id=name, seconds=round(len(x) / RATE, 3), **facts), ensure_ascii=False)
            + "\n"
        )
        self.count += 1
        self.seconds += len(x) / RATE

    def close(self, **facts):
        self.truth.close()
        facts.update(files=self.count, minutes=round(self.seconds / 60, 1))
        (self.out / "corpus.json").write_text(json.dumps(facts) + "\n")
        print(json.dumps(facts))


def build_openings(options):
    corpus, split = Corpus(options.out), options.split
    groups = [
        ("voicemail", openings.voicemail, options.size),
        ("human", openings.human, options.size),
        ("intercept", lambda r, s: openings.spoken(r, s, "intercept"), options.size // 6),
        ("ivr", lambda r, s: openings.spoken(r, s, "ivr"), options.size // 6),
        ("screening", lambda r, s: openings.spoken(r, s, "screening"), options.size // 12),
        ("voicemail", openings.takeover, options.size // 12),
    ]
    for number, (group, make, count) in enumerate(groups):
        for index in range(count):
            # Each file has a generator of its own: one file more or less changes no other.
            rng = np.random.default_rng([options.seed, number, index])
            opening, facts = make(rng, split)
            x, line = openings.channel(opening.sound(), rng, split)
            corpus.write(
                f"{split[0]}{number}{index:04d}",
                x,
                dict(
                    facts,
                    group=group,
                    channel=line,
                    events=opening.events,
                    fold_voice=facts["voice"].partition("@")[0],
                ),
            )
    number, index = len(groups), 0
    for kind, share in openings.SHARES.items():
        left = options.minutes * 60 * share
        while left > 0:
            seconds = min(60.0, max(left, 10.0))
            rng = np.random.default_rng([options.seed, number, index])
            opening, facts = openings.negative(rng, split, kind, seconds)
            x, line = openings.channel(opening.sound(), rng, split)
            corpus.write(
                f"{split[0]}{number}{index:04d}",
                x,
                dict(facts, group="negative", channel=line, events=opening.events),
            )
            left -= seconds
            index += 1
    corpus.close(kind="openings", split=split, seed=options.seed)


def build_voice(options):
    corpus = Corpus(options.out)
    for index in range(options.clips):
        rng = np.random.default_rng([options.seed, 100, index])
        x, facts = scenes.clip(rng, options.split, index, options.seconds)
        corpus.write(f"{options.split[0]}v{index:04d}", x, facts)
    corpus.close(kind="voice", split=options.split, seed=options.seed)


def build_digits(options):
    corpus = Corpus(options.out)
    for index, (test, value, x, expected, must) in enumerate(digits.cases(options.seed)):
        corpus.write(f"d{index:04d}", x, dict(test=test, value=value, expect=expected, must=must))
    for index, (name, x) in enumerate(digits.talk_off()):
        corpus.write(
            f"t{index:04d}",
            x,
            dict(
                test="talk-off " + name.partition(" ")[0],
                value=name.partition(" ")[2],
                expect="",
                must="reject",
            ),
        )
    corpus.close(kind="digits", seed=options.seed)


def main():
    parser = argparse.ArgumentParser(
        prog="build", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("openings", "voice", "digits"))
    parser.add_argument("out")
    parser.add_argument("--split", choices=("seen", "unseen"), default="unseen")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", type=int, default=240)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--clips", type=int, default=120)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    {"openings": build_openings, "voice": build_voice, "digits": build_digits}[options.what](
        options
    )


if __name__ == "__main__":
    main()
