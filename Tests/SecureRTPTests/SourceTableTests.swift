import SecureRTP
import Testing

private func packet(_ sequence: UInt16, ssrc: UInt32, payload: Int = 20) -> [UInt8] {
    var bytes = rtp(sequence, payload: payload)
    for at in 0..<4 { bytes[8 + at] = UInt8(truncatingIfNeeded: ssrc >> (24 - 8 * UInt32(at))) }
    return bytes
}

private func report(ssrc: UInt32) -> [UInt8] {
    var bytes = rtcp
    for at in 0..<4 { bytes[4 + at] = UInt8(truncatingIfNeeded: ssrc >> (24 - 8 * UInt32(at))) }
    return bytes
}

/// A far end that takes another SSRC for each prompt, more often than a context follows at once.
@Suite struct SourceTableTests {
    private static let whole = UInt32(SRTPContext.sourceLimit)
    private static let all = whole + UInt32(SRTPContext.retiredSourceLimit)

    private static func pair(
        _ suite: SRTPSuite = .aesCM128HMACSHA1_80, _ backend: SRTPBackend = .libcrypto
    ) throws -> (from: Session, to: Session) {
        let key = key(for: suite)
        return (
            try Session(suite, key: key, .outbound), try Session(suite, key: key, .inbound, backend)
        )
    }

    @Test(arguments: SRTPSuite.allCases)
    func eachOfManySourcesIsHeardAndNothingIsHeardTwice(suite: SRTPSuite) throws {
        let (sender, receiver) = try Self.pair(suite)
        var old: [[UInt8]] = []
        for ssrc in 1...200 as ClosedRange<UInt32> {
            for sequence in [65_534, 65_535, 0, 1] as [UInt16] {
                let plain = packet(sequence, ssrc: ssrc)
                let secured = try sender.run(.protect, plain)
                #expect(try receiver.run(.unprotect, secured) == plain)
                old.append(secured)
            }
        }
        // Sources 1 to 136 have made room. What they sent stays old, whoever sends it again.
        for secured in old {
            #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, secured) }
        }
        // They return behind the wrap of their numbers, each in another one's room.
        for ssrc in 1...200 as ClosedRange<UInt32> {
            let plain = packet(2, ssrc: ssrc)
            let secured = try sender.run(.protect, plain)
            #expect(try receiver.run(.unprotect, secured) == plain)
            #expect(receiver.rolloverCounter(of: ssrc) == 1)
            #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, secured) }
        }
        for secured in old {
            #expect(throws: SRTPError.self) { try receiver.run(.unprotect, secured) }
        }
    }

    /// Nobody knows any more which of the last 128 came: those that did not are given up, those that did
    /// stay refused, and so does all before.
    @Test func aRetiredSourceHasSeenAllUpToItsNewestPacket() throws {
        let (sender, receiver) = try Self.pair()
        let packets = try (UInt16(0)...300).map { try sender.run(.protect, packet($0, ssrc: 9)) }
        for index in [0, 250, 300] { _ = try receiver.run(.unprotect, packets[index]) }
        #expect(try receiver.run(.unprotect, packets[299]) == packet(299, ssrc: 9))
        for ssrc in 100..<100 + Self.whole {
            _ = try receiver.run(.unprotect, sender.run(.protect, packet(1, ssrc: ssrc)))
        }
        #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, packets[298]) }
        #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, packets[300]) }
        #expect(throws: SRTPError.tooOld) { try receiver.run(.unprotect, packets[100]) }
        // A packet that is refused does not bring it back: it would take another one's room.
        let next = try sender.run(.protect, packet(301, ssrc: 9))
        #expect(try receiver.run(.unprotect, next) == packet(301, ssrc: 9))
        #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, packets[298]) }
        #expect(throws: SRTPError.tooOld) { try receiver.run(.unprotect, packets[0]) }
    }

    @Test func theOneThatWasSilentLongestMakesRoom() throws {
        let (sender, receiver) = try Self.pair()
        let held = try sender.run(.protect, packet(1, ssrc: 1))
        let second = try sender.run(.protect, packet(1, ssrc: 2))
        for ssrc in 1...Self.whole {
            _ = try receiver.run(.unprotect, sender.run(.protect, packet(2, ssrc: ssrc)))
        }
        // The first speaks again, the second does not; then a newcomer.
        _ = try receiver.run(.unprotect, sender.run(.protect, packet(3, ssrc: 1)))
        _ = try receiver.run(.unprotect, sender.run(.protect, packet(1, ssrc: 500)))
        #expect(try receiver.run(.unprotect, held) == packet(1, ssrc: 1))
        #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, second) }
    }

