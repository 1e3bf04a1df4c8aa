internal import Base

//  UAC: INVITE/UPDATE Session-Expires: S, Min-SE ──▶ 422 Min-SE: M ──▶ again with max(S, M)
//                                                └─▶ 2xx Session-Expires: S;refresher=R
//  UAS: Session-Expires < our minimum, peer can: 422; else 2xx Session-Expires: S;refresher=R
//
//  refresher: refresh at S/2.   other side: BYE at S − min(32 s, S/3) without a refresh.

/// A Session-Expires value (RFC 4028 4).
struct SessionExpires: Equatable {
    enum Refresher: String { case uac, uas }
    var seconds: Int
    /// nil: not chosen yet.
    var refresher: Refresher?

    init(seconds: Int, refresher: Refresher? = nil) {
        self.seconds = seconds
        self.refresher = refresher
    }

    /// nil when it cannot be read. Seconds are a 32-bit number.
    init?(_ text: String) {
        var scanner = TextScanner(text)
        scanner.skipSpace()
        guard let seconds = parseDecimal(scanner.take(while: SIPCharacter.isDigit)),
            seconds <= Int(UInt32.max),
            let parameters = try? SIPParameters(&scanner, of: .sessionExpires)
        else { return nil }
        self.seconds = seconds
        refresher = parameters["refresher"].flatMap { Refresher(rawValue: $0.asciiLowercased) }
    }

    var serialised: String {
        String(seconds) + (refresher.map { ";refresher=" + $0.rawValue } ?? "")
    }
}

/// The session timer of one dialog, both roles. Says when; the session does it.
struct SessionTimer: Sendable {
    /// RFC 4028 5: what is meant when nobody says Min-SE.
    static let defaultMinimum = 90

    /// Agreed; nil: the session does not expire.
    private(set) var interval: Interval?
    private(set) var weRefresh = false
    /// Raised by the peer's 422 and Min-SE.
    private var peerMinimum = 0
    private var raises = 0

    /// Session-Expires and Min-SE of an INVITE or UPDATE of ours. A refresh keeps the roles.
    func announce(in request: inout SIPMessage, policy: SessionTimerPolicy?) {
        guard let policy else { return }
        let agreed = interval.map { Int($0.seconds) }
        let seconds = max(agreed ?? Int(policy.interval.seconds), peerMinimum)
        let refresher: SessionExpires.Refresher? =
            interval == nil ? nil : weRefresh ? .uac : .uas
        request.headers.append(
            .sessionExpires, SessionExpires(seconds: seconds, refresher: refresher).serialised)
        let minimum = max(Int(policy.minimum.seconds), peerMinimum)
        if minimum != Self.defaultMinimum { request.headers.append(.minSE, String(minimum)) }
    }

    /// Takes a 422: true when the request is worth sending again. A peer that always wants more is
    /// given up.
    mutating func raise(by response: SIPMessage) -> Bool {
        guard raises < SIPLimits.intervalRaises,
            let minimum = response.minimumSession, minimum > peerMinimum,
            minimum <= SIPLimits.sessionSeconds
        else { return false }
        raises += 1
        peerMinimum = minimum
        return true
    }

    /// The 2xx to a request of ours (RFC 4028 7.2). Without Session-Expires nothing expires.
    mutating func agree(with response: SIPMessage, policy: SessionTimerPolicy?) {
        raises = 0
        guard let policy, let value = response.headers[.sessionExpires].flatMap(SessionExpires.init)
        else {
            interval = nil
            return
        }
        // A peer that shortens below our minimum must not make us refresh all the time.
        let seconds = min(
            max(value.seconds, Int(policy.minimum.seconds)), SIPLimits.sessionSeconds)
        interval = .seconds(Int64(seconds))
        weRefresh = value.refresher != .uas
    }

    /// Min-SE of a 422, when the request asks for too little and its sender understands that
    /// (RFC 4028 9).
    static func refusal(of request: SIPMessage, policy: SessionTimerPolicy?) -> RequestRefusal? {
        guard let policy, let line = request.headers[.sessionExpires] else { return nil }
        guard let value = SessionExpires(line) else { return RequestRefusal(400) }
        guard value.seconds < Int(policy.minimum.seconds), request.supports("timer") else {
            return nil
        }
        return RequestRefusal(422, .minSE, String(Int(policy.minimum.seconds)))
    }

    /// Writes our choice into the 2xx to an INVITE or UPDATE of the peer (RFC 4028 9).
    mutating func answer(
        _ request: SIPMessage, in response: inout SIPMessage, policy: SessionTimerPolicy?
    ) {
        let peerCan = request.supports("timer")
        let asked = request.headers[.sessionExpires].flatMap(SessionExpires.init)
        guard let policy, peerCan || asked != nil else {
            interval = nil
            return
        }
        let least = max(request.minimumSession ?? Self.defaultMinimum, 1)
        var seconds = max(Int(policy.interval.seconds), least)
        if let asked { seconds = min(seconds, asked.seconds) }
        // Below our minimum only a peer without timers can come; it never refreshes, we do.
        seconds = min(max(seconds, 1), SIPLimits.sessionSeconds)
        let refresher: SessionExpires.Refresher = peerCan ? asked?.refresher ?? .uas : .uas
        interval = .seconds(Int64(max(seconds, Int(policy.minimum.seconds))))
        weRefresh = refresher == .uas
        response.headers.append(
            .sessionExpires, SessionExpires(seconds: seconds, refresher: refresher).serialised)
        if peerCan { response.headers.append(.require, "timer") }
    }

    /// From a refresh to the next one we send.
    var refreshAfter: Interval? {
        guard let interval, weRefresh else { return nil }
        return interval / 2
    }

    /// From a refresh to the end of the session (RFC 4028 10).
    var expiresAfter: Interval? {
        guard let interval else { return nil }
        if weRefresh { return interval }
        return interval - min(.seconds(32), interval / 3)
    }
}

extension SIPMessage {
    /// True when `tag` stands in Supported or Require.
    func supports(_ tag: String) -> Bool {
        requires(tag) || headers.values(.supported).contains { $0.equalsIgnoringCase(tag) }
    }

    func requires(_ tag: String) -> Bool {
        headers.values(.require).contains { $0.equalsIgnoringCase(tag) }
    }

    /// Seconds of Min-SE, parameters read past.
    var minimumSession: Int? {
        guard let line = headers[.minSE] else { return nil }
        var scanner = TextScanner(line)
        scanner.skipSpace()
        return parseDecimal(scanner.take(while: SIPCharacter.isDigit))
    }

    var cseqNumber: UInt32 { headers[.cseq].flatMap { try? CSeq($0) }?.number ?? 0 }
}
