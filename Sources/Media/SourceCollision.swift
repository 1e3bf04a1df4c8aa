internal import Base
internal import RTP

/// Our own SSRC in packets of the far end (RFC 3550 8.2).
///
/// ```
/// numbers, time or CNAME that we sent ──► a loop: an echo or a mirror. Counted, nothing changes
/// anything else ──► a collision: BYE for the old SSRC on the next tick, then a new one
/// ```
/// The RFC tells loops from collisions by remembering addresses; the numbers tell at once, and an
/// echoing far end (SIPp, a test line) is no reason to leave. Changes are limited: a far end that
/// copies every new SSRC of ours is a loop that rewrites numbers.
struct SourceCollision: Sendable {
    /// SSRCs given up in one leg's life: the odds of a second honest collision are 1 in 2³².
    static let maximumChanges = 4

    private var generator: SeededGenerator
    private(set) var changes = 0
    private(set) var loops = 0
    private(set) var isPending = false

    init(seed: UInt64) { generator = SeededGenerator(seed: seed ^ 0x5353_5243_8502_0000) }

    mutating func noteRTP(isOurs: Bool) { note(isOurs) }
    mutating func noteRTCP(isOurs: Bool) { note(isOurs) }

    private mutating func note(_ isOurs: Bool) {
        if isOurs || changes >= Self.maximumChanges { loops += 1 } else { isPending = true }
    }

    /// The SSRC to go on with, never one of `used`, and what `restart` says of the sequence number.
    mutating func next(
        besides used: UInt32, _ theirs: UInt32?
    ) -> (ssrc: UInt32, sequence: UInt16) {
        changes += 1
        return restart(besides: used, theirs)
    }

    /// SSRC and first sequence number of a stream under another key, which is no collision. The number is
    /// below 2¹⁵, so that no loss at its start can hide a rollover (RFC 3711 3.3.1).
    mutating func restart(
        besides used: UInt32, _ theirs: UInt32?
    ) -> (ssrc: UInt32, sequence: UInt16) {
        (draw(besides: used, theirs), UInt16(truncatingIfNeeded: generator.next() >> 49))
    }

    private mutating func draw(besides used: UInt32, _ theirs: UInt32?) -> UInt32 {
        isPending = false
        var ssrc: UInt32
        repeat {
            ssrc = UInt32(truncatingIfNeeded: generator.next() >> 32)
        } while ssrc == used || ssrc == theirs
        return ssrc
    }
}

extension LegSender {
    /// Packets back that are still taken for ours: 20 s of 20 ms.
    static let mirrorWindow: UInt16 = 1000

    /// True when `header` has numbers that we sent not long ago under this SSRC.
    func hasSent(_ header: RTPHeader) -> Bool {
        let back = sequence &- header.sequence
        let age = Int32(bitPattern: timestamp &- header.timestamp).magnitude
        // A digit's packets carry the time of its start; a frame has at most 60 ms.
        return back >= 1 && back <= Self.mirrorWindow && age <= UInt32(Self.mirrorWindow) * 480
    }
}
