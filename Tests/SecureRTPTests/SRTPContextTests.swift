import Base
import SecureRTP
import Testing

private let key = Array(UInt8(1)...30)
private let otherKey = Array(UInt8(2)...31)

@Suite struct SRTPVectorTests {
    /// RFC 3711 B.2: AES-CM keystream for session key 2B7E…4F3C, salt F0F1…FD, SSRC 0, index 0.
    @Test func referenceMakesTheKeystreamOfB2() throws {
        let key = try #require(Hex.decode("2B7E151628AED2A6ABF7158809CF4F3C"))
        let salt = try #require(Hex.decode("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"))
        let stream = ReferenceSRTP.counterMode(
            key: key, iv: ReferenceSRTP.initialVector(salt: salt, ssrc: 0, index: 0),
            data: [UInt8](repeating: 0, count: 48))
        #expect(
            Hex.encode(stream) == """
                e03ead0935c95e80e166b16dd92b4eb4\
                d23513162b02d0f72a43a2fe4a5f97ab\
                41e95b3bb0a2e8dd477901e4fca894c0
                """)
    }

    /// RFC 3711 B.3: keys derived from master key E1F9…1139 and salt 0EC6…7AB6.
    @Test func referenceDerivesTheKeysOfB3() throws {
        let reference = ReferenceSRTP(
            masterKey: try #require(Hex.decode("E1F97A0D3E018BE0D64FA32C06DE4139")),
            masterSalt: try #require(Hex.decode("0EC675AD498AFEEBB6960B3AABE6")))
        #expect(Hex.encode(reference.cipherKey) == "c61e7a93744f39ee10734afe3ff7a087")
        #expect(Hex.encode(reference.salt) == "30cbbc08863d8c85d49db34a9ae1")
        #expect(
            Hex.encode(reference.authKey) == "cebe321f6ff7716b6fd4ab49af256a156d38baa4")
    }

    @Test func protectedRTPIsWhatTheRFCSaysByteForByte() throws {
        let session = try Session(key: key, .outbound)
        let reference = ReferenceSRTP(key)
        // Through the sequence wrap: the rollover counter counts (3.3.1).
        for step in 0..<8 {
            let sequence = UInt16(truncatingIfNeeded: 65_532 + step)
            let packet = rtp(sequence)
            #expect(
                try session.run(.protect, packet)
                    == reference.protect(packet, rollover: step < 4 ? 0 : 1))
        }
    }

    @Test func shortTagSuiteDiffersInTheTagOnly() throws {
        let session = try Session(.aesCM128HMACSHA1_32, key: key, .outbound)
        let reference = ReferenceSRTP(key, tagCount: 4)
        #expect(try session.run(.protect, rtp(1)) == reference.protect(rtp(1), rollover: 0))
        // RTCP keeps ten bytes (RFC 4568 6.2.2).
        #expect(try session.run(.protectRTCP, rtcp) == reference.protectRTCP(rtcp, index: 1))
    }

    @Test func protectedRTCPIsWhatTheRFCSaysByteForByte() throws {
        let session = try Session(key: key, .outbound)
        let reference = ReferenceSRTP(key)
        for index in 1...3 as ClosedRange<UInt32> {
            #expect(
                try session.run(.protectRTCP, rtcp) == reference.protectRTCP(rtcp, index: index))
        }
    }

    @Test func packetsOfTheReferenceAreUnprotected() throws {
        let session = try Session(key: key, .inbound)
        let reference = ReferenceSRTP(key)
        for step in 0..<8 {
            let packet = rtp(UInt16(truncatingIfNeeded: 65_532 + step), payload: step * 40)
            let secured = reference.protect(packet, rollover: step < 4 ? 0 : 1)
            #expect(try session.run(.unprotect, secured) == packet)
        }
        #expect(
            try session.run(.unprotectRTCP, reference.protectRTCP(rtcp, index: 1)) == rtcp)
    }
}

@Suite struct SRTPContextTests {
    @Test func bothDirectionsMeet() throws {
        for suite in SRTPSuite.allCases {
            let key = SecureRTPTests.key(for: suite)
            let sender = try Session(suite, key: key, .outbound)
            let receiver = try Session(suite, key: key, .inbound)
            for sequence in 1...50 as ClosedRange<UInt16> {
                let secured = try sender.run(.protect, rtp(sequence))
                #expect(secured.count == 172 + suite.overhead)
                #expect(try receiver.run(.unprotect, secured) == rtp(sequence))
            }
            let report = try sender.run(.protectRTCP, rtcp)
            #expect(report.count == rtcp.count + suite.rtcpOverhead)
            #expect(try receiver.run(.unprotectRTCP, report) == rtcp)
        }
    }

