// The SDP room: text to values and back, and what two of them agree on.
//
//   bytes ─ SessionDescription(parsing:) ─▶ offer ─┐
//   AudioCapabilities ─────────────────────────────┼─ OfferAnswer.answer ─▶ answer +
//   NegotiatedAudio OfferAnswer.makeOffer ─▶ our offer ─┐          │
//   bytes ─ parse ─▶ the peer's answer ─┴─ OfferAnswer.accept ─▶ NegotiatedAudio

/// `name` or `name:value` of an a= line.
public struct SDPAttribute: Equatable, Sendable {
    public var name: String
    public var value: String?

    public init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }
}

/// c= (RFC 8866 5.7).
public struct ConnectionField: Equatable, Sendable {
    /// Without the /ttl or /count that multicast adds.
    public var address: String
    public var isIPv6: Bool

    public init(address: String) {
        self.address = address
        isIPv6 = address.utf8.contains(UInt8(ascii: ":"))
    }

    var serialised: String { "IN \(isIPv6 ? "IP6" : "IP4") \(address)" }
}

/// o= (RFC 8866 5.2).
public struct OriginField: Equatable, Sendable {
    public var username: String
    /// Numbers as text: peers send more digits than any integer holds.
    public var sessionID: String
    public var version: String
    public var address: String

    public init(username: String = "-", sessionID: String, version: String, address: String) {
        self.username = username
        self.sessionID = sessionID
        self.version = version
        self.address = address
    }

    var serialised: String {
        "\(username) \(sessionID) \(version) \(ConnectionField(address: address).serialised)"
    }
}

/// `a=rtpmap` (RFC 8866 6.6).
public struct RTPMap: Equatable, Sendable {
    public var payloadType: UInt8
    public var encoding: String
    public var clockRate: Int
    public var channels: Int

    public init(payloadType: UInt8, encoding: String, clockRate: Int, channels: Int = 1) {
        self.payloadType = payloadType
        self.encoding = encoding
        self.clockRate = clockRate
        self.channels = channels
    }
}

/// `a=fmtp` (RFC 8866 6.15).
public struct FormatParameters: Equatable, Sendable {
    public var payloadType: UInt8
    public var text: String

    public init(payloadType: UInt8, text: String) {
        self.payloadType = payloadType
        self.text = text
    }
}

/// One m= line and what follows it (RFC 8866 5.14).
public struct MediaDescription: Equatable, Sendable {
    public var kind: String
    /// 0 = rejected or disabled.
    public var port: Int
    public var protocolName: String
    /// The formats as written, in order of preference.
    public var formats: [String]
    public var rtpmaps: [RTPMap] = []
    public var fmtps: [FormatParameters] = []
    /// Milliseconds.
    public var ptime: Int?
    public var maxptime: Int?
    /// nil: as the session's, or sendrecv.
    public var direction: MediaDirection?
    public var connection: ConnectionField?
    public var crypto: [CryptoAttribute] = []
    public var rtcpMux = false
    /// a=rtcp (RFC 3605); nil: port + 1.
    public var rtcpPort: Int?
    public var rtcpAddress: String?
    /// Every other attribute, in order.
    public var attributes: [SDPAttribute] = []
    /// Every other line (i=, b=, k= …), type and value, in order.
    public var otherLines: [String] = []

    public init(kind: String, port: Int, protocolName: String, formats: [String]) {
        self.kind = kind
        self.port = port
        self.protocolName = protocolName
        self.formats = formats
    }

    /// The formats that are payload types 0…127.
    public var payloadTypes: [UInt8] {
        formats.compactMap { UInt8($0) }.filter { $0 < 128 }
    }

    /// The encoding of a payload type: its rtpmap, else the static assignment (RFC 3551 6) of the
    /// ones we may meet.
    public func encoding(of payloadType: UInt8) -> RTPMap? {
        if let map = rtpmaps.first(where: { $0.payloadType == payloadType }) { return map }
        let name: String? =
            switch payloadType {
            case 0: "PCMU"
            case 3: "GSM"
            case 8: "PCMA"
            case 9: "G722"
            case 13: "CN"
            case 18: "G729"
            default: nil
            }
        return name.map { RTPMap(payloadType: payloadType, encoding: $0, clockRate: 8000) }
    }

    /// The parameters of a payload type.
    public func fmtp(of payloadType: UInt8) -> String? {
        fmtps.first { $0.payloadType == payloadType }?.text
    }
}

/// A session description (RFC 8866), read with tolerance, written to the letter.
public struct SessionDescription: Equatable, Sendable {
    public var origin: OriginField
    public var sessionName = "-"
    public var connection: ConnectionField?
    /// Value of the first t= line.
    public var timing = "0 0"
    /// nil: sendrecv.
    public var direction: MediaDirection?
    /// Session attributes but the direction, in order.
    public var attributes: [SDPAttribute] = []
    /// Every other session line, in order.
    public var otherLines: [String] = []
    public var media: [MediaDescription] = []

    public init(origin: OriginField, connection: ConnectionField?, media: [MediaDescription] = []) {
        self.origin = origin
        self.connection = connection
        self.media = media
    }

    /// The address that stands for a media line: its own c=, else the session's.
    public func address(of media: MediaDescription) -> ConnectionField? {
        media.connection ?? connection
    }

    /// The direction that stands for a media line, as its sender sees it. A connection address of
    /// 0.0.0.0 is the hold of RFC 2543: nothing is to be sent there (RFC 3264 8.4).
    public func direction(of media: MediaDescription) -> MediaDirection {
        let stated = media.direction ?? direction ?? .sendrecv
        guard let address = address(of: media),
            MediaAddressKind(address.address) == .unspecified
        else { return stated }
        return stated.intersection(.sendonly)
    }
}
