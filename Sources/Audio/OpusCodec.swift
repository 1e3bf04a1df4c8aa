internal import COpus

/// One mono Opus stream out (RFC 6716) through libopus.
public struct OpusEncoder: ~Copyable {
    // SAFETY: made in init, destroyed once in deinit, never leaves this struct.
    let state: OpaquePointer
    /// Hz, of the input; the RTP clock is 48 000 all the same (RFC 7587 4.1).
    public let sampleRate: Int

    /// - Parameters:
    ///   - sampleRate: 8000, 12000, 16000, 24000 or 48000 Hz.
    ///   - bitrate: bits per second, 6000…510000.
    ///   - complexity: 0…10; 5 is a good telephone choice.
    ///   - expectedLossPercent: above 0 switches in-band error correction on.
    public init(
        sampleRate: Int, bitrate: Int = 24_000, complexity: Int = 5, expectedLossPercent: Int = 0
    ) throws(AudioError) {
        guard OpusDecoder.sampleRates.contains(sampleRate) else {
            throw .badSampleRate(sampleRate)
        }
        var error: Int32 = 0
        guard
            let state = opus_encoder_create(
                Int32(sampleRate), 1, OPUS_APPLICATION_VOIP, &error), error == OPUS_OK
        else { throw .library(name: "opus", code: Int(error)) }
        let loss = Int32(min(max(expectedLossPercent, 0), 100))
        for result in [
            trunkline_opus_set_bitrate(state, Int32(min(max(bitrate, 6000), 510_000))),
            trunkline_opus_set_complexity(state, Int32(min(max(complexity, 0), 10))),
            trunkline_opus_set_inband_fec(state, loss > 0 ? 1 : 0, loss),
        ] where result != OPUS_OK {
            opus_encoder_destroy(state)
            throw .library(name: "opus", code: Int(result))
        }
        self.state = state
        self.sampleRate = sampleRate
    }

    deinit { opus_encoder_destroy(state) }

    /// Encodes one frame (2.5, 5, 10, 20, 40 or 60 ms) and returns the number of bytes written.
    public mutating func encode(
        _ frame: UnsafeBufferPointer<Int16>, into packet: UnsafeMutableRawBufferPointer
    ) throws(AudioError) -> Int {
        guard let source = frame.baseAddress, let target = packet.baseAddress else {
            throw .truncated(needed: 1, have: 0)
        }
        // SAFETY: libopus reads frame.count samples and writes at most packet.count bytes.
        let count = opus_encode(
            state, source, Int32(clamping: frame.count),
            target.assumingMemoryBound(to: UInt8.self), Int32(clamping: packet.count))
        guard count > 0 else { throw .library(name: "opus", code: Int(count)) }
        return Int(count)
    }
}

/// One mono Opus stream in (RFC 6716) through libopus.
public struct OpusDecoder: ~Copyable {
    static let sampleRates = [8000, 12_000, 16_000, 24_000, 48_000]
    // SAFETY: made in init, destroyed once in deinit, never leaves this struct.
    let state: OpaquePointer
    /// Hz, of the output, whatever bandwidth the sender has chosen.
    public let sampleRate: Int

    /// - Parameter sampleRate: of the output: 8000, 12000, 16000, 24000 or 48000 Hz.
    public init(sampleRate: Int) throws(AudioError) {
        guard Self.sampleRates.contains(sampleRate) else { throw .badSampleRate(sampleRate) }
        var error: Int32 = 0
        guard let state = opus_decoder_create(Int32(sampleRate), 1, &error), error == OPUS_OK
        else { throw .library(name: "opus", code: Int(error)) }
        self.state = state
        self.sampleRate = sampleRate
    }

    deinit { opus_decoder_destroy(state) }

    /// Decodes one packet and returns the number of samples written. A packet that is not Opus, or
    /// longer than `samples` has room for, throws and changes nothing the next packet needs.
    public mutating func decode(
        _ packet: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) throws(AudioError) -> Int {
        guard let source = packet.baseAddress, !packet.isEmpty else {
            throw .truncated(needed: 1, have: 0)
        }
        return try decode(source.assumingMemoryBound(to: UInt8.self), packet.count, samples)
    }

    /// Fills `samples` (a multiple of 2.5 ms) in place of a lost packet.
    public mutating func conceal(
        into samples: UnsafeMutableBufferPointer<Int16>
    ) throws(AudioError) -> Int {
        try decode(nil, 0, samples)
    }

    func decode(
        _ packet: UnsafePointer<UInt8>?, _ count: Int,
        _ samples: UnsafeMutableBufferPointer<Int16>, redundant: Bool = false
    ) throws(AudioError) -> Int {
        guard let target = samples.baseAddress else { throw .truncated(needed: 1, have: 0) }
        // SAFETY: libopus reads `count` bytes and writes at most samples.count samples.
        let written = opus_decode(
            state, packet, Int32(clamping: count), target, Int32(clamping: samples.count),
            redundant ? 1 : 0)
        guard written >= 0 else { throw .library(name: "opus", code: Int(written)) }
        return Int(written)
    }
}
