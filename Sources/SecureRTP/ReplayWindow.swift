/// Which packet indices were seen, around the highest (RFC 3711 3.3.2). One type for both kinds:
/// RTP's 48-bit index (rollover counter ‖ sequence number) and SRTCP's 31-bit index.
///
/// Checking and storing are apart: between them the packet must have passed authentication.
struct ReplayWindow: Sendable {
    /// How far back it reaches, packets.
    static let reach: UInt64 = 128

    /// The highest index stored; meaningless until the first is.
    private(set) var highest: UInt64 = 0
    private(set) var isStarted = false
    /// Bit n: `highest - n` was seen.
    private var seen: UInt128 = 0

    enum Verdict { case fresh, replayed, tooOld }

    init() {}

    /// As if all up to `highest` had been seen: of whom no more is known.
    init(upTo highest: UInt64) {
        self.highest = highest
        isStarted = true
        seen = .max
    }

    func check(_ index: UInt64) -> Verdict {
        guard isStarted, index <= highest else { return .fresh }
        let age = highest &- index
        guard age < Self.reach else { return .tooOld }
        return (seen &>> UInt128(age)) & 1 == 0 ? .fresh : .replayed
    }

    mutating func store(_ index: UInt64) {
        guard isStarted else {
            isStarted = true
            highest = index
            seen = 1
            return
        }
        if index > highest {
            let step = index &- highest
            seen = step < Self.reach ? seen &<< UInt128(step) | 1 : 1
            highest = index
        } else if highest &- index < Self.reach {
            seen |= 1 &<< UInt128(highest &- index)
        }
    }

    /// The 48-bit index that a sequence number most likely stands for (RFC 3711 3.3.1 and
    /// appendix A); nil when it would be beyond the last rollover counter.
    ///
    /// - Parameter rolloverCounter: the counter before anything was stored.
    func estimate(_ sequence: UInt16, rolloverCounter: UInt32) -> UInt64? {
        guard isStarted else { return UInt64(rolloverCounter) << 16 | UInt64(sequence) }
        let last = UInt16(truncatingIfNeeded: highest)
        var rollover = highest >> 16
        if last < 0x8000 {
            // Before the first packet of all there is nothing: the number is then ahead.
            if Int32(sequence) - Int32(last) > 0x8000, rollover > 0 { rollover &-= 1 }
        } else if Int32(last) - 0x8000 > Int32(sequence) {
            rollover &+= 1
        }
        guard rollover <= UInt64(UInt32.max) else { return nil }
        return rollover << 16 | UInt64(sequence)
    }

    /// What a packet with `index`, not stored yet, is among those of its source.
    @inline(__always)
    func arrival(_ index: UInt64) -> SRTPContext.Arrival {
        SRTPContext.Arrival(isFirst: !isStarted, isNewest: !isStarted || index > highest)
    }
}
