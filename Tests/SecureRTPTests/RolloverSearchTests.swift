import Base
import SecureRTP
import Testing

/// A sender whose rollover counter the receiver has not seen grow.
@Suite struct RolloverSearchTests {
    private static func pair(_ suite: SRTPSuite) throws -> (from: Session, to: Session) {
        let key = key(for: suite)
        return (
            try Session(suite, key: key, .outbound), try Session(suite, key: key, .inbound)
        )
    }

    /// Sends so many counters' worth of packets that nobody receives, and stops below `last`.
    private static func pass(_ counters: Int, to last: UInt16, _ sender: Session) throws {
        for _ in 0..<counters {
            for sequence in [20_000, 40_000, 60_000] as [UInt16] {
                _ = try? sender.run(.protect, rtp(sequence))
            }
            _ = try sender.run(.protect, rtp(0))
        }
        for sequence in [20_000, 40_000, 60_000] as [UInt16] where sequence < last {
            _ = try sender.run(.protect, rtp(sequence))
        }
    }

    @Test(arguments: SRTPSuite.allCases)
    func aStreamWhoseStartWasLostIsHeardFromItsFirstPacket(suite: SRTPSuite) throws {
        let (sender, receiver) = try Self.pair(suite)
        let early = try sender.run(.protect, rtp(65_535))
        _ = try sender.run(.protect, rtp(0))
        let first = try sender.run(.protect, rtp(1))
        #expect(try receiver.run(.unprotect, first) == rtp(1))
        #expect(receiver.rolloverCounter(of: 7) == 1)
        // The start was only late.
        #expect(try receiver.run(.unprotect, early) == rtp(65_535))
        let next = try sender.run(.protect, rtp(2))
        #expect(try receiver.run(.unprotect, next) == rtp(2))
        #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, first) }
    }

    /// The index of the first packet behind the gap looks old (a gap of 2¹⁵ to 2¹⁶), wrong (more), or
    /// both in turn: without a search nothing of the stream was ever heard again.
    @Test(arguments: SRTPSuite.allCases, [0, 1, 3, 7])
    func aStreamIsFoundAgainAfterAnyGap(suite: SRTPSuite, counters: Int) throws {
        let (sender, receiver) = try Self.pair(suite)
        for sequence in [20_000, 40_000] as [UInt16] {
            _ = try receiver.run(.unprotect, sender.run(.protect, rtp(sequence)))
        }
        _ = try sender.run(.protect, rtp(60_000))
        _ = try sender.run(.protect, rtp(0))
        try Self.pass(counters, to: 10_000, sender)
        var refused = 0
        var sequence: UInt16 = 10_000
        var heard = false
        while !heard, sequence < 11_000 {
            let secured = try sender.run(.protect, rtp(sequence))
            heard = (try? receiver.run(.unprotect, secured)) == rtp(sequence)
            if !heard { refused += 1 }
            sequence += 1
        }
        #expect(heard)
        #expect(refused == 32 * (counters + 1) - 1)
        #expect(receiver.rolloverCounter(of: 7) == UInt32(counters) + 1)
        for sequence in sequence..<sequence + 40 {
            let secured = try sender.run(.protect, rtp(sequence))
            #expect(try receiver.run(.unprotect, secured) == rtp(sequence))
        }
    }

    @Test(arguments: SRTPSuite.allCases)
    func aStreamThatIsJoinedInItsCourseIsFound(suite: SRTPSuite) throws {
        let (sender, receiver) = try Self.pair(suite)
        try Self.pass(4, to: 50_000, sender)
        var refused = 0
        for sequence in UInt16(50_000)..<51_000 {
            let secured = try sender.run(.protect, rtp(sequence))
            if (try? receiver.run(.unprotect, secured)) != nil { break }
            refused += 1
        }
        #expect(refused == 4 * 32 - 1)
        #expect(receiver.rolloverCounter(of: 7) == 4)
    }

