/// Which way media flows, as its speaker sees it (RFC 8866 6.7).
public enum MediaDirection: String, Sendable, CaseIterable {
    case sendrecv, sendonly, recvonly, inactive

    /// `sendrecv` for both, `inactive` for neither.
    public init(sends: Bool, receives: Bool) {
        self =
            sends
            ? (receives ? .sendrecv : .sendonly) : (receives ? .recvonly : .inactive)
    }

    /// Its speaker sends.
    public var sends: Bool { self == .sendrecv || self == .sendonly }
    /// Its speaker receives.
    public var receives: Bool { self == .sendrecv || self == .recvonly }

    /// The same flow as the other side sees it.
    public var reversed: MediaDirection {
        MediaDirection(sends: receives, receives: sends)
    }

    /// What both allow.
    public func intersection(_ other: MediaDirection) -> MediaDirection {
        MediaDirection(sends: sends && other.sends, receives: receives && other.receives)
    }
}
