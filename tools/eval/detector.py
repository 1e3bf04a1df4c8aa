"""Runs `trunkline detect` over many files, and reads what it said."""

import json
import os
import pathlib
import subprocess
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclass
class Heard:
    """What was found in one stream of one file; times in seconds from the answer."""

    events: list = field(default_factory=list)
    #: Voice score of each 10 ms hop (each score of 20 ms twice).
    voice: list = field(default_factory=list)
    cpu_seconds: float = 0.0
    audio_seconds: float = 0.0

    def times(self, name):
        return [e["t_ms"] / 1000 for e in self.events if e["event"] == name]

    def digits(self):
        return "".join(e["digit"] for e in self.events if e["event"] == "dtmf")

    def verdict(self):
        """(verdict, seconds) of the final one, or None."""
        for event in self.events:
            if event["event"] == "verdict" and event["final"]:
                return event["verdict"], event["t_ms"] / 1000
        return None


def program(given=None):
    """The executable: the one given, or the release build of this tree."""
    path = pathlib.Path(given or ROOT / ".build/release/trunkline")
    if not os.access(path, os.X_OK):
        raise SystemExit(
            f"eval: {path} is not there: swift build -c release --product trunkline, or give --detect PATH"
        )
    return path


def hear(executable, files, voice=False, jobs=1, answer_at=0, plain=False, transcripts=None):
    """{file name without folder and ending: Heard} of all `files`, in one run of the program.
    `plain`: the program is tools/bench/detect's `hear`, which is the chain alone."""
    command = [str(executable)] + (
        [] if plain else ["detect", "--list", "-", "--jobs", str(jobs), "--cost"]
    )
    command += ["--vad-trace"] if voice else []
    command += ["--answer-at", str(answer_at)] if answer_at else []
    command += ["--transcripts", str(transcripts)] if transcripts else []
    found = {pathlib.Path(f).stem: Heard() for f in files}
    if not found:
        return found
    names = {str(f): pathlib.Path(f).stem for f in files}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        # The whole list is read before the first line comes, so this cannot block.
        process.stdin.write("\n".join(map(str, files)) + "\n")
        process.stdin.close()
        for line in process.stdout:
            row = json.loads(line)
            heard = found[names[row["file"]]]
            if "vad" in row:
                heard.voice += [row["vad"], row["vad"]]
            elif "event" in row:
                heard.events.append(row)
            else:
                heard.cpu_seconds += row["cpu_us"] / 1e6
                heard.audio_seconds += row["audio_ms"] / 1000
    if process.returncode != 0:
        raise SystemExit(f"eval: {' '.join(command)} ended with {process.returncode}")
    return found


def truth(folder):
    """Rows of a corpus's truth.jsonl; of the project's own builder or of another that writes the
    same format."""
    with open(pathlib.Path(folder) / "truth.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def wavs(folder, rows):
    return [pathlib.Path(folder) / "wav" / (row["id"] + ".wav") for row in rows]