    /// Whatever is thrown at it: nothing old is opened again, the true stream goes on, and the search
    /// costs one check in 32.
    /// A new key at the end of a long hold: the counter went on meanwhile, from where it was under the old
    /// key.
    @Test(arguments: SRTPSuite.allCases, [UInt32(1), 2])
    func aCounterThatWentOnDuringAHoldIsFoundUnderANewKey(
        suite: SRTPSuite, ahead: UInt32
    ) throws {
        let key = key(for: suite)
        let receiver = try Session(
            suite, key: key, .inbound, formerIndex: 20 << 16 | 40_000)
        let sender = try Session(suite, key: key, .outbound, rolloverCounter: 20 + ahead)
        var heard: UInt16?
        for sequence in UInt16(45_000)..<45_100 where heard == nil {
            let secured = try sender.run(.protect, rtp(sequence))
            if (try? receiver.run(.unprotect, secured)) == rtp(sequence) { heard = sequence }
        }
        #expect(heard == 45_000 + UInt16(32 * ahead) - 1)
        #expect(receiver.rolloverCounter(of: 7) == 20 + ahead)
    }

    @Test(arguments: SRTPSuite.allCases)
    func aFloodOfWrongPacketsCostsLittleAndMovesNothing(suite: SRTPSuite) throws {
        let (sender, receiver) = try Self.pair(suite)
        let stranger = try Session(
            suite, key: key(for: suite, from: 99), .outbound)
        var old: [[UInt8]] = []
        for sequence in UInt16(1)...300 {
            old.append(try sender.run(.protect, rtp(sequence)))
            _ = try receiver.run(.unprotect, old[old.count - 1])
        }
        for round in 0..<3200 {
            let wrong =
                round % 2 == 0
                ? old[round % 300]
                : try stranger.run(.protect, rtp(UInt16(round + 1)))
            #expect(throws: SRTPError.self) { try receiver.run(.unprotect, wrong) }
        }
        #expect(receiver.searches == 100)
        let next = try sender.run(.protect, rtp(301))
        #expect(try receiver.run(.unprotect, next) == rtp(301))
        #expect(receiver.rolloverCounter(of: 7) == 0)
        // Of sources that nobody has heard: a check each at first.
        for round in 0..<3200 {
            let wrong = try stranger.run(.protect, rtp(UInt16(round + 4000), ssrc: 8))
            #expect(throws: SRTPError.authenticationFailed) {
                try receiver.run(.unprotect, wrong)
            }
        }
        #expect(receiver.searches == 100 + 31 + 100)
    }

    @Test func theSearchEndsWithTheLastCounter() throws {
        let key = key(for: .aeadAES128GCM)
        let sender = try Session(.aeadAES128GCM, key: key, .outbound, rolloverCounter: .max)
        let receiver = try Session(.aeadAES128GCM, key: key, .inbound, rolloverCounter: .max)
        _ = try receiver.run(.unprotect, sender.run(.protect, rtp(40_000)))
        for _ in 0..<700 {
            #expect(throws: SRTPError.authenticationFailed) {
                try receiver.run(.unprotect, rtp(40_001))
            }
        }
        #expect(receiver.searches == 0)
    }

    @Test func anArrivalSaysWhetherItIsTheFirstAndTheNewest() throws {
        let (sender, receiver) = try Self.pair(.aesCM128HMACSHA1_80)
        func arrival(_ bytes: [UInt8], _ operation: Session.Operation) throws
            -> SRTPContext.Arrival
        {
            _ = try receiver.run(operation, bytes)
            return receiver.arrival
        }
        let packets = try (UInt16(1)...3).map { try sender.run(.protect, rtp($0)) }
        let reports = try (0..<3).map { _ in try sender.run(.protectRTCP, rtcp) }
        var found = try arrival(packets[0], .unprotect)
        #expect(found.isFirst && found.isNewest)
        found = try arrival(packets[2], .unprotect)
        #expect(!found.isFirst && found.isNewest)
        found = try arrival(packets[1], .unprotect)
        #expect(!found.isFirst && !found.isNewest)
        found = try arrival(reports[1], .unprotectRTCP)
        #expect(found.isFirst && found.isNewest)
        found = try arrival(reports[0], .unprotectRTCP)
        #expect(!found.isFirst && !found.isNewest)
        // What is refused says nothing.
        #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, packets[2]) }
        #expect(!receiver.arrival.isNewest)
    }
}

