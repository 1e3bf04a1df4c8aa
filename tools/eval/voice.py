"""Scores of voice activity, ours and the baselines'."""

import time

import numpy as np

from . import baselines, score
from corpus.audio import read_wav


def baseline(name, rows, files):
    """({id: scores}, CPU ms a second of audio) of one baseline; None when its package is not here.
    Scores are kept."""
    kept = files[0].parent.parent / f"voice-{name.replace(' ', '_').replace(',', '')}.npz"
    if kept.exists():
        stored = np.load(kept)
        if set(stored.files) == {r["id"] for r in rows} | {"cost"}:
            return {i: stored[i] for i in stored.files if i != "cost"}, float(stored["cost"])
    scores, seconds, spent = {}, 0.0, 0.0
    for row, path in zip(rows, files):
        x = read_wav(path)[0]
        began = time.process_time()
        try:
            scores[row["id"]] = np.asarray(baselines.VOICE[name](x), np.float32)
        except (ImportError, OSError):
            return None
        spent += time.process_time() - began
        seconds += row["seconds"]
    cost = 1000 * spent / seconds
    np.savez(kept, cost=cost, **scores)
    return scores, cost


class Result:
    """Figures of one detector over one corpus."""

    def __init__(self, rows, scores, cost):
        self.score, self.truth, self.number = score.judged(rows, scores)
        self.cost = cost
        self.area = score.area(self.score, self.truth)
        self.false, self.threshold = score.false_positives(self.score, self.truth)
        self.rows = rows

    def part(self, field):
        """{value of `field`: (area, false positives at 95 % true within it, both rates at the
        common threshold)}."""
        parts = {}
        values = np.array([str(row[field]) for row in self.rows])[self.number]
        for value in sorted(set(values)):
            keep = values == value
            s, t = self.score[keep], self.truth[keep]
            if t.any() and not t.all():
                parts[value] = (
                    score.area(s, t),
                    score.false_positives(s, t)[0],
                    float((s[t] >= self.threshold).mean()),
                    float((s[~t] >= self.threshold).mean()),
                )
        return parts

    def worst(self, count=6):
        """(row, share of hops on the wrong side of the common threshold), worst first."""
        wrong = (self.score >= self.threshold) != self.truth
        shares = np.bincount(self.number, wrong) / np.maximum(1, np.bincount(self.number))
        return [(self.rows[i], float(shares[i])) for i in np.argsort(-shares)[:count]]
