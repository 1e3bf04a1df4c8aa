#!/usr/bin/env python3
"""A scriptable SIP callee on loopback that measures what it hears.

The demo's and the tests' trunk is SIPp (Fixtures/sipp/trunk.xml). This does the same with the same
table of numbers (Fixtures/sipp/callees.json) and the same pcaps, needs no root, and in addition
writes down every RTP packet with its time, so that a test can ask what a caller sent, and when.

    tools/callee.py --port 5070 --media-port-base 12000 --audio var/callees --record var/heard

For each answered call `N-USER.jsonl` in the --record folder has one line an event:
`{"t_ms", "event", …}`, t_ms counted from the moment the 200 was first sent, with events
ringing, early_media, answered, ack, play_start, sent, received, digit, cancel, bye, hang_up, end.
`sent` and `received` are RTP packets: seq, ts, ssrc, pt, marker, size and, for PCMU, level_dbm0.
`N-USER.wav` is what was heard, each packet at its RTP time after the first one's arrival.
"""

import argparse
import asyncio
import json
import pathlib
import re
import signal
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from callees import g711, pcap, rtp, sip, sound  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "Fixtures" / "sipp" / "callees.json"
UNKNOWN = {"kind": "unknown", "status": 404}
MAXIMUM_CALLS = 200