@Suite struct KeyNameTests {
    @Test(arguments: SRTPSuite.allCases, SRTPBackend.allCases)
    func anotherIdentifierLeavesCountersAndWindows(suite: SRTPSuite, backend: SRTPBackend) throws {
        let key = key(for: suite)
        let sender = try Session(suite, key: key, .outbound, backend)
        let receiver = try Session(suite, key: key, .inbound, backend, identifier: [])
        for sequence in [65_535, 0] as [UInt16] {
            _ = try receiver.run(.unprotect, sender.run(.protect, rtp(sequence)))
        }
        _ = try receiver.run(.unprotectRTCP, sender.run(.protectRTCP, rtcp))
        let repeated = try Session(suite, key: key, .outbound, identifier: [1, 2])
        let replay = try repeated.run(.protectRTCP, rtcp)
        try sender.setMasterKeyIdentifier([1, 2])
        try receiver.setMasterKeyIdentifier([1, 2])
        let secured = try sender.run(.protect, rtp(1))
        #expect(secured.count == 172 + suite.overhead + 2)
        #expect(try receiver.run(.unprotect, secured) == rtp(1))
        #expect(sender.rolloverCounter(of: 7) == 1)
        #expect(throws: SRTPError.replayed) { try receiver.run(.unprotectRTCP, replay) }
        let report = try sender.run(.protectRTCP, rtcp)
        #expect(try receiver.run(.unprotectRTCP, report) == rtcp)
        #expect(throws: SRTPError.badMasterKeyIdentifier(limit: 128, have: 129)) {
            try sender.setMasterKeyIdentifier([UInt8](repeating: 0, count: 129))
        }
    }

    /// `#expect` and closures refuse what cannot be copied.
    private func make(
        _ first: UInt8, _ direction: SRTPContext.Direction, used: Bool = true
    ) throws -> SRTPContext {
        var context = try SRTPContext(
            suite: .aeadAES128GCM, key: key(for: .aeadAES128GCM, from: first),
            direction: direction)
        if used, direction == .outbound {
            var bytes = rtp(UInt16(first)) + [UInt8](repeating: 0, count: 64)
            _ = try bytes.withUnsafeMutableBytes { try context.protect($0, count: 172) }
        }
        return context
    }

    @Test func aRetiredKeyComesBackAsItWasLeft() throws {
        let suite = SRTPSuite.aeadAES128GCM
        let limit = UInt8(SRTPKeyring.limit)
        var ring = SRTPKeyring()
        for first in 1...limit + 1 {
            ring.retire(try make(first, .outbound), key: key(for: suite, from: first))
        }
        // Nothing was done with this one, so there is nothing to remember.
        ring.retire(try make(50, .outbound, used: false), key: key(for: suite, from: 50))
        #expect(!ring.holds(suite, key: key(for: suite, from: 50), .outbound))
        // The oldest made room.
        #expect(!ring.holds(suite, key: key(for: suite, from: 1), .outbound))
        #expect(!ring.holds(suite, key: key(for: suite, from: 2), .inbound))
        #expect(!ring.holds(.aesCM128HMACSHA1_80, key: key(for: suite, from: 2), .outbound))
        #expect(ring.holds(suite, key: key(for: suite, from: 2), .outbound))
        let back = ring.take(suite, key: key(for: suite, from: 2), .outbound)
        let index = back?.newestIndex(of: 7)
        #expect(index == 2)
        #expect(!ring.holds(suite, key: key(for: suite, from: 2), .outbound))
        let again = ring.take(suite, key: key(for: suite, from: 2), .outbound) == nil
        #expect(again)
    }
}
