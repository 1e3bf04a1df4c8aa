import SecureRTP
import Testing

private let key = Array(UInt8(1)...30)

@Suite struct LimitTests {
    @Test func streamTakenOverInItsCourseKeepsItsRolloverCounter() throws {
        for suite in SRTPSuite.allCases {
            let key = SecureRTPTests.key(for: suite)
            let first = try Session(suite, key: key, .outbound)
            for sequence in [65_000, 30_000, 60_000, 10_000] as [UInt16] {
                _ = try first.run(.protect, rtp(sequence))
            }
            #expect(first.rolloverCounter(of: 7) == 2)
            #expect(first.rolloverCounter(of: 8) == nil)
            let secured = try first.run(.protect, rtp(10_001))
            let late = try Session(suite, key: key, .inbound)
            #expect(throws: SRTPError.authenticationFailed) { try late.run(.unprotect, secured) }
            let told = try Session(suite, key: key, .inbound, rolloverCounter: 2)
            #expect(try told.run(.unprotect, secured) == rtp(10_001))
            #expect(told.rolloverCounter(of: 7) == 2)
            // And the sender's other half goes on with the same counter.
            let second = try Session(suite, key: key, .outbound, rolloverCounter: 2)
            #expect(
                try second.run(.protect, rtp(10_002)) == first.run(.protect, rtp(10_002)))
        }
    }

    @Test func reportsBeforeTheFirstPacketDoNotDisturbItsCounter() throws {
        let sender = try Session(key: key, .outbound, rolloverCounter: 5)
        let receiver = try Session(key: key, .inbound, rolloverCounter: 5)
        _ = try receiver.run(.unprotectRTCP, sender.run(.protectRTCP, rtcp))
        #expect(
            try receiver.run(.unprotect, sender.run(.protect, rtp(65_000))) == rtp(65_000))
        #expect(sender.rolloverCounter(of: 7) == 5)
    }

    @Test func referenceStartsAtZeroOnly() {
        #expect(throws: SRTPError.unsupportedByBackend) {
            _ = try Session(key: key, .inbound, .libsrtp2, rolloverCounter: 1)
        }
    }

    @Test func lastIndexIsTheEndOfTheKey() throws {
        let sender = try Session(key: key, .outbound, rolloverCounter: .max)
        let receiver = try Session(key: key, .inbound, rolloverCounter: .max)
        for sequence in [65_534, 65_535] as [UInt16] {
            let secured = try sender.run(.protect, rtp(sequence))
            #expect(try receiver.run(.unprotect, secured) == rtp(sequence))
        }
        #expect(throws: SRTPError.keyExpired) { try sender.run(.protect, rtp(0)) }
        #expect(throws: SRTPError.keyExpired) { try receiver.run(.unprotect, rtp(0)) }
    }

    @Test func packetsOfAKeyAreCounted() throws {
        for suite in SRTPSuite.allCases {
            let sender = try Session(suite, key: SecureRTPTests.key(for: suite), .outbound)
            sender.setPacketsLeft(2, reports: 1)
            _ = try sender.run(.protect, rtp(1))
            _ = try sender.run(.protect, rtp(1, ssrc: 8))
            #expect(throws: SRTPError.keyExpired) { try sender.run(.protect, rtp(2)) }
            _ = try sender.run(.protectRTCP, rtcp)
            #expect(throws: SRTPError.keyExpired) { try sender.run(.protectRTCP, rtcp) }
        }
    }

    @Test func masterKeyIdentifierIsDemanded() throws {
        for suite in SRTPSuite.allCases {
            let key = SecureRTPTests.key(for: suite)
            let sender = try Session(suite, key: key, .outbound, identifier: [1, 2])
            let receiver = try Session(suite, key: key, .inbound, identifier: [1, 3])
            let secured = try sender.run(.protect, rtp(1))
            let report = try sender.run(.protectRTCP, rtcp)
            #expect(throws: SRTPError.unknownMasterKey) { try receiver.run(.unprotect, secured) }
            #expect(throws: SRTPError.unknownMasterKey) {
                try receiver.run(.unprotectRTCP, report)
            }
        }
        #expect(throws: SRTPError.badMasterKeyIdentifier(limit: 128, have: 129)) {
            _ = try Session(
                key: key, .inbound, identifier: [UInt8](repeating: 0, count: 129))
        }
        let long = [UInt8](repeating: 7, count: 128)
        let sender = try Session(key: key, .outbound, identifier: long)
        let receiver = try Session(key: key, .inbound, identifier: long)
        #expect(try sender.run(.protect, rtp(1), room: 138).count == 172 + 138)
        #expect(throws: SRTPError.noRoom(needed: 310, have: 309)) {
            try sender.run(.protect, rtp(2), room: 137)
        }
        _ = try receiver.run(.unprotect, sender.run(.protect, rtp(3), room: 138))
    }

    @Test func otherVersionsAreNotRTP() throws {
        let sender = try Session(key: key, .outbound)
        let receiver = try Session(key: key, .inbound)
        for version in [0x00, 0x40, 0xC0] as [UInt8] {
            var packet = rtp(1)
            packet[0] = version
            var report = rtcp
            report[0] = version
            #expect(throws: SRTPError.malformed) { try sender.run(.protect, packet) }
            #expect(throws: SRTPError.malformed) { try receiver.run(.unprotect, packet) }
            #expect(throws: SRTPError.malformed) { try sender.run(.protectRTCP, report) }
            #expect(throws: SRTPError.malformed) { try receiver.run(.unprotectRTCP, report) }
        }
    }
}
