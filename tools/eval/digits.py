"""In-band digits: `trunkline detect` against libspandsp, case by case."""

from collections import defaultdict

from . import baselines, score
from corpus.audio import read_wav


def spandsp(rows, files):
    """{id: digits}, or None when libspandsp2 is not installed."""
    try:
        decoder = baselines.Spandsp()
    except OSError:
        return None
    return {row["id"]: decoder.digits(read_wav(path)[0]) for row, path in zip(rows, files)}


def compare(rows, ours, theirs):
    """{test: [{value, must, digits, ours: (found, extra), theirs: …, worse, met}]} and the talk-off
    totals."""
    table, talk_off = defaultdict(list), defaultdict(lambda: dict(minutes=0.0, ours=0, theirs=0))
    for row in rows:
        mine = score.digits_found(ours[row["id"]], row["expect"])
        other = score.digits_found(theirs[row["id"]], row["expect"]) if theirs else None
        if row["test"].startswith("talk-off"):
            total = talk_off[row["test"]]
            total["minutes"] += row["seconds"] / 60
            total["ours"] += sum(mine)
            total["theirs"] += sum(other) if other else 0
            continue
        count = len(row["expect"])
        if row["must"] == "reject":
            worse, met = bool(other) and sum(mine) > sum(other), sum(mine) == 0
        else:
            worse = bool(other) and (mine[0] < other[0] or mine[1] > other[1])
            met = row["must"] == "report" or (mine == (count, 0))
        table[row["test"]].append(
            dict(
                value=row["value"],
                must=row["must"],
                digits=count,
                ours=mine,
                theirs=other,
                worse=worse,
                met=met,
            )
        )
    return dict(table), {name: dict(total) for name, total in talk_off.items()}
