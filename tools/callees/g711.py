"""G.711 µ-law (ITU-T G.711 table 2a), by table. The audioop module is deprecated, so not used."""

BIAS = 132
CLIP = 32635


def encode_sample(sample):
    """One 16-bit sample to its µ-law octet."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), CLIP) + BIAS
    exponent = magnitude.bit_length() - 8
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    return ~(sign | exponent << 4 | mantissa) & 0xFF


def decode_octet(octet):
    """One µ-law octet to its 16-bit sample."""
    octet = ~octet & 0xFF
    magnitude = (((octet & 0x0F) << 3) + BIAS << ((octet >> 4) & 7)) - BIAS
    return -magnitude if octet & 0x80 else magnitude


_ENCODE = bytes(encode_sample(s - 65536 if s > 32767 else s) for s in range(65536))
_DECODE = [decode_octet(octet) for octet in range(256)]

SILENCE = 0xFF


def encode(samples):
    """16-bit samples to µ-law octets."""
    return bytes(_ENCODE[sample & 0xFFFF] for sample in samples)


def decode(octets):
    """µ-law octets to a list of 16-bit samples."""
    return [_DECODE[octet] for octet in octets]
