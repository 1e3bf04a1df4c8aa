import Base
import CallModel
import RTP
import Testing

@testable import Media

@Suite struct QualityModelTests {
    /// ITU-T G.107 annex B, table B.1 and G.109 table 1: limits of the categories.
    @Test(arguments: [(90.0, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58)])
    func meanOpinionScoreFollowsTheTable(_ r: Double, _ mos: Double) {
        #expect(abs(QualityModel.mos(rFactor: r) - mos) < 0.01)
    }

    @Test func theScaleEndsWhereTheRecommendationSays() {
        #expect(QualityModel.mos(rFactor: -5) == 1)
        #expect(QualityModel.mos(rFactor: 0) == 1)
        #expect(QualityModel.mos(rFactor: 100) == 4.5)
        #expect(QualityModel.mos(rFactor: 1) >= 1)
    }

    @Test func defaultsGiveTheReferenceRating() {
        // G.107: all parameters at their defaults, R = 93.2, MOS 4.41.
        let model = QualityModel()
        #expect(abs(model.rFactor - 93.2) < 0.05)
        #expect(abs(model.mos - 4.41) < 0.005)
    }

    @Test func lossImpairsByTheTableOfG113() {
        // Ie,eff = 95 × Ppl ÷ (Ppl + Bpl): 1 % with and without concealment.
        let concealed = QualityModel(lossFraction: 0.01)
        #expect(abs(concealed.effectiveEquipmentImpairment - 3.64) < 0.01)
        let silent = QualityModel(equipment: .g711WithoutConcealment, lossFraction: 0.01)
        #expect(abs(silent.effectiveEquipmentImpairment - 17.92) < 0.01)
        // Bursts are worse at equal loss.
        let bursty = QualityModel(lossFraction: 0.05, burstRatio: 2)
        #expect(bursty.rFactor < QualityModel(lossFraction: 0.05).rFactor)
    }

    @Test func delayImpairsAsInG107() {
        // Idd alone is 0 up to 100 ms; Id as the formulas of 7.4 give it by hand.
        #expect(abs(QualityModel.delayImpairment(milliseconds: 0) - 0.149) < 0.005)
        #expect(abs(QualityModel.delayImpairment(milliseconds: 100) - 2.69) < 0.05)
        var last = 100.0
        for delay in stride(from: 0.0, through: 1000, by: 10) {
            let r = QualityModel(oneWayDelay: delay).rFactor
            #expect(r <= last)
            last = r
        }
        // G.114: 150 ms is fine for most, 400 ms is the limit.
        #expect(QualityModel(oneWayDelay: 150).rFactor > 85)
        #expect((60...80).contains(QualityModel(oneWayDelay: 400).rFactor))
    }

    @Test func nonsenseStaysOnTheScale() {
        for value in [-Double.infinity, -1, 0, 1, 1e9, Double.infinity] {
            let model = QualityModel(
                equipment: .init(impairment: 0, lossRobustness: value), oneWayDelay: value,
                lossFraction: value, burstRatio: value)
            #expect((0...100).contains(model.rFactor))
            #expect((1...4.5).contains(model.mos))
        }
    }
}

@Suite struct LegQualityTests {
    /// Reports of the far end, and what RTCP we sent, by type.
    static func reportTypes(_ bench: LegBench) -> [[UInt8]] {
        bench.sent.filter { $0.channel == .rtcp }.map { item in
            item.bytes.withUnsafeBytes { bytes in
                guard var view = try? RTCPCompoundView(bytes) else { return [] }
                var types: [UInt8] = []
                while let packet = view.next() { types.append(packet.type) }
                return types
            }
        }
    }

    static let rtcpPeer = SocketAddressValue(ipv4: 127, 0, 0, 2, port: 4001)

    /// SR of the far end and an XR with metrics about us.
    static func extendedCompound(from ssrc: UInt32) -> [UInt8] {
        let report = try? RTCPPacket.report(
            sender: nil, ssrc: ssrc, blocks: [ReportBlock(ssrc: 0x1111_2222, jitter: 80)],
            cname: "far")
        var metrics = VoIPMetrics(ssrc: 0x1111_2222)
        metrics.conversationalMOS = 39
        var block = [UInt8](repeating: 0, count: 36)
        _ = block.withUnsafeMutableBytes { metrics.write(into: $0) }
        let reference: [UInt8] = [4, 0, 0, 2, 0, 0, 0, 9, 0x80, 0, 0, 0]
        let head: [UInt8] = [
            0x80, 207, 0, 13, UInt8(ssrc >> 24), UInt8(ssrc >> 16 & 255), UInt8(ssrc >> 8 & 255),
            UInt8(ssrc & 255),
        ]
        return (report ?? []) + head + reference + block
    }

