"""RTP (RFC 3550) and telephone-event (RFC 4733) packets of a callee, and streams of them."""

import struct
import zlib

from . import g711, sound

PTIME_MS = 20
SAMPLES = sound.ms(PTIME_MS)
PCMU = 0
TELEPHONE_EVENT = 101
DIGITS = "0123456789*#ABCD"
END = 0x80


def packet(payload, payload_type, sequence, timestamp, ssrc, marker=False):
    """One RTP packet, version 2, no padding, extension or CSRC."""
    return struct.pack(
        "!BBHII", 0x80, (0x80 if marker else 0) | payload_type, sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF, ssrc) + payload


def parse(data):
    """(payload_type, marker, sequence, timestamp, ssrc, payload), or None when it is not RTP."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    _, second, sequence, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
    start = 12 + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * struct.unpack("!H", data[start + 2:start + 4])[0]
    end = len(data) - (data[-1] if data[0] & 0x20 else 0)
    if start > end:
        return None
    return second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, data[start:end]


def event_payload(digit, duration, end=False, volume=10):
    """A telephone-event payload: RFC 4733 2.3."""
    return struct.pack("!BBH", DIGITS.index(digit), (END if end else 0) | volume, duration)


def stream(name, samples, digits=(), first_sequence=1000, first_timestamp=16000):
    """20 ms packets of the sound as [(milliseconds since the first, packet)].

    `digits`: (at_ms, digit, duration_ms), in order. While a digit is held, its events take the
    audio's place in the same SSRC and sequence space, as telephones do; the end packet goes out
    three times with rising sequence numbers (RFC 4733 2.5.1.4). `name` decides the SSRC.
    """
    ssrc = zlib.crc32(name.encode())
    packets = []
    sequence = first_sequence
    pending = list(digits)
    held = None
    talkspurt = True
    for index in range((len(samples) + SAMPLES - 1) // SAMPLES):
        now = index * PTIME_MS
        timestamp = first_timestamp + index * SAMPLES
        if held is None and pending and now >= pending[0][0]:
            _, digit, length = pending.pop(0)
            held = (digit, timestamp, sound.ms(length))
        if held is None:
            chunk = samples[index * SAMPLES:(index + 1) * SAMPLES]
            payload = g711.encode(chunk).ljust(SAMPLES, bytes([g711.SILENCE]))
            packets.append((now, packet(payload, PCMU, sequence, timestamp, ssrc, talkspurt)))
            sequence += 1
            talkspurt = False
            continue
        digit, start, total = held
        duration = min(timestamp - start + SAMPLES, total)
        last = duration == total
        for _ in range(3 if last else 1):
            payload = event_payload(digit, duration, end=last)
            packets.append((now, packet(
                payload, TELEPHONE_EVENT, sequence, start, ssrc, timestamp == start)))
            sequence += 1
        if last:
            held = None
            talkspurt = True
    return packets
