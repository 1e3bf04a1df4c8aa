#!/usr/bin/env python3
"""Makes the fuzzers' first inputs out of Fixtures/: seeds.py FOLDER fills FOLDER/TARGET/."""

import hashlib
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FIXTURES = ROOT / "Fixtures"
LARGEST = 8192


def files(pattern):
    """The contents of the fixtures that match, without the notes beside them."""
    for path in sorted(FIXTURES.glob(pattern)):
        notes = path.name in {"SHA256SUMS", "expected.tsv", "README.md"} or "MANIFEST" in path.name
        if path.is_file() and not notes:
            yield path.read_bytes()


def datagrams(capture):
    """UDP payloads of a classic libpcap file with Ethernet and IPv4, as far as it is that."""
    if len(capture) < 24 or capture[:4] != b"\xd4\xc3\xb2\xa1":
        return
    offset = 24
    while offset + 16 <= len(capture):
        length = struct.unpack_from("<I", capture, offset + 8)[0]
        frame = capture[offset + 16:offset + 16 + length]
        offset += 16 + length
        if frame[12:14] == b"\x08\x00" and len(frame) > 42:
            yield frame[14 + 4 * (frame[14] & 15) + 8:]


def report():
    """An SR with one block, SDES, BYE and an XR-shaped packet."""
    sender = struct.pack(">BBHIQIII", 0x81, 200, 12, 7, 1 << 40, 160, 1, 160)
    block = struct.pack(">IIIIII", 9, 1, 2, 3, 4, 5)
    names = struct.pack(">BBHIBB", 0x81, 202, 2, 7, 1, 1) + b"x\x00"
    bye = struct.pack(">BBHI", 0x81, 203, 2, 7) + b"\x03end"
    return sender + block + names + bye + struct.pack(">BBHI", 0x80, 207, 1, 7)


def zones():
    for name in ("America/New_York", "America/Phoenix", "Europe/Berlin", "Etc/UTC"):
        path = pathlib.Path("/usr/share/zoneinfo") / name
        if path.is_file():
            yield path.read_bytes()
    for rule in ("EST5EDT,M3.2.0,M11.1.0", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "UTC0"):
        yield rule.encode()


def uris(messages):
    for message in messages:
        for line in message.split(b"\r\n"):
            name, _, value = line.partition(b":")
            if name.strip().lower() in (b"to", b"from", b"contact", b"t", b"f", b"m"):
                yield value.strip()
            elif b"sip:" in line:
                yield line[line.index(b"sip:"):].split(b" ")[0].strip(b"<>")


def frame(opcode, payload):
    """A WebSocket frame of a server; less than 126 bytes."""
    return bytes([opcode, len(payload)]) + payload


def bot_messages():
    """Each message a bot may send, one of them in two pieces with a ping between."""
    return b"".join((
        frame(0x81, b'{"event":"media","streamSid":"MZ1","media":{"payload":"f/9/\\/w=="}}'), frame(0x01, b'{"event":"mark",'), frame(0x89, b"?"),
        frame(0x80, b'"mark":{"name":"a\\u00e9"}}'), frame(0x81, b'{"event":"clear"}'), frame(0x8A, b""),
        frame(0x81, b'{"event":"transcript","transcript":{"text":"hello"}}'), frame(0x82, b"\0\1"), frame(0x88, b"\x03\xe8bye")))


def seeds():
    captures = list(files("pcap/*.pcap"))
    packets = [packet for capture in captures for packet in datagrams(capture)]
    packets.append(bytes.fromhex("b2e0000100000002000000030000000400000005bede0001102030400000000004"))
    messages = list(files("sip/torture/*/*")) + list(files("sip/torture/*/wire/*"))
    sounds = [sound[:4000] for sound in files("audio/*.wav")]
    contacts = b"phone,first_name,time_zone\r\n+12125550100,Ann,America/New_York\r\n\"x\"\"y\",,\r\n"
    script = bytes(range(256)) * 2
    return {
        "rtp": packets, "demux": [packet[:64] for packet in packets], "rtcp": [report()],
        "event": [b"\0" * 8 + b"\1\0\0\0\5\0\0\xa0" * 8, script], "pcap": captures,
        "sdp": list(files("sdp/*.sdp")), "sip": messages, "agent": messages + [script],
        "frames": [b"\x07" + message for message in messages],
        "dns": [b"\1\xc0\x0c\0\x21\0\1\0\0\0\x3c\0\x0a\0\1\0\1\x13\xc4\1x\xc0\x0c",
                b"\1\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"],
        "uri": list(uris(messages)), "wav": sounds, "opus": [script, b"\3\1\1\x14\x78" + b"\x11" * 20],
        "g711": [bytes(range(256))], "g722": [b"\0\xff" + sound[:600] for sound in files("audio/*.g722")],
        "noise": [script, b"\x08\x0b" + bytes([50, 127, 100, 140, 127, 127, 127, 127, 127, 127, 127])],
        "contacts": [contacts] + list(files("csv/*.csv")),
        "dnc": [b"212,5550100\r\n2125550101\n+1 (212) 555-0102\n"] + list(files("dnc/*")),
        "tzif": list(zones()), "tap": [script, b"\0\0\0\0\0" + b"\1\xa0" * 40],
        "srtp": [script], "dtls": [script, b"\1" + b"\0" * 200],
        "mux": [bytes.fromhex("01000200" "01100200" "01000100" "a000000000000000" "ff7f"
                              "04000100" "01000100" "0000000000000000" "6d"), b"\1\0\0\0" + script],
        "bot": [b"\x06" + bot_messages()],
        "leg": [script, b"\0\1\0\0\0\0\0" + b"\0" * 11 + b"\1\0\1\0\0" * 50],
    }


def main():
    folder = pathlib.Path(sys.argv[1])
    total = 0
    for target, inputs in seeds().items():
        place = folder / target
        place.mkdir(parents=True, exist_ok=True)
        for content in inputs:
            if 0 < len(content) <= LARGEST:
                (place / hashlib.sha1(content).hexdigest()).write_bytes(content)
                total += 1
    print(f"seeds: {total} inputs for {len(seeds())} targets")


if __name__ == "__main__":
    main()
