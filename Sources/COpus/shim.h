#pragma once
#include <opus/opus.h>
#include <opus/opus_multistream.h>

// opus_encoder_ctl is variadic, which Swift cannot call: one function for each setting in use.
static inline int trunkline_opus_set_bitrate(OpusEncoder *encoder, opus_int32 bits_per_second) {
    return opus_encoder_ctl(encoder, OPUS_SET_BITRATE(bits_per_second));
}
static inline int trunkline_opus_set_complexity(OpusEncoder *encoder, opus_int32 complexity) {
    return opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(complexity));
}
static inline int trunkline_opus_set_inband_fec(OpusEncoder *encoder, opus_int32 on,
                                                opus_int32 loss_percent) {
    int result = opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(on));
    if (result != OPUS_OK) return result;
    return opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(loss_percent));
}
static inline int trunkline_opus_set_dtx(OpusEncoder *encoder, opus_int32 on) {
    return opus_encoder_ctl(encoder, OPUS_SET_DTX(on));
}
static inline int trunkline_opus_set_max_bandwidth(OpusEncoder *encoder, opus_int32 bandwidth) {
    return opus_encoder_ctl(encoder, OPUS_SET_MAX_BANDWIDTH(bandwidth));
}
static inline int trunkline_opus_set_vbr(OpusEncoder *encoder, opus_int32 on) {
    return opus_encoder_ctl(encoder, OPUS_SET_VBR(on));
}
static inline int trunkline_opus_get_complexity(OpusEncoder *encoder, opus_int32 *complexity) {
    return opus_encoder_ctl(encoder, OPUS_GET_COMPLEXITY(complexity));
}
static inline int trunkline_opus_get_loss(OpusEncoder *encoder, opus_int32 *percent) {
    return opus_encoder_ctl(encoder, OPUS_GET_PACKET_LOSS_PERC(percent));
}

// The same for an encoder of several independent streams; settings reach each of them.
static inline int trunkline_opus_multi_set(OpusMSEncoder *encoder, opus_int32 bits_per_second,
                                           opus_int32 complexity) {
    int result = opus_multistream_encoder_ctl(encoder, OPUS_SET_BITRATE(bits_per_second));
    if (result != OPUS_OK) return result;
    return opus_multistream_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(complexity));
}
static inline int trunkline_opus_multi_get_lookahead(OpusMSEncoder *encoder, opus_int32 *samples) {
    return opus_multistream_encoder_ctl(encoder, OPUS_GET_LOOKAHEAD(samples));
}

// Whether a packet carries a copy of a whole packet of its length, the one before it: one SILK or hybrid frame with
// the flag for it (LBRR, RFC 6716 4.2.4). libopus has opus_packet_has_lbrr from 1.5 on; this asks for one frame, too.
static inline int trunkline_opus_has_copy(const unsigned char *packet, opus_int32 length) {
    const unsigned char *frames[48];
    opus_int16 sizes[48];
    // The upper half of the configurations is CELT alone (RFC 6716 3.1, table 2).
    if (length < 1 || (packet[0] & 0x80) != 0) return 0;
    int count = opus_packet_parse(packet, length, 0, frames, sizes, 0);
    if (count != 1 || sizes[0] == 0) return 0;
    // A flag of voice for each 20 ms, then the copy's; in stereo the same again.
    int parts = opus_packet_get_samples_per_frame(packet, 48000) / 960;
    if (parts < 1) parts = 1;
    int mid = frames[0][0] >> (7 - parts) & 1;
    int side = (packet[0] & 4) != 0 ? frames[0][0] >> (6 - 2 * parts) & 1 : 0;
    return mid | side;
}
