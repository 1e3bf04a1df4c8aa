#define _GNU_SOURCE
#define OPENSSL_SUPPRESS_DEPRECATED
#include "web.h"

#include <openssl/sha.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
// Two characters for twelve bits, and the other way: 64 for what is no base64.
static uint8_t pairs[4096][2], values[256];

void web_begin(void) {
    memset(values, 64, sizeof values);
    for (int i = 0; i < 64; i++) values[(uint8_t)alphabet[i]] = (uint8_t)i;
    for (int i = 0; i < 4096; i++) {
        pairs[i][0] = (uint8_t)alphabet[i >> 6];
        pairs[i][1] = (uint8_t)alphabet[i & 63];
    }
}

size_t web_encode(const uint8_t *bytes, size_t count, uint8_t *text) {
    uint8_t *out = text;
    size_t i = 0;
    for (; i + 3 <= count; i += 3, out += 4) {
        uint32_t three = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        memcpy(out, pairs[three >> 12], 2);
        memcpy(out + 2, pairs[three & 4095], 2);
    }
    if (i < count) {
        uint32_t rest = (uint32_t)bytes[i] << 16 | (i + 1 < count ? (uint32_t)bytes[i + 1] << 8 : 0);
        memcpy(out, pairs[rest >> 12], 2);
        memcpy(out + 2, pairs[rest & 4095], 2);
        if (i + 1 == count) out[2] = '=';
        out[3] = '=';
        out += 4;
    }
    return (size_t)(out - text);
}

size_t web_decode(const uint8_t *text, size_t count, uint8_t *bytes) {
    uint8_t *out = bytes;
    while (count > 0 && text[count - 1] == '=') count--;
    size_t i = 0;
    uint8_t bad = 0;
    for (; i + 4 <= count; i += 4, out += 3) {
        uint8_t a = values[text[i]], b = values[text[i + 1]], c = values[text[i + 2]],
                d = values[text[i + 3]];
        bad |= a | b | c | d;
        out[0] = (uint8_t)(a << 2 | b >> 4);
        out[1] = (uint8_t)(b << 4 | c >> 2);
        out[2] = (uint8_t)(c << 6 | d);
    }
    if (count - i == 1) return 0;
    if (count - i >= 2) {
        uint8_t a = values[text[i]], b = values[text[i + 1]];
        uint8_t c = count - i == 3 ? values[text[i + 2]] : 0;
        bad |= a | b | c;
        *out++ = (uint8_t)(a << 2 | b >> 4);
        if (count - i == 3) *out++ = (uint8_t)(b << 4 | c >> 2);
    }
    return bad & 64 ? 0 : (size_t)(out - bytes);
}

size_t web_header(uint8_t *out, int opcode, size_t count, uint32_t mask) {
    uint8_t bit = mask ? 0x80 : 0;
    size_t size = 2;
    out[0] = (uint8_t)(0x80 | opcode);
    if (count < 126) {
        out[1] = (uint8_t)(bit | count);
    } else if (count < 65536) {
        out[1] = bit | 126;
        out[2] = (uint8_t)(count >> 8);
        out[3] = (uint8_t)count;
        size = 4;
    } else {
        out[1] = bit | 127;
        for (int i = 0; i < 8; i++) out[2 + i] = (uint8_t)((uint64_t)count >> (56 - 8 * i));
        size = 10;
    }
    if (mask) {
        memcpy(out + size, &mask, 4);
        size += 4;
    }
    return size;
}

void web_mask(uint8_t *bytes, size_t count, uint32_t mask) {
    uint64_t wide = (uint64_t)mask << 32 | mask;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint64_t eight;
        memcpy(&eight, bytes + i, 8);
        eight ^= wide;
        memcpy(bytes + i, &eight, 8);
    }
    for (; i < count; i++) bytes[i] ^= (uint8_t)(mask >> (8 * (i & 3)));
}

int web_frame(uint8_t *bytes, size_t count, WebFrame *frame) {
    if (count < 2) return 0;
    size_t size = 2, length = bytes[1] & 0x7f;
    if ((bytes[0] & 0xf0) != 0x80) return -1;
    if (length == 126) {
        if (count < 4) return 0;
        length = (size_t)bytes[2] << 8 | bytes[3];
        size = 4;
    } else if (length == 127) {
        if (count < 10) return 0;
        length = 0;
        for (int i = 0; i < 8; i++) length = length << 8 | bytes[2 + i];
        if (length > 1 << 24) return -1;
        size = 10;
    }
    uint32_t mask = 0;
    int masked = bytes[1] & 0x80;
    if (masked) {
        if (count < size + 4) return 0;
        memcpy(&mask, bytes + size, 4);
        size += 4;
    }
    if (count < size + length) return 0;
    if (masked) web_mask(bytes + size, length, mask);
    *frame = (WebFrame){bytes[0] & 15, bytes + size, length, size + length};
    return 1;
}

const uint8_t *web_field(const uint8_t *text, size_t count, const char *key, size_t *length) {
    size_t size = strlen(key);
    const uint8_t *found = memmem(text, count, key, size);
    if (!found) return NULL;
    found += size;
    const uint8_t *end = memchr(found, '"', (size_t)(text + count - found));
    if (!end) return NULL;
    *length = (size_t)(end - found);
    return found;
}

void web_accept(const uint8_t *key, size_t length, uint8_t *text) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t digest[20];
    SHA_CTX hash;
    SHA1_Init(&hash);
    SHA1_Update(&hash, key, length);
    SHA1_Update(&hash, guid, sizeof guid - 1);
    SHA1_Final(digest, &hash);
    web_encode(digest, sizeof digest, text);
}
