"""Scores of the call openings: beeps and verdicts, ours and the baselines'."""

import json
import os
from concurrent.futures import ProcessPoolExecutor

from . import baselines, score
from corpus.audio import read_wav


def _rule(task):
    """One baseline on one file, in a process of its own."""
    name, path = task
    x = read_wav(path)[0]
    rule = {"avmd": baselines.avmd, "peak": baselines.steady_peak, "app_amd": baselines.app_amd}[
        name
    ]
    return rule(x)


def by_rule(name, files, jobs):
    """{id: what the baseline said}; kept beside the corpus, since neither changes."""
    kept = files[0].parent.parent / f"baseline-{name}.json"
    if kept.exists() and kept.stat().st_mtime > os.stat(files[0]).st_mtime:
        found = json.loads(kept.read_text())
        if len(found) == len(files):
            return found
    with ProcessPoolExecutor(jobs) as pool:
        found = dict(
            zip((f.stem for f in files), pool.map(_rule, [(name, f) for f in files], chunksize=8))
        )
    kept.write_text(json.dumps(found))
    return found


def beeps(rows, heard):
    return score.Beeps(rows, {i: h.times("beep") for i, h in heard.items()})


def verdicts(rows, heard):
    given = {i: h.verdict() for i, h in heard.items()}
    return score.Verdicts(rows, {i: v for i, v in given.items() if v})


def ready(rows, heard):
    return score.ready_errors(rows, {i: h.times("ready_for_message") for i, h in heard.items()})


def information(rows, heard):
    return score.information(
        rows,
        {
            i: [
                (e["start_ms"] / 1000, e.get("information"))
                for e in h.events
                if e["event"] == "tone" and e["kind"] == "sit"
            ]
            for i, h in heard.items()
        },
    )


def greeting_ends(rows, heard):
    """Seconds between the last word of each machine's greeting and the last greeting_end event."""
    errors = []
    for row in rows:
        times = heard[row["id"]].times("greeting_end")
        if (
            row["group"] == "voicemail"
            and row["kind"] != "takeover"
            and times
            and row.get("greeting_end")
        ):
            errors.append(times[-1] - row["greeting_end"])
    return errors
