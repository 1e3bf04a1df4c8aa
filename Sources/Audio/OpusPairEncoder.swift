internal import COpus

/// Two voices as two independent mono Opus streams in one packet (RFC 6716 B, RFC 7845 5.1.1).
///
/// Joint stereo would code the sum and difference of two people who have nothing in common, and let
/// each be heard faintly on the other's side. Two streams keep the sides apart, at any bit rate.
public struct OpusPairEncoder: ~Copyable {
    /// 20 ms.
    public static let framesPerSecond = 50
    /// Bytes of the largest packet: two frames of 1275 and a length of two.
    public static let maximumPacket = 2 * 1277

    // SAFETY: made in init, destroyed once in deinit, never leaves this struct.
    private let state: OpaquePointer
    /// Hz, of the input.
    public let sampleRate: Int
    /// Samples a channel by which the output lags the input; a player skips them (pre-skip).
    public let lookahead: Int
    /// Samples of a 20 ms frame, a channel.
    public var frameSamples: Int { sampleRate / Self.framesPerSecond }

    /// - Parameters:
    ///   - sampleRate: 8000, 12000, 16000, 24000 or 48000 Hz.
    ///   - bitrate: bits per second of both together, clamped to 12000…510000.
    ///   - complexity: 0…10.
    public init(sampleRate: Int, bitrate: Int, complexity: Int) throws(AudioError) {
        guard OpusDecoder.sampleRates.contains(sampleRate) else {
            throw .badSampleRate(sampleRate)
        }
        var error: Int32 = 0
        let sides: [UInt8] = [0, 1]
        guard
            let state = opus_multistream_encoder_create(
                Int32(sampleRate), 2, 2, 0, sides, OPUS_APPLICATION_VOIP, &error),
            error == OPUS_OK
        else { throw .library(name: "opus", code: Int(error)) }
        var lookahead: Int32 = 0
        for result in [
            trunkline_opus_multi_set(
                state, Int32(min(max(bitrate, 12_000), 510_000)),
                Int32(min(max(complexity, 0), 10))),
            trunkline_opus_multi_get_lookahead(state, &lookahead),
        ] where result != OPUS_OK {
            opus_multistream_encoder_destroy(state)
            throw .library(name: "opus", code: Int(result))
        }
        self.state = state
        self.sampleRate = sampleRate
        self.lookahead = Int(lookahead)
    }

    deinit { opus_multistream_encoder_destroy(state) }

    /// Encodes 20 ms and returns the number of bytes written.
    /// - Parameter frame: interleaved, `frameSamples` of each side.
    public mutating func encode(
        _ frame: UnsafeBufferPointer<Int16>, into packet: UnsafeMutableRawBufferPointer
    ) throws(AudioError) -> Int {
        guard let source = frame.baseAddress, let target = packet.baseAddress,
            frame.count >= frameSamples * 2
        else { throw .truncated(needed: frameSamples * 2, have: frame.count) }
        // SAFETY: libopus reads 2 × frameSamples samples and writes at most packet.count bytes.
        let count = opus_multistream_encode(
            state, source, Int32(frameSamples), target.assumingMemoryBound(to: UInt8.self),
            Int32(clamping: packet.count))
        guard count > 0 else { throw .library(name: "opus", code: Int(count)) }
        return Int(count)
    }
}
