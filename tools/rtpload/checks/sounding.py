"""What is sent and kept: captures at their own times, recordings, and PESQ of an echo."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import wave

from .echo import Echo, load

ROOT = pathlib.Path(__file__).resolve().parents[3]
PESQ = ROOT / "var/quality/venv/bin/python"
VOICE = "/usr/share/asterisk/sounds/en_US_f_Allison/vm-opts-full.wav"
sys.path.insert(0, str(ROOT / "tools"))
from callees import pcap  # noqa: E402


def samples(path):
    with wave.open(path) as file:
        return struct.unpack(f"<{file.getnframes()}h", file.readframes(file.getnframes()))


def capture():
    """[(ms, packet)]: an A-law stream of odd pauses, events, sizes and marker bits; 900 ms."""
    found, at, stamp = [], 0, 5000
    for number, step in enumerate([20, 20, 5, 35, 20, 60, 0, 20, 20, 140, 20, 20, 40, 20, 12, 28] * 2):
        kind, size = (101, 4) if number % 8 == 6 else (8, 160)
        marker = 0x80 if number % 16 == 10 else 0
        header = struct.pack(">BBHII", 0x80, marker | kind, 700 + number, stamp, 0xABCD)
        found.append((at, header + bytes([number]) * size))
        at += step
        stamp += 160
    return found


def captured(program):
    """Packets leave at the capture's times, as they were, over and over."""
    original = capture()
    with tempfile.TemporaryDirectory() as folder, Echo(legs=1) as echo:
        pcap.write(f"{folder}/call.pcap", original)
        load(program, echo.target, "--pcap", f"{folder}/call.pcap", legs=1, seconds=2, warmup=0.5)
    heard = [(at, packet[1] & 0x7F, packet[1] >> 7, packet[12:]) for at, packet in echo.heard[0]]
    # A stream begins with any packet of it, and the first ones are for learning: the first round after them.
    begin = next(n for n in range(8, len(heard)) if heard[n][3][:1] == b"\0")
    heard = heard[begin:begin + len(original)]
    wanted = [(at, packet[1] & 0x7F, packet[1] >> 7, packet[12:]) for at, packet in original]
    delays = sorted(one[0] * 1000 - two[0] for one, two in zip(heard, wanted))
    usual = delays[len(delays) // 2]
    errors = sorted(abs(delay - usual) for delay in delays)
    print(f"captured: {len(heard)} packets, off by {errors[len(errors) // 2]:.2f} ms in the median, "
          f"{errors[-1]:.2f} at most")
    if [one[1:] for one in heard] != [two[1:] for two in wanted]:
        yield "payload types, marker bits or payloads are not the capture's"
    if errors[len(errors) // 2] > 1.5 or errors[-1] > 20:
        yield "times are not the capture's"


def recorded(program):
    """A recording begins with the stream, however long the offsets took, and the echo is the original."""
    with tempfile.TemporaryDirectory() as folder:
        with Echo(delay=0.12, latch=2, stamps="offset") as echo:
            load(program, echo.target, "--record", folder, "--record-legs", 2)
        for leg in range(2):
            sent, heard = (samples(f"{folder}/{side}-{leg}.wav") for side in ("sent", "heard"))
            same = sum(a == b for a, b in zip(sent, heard)) / len(sent)
            print(f"recorded {leg}: {len(sent)} samples, {same:.3f} the same")
            if same < 0.99:
                yield f"leg {leg}: heard is not sent"


def heard(program):
    """PESQ of an echo: perfect when nothing is lost, and worse when a tenth is."""
    if not PESQ.exists() or not pathlib.Path(VOICE).exists():
        print("heard: skipped, no PESQ or no voice (tools/quality/setup, tools/setup)")
        return

    def score(*bounds, **how):
        with tempfile.TemporaryDirectory() as folder:
            with Echo(legs=1, **how) as echo:
                load(program, echo.target, "--wav", VOICE, "--record", folder, "--record-legs", 1,
                     legs=1, seconds=4, warmup=0.2)
            done = subprocess.run([PESQ, ROOT / "tools/quality/echo.py", folder, *bounds],
                                  capture_output=True, text=True)
        return done.returncode, json.loads(done.stdout)["least"] or 0

    code, clean = score("--least", "4.5")
    failed, lossy = score("--least", "4.5", fate=lambda count: None if count % 10 == 9 else 0)
    print(f"heard: PESQ {clean}, with a tenth lost {lossy}")
    if code != 0:
        yield "a clean echo is not perfect"
    if failed == 0 or not 1 < lossy < 3.5:
        yield "losses are not heard"
