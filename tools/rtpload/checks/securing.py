"""SRTP, against RFC 3711 as OpenSSL's AES and Python's HMAC have it."""
import base64
import hashlib
import hmac
import struct
import subprocess

from .echo import Echo, LEGS, load

MASTER = bytes(range(16))
SALT = bytes(range(0x80, 0x8E))
KEY = base64.b64encode(MASTER + SALT).decode()
TAG = 10


def counter_mode(key, iv, data):
    """AES-128 in counter mode."""
    done = subprocess.run(["openssl", "enc", "-aes-128-ctr", "-K", key.hex(), "-iv", iv.hex()],
                          input=data, capture_output=True, check=True)
    return done.stdout


def derived(label, size):
    """RFC 3711 4.3.1 with a derivation rate of 0."""
    x = int.from_bytes(SALT, "big") ^ label << 48
    return counter_mode(MASTER, (x << 16).to_bytes(16, "big"), bytes(size))


def opened(packet, rollover=0):
    """The payload of a packet of AES_CM_128_HMAC_SHA1_80 (RFC 3711 4.1.1, 4.2), or None."""
    body, tag = packet[:-TAG], packet[-TAG:]
    digest = hmac.new(derived(1, 20), body + struct.pack(">I", rollover), hashlib.sha1).digest()
    if digest[:TAG] != tag:
        return None
    sequence, ssrc = struct.unpack(">H", body[2:4])[0], int.from_bytes(body[8:12], "big")
    salt = int.from_bytes(derived(2, 14), "big")
    iv = salt << 16 ^ ssrc << 64 ^ (rollover << 16 | sequence) << 16
    return counter_mode(derived(0, 16), iv.to_bytes(16, "big"), body[12:])


def packets(echo):
    """Payload or packet by sequence number, of the first leg."""
    return {struct.unpack(">H", packet[2:4])[0]: packet for _, packet in echo.heard[0]}


def secured(program):
    """What leaves opens by the RFC to the plain payload; replies that were altered do not count."""
    def forge(count, packet):
        return packet[:-1] + bytes([packet[-1] ^ 1]) if count % 10 == 9 else packet

    with Echo(legs=1) as echo:
        load(program, echo.target, legs=1, seconds=0.5, warmup=0.2)
    plain = packets(echo)
    with Echo(forge=forge) as echo:
        result = load(program, echo.target, "--key", KEY)
    secret = packets(echo)
    common = sorted(plain.keys() & secret.keys())[:12]
    same = sum(opened(secret[n]) == plain[n][12:] for n in common)
    print(f"secured: {same} of {len(common)} packets open to the plain ones; sent {result['sent']} lost "
          f"{result['lost']} not_authentic {result['not_authentic']}")
    if len(common) < 12 or same < len(common):
        yield "RFC 3711 does not open them"
    for name in ("lost", "not_authentic"):
        if abs(result[name] - result["sent"] / 10) > LEGS:
            yield f"{name} is not a tenth"
    for suite, key, tag in (("AEAD_AES_256_GCM", 44, 16), ("AES_CM_128_HMAC_SHA1_32", 30, 4)):
        with Echo() as echo:
            result = load(program, echo.target, "--suite", suite, "--key",
                          base64.b64encode(bytes(key)).decode(), seconds=0.5, warmup=0.2)
        sizes = {len(packet) for _, packet in echo.heard[0]}
        print(f"  {suite}: sent {result['sent']} received {result['received']} sizes {sizes}")
        if sizes != {12 + 160 + tag} or result["received"] != result["sent"]:
            yield f"{suite}: sizes or replies"
