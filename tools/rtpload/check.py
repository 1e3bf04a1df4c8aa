#!/usr/bin/env python3
"""Holds rtpload against echo servers whose delay, latching and timestamps are known.

  swift build -c release --package-path tools/rtpload
  tools/rtpload/check.py [--program tools/rtpload/.build/release/rtpload] [NAME ...]

On 127.0.0.1, about a minute and a half, 200 packets a second. Ends with 1 when a case fails.
"""
import argparse
import heapq
import json
import pathlib
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import wave

HERE = pathlib.Path(__file__).resolve().parent
LEGS = 4
BROADCAST = "127.255.255.255"


class Echo(threading.Thread):
    """A socket a leg. Each answers every packet after `delay` s, from packet `latch` on.

    `stamps`: "keep" the timestamps; "offset", a constant more; "counter", a frame more with every reply;
    "timer", the time of the reply in whole frames, whatever came in.
    """

    def __init__(self, delay=0.0, latch=0, stamps="keep", jitter=0.0, legs=LEGS):
        super().__init__(daemon=True)
        self.delay, self.latch, self.stamps, self.jitter = delay, latch, stamps, jitter
        self.ending = threading.Event()
        self.sockets = []
        self.taken = [0] * legs
        self.begins = {}
        self.first = None
        while self.first is None:
            self.first = self.bind(legs)
        self.start()

    def bind(self, legs):
        """The first of `legs` even ports in a row, or None when one is taken."""
        for link in self.sockets:
            link.close()
        self.sockets = []
        first = 41000 + 2 * (time.monotonic_ns() // 1000 % 4000)
        try:
            for leg in range(legs):
                self.sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                self.sockets[-1].bind(("127.0.0.1", first + 2 * leg))
                self.sockets[-1].setblocking(False)
        except OSError:
            return None
        return first

    def run(self):
        waiting, number = [], 0
        with selectors.DefaultSelector() as ready:
            for leg, link in enumerate(self.sockets):
                ready.register(link, selectors.EVENT_READ, leg)
            while not self.ending.is_set():
                pause = min(0.1, waiting[0][0] - time.monotonic()) if waiting else 0.1
                for key, _ in ready.select(max(0, pause)):
                    packet, source = key.fileobj.recvfrom(2048)
                    self.taken[key.data] += 1
                    if self.taken[key.data] <= self.latch:
                        continue
                    number += 1
                    late = self.jitter * (number * 7 % 11) / 10
                    due = time.monotonic() + self.delay + late
                    packet = self.stamped(key.data, packet, due)
                    heapq.heappush(waiting, (due, number, key.fileobj, packet, source))
                while waiting and waiting[0][0] <= time.monotonic():
                    _, _, link, packet, source = heapq.heappop(waiting)
                    link.sendto(packet, source)
        for link in self.sockets:
            link.close()

    def stamped(self, leg, packet, due):
        stamp = struct.unpack(">I", packet[4:8])[0]
        if self.stamps == "offset":
            stamp += 0x9000_0001
        elif self.stamps == "counter":
            stamp = 160 * self.taken[leg]
        elif self.stamps == "timer":
            # Begins half a frame before the first reply, so that none falls on its edge.
            begin = self.begins.setdefault(leg, due - 0.01)
            stamp = 160 * int((due - begin) * 50)
        return packet[:4] + struct.pack(">I", stamp & 0xFFFF_FFFF) + packet[8:]

    def end(self):
        self.ending.set()
        self.join()


def load(program, target, *more, legs=LEGS, seconds=1.5, warmup=0.5):
    words = [program, "--to", target, "--legs", legs, "--seconds", seconds, "--warmup", warmup,
             "--from", 33000, *more]
    begin = time.monotonic()
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    result = json.loads(done.stdout)
    result["start_s"] = time.monotonic() - begin - seconds - warmup
    return result


class Case:
    def __init__(self, name, start=1.5, slack=0.012, guessed=0, most=0.0, **echo):
        self.name, self.start, self.slack, self.guessed = name, start, slack, guessed
        self.most, self.echo = most, echo

    def faults(self, program):
        echo = Echo(**self.echo)
        try:
            result = load(program, f"127.0.0.1:{echo.first}+2")
        finally:
            echo.end()
        delay = self.echo.get("delay", 0) + self.echo.get("jitter", 0) / 2
        p50 = result.get("latency_us", {}).get("p50", -1) / 1e6
        print(f"{self.name}: sent {result['sent']} lost {result['lost']} unmatched "
              f"{result['unmatched']} duplicates {result['duplicates']} p50 {p50 * 1000:.1f} ms "
              f"guessed {result.get('guessed_offsets')} start {result['start_s']:.2f} s")
        if result["lost"] > self.most * result["sent"] or result["duplicates"]:
            yield "lost or duplicates"
        if result["unmatched"]:
            yield "unmatched"
        if not delay - 0.001 <= p50 <= delay + self.slack:
            yield f"p50 is not {delay * 1000:.1f} ms"
        if result.get("guessed_offsets") != self.guessed:
            yield "guessed offsets"
        if result["start_s"] > self.start:
            yield f"began later than {self.start} s"


def delays():
    for delay in (0, 15, 60, 120, 260, 480, 900):
        for stamps in ("keep", "offset"):
            yield Case(f"{stamps} {delay} ms", delay=delay / 1000, stamps=stamps,
                       start=1.2 + 3.5 * delay / 1000)


CASES = [
    *delays(),
    Case("latches at the 2nd, 15 ms", delay=0.015, latch=1, stamps="offset", start=1.9),
    Case("latches at the 4th, 120 ms", delay=0.12, latch=3, stamps="offset", start=3.5),
    Case("latches at the 3rd, 700 ms", delay=0.7, latch=2, stamps="offset", start=6),
    Case("latches at the 4th, keeps, 260 ms", delay=0.26, latch=3, start=3.8),
    Case("latches at the 6th, 15 ms", delay=0.015, latch=5, stamps="offset", start=4.5),
    Case("jitter of 30 ms on 40", delay=0.04, jitter=0.03, stamps="offset", start=1.6),
    Case("counts frames, 3 ms", delay=0.003, stamps="counter"),
    Case("counts frames, 60 ms", delay=0.06, stamps="counter", guessed=LEGS, start=3),
    Case("timer, 3 ms", delay=0.003, stamps="timer"),
    Case("timer, 60 ms", delay=0.06, stamps="timer"),
    # Never answered while it is learned: its latency may be wrong by packets, and that is said.
    Case("latches at the 12th, 15 ms", delay=0.015, latch=11, stamps="offset", start=6,
         guessed=LEGS, most=0.02),
    Case("latches at the 12th, keeps, 260 ms", delay=0.26, latch=11, start=6, most=0.02),
]


def refused(program):
    """Legs whose packets the kernel refuses (broadcast): failures, and neither sent nor lost."""
    echo = Echo(legs=1)
    try:
        result = load(program, f"127.0.0.1:{echo.first}+0,{BROADCAST}:40000", legs=2)
    finally:
        echo.end()
    print(f"refused: sent {result['sent']} lost {result['lost']} "
          f"send_failures {result['send_failures']}")
    if not 70 <= result["sent"] <= 80:
        yield "sent is not one leg's"
    if result["lost"]:
        yield "refused packets count as lost"
    if not 70 <= result["send_failures"] <= 80:
        yield "send_failures is not one leg's"


def recorded(program):
    """A recording begins with the stream, however long the offsets took, and the echo is the original."""
    echo = Echo(delay=0.12, latch=2, stamps="offset")
    with tempfile.TemporaryDirectory() as folder:
        try:
            load(program, f"127.0.0.1:{echo.first}+2", "--record", folder, "--record-legs", 2)
        finally:
            echo.end()
        for leg in range(2):
            sent, heard = (samples(f"{folder}/{side}-{leg}.wav") for side in ("sent", "heard"))
            same = sum(a == b for a, b in zip(sent, heard)) / len(sent)
            print(f"recorded {leg}: {len(sent)} samples, {same:.3f} the same")
            if same < 0.99:
                yield f"leg {leg}: heard is not sent"


def samples(path):
    with wave.open(path) as file:
        return struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=HERE / ".build/release/rtpload")
    parser.add_argument("names", nargs="*", help="only cases whose name has one of these")
    options = parser.parse_args()
    checks = [(case.name, case.faults) for case in CASES]
    checks += [("refused", refused), ("recorded", recorded)]
    bad = 0
    for name, check in checks:
        if options.names and not any(word in name for word in options.names):
            continue
        for fault in check(options.program):
            bad += 1
            print(f"  FAILED {name}: {fault}")
    print("all right" if bad == 0 else f"{bad} faults")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
