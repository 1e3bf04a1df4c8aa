"""Scores of detectors against the truth of a corpus. Pure functions: rows of truth.jsonl and what a
detector said in, numbers out.

A beep counts as found when a decision lies between 20 ms before its start and 0.6 s after its end.
A second decision on the same beep is ignored; every other decision is a false alarm. Sounds that no
ear can tell from a beep (single bursts of the record warning and of call waiting) are left out.
"""

from collections import defaultdict

try:
    import numpy as np
except ImportError:  # voice activity cannot be scored then; everything else can
    np = None

#: kind of a row whose tones are beeps to any ear.
AMBIGUOUS = ("record-warning", "call-waiting-us")
PLAIN = ("speech", "music", "dtmf", "sung", "noise")
EARLY, LATE = 0.02, 0.6


def quantile(values, percent):
    """Between the two nearest of the sorted values, linearly; not a number when there are none."""
    ordered = sorted(float(v) for v in values)
    if not ordered:
        return float("nan")
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def group_of(row):
    """The group that a row's false alarms are counted under."""
    if row["group"] != "negative":
        return row["group"]
    return "neg:" + (row["kind"] if row["kind"] in PLAIN else "progress")


class Beeps:
    """Recall, false alarms and delays of beep decisions."""

    def __init__(self, rows, decisions):
        """`decisions`: id to times in seconds at which a beep was reported."""
        self.found, self.total = defaultdict(int), defaultdict(int)
        self.false, self.seconds = defaultdict(int), defaultdict(float)
        self.after_start, self.after_end, self.missed, self.wrong = [], [], [], []
        for row in rows:
            if row.get("kind") in AMBIGUOUS:
                continue
            left = sorted(decisions.get(row["id"], ()))
            for beep in (e for e in row["events"] if e["type"] == "beep"):
                hits = [t for t in left if beep["start"] - EARLY <= t <= beep["end"] + LATE]
                for key in self.keys(row, beep):
                    self.total[key] += 1
                    self.found[key] += bool(hits)
                if hits:
                    self.after_start.append(hits[0] - beep["start"])
                    self.after_end.append(hits[0] - beep["end"])
                else:
                    self.missed.append((row, beep))
                left = [t for t in left if t not in hits]
            for key in (group_of(row), "all"):
                self.false[key] += len(left)
                self.seconds[key] += row["seconds"]
            self.wrong += [(row, t) for t in left]

    @staticmethod
    def keys(row, beep):
        length = beep["end"] - beep["start"]
        return (
            "all",
            "kind " + beep["kind"],
            "codec " + row["channel"]["codec"],
            "loss " + str(row["channel"]["loss"]),
            "snr " + str(int(row["channel"]["snr_db"])),
            "level " + ("low" if beep["level_dbfs"] < -24 else "normal"),
            "short" if length < 0.2 else "not short",
            "voice " + str(row.get("fold_voice", row.get("voice"))),
        )

    def recall(self, key="all"):
        return self.found[key] / self.total[key] if self.total[key] else float("nan")

    def false_per_hour(self, key="all"):
        return self.false[key] / self.seconds[key] * 3600 if self.seconds[key] else float("nan")


# ---- voice activity


