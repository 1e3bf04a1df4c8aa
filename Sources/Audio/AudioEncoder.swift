/// One stream to be sent with any codec, from samples at `AudioCodec.sampleRate`.
///
/// What G.722 and Opus remember lies on the heap. Nothing is allocated after `init`.
public struct AudioEncoder: ~Copyable {
    /// Longest payload that Opus is given room for: below any path's packet size.
    public static let opusPayloadLimit = 1200

    /// Fixed for life: a change of codec is a new encoder.
    public let codec: AudioCodec
    // SAFETY: made in init, freed once in deinit, never leaves this struct.
    private let g722: UnsafeMutablePointer<G722Encoder>?
    private var opus: OpusEncoder?

    /// PCMU.
    public init() {
        codec = .pcmu
        g722 = nil
    }

    /// - Parameters:
    ///   - bitrate: of Opus, bits per second.
    ///   - complexity: of Opus, 0…10.
    /// - Throws: `library` when libopus has no memory.
    public init(
        _ codec: AudioCodec, bitrate: Int = 24_000, complexity: Int = 5
    ) throws(AudioError) {
        var opus: OpusEncoder?
        if codec == .opus {
            opus = try OpusEncoder(
                sampleRate: codec.sampleRate, bitrate: bitrate, complexity: complexity)
        }
        self.codec = codec
        self.opus = consume opus
        guard codec == .g722 else {
            g722 = nil
            return
        }
        let state = UnsafeMutablePointer<G722Encoder>.allocate(capacity: 1)
        state.initialize(to: G722Encoder())
        g722 = state
    }

    deinit {
        g722?.deinitialize(count: 1)
        g722?.deallocate()
    }

    /// Encodes one frame, as much as fits; returns the bytes written, 0 when it cannot be encoded.
    public mutating func encode(
        _ samples: UnsafeBufferPointer<Int16>, into payload: UnsafeMutableRawBufferPointer
    ) -> Int {
        switch codec {
        case .pcmu: return G711.encodeMuLaw(samples, into: payload)
        case .pcma: return G711.encodeALaw(samples, into: payload)
        case .l16, .l16Wide: return L16.encode(samples, into: payload)
        case .g722: return g722?.pointee.encode(samples, into: payload) ?? 0
        case .opus:
            let room = UnsafeMutableRawBufferPointer(
                rebasing: payload.prefix(Self.opusPayloadLimit))
            do throws(AudioError) {
                return try opus?.encode(samples, into: room) ?? 0
            } catch {
                return 0
            }
        }
    }

    // MARK: what only Opus has; the others ignore it

    /// 0…10.
    public mutating func setComplexity(_ complexity: Int) {
        try? opus?.setComplexity(complexity)
    }

    /// Bits per second, 6000…510000.
    public mutating func setBitrate(_ bitrate: Int) { try? opus?.setBitrate(bitrate) }

    /// Every packet of the same size (RFC 6716 2.1.8); false: of the size that the sound asks for.
    public mutating func setConstantBitrate(_ isOn: Bool) {
        try? opus?.setConstantBitrate(isOn)
    }

    /// Nothing above it is coded (RFC 6716 2.1.3).
    public mutating func setMaximumBandwidth(_ bandwidth: OpusEncoder.Bandwidth) {
        try? opus?.setMaximumBandwidth(bandwidth)
    }

    /// Loss at the far end that in-band error correction prepares for, 0…100 %; `copies` false:
    /// without error correction.
    public mutating func setExpectedLoss(percent: Int, copies: Bool = true) {
        try? opus?.setExpectedLoss(percent: percent, copies: copies)
    }

    /// Silence becomes payloads of `OpusEncoder.silentPacket` octets or fewer, not to be sent.
    public mutating func setDiscontinuous(_ isOn: Bool) {
        try? opus?.setDiscontinuous(isOn)
    }

    /// What libopus holds; nil for any other codec.
    public var opusSettings: (complexity: Int, expectedLossPercent: Int)? {
        mutating get { opus?.settings }
    }
}
