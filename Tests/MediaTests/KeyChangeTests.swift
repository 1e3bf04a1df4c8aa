import Base
import RTP
import SecureRTP
import Testing

@testable import Media

private let suite = SRTPSuite.aesCM128HMACSHA1_80

private func keys(
    _ local: Int, _ remote: Int, mki: [UInt8] = [], _ suite: SRTPSuite = suite
) -> SRTPKeys {
    SRTPKeys(
        suite: suite, local: SecureFar.key(suite, local), remote: SecureFar.key(suite, remote),
        localMKI: mki, remoteMKI: mki)
}

/// No index of a key may be used twice, and none heard twice, whatever signalling says.
@Suite struct KeyChangeTests {
    /// Long enough for a report: 10 s.
    private let reportTicks = 500

    @Test(arguments: SRTPSuite.allCases)
    func anotherNameForAKeyLeavesAllItsIndices(suite: SRTPSuite) throws {
        let before = keys(0, 50, suite)
        let bench = try LegBench(remote: LegBench.remote(srtp: before))
        let far = try SecureFar(before)
        bench.leg.sender.sequence = 65_530
        for sequence in [65_535, 0] as [UInt16] { bench.receive(try far.audio(sequence)) }
        bench.run(ticks: reportTicks)
        #expect(bench.sent.allSatisfy { far.opens($0) })
        let start = bench.sent.count
        let ssrc = bench.ssrc
        let after = keys(0, 50, mki: [1, 2], suite)
        try bench.configure(after)
        try far.rename(after)
        // Heard already, and only its name is new.
        let replayer = try SecureFar(after, rolloverCounter: 1)
        bench.receive(try replayer.audio(0))
        #expect(bench.rejected(.duplicate) == 1)
        bench.receive(try far.audio(1))
        #expect(bench.summary.packetsReceived == 3)
        bench.run(ticks: reportTicks)
        #expect(bench.ssrc == ssrc)
        #expect(bench.sent[start...].contains { $0.isReport })
        #expect(bench.sent[start...].allSatisfy { far.opens($0) })
    }

    /// Answers of a forked call that choose a first suite, a second one and the first again; and a time
    /// without protection.
    @Test(arguments: [true, false]) func aKeyThatComesBackGoesOnWhereItWas(plain: Bool) throws {
        let first = keys(0, 50)
        let second = plain ? nil : keys(100, 150, .aeadAES256GCM)
        let bench = try LegBench(remote: LegBench.remote(srtp: first))
        let far = try SecureFar(first)
        bench.leg.sender.sequence = 65_530
        bench.receive(try far.audio(10))
        bench.run(ticks: reportTicks)
        #expect(bench.sent.allSatisfy { far.opens($0) })
        let ssrc = bench.ssrc
        try bench.configure(second)
        bench.run(ticks: reportTicks)
        try bench.configure(first)
        let start = bench.sent.count
        let kept = bench.leg.sender.srtp?.newestIndex(of: ssrc)
        #expect(kept == 0x1_0000 + UInt64(reportTicks) - 7)
        bench.run(ticks: reportTicks)
        // The far end's context has gone on too: it would refuse an index that it has seen.
        #expect(bench.sent[start...].contains { $0.isReport })
        #expect(bench.sent[start...].allSatisfy { far.opens($0) })
        // What was heard under the key is not heard again.
        let replayer = try SecureFar(first)
        bench.receive(try replayer.audio(10))
        #expect(bench.rejected(.duplicate) == 1)
        #expect(bench.summary.packetsReceived == 1)
        bench.receive(try far.audio(11))
        #expect(bench.summary.packetsReceived == 2)
    }

    /// A key that nothing was sent under has no indices to lose, and costs no SSRC.
    @Test func aKeyThatWasNeverUsedChangesNoStream() throws {
        let bench = try LegBench(remote: LegBench.remote(srtp: keys(0, 50)))
        let ssrc = bench.ssrc
        let sequence = bench.leg.sender.sequence
        try bench.configure(keys(100, 50))
        try bench.configure(nil)
        try bench.configure(keys(0, 60))
        #expect(bench.ssrc == ssrc)
        let now = bench.leg.sender.sequence
        #expect(now == sequence)
    }

