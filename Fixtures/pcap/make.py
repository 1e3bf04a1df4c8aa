#!/usr/bin/env python3
"""Writes the small captures of this folder. Run it here; the output is the same each time."""
import struct


def header(link, order="<", magic=0xA1B2C3D4):
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)


def record(order, seconds, fraction, frame, cut=None):
    kept = frame if cut is None else frame[:cut]
    return struct.pack(order + "IIII", seconds, fraction, len(kept), len(frame)) + kept


def udp(source, destination, payload):
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def ip4(payload, source=b"\xc0\x00\x02\x01", destination=b"\xc0\x00\x02\x02", proto=17, flags=0x4000):
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 1, flags, 64, proto, 0) + source + destination + payload


def ip6(payload, proto=17):
    source = bytes.fromhex("20010db8000000000000000000000001")
    return struct.pack(">IHBB", 6 << 28, len(payload), proto, 64) + source + source[:-1] + b"\x02" + payload


def rtp(sequence, timestamp, payload, ssrc=0x11223344, pt=0, marker=False):
    return struct.pack(">BBHII", 0x80, pt | (0x80 if marker else 0), sequence, timestamp, ssrc) + payload


def dtmf():
    """One press of 9 with the habits of SIPp's dtmf_2833 captures."""
    out = header(1)
    ethernet = bytes(12) + b"\x08\x00"
    at, sequence = 0, 500
    for duration in range(0, 2240, 320):
        event = struct.pack(">BBH", 9, 10, duration)
        out += record("<", 0, at, ethernet + ip4(udp(4000, 4002, rtp(sequence, 8000, event, pt=101, marker=duration == 0))))
        at += 20000
        sequence += 1
    for _ in range(3):
        event = struct.pack(">BBH", 9, 0x8A, 2240)
        out += record("<", 0, at, ethernet + ip4(udp(4000, 4002, rtp(sequence, 8000, event, pt=101))))
        at += 40
    return out


def mixed():
    """Big-endian, nanoseconds, Linux cooked: two streams (IPv4, IPv6) among what is not RTP."""
    out = header(113, ">", 0xA1B23C4D)
    cooked4 = struct.pack(">HHH8sH", 0, 1, 6, bytes(8), 0x0800)
    cooked6 = struct.pack(">HHH8sH", 0, 1, 6, bytes(8), 0x86DD)
    for n in range(5):
        ns = n * 20_000_000
        audio = bytes([n]) * 160
        out += record(">", 7, ns, cooked4 + ip4(udp(4000, 4002, rtp(65534 + n & 0xFFFF, n * 160, audio))))
        hop = bytes([17, 0, 1, 4, 0, 0, 0, 0])
        out += record(">", 7, ns + 1, cooked6 + ip6(hop + udp(5000, 5002, rtp(n, n * 160, audio[:80], ssrc=0xAABBCCDD, pt=8)), 0))
    rtcp = struct.pack(">BBHI", 0x80, 201, 1, 0x11223344)
    out += record(">", 8, 0, cooked4 + ip4(udp(4001, 4003, rtcp)))
    out += record(">", 8, 1, cooked4 + ip4(bytes(20), proto=6))
    out += record(">", 8, 2, cooked4 + ip4(udp(53, 53, rtp(1, 1, b"once", ssrc=5))))
    out += record(">", 8, 3, cooked4 + ip4(udp(9, 9, bytes(100)), flags=0x2000))
    out += record(">", 8, 4, cooked4 + ip4(udp(4000, 4002, rtp(4, 800, bytes(160)))), cut=60)
    return out


for name, content in (("dtmf-9-habits.pcap", dtmf()), ("two-streams-sll-be-ns.pcap", mixed())):
    with open(name, "wb") as file:
        file.write(content)
