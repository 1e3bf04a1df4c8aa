#!/usr/bin/env python3
"""A bot for Trunkline's multiplexed stream: many calls on one WebSocket (docs/STREAMING.md).

  tools/mux-client.py --echo                     sends every call its own audio back
  tools/mux-client.py --record heard/            saves each call as a WAV file
  tools/mux-client.py --tone 440                 plays a tone to each call

Needs Python 3.9 and the `websockets` package (Debian: python3-websockets). Trunkline dials in: give it
`mux+ws://this-host:8766/`. Writes one JSON object a line: listening, connected, start, dtmf, event,
mark, stop, closed. Ends on SIGTERM or SIGINT, or after the first connection with --once.

To write a bot of your own, import `Connection`, `Record`, `pack` and `unpack`; all four need nothing
but the standard library.
"""
import argparse
import asyncio
import json
import math
import os
import signal
import ssl
import struct
import sys
import time
import wave
from dataclasses import dataclass

SUBPROTOCOL = "trunkline.mux.1"
VERSION = 1
HELLO, AUDIO, START, STOP, MARK, CLEAR, DTMF, EVENT, TRANSCRIPT = range(9)
NAMES = ("hello", "audio", "start", "stop", "mark", "clear", "dtmf", "event", "transcript")
# Flags of a record; the lowest two bits are the encoding of audio.
MULAW_8K, LINEAR_8K, LINEAR_16K = 0, 1, 2
SPEECH_KNOWN, SPEECH, CONCEALED, END = 1 << 2, 1 << 3, 1 << 4, 1 << 7

MESSAGE = struct.Struct("<BBH")  # version, 0, records
RECORD = struct.Struct("<BBHIQ")  # type, flags, length of the payload, leg, timestamp
LONGEST = 65535  # bytes of a payload, and records of a message


class Malformed(ValueError):
    """A message that is not one of the multiplexed stream."""


@dataclass
class Record:
    type: int
    leg: int
    payload: bytes = b""
    flags: int = 0
    timestamp: int = 0  # samples since the leg's start

    @property
    def name(self):
        return NAMES[self.type] if self.type < len(NAMES) else str(self.type)

    @property
    def json(self):
        return json.loads(self.payload.decode()) if self.payload else {}


def pack(records):
    """One message of these records."""
    out = bytearray(MESSAGE.pack(VERSION, 0, len(records)))
    for record in records:
        out += RECORD.pack(record.type, record.flags, len(record.payload), record.leg,
                           record.timestamp)
        out += record.payload
    return bytes(out)


def unpack(message):
    """The records of a message; those of unknown types are there as well, with their payload."""
    if len(message) < MESSAGE.size:
        raise Malformed("shorter than its header")
    version, _, count = MESSAGE.unpack_from(message)
    if version != VERSION:
        raise Malformed(f"version {version}")
    records = []
    offset = MESSAGE.size
    while offset < len(message):
        if len(message) - offset < RECORD.size:
            raise Malformed("a record is cut")
        kind, flags, length, leg, timestamp = RECORD.unpack_from(message, offset)
        offset += RECORD.size
        if len(message) - offset < length:
            raise Malformed("a payload is cut")
        records.append(Record(kind, leg, bytes(message[offset:offset + length]), flags, timestamp))
        offset += length
    if len(records) != count:
        raise Malformed(f"{len(records)} records instead of {count}")
    return records


class Leg:
    """One call: what its `start` said, and how far its audio has come."""

    def __init__(self, record):
        self.id = record.leg
        self.start = record.json
        self.call = self.start.get("callSid", "")
        form = self.start.get("mediaFormat", {})
        self.rate = form.get("sampleRate", 8000)
        self.linear = form.get("encoding") == "audio/x-l16"
        self.width = 2 if self.linear else 1
        self.flags = MULAW_8K if not self.linear else LINEAR_8K if self.rate == 8000 else LINEAR_16K
        self.next = record.timestamp
        self.frames = self.missing = 0

    def heard(self, record):
        """Counts a frame of audio; returns how many samples are missing before it."""
        hole = record.timestamp - self.next
        self.missing += max(0, hole)
        self.next = record.timestamp + len(record.payload) // self.width
        self.frames += 1
        return hole


