"""Robustness: one small set of call openings and voice clips, changed in one respect at a time.

Packets are real ones: captures of RTP at each packet size, with losses and reordering, that
`trunkline detect` plays through a media leg with its own concealment. Everything else is done to
the samples.
"""

import random
import struct
import zlib

import numpy as np
from scipy.signal import resample_poly

from corpus import lines, talkers
from corpus.audio import RATE, at_level, pcm16, ratio, read_wav, write_wav
from callees import g711, pcap

from . import detector, openings, score


def capture(path, x, milliseconds=20, loss=0.0, seed=None, law="u", late=0.0):
    """Writes `x` as RTP packets of so many milliseconds; `loss` of them missing in bursts of 1.6,
    `late` of them 45 ms late."""
    # Each file loses other packets, and the same ones again.
    chance = random.Random(zlib.crc32(path.stem.encode()) if seed is None else seed)
    samples = pcm16(x)
    step, packets, lost = milliseconds * RATE // 1000, [], False
    code = _codes(law)
    for number, first in enumerate(range(0, len(samples) - step + 1, step)):
        part = code[samples[first : first + step].astype(int) + 32768].tobytes()
        head = struct.pack("!BBHII", 0x80, 0 if law == "u" else 8, number & 0xFFFF, first, 0x1234)
        if loss:
            lost = chance.random() >= 1 / 1.6 if lost else chance.random() < loss / 1.6 / (1 - loss)
        if not lost or number == 0:
            packets.append(
                (first * 1000 / RATE + (45 if late and chance.random() < late else 0), head + part)
            )
    packets.sort(key=lambda packet: packet[0])
    pcap.write(path, packets)


_tables = {}


def _codes(law):
    """Octet of each 16-bit sample."""
    if law not in _tables:
        if law == "u":
            _tables[law] = np.frombuffer(g711.encode(range(-32768, 32768)), np.uint8)
        else:
            values = np.arange(-32768, 32768)
            levels = lines._g711_levels("a")
            nearest = np.searchsorted((levels[1:] + levels[:-1]) / 2 * 32768, values)
            codes = {}
            for octet in range(256):
                bits = octet ^ 0x55
                segment, step = (bits >> 4) & 7, bits & 15
                size = (step << 4) + 8 if segment == 0 else ((step << 4) + 264) << (segment - 1)
                codes[(size if bits & 0x80 else -size)] = octet
            by_level = np.array([codes[int(round(v * 32768))] for v in levels], np.uint8)
            _tables[law] = by_level[nearest]
    return _tables[law]


def clipped(x, decibels):
    """Driven `decibels` into a limiter at half of full scale."""
    peak = np.max(np.abs(x)) + 1e-9
    return np.clip(x / peak * 0.5 * ratio(decibels), -0.5, 0.5)


def echoed(x):
    """Our own voice comes back 20 dB down and 80 ms late: prompts one after the other, as loud as
    the callee was meant to be."""
    own = np.concatenate(
        [
            at_level(talkers.read_prompt(path), -23)
            for path in talkers.prompts("allison-en", 2.0, 8.0)[:12]
        ]
    )
    own = np.resize(own, len(x))
    return np.clip(x + ratio(-20) * np.concatenate([np.zeros(640), own])[: len(x)], -1, 1)