    /// A plain packet whose SSRC nobody believed yet is not heard because an authentic one follows.
    @Test func whatCamePlainBeforeTheKeysIsNotHeardBehindThem() throws {
        let bench = try LegBench()
        var far = FarEnd()
        bench.receive(far.audio())
        var forged = FarEnd(ssrc: 7, sequence: 499, timestamp: 499 * 160)
        bench.receive(forged.audio())
        try bench.configure(keys(0, 50))
        bench.receive(try SecureFar(keys(0, 50)).audio(500))
        #expect(bench.followed == 7)
        #expect(bench.summary.packetsReceived == 2)
        #expect(bench.rejected(.foreignSSRC) == 1)
    }

    /// The far end begins a new key's counter at 0 for a stream that it knows already, or does not.
    @Test(arguments: [true, false]) func aNewKeyBeginsAnotherStreamBelowHalfTheNumbers(
        plain: Bool
    ) throws {
        let bench = try LegBench(remote: LegBench.remote(srtp: plain ? nil : keys(0, 50)))
        bench.leg.sender.sequence = 65_530
        bench.run(ticks: 20)
        let ssrc = bench.ssrc
        let start = bench.sent.count
        let new = keys(100, 50, .aeadAES128GCM)
        try bench.configure(new)
        #expect(bench.ssrc != ssrc)
        let sequence = bench.leg.sender.sequence
        #expect(sequence < 0x8000)
        bench.run(ticks: 20)
        let far = try SecureFar(new)
        #expect(bench.sent[start...].allSatisfy { far.opens($0) })
        let header = LegBench.header(bench.sent[start])
        #expect(header?.marker == true)
        #expect(header?.sequence == sequence)
        #expect(header?.ssrc == bench.ssrc)
        // The far end's key alone is no reason.
        let second = bench.ssrc
        try bench.configure(keys(100, 60, .aeadAES128GCM))
        #expect(bench.ssrc == second)
    }

    /// Two keys without a packet between them, or a time without protection: the far end's counter may
    /// still go on from the key before.
    @Test(arguments: [true, false]) func aSecondNewKeyStillKnowsTheFarEndsCounter(
        plain: Bool
    ) throws {
        let bench = try LegBench(remote: LegBench.remote(srtp: keys(0, 50)))
        let far = try SecureFar(keys(0, 50))
        for sequence in [65_000, 30_000, 60_000, 10_000, 40_000, 65_530] as [UInt16] {
            bench.receive(try far.audio(sequence))
        }
        try bench.configure(plain ? nil : keys(0, 99))
        try bench.configure(keys(0, 120))
        let next = try SecureFar(keys(0, 120), rolloverCounter: 2)
        for sequence in UInt16(65_531)...65_535 { bench.receive(try next.audio(sequence)) }
        #expect(bench.summary.packetsReceived == 11)
        #expect(bench.rejected(.authentication) == 0)
    }

    /// The first key again, when the far end's numbers have wrapped under the second.
    @Test func aKeyThatComesBackBehindAWrapIsHeardAtOnce() throws {
        let (first, second) = (keys(0, 50), keys(0, 120))
        let bench = try LegBench(remote: LegBench.remote(srtp: first))
        bench.receive(try SecureFar(first).audio(40_000))
        try bench.configure(second)
        let between = try SecureFar(second)
        for sequence in [40_001, 60_000, 10_000] as [UInt16] {
            bench.receive(try between.audio(sequence))
        }
        try bench.configure(first)
        let back = try SecureFar(first, rolloverCounter: 1)
        for sequence in UInt16(10_001)..<10_011 { bench.receive(try back.audio(sequence)) }
        #expect(bench.rejected(.authentication) == 0)
        #expect(bench.summary.packetsReceived == 14)
    }

    /// An SSRC of ours that is given up near the end of the numbers: were the next stream to begin there, a
    /// loss at its start would hide the rollover from the far end for good.
    @Test func anSSRCThatIsGivenUpIsFollowedByNumbersFromTheLowerHalf() throws {
        let bench = try LegBench(remote: LegBench.remote(srtp: keys(0, 50)))
        bench.leg.sender.sequence = 65_500
        bench.run(ticks: 5)
        let ssrc = bench.ssrc
        bench.receive(try SecureFar(keys(0, 50)).audio(3, ssrc: ssrc))
        bench.run(ticks: 1)
        #expect(bench.ssrc != ssrc)
        let sequence = bench.leg.sender.sequence
        #expect(sequence < 0x8000)
        // All of the first second is lost.
        bench.run(ticks: 50)
        let start = bench.sent.count
        bench.run(ticks: 50)
        let far = try SecureFar(keys(0, 50))
        #expect(bench.sent[start...].allSatisfy { far.opens($0) })
    }

