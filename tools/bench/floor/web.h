// The little of HTTP, WebSocket (RFC 6455), JSON and base64 that the floor and its bot share: text
// messages in the dialect of docs/STREAMING.md, no fragments, no extensions.
#ifndef FLOOR_WEB_H
#define FLOOR_WEB_H

#include <stddef.h>
#include <stdint.h>

// Fills the tables. Once, before anything else here.
void web_begin(void);

// Base64 of `count` bytes; returns the characters written (no terminator).
size_t web_encode(const uint8_t *bytes, size_t count, uint8_t *text);
// Bytes of `count` characters (padding allowed); returns how many, 0 when it is no base64.
size_t web_decode(const uint8_t *text, size_t count, uint8_t *bytes);

// Writes a frame's header for `count` bytes of payload; a client's has `mask` (not 0), which the
// caller applies. Returns the header's size, at most 14.
size_t web_header(uint8_t *out, int opcode, size_t count, uint32_t mask);
// XORs `count` bytes with the mask, eight at a time.
void web_mask(uint8_t *bytes, size_t count, uint32_t mask);

typedef struct {
    int opcode;
    uint8_t *payload;  // unmasked in place
    size_t count;
    size_t size;       // of the whole frame
} WebFrame;
// The frame at the head of `bytes`. 1: there is one, 0: more bytes are needed, -1: not understood.
int web_frame(uint8_t *bytes, size_t count, WebFrame *frame);

// Where the text after `key` (with its quotes and colon, `"payload":"`) begins and how long it is
// to the next quote; NULL when there is none.
const uint8_t *web_field(const uint8_t *text, size_t count, const char *key, size_t *length);

// Sec-WebSocket-Accept of a key (`length` characters); writes 28 characters.
void web_accept(const uint8_t *key, size_t length, uint8_t *text);

#endif
