"""Classic pcap files (libpcap 2.4, Ethernet, IPv4, UDP), written and read."""

import struct

MAGIC_MICROSECONDS = 0xA1B2C3D4
ETHERNET = 1
LOOPBACK = bytes([127, 0, 0, 1])


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _frame(payload, port, identification):
    udp = struct.pack("!HHHH", port, port, 8 + len(payload), 0) + payload
    head = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), identification & 0xFFFF, 0x4000, 64, 17, 0,
        LOOPBACK, LOOPBACK)
    head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
    return bytes(12) + b"\x08\x00" + head + udp


def write(path, packets, port=6000):
    """Writes [(milliseconds, UDP payload)]; the first packet is at the epoch plus one second."""
    with open(path, "wb") as target:
        target.write(struct.pack("<IHHiIII", MAGIC_MICROSECONDS, 2, 4, 0, 0, 65535, ETHERNET))
        for index, (milliseconds, payload) in enumerate(packets):
            frame = _frame(payload, port, index)
            microseconds = 1_000_000 + round(milliseconds * 1000)
            target.write(struct.pack(
                "<IIII", microseconds // 1_000_000, microseconds % 1_000_000, len(frame),
                len(frame)))
            target.write(frame)


def read(path):
    """[(milliseconds since the first, UDP payload)] of a file as `write` makes it, or as SIPp's
    own; packets that are not IPv4 UDP over Ethernet are left out. Raises ValueError otherwise."""
    with open(path, "rb") as source:
        data = source.read()
    for order in "<>":
        if len(data) >= 24 and struct.unpack(order + "I", data[:4])[0] == MAGIC_MICROSECONDS:
            break
    else:
        raise ValueError(f"{path}: not a classic pcap file")
    if struct.unpack(order + "I", data[20:24])[0] != ETHERNET:
        raise ValueError(f"{path}: not Ethernet")
    packets = []
    offset = 24
    while offset + 16 <= len(data):
        seconds, micros, captured, _ = struct.unpack(order + "IIII", data[offset:offset + 16])
        frame = data[offset + 16:offset + 16 + captured]
        offset += 16 + captured
        if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
            continue
        udp = 14 + 4 * (frame[14] & 0x0F)
        length = struct.unpack("!H", frame[udp + 4:udp + 6])[0]
        packets.append((seconds * 1000 + micros / 1000, frame[udp + 8:udp + length]))
    return [(time - packets[0][0], payload) for time, payload in packets]
