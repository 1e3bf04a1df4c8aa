"""A small SIP caller (UAC) for testing callees: one call, its signalling steps and the RTP that
comes back, each with its time. No part of Trunkline is used."""

import asyncio
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from callees import rtp, sip, sound  # noqa: E402


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, received):
        self.datagram_received = received


class Caller:
    """`await call(...)` returns this object with `steps` [(seconds, what)] and `packets`
    [(seconds, payload type, sequence, timestamp, payload)], seconds since the INVITE. RTP that does
    not come from the port in the callee's SDP is counted in `strays`."""

    def __init__(self, user, port, hold, cancel_after=None, ack_after=0):
        self.user, self.port = user, port
        self.hold, self.cancel_after, self.ack_after = hold, cancel_after, ack_after
        self.steps, self.packets, self.strays = [], [], 0
        self.remote_media = None
        self.identity = f"{user}-{id(self)}"

    def note(self, what):
        self.steps.append((self.loop.time() - self.zero, what))

    def at(self, what):
        """Seconds of the first step of that name, or None."""
        return next((time for time, step in self.steps if step == what), None)

    async def call(self):
        self.loop = asyncio.get_running_loop()
        self.zero = self.loop.time()
        self.final = self.loop.create_future()
        self.byed = asyncio.Event()
        self.over = asyncio.Event()
        self.to = f"<sip:{self.user}@127.0.0.1:{self.port}>"
        self.target = f"sip:{self.user}@127.0.0.1:{self.port}"
        self.signalling, _ = await self.loop.create_datagram_endpoint(
            lambda: _Datagrams(self.receive), local_addr=("127.0.0.1", 0))
        self.media, _ = await self.loop.create_datagram_endpoint(
            lambda: _Datagrams(self.hear), local_addr=("127.0.0.1", 0))
        self.local = self.signalling.get_extra_info("sockname")[1]
        media_port = self.media.get_extra_info("sockname")[1]
        body = (
            f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {media_port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n").encode()
        self.send("INVITE", 1, "z1", [("content-type", "application/sdp")], body)
        try:
            if self.cancel_after is not None:
                await asyncio.sleep(self.cancel_after)
                self.send("CANCEL", 1, "z1")
            status = await asyncio.wait_for(self.final, 10)
            if status == 200:
                await self.talk()
        finally:
            self.signalling.close()
            self.media.close()
        return self

    async def options(self, seconds):
        """True when an OPTIONS is answered with 200 within so many seconds."""
        self.loop = asyncio.get_running_loop()
        self.zero = self.loop.time()
        self.final = self.loop.create_future()
        self.to = self.target = f"sip:{self.user}@127.0.0.1:{self.port}"
        self.signalling, _ = await self.loop.create_datagram_endpoint(
            lambda: _Datagrams(self.receive), local_addr=("127.0.0.1", 0))
        self.local = self.signalling.get_extra_info("sockname")[1]
        self.send("OPTIONS", 1, "z0")
        await asyncio.sleep(seconds)
        self.signalling.close()
        return self.at("<200 OPTIONS") is not None

    async def talk(self):
        tone = asyncio.create_task(self.speak())
        try:
            await asyncio.wait_for(self.byed.wait(), self.hold)
        except asyncio.TimeoutError:
            self.send("BYE", 2, "z3")
            await asyncio.wait_for(self.over.wait(), 5)
        tone.cancel()
        await asyncio.sleep(0.1)

    async def speak(self):
        """A 440 Hz tone, from one second after the answer."""
        await asyncio.sleep(1)
        start = self.loop.time()
        for milliseconds, packet in rtp.stream("caller", sound.tone([440], 2000, -10)):
            await asyncio.sleep(max(0, start + milliseconds / 1000 - self.loop.time()))
            self.media.sendto(packet, self.remote_media)

    def send(self, method, number, branch, headers=(), body=b""):
        message = sip.Message(f"{method} {self.target} SIP/2.0", [
            ("via", f"SIP/2.0/UDP 127.0.0.1:{self.local};branch=z9hG4bK{self.identity}{branch}"),
            ("max-forwards", "70"), ("from", f"<sip:tester@127.0.0.1>;tag={self.identity}"),
            ("to", self.to), ("call-id", self.identity), ("cseq", f"{number} {method}"),
            ("contact", f"<sip:tester@127.0.0.1:{self.local}>"), *headers], body)
        self.signalling.sendto(message.serialised(), ("127.0.0.1", self.port))
        self.note(method)

    def receive(self, data, _):
        message = sip.Message.parse(data)
        number, method = message.sequence
        if message.status is None:
            self.note(f"<{method}")
            answer = sip.response(message, 200)
            self.signalling.sendto(answer.serialised(), ("127.0.0.1", self.port))
            self.byed.set()
            return
        self.note(f"<{message.status} {method}")
        if method == "BYE":
            self.over.set()
        port = re.search(rb"m=audio (\d+)", message.body)
        if method == "INVITE" and port:
            self.remote_media = ("127.0.0.1", int(port.group(1)))
        if method != "INVITE" or message.status < 200:
            return
        self.to = message.get("to")
        if message.status == 200:
            if self.final.done() and self.at("ACK") is None:
                return  # A repetition, while the ACK is held back.
            self.target = sip.address(message.get("contact"))
            self.loop.call_later(self.ack_after, self.send, "ACK", 1, "z2")
        else:
            self.send("ACK", 1, "z1")
        if not self.final.done():
            self.final.set_result(message.status)

    def hear(self, data, source):
        if source != self.remote_media:
            self.strays += 1
            return
        packet = rtp.parse(data)
        if packet:
            kind, _, sequence, timestamp, _, payload = packet
            self.packets.append(
                (self.loop.time() - self.zero, kind, sequence, timestamp, payload))
