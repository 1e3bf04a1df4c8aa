"""Cross-validation: the networks trained again without some talkers and some kinds of beeps, judged
on just those.

  crossval --python PYTHON [--tasks voice,beep] [--folds 3] [--minutes 120] [--epochs 12] [--only N]
  [--keep]

PYTHON has torch (tools/train/setup makes var/train/venv). Each fold leaves out one person of the
recorded ones and every third kind of beep: tools/train builds scenes without them and trains
`voice` and `beep`; the Swift that comes out goes into a copy of the package, whose chain then hears
the corpora of tools/eval, of which only what was left out is scored. Rules and thresholds stay as
they are. Results go to var/eval/results.json, for `run --report`.
"""

import argparse
import json
import shutil
import subprocess
import sys

from . import detector, main as evaluation, score, voice

ROOT = evaluation.ROOT
WORK = evaluation.HOME / "folds"
#: What the chain needs of the package.
COPIED = ("Package.swift", "Sources", "tools/bench/detect", "tools/bench/alloc", "tools/train")
#: One person each; Allison speaks two languages.
PERSONS = (
    ("allison", ("en_US_f_Allison", "es_MX_f_Allison")),
    ("june", ("fr_CA_f_June",)),
    ("menardi", ("it_IT_f_Menardi",)),
)

#: Runs a program of tools/train with what it may draw from made smaller: folder, kinds of beeps
#: left out, program, arguments.
PATCHED = """
import pathlib, runpy, sys
folder, left_out, program = sys.argv[1], sys.argv[2].split(","), sys.argv[3]
sys.path.insert(0, folder + "/tools/train")
import sound
sound.BEEPS = tuple(kind for kind in sound.BEEPS if kind not in left_out)
sys.argv = [program] + sys.argv[4:]
runpy.run_path(folder + "/tools/train/" + program, run_name="__main__")
"""


def kinds_of_fold(fold, folds, kinds):
    return [kind for index, kind in enumerate(sorted(kinds)) if index % folds == fold]


def train(options, fold, folder, left_out, talkers):
    """Scenes, rows, networks; writes into the copy's Sources/Detection/Data."""

    def program(name, *arguments):
        subprocess.run(
            [
                options.python,
                "-c",
                PATCHED,
                str(folder),
                ",".join(left_out),
                name,
                *map(str, arguments),
            ],
            check=True,
        )

    scenes = folder / "scenes"
    plan = {
        "voice": [("talk", 1.0)],
        "beep": [("calls", 0.5), ("sounds", 0.5)]
        + [
            (kind, share)
            for kind, share in (("beeps", 0.6), ("tonal", 1.0))
            if f'"{kind}"' in (folder / "tools/train/scenes.py").read_text()
        ],
    }
    rows = build(WORK / "rows", "tools/train/features")
    for task in options.tasks.split(","):
        kinds = plan[task]
        learn, check = [], []
        for kind, share in kinds:
            for words, seed, minutes in (
                (learn, 7001 + fold, options.minutes * share),
                (check, 7501 + fold, max(10, options.minutes * share / 8)),
            ):
                out = scenes / f"{kind}-{seed}"
                if not (out / "facts.jsonl").exists():
                    program(
                        "scenes.py",
                        out,
                        "--kind",
                        kind,
                        "--minutes",
                        minutes,
                        "--seed",
                        seed,
                        "--talkers",
                        ",".join(talkers),
                    )
                    files = "\n".join(map(str, sorted(out.glob("*.raw"))))
                    subprocess.run([rows / "earfeatures"], input=files, text=True, check=True)
                words.append(out)
        program(
            "train.py",
            task,
            "--scenes",
            *learn,
            "--check",
            *check,
            "--seeds",
            1,
            "--epochs",
            options.epochs,
        )


def build(folder, package):
    """Where the programs of a nested package of the copy in `folder` are, once they are built."""
    command = ["swift", "build", "-c", "release", "--package-path", package, "--jobs", "1"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / package / ".build" / "release"


def copy(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name in COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            # Of an earlier run: a link is not written over.
            for link in [path for path in target.rglob("*") if path.is_symlink()]:
                if ".build" not in link.parts:
                    link.unlink()
            shutil.copytree(
                source,
                target,
                dirs_exist_ok=True,
                symlinks=True,
                ignore=shutil.ignore_patterns(".build", "__pycache__"),
            )
        else:
            shutil.copy(source, target)


def main():
    parser = argparse.ArgumentParser(
        prog="crossval", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", required=True)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--only", type=int)
    parser.add_argument(
        "--tasks", default="voice,beep", help="which networks to train again; the others stay"
    )
    parser.add_argument(
        "--keep", action="store_true", help="leave the scenes of the folds where they are"
    )
    options = parser.parse_args()
    kept = json.loads(evaluation.KEPT.read_text()) if evaluation.KEPT.exists() else {}
    results = kept.get("crossval", {}).get("result", {})
    from corpus import tones

    copy(WORK / "rows")
    for fold in range(options.folds) if options.only is None else [options.only]:
        person, names = PERSONS[fold % len(PERSONS)]
        left_out = kinds_of_fold(
            fold, options.folds, set(tones.KINDS) - {"known", "short", "high", "low"}
        )
        talkers = [n for p, group in PERSONS if p != person for n in group]
        folder = WORK / str(fold)
        copy(folder)
        train(options, fold, folder, left_out, talkers)
        programs = build(folder, "tools/bench/detect")
        tried = judge(programs / "hear", person, left_out, options.tasks.split(","))
        results[str(fold)] = dict(
            results.get(str(fold), {}), person=person, kinds=left_out, **tried
        )
        print(fold, results[str(fold)], flush=True)
        # Other sections may have been measured meanwhile.
        kept = json.loads(evaluation.KEPT.read_text()) if evaluation.KEPT.exists() else {}
        kept["crossval"] = dict(result=results, **evaluation.facts())
        evaluation.KEPT.write_text(json.dumps(kept))
        if not options.keep:
            shutil.rmtree(folder / "scenes", ignore_errors=True)


def judge(program, person, left_out, tasks):
    """Figures of what a fold left out."""
    tried = {}
    if "voice" in tasks:
        _, rows, files = evaluation.corpus("voice-seen", False)
        chosen = [(r, f) for r, f in zip(rows, files) if r["fold_voice"].startswith(person)]
        heard = detector.hear(program, [f for _, f in chosen], voice=True, plain=True)
        speech = voice.Result([r for r, _ in chosen], {i: h.voice for i, h in heard.items()}, 0)
        tried.update(area=speech.area, false=speech.false)
    if "beep" in tasks:
        found = total = 0
        for name in ("openings-seen", "openings-unseen"):
            _, rows, files = evaluation.corpus(name, False)
            chosen = [(r, f) for r, f in zip(rows, files) if r.get("fold_beep") in left_out]
            heard = detector.hear(program, [f for _, f in chosen], plain=True)
            beeps = score.Beeps(
                [r for r, _ in chosen], {i: h.times("beep") for i, h in heard.items()}
            )
            found, total = found + beeps.found["all"], total + beeps.total["all"]
        tried.update(found=found, total=total)
    return tried


if __name__ == "__main__":
    sys.exit(main())
