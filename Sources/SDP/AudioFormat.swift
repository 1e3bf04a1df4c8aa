/// The codecs that this room negotiates. Audio rooms have their own codec value; the owner maps by
/// the raw value.
public enum AudioCodec: String, Sendable, CaseIterable {
    case pcmu = "PCMU"
    case pcma = "PCMA"
    case g722 = "G722"
    case opus = "opus"
    /// 16-bit samples, big-endian, 8 kHz.
    case l16 = "L16"
    /// The same at 16 kHz.
    case l16Wideband = "L16/16000"

    /// The name in a=rtpmap.
    public var encodingName: String { self == .l16Wideband ? "L16" : rawValue }

    /// Rate of the RTP timestamp, Hz. G.722 states 8000 though it samples at 16 kHz (RFC 3551
    /// 4.5.2); Opus always states 48000 (RFC 7587 4.1).
    public var clockRate: Int {
        switch self {
        case .pcmu, .pcma, .g722, .l16: 8000
        case .l16Wideband: 16_000
        case .opus: 48_000
        }
    }

    /// Channels in a=rtpmap. Opus always states 2 and sends what it likes (RFC 7587 7).
    public var channels: Int { self == .opus ? 2 : 1 }

    /// Our number in offers: RFC 3551 table 4, else a dynamic one.
    public var payloadType: UInt8 {
        switch self {
        case .pcmu: 0
        case .pcma: 8
        case .g722: 9
        case .l16: 96
        case .l16Wideband: 97
        case .opus: 111
        }
    }

    /// Whether a packet of so many milliseconds is one frame of the codec, and fits a datagram of
    /// 1,500 bytes: Opus has no frame of 30 ms, 60 ms of L16 at 16 kHz are 1,920 bytes.
    public func carries(milliseconds: Int) -> Bool {
        switch self {
        case .opus: [10, 20, 40, 60].contains(milliseconds)
        case .l16Wideband: milliseconds <= 40
        case .pcmu, .pcma, .g722, .l16: true
        }
    }

    /// The codec of a format, mono only; nil when it is none of ours.
    init?(_ map: RTPMap) {
        let found = Self.allCases.first { codec in
            codec.encodingName.uppercased() == map.encoding.uppercased()
                && codec.clockRate == map.clockRate
                // Some peers leave Opus' "/2" away.
                && (map.channels == 1 || map.channels == codec.channels)
        }
        guard let found else { return nil }
        self = found
    }
}

/// One format we offer or accept.
public struct AudioFormat: Equatable, Sendable {
    /// What the packets of a format carry.
    public enum Encoding: Equatable, Sendable {
        case codec(AudioCodec)
        /// RFC 4733 at the clock rate of the audio it goes with (2.1), Hz.
        case telephoneEvent(clockRate: Int)
        /// RFC 3389, for codecs of 8000 Hz.
        case comfortNoise
    }
    /// What its packets carry.
    public var encoding: Encoding
    /// Used in our offers; answers use the offer's.
    public var payloadType: UInt8

    /// - Parameter payloadType: 0…127; not checked.
    public init(_ encoding: Encoding, payloadType: UInt8) {
        self.encoding = encoding
        self.payloadType = payloadType
    }

    /// With the codec's own number (`AudioCodec.payloadType`).
    public init(_ codec: AudioCodec) {
        self.init(.codec(codec), payloadType: codec.payloadType)
    }

    /// G.711 µ-law, payload type 0 (RFC 3551 6).
    public static let pcmu = AudioFormat(.pcmu)
    /// G.711 A-law, payload type 8 (RFC 3551 6).
    public static let pcma = AudioFormat(.pcma)
    /// RFC 4733 at 8000 Hz, payload type 101.
    public static let telephoneEvent = AudioFormat(
        .telephoneEvent(clockRate: 8000), payloadType: 101)
    /// RFC 3389, payload type 13.
    public static let comfortNoise = AudioFormat(.comfortNoise, payloadType: 13)

    /// The codecs in this order, comfort noise when wanted, and telephone-event at every clock rate
    /// they need; 8000 always, because many peers have no other.
    public static func formats(
        of codecs: [AudioCodec], comfortNoise: Bool = false
    ) -> [AudioFormat] {
        var formats = codecs.map { AudioFormat($0) }
        if comfortNoise { formats.append(.comfortNoise) }
        let rates: [(clockRate: Int, payloadType: UInt8)] = [(48_000, 110), (16_000, 102)]
        for (clockRate, payloadType) in rates
        where codecs.contains(where: { $0.clockRate == clockRate }) {
            formats.append(
                AudioFormat(.telephoneEvent(clockRate: clockRate), payloadType: payloadType))
        }
        formats.append(.telephoneEvent)
        return formats
    }
}

extension MediaDescription {
    /// The payload type of telephone-event at a clock rate, wherever the offer put it.
    func telephoneEventType(clockRate: Int) -> UInt8? {
        payloadTypes.first { type in
            guard let map = encoding(of: type) else { return false }
            return map.encoding.lowercased() == "telephone-event" && map.clockRate == clockRate
        }
    }

    /// The clock rates that telephone-event stands at, Hz, each once.
    var telephoneEventRates: [Int] {
        var rates: [Int] = []
        for type in payloadTypes {
            guard let map = encoding(of: type), map.encoding.lowercased() == "telephone-event",
                !rates.contains(map.clockRate)
            else { continue }
            rates.append(map.clockRate)
        }
        return rates
    }

    /// The payload type of comfort noise at 8000 Hz.
    var comfortNoiseType: UInt8? {
        payloadTypes.first { type in
            guard let map = encoding(of: type) else { return false }
            return map.encoding.uppercased() == "CN" && map.clockRate == 8000
        }
    }

    /// Adds a format's rtpmap and fmtp.
    mutating func describe(_ format: AudioFormat, opus: OpusParameters) {
        let type = format.payloadType
        switch format.encoding {
        case .codec(let codec):
            rtpmaps.append(
                RTPMap(
                    payloadType: type, encoding: codec.encodingName, clockRate: codec.clockRate,
                    channels: codec.channels))
            if codec == .opus {
                fmtps.append(FormatParameters(payloadType: type, text: opus.serialised))
            }
        case .telephoneEvent(let clockRate):
            rtpmaps.append(
                RTPMap(payloadType: type, encoding: "telephone-event", clockRate: clockRate))
            fmtps.append(FormatParameters(payloadType: type, text: "0-15"))
        case .comfortNoise:
            rtpmaps.append(RTPMap(payloadType: type, encoding: "CN", clockRate: 8000))
        }
    }
}
