public import Base

/// The base values of RFC 3261 17.1.1.1 (Table 4); every lettered timer is made of them.
public struct SIPTimers: Sendable, Equatable {
    /// Round-trip estimate.
    public var t1: Interval = .milliseconds(500)
    /// Longest interval between retransmissions of a non-INVITE request or an INVITE response.
    public var t2: Interval = .seconds(4)
    /// Longest time a message stays in the network.
    public var t4: Interval = .seconds(5)
    /// Over a transport that loses nothing nothing is repeated (A, E, G) and nothing waited for
    /// (D, I, J, K are 0: RFC 3261 17, Table 4).
    public var isReliable = false

    /// T1 of 500 ms, T2 of 4 s, T4 of 5 s, for a transport that may lose messages.
    public init() {}

    /// B, F, H, J, L, M and the wait of a UAS for its ACK: 64·T1 = 32 s.
    public var timeout: Interval { t1 * 64 }
    /// Timer D over UDP: at least 32 s.
    public var d: Interval { isReliable ? .zero : max(.seconds(32), timeout) }
    /// Timers I and K.
    public var absorption: Interval { isReliable ? .zero : t4 }
    /// Timer J.
    public var j: Interval { isReliable ? .zero : timeout }
}

/// The timers of all four transactions by the letters of RFC 3261 17 and RFC 6026 7.
public enum TransactionTimer: String, Hashable, Sendable {
    /// INVITE client: retransmit, give up, absorb final responses, absorb 2xx.
    case a, b, d, m
    /// Non-INVITE client: retransmit, give up, absorb responses.
    case e, f, k
    /// INVITE server: retransmit the final response, give up on ACK, absorb ACKs, absorb INVITEs.
    case g, h, i, l
    /// INVITE server: say 100.
    case trying
    /// Non-INVITE server: absorb requests.
    case j
}

/// What a transaction asks of its owner, in order.
public enum TransactionOutput: Sendable, Equatable {
    /// Give these bytes to the transport.
    case transmit([UInt8])
    /// The same, but it has been sent before (counted).
    case retransmit([UInt8])
    /// A response for the transaction user.
    case deliver(SIPMessage)
    /// No final response (B, F), or no ACK for our final response (H).
    case timedOut
}
