//   wrong tag, or an index that looks old
//     ├─ of a source not heard yet ── first packet under a new key ─► the old key's counter goes on?
//     │                            ├─ sequence below 2¹⁵ ───────────► the start was lost: counter 1?
//     │                            └─ each 32nd ────────────────────► counter 1, 2 … 8, or so many
//     │                                                               ahead of the old key's?
//     └─ of a source that was heard ─┬─ other keys in between ─────► their counter goes on?
//                                    └─ each 32nd in a row ────────► 1, 2 … 8 counters ahead?

/// The search for a rollover counter that we have lost. It is not sent with a packet (RFC 3711 3.3.1):
/// a receiver that hears nothing while 2¹⁵ packets pass, or does not hear the start of a stream, has
/// another one than the sender, and would refuse all that follows.
///
/// Only forward, so that nothing old is ever opened again, and only so often that a flood of wrong
/// packets costs a few more checks in a hundred.
extension LibcryptoSession {
    /// Refused packets between two tries; newcomers get a try each before that.
    static let searchPeriod: UInt32 = 32
    /// Counters looked ahead: at 50 packets a second almost three hours of not listening.
    static let searchReach: UInt32 = 8

    /// Opens a packet that failed with the index `estimate`, with another one.
    ///
    /// - Throws: `error` when that fails too, or nothing is to be tried.
    @inline(never)
    mutating func openElsewhere(
        _ packet: UnsafeMutableRawPointer, count: Int, header: Int, ssrc: UInt32,
        estimate: UInt64, _ position: Int?, _ window: ReplayWindow, after error: SRTPError
    ) throws(SRTPError) -> UInt64 {
        var tried: UInt64?
        switch error {
        case .authenticationFailed: tried = estimate
        // Nothing was decrypted.
        case .replayed, .tooOld: break
        default: throw error
        }
        let others = otherIndices(estimate, position, window)
        for place in others.indices {
            guard let other = others[place], other != estimate else { continue }
            // GCM has decrypted before it found the tag wrong; the same once more undoes it.
            if isAEAD, let tried {
                try? open(packet, count: count, header: header, ssrc: ssrc, index: tried)
            }
            searches += 1
            do throws(SRTPError) {
                try open(packet, count: count, header: header, ssrc: ssrc, index: other)
                return other
            } catch {
                tried = other
            }
        }
        throw error
    }

    /// Counts the failure and says what else may be tried.
    private mutating func otherIndices(
        _ estimate: UInt64, _ position: Int?, _ window: ReplayWindow
    ) -> InlineArray<4, UInt64?> {
        var others = InlineArray<4, UInt64?>(repeating: nil)
        let misses: UInt32
        if window.isStarted, let position {
            sources[position].misses &+= 1
            misses = sources[position].misses
        } else {
            // One that was retired keeps no count of its own.
            newcomerMisses &+= 1
            misses = newcomerMisses
        }
        others[0] = Self.ahead(of: estimate, misses: misses)
        // What came under another key meanwhile; what this one has seen is never opened again.
        if let continued = continuedIndex(UInt16(truncatingIfNeeded: estimate)),
            !window.isStarted || continued > window.highest
        {
            others[1] = continued
            others[2] = Self.ahead(of: continued, misses: misses)
        }
        if !window.isStarted, misses < Self.searchPeriod, estimate & 0xFFFF < 0x8000 {
            others[3] = Self.index(estimate, counters: 1)
        }
        return others
    }

    /// The index of a packet when its source's counter goes on from under the key before.
    private func continuedIndex(_ sequence: UInt16) -> UInt64? {
        guard let formerIndex else { return nil }
        var window = ReplayWindow()
        window.store(formerIndex)
        return window.estimate(sequence, rolloverCounter: 0)
    }

    /// Each `searchPeriod` misses another counter, from the next one to `searchReach` and over again.
    private static func ahead(of estimate: UInt64, misses: UInt32) -> UInt64? {
        guard misses % searchPeriod == 0, misses > 0 else { return nil }
        return index(estimate, counters: (misses / searchPeriod &- 1) % searchReach + 1)
    }

    private static func index(_ estimate: UInt64, counters: UInt32) -> UInt64? {
        let index = estimate + UInt64(counters) << 16
        return index >> 16 <= UInt64(UInt32.max) ? index : nil
    }
}
