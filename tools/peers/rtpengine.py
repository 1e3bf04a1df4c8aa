#!/usr/bin/env python3
"""rtpengine between two SIP peers on loopback: a relay of SIP that has it rewrite the descriptions.

    rtpengine.py --port N --to HOST:PORT --media LO-HI [--towards-caller RTP/SAVP] [--seconds S]

Starts Debian's rtpengine in user space with ports of its own, then relays one call: requests from
the caller go to HOST:PORT, what comes from there goes back. INVITE and its answer carry the session
descriptions that rtpengine makes of them over its ng protocol; --towards-caller is the transport that
the caller is shown, plain RTP goes to the callee. Prints one JSON line an event. Ends on SIGTERM.
"""
import argparse
import ctypes
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

from child import finish


def encode(value):
    """Bencode, which the ng protocol speaks."""
    if isinstance(value, dict):
        return b"d" + b"".join(encode(k) + encode(value[k]) for k in sorted(value)) + b"e"
    if isinstance(value, list):
        return b"l" + b"".join(map(encode, value)) + b"e"
    if isinstance(value, int):
        return b"i%de" % value
    data = value.encode() if isinstance(value, str) else value
    return b"%d:%s" % (len(data), data)


def decode(data, at=0):
    """(value, where the next begins); strings as str."""
    kind = data[at:at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1:end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while data[at:at + 1] != b"e":
            item, at = decode(data, at)
            items.append(item)
        return (items if kind == b"l" else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end].decode(errors="replace"), end


def end_with_parent():
    """In the child: SIGTERM when its parent is gone, however that went (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Engine:
    """Debian's rtpengine as a child, and its control socket."""

    def __init__(self, control_port, ports):
        self.control = ("127.0.0.1", control_port)
        low, high = ports.split("-")
        self.folder = tempfile.TemporaryDirectory()
        self.log = open(os.path.join(self.folder.name, "log"), "w+b")
        self.process = subprocess.Popen(
            ["rtpengine", "--config-file=none", "--foreground", "--log-stderr", "--table=-1",
             "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{control_port}",
             f"--port-min={low}", f"--port-max={high}", "--num-threads=2",
             f"--pidfile={self.folder.name}/pid"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            preexec_fn=end_with_parent)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.5)
        self.cookie = 0
        end = time.monotonic() + 8
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if self.ask({"command": "ping"}, tries=1).get("result") == "pong":
                    return
            except OSError:
                time.sleep(0.05)
        self.log.seek(0)
        sys.exit("rtpengine.py: rtpengine does not answer: "
                 + self.log.read().decode(errors="replace")[-1500:])

    def ask(self, request, tries=6):
        self.cookie += 1
        cookie = b"%d_%d" % (os.getpid(), self.cookie)
        for _ in range(tries):
            self.socket.sendto(cookie + b" " + encode(request), self.control)
            try:
                while True:
                    answer = self.socket.recv(65535)
                    if answer.startswith(cookie + b" "):
                        return decode(answer[len(cookie) + 1:])[0]
            except TimeoutError:
                continue
        raise OSError("no answer from rtpengine")

    def describe(self, command, message, transport, **more):
        """The SDP that rtpengine makes of a message's."""
        answer = self.ask({
            "command": command, "call-id": header(message, "Call-ID"),
            "from-tag": tag(message, "From"), "sdp": body(message).decode(),
            "transport-protocol": transport, "ICE": "remove", "flags": ["trust-address"],
            "replace": ["origin", "session-connection"], **more,
        })
        if answer.get("result") != "ok":
            raise OSError(f"rtpengine: {answer}")
        return answer["sdp"].encode()

    def end(self):
        finish(self.process)
        self.log.close()
        self.folder.cleanup()


def header(message, name):
    found = re.search(rb"(?im)^%s\s*:\s*([^\r\n]*)" % name.encode(), message)
    return found.group(1).decode() if found else ""


def tag(message, name):
    found = re.search(r";tag=([^;>\s]+)", header(message, name))
    return found.group(1) if found else ""


def body(message):
    return message.partition(b"\r\n\r\n")[2]


def with_body(message, sdp):
    head = message.partition(b"\r\n\r\n")[0]
    head = re.sub(rb"(?im)^(Content-Length|l)\s*:\s*\d+", b"Content-Length: %d" % len(sdp), head)
    return head + b"\r\n\r\n" + sdp


class Relay:
    """Stands in both peers' way: a Via of its own on requests, taken off again from responses."""

    def __init__(self, arguments, engine):
        self.engine = engine
        self.transport = arguments.towards_caller
        host, port = arguments.to.rsplit(":", 1)
        self.callee = (host, int(port))
        self.caller = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", arguments.port))
        self.via = b"SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKrelay" % arguments.port
        # The same SDP for a retransmission: rtpengine must not see it as another offer.
        self.made = {}

    def sdp(self, key, make):
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

    def request(self, message, source):
        first = message.split(b"\r\n", 1)[0]
        branch = re.search(rb"(?im)^Via\s*:[^\r\n]*branch=([^;\s]+)", message)
        via = self.via + (branch.group(1)[-16:] if branch else b"")
        line, rest = message.split(b"\r\n", 1)
        message = line + b"\r\nVia: " + via + b"\r\n" + rest
        if first.startswith(b"INVITE ") and body(message):
            self.caller = source
            sdp = self.sdp(
                ("offer", header(message, "CSeq")),
                lambda: self.engine.describe("offer", message, "RTP/AVP"))
            message = with_body(message, sdp)
        self.socket.sendto(message, self.callee if source == self.caller else self.caller)

    def response(self, message, source):
        status = message.split(b" ", 2)[1]
        key = ("answer", header(message, "CSeq"), status)
        # SIPp writes every Via into one line.
        ours = re.escape(self.via) + rb"[^,\r\n]*"
        message = re.sub(rb"(?im)^Via\s*:\s*" + ours + rb"\r\n", b"", message, count=1)
        message = re.sub(ours + rb",\s*", b"", message, count=1)
        if status[:1] in b"12" and body(message) and b"INVITE" in header(
                message, "CSeq").encode():
            sdp = self.sdp(key, lambda: self.engine.describe(
                "answer", message, self.transport, **{"to-tag": tag(message, "To")}))
            message = with_body(message, sdp)
            print(json.dumps({"event": "answered", "sdp": sdp.decode()}), flush=True)
        self.socket.sendto(message, self.caller if source == self.callee else self.callee)

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not select.select([self.socket], [], [], 0.2)[0]:
                continue
            message, source = self.socket.recvfrom(65535)
            if message.startswith(b"SIP/2.0 "):
                self.response(message, source)
            elif message.strip():
                self.request(message, source)


def stop(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", required=True)
    parser.add_argument("--media", required=True)
    parser.add_argument("--control-port", type=int, required=True)
    parser.add_argument("--towards-caller", default="RTP/AVP")
    parser.add_argument("--seconds", type=float, default=30)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)
    engine = Engine(arguments.control_port, arguments.media)
    try:
        print(json.dumps({"event": "listening", "port": arguments.port}), flush=True)
        Relay(arguments, engine).run(arguments.seconds)
    except KeyboardInterrupt:
        pass
    finally:
        engine.end()


if __name__ == "__main__":
    main()
