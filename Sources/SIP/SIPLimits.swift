/// What a peer may make us hold. Reaching a limit is an error or a counted refusal, never growth.
public enum SIPLimits {
    /// The largest UDP payload there is; a message cannot be longer.
    public static let messageBytes = 65_535
    /// Header lines of one message. A request has some 20; RFC 4475 longreq has 34 Vias.
    public static let headerCount = 256
    /// One header field with its folds, or the start line.
    public static let headerBytes = 8_192
    /// Hops of one message; Max-Forwards starts at 70 (RFC 3261 8.1.1.6).
    public static let viaCount = 70
    /// Values of one list header.
    public static let valuesPerHeader = 128
    /// Parameters of one URI or header value.
    public static let parameterCount = 64
    /// Proxies that stay in a dialog's path.
    public static let routeCount = 20
    /// Branches of one forked INVITE that we follow (early dialogs, surplus 200s).
    public static let forkCount = 16
    /// Different descriptions of early media that one call follows: a branch and a change for each of
    /// `forkCount`. Each is read, and may give the leg other keys and another far end.
    public static let earlyDescriptions = 32
    /// Times one request is sent again with credentials (a stale nonce, or a proxy and then the
    /// callee): more is a challenge loop (Asterisk AST-2020-002).
    public static let authenticationTries = 2
    /// INVITEs that may follow a 3xx, whatever the policy says.
    public static let redirectCount = 8
    /// 422s that one request is raised for: more is a peer that never has enough.
    public static let intervalRaises = 3
    /// The longest session timer we keep (a day); RFC 4028 has 32 bits.
    public static let sessionSeconds = 86_400
    /// Reliable provisional responses that wait for the PRACK of an earlier one.
    public static let reliableProvisionals = 4
    /// Requests of ours inside one dialog that wait for their answer.
    public static let dialogRequests = 16
    /// Digits of one call that wait for the INFO before them.
    public static let digitQueue = 64
    /// INFOs and NOTIFYs that the peer of a call may send: a digit each 40 ms, which no hand and no
    /// receiver of tones is faster than (ITU-T Q.24), after a dial string sent at once.
    public static let noticesPerSecond = 25.0
    /// How many of them may come at once.
    public static let noticeBurst = 32.0
    /// Offers, and wishes for one, that the peer of a call may send within it: each is read, answered, and
    /// may give the leg other codecs, keys and another far end. A transfer with hold, resume and a moved
    /// far end takes some six at once; nobody changes his mind each second for long.
    public static let offersPerSecond = 1.0
    /// How many of them may come at once, beside `refreshReserve`.
    public static let offerBurst = 16.0
    /// Beside those, for offers that say again what the peer said last (RFC 4028 7.4): who has used up his
    /// changes can still keep the session alive.
    public static let refreshReserve = 4.0
    /// What an offer beyond that is told to wait: the most that RFC 3261 14.2 and RFC 3311 5.2 name.
    public static let offerRetrySeconds = 10
    /// 491s that one offer of ours is sent again for.
    public static let glareTries = 5
    /// Dialogs that one source address may have open at one time, unless it is a trusted one.
    public static let dialogsPerSource = 1_000
    /// Transfers of one call that are reported to the peer at one time (RFC 3515 2.4.6).
    public static let transfersPerCall = 4
    /// Identity header lines of one INVITE that are looked at (RFC 8224 4).
    public static let identityHeaders = 8
    /// Registrations of one user agent.
    public static let registrations = 64
    /// A body we are willing to look into.
    public static let bodyBytes = 32_768
}
