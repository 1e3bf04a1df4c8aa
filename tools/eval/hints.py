"""Verdicts when a transcript comes along: a stand-in for a streaming recogniser that makes no mistakes but lags."""

import json

from . import detector, openings

#: How long after a word's end it is known, and how often what is known comes.
LAG, PERIOD = 0.6, 0.5


def words(row):
    """[(seconds at which it ends, word)]: the characters of the text spread evenly over the speech."""
    spans = [(e["start"], e["end"]) for e in row["events"] if e["type"] == "speech"]
    text = row["text"].split()
    total = sum(end - start for start, end in spans)
    count = sum(len(word) + 1 for word in text)
    found, said = [], 0
    for word in text:
        said += len(word) + 1
        left = total * said / count
        for start, end in spans:
            if left <= end - start + 1e-9:
                found.append((start + left, word))
                break
            left -= end - start
    return found


def transcripts(row):
    """[(seconds, text)] of one opening."""
    spoken = words(row)
    result, known, at = [], 0, PERIOD
    while known < len(spoken) and at < row["seconds"]:
        now = sum(end + LAG <= at for end, _ in spoken)
        if now > known:
            result.append((at, " ".join(word for _, word in spoken[:now])))
            known = now
        at += PERIOD
    return result


def run(executable, rows, files, work, jobs):
    """(verdicts without, verdicts with transcripts) of the English openings that have a text."""
    chosen = [(r, f) for r, f in zip(rows, files) if r.get("lang") == "en" and r.get("text")]
    work.mkdir(parents=True, exist_ok=True)
    path = work / "transcripts.jsonl"
    with open(path, "w", encoding="utf-8") as out:
        for row, file in chosen:
            for at, text in transcripts(row):
                line = dict(file=str(file), t_ms=int(at * 1000), text=text)
                out.write(json.dumps(line) + "\n")
    kept, names = [r for r, _ in chosen], [f for _, f in chosen]
    alone = detector.hear(executable, names, jobs=jobs)
    told = detector.hear(executable, names, jobs=jobs, transcripts=path)
    return openings.verdicts(kept, alone), openings.verdicts(kept, told)