def area(score, truth):
    """Area under the ROC by ranks, ties counted half."""
    _, inverse, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[inverse]
    positive, negative = int(truth.sum()), int((~truth).sum())
    return float((rank[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def false_positives(score, truth, true_rate=0.95):
    """(share of false positives, threshold) where `true_rate` of the speech is found."""
    threshold = np.quantile(score[truth], 1 - true_rate, method="lower")
    return float((score[~truth] >= threshold).mean()), float(threshold)


def roc(score, truth, points=400):
    """(false positive rate, true positive rate) at thresholds evenly spread over the scores."""
    thresholds = np.unique(np.quantile(score, np.linspace(0, 1, points)))[::-1]
    yes, no = np.sort(score[truth]), np.sort(score[~truth])
    above = lambda sorted_scores: 1 - np.searchsorted(sorted_scores, thresholds, "left") / len(
        sorted_scores
    )
    return np.concatenate([[0], above(no), [1]]), np.concatenate([[0], above(yes), [1]])


def judged(rows, scores):
    """(scores, truths, row number of each) of all hops that may be judged; `scores`: id to one
    value a 10 ms hop."""
    parts = []
    for number, row in enumerate(rows):
        mask = np.frombuffer(row["mask"].encode(), "S1")
        score = np.asarray(scores[row["id"]], float)[: len(mask)]
        if len(score) < len(mask):
            score = (
                np.pad(score, (0, len(mask) - len(score)), mode="edge")
                if len(score)
                else np.zeros(len(mask))
            )
        keep = mask != b"x"
        parts.append((score[keep], mask[keep] == b"1", np.full(int(keep.sum()), number)))
    return tuple(np.concatenate(column) for column in zip(*parts))


def spread(scores, step, hops):
    """One score a 10 ms hop out of one each `step` seconds; a score holds for the window that it
    was made from."""
    index = np.minimum((np.arange(hops) * 0.01 / step + 1e-9).astype(int), len(scores) - 1)
    return np.asarray(scores, float)[index]


# ---- who answered

#: What each verdict says: a person, a machine, or nothing yet.
SIDES = {
    "human": "human",
    "voicemail": "machine",
    "ivr": "machine",
    "screening": "machine",
    "unavailable": "machine",
    "sit": "machine",
    "fax": "machine",
    "machine": "machine",
}
ANSWERED = ("human", "voicemail", "ivr", "intercept", "screening")


def greeting_end(row):
    """When the callee's first utterance was over, in seconds: given, or the end of speech before a
    gap of 1.15 s."""
    if row.get("greeting_end"):
        return row["greeting_end"]
    end = None
    for event in sorted(
        (e for e in row["events"] if e["type"] == "speech"), key=lambda e: e["start"]
    ):
        if end is not None and event["start"] - end >= 1.15:
            break
        end = event["end"]
    return end


class Verdicts:
    """Confusion and delays of final verdicts: `verdicts` is id to (verdict, seconds)."""

    def __init__(self, rows, verdicts):
        self.confusion, self.wrong = defaultdict(int), []
        self.right, self.total = defaultdict(int), defaultdict(int)
        self.human_delay, self.time = [], []
        for row in rows:
            if row["group"] not in ANSWERED:
                continue
            verdict, time = verdicts.get(row["id"], ("none", row["seconds"]))
            kind = row["kind"] if row["kind"] == "takeover" else row["group"]
            if kind == "intercept":
                kind = (
                    "intercept with SIT"
                    if any(e["type"] == "tone" for e in row["events"])
                    else "intercept"
                )
            self.confusion[kind, verdict] += 1
            good = SIDES.get(verdict) == row["answer"]
            for key in (
                row["answer"],
                "kind " + kind,
                f"{row['answer']} {row.get('lang')}",
                "voice " + str(row.get("voice")),
            ):
                self.total[key] += 1
                self.right[key] += good
            self.time.append(time)
            if row["answer"] == "human" and verdict == "human":
                end = greeting_end(row)
                if end is not None:
                    self.human_delay.append(time - end)
            if not good:
                self.wrong.append((row, verdict, time))

    def share(self, key):
        return self.right[key] / self.total[key] if self.total[key] else float("nan")


def ready_errors(rows, ready):
    """Seconds from the end of each beep to the last 'ready' that is not more than 2 s after it;
    None where there is none."""
    errors = []
    for row in rows:
        if row["group"] != "voicemail" or not row.get("ready") or row["kind"] == "takeover":
            continue
        near = [t - row["ready"] for t in ready.get(row["id"], ()) if t <= row["ready"] + 2]
        errors.append(near[-1] if near else None)
    return errors


# ---- digits


def digits_found(got, expected):
    """(how many of `expected` came in order, how many others came): longest common subsequence."""
    above = [0] * (len(expected) + 1)
    for a in got:
        row = [0]
        for j, b in enumerate(expected):
            row.append(above[j] + 1 if a == b else max(above[j + 1], row[j]))
        above = row
    return above[-1], len(got) - above[-1]


#: What special information tones of a corpus say; ITU-T's nothing.
INFORMATION = {
    "intercept": "intercept",
    "vacant": "vacant_code",
    "reorder": "reorder",
    "no-circuit": "no_circuit",
    "itu": None,
}


def information(rows, said):
    """Of the special information tones of all rows: how many there are, are found, say what they are,
    say nothing though they could, and say what they are not. `said`: {id: [(seconds, word or None)]}."""
    count = dict(total=0, found=0, right=0, silent=0, wrong=0)
    for row in rows:
        steps = [e for e in row["events"] if e["type"] == "tone" and e.get("name") == "sit"]
        for first in steps[::3]:
            count["total"] += 1
            near = [w for at, w in said.get(row["id"], []) if abs(at - first["start"]) < 0.5]
            if near:
                meant = INFORMATION[first["variant"]]
                count["found"] += 1
                result = "right" if near[0] == meant else "wrong" if near[0] else "silent"
                count[result] += 1
    return count
