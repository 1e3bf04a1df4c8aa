import Base
import Testing

@testable import RTP

@Suite struct RTCPTests {
    /// SR with one block, SDES with a CNAME of six bytes, BYE with a reason: RFC 3550 6.4–6.6 by
    /// hand.
    static let compound: [UInt8] = [
        0x81, 200, 0, 12, 0, 0, 0, 1, 0x83, 0xAA, 0x7E, 0x80, 0x80, 0, 0, 0, 0, 0, 0x1F, 0x40,
        0, 0, 0, 50, 0, 0, 0x1F, 0x40,
        0, 0, 0, 2, 0x40, 0xFF, 0xFF, 0xFE, 0, 1, 0, 9, 0, 0, 0, 33, 1, 2, 3, 4, 0, 1, 0x80, 0,
        0x81, 202, 0, 3, 0, 0, 0, 1, 1, 6, 0x61, 0x40, 0x62, 0x2E, 0x63, 0x64,
        0x81, 203, 0, 3, 0, 0, 0, 1, 4, 0x64, 0x6F, 0x6E, 0x65, 0, 0, 0,
    ]

    static let report = SenderReport(
        ssrc: 1, ntpTimestamp: 0x83AA_7E80_8000_0000, rtpTimestamp: 8000, packetCount: 50,
        octetCount: 8000,
        blocks: [
            ReportBlock(
                ssrc: 2, fractionLost: 64, cumulativeLost: -2, extendedHighestSequence: 65_545,
                jitter: 33, lastSenderReport: 0x0102_0304, delaySinceLastSenderReport: 0x1_8000)
        ])

    /// The SDES above lacks its terminating null: 4 + 8 bytes end on a word. A strict one has 16.
    static let strictSDES: [UInt8] = [
        0x81, 202, 0, 4, 0, 0, 0, 1, 1, 6, 0x61, 0x40, 0x62, 0x2E, 0x63, 0x64, 0, 0, 0, 0,
    ]

