// The SDP room: text to values and back, and what two of them agree on.
//
//   bytes ─ SessionDescription(parsing:) ─▶ offer ─┐
//   AudioCapabilities ─────────────────────────────┼─ OfferAnswer.answer ─▶ answer +
//   NegotiatedAudio OfferAnswer.makeOffer ─▶ our offer ─┐          │
//   bytes ─ parse ─▶ the peer's answer ─┴─ OfferAnswer.accept ─▶ NegotiatedAudio

/// `name` or `name:value` of an a= line.
public struct SDPAttribute: Equatable, Sendable {
    /// As written; compared without regard to case.
    public var name: String
    /// What follows the first colon, as written; nil without one.
    public var value: String?

    /// - Parameter value: nil: the name alone.
    public init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }
}

/// c= (RFC 8866 5.7).
public struct ConnectionField: Equatable, Sendable {
    /// Without the /ttl or /count that multicast adds.
    public var address: String
    /// IP6 instead of IP4; as read, what the line says of its address.
    public var isIPv6: Bool

    /// IPv6 when there is a colon in it.
    public init(address: String) {
        self.address = address
        isIPv6 = address.utf8.contains(UInt8(ascii: ":"))
    }

    var serialised: String { "IN \(isIPv6 ? "IP6" : "IP4") \(address)" }
}

/// o= (RFC 8866 5.2).
public struct OriginField: Equatable, Sendable {
    /// `-` where users have no names.
    public var username: String
    /// Numbers as text: peers send more digits than any integer holds.
    public var sessionID: String
    /// A number as text, one more with each change of the description (RFC 3264 8).
    public var version: String
    /// Of the machine that made the description; media does not go there.
    public var address: String

    /// Values as given; nothing is checked.
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
    /// 0…127 as read.
    public var payloadType: UInt8
    /// As written; compared without regard to case.
    public var encoding: String
    /// Hz, 1…1000000 as read.
    public var clockRate: Int
    /// 1 when not stated.
    public var channels: Int

    /// Values as given; nothing is checked.
    public init(payloadType: UInt8, encoding: String, clockRate: Int, channels: Int = 1) {
        self.payloadType = payloadType
        self.encoding = encoding
        self.clockRate = clockRate
        self.channels = channels
    }
}

/// `a=fmtp` (RFC 8866 6.15).
public struct FormatParameters: Equatable, Sendable {
    /// 0…255 as read: the line is kept whatever it is about.
    public var payloadType: UInt8
    /// What follows the payload type: `minptime=10;useinbandfec=1`.
    public var text: String

    /// Values as given; nothing is checked.
    public init(payloadType: UInt8, text: String) {
        self.payloadType = payloadType
        self.text = text
    }
}

/// One m= line and what follows it (RFC 8866 5.14).
public struct MediaDescription: Equatable, Sendable {
    /// `audio`, `video`; lower case as read.
    public var kind: String
    /// 0 = rejected or disabled.
    public var port: Int
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVP`; upper case as read.
    public var protocolName: String
    /// The formats as written, in order of preference.
    public var formats: [String]
    /// The a=rtpmap lines, in order; the first of a payload type counts.
    public var rtpmaps: [RTPMap] = []
    /// The a=fmtp lines, in order; the first of a payload type counts.
    public var fmtps: [FormatParameters] = []
    /// Milliseconds.
    public var ptime: Int?
    /// Milliseconds, the most that a packet to its sender may hold; nil: not stated.
    public var maxptime: Int?
    /// nil: as the session's, or sendrecv.
    public var direction: MediaDirection?
    /// Its first c=; nil: the session's.
    public var connection: ConnectionField?
    /// The a=crypto lines that can be read, in the sender's order of preference.
    public var crypto: [CryptoAttribute] = []
    /// RTCP may come on the RTP port (RFC 5761).
    public var rtcpMux = false
    /// a=rtcp (RFC 3605); nil: port + 1.
    public var rtcpPort: Int?
    /// Of a=rtcp; nil: as for RTP.
    public var rtcpAddress: String?
    /// Every other attribute, in order.
    public var attributes: [SDPAttribute] = []
    /// Every other line (i=, b=, k= …), type and value, in order.
    public var otherLines: [String] = []

    /// Without attributes; `kind` in lower case, `protocolName` in upper case.
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
    /// As read, `- 0 0 IN IP4 0.0.0.0` when there is no o= that can be read.
    public var origin: OriginField
    /// Value of s=; an empty one goes out as `-`.
    public var sessionName = "-"
    /// For the lines without a c= of their own.
    public var connection: ConnectionField?
    /// Value of the first t= line.
    public var timing = "0 0"
    /// nil: sendrecv.
    public var direction: MediaDirection?
    /// Session attributes but the direction, in order.
    public var attributes: [SDPAttribute] = []
    /// Every other session line, in order.
    public var otherLines: [String] = []
    /// The m= lines; an answer has the offer's, in the offer's order (RFC 3264 6).
    public var media: [MediaDescription] = []

    /// Without attributes and other lines.
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