    @Test func aCleanLegRatesAsTheModelSays() throws {
        let bench = try LegBench()
        var far = FarEnd()
        bench.run(ticks: 200) { _ in bench.receive(far.audio()) }
        let quality = bench.quality
        #expect(quality.losses.expected == 200 && quality.losses.lost == 0)
        #expect(quality.mos > 4.3 && quality.rFactor > 90)
        #expect(quality.roundTripMilliseconds == nil)
    }

    @Test func lossLowersTheScore() throws {
        let bench = try LegBench()
        var far = FarEnd()
        bench.run(ticks: 400) { index in
            let packet = far.audio()
            if index % 10 != 5 { bench.receive(packet) }
        }
        let quality = bench.quality
        #expect(quality.losses.lost == 40)
        #expect((2.5...3.9).contains(quality.mos))
        #expect(quality.listeningMOS >= quality.mos)
    }

    @Test func extendedReportsAreAnsweredInKind() throws {
        let bench = try LegBench()
        var far = FarEnd()
        bench.run(ticks: 500) { _ in bench.receive(far.audio()) }
        #expect(Self.reportTypes(bench).allSatisfy { !$0.contains(207) })
        bench.receive(
            Self.extendedCompound(from: far.ssrc), from: Self.rtcpPeer, on: .rtcp)
        #expect(bench.rejected(.malformedRTCP) == 0)
        #expect(bench.remoteMetrics?.conversationalMOS == 39)
        #expect(bench.remoteJitterMilliseconds == 10)
        let before = bench.sent.filter { $0.channel == .rtcp }.count
        bench.run(ticks: 500) { _ in bench.receive(far.audio()) }
        let after = bench.sent.filter { $0.channel == .rtcp }.dropFirst(before)
        #expect(!after.isEmpty)
        for report in after {
            let seen = Self.blocks(report.bytes)
            #expect(seen.contains("dlrr 589824") || seen.contains("dlrr 622592"))
            #expect(seen.contains("metrics of \(far.ssrc) loss 0 mos 44"))
        }
    }

    /// Five packets in a hundred: what a record says of such a call, and of one without loss.
    @Test func theRecordsScoreFallsWithLoss() throws {
        func summary(everyLost: Int?) throws -> MediaSummary {
            let bench = try LegBench()
            var far = FarEnd()
            bench.run(ticks: 400) { index in
                let packet = far.audio()
                if let everyLost, index % everyLost == everyLost / 2 { return }
                bench.receive(packet)
            }
            return bench.close()
        }
        let clean = try summary(everyLost: nil)
        let lossy = try summary(everyLost: 20)
        #expect(lossy.packetsLost == 20)
        // R = 93.2 − Id(40 ms); 5 % lost with Bpl 25.1 cost 95 × 5 ÷ 30.1 = 15.8 of it.
        #expect(abs((clean.rFactor ?? 0) - 92) < 1.5)
        #expect(abs((clean.rFactor ?? 0) - (lossy.rFactor ?? 0) - 15.8) < 1)
        let clearly = try #require(clean.mos)
        let badly = try #require(lossy.mos)
        #expect(clearly > 4.34 && badly < clearly - 0.4 && badly > 3.5)
    }

    @Test func whoHeardNothingGivesNoScore() throws {
        let bench = try LegBench()
        bench.run(ticks: 50)
        let summary = bench.close()
        #expect(summary.packetsSent == 50)
        #expect(summary.mos == nil && summary.rFactor == nil)
        #expect(summary.remotePacketsLost == nil && summary.remoteJitterMilliseconds == nil)
        #expect(summary.remoteMOS == nil && summary.roundTripMilliseconds == nil)
    }

    @Test func whatTheFarEndReportsIsInTheSummary() throws {
        let bench = try LegBench()
        var far = FarEnd()
        bench.run(ticks: 50) { _ in bench.receive(far.audio()) }
        bench.receive(Self.extendedCompound(from: far.ssrc), from: Self.rtcpPeer, on: .rtcp)
        #expect(bench.summary.remoteJitterMilliseconds == 10)
        #expect(bench.summary.remoteMOS == 3.9)
        #expect(bench.summary.remotePacketsLost == 0)
        func report(lost: Int32) throws {
            let block = ReportBlock(ssrc: bench.ssrc, cumulativeLost: lost)
            bench.receive(
                try RTCPPacket.report(sender: nil, ssrc: far.ssrc, blocks: [block], cname: "far"),
                from: Self.rtcpPeer, on: .rtcp)
        }
        try report(lost: 12)
        #expect(bench.summary.remotePacketsLost == 12)
        try report(lost: 30)
        #expect(bench.summary.remotePacketsLost == 30)
        // We take another SSRC, whose count begins anew.
        far.ssrc = bench.ssrc
        bench.run(ticks: 3) { _ in bench.receive(far.audio()) }
        far.ssrc = 0xAAAA_0001
        #expect(bench.sourceCollisions == 1)
        try report(lost: 5)
        #expect(bench.summary.remotePacketsLost == 35)
    }

