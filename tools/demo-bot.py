#!/usr/bin/env python3
"""A small voice bot behind a WebSocket, in the Twilio Media Streams dialect.

  tools/demo-bot.py --say hello.wav --save heard.wav      speaks a clip, saves what it hears
  tools/demo-bot.py --echo                                sends everything back

Needs Python 3.9 and the `websockets` package (Debian: python3-websockets). Writes one JSON object
a line to stdout or --log FILE: listening, connected, start, media (a count each second), dtmf,
mark, clear, stop, closed. Ends on SIGTERM, SIGINT, or after the first stream with --once.
"""
import argparse
import asyncio
import base64
import json
import os
import signal
import sys
import time
import wave

try:
    import websockets
except ImportError:
    sys.exit("demo-bot: the Python package `websockets` is missing; apt-get install "
             "python3-websockets (and run this with /usr/bin/python3)")

RATE = 8000  # samples a second, and bytes a second in mu-law
FRAMES = (160, 320, 480, 640, 800)  # bytes of a frame of 20, 40, 60, 80 or 100 ms


def mulaw_encode_sample(sample):
    """ITU-T G.711 mu-law, 16-bit linear in."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF


def mulaw_decode_sample(code):
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return -magnitude if code & 0x80 else magnitude


DECODED = [mulaw_decode_sample(code).to_bytes(2, "little", signed=True) for code in range(256)]


def read_clip(path):
    """The WAV file at `path` as mu-law bytes; 8 kHz, mono, 16-bit only."""
    try:
        with wave.open(path, "rb") as clip:
            form = (clip.getframerate(), clip.getnchannels(), clip.getsampwidth())
            if form != (RATE, 1, 2):
                sys.exit(f"demo-bot: {path} is {form[0]} Hz, {form[1]} channel(s), "
                         f"{8 * form[2]} bit; it must be 8000 Hz, 1 channel, 16 bit "
                         f"(sox {path} -r 8000 -c 1 -b 16 clip.wav)")
            raw = clip.readframes(clip.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        sys.exit(f"demo-bot: cannot read {path}: {error}")
    cache = {}
    out = bytearray()
    for index in range(0, len(raw) - 1, 2):
        pair = raw[index:index + 2]
        if pair not in cache:
            cache[pair] = mulaw_encode_sample(int.from_bytes(pair, "little", signed=True))
        out.append(cache[pair])
    return bytes(out)


class Log:
    def __init__(self, path):
        self.file = open(path, "a", buffering=1) if path else sys.stdout
        self.zero = time.monotonic()

    def __call__(self, event, **fields):
        line = {"t": round(time.monotonic() - self.zero, 3), "event": event, **fields}
        print(json.dumps(line), file=self.file, flush=True)


class Stream:
    """One WebSocket connection."""

    def __init__(self, bot, socket, number):
        self.bot, self.socket, self.number = bot, socket, number
        self.stream = None
        self.state = "new"
        self.sequence = 0
        self.heard = bytearray()
        self.frames = self.second_frames = self.second = 0
        self.frame_bytes = 160  # all frames are as long as the first
        self.mark_times = {}
        self.violations = []

    def log(self, event, **fields):
        self.bot.log(event, stream=self.number, **fields)

    def violation(self, text):
        if len(self.violations) < 20:
            self.violations.append(text)

    async def run(self):
        try:
            async for text in self.socket:
                if isinstance(text, bytes):
                    self.violation("binary message")
                    continue
                await self.handle(json.loads(text))
        except websockets.exceptions.ConnectionClosed:
            pass
        except (ValueError, KeyError, TypeError) as error:
            self.violation(f"unreadable message: {error}")
        finally:
            self.finish()

    async def handle(self, message):
        event = message["event"]
        if self.state == "new" and event != "connected":
            self.violation(f"{event} before connected")
        if self.state == "connected" and event != "start":
            self.violation(f"{event} before start")
        if event == "connected":
            self.state = "connected"
            self.log("connected", protocol=message["protocol"], version=message["version"])
            return
        number = int(message["sequenceNumber"])
        if number != self.sequence + 1:
            self.violation(f"sequenceNumber {number} after {self.sequence}")
        self.sequence = number
        handler = getattr(self, "on_" + event, None)
        if handler:
            await handler(message)

    async def on_start(self, message):
        self.state = "started"
        start = message["start"]
        self.stream = message["streamSid"]
        self.log("start", streamSid=self.stream, callSid=start["callSid"],
                 mediaFormat=start["mediaFormat"], tracks=start["tracks"],
                 parameterNames=sorted(start.get("customParameters", {})))
        if self.bot.clip is not None:
            await self.say(self.bot.clip, "clip")

    async def on_media(self, message):
        media = message["media"]
        payload = base64.b64decode(media["payload"], validate=True)
        self.frames += 1
        if int(media["chunk"]) != self.frames:
            self.violation(f"chunk {media['chunk']} is frame {self.frames}")
            self.frames = int(media["chunk"])
        if self.frames == 1 and len(payload) in FRAMES:
            self.frame_bytes = len(payload)
        begins = (self.frames - 1) * self.frame_bytes * 1000 // RATE
        if int(media["timestamp"]) != begins or len(payload) != self.frame_bytes:
            self.violation(f"frame {self.frames}: timestamp {media['timestamp']}, "
                           f"{len(payload)} bytes")
        if self.bot.options.save:
            self.heard += payload
        if self.bot.options.echo:
            await self.send("media", media={"payload": media["payload"]})
        self.second_frames += 1
        second = self.frames * self.frame_bytes // RATE
        if second != self.second:
            self.log("media", frames=self.second_frames, total=self.frames,
                     timestamp=int(media["timestamp"]))
            self.second_frames, self.second = 0, second
            if self.second == 1 and self.bot.options.transcript:
                await self.send("transcript", transcript={"text": self.bot.options.transcript})

    async def on_dtmf(self, message):
        digit = message["dtmf"]["digit"]
        self.log("dtmf", digit=digit)
        if digit == self.bot.options.clear_on:
            self.log("clear", outstanding=len(self.mark_times))
            await self.send("clear")
        if digit == self.bot.options.hangup_on:
            await self.socket.close()

    async def on_mark(self, message):
        name = message["mark"]["name"]
        sent = self.mark_times.pop(name, None)
        if sent is None:
            self.violation("a mark that was not outstanding")
        self.log("mark", name=name,
                 after_ms=None if sent is None else round((time.monotonic() - sent) * 1000))

    async def on_stop(self, message):
        self.log("stop", frames=self.frames, violations=self.violations)

    async def send(self, event, **fields):
        await self.socket.send(json.dumps({"event": event, "streamSid": self.stream, **fields}))

    async def say(self, clip, name):
        """Queues the whole clip at once, in pieces of any size, and a mark behind it."""
        size = self.bot.options.chunk
        for index in range(0, len(clip), size):
            payload = base64.b64encode(clip[index:index + size]).decode()
            await self.send("media", media={"payload": payload})
        self.mark_times[name] = time.monotonic()
        await self.send("mark", mark={"name": name})
        self.log("said", bytes=len(clip), mark=name)

    def finish(self):
        self.log("closed", frames=self.frames, outstanding_marks=sorted(self.mark_times),
                 violations=self.violations)
        path = self.bot.options.save
        if path and self.heard:
            if self.number > 1:
                root, extension = os.path.splitext(path)
                path = f"{root}-{self.number}{extension}"
            with wave.open(path, "wb") as out:
                out.setnchannels(1)
                out.setsampwidth(2)
                out.setframerate(RATE)
                out.writeframes(b"".join(DECODED[code] for code in self.heard))


class Bot:
    def __init__(self, options):
        self.options = options
        self.log = Log(options.log)
        self.clip = read_clip(options.say) if options.say else None
        self.streams = 0
        self.end = None

    async def serve(self, socket, *_):
        self.streams += 1
        await Stream(self, socket, self.streams).run()
        if self.options.once:
            self.end.set()

    async def main(self):
        self.end = asyncio.Event()
        loop = asyncio.get_running_loop()
        ends = (signal.SIGTERM, signal.SIGINT)
        for number in ends:
            loop.add_signal_handler(number, self.end.set)
        # A parent with threads may have handed down a mask that blocks them.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)
        try:
            server = await websockets.serve(
                self.serve, self.options.host, self.options.port, compression=None,
                max_size=1 << 20)
        except OSError as error:
            sys.exit(f"demo-bot: cannot listen on {self.options.host}:{self.options.port}: "
                     f"{error.strerror or error}; choose another --port")
        port = next(iter(server.sockets)).getsockname()[1]
        self.log("listening", url=f"ws://{self.options.host}:{port}/", port=port)
        await self.end.wait()
        server.close()
        await server.wait_closed()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8765, help="0 = any free port")
    parser.add_argument("--say", metavar="WAV", help="speak this (8 kHz, mono, 16 bit) on start")
    parser.add_argument("--chunk", type=int, default=758, metavar="BYTES",
                        help="mu-law bytes a message (default 758)")
    parser.add_argument("--echo", action="store_true", help="send received audio back")
    parser.add_argument("--save", metavar="WAV", help="write received audio; later streams get a "
                        "number")
    parser.add_argument("--log", metavar="FILE", help="append the event lines here, not to stdout")
    parser.add_argument("--clear-on", metavar="DIGIT", help="send `clear` on this digit")
    parser.add_argument("--hangup-on", metavar="DIGIT", help="close the stream on this digit")
    parser.add_argument("--transcript", metavar="TEXT",
                        help="after a second, claim to have understood this")
    parser.add_argument("--once", action="store_true", help="end after the first stream")
    options = parser.parse_args()
    if options.chunk < 1:
        parser.error("--chunk must be at least 1")
    asyncio.run(Bot(options).main())


if __name__ == "__main__":
    main()
