/// Extends 16-bit sequence numbers to a count that does not wrap. A number is taken to be the one
/// nearest to the highest seen, so reordering of up to 32 767 packets is understood.
public struct SequenceUnwrapper: Equatable, Sendable {
    /// The highest extended number so far; nil before the first packet.
    public private(set) var highest: Int64?

    /// Nothing seen: the first number is taken as it is.
    public init() {}

    /// The extended number of `sequence`, remembering it when it is the new highest. The first
    /// packet's is its own value; an older one right after it can be negative.
    public mutating func unwrap(_ sequence: UInt16) -> Int64 {
        let extended = peek(sequence)
        if highest.map({ extended > $0 }) ?? true { highest = extended }
        return extended
    }

    /// The extended number of `sequence` without remembering it: for packets not yet authenticated.
    public func peek(_ sequence: UInt16) -> Int64 {
        guard let highest else { return Int64(sequence) }
        let delta = Int16(bitPattern: sequence &- UInt16(truncatingIfNeeded: highest))
        return highest &+ Int64(delta)
    }
}

/// Extends 32-bit RTP timestamps in the same way.
public struct TimestampUnwrapper: Equatable, Sendable {
    /// The highest extended timestamp so far; nil before the first packet.
    public private(set) var highest: Int64?

    /// Nothing seen: the first timestamp is taken as it is.
    public init() {}

    /// The extended timestamp, remembered when it is the new highest; the first packet's is its own
    /// value.
    public mutating func unwrap(_ timestamp: UInt32) -> Int64 {
        let extended = peek(timestamp)
        if highest.map({ extended > $0 }) ?? true { highest = extended }
        return extended
    }

    /// The extended timestamp without remembering it: for packets not yet authenticated.
    public func peek(_ timestamp: UInt32) -> Int64 {
        guard let highest else { return Int64(timestamp) }
        let delta = Int32(bitPattern: timestamp &- UInt32(truncatingIfNeeded: highest))
        return highest &+ Int64(delta)
    }
}