    @Test func compoundIsReadFieldByField() throws {
        let packets = try RTCPPacket.parseCompound(Self.compound)
        #expect(
            packets == [
                .senderReport(Self.report),
                .sourceDescription([SourceDescriptionChunk(ssrc: 1, cname: "a@b.cd")]),
                .bye(Goodbye(sources: [1], reason: Array("done".utf8))),
            ])
    }

    @Test func compoundIsWrittenByteForByte() throws {
        let bytes = try RTCPPacket.serialise([
            .senderReport(Self.report),
            .sourceDescription([SourceDescriptionChunk(ssrc: 1, cname: "a@b.cd")]),
            .bye(Goodbye(sources: [1], reason: Array("done".utf8))),
        ])
        #expect(bytes == Self.compound[0..<52] + Self.strictSDES + Self.compound[68...])
    }

    @Test func reportIsRRWithoutSenderAndEndsWithByeWhenAsked() throws {
        let bytes = try RTCPPacket.report(
            sender: nil, ssrc: 3, blocks: [ReportBlock(ssrc: 4)], cname: "x", bye: true)
        #expect(
            try RTCPPacket.parseCompound(bytes) == [
                .receiverReport(ReceiverReport(ssrc: 3, blocks: [ReportBlock(ssrc: 4)])),
                .sourceDescription([SourceDescriptionChunk(ssrc: 3, cname: "x")]),
                .bye(Goodbye(sources: [3])),
            ])
        #expect(bytes.count % 4 == 0)
    }

    @Test func appAndUnknownTypesGoRound() throws {
        let packets: [RTCPPacket] = [
            .app(
                ApplicationDefined(subtype: 5, ssrc: 6, name: 0x4142_4344, body: [1, 2, 3, 4])),
            .unknown(type: 207, count: 1, body: [0, 0, 0, 9]),
        ]
        #expect(try RTCPPacket.parseCompound(try RTCPPacket.serialise(packets)) == packets)
    }

    @Test func srFollowedByRRIsRead() throws {
        // AST-2017-012: a compound with both.
        let packets: [RTCPPacket] = [
            .senderReport(Self.report), .receiverReport(ReceiverReport(ssrc: 1, blocks: [])),
        ]
        #expect(try RTCPPacket.parseCompound(try RTCPPacket.serialise(packets)) == packets)
    }

    @Test func countThatLiesYieldsTheBlocksThatFit() throws {
        var bytes = Array(Self.compound[0..<52])
        bytes[0] = 0x9F  // 31 blocks claimed, one there
        #expect(try RTCPPacket.parseCompound(bytes) == [.senderReport(Self.report)])
        // BYE that claims 31 sources and has one.
        #expect(
            try RTCPPacket.parseCompound([0x9F, 203, 0, 1, 0, 0, 0, 7])
                == [.bye(Goodbye(sources: [7]))])
        // BYE whose reason claims more than there is (pjproject GHSA-3qx3).
        #expect(
            try RTCPPacket.parseCompound([0x80, 203, 0, 1, 0xFF, 0x61, 0x62, 0x63])
                == [.bye(Goodbye(sources: [], reason: [0x61, 0x62, 0x63]))])
    }

    @Test func lengthThatLiesEndsTheReading() throws {
        var bytes = Self.compound
        bytes[54] = 0xFF  // SDES length beyond the datagram
        #expect(try RTCPPacket.parseCompound(bytes) == [.senderReport(Self.report)])
        bytes[2] = 0xFF
        #expect(throws: RTPError.truncated(needed: 261_172, have: 84)) {
            try RTCPPacket.parseCompound(bytes)
        }
    }

    @Test func paddingOfTheLastPacketIsTakenOff() throws {
        let bytes: [UInt8] = [0xA0, 201, 0, 3, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 8]
        #expect(
            try RTCPPacket.parseCompound(bytes) == [.receiverReport(ReceiverReport(ssrc: 5))])
        var impossible = bytes
        impossible[15] = 13
        #expect(try RTCPPacket.parseCompound(impossible) == [])
        impossible[15] = 0
        #expect(try RTCPPacket.parseCompound(impossible) == [])
    }

    @Test func notRTCPIsRefusedWithTheFact() {
        #expect(throws: RTPError.truncated(needed: 4, have: 0)) { try RTCPPacket.parseCompound([]) }
        #expect(throws: RTPError.badVersion(0)) { try RTCPPacket.parseCompound([0, 200, 0, 0]) }
        #expect(throws: RTPError.notRTCP(0)) { try RTCPPacket.parseCompound([0x80, 0, 0, 0]) }
    }

    @Test func tooShortReportsAreLeftOut() throws {
        #expect(try RTCPPacket.parseCompound([0x80, 200, 0, 0]) == [])
        #expect(try RTCPPacket.parseCompound([0x80, 201, 0, 0]) == [])
        #expect(try RTCPPacket.parseCompound([0x80, 204, 0, 1, 0, 0, 0, 0]) == [])
    }

    @Test func packetsBeyondTheLimitAreNotRead() throws {
        var bytes: [UInt8] = []
        for _ in 0..<100 { bytes += [0x80, 201, 0, 1, 0, 0, 0, 1] }
        #expect(try RTCPPacket.parseCompound(bytes).count == RTCPPacket.maximumPackets)
    }

    @Test func everyTruncationEitherThrowsOrReadsAPrefix() throws {
        let whole = try RTCPPacket.parseCompound(Self.compound)
        for count in 0..<Self.compound.count {
            guard let packets = try? RTCPPacket.parseCompound(Array(Self.compound[0..<count]))
            else {
                #expect(count < 52)
                continue
            }
            #expect(packets == Array(whole[0..<packets.count]))
        }
    }

    @Test func mutationsNeverTrap() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<20_000 {
            var bytes = Self.compound
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            guard let packets = try? RTCPPacket.parseCompound(bytes) else { continue }
            #expect(packets.count <= 3 + 18)
        }
    }

    @Test func writerRefusesWhatTheFormatHasNot() {
        let blocks = [ReportBlock](repeating: ReportBlock(ssrc: 1), count: 32)
        #expect(throws: RTPError.badShape) {
            try RTCPPacket.serialise([.receiverReport(ReceiverReport(ssrc: 1, blocks: blocks))])
        }
        #expect(throws: RTPError.badShape) {
            try RTCPPacket.serialise([
                .bye(Goodbye(sources: [1], reason: [UInt8](repeating: 65, count: 256)))
            ])
        }
        #expect(throws: RTPError.badShape) {
            try RTCPPacket.serialise([.unknown(type: 207, count: 0, body: [1, 2, 3])])
        }
    }

    /// RFC 3550 6.4.1's own figure: LSR b705:2000, DLSR 0005:4000, arrival b710:8000 → 6.125 s.
    @Test func roundTripIsTheFigureOfTheRFC() {
        let block = ReportBlock(
            ssrc: 1, lastSenderReport: 0xB705_2000, delaySinceLastSenderReport: 0x0005_4000)
        #expect(block.roundTrip(arrivalNTPMiddle: 0xB710_8000) == 0x0006_2000)
        #expect(block.roundTrip(arrivalNTPMiddle: 0xB705_2000) == nil)
        #expect(ReportBlock(ssrc: 1).roundTrip(arrivalNTPMiddle: 5) == nil)
    }
}