    @Test func wrongKeyIsRefusedAndTheRightPacketAfterItPasses() throws {
        let sender = try Session(key: key, .outbound)
        let stranger = try Session(key: otherKey, .outbound)
        let receiver = try Session(key: key, .inbound)
        for sequence in 1...200 as ClosedRange<UInt16> {
            let foreign = try stranger.run(.protect, rtp(sequence))
            #expect(throws: SRTPError.authenticationFailed) {
                try receiver.run(.unprotect, foreign)
            }
        }
        let secured = try sender.run(.protect, rtp(1))
        #expect(try receiver.run(.unprotect, secured) == rtp(1))
    }

    @Test func replayIsRefused() throws {
        let sender = try Session(key: key, .outbound)
        let receiver = try Session(key: key, .inbound)
        var all: [[UInt8]] = []
        for sequence in 1...300 as ClosedRange<UInt16> {
            all.append(try sender.run(.protect, rtp(sequence)))
        }
        // Out of order within the window passes once.
        for index in [1, 0, 2] { _ = try receiver.run(.unprotect, all[index]) }
        for index in 0..<3 {
            #expect(throws: SRTPError.replayed) { try receiver.run(.unprotect, all[index]) }
        }
        _ = try receiver.run(.unprotect, all[299])
        // Behind the window.
        #expect(throws: SRTPError.tooOld) { try receiver.run(.unprotect, all[5]) }
        let report = try sender.run(.protectRTCP, rtcp)
        _ = try receiver.run(.unprotectRTCP, report)
        #expect(throws: SRTPError.replayed) { try receiver.run(.unprotectRTCP, report) }
    }

    @Test func usedSequenceNumberIsNotSentTwice() throws {
        let sender = try Session(key: key, .outbound)
        _ = try sender.run(.protect, rtp(5))
        #expect(throws: SRTPError.replayed) { try sender.run(.protect, rtp(5)) }
    }

    @Test func everyTamperedByteIsRefused() throws {
        let reference = ReferenceSRTP(key)
        let receiver = try Session(key: key, .inbound)
        let secured = reference.protect(rtp(9), rollover: 0)
        for index in secured.indices {
            var bad = secured
            bad[index] ^= 0x01
            #expect(throws: SRTPError.self, "byte \(index)") {
                try receiver.run(.unprotect, bad)
            }
        }
        let report = reference.protectRTCP(rtcp, index: 1)
        for index in report.indices {
            var bad = report
            bad[index] ^= 0x80
            #expect(throws: SRTPError.self, "byte \(index)") {
                try receiver.run(.unprotectRTCP, bad)
            }
        }
        // None of it left a trace.
        #expect(try receiver.run(.unprotect, secured) == rtp(9))
        #expect(try receiver.run(.unprotectRTCP, report) == rtcp)
    }

    @Test func everyTruncationIsRefused() throws {
        let reference = ReferenceSRTP(key)
        let receiver = try Session(key: key, .inbound)
        let secured = reference.protect(rtp(9, payload: 20), rollover: 0)
        for count in secured.indices {
            #expect(throws: SRTPError.self) {
                try receiver.run(.unprotect, Array(secured[0..<count]), room: 0)
            }
        }
        #expect(throws: SRTPError.truncated(needed: 22, have: 21)) {
            try receiver.run(.unprotect, Array(secured[0..<21]))
        }
        let report = reference.protectRTCP(rtcp, index: 1)
        for count in report.indices {
            #expect(throws: SRTPError.self) {
                try receiver.run(.unprotectRTCP, Array(report[0..<count]), room: 0)
            }
        }
        #expect(throws: SRTPError.truncated(needed: 22, have: 21)) {
            try receiver.run(.unprotectRTCP, Array(report[0..<21]))
        }
    }

    @Test func lengthsInsideAPacketThatLieAreRefused() throws {
        let receiver = try Session(key: key, .inbound)
        let sender = try Session(key: key, .outbound)
        var sources = rtp(1, payload: 10)
        sources[0] = 0x8F  // 15 sources claimed
        var ext = rtp(2, payload: 10)
        ext[0] = 0x90
        ext.replaceSubrange(12..<16, with: [0, 0, 0xFF, 0xFF])
        for packet in [sources, ext] {
            #expect(throws: SRTPError.self) { try sender.run(.protect, packet) }
            #expect(throws: SRTPError.self) { try receiver.run(.unprotect, packet) }
        }
    }

    @Test func mutatedPacketsNeverTrapAndNeverPass() throws {
        var random = SeededGenerator(seed: 8)
        let reference = ReferenceSRTP(key)
        let receiver = try Session(key: key, .inbound)
        var passed = 0
        for round in 0..<4000 {
            let isRTCP = round % 2 == 0
            let good =
                isRTCP
                ? reference.protectRTCP(rtcp, index: UInt32(round + 1))
                : reference.protect(rtp(UInt16(round), payload: 30), rollover: 0)
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...8, using: &random))
            if bytes == good { continue }
            if (try? receiver.run(isRTCP ? .unprotectRTCP : .unprotect, bytes, room: 0)) != nil {
                passed += 1
            }
        }
        #expect(passed == 0)
    }

    @Test func roomAndCountsAreChecked() throws {
        let sender = try Session(key: key, .outbound)
        #expect(throws: SRTPError.noRoom(needed: 182, have: 181)) {
            try sender.run(.protect, rtp(1), room: 9)
        }
        #expect(throws: SRTPError.noRoom(needed: 42, have: 41)) {
            try sender.run(.protectRTCP, rtcp, room: 13)
        }
        #expect(throws: SRTPError.truncated(needed: 12, have: 11)) {
            try sender.run(.protect, Array(rtp(1)[0..<11]))
        }
        #expect(throws: SRTPError.truncated(needed: 12, have: 172)) {
            try sender.run(.protect, rtp(1), count: 173)
        }
        #expect(throws: SRTPError.truncated(needed: 12, have: -1)) {
            try sender.run(.protect, rtp(1), count: -1)
        }
    }

    @Test func directionAndKeyLengthAreChecked() throws {
        let sender = try Session(key: key, .outbound)
        let receiver = try Session(key: key, .inbound)
        #expect(throws: SRTPError.wrongDirection) { try sender.run(.unprotect, rtp(1)) }
        #expect(throws: SRTPError.wrongDirection) { try sender.run(.unprotectRTCP, rtcp) }
        #expect(throws: SRTPError.wrongDirection) { try receiver.run(.protect, rtp(1)) }
        #expect(throws: SRTPError.wrongDirection) { try receiver.run(.protectRTCP, rtcp) }
        for count in [0, 16, 29, 31, 46] {
            #expect(throws: SRTPError.badKey(expected: 30, have: count)) {
                _ = try Session(key: [UInt8](repeating: 1, count: count), .inbound)
            }
        }
    }

    @Test func severalSourcesShareAContext() throws {
        let sender = try Session(key: key, .outbound)
        let receiver = try Session(key: key, .inbound)
        for ssrc in 1...20 as ClosedRange<UInt8> {
            let packet = rtp(1, ssrc: ssrc)
            #expect(try receiver.run(.unprotect, try sender.run(.protect, packet)) == packet)
        }
    }

    @Test func suitesAreKnownByTheirSDPNames() {
        #expect(SRTPSuite(sdpName: "AES_CM_128_HMAC_SHA1_80") == .aesCM128HMACSHA1_80)
        #expect(SRTPSuite(sdpName: "aes_cm_128_hmac_sha1_32") == .aesCM128HMACSHA1_32)
        #expect(SRTPSuite(sdpName: "AES_256_CM_HMAC_SHA1_80") == .aesCM256HMACSHA1_80)
        #expect(SRTPSuite(sdpName: "AES_256_CM_HMAC_SHA1_32") == .aesCM256HMACSHA1_32)
        #expect(SRTPSuite(sdpName: "AEAD_AES_128_GCM") == .aeadAES128GCM)
        #expect(SRTPSuite(sdpName: "AEAD_AES_256_GCM") == .aeadAES256GCM)
        #expect(SRTPSuite(sdpName: "AES_192_CM_HMAC_SHA1_80") == nil)
        #expect(SRTPSuite.allCases.map(\.keyAndSaltCount) == [30, 30, 46, 46, 28, 44])
        #expect(SRTPSuite.allCases.map(\.overhead) == [10, 4, 10, 4, 16, 16])
        #expect(SRTPSuite.allCases.map(\.rtcpOverhead) == [14, 14, 14, 14, 20, 20])
        #expect(SRTPSuite.aesCM128HMACSHA1_80.sdpName == "AES_CM_128_HMAC_SHA1_80")
        #expect(SRTPSuite.aesCM128HMACSHA1_80.keyAndSaltCount == 30)
    }

    @Test func contextsRunOnManyThreadsAtOnce() async throws {
        let key = key
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for seed in 0..<8 {
                group.addTask {
                    let sender = try Session(key: key, .outbound)
                    let receiver = try Session(key: key, .inbound)
                    for sequence in 1...100 as ClosedRange<UInt16> {
                        let packet = rtp(sequence, ssrc: UInt8(seed))
                        guard
                            try receiver.run(.unprotect, try sender.run(.protect, packet)) == packet
                        else { return false }
                    }
                    return true
                }
            }
            for try await passed in group { #expect(passed) }
        }
    }
}
