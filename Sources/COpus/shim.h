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
