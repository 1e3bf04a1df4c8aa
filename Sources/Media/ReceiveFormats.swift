internal import Audio

/// Which payload types carry audio or comfort noise towards a leg.
struct ReceiveFormats {
    private var first = ReceiveFormat(payloadType: 0, codec: .pcmu)
    private var alternatives: [ReceiveFormat] = []
    private var comfortNoise: UInt8?

    init() {}

    init(_ media: RemoteMedia) {
        first = ReceiveFormat(
            payloadType: media.receivePayloadType ?? media.payloadType, codec: media.codec)
        alternatives = media.alternatives
        comfortNoise = media.comfortNoisePayloadType
        // RFC 3551 table 4: type 13 counts by 8000, so it says nothing beside another clock.
        if comfortNoise == nil, media.codec.clockRate == 8000 {
            comfortNoise = ComfortNoise.staticPayloadType
        }
    }

    func codec(of type: UInt8) -> AudioCodec? {
        if type == first.payloadType { return first.codec }
        for format in alternatives where format.payloadType == type { return format.codec }
        return nil
    }

    /// Also type 13 beside another clock: it keeps its place in the sequence.
    func isComfortNoise(_ type: UInt8) -> Bool {
        type == comfortNoise || type == ComfortNoise.staticPayloadType
    }

    /// The noise that a packet of this type describes can be made.
    func describesNoise(_ type: UInt8) -> Bool { type == comfortNoise }
}