    @Test func namesOfKeysThatAreTooLongAreRefused() throws {
        let long = [UInt8](repeating: 1, count: 129)
        #expect(throws: MediaError.badKeys) {
            try LegBench.remote(srtp: keys(0, 50, mki: long)).validate()
        }
        try LegBench.remote(srtp: keys(0, 50, mki: Array(long.dropLast()))).validate()
    }

    /// A leg that we do not listen to for an hour (hold) still has its far end afterwards.
    @Test func aFarEndIsHeardAgainAfterALongHold() throws {
        let bench = try LegBench(remote: LegBench.remote(srtp: keys(0, 50)))
        let far = try SecureFar(keys(0, 50))
        bench.receive(try far.audio(40_000))
        // Three counters pass.
        for _ in 0..<3 {
            for sequence in [60_000, 0, 20_000, 40_000] as [UInt16] {
                _ = try far.audio(sequence)
            }
        }
        for sequence in UInt16(40_001)..<40_200 { bench.receive(try far.audio(sequence)) }
        #expect(bench.rejected(.authentication) == 3 * 32 - 1)
        #expect(bench.summary.packetsReceived == 1 + 199 - (3 * 32 - 1))
    }
}

/// Packets that are authentic and old: held back by somebody on the way, or sent a second way.
@Suite struct StalePacketTests {
    private let both = keys(0, 50)

    private func start() throws -> (LegBench, SecureFar) {
        (try LegBench(remote: LegBench.remote(srtp: both)), try SecureFar(both))
    }

    @Test func aPacketThatWasHeldBackMovesNothing() throws {
        let (bench, far) = try start()
        let packets = try (UInt16(0)..<5).map { try far.audio($0) }
        for index in [0, 1, 4] { bench.receive(packets[index]) }
        bench.receive(packets[2], from: LegBench.stranger)
        bench.receive(packets[3], from: LegBench.stranger)
        // Heard they are.
        #expect(bench.summary.packetsReceived == 5)
        #expect(bench.destination == LegBench.peer)
        // The newest moves the leg at once.
        bench.receive(try far.audio(5), from: LegBench.stranger)
        #expect(bench.destination == LegBench.stranger)
    }

    @Test func aStreamThatWasLeftIsFollowedAgainFromItsSecondNewPacketOn() throws {
        let (bench, far) = try start()
        for sequence in [0, 1, 3] as [UInt16] { bench.receive(try far.audio(sequence)) }
        let other = try SecureFar(both)
        let held = try (UInt16(4)..<8).map { try far.audio($0) }
        // A stream that was never heard is followed at once.
        for sequence in UInt16(500)..<503 { bench.receive(try other.audio(sequence, ssrc: 8)) }
        #expect(bench.followed == 8)
        let accepted = bench.summary.packetsReceived
        // Held back: the newest of the first stream, and one from before its end.
        bench.receive(held[0], from: LegBench.stranger)
        let older = try SecureFar(both)
        bench.receive(try older.audio(2), from: LegBench.stranger)
        bench.receive(try other.audio(503, ssrc: 8))
        bench.receive(held[2], from: LegBench.stranger)
        #expect(bench.followed == 8)
        #expect(bench.destination == LegBench.peer)
        #expect(bench.summary.packetsReceived == accepted + 1)
        #expect(bench.rejected(.foreignSSRC) == 3)
        // The far end really returns.
        bench.receive(held[3])
        #expect(bench.followed == 7)
        #expect(bench.summary.packetsReceived == accepted + 2)
    }

    /// Its keys stay when a far end moves: what is still on its way from the old place is authentic, the
    /// newest of its stream, and no reason to speak to where nobody listens any more.
    @Test func theTailOfAnAddressThatWasLeftMovesNothing() throws {
        let (bench, far) = try start()
        for sequence in UInt16(0)..<5 { bench.receive(try far.audio(sequence)) }
        var media = LegBench.remote(srtp: both)
        media.port = 6000
        let new = LegBench.peer.withPort(6000)
        try bench.leg.configure(media, now: bench.now)
        for sequence in UInt16(5)..<15 { bench.receive(try far.audio(sequence)) }
        #expect(bench.summary.packetsReceived == 15)
        #expect(bench.destination == new)
        // Late ones behind the first from the new place.
        bench.receive(try far.audio(15), from: new)
        for sequence in stride(from: UInt16(16), to: 200, by: 2) {
            bench.receive(try far.audio(sequence))
            bench.receive(try far.audio(sequence + 1), from: new)
        }
        #expect(bench.destination == new)
        // Who goes on there for a second is there.
        for sequence in UInt16(200)..<249 { bench.receive(try far.audio(sequence)) }
        #expect(bench.destination == new)
        bench.receive(try far.audio(249))
        #expect(bench.destination == LegBench.peer)
    }

