public import Base

/// What a call may do beyond RFC 3261: per trunk, or one for the whole user agent.
public struct CallPolicy: Sendable, Equatable {
    /// Provisional responses that are acknowledged (RFC 3262).
    public enum ReliableProvisionals: Sendable, Equatable {
        /// Not spoken: `Require: 100rel` is answered 420.
        case off
        /// Said in Supported. As callee, responses with SDP are reliable when the caller can.
        case supported
        /// As caller, demanded with Require.
        case required
    }

    /// Whether provisional responses other than 100 are acknowledged, as caller and as callee.
    public var reliableProvisionals: ReliableProvisionals = .supported
    /// nil: session timers (RFC 4028) are not spoken.
    public var sessionTimer: SessionTimerPolicy? = SessionTimerPolicy()
    /// Which 3xx of an outbound call are followed: none by default.
    public var redirects = RedirectPolicy()
    /// A caller may take the place of a call of ours (RFC 3891) when it is the peer of that call,
    /// or one of these addresses.
    public var replacementSources: [String] = []

    /// The values above: PRACK and session timers are spoken, no redirection is followed.
    public init() {}

    /// Option tags we understand in Require (RFC 3261 8.2.2.3), as said in Supported.
    var optionTags: [String] {
        var tags = ["replaces"]
        if sessionTimer != nil { tags.append("timer") }
        if reliableProvisionals != .off { tags.append("100rel") }
        return tags
    }
}

/// How long a session lasts without a sign of life (RFC 4028).
public struct SessionTimerPolicy: Sendable, Equatable {
    /// What we ask for and, as callee, the most we grant.
    public var interval: Interval
    /// The least we take: a smaller Session-Expires is answered 422. RFC 4028 4 wants 90 s or more.
    public var minimum: Interval

    /// An `interval` below `minimum` becomes `minimum`. Both go out in whole seconds, fractions
    /// cut.
    public init(interval: Interval = .seconds(1800), minimum: Interval = .seconds(90)) {
        self.interval = max(interval, minimum)
        self.minimum = minimum
    }
}

/// Which redirections (3xx) of an outbound call are followed. A redirection is a stranger's wish: by
/// default none is, so that nobody can make us call, and pay for, a number we did not mean.
public struct RedirectPolicy: Sendable, Equatable {
    /// INVITEs that may follow the first one.
    public var limit: Int
    /// Hosts that may be named besides the one that was asked. Only numeric addresses can be reached.
    public var hosts: [String]
    /// True: another user part, i.e. another number, may be called.
    public var mayChangeUser: Bool

    /// `limit` is brought into 0…`SIPLimits.redirectCount`.
    public init(limit: Int = 0, hosts: [String] = [], mayChangeUser: Bool = false) {
        self.limit = min(max(0, limit), SIPLimits.redirectCount)
        self.hosts = hosts
        self.mayChangeUser = mayChangeUser
    }
}
