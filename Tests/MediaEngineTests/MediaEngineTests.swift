import Audio
import Base
import CLinux
import CallModel
import Foundation
import Media
import RTP
import Telemetry
import Testing

@testable import MediaEngine

/// Real sockets on loopback; one at a time, because two cores are few.
@Suite(.serialized) struct MediaEngineTests {
    @Test func everyPacketIsEchoed() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(configuration(ports: 21000...21019), metrics: metrics) {
            log.add($0)
        }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(mode: .echo))
        let phone = try Phone()
        #expect(engine.send(.configure(phone.remote), to: leg.id))
        #expect(log.wait { engine.legCount == 1 })
        var returned: [UInt8] = []
        for index in 0..<200 {
            phone.send([UInt8](repeating: UInt8(index), count: 160), to: leg.port)
            guard let payload = phone.receive() else { break }
            #expect(payload.count == 160)
            returned.append(payload[0])
        }
        #expect(returned == (0..<200).map { UInt8($0) })
        engine.removeLeg(leg.id)
        let summary = try #require(log.waitForClosed(leg.id))
        #expect(summary.packetsReceived == 200 && summary.packetsSent == 200)
        #expect(summary.packetsRejected == 0)
        engine.shutdown()
        let text = metrics.render()
        #expect(text.contains("trunkline_rtp_packets_received_total 200"))
        #expect(text.contains("trunkline_rtp_packets_sent_total 200"))
        #expect(text.contains("trunkline_media_legs 0"))
    }

    @Test func fullPortRangeIsAnErrorAndPortsRest() throws {
        let log = try EventLog()
        let ports = 21100...21105
        let engine = try MediaEngine(
            configuration(ports: ports, quarantine: .seconds(3600)), metrics: MetricsRegistry()
        ) { log.add($0) }
        defer { engine.shutdown() }
        let legs = try (0..<3).map { _ in try engine.createLeg(LegOptions(detection: false)) }
        #expect(Set(legs.map(\.port)) == [21100, 21102, 21104])
        #expect(throws: EngineError.portsExhausted(ports)) {
            _ = try engine.createLeg(LegOptions())
        }
        #expect(engine.legCount == 3)
        engine.removeLeg(legs[0].id)
        _ = try #require(log.waitForClosed(legs[0].id))
        #expect(log.wait { engine.legCount == 2 })
        #expect(throws: EngineError.portsExhausted(ports)) {
            _ = try engine.createLeg(LegOptions())
        }
        #expect(EngineError.portsExhausted(ports).description.contains("--rtp-ports"))
    }

    @Test func aPortOfAnotherProcessIsSkippedAndCounted() throws {
        var taken = SocketAddressValue(ipv4: 127, 0, 0, 1, port: 21201).system
        let other = tl_udp_bind(&taken, 0)
        try #require(other >= 0)
        defer { _ = tl_close(other) }
        let engine = try MediaEngine(
            configuration(ports: 21200...21203), metrics: MetricsRegistry()
        ) { _ in }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(detection: false))
        #expect(leg.port == 21202)
        #expect(engine.portsSkipped == 1)
        #expect(throws: EngineError.portInUse(21200)) { _ = try engine.createLeg(LegOptions()) }
    }

    @Test func tooManyLegsIsAnError() throws {
        var settings = configuration(ports: 21300...21399)
        settings.maximumLegs = 2
        let engine = try MediaEngine(settings, metrics: MetricsRegistry()) { _ in }
        defer { engine.shutdown() }
        _ = try engine.createLeg(LegOptions(detection: false))
        _ = try engine.createLeg(LegOptions(detection: false))
        #expect(throws: EngineError.tooManyLegs(limit: 2)) {
            _ = try engine.createLeg(LegOptions())
        }
    }

    @Test func aClipIsHeardByTheFarEndAndReported() throws {
        let log = try EventLog()
        let engine = try MediaEngine(
            configuration(ports: 21400...21419), metrics: MetricsRegistry()
        ) { log.add($0) }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(detection: false))
        let phone = try Phone()
        engine.send(.configure(phone.remote), to: leg.id)
        engine.send(.answered, to: leg.id)
        // 16 kHz: converted before it reaches the worker.
        let clip = PlaybackClip(samples: [Int16](repeating: 8000, count: 1600), sampleRate: 16_000)
        engine.send(.play(id: 4, clip: clip), to: leg.id)
        #expect(log.wait { log.kinds(leg.id).contains(.playFinished(id: 4, completed: true)) })
        var loud = 0
        for _ in 0..<20 {
            guard let payload = phone.receive() else { break }
            if payload.count == 160, payload.filter({ $0 != 0xFF }).count > 100 { loud += 1 }
            if loud == 5 { break }
        }
        #expect(loud == 5)
    }

    @Test func aRecordingIsAValidStereoWAV() throws {
        let folder = NSTemporaryDirectory() + "trunkline-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let log = try EventLog()
        let engine = try MediaEngine(
            configuration(ports: 21500...21519, folder: folder), metrics: MetricsRegistry()
        ) { log.add($0) }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(mode: .echo, record: "calls/a.wav"))
        let phone = try Phone()
        engine.send(.configure(phone.remote), to: leg.id)
        for _ in 0..<50 {
            phone.send([UInt8](repeating: 0x80, count: 160), to: leg.port)
            guard phone.receive() != nil else { break }
        }
        engine.removeLeg(leg.id)
        _ = try #require(log.waitForClosed(leg.id))
        let kinds = log.kinds(leg.id)
        // `closed` is the last word even of a recorded leg.
        #expect(kinds.suffix(2).first == .recordingFinished(path: "calls/a.wav"))
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/calls/a.wav"))
        let file = try WAVFile(parsing: Array(bytes))
        #expect(file.sampleRate == 8000 && file.channels == 2)
        #expect(bytes.count == 44 + file.samples.count * 2)
        let left = file.channel(0)
        let right = file.channel(1)
        #expect(left.contains(32124))
        #expect(left == right)
    }

    @Test func aRecordingThatCannotBeWrittenFailsInWords() throws {
        let log = try EventLog()
        let engine = try MediaEngine(
            configuration(ports: 21600...21619), metrics: MetricsRegistry()
        ) { log.add($0) }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(detection: false))
        engine.send(.startRecording(path: "/proc/nothing/a.wav"), to: leg.id)
        engine.send(.stopRecording, to: leg.id)
        engine.send(.startRecording(path: "../../etc/a.wav"), to: leg.id)
        engine.send(.stopRecording, to: leg.id)
        #expect(log.wait { log.kinds(leg.id).count == 2 })
        let reasons = log.kinds(leg.id).map { kind in
            if case .recordingFailed(_, let reason) = kind { reason } else { "" }
        }
        #expect(reasons.first?.hasPrefix("cannot create it") == true)
        #expect(reasons.last == "the path leaves the recording folder")
    }

    /// In a process of its own: engines of other tests have threads, too.
    @Test func shutdownClosesLegsAndJoinsItsThreads() async {
        await #expect(processExitsWith: .success) {
            func threads() -> [String] {
                let folder = "/proc/self/task"
                let tasks = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
                return tasks.compactMap {
                    try? String(contentsOfFile: "\(folder)/\($0)/comm", encoding: .utf8)
                }.filter { $0.hasPrefix("tl-") }
            }
            let log = try EventLog()
            let engine = try MediaEngine(
                configuration(ports: 21700...21799), metrics: MetricsRegistry()
            ) { log.add($0) }
            let legs = try (0..<20).map { _ in try engine.createLeg(LegOptions(detection: false)) }
            #expect(engine.isHealthy)
            // Each thread gives itself its name, soon.
            #expect(log.wait { threads().count == 3 })
            engine.shutdown()
            #expect(threads().isEmpty)
            #expect(!engine.isHealthy)
            let closed = log.all.filter { if case .closed = $0.kind { true } else { false } }
            #expect(Set(closed.map(\.leg)) == Set(legs.map(\.id)))
            #expect(throws: EngineError.shutDown) { _ = try engine.createLeg(LegOptions()) }
            engine.shutdown()
        }
    }

    @Test func aBridgeIsFedAndItsStreamIsWoken() throws {
        let wakes = try WakePipe()
        defer { wakes.close() }
        let log = try EventLog()
        let engine = try MediaEngine(
            configuration(ports: 21800...21819, wakeFD: wakes.writeEnd), metrics: MetricsRegistry()
        ) { log.add($0) }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(detection: false))
        let phone = try Phone()
        let bridge = AudioBridge()
        let samples = [Int16](repeating: 8000, count: 800)
        _ = samples.withUnsafeBufferPointer { bridge.playout.write($0) }
        engine.send(.configure(phone.remote), to: leg.id)
        engine.send(.attach(bridge), to: leg.id)
        phone.send([UInt8](repeating: 0x80, count: 160), to: leg.port)
        #expect(log.wait { bridge.sentPosition == 800 && bridge.received.count >= 160 })
        #expect(wakes.take() > 0)
        engine.removeLeg(leg.id)
        _ = try #require(log.waitForClosed(leg.id))
        #expect(bridge.isClosed)
    }

    /// Nobody else would ever tell the stream that its leg does not hear it.
    @Test func aBridgeThatItsLegRefusesIsClosed() throws {
        let wakes = try WakePipe()
        defer { wakes.close() }
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(
            configuration(ports: 21820...21839, wakeFD: wakes.writeEnd), metrics: metrics
        ) { log.add($0) }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(mode: .silence, detection: false))
        let bridge = AudioBridge()
        #expect(engine.send(.attach(bridge), to: leg.id))
        #expect(log.wait { metrics.counter(Catalogue.mediaCommandsDropped).value == 1 })
        #expect(log.wait { bridge.isClosed })
        #expect(log.wait { wakes.take() > 0 })
    }

    @Test(arguments: [(Interval.milliseconds(1), 26_300), (.seconds(600), 26_320)])
    func aStreamIsWokenOnceAPeriod(period: Interval, port: Int) throws {
        let wakes = try WakePipe()
        defer { wakes.close() }
        let log = try EventLog()
        var settings = configuration(ports: port...port + 19, wakeFD: wakes.writeEnd)
        settings.streamWakePeriod = period
        let engine = try MediaEngine(settings, metrics: MetricsRegistry()) { log.add($0) }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(detection: false))
        let phone = try Phone()
        let bridge = AudioBridge()
        engine.send(.configure(phone.remote), to: leg.id)
        engine.send(.attach(bridge), to: leg.id)
        for count in 1...5 {
            phone.send([UInt8](repeating: 0x80, count: 160), to: leg.port)
            #expect(log.wait { bridge.received.count >= count * 160 })
            // The worker's turn that gave the frame is over with the next command's.
            engine.send(.sendDTMF("1", durationMs: 40), to: leg.id)
            #expect(phone.receive() != nil)
        }
        let count = wakes.take()
        #expect(period == .milliseconds(1) ? count >= 3 : count == 1, "\(count)")
    }

    @Test func unusableCommandsAreRefusedAndCounted() throws {
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(configuration(ports: 21900...21919), metrics: metrics) { _ in }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(detection: false))
        #expect(!engine.send(.answered, to: LegID(4_000_000)))
        #expect(!engine.send(.configure(RemoteMedia(address: "0.0.0.0", port: 4)), to: leg.id))
        #expect(!engine.removeLeg(LegID(4_000_000)))
        #expect(metrics.counter(Catalogue.mediaCommandsDropped).value == 2)
    }

    @Test func badSettingsAreSaidInOneLine() throws {
        func failure(_ change: (inout MediaEngineConfiguration) -> Void) -> EngineError? {
            var settings = configuration(ports: 22000...22019)
            change(&settings)
            do throws(EngineError) {
                try MediaEngine(settings, metrics: MetricsRegistry()) { _ in }.shutdown()
                return nil
            } catch {
                return error
            }
        }
        #expect(failure { $0.address = "198.51.100.1" } == .addressUnavailable("198.51.100.1"))
        #expect(failure { $0.ports = 22001...22002 } != nil)
        #expect(failure { $0.ports = 10...20 } != nil)
        #expect(failure { $0.address = "localhost" }?.description.contains("--rtp-address") == true)
    }

    @Test func withoutRealtimePriorityOneLineNamesTheRemedy() throws {
        let log = Warnings()
        var settings = configuration(ports: 22100...22119)
        settings.warn = { log.add($0) }
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(settings, metrics: metrics) { _ in }
        defer { engine.shutdown() }
        let gauge = metrics.gauge(Catalogue.mediaRealtime).value
        #expect(gauge == Double(engine.realtimeWorkers))
        if engine.realtimeWorkers == 0 {
            #expect(log.lines.count == 1)
            #expect(log.lines.first?.contains("setcap cap_sys_nice+ep") == true)
        } else {
            #expect(log.lines.isEmpty)
        }
    }

    @Test func aCaptureIsReplayedAgainstAnEcho() throws {
        let log = try EventLog()
        let engine = try MediaEngine(
            configuration(ports: 22200...22299), metrics: MetricsRegistry()
        ) { log.add($0) }
        defer { engine.shutdown() }
        let file = try PcapFile(parsing: capture(packets: 25))
        let first = try engine.createLeg(LegOptions(mode: .echo, detection: false))
        let second = try engine.createLeg(LegOptions(mode: .echo, detection: false))
        // The replay's ports are not known here: the legs learn them (four packets each).
        let nowhere = RemoteMedia(address: "127.0.0.1", port: 9)
        for leg in [first, second] {
            engine.send(.configure(nowhere), to: leg.id)
            #expect(log.settle(engine, leg.id))
        }
        let replayer = try PcapReplayer(
            file,
            .init(
                host: "127.0.0.1", port: first.port, legs: 2,
                portStep: second.port - first.port, loops: true, limit: .milliseconds(600)))
        let summary = try replayer.run()
        // 10 ms a packet in the capture: 600 ms are 60 packets of the first leg, and 59 of the
        // second, which starts 10 ms later.
        #expect(summary.sent == 119)
        var heard: [Int] = []
        var echoed = 0
        for leg in [first, second] {
            engine.removeLeg(leg.id)
            let closed = try #require(log.waitForClosed(leg.id))
            heard.append(closed.packetsReceived)
            echoed += closed.packetsSent
        }
        #expect(heard == [57, 56] && echoed == 113)
        // The replay waits for half a second, however busy the machine.
        #expect((1...113).contains(summary.received))
        #expect(summary.lost == 119 - summary.received)
        #expect(throws: EngineError.self) {
            _ = try PcapReplayer(file, .init(host: "127.0.0.1", port: 9, ssrc: 1))
        }
    }

    /// 10 ms of PCMU a packet.
    private func capture(packets: Int) throws -> [UInt8] {
        var writer = PcapWriter()
        for index in 0..<packets {
            var bytes = [UInt8](repeating: 0xFF, count: 92)
            let header = RTPHeader(
                payloadType: 0, sequence: UInt16(index), timestamp: UInt32(index * 80),
                ssrc: 0xABCD)
            _ = bytes.withUnsafeMutableBytes { header.write(into: $0) }
            try writer.append(
                payload: bytes, source: PcapEndpoint(address: [10, 0, 0, 1], port: 4000),
                destination: PcapEndpoint(address: [10, 0, 0, 2], port: 5000),
                time: .milliseconds(Int64(index) * 10))
        }
        return writer.bytes
    }
}
