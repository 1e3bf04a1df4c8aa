"""The pictures of docs/DETECTION.md: small PNGs (below 150 KB each)."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402
from scipy.stats import norm  # noqa: E402

from . import score  # noqa: E402

plt.rcParams.update(
    {
        "font.size": 8,
        "axes.grid": True,
        "grid.alpha": 0.3,
        "figure.dpi": 90,
        "svg.hashsalt": "trunkline",
    }
)
#: No date or version goes into a file: the same figures give the same bytes.
META = {"Software": None}
#: Octets of a picture that may be committed.
LIMIT = 150_000


def save(figure, path, colours=None):
    """Writes a PNG below LIMIT, with fewer dots when need be; `colours`: of a palette, which
    spectrograms need."""
    figure.tight_layout()
    for dots in (90, 75, 60):
        figure.savefig(path, dpi=dots, metadata=META)
        if colours:
            with Image.open(path) as picture:
                small = picture.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
            small.save(path, optimize=True)
        if path.stat().st_size < LIMIT:
            break
    plt.close(figure)


def voice(path, results):
    """ROC and detection-error trade-off; `results`: [(name, voice.Result)]."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4))
    ticks = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4]
    for name, result in results:
        false, true = score.roc(result.score, result.truth)
        style = (
            dict(linewidth=2.2, color="black")
            if name.startswith("Trunkline")
            else dict(linewidth=1.2)
        )
        left.plot(false, true, label=f"{name} ({result.area:.3f})", **style)
        miss = 1 - true
        keep = (false > 0.003) & (false < 0.6) & (miss > 0.003) & (miss < 0.6)
        right.plot(norm.ppf(false[keep]), norm.ppf(miss[keep]), label=name, **style)
    left.set(
        xlim=(0, 0.5),
        ylim=(0.5, 1.003),
        xlabel="false positives",
        ylabel="true positives",
        title="ROC (area in brackets)",
    )
    left.legend(loc="lower right")
    right.set(xlabel="false positives", ylabel="misses", title="Detection-error trade-off")
    for axis in (right.xaxis, right.yaxis):
        axis.set_ticks(norm.ppf(ticks), [f"{100 * t:g} %" for t in ticks])
    save(figure, path)


def beep_recall(path, ours, others):
    """Recall by kind and by noise; `ours` and the values of `others` are score.Beeps."""
    kinds = sorted((k for k in ours.total if k.startswith("kind ")), key=lambda k: -ours.total[k])
    noises = sorted(
        (k for k in ours.total if k.startswith("snr ")), key=lambda k: int(k.split()[1])
    )
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), width_ratios=[3, 1])
    for axis, keys, title in (
        (axes[0], kinds, "Beeps found, by kind"),
        (axes[1], noises, "by signal to noise, dB"),
    ):
        place, width = np.arange(len(keys)), 0.8 / (1 + len(others))
        for number, (name, beeps) in enumerate([("Trunkline", ours), *others.items()]):
            axis.bar(
                place + number * width,
                [beeps.recall(k) for k in keys],
                width,
                label=name,
                color="black" if number == 0 else None,
            )
        axis.set_xticks(
            place + 0.3,
            [f"{k.partition(' ')[2]}\n{ours.total[k]}" for k in keys],
            rotation=0,
            fontsize=6.5,
        )
        axis.set(ylim=(0, 1.02), title=title)
    axes[0].legend(loc="lower left", ncols=3, fontsize=7)
    save(figure, path)


def confusion(path, verdicts):
    rows = [
        k
        for k in (
            "human",
            "voicemail",
            "takeover",
            "ivr",
            "screening",
            "intercept with SIT",
            "intercept",
        )
        if any(key[0] == k for key in verdicts.confusion)
    ]
    columns = [
        v
        for v in (
            "human",
            "voicemail",
            "ivr",
            "screening",
            "sit",
            "unavailable",
            "fax",
            "silence",
            "unknown",
            "none",
        )
        if any(key[1] == v for key in verdicts.confusion)
    ]
    counts = np.array([[verdicts.confusion[r, c] for c in columns] for r in rows], float)
    share = counts / counts.sum(axis=1, keepdims=True)
    figure, axis = plt.subplots(figsize=(6.5, 3.2))
    axis.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i in range(len(rows)):
        for j in range(len(columns)):
            if counts[i, j]:
                axis.text(
                    j,
                    i,
                    f"{counts[i, j]:.0f}",
                    ha="center",
                    va="center",
                    color="white" if share[i, j] > 0.5 else "black",
                )
    axis.set_xticks(range(len(columns)), columns)
    axis.set_yticks(range(len(rows)), rows)
    axis.set(xlabel="final verdict", ylabel="who answered", title="Answers and verdicts")
    axis.grid(False)
    save(figure, path)


def timings(path, panels):
    """`panels`: [(title, {name: seconds}, (left, right))] as cumulative shares."""
    figure, axes = plt.subplots(1, len(panels), figsize=(3.6 * len(panels), 3))
    for axis, (title, series, span) in zip(np.atleast_1d(axes), panels):
        for name, values in series.items():
            if len(values):
                axis.plot(
                    np.sort(values),
                    np.linspace(0, 1, len(values)),
                    label=f"{name} ({len(values)})",
                    **(dict(color="black", linewidth=2) if name.startswith("Trunkline") else {}),
                )
        axis.set(xlim=span, ylim=(0, 1.01), xlabel="s", title=title)
        axis.legend(loc="lower right", fontsize=7)
    save(figure, path)


def spectrograms(path, cases):
    """`cases`: [(title, samples, {colour: [(start, end, word)]})], each a panel with its spans
    marked."""
    columns = 2
    figure, axes = plt.subplots(
        (len(cases) + 1) // columns,
        columns,
        figsize=(10, 1.75 * ((len(cases) + 1) // columns)),
        squeeze=False,
    )
    for axis in axes.flat[len(cases) :]:
        axis.axis("off")
    for axis, (title, samples, spans) in zip(axes.flat, cases):
        # Few grey levels and a coarse grid: a picture is to show where, not to be measured.
        axis.specgram(
            samples + 1e-6 * np.sin(np.arange(len(samples))),
            NFFT=256,
            Fs=8000,
            noverlap=96,
            cmap="magma",
            vmin=-110,
            vmax=-30,
        )
        for colour, places in spans.items():
            for start, end, word in places:
                axis.axvspan(
                    start,
                    max(end, start + 0.02),
                    ymin=0.94 if colour != "red" else 0,
                    color=colour,
                    alpha=0.9 if colour != "red" else 0.5,
                )
                if word:
                    axis.text(start, 3300, word, color="white", fontsize=6)
        axis.set_title(title, fontsize=7)
        axis.set(ylim=(0, 4000))
        axis.grid(False)
        axis.tick_params(labelsize=6)
    save(figure, path, 40)
