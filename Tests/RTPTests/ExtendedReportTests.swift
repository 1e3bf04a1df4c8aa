import Base
import Testing

@testable import RTP

@Suite struct ExtendedReportTests {
    /// XR of SSRC 1: receiver reference time, an unknown block, DLRR with two sub-blocks, VoIP
    /// metrics. RFC 3611 3, 4.4, 4.5, 4.7 by hand.
    static let report: [UInt8] =
        [0x80, 207, 0, 22, 0, 0, 0, 1]
        + [4, 0, 0, 2, 0x83, 0xAA, 0x7E, 0x80, 0x80, 0, 0, 0]
        + [99, 0, 0, 1, 1, 2, 3, 4]
        + [5, 0, 0, 6, 0, 0, 0, 2, 0x7E, 0x80, 0x80, 0, 0, 1, 0, 0]
        + [0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]
        + metricsBlock

    static let metricsBlock: [UInt8] = [
        7, 0, 0, 8, 0, 0, 0, 2, 13, 3, 128, 2, 0, 100, 0x27, 0x10, 0, 150, 0, 80,
        0xEC, 0xBA, 127, 16, 85, 127, 42, 40, 0xF5, 0, 0, 40, 0, 80, 0, 200,
    ]

    static var metrics: VoIPMetrics {
        var metrics = VoIPMetrics(ssrc: 2)
        metrics.lossRate = 13
        metrics.discardRate = 3
        metrics.burstDensity = 128
        metrics.gapDensity = 2
        metrics.burstDuration = 100
        metrics.gapDuration = 10_000
        metrics.roundTripDelay = 150
        metrics.endSystemDelay = 80
        metrics.signalLevel = -20
        metrics.noiseLevel = -70
        metrics.rFactor = 85
        metrics.listeningMOS = 42
        metrics.conversationalMOS = 40
        metrics.receiverConfiguration = 0xF5
        metrics.jitterBufferNominal = 40
        metrics.jitterBufferMaximum = 80
        metrics.jitterBufferAbsoluteMaximum = 200
        return metrics
    }

    /// What a reader sees, as values.
    static func read(_ bytes: [UInt8]) -> [String] {
        bytes.withUnsafeBytes { buffer in
            guard var compound = try? RTCPCompoundView(buffer) else { return ["not RTCP"] }
            var seen: [String] = []
            while let packet = compound.next() {
                seen.append("\(packet.type) from \(packet.ssrc ?? 0)")
                var blocks = packet.extendedBlocks
                while let block = blocks.next() {
                    switch block {
                    case .receiverReferenceTime(let ntp): seen.append("rrt \(ntp)")
                    case .delaySinceLastReceiverReport(let delays):
                        for index in 0..<delays.count {
                            guard let delay = delays.subBlock(index) else { continue }
                            seen.append(
                                "dlrr \(delay.ssrc) \(delay.lastReceiverReport) "
                                    + "\(delay.delaySinceLastReceiverReport)")
                        }
                    case .voipMetrics(let metrics):
                        seen.append(metrics == Self.metrics ? "metrics" : "other metrics")
                    }
                }
            }
            return seen
        }
    }