#: Name: what is done to the samples.
CHANGES = {
    "as it is": lambda x: x,
    "gain −30 dB": lambda x: x * ratio(-30),
    "gain −20 dB": lambda x: x * ratio(-20),
    "gain −10 dB": lambda x: x * ratio(-10),
    "gain +6 dB": lambda x: np.clip(x * ratio(6), -1, 1),
    "A-law": lambda x: lines.codec("pcma", x),
    "Opus 16 kbit/s": lambda x: lines.codec("opus16", x),
    "GSM": lambda x: lines.codec("gsm", x),
    "AMR 12.2": lambda x: lines.codec("amr7", x),
    "AMR 5.9": lambda x: lines.codec("amr2", x),
    "AMR 4.75": lambda x: lines.codec("amr0", x),
    "three codecs in tandem": lambda x: lines.codec("amr7+gsm+pcmu", x),
    "echo of our own voice, −20 dB": echoed,
    "DC offset 3 %": lambda x: np.clip(x + 0.03, -1, 1),
    "clipped by 6 dB": lambda x: clipped(x, 6),
    "clipped by 12 dB": lambda x: clipped(x, 12),
}
#: Name: how the capture is made.
CAPTURES = (
    {f"{ms} ms packets": dict(milliseconds=ms) for ms in (10, 20, 30, 60)}
    | {f"loss {int(100 * rate)} %": dict(loss=rate) for rate in (0.01, 0.03, 0.05, 0.10)}
    | {"a tenth of the packets 45 ms late": dict(late=0.1)}
)


def from_mid_word(row, x):
    """(row, samples) as they are when the media begin 150 ms into the first word."""
    cut = next(e for e in row["events"] if e["type"] == "speech")["start"] + 0.15
    events = [
        dict(e, start=max(0.0, e["start"] - cut), end=e["end"] - cut)
        for e in row["events"]
        if e["end"] > cut
    ]
    moved = dict(row, events=events, seconds=row["seconds"] - cut)
    for key in ("ready", "greeting_end"):
        if row.get(key):
            moved[key] = row[key] - cut
    return moved, x[int(round(cut * RATE)) :]


def run(executable, folder, rows, voice_folder, voice_rows, work, jobs):
    """[{name, figures}] of every change."""
    work.mkdir(parents=True, exist_ok=True)
    results = []
    originals = {row["id"]: read_wav(folder / "wav" / f"{row['id']}.wav")[0] for row in rows}
    clips = {
        row["id"]: read_wav(voice_folder / "wav" / f"{row['id']}.wav")[0] for row in voice_rows
    }
    reference = None

    def measure(name, suffix, write, rows=rows, originals=originals):
        nonlocal reference
        for files in (originals, clips):
            for key, x in files.items():
                write(work / f"{key}{suffix}", x)
        heard = detector.hear(executable, [work / f"{k}{suffix}" for k in originals], jobs=jobs)
        voiced = detector.hear(
            executable, [work / f"{k}{suffix}" for k in clips], voice=True, jobs=jobs
        )
        found, sides = openings.beeps(rows, heard), openings.verdicts(rows, heard)
        s, t, _ = score.judged(voice_rows, {k: h.voice for k, h in voiced.items()})
        events = {k: [strip(e) for e in h.events] for k, h in heard.items()}
        if name == "20 ms packets":
            reference = events
        results.append(
            dict(
                name=name,
                recall=found.recall(),
                false=found.false_per_hour(),
                humans=sides.share("human"),
                machines=sides.share("machine"),
                area=score.area(s, t),
                false_positives=score.false_positives(s, t)[0],
                same=(
                    None
                    if reference is None or not name.endswith("ms packets")
                    else sum(events[k] == reference[k] for k in events)
                ),
                files=len(events),
            )
        )
        print(f"  {results[-1]}", flush=True)

    for name, change in CHANGES.items():
        measure(name, ".wav", lambda path, x, change=change: write_wav(path, change(x)))
    measure(
        "file at 16 kHz", ".wav", lambda path, x: write_wav(path, resample_poly(x, 2, 1), 2 * RATE)
    )
    cut = [
        (
            from_mid_word(row, originals[row["id"]])
            if any(e["type"] == "speech" for e in row["events"])
            else (row, originals[row["id"]])
        )
        for row in rows
    ]
    measure(
        "begins in mid-word", ".wav", write_wav, [r for r, _ in cut], {r["id"]: x for r, x in cut}
    )
    order = sorted(CAPTURES, key=lambda name: name != "20 ms packets")
    for name in order:
        measure(name, ".pcap", lambda path, x, how=CAPTURES[name]: capture(path, x, **how))
    return results


def strip(event):
    """An event without what differs from file to file."""
    return {k: v for k, v in event.items() if k not in ("file", "stream")}