class Audio:
    """The callees' RTP streams, read once: name → [(milliseconds, packet)]."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.streams = {}

    def stream(self, name):
        if name not in self.streams:
            path = self.folder / f"{name}.pcap"
            if path.exists():
                self.streams[name] = pcap.read(path)
            else:
                samples = sound.read_wav(self.folder / f"{name}.wav")
                self.streams[name] = rtp.stream(name, samples)
        return self.streams[name]


class Offer:
    """What of an SDP offer matters here: where to send, and the payload types."""

    def __init__(self, body):
        text = body.decode("utf-8", "replace")
        media = re.search(r"^m=audio (\d+) (\S+) ([\d ]+)", text, re.M)
        connections = re.findall(r"^c=IN IP4 (\S+)", text, re.M)
        self.usable = bool(media and connections) and media.group(2) == "RTP/AVP"
        if not self.usable:
            return
        self.remote = (connections[-1], int(media.group(1)))
        types = [int(value) for value in media.group(3).split()]
        event = re.search(r"^a=rtpmap:(\d+) telephone-event/8000", text, re.M | re.I)
        self.event_type = int(event.group(1)) if event else None
        self.usable = rtp.PCMU in types and self.remote[1] != 0


class MediaSocket(asyncio.DatagramProtocol):
    def __init__(self, received):
        self.received = received

    def datagram_received(self, data, source):
        self.received(data)


class Call:
    """One call from its INVITE to its end."""

    def __init__(self, trunk, number, request, source, behaviour):
        self.trunk = trunk
        self.number = number
        self.invite = request
        self.source = source
        self.behaviour = behaviour
        self.user = sip.user(request.uri)
        self.tag = f"callee{number}"
        self.state = "ringing"
        self.last_response = None
        self.repeater = None
        self.tasks = []
        self.player = None
        self.media = None
        self.zero = trunk.clock()
        self.lines = []
        self.heard = []

    # Signalling

    def note(self, event, at=None, **facts):
        self.lines.append((self.trunk.clock() if at is None else at, event, facts))

    def respond(self, status, headers=(), body=b"", until_ack=False):
        contact = f"<sip:{self.trunk.host}:{self.trunk.port}>"
        message = sip.response(
            self.invite, status, self.tag, [("contact", contact), *headers], body)
        self.last_response = message.serialised()
        if until_ack:
            self.repeater = sip.Repeater(
                lambda: self.trunk.send(self.last_response, self.source))
        else:
            self.trunk.send(self.last_response, self.source)

    def start(self):
        self.task(self.run())

    def task(self, work):
        self.tasks.append(asyncio.get_running_loop().create_task(work))
        return self.tasks[-1]

    async def run(self):
        ring = self.behaviour.get("ring_ms")
        status = self.behaviour.get("status")
        if ring is None:
            self.refuse(status)
            return
        offer = Offer(self.invite.body)
        if not offer.usable:
            self.refuse(488)
            return
        early = self.behaviour.get("early_audio")
        if early:
            await self.open_media(offer)
            self.respond(183, self.sdp_headers(), self.sdp(offer))
            self.note("early_media")
            self.player = self.task(self.play(early))
        else:
            self.respond(180)
            self.note("ringing")
        await asyncio.sleep(ring / 1000)
        if status is not None:
            self.refuse(status)
            return
        if not self.media:
            await self.open_media(offer)
        self.state = "answered"
        self.zero = self.trunk.clock()
        self.note("answered", at=self.zero)
        self.respond(200, self.sdp_headers(), self.sdp(offer), until_ack=True)

    def refuse(self, status):
        self.state = "refused"
        self.note("refused", status=status)
        self.respond(status, until_ack=True)

    def sdp_headers(self):
        return [("content-type", "application/sdp"),
                ("allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO")]

    def sdp(self, offer):
        event = offer.event_type
        lines = [
            "v=0", f"o=callee {self.number} 1 IN IP4 {self.trunk.host}", "s=-",
            f"c=IN IP4 {self.trunk.host}", "t=0 0",
            f"m=audio {self.media_port} RTP/AVP 0" + (f" {event}" if event is not None else ""),
            "a=rtpmap:0 PCMU/8000",
        ]
        if event is not None:
            lines += [f"a=rtpmap:{event} telephone-event/8000", f"a=fmtp:{event} 0-15"]
        lines += ["a=ptime:20", "a=sendrecv", ""]
        return "\r\n".join(lines).encode()

    def acknowledged(self):
        if self.repeater:
            self.repeater.stop()
            self.repeater = None
        if self.state == "refused":
            self.finish()
        elif self.state == "answered":
            self.state = "talking"
            self.note("ack")
            if self.player:
                self.player.cancel()
            self.player = self.task(self.play(self.behaviour["audio"]))
            self.task(self.leave(self.behaviour["hang_up_ms"] / 1000))

    async def leave(self, seconds):
        await asyncio.sleep(seconds)
        self.hang_up()

    def cancelled(self):
        self.note("cancel")
        if self.state != "ringing":
            return  # RFC 3261 9.2: too late, the final response stands.
        self.stop_tasks()
        self.refuse(487)

    def byed(self):
        self.note("bye")
        self.finish()

    def hang_up(self):
        if self.state != "talking":
            return
        self.state = "leaving"
        self.note("hang_up")
        local = self.invite.get("to")
        if not sip.tag(local):
            local += f";tag={self.tag}"
        routes = [("route", value) for value in self.invite.all("record-route")]
        request = sip.Message(
            f"BYE {sip.address(self.invite.get('contact'))} SIP/2.0",
            [("via", f"SIP/2.0/UDP {self.trunk.host}:{self.trunk.port}"
                     f";branch=z9hG4bKcallee{self.number}bye;rport"),
             ("max-forwards", "70"), *routes,
             ("from", local),
             ("to", self.invite.get("from")), ("call-id", self.invite.get("call-id")),
             ("cseq", "1 BYE")])
        data = request.serialised()
        self.repeater = sip.Repeater(lambda: self.trunk.send(data, self.source))
        self.task(self.give_up())

    async def give_up(self):
        await asyncio.sleep(sip.TIMEOUT)
        self.finish()

    # Media

    async def open_media(self, offer):
        self.offer = offer
        loop = asyncio.get_running_loop()
        for _ in range(50):
            self.media_port = self.trunk.next_media_port()
            try:
                self.media, _ = await loop.create_datagram_endpoint(
                    lambda: MediaSocket(self.receive), (self.trunk.host, self.media_port))
                return
            except OSError:
                continue
        raise SystemExit("callee.py: no free media port; choose another --media-port-base")

    async def play(self, name):
        """Sends the stream packet by packet, each at its own time after the first."""
        self.note("play_start", audio=name)
        start = self.trunk.clock()
        for milliseconds, data in self.trunk.audio.stream(name):
            due = start + milliseconds / 1000
            while (wait := due - self.trunk.clock()) > 0:
                await asyncio.sleep(wait)
            if self.media is None:
                return
            second = data[1] & 0x7F
            if second == rtp.TELEPHONE_EVENT:
                if self.offer.event_type is None:
                    continue
                second = self.offer.event_type
            data = data[:1] + bytes([data[1] & 0x80 | second]) + data[2:]
            self.media.sendto(data, self.offer.remote)
            self.note_packet("sent", data)
        self.note("play_end", audio=name)

    def receive(self, data):
        packet = self.note_packet("received", data)
        if packet is None:
            self.note("not_rtp", size=len(data))
            return
        payload_type, _, _, timestamp, ssrc, payload = packet
        if payload_type == rtp.PCMU:
            self.heard.append((self.trunk.clock(), ssrc, timestamp, payload))
        elif payload_type == self.offer.event_type and len(payload) >= 4:
            event, flags, duration = struct.unpack("!BBH", payload[:4])
            if flags & rtp.END and event < len(rtp.DIGITS):
                self.note("digit", digit=rtp.DIGITS[event], duration=duration, ts=timestamp)

    def note_packet(self, event, data):
        packet = rtp.parse(data)
        if packet is None:
            return None
        payload_type, marker, sequence, timestamp, ssrc, payload = packet
        facts = {"seq": sequence, "ts": timestamp, "ssrc": ssrc, "pt": payload_type,
                 "marker": marker, "size": len(data)}
        if payload_type == rtp.PCMU:
            level = sound.level_dbm0(g711.decode(payload))
            facts["level_dbm0"] = round(max(level, -99.0), 1)
        self.note(event, **facts)
        return packet

    # End

    def stop_tasks(self):
        current = asyncio.current_task()
        for task in self.tasks:
            if task is not current:
                task.cancel()
        self.tasks = []

    def finish(self):
        if self.state == "ended":
            return
        self.state = "ended"
        self.note("end")
        if self.repeater:
            self.repeater.stop()
        if self.media:
            self.media.close()
            self.media = None
        self.write()
        self.stop_tasks()

    def heard_samples(self):
        """What was heard, as samples from the answer on; packets at their RTP time."""
        if not self.heard:
            return []
        samples = []
        origin = None
        for arrival, ssrc, timestamp, payload in self.heard:
            if origin is None or origin[0] != ssrc:
                origin = (ssrc, timestamp, max(0, round((arrival - self.zero) * sound.RATE)))
            step = (timestamp - origin[1] + 0x80000000) % 0x100000000 - 0x80000000
            start = origin[2] + step
            if not 0 <= start < 3600 * sound.RATE:
                continue
            if start + len(payload) > len(samples):
                samples += [0] * (start + len(payload) - len(samples))
            samples[start:start + len(payload)] = g711.decode(payload)
        return samples

    def write(self):
        folder = self.trunk.record
        if folder is None:
            return
        stem = f"{self.number}-{self.user[-4:]}"
        sound.write_wav(folder / f"{stem}.wav", self.heard_samples())
        unfinished = folder / f"{stem}.unfinished"
        with open(unfinished, "w") as target:
            for at, event, facts in self.lines:
                line = {"t_ms": round((at - self.zero) * 1000, 2), "event": event, **facts}
                target.write(json.dumps(line) + "\n")
        # Whoever sees the .jsonl sees all of it, and the .wav.
        unfinished.rename(folder / f"{stem}.jsonl")


class Trunk(asyncio.DatagramProtocol):
    """The SIP socket: finds the call of each message."""

    def __init__(self, options, table, audio):
        self.host = options.host
        self.port = options.port
        self.media_base = options.media_port_base
        self.media_index = 0
        self.table = table
        self.audio = audio
        self.record = pathlib.Path(options.record) if options.record else None
        self.calls = {}
        self.count = 0
        self.clock = asyncio.get_running_loop().time

    def connection_made(self, transport):
        self.transport = transport

    def next_media_port(self):
        self.media_index += 1
        return self.media_base + 2 * (self.media_index - 1) % 2000

    def send(self, data, destination):
        self.transport.sendto(data, destination)

    def datagram_received(self, data, source):
        if not data.strip(b"\r\n"):
            return  # A keep-alive.
        try:
            message = sip.Message.parse(data)
            number, method = message.sequence
        except (ValueError, IndexError):
            print("callee: not a SIP message, dropped", file=sys.stderr)
            return
        call = self.calls.get(message.get("call-id"))
        if message.status is not None:
            if call and method == "BYE" and message.status >= 200:
                call.finish()
        elif method == "INVITE":
            self.invite(message, source, call)
        elif method == "ACK":
            if call:
                call.acknowledged()
        elif method in ("OPTIONS", "INFO"):
            self.reply(message, 200, source)
        elif method in ("BYE", "CANCEL"):
            self.reply(message, 200 if call else 481, source)
            if call and call.state != "ended":
                call.byed() if method == "BYE" else call.cancelled()
        else:
            self.reply(message, 405, source)

    def reply(self, message, status, source):
        self.send(sip.response(message, status, "callee").serialised(), source)

    def invite(self, message, source, call):
        if call and message.branch == call.invite.branch:
            if call.last_response:
                self.send(call.last_response, source)
            return
        if call:
            if call.state != "talking":
                self.reply(message, 481, source)
                return
            call.invite = message
            offer = Offer(message.body)
            if message.body and not offer.usable:
                call.respond(488, until_ack=True)
                return
            if message.body:
                call.offer = offer
            call.respond(200, call.sdp_headers(), call.sdp(call.offer), until_ack=True)
            return
        if sum(call.state != "ended" for call in self.calls.values()) >= MAXIMUM_CALLS:
            self.reply(message, 486, source)
            return
        self.count += 1
        behaviour = self.table.get(sip.user(message.uri)[-2:], UNKNOWN)
        call = Call(self, self.count, message, source, behaviour)
        self.calls[message.get("call-id")] = call
        self.send(sip.response(message, 100).serialised(), source)
        print(f"callee: call {self.count}, …{sip.user(message.uri)[-2:]}, {behaviour['kind']}",
              flush=True)
        call.start()


async def serve(options):
    table = json.loads(pathlib.Path(options.table).read_text())
    if options.record:
        pathlib.Path(options.record).mkdir(parents=True, exist_ok=True)
    loop = asyncio.get_running_loop()
    audio = Audio(options.audio)
    for behaviour in table.values():
        for key in ("audio", "early_audio"):
            if key in behaviour:
                audio.stream(behaviour[key])
    try:
        transport, trunk = await loop.create_datagram_endpoint(
            lambda: Trunk(options, table, audio), (options.host, options.port))
    except OSError as error:
        raise SystemExit(f"callee.py: cannot bind {options.host}:{options.port}: {error.strerror}")
    trunk.port = transport.get_extra_info("sockname")[1]
    print(f"callee: listening on {options.host}:{trunk.port}", flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await stop.wait()
    for call in trunk.calls.values():
        call.finish()
    transport.close()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5070, help="SIP over UDP; 0 picks one")
    parser.add_argument("--media-port-base", type=int, default=12000)
    parser.add_argument("--audio", default=str(ROOT / "var" / "callees"))
    parser.add_argument("--record", help="folder for what was heard")
    parser.add_argument("--table", default=str(TABLE), help="behaviour by last two digits")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