    @Test func whatIsForgedTakesNobodysRoom() throws {
        let (sender, receiver) = try Self.pair()
        let stranger = try Session(key: key(for: .aesCM128HMACSHA1_80, from: 99), .outbound)
        let held = try sender.run(.protect, packet(1, ssrc: 1))
        for ssrc in 1...Self.whole + 1 {
            _ = try receiver.run(.unprotect, sender.run(.protect, packet(2, ssrc: ssrc)))
        }
        let others = try sender.run(.protect, packet(1, ssrc: 2))
        // In the name of one that was retired, and of newcomers.
        for ssrc in [1] + Array(1000...1200) as [UInt32] {
            let forged = try stranger.run(.protect, packet(3, ssrc: ssrc))
            #expect(throws: SRTPError.authenticationFailed) {
                try receiver.run(.unprotect, forged)
            }
        }
        #expect(try receiver.run(.unprotect, others) == packet(1, ssrc: 2))
        #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, held) }
    }

    @Test(arguments: SRTPBackend.allCases)
    func beyondAllRecordsANewcomerIsRefusedAndTheOthersGoOn(backend: SRTPBackend) throws {
        let (sender, receiver) = try Self.pair(.aesCM128HMACSHA1_80, backend)
        var first: [UInt8] = []
        for ssrc in 1...Self.all {
            let secured = try sender.run(.protect, packet(1, ssrc: ssrc, payload: 1))
            _ = try receiver.run(.unprotect, secured)
            if ssrc == 1 { first = secured }
        }
        let other = try Session(key: key(for: .aesCM128HMACSHA1_80), .outbound)
        let extra = try other.run(.protect, packet(1, ssrc: Self.all + 1))
        let full = SRTPError.tooManySources(limit: 1088)
        #expect(throws: full) { try receiver.run(.unprotect, extra) }
        // libsrtp2 has not seen it either, and remembers nothing of it.
        #expect(receiver.rolloverCounter(of: Self.all + 1) == nil)
        #expect(throws: full) { try sender.run(.protect, packet(1, ssrc: Self.all + 1)) }
        for ssrc in [1, 2, 700, Self.all] {
            let plain = packet(2, ssrc: ssrc, payload: 1)
            #expect(try receiver.run(.unprotect, sender.run(.protect, plain)) == plain)
        }
        #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, first) }
    }

    /// No index of ours is used twice either, however many SSRCs we have had (RFC 3711 9.1).
    @Test func whatWeSentAsARetiredSourceIsNotSentAgain() throws {
        let (sender, receiver) = try Self.pair()
        for ssrc in 1...Self.whole + 10 {
            _ = try receiver.run(.unprotect, sender.run(.protect, packet(7, ssrc: ssrc)))
        }
        for ssrc in 1...10 as ClosedRange<UInt32> {
            #expect(throws: SRTPError.replayed) { try sender.run(.protect, packet(7, ssrc: ssrc)) }
            #expect(throws: SRTPError.replayed) { try sender.run(.protect, packet(6, ssrc: ssrc)) }
            _ = try receiver.run(.unprotect, sender.run(.protect, packet(8, ssrc: ssrc)))
        }
    }

    @Test(arguments: [SRTPSuite.aesCM128HMACSHA1_80, .aeadAES128GCM])
    func reportsOfARetiredSourceGoOnWhereTheyWere(suite: SRTPSuite) throws {
        let (sender, receiver) = try Self.pair(suite)
        var old: [[UInt8]] = []
        for ssrc in 1...100 as ClosedRange<UInt32> {
            for _ in 0..<2 { old.append(try sender.run(.protectRTCP, report(ssrc: ssrc))) }
        }
        for secured in old { _ = try receiver.run(.unprotectRTCP, secured) }
        for secured in old {
            #expect(throws: SRTPError.replayed) { try receiver.run(.unprotectRTCP, secured) }
        }
        // The third index, not the first again: it opens.
        for ssrc in 1...100 as ClosedRange<UInt32> {
            let secured = try sender.run(.protectRTCP, report(ssrc: ssrc))
            #expect(try receiver.run(.unprotectRTCP, secured) == report(ssrc: ssrc))
            #expect(!receiver.arrival.isFirst && receiver.arrival.isNewest)
        }
    }

    /// A counter that was lost while others spoke is searched for as any other, forward only.
    @Test func aRetiredSourceIsFoundAgainAfterAGap() throws {
        let (sender, receiver) = try Self.pair(.aeadAES256GCM)
        let old = try sender.run(.protect, packet(40_000, ssrc: 1))
        _ = try receiver.run(.unprotect, old)
        for ssrc in 2...Self.whole + 1 {
            _ = try receiver.run(.unprotect, sender.run(.protect, packet(1, ssrc: ssrc)))
        }
        for sequence in [60_000, 10_000, 30_000, 50_000, 0] as [UInt16] {
            _ = try sender.run(.protect, packet(sequence, ssrc: 1))
        }
        var refused = 0
        for sequence in UInt16(10_000)..<10_200 {
            let secured = try sender.run(.protect, packet(sequence, ssrc: 1))
            if (try? receiver.run(.unprotect, secured)) != nil { break }
            refused += 1
        }
        #expect(refused == 2 * 32 - 1)
        #expect(receiver.rolloverCounter(of: 1) == 2)
        #expect(throws: SRTPError.self) { try receiver.run(.unprotect, old) }
    }
}
