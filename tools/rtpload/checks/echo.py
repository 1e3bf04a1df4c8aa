"""Echo servers whose delay, losses, latching and timestamps are known, and rtpload run against one."""
import heapq
import json
import selectors
import socket
import struct
import subprocess
import threading
import time

LEGS = 4
# Ports of rtpload itself.
OURS = 31000


class Echo(threading.Thread):
    """A socket a leg. Each answers every packet after `delay` s, from packet `latch` on.

    `stamps`: "keep" the timestamps; "offset", a constant more; "counter", a frame more with every reply;
    "timer", the time of the reply in whole frames, whatever came in.
    `fate`: gets a leg's count of packets; returns seconds more, or None for no answer.
    `forge`: gets that and the packet; returns what goes back.
    `heard`: by leg, when each packet came and the packet.
    """

    def __init__(self, delay=0.0, latch=0, stamps="keep", jitter=0.0, legs=LEGS, fate=None, forge=None):
        super().__init__(daemon=True)
        self.delay, self.latch, self.stamps, self.jitter = delay, latch, stamps, jitter
        self.fate, self.forge = fate or (lambda count: 0), forge or (lambda count, packet: packet)
        self.heard = [[] for _ in range(legs)]
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
        first = 22000 + 2 * (time.monotonic_ns() // 1000 % 1000)
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
                    self.heard[key.data].append((time.monotonic(), packet))
                    self.taken[key.data] += 1
                    more = self.fate(self.taken[key.data])
                    if self.taken[key.data] <= self.latch or more is None:
                        continue
                    number += 1
                    late = self.jitter * (number * 7 % 11) / 10 + more
                    due = time.monotonic() + self.delay + late
                    packet = self.stamped(key.data, packet, due)
                    packet = self.forge(self.taken[key.data], packet)
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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    @property
    def target(self):
        return f"127.0.0.1:{self.first}+2"


def said(program, *words, timeout=60):
    """Runs rtpload; its exit code, standard output and standard error."""
    done = subprocess.run([str(word) for word in (program, *words)], capture_output=True, text=True,
                          timeout=timeout)
    return done.returncode, done.stdout, done.stderr.strip()


def load(program, target, *more, legs=LEGS, seconds=1.5, warmup=0.5):
    """rtpload's result, with `start_s`: how long it took to begin."""
    begin = time.monotonic()
    code, output, error = said(program, "--to", target, "--legs", legs, "--seconds", seconds,
                               "--warmup", warmup, "--from", OURS, *more)
    if code != 0:
        raise RuntimeError(error)
    result = json.loads(output)
    result["start_s"] = time.monotonic() - begin - seconds - warmup
    return result
