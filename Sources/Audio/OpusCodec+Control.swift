internal import COpus

/// Settings of a running encoder: all may change between two frames.
extension OpusEncoder {
    /// Highest audio bandwidth (RFC 6716 2, table 1).
    public enum Bandwidth: Sendable, CaseIterable {
        /// 4, 6, 8, 12 and 20 kHz.
        case narrow, medium, wide, superWide, full

        /// The widest that is of use to a player of so many samples a second (RFC 7587 6.1,
        /// maxplaybackrate): a rate between two of RFC 6716's plays the lower one's band.
        public init(playbackRate: Int) {
            self =
                switch playbackRate {
                case ..<12_000: .narrow
                case ..<16_000: .medium
                case ..<24_000: .wide
                case ..<48_000: .superWide
                default: .full
                }
        }

        fileprivate var code: Int32 {
            switch self {
            case .narrow: OPUS_BANDWIDTH_NARROWBAND
            case .medium: OPUS_BANDWIDTH_MEDIUMBAND
            case .wide: OPUS_BANDWIDTH_WIDEBAND
            case .superWide: OPUS_BANDWIDTH_SUPERWIDEBAND
            case .full: OPUS_BANDWIDTH_FULLBAND
            }
        }
    }

    /// Bits per second, 6000…510000.
    public mutating func setBitrate(_ bitrate: Int) throws(AudioError) {
        try check(trunkline_opus_set_bitrate(state, Int32(min(max(bitrate, 6000), 510_000))))
    }

    /// 0…10: the engine lowers it under load; 5 is a good telephone choice.
    public mutating func setComplexity(_ complexity: Int) throws(AudioError) {
        try check(trunkline_opus_set_complexity(state, Int32(min(max(complexity, 0), 10))))
    }

    /// Loss to be prepared for, 0…100 %: above 0 each packet also carries a coarse copy of the one
    /// before (RFC 6716 2.1.7), which `OpusDecoder.recover` plays. Feed it from receiver reports.
    ///
    /// - Parameter copies: false: none of that, for a decoder that makes no use of copies; frames
    ///   still depend less on those before them.
    public mutating func setExpectedLoss(
        percent: Int, copies: Bool = true
    ) throws(AudioError) {
        let percent = Int32(min(max(percent, 0), 100))
        try check(
            trunkline_opus_set_inband_fec(state, copies && percent > 0 ? 1 : 0, percent))
    }

    /// Discontinuous transmission: in silence `encode` returns packets of `silentPacket` octets or
    /// fewer, which need not be sent.
    public mutating func setDiscontinuous(_ isOn: Bool) throws(AudioError) {
        try check(trunkline_opus_set_dtx(state, isOn ? 1 : 0))
    }

    /// Every packet of the same size (RFC 6716 2.1.8); false: of the size that the sound asks for.
    public mutating func setConstantBitrate(_ isOn: Bool) throws(AudioError) {
        try check(trunkline_opus_set_vbr(state, isOn ? 0 : 1))
    }

    /// What is above is not coded (RFC 6716 2.1.3); the encoder may choose less by itself.
    ///
    /// - Throws: `library`.
    public mutating func setMaximumBandwidth(_ bandwidth: Bandwidth) throws(AudioError) {
        try check(trunkline_opus_set_max_bandwidth(state, bandwidth.code))
    }

    /// A packet of so few octets says only "still silent" (opus_encode's documentation).
    public static let silentPacket = 2

    /// What libopus holds: complexity and expected loss in per cent.
    public var settings: (complexity: Int, expectedLossPercent: Int) {
        var complexity: Int32 = -1
        var loss: Int32 = -1
        _ = trunkline_opus_get_complexity(state, &complexity)
        _ = trunkline_opus_get_loss(state, &loss)
        return (Int(complexity), Int(loss))
    }

    private func check(_ result: Int32) throws(AudioError) {
        guard result == OPUS_OK else { throw .library(name: "opus", code: Int(result)) }
    }
}

extension OpusDecoder {
    /// Fills `samples` in place of the lost packet before `following`, from the copy that
    /// `following` carries; without one it conceals. `samples` must be exactly as long as what was
    /// lost (a multiple of 2.5 ms). Decode `following` itself afterwards.
    public mutating func recover(
        from following: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) throws(AudioError) -> Int {
        guard let source = following.baseAddress, !following.isEmpty else {
            throw .truncated(needed: 1, have: 0)
        }
        return try decode(
            source.assumingMemoryBound(to: UInt8.self), following.count, samples, redundant: true)
    }

    /// Samples that `packet` decodes to at this rate; nil when it is not Opus.
    public func sampleCount(of packet: UnsafeRawBufferPointer) -> Int? {
        guard let source = packet.baseAddress, !packet.isEmpty else { return nil }
        // SAFETY: libopus reads at most packet.count octets.
        let count = opus_decoder_get_nb_samples(
            state, source.assumingMemoryBound(to: UInt8.self), Int32(clamping: packet.count))
        return count > 0 ? Int(count) : nil
    }
}