class Connection:
    """A WebSocket of the multiplexed stream.

    `async for leg, record in connection` gives the records in their order; `leg` is None for `hello`.
    What you answer with `audio`, `mark`, `clear` and `stop` goes out in one message when the records
    of the message at hand have been read, or with `await connection.flush()`.
    """

    def __init__(self, socket):
        self.socket = socket
        self.legs = {}
        self.hello = {}
        self.waiting = []

    async def __aiter__(self):
        async for message in self.socket:
            if isinstance(message, str):
                raise Malformed("a text message")
            for record in unpack(message):
                if record.type >= len(NAMES):
                    continue  # of a later version: whatever leg it is for, `unpack` went by its length
                if record.type == HELLO:
                    self.hello = record.json
                    yield None, record
                    continue
                if record.type == START:
                    self.legs[record.leg] = Leg(record)
                leg = self.legs.get(record.leg)
                if leg is None:
                    raise Malformed(f"{record.name} of leg {record.leg}, which never started")
                yield leg, record
                if record.flags & END:
                    del self.legs[record.leg]
            await self.flush()

    def audio(self, leg, payload):
        """Samples in the leg's own encoding, any number, to be played after what is there."""
        step = LONGEST - LONGEST % leg.width
        for start in range(0, len(payload), step):
            self.waiting.append(Record(AUDIO, leg.id, bytes(payload[start:start + step]), leg.flags))

    def mark(self, leg, name):
        """Comes back when the audio before it has been sent to the callee."""
        self.waiting.append(Record(MARK, leg.id, name.encode()))

    def clear(self, leg):
        """Barge-in: nothing of what was sent is played any more."""
        self.waiting.append(Record(CLEAR, leg.id))

    def transcript(self, leg, text):
        """What you have understood of the callee since the leg's start; helps to say who answered."""
        self.waiting.append(Record(TRANSCRIPT, leg.id, text.encode()))

    def stop(self, leg):
        """Ends this leg's stream; the connection and the others go on."""
        self.waiting.append(Record(STOP, leg.id))

    async def flush(self):
        while self.waiting:
            # A message has to stay below Trunkline's limit of 1 MiB; 4096 records are another.
            size = taken = 0
            for record in self.waiting[:4096]:
                size += RECORD.size + len(record.payload)
                if taken and size > 1 << 19:
                    break
                taken += 1
            batch, self.waiting = self.waiting[:taken], self.waiting[taken:]
            await self.socket.send(pack(batch))


# The demonstration ----------------------------------------------------------------------------------


def mulaw_encode(sample):
    """ITU-T G.711 mu-law, 16-bit linear in."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF


def mulaw_decode(code):
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return -magnitude if code & 0x80 else magnitude


DECODED = [mulaw_decode(code).to_bytes(2, "little", signed=True) for code in range(256)]


def tone(leg, hertz, seconds):
    """A sine in the leg's encoding, at a quarter of full scale."""
    step = 2 * math.pi * hertz / leg.rate
    samples = [int(8192 * math.sin(step * index)) for index in range(int(seconds * leg.rate))]
    if leg.linear:
        return struct.pack(f"<{len(samples)}h", *samples)
    return bytes(mulaw_encode(sample) for sample in samples)


