internal import Base
internal import RTP

/// Whose packets a leg believes, and therefore where it sends (symmetric RTP, RFC 4961).
///
/// ```
///              from the SDP's address ────────────────┐
/// configured ──┤ newest of its stream by SRTP's tag ──┼─► locked ──► others: dropped
///              │ same SSRC, type, next sequence ──────┤       │
///              └ 4 in a row from the SDP's host, ─────┘       └─ the SDP's address always may
///                nobody locked yet
///                    └─ both only while the learning window is open ─┘
/// ```
/// When a hold ends, the window opens again, and until the far end is heard "nobody locked yet" holds too.
/// A packet of a stranger changes nothing (RTP bleed, RTP injection): learning needs either the
/// key, or the numbers of the stream that is running, or, while nobody has spoken, an unbroken run
/// from the host that the SDP names, whose port a NAT has changed. Whoever sprays packets from
/// elsewhere before the first true one comes is not believed, however long the run.
struct SourceRule: Sendable {
    /// How long after `configure` (or the answer) an unannounced source may be learned.
    static let learningWindow = Interval.seconds(5)
    /// Packets in a row that a new source must send while nobody is locked.
    static let probation = 4
    /// The same for the source before the change: a second of it is no tail any more.
    static let formerProbation = 50
    /// How far a stream may have moved on when it continues from another address.
    static let continuity: UInt16 = 16

    enum Verdict: Equatable {
        case accept
        /// Believe it if, and only if, its SRTP tag is right; `authenticated` when it is the newest.
        case acceptIfAuthentic
        case reject(RejectReason)
    }

    /// Identity of the stream that has been accepted so far.
    struct Stream {
        var ssrc: UInt32
        var payloadType: UInt8
        var sequence: UInt16
    }

    private struct Candidate {
        var source: SocketAddressValue
        var ssrc: UInt32
        var payloadType: UInt8
        var sequence: UInt16
        var count: Int
    }

    /// Learn a run from any host while nobody is locked: for far ends behind a NAT that name a
    /// private address. Whoever hits the port first with such a run then gets the audio.
    let learnsAnyHost: Bool
    private var signalled: SocketAddressValue?
    private var speaksFirst = true
    private var locked: SocketAddressValue?
    private var candidate: Candidate?
    /// Who was locked before the address changed: its tail (early media that goes on for a moment
    /// after the answer) must not be taken for the new far end.
    private var former: SocketAddressValue?
    /// Authentic packets from there in a row, with none from where the far end is now.
    private var formerRun = 0
    private var windowEnd = Instant.zero
    /// The far end may send again and has not been heard since: its place may be another.
    private var isResuming = false

    init(learnsAnyHost: Bool = false) { self.learnsAnyHost = learnsAnyHost }

    /// Where packets go: the proven source, before that the SDP's address, unless it must speak first.
    var destination: SocketAddressValue? { locked ?? (speaksFirst ? signalled : nil) }
    var isLocked: Bool { locked != nil }
    /// Packets go to the host that the SDP names: its other addresses lead somewhere too.
    var isAtSignalledHost: Bool {
        guard let destination, let signalled else { return false }
        return destination.hasSameHost(as: signalled)
    }

    func isSignalled(_ address: SocketAddressValue) -> Bool { address == signalled }

    /// The SDP's address. The same one again (a re-INVITE) keeps what was learned.
    ///
    /// - Parameter speaksFirst: `RemoteMedia.speaksFirst`.
    mutating func configure(
        _ address: SocketAddressValue, speaksFirst: Bool = true, now: Instant
    ) {
        self.speaksFirst = speaksFirst
        guard address != signalled else { return }
        signalled = address
        // Two descriptions one behind the other: the tail is still that of before the first.
        former = locked ?? former
        locked = nil
        candidate = nil
        formerRun = 0
        isResuming = false
        windowEnd = now + Self.learningWindow
    }

    /// The call was answered: media may start only now, so the window opens again.
    mutating func answered(now: Instant) {
        guard locked == nil else { return }
        windowEnd = now + Self.learningWindow
    }

    /// The far end may send again. A NAT may have forgotten its binding meanwhile, and a telephone
    /// may have begun another stream: until it is heard, the rules of the beginning hold for it.
    mutating func resume(now: Instant) {
        windowEnd = now + Self.learningWindow
        isResuming = locked != nil
        candidate = nil
    }

    mutating func admit(
        _ header: RTPHeader, from source: SocketAddressValue, stream: Stream?, isSecure: Bool,
        now: Instant
    ) -> Verdict {
        guard let signalled else { return .reject(.notConfigured) }
        if source == locked {
            guard !isSecure else { return .acceptIfAuthentic }
            isResuming = false
            return .accept
        }
        if isSecure { return .acceptIfAuthentic }
        if source == signalled {
            lock(source)
            return .accept
        }
        guard now < windowEnd else { return .reject(.foreignSource) }
        if let stream, source != former, continues(stream, header) {
            lock(source)
            return .accept
        }
        guard locked == nil || isResuming, learnsAnyHost || source.hasSameHost(as: signalled),
            isProven(header, from: source)
        else { return .reject(.foreignSource) }
        lock(source)
        return .accept
    }

    /// A packet from `source` had a right SRTP tag and was the newest of the stream that is followed:
    /// one that somebody has held back, or sends a second way, says nothing about where the far end is.
    mutating func authenticated(_ source: SocketAddressValue) {
        if source == former, source != locked, source != signalled {
            formerRun += 1
            if formerRun < Self.formerProbation { return }
        }
        lock(source)
    }

    /// A handshake with `source` has given keys: the far end is there, whatever was before.
    mutating func agreed(_ source: SocketAddressValue) { lock(source) }

    private mutating func lock(_ source: SocketAddressValue) {
        formerRun = 0
        guard source != locked else { return }
        locked = source
        candidate = nil
        isResuming = false
    }

    private func continues(_ stream: Stream, _ header: RTPHeader) -> Bool {
        let step = header.sequence &- stream.sequence
        return header.ssrc == stream.ssrc && header.payloadType == stream.payloadType
            && step >= 1 && step <= Self.continuity
    }

    private mutating func isProven(
        _ header: RTPHeader, from source: SocketAddressValue
    ) -> Bool {
        var count = 1
        if let known = candidate, known.source == source, known.ssrc == header.ssrc,
            known.payloadType == header.payloadType, header.sequence == known.sequence &+ 1
        {
            count = known.count + 1
        }
        candidate = Candidate(
            source: source, ssrc: header.ssrc, payloadType: header.payloadType,
            sequence: header.sequence, count: count)
        return count >= (source == former ? Self.formerProbation : Self.probation)
    }
}
