#!/usr/bin/env python3
"""Sprays a range of media ports with everything an RTP attacker sends, and listens for an answer.

    tools/spray.py --target 10.0.0.2 --ports 20000-20039 --seconds 6 --interface eth0

Every port gets, in turn: RTP as perfect runs (one SSRC, numbers without a gap) of each payload
type, RTP with guessed SSRCs, RTCP (receiver reports, BYE), STUN binding requests, a DTLS
ClientHello, SRTP-like noise, and garbage. What comes back is counted on the wire (AF_PACKET), so
that nothing sent to any port of this host is missed; ICMP from closed ports is counted apart.
Prints one JSON object. Only for addresses that are loopback, private or link-local.
"""

import argparse
import ipaddress
import json
import random
import socket
import struct
import sys
import time

RATE = 3000  # packets a second at most


def rtp(payload_type, sequence, timestamp, ssrc, payload):
    return struct.pack("!BBHII", 0x80, payload_type, sequence & 0xFFFF, timestamp & 0xFFFFFFFF,
                       ssrc & 0xFFFFFFFF) + payload


def rtcp(ssrc, about):
    report = struct.pack("!BBHI", 0x81, 201, 7, ssrc) + struct.pack("!IIIIII", about, 0, 0, 0, 0, 0)
    bye = struct.pack("!BBHI", 0x81, 203, 1, about)
    return report + bye


def stun(source):
    return struct.pack("!HHI", 1, 0, 0x2112A442) + bytes(source.randrange(256) for _ in range(12))


def client_hello(source):
    """DTLS 1.2 (RFC 6347 4.2) as a WebRTC client begins: ECDHE suites, P-256, use_srtp. A server without rules answers it."""
    def extension(kind, body):
        return struct.pack("!HH", kind, len(body)) + body

    suites = struct.pack("!4H", 0xC02B, 0xC02F, 0xC02C, 0xC030)
    extensions = b"".join([
        extension(10, struct.pack("!HHH", 4, 29, 23)),              # supported_groups: x25519, secp256r1
        extension(11, b"\x01\x00"),                                 # ec_point_formats: uncompressed
        extension(13, struct.pack("!HHHH", 6, 0x0403, 0x0804, 0x0401)),  # signature_algorithms
        extension(14, struct.pack("!HHHHB", 6, 8, 7, 1, 0)),        # use_srtp (RFC 5764 4.1.1)
        extension(23, b""),                                         # extended_master_secret
        extension(0xFF01, b"\x00"),                                 # renegotiation_info
    ])
    body = (b"\xfe\xfd" + source.randbytes(32) + b"\x00" + b"\x00" + struct.pack("!H", len(suites)) + suites
            + b"\x01\x00" + struct.pack("!H", len(extensions)) + extensions)
    length = struct.pack("!I", len(body))[1:]
    message = b"\x01" + length + bytes(2) + bytes(3) + length + body
    return b"\x16\xfe\xff" + bytes(8) + struct.pack("!H", len(message)) + message


class Spray:
    """One attacker: a run of numbers for each port, and a source of guesses."""

    def __init__(self, seed):
        self.source = random.Random(seed)
        self.ssrc = self.source.getrandbits(32)
        self.round = 0

    def packets(self, port, payload_types):
        """What `port` gets this round."""
        number = self.round + port
        voice = self.source.randbytes(160)
        kind = self.round % 4
        # The perfect run comes every round: four in a row is what a naive rule believes.
        yield rtp(payload_types[0], number, number * 160, self.ssrc, voice)
        if kind == 0:
            yield rtp(payload_types[self.round // 4 % len(payload_types)], self.source.getrandbits(16),
                      self.source.getrandbits(32), self.source.getrandbits(32), voice)
            yield stun(self.source)
        elif kind == 1:
            yield rtcp(self.ssrc, self.source.getrandbits(32))
            yield client_hello(self.source)
        elif kind == 2:
            yield rtp(payload_types[0], number, number * 160, self.ssrc, voice) + self.source.randbytes(10)
        else:
            yield self.source.randbytes(self.source.randrange(1, 1400))


def sniffer(interface):
    """Sees every IPv4 packet that arrives on `interface`."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    wire.bind((interface, 0x0800))
    wire.setblocking(False)
    return wire


def drain(wire, target, seen):
    while True:
        try:
            packet, address = wire.recvfrom(2048)
        except BlockingIOError:
            return
        if address[2] == socket.PACKET_OUTGOING or len(packet) < 20:
            continue
        if socket.inet_ntoa(packet[12:16]) != target:
            continue
        name = {17: "udp", 1: "icmp"}.get(packet[9], "other")
        seen[name] = seen.get(name, 0) + 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--target", required=True)
    parser.add_argument("--ports", required=True, help="FIRST-LAST")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--payload-types", default="0,8,101,13")
    parser.add_argument("--interface", required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    address = ipaddress.ip_address(options.target)
    if not (address.is_private or address.is_loopback or address.is_link_local):
        sys.exit("spray: %s is a public address; this tool is for your own test networks" % address)
    first, last = (int(part) for part in options.ports.split("-"))
    types = [int(part) for part in options.payload_types.split(",")]
    wire = sniffer(options.interface)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    spray = Spray(options.seed)
    seen, sent, refused = {}, 0, 0
    begin = time.monotonic()
    while time.monotonic() - begin < min(options.seconds, 60):
        for port in range(first, last + 1):
            for packet in spray.packets(port, types):
                try:
                    sender.sendto(packet, (options.target, port))
                    sent += 1
                except OSError:
                    refused += 1
            drain(wire, options.target, seen)
            ahead = sent / RATE - (time.monotonic() - begin)
            if ahead > 0:
                time.sleep(ahead)
        spray.round += 1
    time.sleep(0.3)
    drain(wire, options.target, seen)
    print(json.dumps({"sent": sent, "refused": refused, "rounds": spray.round,
                      "received_udp": seen.get("udp", 0), "received_icmp": seen.get("icmp", 0),
                      "received_other": seen.get("other", 0)}))


if __name__ == "__main__":
    main()