class Demonstration:
    def __init__(self, options):
        self.options = options
        self.zero = time.monotonic()
        self.connections = 0
        self.done = asyncio.Event()

    def log(self, event, **fields):
        line = {"t": round(time.monotonic() - self.zero, 3), "event": event, **fields}
        print(json.dumps(line), flush=True)

    async def serve(self, socket, path=None):
        self.connections += 1
        number = self.connections
        connection = Connection(socket)
        files = {}
        messages = 0
        reason = ""
        try:
            async for leg, record in connection:
                messages += 1
                self.handle(connection, leg, record, files, number)
        except (Malformed, ValueError, KeyError) as error:
            reason = f"{type(error).__name__}: {error}"
            await socket.close(1002, "malformed")
        except Exception as error:  # the connection's own end, by whatever name
            if type(error).__name__ not in ("ConnectionClosedError", "ConnectionClosedOK"):
                raise
        finally:
            for file in files.values():
                file.close()
            self.log("closed", connection=number, records=messages, violation=reason)
            if self.options.once:
                self.done.set()

    def handle(self, connection, leg, record, files, number):
        options = self.options
        if record.type == HELLO:
            self.log("connected", connection=number, **record.json.get("limits", {}))
        elif record.type == START:
            self.log("start", connection=number, leg=leg.id, call=leg.call, rate=leg.rate,
                     resumed=leg.start.get("resumed"), timestamp=record.timestamp)
            # After a break what was sent before goes on playing.
            if options.tone and not leg.start.get("resumed"):
                connection.audio(leg, tone(leg, options.tone, 2))
                connection.mark(leg, "tone")
        elif record.type == AUDIO:
            hole = leg.heard(record)
            if hole:
                self.log("hole", leg=leg.id, call=leg.call, samples=hole)
            if options.echo:
                connection.audio(leg, record.payload)
                if options.mark_every and leg.frames % options.mark_every == 0:
                    connection.mark(leg, f"{leg.call}/{leg.frames}")
            if options.record:
                self.save(leg, record, files)
        elif record.type == DTMF:
            digit = record.payload.decode()
            self.log("dtmf", leg=leg.id, call=leg.call, digit=digit)
            if digit == options.clear_on:
                connection.clear(leg)
            if digit == options.speak_on:
                connection.audio(leg, tone(leg, 440, 60))
                connection.mark(leg, "spoken")
        elif record.type == MARK:
            self.log("mark", leg=leg.id, call=leg.call, name=record.payload.decode())
        elif record.type == EVENT:
            self.log("event", leg=leg.id, call=leg.call, kind=record.json.get("event"))
        elif record.type == STOP:
            if leg.id in files:
                files.pop(leg.id).close()
            self.log("stop", leg=leg.id, call=leg.call, frames=leg.frames, missing=leg.missing,
                     reason=record.json.get("reason"))

    def save(self, leg, record, files):
        if leg.id not in files:
            name = "".join(c if c.isalnum() or c in "-_" else "_" for c in leg.call) or str(leg.id)
            file = wave.open(os.path.join(self.options.record, f"{name}-{leg.id}.wav"), "wb")
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(leg.rate)
            files[leg.id] = file
        files[leg.id].writeframes(record.payload if leg.linear
                                  else b"".join(DECODED[code] for code in record.payload))


async def run(options):
    try:
        import websockets
    except ImportError:
        sys.exit("mux-client: the Python package `websockets` is missing; apt-get install "
                 "python3-websockets (and run this with /usr/bin/python3)")
    demonstration = Demonstration(options)
    loop = asyncio.get_running_loop()
    ends = (signal.SIGTERM, signal.SIGINT)
    for name in ends:
        loop.add_signal_handler(name, demonstration.done.set)
    # Whoever started this may have blocked them.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
    context = None
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
    server = await websockets.serve(
        demonstration.serve, options.host, options.port, subprotocols=[SUBPROTOCOL], ssl=context,
        compression=None, max_size=1 << 17, max_queue=256)
    demonstration.log("listening", port=server.sockets[0].getsockname()[1])
    await demonstration.done.wait()
    server.close()
    await server.wait_closed()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8766, help="0: any free one")
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--record", metavar="FOLDER")
    parser.add_argument("--tone", type=float, metavar="HERTZ")
    parser.add_argument("--mark-every", type=int, default=0, metavar="FRAMES",
                        help="with --echo: a mark after so many frames")
    parser.add_argument("--clear-on", metavar="DIGIT", help="barge in at this digit")
    parser.add_argument("--speak-on", metavar="DIGIT", help="a minute of tone at this digit")
    parser.add_argument("--certificate", metavar="PEM", help="serve wss:// with this and --key")
    parser.add_argument("--key", metavar="PEM")
    parser.add_argument("--once", action="store_true", help="end after the first connection")
    options = parser.parse_args()
    if options.record:
        os.makedirs(options.record, exist_ok=True)
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
