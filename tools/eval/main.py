"""Measures `trunkline detect` and the baselines on labelled audio, and writes docs/DETECTION.md.

  run [--sections openings,voice,digits,sweeps,cost] [--quick] [--write]
  run --corpus DIR [--export OUT]   score any corpus in the same format, print the figures
  run --report                      only write the document again from what was measured

Corpora are built under var/eval when they are not there, results are kept in var/eval/results.json.
`--write` puts tables and pictures into docs/. `--export OUT` leaves what other scorers read:
OUT/beeps.txt with "<id> <seconds>" a line, and OUT/scores/<id>.txt and .npy with one voice score a
10 ms hop.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import time

import numpy as np

from corpus.audio import read_wav

from . import detector, digits, hints, noise, openings, plots, report, score, sweeps, voice

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "var" / "eval"
KEPT = HOME / "results.json"
PICTURES = ROOT / "docs" / "detection"
#: Corpora: what to build, and with which options; the quick ones are for trying things out.
CORPORA = {
    "openings-unseen": ("openings", ["--seed", "11", "--size", "240", "--minutes", "80"]),
    "openings-seen": (
        "openings",
        ["--split", "seen", "--seed", "13", "--size", "120", "--minutes", "40"],
    ),
    "voice-unseen": ("voice", ["--seed", "12", "--clips", "160"]),
    "voice-seen": ("voice", ["--split", "seen", "--seed", "14", "--clips", "120"]),
    "digits": ("digits", ["--seed", "1"]),
}
QUICK = {
    "openings-unseen": ("openings", ["--seed", "21", "--size", "36", "--minutes", "12"]),
    "openings-seen": (
        "openings",
        ["--split", "seen", "--seed", "23", "--size", "24", "--minutes", "6"],
    ),
    "voice-unseen": ("voice", ["--seed", "22", "--clips", "40"]),
    "voice-seen": ("voice", ["--split", "seen", "--seed", "24", "--clips", "32"]),
    "digits": ("digits", ["--seed", "1"]),
}


def corpus(name, quick):
    """(folder, rows, files); built first when it is not there."""
    what, options = (QUICK if quick else CORPORA)[name]
    folder = HOME / (("quick-" if quick else "") + name)
    if not (folder / "corpus.json").exists():
        subprocess.run([ROOT / "tools/corpus/build", what, folder, *options], check=True)
    rows = detector.truth(folder)
    return folder, rows, detector.wavs(folder, rows)


def facts():
    model = next(
        (
            line.split(":")[1].strip()
            for line in open("/proc/cpuinfo")
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return dict(machine=f"{model}, {os.cpu_count()} cores", date=time.strftime("%Y-%m"))


def quantiles(values):
    return [round(score.quantile(values, p), 3) for p in (50, 95)]


def beep_figures(found):
    return dict(
        recall=found.recall(),
        total=found.total["all"],
        false=found.false_per_hour(),
        hours=found.seconds["all"] / 3600,
        parts={k: [found.found[k], found.total[k]] for k in sorted(found.total) if k != "all"},
        false_parts={
            k: [found.false[k], found.seconds[k] / 3600]
            for k in sorted(found.seconds)
            if k != "all"
        },
        after_start=quantiles(found.after_start),
        after_end=quantiles(found.after_end),
    )


def verdict_figures(sides):
    return dict(
        humans=sides.share("human"),
        machines=sides.share("machine"),
        human_total=sides.total["human"],
        machine_total=sides.total["machine"],
        delay=quantiles(sides.human_delay),
        time=quantiles(sides.time),
        parts={k: [sides.right[k], sides.total[k]] for k in sorted(sides.total)},
        confusion=[[*k, n] for k, n in sorted(sides.confusion.items())],
    )


def measure_openings(executable, options):
    results = {}
    for split in ("unseen", "seen"):
        folder, rows, files = corpus(f"openings-{split}", options.quick)
        heard = detector.hear(executable, files, jobs=options.jobs)
        found, sides = openings.beeps(rows, heard), openings.verdicts(rows, heard)
        ready, ends = openings.ready(rows, heard), openings.greeting_ends(rows, heard)
        results[split] = dict(
            beeps=beep_figures(found),
            verdicts=verdict_figures(sides),
            ready=quantiles([e for e in ready if e is not None]),
            ready_none=sum(e is None for e in ready),
            ready_total=len(ready),
            ready_early=sum(e is not None and e < -0.05 for e in ready),
            greeting_end=quantiles(np.abs(ends)),
            information=openings.information(rows, heard),
            minutes=sum(r["seconds"] for r in rows) / 60,
            files=len(rows),
            cost=1000
            * sum(h.cpu_seconds for h in heard.values())
            / sum(h.audio_seconds for h in heard.values()),
        )
        others = {}
        for name, words in (("avmd", "avmd's rule"), ("peak", "one steady line")):
            others[words] = score.Beeps(rows, openings.by_rule(name, files, options.jobs))
            results[split][name] = beep_figures(others[words])
        amd = score.Verdicts(rows, openings.by_rule("app_amd", files, options.jobs))
        results[split]["app_amd"] = verdict_figures(amd)
        if split == "unseen" and options.write:
            plots.beep_recall(PICTURES / "beeps.png", found, others)
            plots.confusion(PICTURES / "verdicts.png", sides)
            plots.timings(
                PICTURES / "timing.png",
                [
                    (
                        "beep known, after the tone's end",
                        {
                            "Trunkline": found.after_end,
                            **{k: b.after_end for k, b in others.items()},
                        },
                        (-1, 0.6),
                    ),
                    (
                        "verdict human, after the person stopped",
                        {"Trunkline": sides.human_delay, "app_amd's rule": amd.human_delay},
                        (-1, 3),
                    ),
                    (
                        "ready, after the beep's end",
                        {"Trunkline": [e for e in ready if e is not None]},
                        (-2, 2),
                    ),
                ],
            )
            plots.spectrograms(
                PICTURES / "worst-openings.png", worst_openings(folder, found, sides)
            )
        print(split, json.dumps({k: results[split][k] for k in ("ready", "greeting_end", "cost")}))
        report.say_openings(results[split])
    return results


def worst_openings(folder, found, sides):
    """Missed beeps, false beeps and wrong verdicts, at most two, two and four."""
    load = lambda row: read_wav(folder / "wav" / f"{row['id']}.wav")[0]
    cases = []
    for row, beep in found.missed[:2]:
        title = f"missed {beep['kind']} {beep['freqs']} Hz, {beep['level_dbfs']} dBFS, {row['channel']['noise']} {row['channel']['snr_db']:.0f} dB, {row['channel']['codec']}"
        cases.append(
            cut(load(row), beep["start"], title, {"lime": [(beep["start"], beep["end"], "beep")]})
        )
    for row, at in found.wrong[:2]:
        cases.append(
            cut(
                load(row),
                at,
                f"false beep in {row['kind']}, {row['channel']['codec']}",
                {"red": [(at - 0.02, at, "")]},
            )
        )
    for row, verdict, at in sides.wrong[:4]:
        x = load(row)[: 8 * 8000]
        talk = [
            (e["start"], e["end"], "")
            for e in row["events"]
            if e["type"] == "speech" and e["start"] < 8
        ]
        cases.append(
            (
                f"{row['kind']} ({row.get('lang')}, {row.get('voice')}) taken for {verdict} at {at:.1f} s",
                x,
                {"cyan": talk, "red": [(at, at + 0.02, "")] if at < 8 else []},
            )
        )
    return cases


def cut(x, at, title, spans, around=2.5):
    """A case of `spectrograms` of the seconds around `at`."""
    first = max(0.0, at - around)
    part = x[int(first * 8000) : int((at + around) * 8000)]
    return title, part, {c: [(a - first, b - first, w) for a, b, w in s] for c, s in spans.items()}


def measure_voice(executable, options):
    results, drawn = {}, None
    for split in ("unseen", "seen"):
        folder, rows, files = corpus(f"voice-{split}", options.quick)
        heard = detector.hear(executable, files, voice=True, jobs=options.jobs)
        cost = (
            1000
            * sum(h.cpu_seconds for h in heard.values())
            / sum(h.audio_seconds for h in heard.values())
        )
        table = [("Trunkline", voice.Result(rows, {i: h.voice for i, h in heard.items()}, cost))]
        for name in voice.baselines.VOICE:
            made = voice.baseline(name, rows, files)
            if made is None:
                print(f"  {name}: not installed, left out")
                continue
            table.append((name, voice.Result(rows, *made)))
        results[split] = dict(
            minutes=sum(r["seconds"] for r in rows) / 60,
            detectors=[
                dict(name=n, area=r.area, false=r.false, threshold=r.threshold, cost=r.cost)
                for n, r in table
            ],
            parts={
                field: {n: r.part(field) for n, r in table if n in ("Trunkline", "Silero, 8 kHz")}
                for field in ("background", "speaker", "codec", "snr_db", "loss")
            },
        )
        for name, r in table:
            print(
                f"  {split} {name}: area {r.area:.4f}, false positives {r.false:.3f}, {r.cost:.2f} ms a second"
            )
        if split == "unseen" and options.write:
            plots.voice(PICTURES / "voice.png", table)
            worst = []
            for row, share in table[0][1].worst(4):
                talk = [(a / 100, b / 100, "") for a, b in runs(row["mask"])]
                said = np.asarray(heard[row["id"]].voice) >= table[0][1].threshold
                worst.append(
                    (
                        f"{row['speaker']} in {row['background']}, {row['snr_db']} dB, {row['codec']}, loss {row['loss']}: {share:.0%} wrong".replace(
                            "%", " %"
                        ),
                        read_wav(folder / "wav" / f"{row['id']}.wav")[0][:80000],
                        {
                            "cyan": [t for t in talk if t[0] < 10],
                            "red": [
                                (a / 100, b / 100, "")
                                for a, b in wrong_runs(said, row["mask"])
                                if a < 1000
                            ],
                        },
                    )
                )
            plots.spectrograms(PICTURES / "worst-voice.png", worst)
    return results


def runs(mask):
    from corpus.audio import runs as spans

    return spans([c == "1" for c in mask])


def wrong_runs(said, mask):
    from corpus.audio import runs as spans

    n = min(len(said), len(mask))
    return spans([m != "x" and (m == "1") != bool(s) for s, m in zip(said[:n], mask[:n])])


def measure_digits(executable, options):
    _, rows, files = corpus("digits", False)
    heard = detector.hear(executable, files, jobs=options.jobs)
    table, talk_off = digits.compare(
        rows, {i: h.digits() for i, h in heard.items()}, digits.spandsp(rows, files)
    )
    for test, cases in table.items():
        for case in cases:
            if case["worse"] or not case["met"]:
                print(
                    f"  {test} {case['value']}: {case['ours']} of {case['digits']}, spandsp {case['theirs']}"
                    f"{' WORSE' if case['worse'] else ''}{'' if case['met'] else ' NOT MET'}"
                )
    print(f"  talk-off: {talk_off}")
    return dict(table=table, talk_off=talk_off)


def measure_sweeps(executable, options):
    folder, rows, _ = corpus("openings-unseen", options.quick)
    wanted = dict(voicemail=24, human=24, intercept=4, ivr=4, screening=4, negative=6)
    chosen = []
    for row in rows:
        if wanted.get(row["group"], 0) > 0 and row["seconds"] < 62:
            chosen.append(row)
            wanted[row["group"]] -= 1
    voice_folder, voice_rows, _ = corpus("voice-unseen", options.quick)
    return sweeps.run(
        executable, folder, chosen, voice_folder, voice_rows[:24], HOME / "sweep", options.jobs
    )


def measure_hints(executable, options):
    results = {}
    for split in ("unseen", "seen"):
        _, rows, files = corpus(f"openings-{split}", options.quick)
        alone, told = hints.run(executable, rows, files, HOME / "hints", options.jobs)
        results[split] = dict(alone=verdict_figures(alone), told=verdict_figures(told))
        for name, figures in results[split].items():
            print(f"  {split} {name}: {figures}")
    return results


def measure_noise(executable, options):
    return noise.run(executable, HOME / "noise", 40 if options.quick else 400, options.jobs)


def measure_cost(_, __):
    bench = subprocess.run(
        [
            "swift",
            "run",
            "-c",
            "release",
            "--package-path",
            "tools/bench/detect",
            "detectbench",
            "--json",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    result = json.loads(bench.strip().splitlines()[-1])
    print(" ", result)
    return result


SECTIONS = {
    "openings": measure_openings,
    "voice": measure_voice,
    "digits": measure_digits,
    "hints": measure_hints,
    "noise": measure_noise,
    "sweeps": measure_sweeps,
    "cost": measure_cost,
}


def score_corpus(executable, options):
    """Figures of one corpus, whoever built it, by what its rows look like."""
    folder = pathlib.Path(options.corpus)
    rows = detector.truth(folder)
    files = detector.wavs(folder, rows)
    if "mask" in rows[0]:
        heard = detector.hear(executable, files, voice=True, jobs=options.jobs)
        result = voice.Result(rows, {i: h.voice for i, h in heard.items()}, 0)
        print(
            f"area {result.area:.4f}, false positives at 95 % true {result.false:.3f}, threshold {result.threshold:.3f}"
        )
        for name, part in result.part("background").items():
            print(
                f"  {name}: area {part[0]:.4f}, false positives {part[1]:.3f}, at the common threshold {part[2]:.3f} true, {part[3]:.3f} false"
            )
    else:
        heard = detector.hear(executable, files, jobs=options.jobs)
        report.say_openings(
            dict(
                beeps=beep_figures(openings.beeps(rows, heard)),
                verdicts=verdict_figures(openings.verdicts(rows, heard)),
            )
        )
    if options.export:
        out = pathlib.Path(options.export)
        (out / "scores").mkdir(parents=True, exist_ok=True)
        with open(out / "beeps.txt", "w") as file:
            for key, h in heard.items():
                file.writelines(f"{key} {t:.3f}\n" for t in h.times("beep"))
        for key, h in heard.items():
            if h.voice:
                hops = len(next(r for r in rows if r["id"] == key).get("mask", h.voice))
                scores = np.pad(
                    np.asarray(h.voice, np.float32)[:hops],
                    (0, max(0, hops - len(h.voice))),
                    mode="edge",
                )
                np.save(out / "scores" / f"{key}.npy", scores)
                np.savetxt(out / "scores" / f"{key}.txt", scores, fmt="%.3f")


def main():
    parser = argparse.ArgumentParser(
        prog="run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sections", default="openings,hints,voice,digits,noise,sweeps,cost")
    parser.add_argument("--quick", action="store_true", help="small corpora; not for the document")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--corpus")
    parser.add_argument("--export")
    parser.add_argument("--detect", help="the trunkline executable")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    if options.quick and options.write:
        parser.error("--quick is not for the document")
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if not options.report:
        executable = detector.program(options.detect)
        if options.corpus:
            return score_corpus(executable, options)
        PICTURES.mkdir(exist_ok=True)
        for section in options.sections.split(","):
            print(f"== {section}", flush=True)
            result = SECTIONS[section](executable, options)
            if not options.quick:
                kept[section] = dict(result=result, **facts())
                KEPT.write_text(json.dumps(kept))
    if options.write or options.report:
        report.write(ROOT / "docs" / "DETECTION.md", kept)


if __name__ == "__main__":
    main()
