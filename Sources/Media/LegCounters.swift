public import SecureRTP

/// Why a datagram on a media port was dropped.
public enum RejectReason: Int, Sendable, CaseIterable {
    /// Empty, larger than any packet of ours, or a first byte that RFC 7983 leaves open.
    case notMedia = 0
    /// STUN (no ICE is spoken: a binding request gets no answer), or DTLS where none was agreed:
    /// recognised (RFC 7983) and not spoken on this leg.
    case otherProtocol
    /// Not a well-formed RTP header (RFC 3550 5.1).
    case malformed
    /// The far end's address is not known yet.
    case notConfigured
    /// The agreed direction does not let the far end send.
    case notReceiving
    /// From an address that is neither the SDP's nor proven.
    case foreignSource
    /// A payload type that was not negotiated.
    case payloadType
    /// Another SSRC, still in probation or never accepted.
    case foreignSSRC
    /// SRTP authentication failed, or plain RTP where SRTP was agreed.
    case authentication
    /// A repeated packet (sequence number or SRTP index seen before).
    case duplicate
    /// Later than the analysis tap waits.
    case late
    /// More than the analysis tap holds, or a payload too large for its slots.
    case overflow
    /// Not a well-formed RTCP compound (RFC 3550 6.1).
    case malformedRTCP
    /// DTLS was agreed and has not given keys yet.
    case noKeys

    /// The label value of `trunkline_rtp_packets_rejected_total`.
    public var label: String {
        switch self {
        case .notMedia: "not_media"
        case .otherProtocol: "other_protocol"
        case .malformed: "malformed"
        case .notConfigured: "not_configured"
        case .notReceiving: "not_receiving"
        case .foreignSource: "foreign_source"
        case .payloadType: "payload_type"
        case .foreignSSRC: "foreign_ssrc"
        case .authentication: "authentication"
        case .duplicate: "duplicate"
        case .late: "late"
        case .overflow: "overflow"
        case .malformedRTCP: "malformed_rtcp"
        case .noKeys: "no_keys"
        }
    }
}

/// Plain counters, owned by one thread: a worker keeps one set for all its legs and publishes it.
public struct MediaCounters: Sendable {
    /// RTP packets accepted from a leg's source, repeated and late ones included.
    public var packetsReceived = 0
    /// RTP packets that the network took.
    public var packetsSent = 0
    /// UDP payload of `packetsReceived`, SRTP's part included.
    public var bytesReceived = 0
    /// UDP payload of `packetsSent`, SRTP's part included.
    public var bytesSent = 0
    /// RTP packets that SRTP or the network refused.
    public var sendFailures = 0
    /// Packets expected by their numbers and not received (RFC 3550 A.3), added once a second.
    public var packetsLost = 0
    /// Audio made up where packets did not come, µs. Not among it: pauses that a sender left out (DTX),
    /// presses and unusable payloads in place of audio, the silence of a stream that stopped.
    public var concealedMicroseconds = 0
    /// Samples a channel that a recording's ring had no room for, added when the recording stops.
    public var recordingDroppedSamples = 0
    /// Digits refused because a leg's queue of digits to send was full.
    public var digitsRefused = 0
    /// Presses of far ends that were not told of, being more than a hand makes (`PressBudget`).
    public var digitsIgnored = 0
    /// Of links between legs and of playout buffers.
    public var links = LinkCounters()
    /// DTLS flights that were sent again.
    public var dtlsRetransmissions = 0
    private var rejected = InlineCounts()
    private var handshakes = InlineCounts()

    /// All 0.
    public init() {}

    /// DTLS handshakes ended so far, by `DTLSFailure.label`; nil: those that gave keys.
    public mutating func countHandshake(_ failure: DTLSFailure?) {
        handshakes.add(Self.place(failure?.label))
    }
    /// Handshakes ended with a result of `handshakeResults`; any other label gives those of the
    /// last.
    public func handshakes(_ label: String) -> Int { handshakes[Self.place(label)] }
    /// The label values of `trunkline_dtls_handshakes_total`.
    public static let handshakeResults = [
        "established", "fingerprint", "no_certificate", "no_profile", "timeout", "alert",
        "handshake",
    ]
    private static func place(_ label: String?) -> Int {
        handshakeResults.firstIndex(of: label ?? "established") ?? handshakeResults.count - 1
    }

    /// Counts a datagram that was dropped.
    public mutating func reject(_ reason: RejectReason) { rejected.add(reason.rawValue) }
    /// Datagrams dropped for that reason.
    public func rejected(_ reason: RejectReason) -> Int { rejected[reason.rawValue] }
    /// Datagrams dropped, whatever the reason.
    public var rejectedTotal: Int {
        RejectReason.allCases.reduce(0) { $0 + rejected($1) }
    }
}

/// Sixteen counters without an array, so that counting on the packet path copies nothing.
struct InlineCounts: Sendable {
    private var low = SIMD8<Int>(repeating: 0)
    private var high = SIMD8<Int>(repeating: 0)

    mutating func add(_ index: Int) {
        if index < 8 { low[index] &+= 1 } else { high[index & 7] &+= 1 }
    }
    subscript(index: Int) -> Int { index < 8 ? low[index] : high[index & 7] }
}