    /// The description names the place that the far end had been heard at before: its first packet is enough.
    @Test func theAddressThatWasLearnedMayBeSignalledLater() throws {
        let (bench, far) = try start()
        let new = LegBench.peer.withPort(6000)
        bench.receive(try far.audio(0), from: new)
        var media = LegBench.remote(srtp: both)
        media.port = 6000
        media.speaksFirst = false
        try bench.leg.configure(media, now: bench.now)
        #expect(bench.destination == nil)
        bench.receive(try far.audio(1), from: new)
        #expect(bench.destination == new)
    }

    @Test func aReportThatWasHeldBackMovesNothing() throws {
        let (bench, far) = try start()
        bench.receive(try far.audio(0))
        let held = try far.report()
        bench.receive(try far.report(), from: LegBench.peer.withPort(4001), on: .rtcp)
        bench.receive(held, from: LegBench.stranger, on: .rtcp)
        bench.run(ticks: 500)
        #expect(!bench.reportsTo.isEmpty)
        #expect(bench.reportsTo.allSatisfy { $0 == LegBench.peer.withPort(4001) })
    }
}

/// Where our reports go.
@Suite struct ReportAddressTests {
    private static let host = SocketAddressValue(ipv4: 127, 0, 0, 9, port: 7000)

    private func remote(_ host: String?, srtp: SRTPKeys? = nil) -> RemoteMedia {
        var media = LegBench.remote(srtp: srtp)
        media.rtcpHost = host
        media.rtcpPort = 7000
        return media
    }

    @Test func aHostOfItsOwnForRTCPGetsTheReportsAndMayReport() throws {
        let bench = try LegBench(remote: remote("127.0.0.9"))
        var far = FarEnd()
        bench.run(ticks: 500) { _ in bench.receive(far.audio()) }
        #expect(!bench.reportsTo.isEmpty)
        #expect(bench.reportsTo.allSatisfy { $0 == Self.host })
        let report = try RTCPPacket.report(sender: nil, ssrc: far.ssrc, blocks: [], cname: "x")
        bench.receive(report, from: Self.host, on: .rtcp)
        #expect(bench.rejected(.foreignSource) == 0)
    }

    @Test func behindANATTheHostThatWasNamedForRTCPLeadsNowhere() throws {
        let bench = try LegBench(remote: remote("127.0.0.9"), learnsAnyHost: true)
        var far = FarEnd()
        bench.run(ticks: 4) { _ in bench.receive(far.audio(), from: LegBench.stranger) }
        bench.run(ticks: 500) { _ in bench.receive(far.audio(), from: LegBench.stranger) }
        #expect(bench.reportsTo.last == LegBench.stranger.withPort(LegBench.stranger.port + 1))
    }

    @Test(arguments: ["224.0.0.1", "::1", "example.org", "0.0.0.0"])
    func aHostThatIsOfNoUseIsPassedOver(host: String) throws {
        let bench = try LegBench(remote: remote(host))
        bench.run(ticks: 500)
        #expect(bench.reportsTo.allSatisfy { $0 == LegBench.peer.withPort(7000) })
        #expect(!bench.reportsTo.isEmpty)
    }

    /// Where SRTCP came from counts until the description says another place, or nobody proves it any
    /// more.
    @Test(arguments: [true, false]) func aNewDescriptionForgetsWhereSecureReportsCameFrom(
        plain: Bool
    ) throws {
        let both = keys(0, 50)
        let bench = try LegBench(remote: LegBench.remote(srtp: both))
        let far = try SecureFar(both)
        bench.receive(try far.audio(0))
        bench.receive(try far.report(), from: LegBench.stranger, on: .rtcp)
        bench.run(ticks: 500)
        #expect(bench.reportsTo.last == LegBench.stranger)
        if plain {
            try bench.configure(nil)
        } else {
            try bench.leg.configure(remote("127.0.0.9", srtp: both), now: bench.now)
        }
        let start = bench.reportsTo.count
        bench.run(ticks: 500)
        let after = bench.reportsTo[start...]
        #expect(!after.isEmpty)
        #expect(after.allSatisfy { $0 == (plain ? LegBench.peer.withPort(4001) : Self.host) })
    }
}

extension LegBench {
    fileprivate static func header(_ item: Sent) -> RTPHeader? {
        item.bytes.withUnsafeBytes { LegReceiver.peekHeader($0) }
    }
}
