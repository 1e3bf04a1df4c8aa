"""One measurement: a candidate, the load, what the kernel and the candidate say about it."""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .candidates import FAR, Relay

LATENESS = re.compile(r'^trunkline_media_tick_lateness_seconds_bucket\{le="([^"]+)"\} (\d+)', re.M)


def lateness_buckets(text):
    """Cumulative counts of the tick-lateness histogram by upper bound, seconds."""
    return {float("inf") if bound == "+Inf" else float(bound): int(count)
            for bound, count in LATENESS.findall(text)}


def quantile_between(before, after, fraction):
    """Upper bound of the bucket that holds the quantile of what came between two readings; None when
    nothing did."""
    grown = sorted((bound, after[bound] - before.get(bound, 0)) for bound in after)
    if not grown or grown[-1][1] <= 0:
        return None
    wanted = fraction * grown[-1][1]
    return next(bound for bound, count in grown if count >= wanted)


def resident_kib(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4


class MemoryWatch(threading.Thread):
    """Resident memory of a process, every few seconds, until `stop`."""

    def __init__(self, pid, every=5.0):
        super().__init__(daemon=True)
        self.pid, self.every, self.samples = pid, every, []
        self.ended = threading.Event()

    def run(self):
        begin = time.monotonic()
        while True:
            try:
                self.samples.append((time.monotonic() - begin, resident_kib(self.pid)))
            except OSError:
                return
            if self.ended.wait(self.every):
                return

    def stop(self):
        self.ended.set()
        self.join()
        return self.samples


class Child:
    """A program that says "ready …" and ends when its standard input does."""

    def __init__(self, command, log):
        self.log = log
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.PIPE, stdout=output,
                stderr=subprocess.STDOUT)

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, pattern, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.text(), re.M)
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"did not say {pattern}: {self.text()[-300:].strip()}")

    def metrics(self):
        """All metrics of a host program, "" when it has none."""
        before = len(self.text())
        self.process.stdin.write(b"metrics\n")
        self.process.stdin.flush()
        end = time.monotonic() + 5
        while time.monotonic() < end:
            text = self.text()[before:]
            if "end of metrics" in text:
                return text
            time.sleep(0.02)
        return ""

    def end(self):
        if self.process.poll() is None:
            try:
                self.process.stdin.close()
                # Programs of others, started by chrt, do not watch their input.
                self.process.wait(timeout=0.1 if self.process.args[0] == "chrt" else 15)
            except (OSError, subprocess.TimeoutExpired):
                self.process.terminate()
                try:
                    self.process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    self.process.kill()
                    self.process.wait()
        return self.text()


def start(candidate, calls, programs, folder, bot_port):
    """The child and the facts of its "ready" line."""
    child = Child(candidate.command(calls, programs, bot_port), folder / "log")
    try:
        if isinstance(candidate, Relay):
            time.sleep(1)
            candidate.make_calls(calls, folder / "legs.csv")
            return child, child.process.pid, None, None
        found = child.wait_for(r"^ready(?: (\d+))?(?: (\d+) (\d+))?", 30)
        pid = int(found[1] or child.process.pid)
        return child, pid, found[2] and int(found[2]), found[3] and int(found[3])
    except Exception:
        child.end()
        raise


def hold_up(pid, seconds):
    """What a machine does that gives its time to somebody else."""
    try:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


def measure(candidate, calls, seconds, programs, warmup=1.5, stall=0):
    """rtpload's result, with `host`: what else is known. The process is held up for `stall` seconds half-way."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bot, bot_port = None, None
        child = None
        try:
            if candidate.bot:
                bot = Child([programs / "mediabot", "--seconds", 7200, "--cpu", 0], folder / "bot")
                bot_port = int(bot.wait_for(r"^ready \d+ (\d+)", 5)[1])
            child, pid, realtime, base = start(candidate, calls, programs, folder, bot_port)
            has_metrics = base is not None
            before = lateness_buckets(child.metrics()) if has_metrics else {}
            load = [programs / "rtpload", "--seconds", seconds, "--warmup", warmup, "--pid", pid,
                    "--cpu", 0, "--from", FAR, "--realtime", *candidate.load(calls, folder)]
            watch = MemoryWatch(pid, every=max(0.5, seconds / 60))
            watch.start()
            if stall:
                timer = threading.Timer(warmup + seconds / 2, hold_up, (pid, stall))
                timer.daemon = True
                timer.start()
            done = subprocess.run(
                [str(word) for word in load], capture_output=True, text=True,
                timeout=seconds + warmup + 60)
            samples = watch.stop()
            if done.returncode != 0:
                raise RuntimeError(done.stderr.strip() or f"rtpload ended with {done.returncode}")
            result = json.loads(done.stdout)
            after = lateness_buckets(child.metrics()) if has_metrics else {}
            legs = calls * candidate.legs_per_call
            result["calls"] = calls
            result["cost_ms"] = result["server"]["cpu_s"] * 1000 / seconds / calls
            result["host"] = {
                "realtime": realtime, "base_kib": base or 0, "memory": samples,
                "kib_per_call": (result["server"]["resident_kib"] - (base or 0)) / calls,
                "tick_p50_s": quantile_between(before, after, 0.5),
                "tick_p99_s": quantile_between(before, after, 0.99)}
            result["legs"] = legs
            return result
        finally:
            said = child.end() if child else ""
            if bot:
                bot.end()
            if "a stream ended early" in said:
                raise RuntimeError(said[-300:].strip())


def lost(result):
    """Packets or audio that never came back."""
    return (result["lost"] + result["replies"]["missing"]
            + result.get("audio", {}).get("lost", 0))


def late(result):
    return result["late"] + result.get("audio", {}).get("late", 0)