    @Test func blocksAreReadFieldByField() {
        #expect(
            Self.read(Self.report) == [
                "207 from 1", "rrt 9487534655377768448", "dlrr 2 2122350592 65536", "dlrr 3 0 0",
                "metrics",
            ])
    }

    @Test func blocksAreWrittenByteForByte() {
        var bytes = [UInt8](repeating: 0xEE, count: 36)
        let metrics = Self.metrics
        #expect(bytes.withUnsafeMutableBytes { metrics.write(into: $0) } == 36)
        #expect(bytes == Self.metricsBlock)
        bytes = [UInt8](repeating: 0xEE, count: 12)
        #expect(
            bytes.withUnsafeMutableBytes {
                ReceiverReferenceTime.write(ntp: 0x83AA_7E80_8000_0000, into: $0)
            } == 12)
        #expect(bytes == [4, 0, 0, 2, 0x83, 0xAA, 0x7E, 0x80, 0x80, 0, 0, 0])
        let delay = ReceiverDelay(
            ssrc: 2, lastReceiverReport: 0x7E80_8000, delaySinceLastReceiverReport: 65_536)
        bytes = [UInt8](repeating: 0xEE, count: 16)
        #expect(bytes.withUnsafeMutableBytes { delay.write(into: $0) } == 16)
        #expect(bytes == [5, 0, 0, 3, 0, 0, 0, 2, 0x7E, 0x80, 0x80, 0, 0, 1, 0, 0])
        for short in 0..<12 {
            bytes = [UInt8](repeating: 0, count: short)
            bytes.withUnsafeMutableBytes { buffer in
                #expect(metrics.write(into: buffer) == 0)
                #expect(delay.write(into: buffer) == 0)
                #expect(ReceiverReferenceTime.write(ntp: 1, into: buffer) == 0)
            }
        }
    }

    @Test func roundTripFromTheDelayBlock() {
        let delay = ReceiverDelay(
            ssrc: 2, lastReceiverReport: 0x0001_0000, delaySinceLastReceiverReport: 0x8000)
        // Sent at 1 s, held 0.5 s, back at 1.75 s: 0.25 s.
        #expect(delay.roundTrip(arrivalNTPMiddle: 0x0001_C000) == 0x4000)
        #expect(delay.roundTrip(arrivalNTPMiddle: 0x0001_0000) == nil)
        #expect(
            ReceiverDelay(ssrc: 2, lastReceiverReport: 0, delaySinceLastReceiverReport: 0)
                .roundTrip(arrivalNTPMiddle: 5) == nil)
    }

    @Test func truncatedReportsYieldWhatIsWhole() {
        for length in 0..<Self.report.count {
            // Cut, and with the packet's length set to what is left, so that blocks are cut.
            var cut = Array(Self.report[0..<length])
            #expect(Self.read(cut) == ["not RTCP"])
            guard length >= 8, length % 4 == 0 else { continue }
            cut[3] = UInt8(length / 4 - 1)
            let seen = Self.read(cut)
            #expect(seen.count >= 1 && seen.count <= 5)
            #expect(seen.contains("rrt 9487534655377768448") == (length >= 20))
            #expect(!seen.contains("metrics"))
        }
    }

    @Test func viewSeesWhatParseCompoundSees() throws {
        // Compounds of every kind, then mutated: both readers agree on each packet.
        var generator = SeededGenerator(seed: 11)
        let base = RTCPTests.compound[0..<52] + RTCPTests.strictSDES + RTCPTests.compound[68...]
        for round in 0..<3000 {
            var bytes = Array(base) + (round % 2 == 0 ? Self.report : [])
            for _ in 0..<Int(generator.next() % 4) {
                bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(
                    truncatingIfNeeded: generator.next())
            }
            bytes.removeLast(Int(generator.next() % 8))
            let parsed = try? RTCPPacket.parseCompound(bytes)
            bytes.withUnsafeBytes { buffer in
                var view = try? RTCPCompoundView(buffer)
                #expect((view == nil) == (parsed == nil))
                var rest = (parsed ?? [])[...]
                while let packet = view?.next() {
                    switch packet.type {
                    case 200:
                        guard packet.body.count >= 24 else { continue }
                        guard case .senderReport(let report)? = rest.popFirst() else {
                            Issue.record("no sender report")
                            return
                        }
                        #expect(packet.ssrc == report.ssrc)
                        #expect(packet.senderNTPTimestamp == report.ntpTimestamp)
                        #expect(
                            (0..<packet.reportBlockCount).compactMap(packet.reportBlock)
                                == report.blocks)
                    case 201:
                        guard packet.body.count >= 4 else { continue }
                        guard case .receiverReport(let report)? = rest.popFirst() else {
                            Issue.record("no receiver report")
                            return
                        }
                        #expect(
                            (0..<packet.reportBlockCount).compactMap(packet.reportBlock)
                                == report.blocks)
                    case 204 where packet.body.count < 8: continue
                    default: _ = rest.popFirst()
                    }
                }
                #expect(rest.isEmpty)
            }
        }
    }

    @Test func namesAndGoodbyesAreFoundBySource() {
        RTCPTests.compound.withUnsafeBytes { buffer in
            guard var view = try? RTCPCompoundView(buffer) else {
                Issue.record("not RTCP")
                return
            }
            var name: [UInt8]?
            var byes: [Bool] = []
            while let packet = view.next() {
                if let found = packet.canonicalName(of: 1) { name = Array(found) }
                #expect(packet.canonicalName(of: 9) == nil)
                if packet.type == 203 { byes += [packet.saysGoodbye(1), packet.saysGoodbye(2)] }
            }
            #expect(name == Array("a@b.cd".utf8))
            #expect(byes == [true, false])
        }
    }
}
