/// One received stream of any codec, decoded at `AudioCodec.sampleRate`.
///
/// G.711 and L16 keep nothing; what G.722 and Opus remember from packet to packet lies on the heap,
/// so that the many legs which use neither stay small. Nothing is allocated after `init`.
public struct AudioDecoder: ~Copyable {
    /// Fixed for life: another payload type has its own decoder.
    public let codec: AudioCodec
    // SAFETY: made in init, freed once in deinit, never leaves this struct.
    private let g722: UnsafeMutablePointer<G722Decoder>?
    private var opus: OpusDecoder?

    /// PCMU.
    public init() {
        codec = .pcmu
        g722 = nil
    }

    /// - Throws: `library` when libopus has no memory.
    public init(_ codec: AudioCodec) throws(AudioError) {
        var opus: OpusDecoder?
        if codec == .opus { opus = try OpusDecoder(sampleRate: codec.sampleRate) }
        self.codec = codec
        self.opus = consume opus
        guard codec == .g722 else {
            g722 = nil
            return
        }
        let state = UnsafeMutablePointer<G722Decoder>.allocate(capacity: 1)
        state.initialize(to: G722Decoder())
        g722 = state
    }

    deinit {
        g722?.deinitialize(count: 1)
        g722?.deallocate()
    }

    /// The codec fills the place of lost packets itself, and better than anybody from outside.
    public var concealsLoss: Bool { codec == .opus }

    /// Decodes `payload`, as much as fits; returns the samples written, 0 when it cannot be
    /// decoded.
    public mutating func decode(
        _ payload: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Int {
        switch codec {
        case .pcmu: return G711.decodeMuLaw(payload, into: samples)
        case .pcma: return G711.decodeALaw(payload, into: samples)
        case .l16, .l16Wide: return L16.decode(payload, into: samples)
        case .g722: return g722?.pointee.decode(payload, into: samples) ?? 0
        case .opus:
            do throws(AudioError) {
                return try opus?.decode(payload, into: samples) ?? 0
            } catch {
                return 0
            }
        }
    }

    /// Fills `samples` (a multiple of 2.5 ms) in place of what was lost; false when the codec
    /// cannot.
    public mutating func conceal(into samples: UnsafeMutableBufferPointer<Int16>) -> Bool {
        do throws(AudioError) {
            return try opus?.conceal(into: samples) == samples.count
        } catch {
            return false
        }
    }

    /// Fills `samples`, exactly as long as the packet lost before `following`, from the copy that
    /// `following` carries, or conceals. Decode `following` afterwards.
    public mutating func recover(
        from following: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Bool {
        do throws(AudioError) {
            return try opus?.recover(from: following, into: samples) == samples.count
        } catch {
            return false
        }
    }
}