@Suite struct RTCPScheduleTests {
    @Test func deterministicIntervalIsTmin() {
        var schedule = RTCPSchedule(seed: 1, now: .zero)
        #expect(schedule.deterministicSeconds == 2.5)  // half of Tmin before the first report
        var now = Instant.zero
        while !schedule.poll(now: now) { now = schedule.nextReport }
        #expect(schedule.deterministicSeconds == 5)
    }

    @Test func narrowBandwidthLengthensTheInterval() {
        // 6.3.1 with n = 2, C = 128/(0.75·20) s: Td = 2·128/15.
        var schedule = RTCPSchedule(seed: 1, now: .zero, bandwidthBytesPerSecond: 20)
        schedule.receivedReport(now: .zero)
        #expect(abs(schedule.deterministicSeconds - 17.0667) < 0.001)
        schedule.noteSending(true)
        #expect(abs(schedule.deterministicSeconds - 12.8) < 0.001)
        schedule.note(datagramBytes: 100)  // (128 + 15·128)/16
        #expect(abs(schedule.deterministicSeconds - 12.8) < 0.001)
    }

    @Test func reportsAverageFiveSecondsAndNeverBunch() {
        var schedule = RTCPSchedule(seed: 5, now: .zero)
        schedule.receivedReport(now: .zero)
        schedule.noteSending(true)
        var now = Instant.zero
        var last = Instant.zero
        var sent = 0
        for _ in 0..<100_000 where sent < 1000 {
            now = max(now, schedule.nextReport)
            schedule.receivedReport(now: now)
            guard schedule.poll(now: now) else { continue }
            if sent > 0 {
                // [0.5, 1.5)·5/1.21828 = 2.05…6.16 s.
                #expect(now - last >= .milliseconds(2050))
                #expect(now - last <= .milliseconds(6160))
            }
            last = now
            sent += 1
        }
        #expect(sent == 1000)
        #expect((4.5...5.5).contains((now - .zero).seconds / 1000))
    }