    /// RFC 3611 4.7.5: 127 is "unavailable", and the scale ends at 50.
    @Test(arguments: [127, 0, 9, 51, 255] as [UInt8])
    func aScoreThatIsNoneIsNotKept(score: UInt8) throws {
        let bench = try LegBench()
        var far = FarEnd()
        bench.run(ticks: 5) { _ in bench.receive(far.audio()) }
        var report = Self.extendedCompound(from: far.ssrc)
        // The conversational MOS is octet 27 of the last block (4.7).
        report[report.count - 36 + 27] = score
        bench.receive(report, from: Self.rtcpPeer, on: .rtcp)
        #expect(bench.remoteMetrics?.conversationalMOS == score)
        #expect(bench.summary.remoteMOS == nil)
    }

    static func blocks(_ bytes: [UInt8]) -> [String] {
        bytes.withUnsafeBytes { buffer in
            guard var view = try? RTCPCompoundView(buffer) else { return [] }
            var seen: [String] = []
            while let packet = view.next() {
                var blocks = packet.extendedBlocks
                while let block = blocks.next() {
                    switch block {
                    case .receiverReferenceTime: seen.append("rrt")
                    case .delaySinceLastReceiverReport(let delays):
                        seen.append("dlrr \(delays.subBlock(0)?.lastReceiverReport ?? 0)")
                    case .voipMetrics(let metrics):
                        seen.append(
                            "metrics of \(metrics.ssrc) loss \(metrics.lossRate) "
                                + "mos \(metrics.conversationalMOS)")
                    }
                }
            }
            return seen
        }
    }

    @Test func reportsOfAnySizeAreReadWithoutTraps() throws {
        let bench = try LegBench()
        var far = FarEnd()
        bench.run(ticks: 10) { _ in bench.receive(far.audio()) }
        var generator = SeededGenerator(seed: 5)
        let whole = Self.extendedCompound(from: far.ssrc)
        for length in 0..<whole.count {
            bench.receive(Array(whole[0..<length]), from: Self.rtcpPeer, on: .rtcp)
        }
        for _ in 0..<2000 {
            var bytes = whole
            bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(
                truncatingIfNeeded: generator.next())
            bench.receive(bytes, from: Self.rtcpPeer, on: .rtcp)
        }
        bench.run(ticks: 300)
        #expect(bench.sent.filter { $0.channel == .rtcp }.allSatisfy { !$0.bytes.isEmpty })
    }

    @Test func ourSSRCInForeignPacketsMakesUsLeaveIt() throws {
        let bench = try LegBench()
        var far = FarEnd()
        far.ssrc = 0x1111_2222
        bench.run(ticks: 3) { _ in bench.receive(far.audio()) }
        let byes = bench.sent.filter { $0.channel == .rtcp }.map { Array($0.bytes.suffix(8)) }
        #expect(byes == [[0x81, 203, 0, 1, 0x11, 0x11, 0x22, 0x22]])
        #expect(bench.sourceCollisions == 1)
        #expect(bench.ssrc != 0x1111_2222)
        let ours = bench.rtp.map(\.header)
        #expect(Set(ours.map(\.ssrc)) == [bench.ssrc])
        #expect(ours.map(\.sequence) == [1000, 1001, 1002])
        // The far end's audio was heard all the while.
        #expect(bench.summary.packetsReceived == 3)
        // It may not chase us for ever.
        for _ in 0..<10 {
            far.ssrc = bench.ssrc
            bench.run(ticks: 3) { _ in bench.receive(far.audio()) }
        }
        #expect(bench.sourceCollisions == 4)
        #expect(bench.sourceLoops > 0)
    }

    @Test func anEchoOfOurOwnPacketsIsALoopAndChangesNothing() throws {
        let bench = try LegBench()
        bench.run(ticks: 50) { _ in
            if let last = bench.sent.last(where: { $0.channel == .rtp }) {
                bench.receive(last.bytes)
            }
        }
        #expect(bench.sourceCollisions == 0)
        #expect(bench.sourceLoops >= 49)
        #expect(bench.ssrc == 0x1111_2222)
        #expect(bench.summary.packetsReceived == 49)
    }
}

extension LegBench {
    var quality: LegQuality { leg.quality }
    var remoteMetrics: VoIPMetrics? { leg.remoteMetrics }
    var remoteJitterMilliseconds: Double? { leg.remoteJitterMilliseconds }
    var sourceCollisions: Int { leg.sourceCollisions }
    var sourceLoops: Int { leg.sourceLoops }
    var ssrc: UInt32 { leg.ssrc }
}
