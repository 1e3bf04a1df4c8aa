"""The programs that take turns, and rtpengine's control protocol."""

import re
import socket

PORT, FAR, NG_PORT = 40000, 30000, 22322
ZERO_KEY = "A" * 40
# Of the legs of a full AI leg's candidates, every so manieth is timed by its own packets. Not a
# divisor of 20, so that all phases of the tick are among them.
PROBE_EVERY = 21


class Candidate:
    """A program under test. `command(calls, programs, bot)` gives its words."""

    #: Legs of the load generator for one call.
    legs_per_call = 1
    step = 2

    def __init__(self, key, name, command, srtp=False, bot=False, audio=False, step=2):
        self.key, self.name, self.command = key, name, command
        self.srtp, self.bot, self.audio, self.step = srtp, bot, audio, step

    def load(self, calls, folder):
        """The words that tell rtpload about this candidate."""
        words = ["--to", f"127.0.0.1:{PORT}+{self.step}", "--legs", calls]
        if self.srtp:
            words += ["--key", ZERO_KEY]
        if self.audio:
            words += ["--match", "audio", "--probe-every", PROBE_EVERY]
        return words


def host(*more):
    return lambda calls, programs, bot: [
        programs / "enginehost", "--port", PORT, "--legs", calls, "--far", FAR, "--cpu", 1,
        "--seconds", 3600, *more]


def ai(*more):
    """Worker and event loop on one core."""
    return lambda calls, programs, bot: [
        "taskset", "-c", "1", programs / "aihost", "--port", PORT, "--legs", calls, "--far", FAR,
        "--cpu", 1, "--bot", bot, "--key", ZERO_KEY, "--probe-every", PROBE_EVERY,
        "--seconds", 3600, *more]


def floor(*more):
    def words(calls, programs, bot):
        filled = [bot if word == "BOT" else word for word in more]
        return [programs / "mediafloor", "--port", PORT, "--legs", calls, "--cpu", 1,
                "--seconds", 3600, *filled]
    return words


def yardstick(path, srtp, frames):
    return lambda calls, programs, bot: [
        "chrt", "-r", "10", path, PORT, calls, 3600, "perleg", 0, frames, srtp, 0]


class Relay(Candidate):
    """rtpengine in user space, one worker thread, plain RTP: what it does fastest."""

    legs_per_call = 2

    def __init__(self):
        super().__init__(
            "rtpengine", "rtpengine relays the call (Debian, user space)", self.words)
        self.number = 0

    def words(self, calls, programs, bot):
        return [
            "chrt", "-r", "10", "taskset", "-c", "1", "rtpengine", "--config-file=none",
            "--foreground", "--table=-1", "--interface=127.0.0.1",
            f"--listen-ng=127.0.0.1:{NG_PORT}", "--num-threads=1", "--port-min=50000",
            "--port-max=59998", "--log-level=1", "--log-stderr"]

    def load(self, calls, folder):
        return ["--legs-file", folder / "legs.csv"]

    def ask(self, link, request):
        self.number += 1
        cookie = f"b{self.number}".encode()
        link.send(cookie + b" " + bencode(request))
        answer = link.recv(65536)
        port = re.search(rb"m=audio (\d+)", answer)
        if not port:
            raise RuntimeError(f"rtpengine: {answer[:200]!r}")
        return int(port[1])

    def make_calls(self, calls, path):
        """Makes the calls and writes rtpload's list of legs, two lines a call."""
        def sdp(leg):
            return (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio {FAR + 2 * (leg % 20)} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
                "a=sendrecv\r\n")

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.connect(("127.0.0.1", NG_PORT))
            link.settimeout(5)
            lines = []
            for leg in range(0, 2 * calls, 2):
                call = {"call-id": f"bench{leg}", "from-tag": f"a{leg}", "ICE": "remove"}
                offer = {**call, "command": "offer", "sdp": sdp(leg)}
                answer = {**call, "command": "answer", "to-tag": f"b{leg}", "sdp": sdp(leg + 1)}
                second = self.ask(link, offer)
                first = self.ask(link, answer)
                lines += [f"{first},{leg + 1},-,-", f"{second},{leg},-,-"]
        path.write_text("\n".join(lines) + "\n")


def bencode(value):
    """rtpengine's ng: bencoded dictionaries over UDP, a cookie in front."""
    if isinstance(value, dict):
        parts = [bencode(key) + bencode(value[key]) for key in sorted(value)]
        return b"d" + b"".join(parts) + b"e"
    if isinstance(value, list):
        return b"l" + b"".join(bencode(item) for item in value) + b"e"
    data = value.encode()
    return str(len(data)).encode() + b":" + data


def full(key, name, command):
    """A full AI leg: SRTP, a bot that sends the audio back."""
    return Candidate(key, name, command, srtp=True, bot=True, audio=True)


ALL = [
    Candidate("echo", "C echo", floor("--echo")),
    Candidate("floor", "C floor", floor()),
    Candidate("floor-srtp", "C floor, SRTP", floor("--srtp"), srtp=True),
    Candidate("floor-srtp-ws100", "C floor, SRTP, binary frame every 100 ms, nothing back",
              floor("--srtp", "--ws", 100), srtp=True),
    Candidate("plain", "engine, echo, no detection", host("--no-detection")),
    Candidate("engine", "engine, echo, detection", host()),
    Candidate("bridge", "engine, echo, detection, bridge (no socket)", host("--bridge")),
    Candidate("engine-srtp", "engine, echo, detection, SRTP", host("--key", ZERO_KEY), srtp=True),
    full("floor-ai20", "C floor, full leg, 20 ms frames",
         floor("--srtp", "--ws", 20, "--bot", "BOT")),
    full("floor-ai100", "C floor, full leg, 100 ms frames",
         floor("--srtp", "--ws", 100, "--bot", "BOT")),
    full("ai20", "engine, full AI leg, 20 ms frames", ai()),
    full("ai100", "engine, full AI leg, 100 ms frames", ai("--stream", "call", "--frame", 100)),
    full("mux20", "engine, full AI leg, multiplexed, 20 ms",
         ai("--stream", "mux", "--frame", 20)),
    full("ai20-deaf", "engine, full AI leg, 20 ms frames, no detectors", ai("--no-detection")),
    Relay(),
]
BY_KEY = {candidate.key: candidate for candidate in ALL}


def yardsticks(path):
    """A mediafloor with positional arguments, to hold ours against."""
    return [
        Candidate("yardstick", "yardstick", yardstick(path, 0, 0), step=1),
        Candidate("yardstick-srtp", "yardstick, SRTP", yardstick(path, 1, 0), srtp=True, step=1),
        Candidate("yardstick-srtp-ws100", "yardstick, SRTP, binary frame every 100 ms",
                  yardstick(path, 1, 100), srtp=True, step=1),
    ]