    /// 6.3.1's random factor: every schedule has other intervals, the same seed has the same ones.
    @Test func intervalsAreSpreadEvenlyAndRepeatWithTheirSeed() {
        func times(_ seed: UInt64) -> [Double] {
            var schedule = RTCPSchedule(seed: seed, now: .zero)
            return (0..<20).map { _ in
                while !schedule.poll(now: schedule.nextReport) {}
                return (schedule.nextReport - .zero).seconds
            }
        }
        #expect(times(7) == times(7))
        #expect(times(7) != times(8))
        // The first report of many calls that began together: between 1.03 s, and the 3.08 s to which
        // reconsideration may move it, with none of ten equal parts empty.
        var parts = [Int](repeating: 0, count: 10)
        for seed in UInt64(0)..<5000 {
            var schedule = RTCPSchedule(seed: seed, now: .zero)
            var now = schedule.nextReport
            while !schedule.poll(now: now) { now = schedule.nextReport }
            let seconds = (now - .zero).seconds
            #expect((1.02...3.08).contains(seconds))
            parts[min(9, Int((seconds - 1.02) / 0.206))] += 1
        }
        #expect(parts.allSatisfy { $0 > 20 }, "\(parts)")
        // 6.3.6 favours late ones: the mean lies above that of an even spread.
        #expect(parts[5...].reduce(0, +) > parts[..<5].reduce(0, +))
    }

    /// 6.3.6: when the interval has grown meanwhile, the report waits.
    @Test func aReportThatHasBecomeTooEarlyIsPutOff() {
        var schedule = RTCPSchedule(seed: 3, now: .zero, bandwidthBytesPerSecond: 50)
        let first = schedule.nextReport
        // Datagrams of 1,400 bytes: at 50 bytes a second an interval takes minutes.
        for _ in 0..<100 { schedule.note(datagramBytes: 1400) }
        let isDue = schedule.poll(now: first)
        #expect(!isDue)
        #expect(schedule.nextReport > first + .seconds(5))
    }

    /// 6.3.4: half of what was left, and the newest report counts as half as old.
    @Test func afterTheFarEndsGoodbyeTheNextReportComesSooner() {
        var schedule = RTCPSchedule(seed: 4, now: .zero, bandwidthBytesPerSecond: 20)
        schedule.receivedReport(now: .zero)
        var now = Instant.zero
        while !schedule.poll(now: now) { now = schedule.nextReport }
        let left = schedule.nextReport - now
        let before = schedule.deterministicSeconds
        schedule.receivedGoodbye(now: now)
        #expect(schedule.nextReport - now == left / 2)
        #expect(schedule.deterministicSeconds < before)
        // Said again and again it changes nothing more.
        let next = schedule.nextReport
        for _ in 0..<1000 { schedule.receivedGoodbye(now: now) }
        #expect(schedule.nextReport == next)
    }

    @Test func goodbyesByTheThousandDoNotMakeUsTalk() {
        var schedule = RTCPSchedule(seed: 6, now: .zero)
        var sent = 0
        for millisecond in Int64(0)..<60_000 {
            let now = Instant(milliseconds: millisecond)
            schedule.receivedReport(now: now)
            schedule.receivedGoodbye(now: now)
            if schedule.poll(now: now, lastMedia: now) { sent += 1 }
        }
        // A minute has 12 intervals of 5 s, at least 2.05 s each.
        #expect(sent <= 29)
    }

    /// 6.3.5: five intervals of silence, and what comes afterwards makes it a member again.
    @Test func aSilentMemberIsForgottenAndComesBack() {
        var schedule = RTCPSchedule(seed: 5, now: .zero, bandwidthBytesPerSecond: 20)
        func report(from now: inout Instant, heardAt: Instant? = nil) {
            now = max(now, schedule.nextReport)
            while !schedule.poll(now: now, lastMedia: heardAt) { now = schedule.nextReport }
        }
        schedule.receivedReport(now: .zero)
        var now = Instant.zero
        report(from: &now)
        let two = schedule.deterministicSeconds
        for _ in 0..<20 { report(from: &now) }
        #expect(schedule.deterministicSeconds == two / 2)
        // RTP alone makes a member and a sender (all the bandwidth): 128·2/20.
        now = now + .seconds(60)
        while !schedule.poll(now: now, lastMedia: now) { now = schedule.nextReport }
        #expect(abs(schedule.deterministicSeconds - 12.8) < 0.001)
    }
}
