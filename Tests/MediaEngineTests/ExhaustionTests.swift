import Base
import CLinux
import CallModel
import Foundation
import Media
import Synchronization
import Telemetry
import Testing

@testable import MediaEngine

/// Everything that can run out, run out: a clear error or a count, and the engine goes on.
@Suite(.serialized) struct ExhaustionTests {
    /// The limit is the process's own, so this process is one of its own.
    @Test func theDescriptorLimitRefusesLegsInWordsAndTheyComeBack() async {
        await #expect(processExitsWith: .success) {
            let log = try EventLog()
            let metrics = MetricsRegistry()
            let engine = try MediaEngine(
                configuration(ports: 22400...22599), metrics: metrics
            ) { log.add($0) }
            // The limit is on numbers, not on how many are open, and a process that a test starts
            // inherits some with gaps between them.
            let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
            let open = Set(names.compactMap { Int($0) })
            let free = (0...).lazy.filter { !open.contains($0) }.prefix(9)
            let bound = rlim_t((free.map { $0 }.last ?? 9) + 1)
            var limit = rlimit(rlim_cur: bound, rlim_max: bound)
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            var legs: [LegHandle] = []
            var refusal: EngineError?
            while refusal == nil, legs.count < 50 {
                do throws(EngineError) {
                    legs.append(try engine.createLeg(LegOptions(detection: false)))
                } catch {
                    refusal = error
                }
            }
            #expect((1...6).contains(legs.count))
            #expect(refusal?.description.contains("raise `ulimit -n`") == true)
            #expect(refusal?.description.contains("LimitNOFILE") == true)
            let refused = metrics.counter(Catalogue.mediaLegsRefused, ["descriptors"])
            #expect(refused.value == 1)
            // No port was lost over it, and a leg that ends makes room.
            #expect(engine.freePorts == 100 - legs.count)
            #expect(engine.legCount == legs.count)
            engine.removeLeg(legs[0].id)
            #expect(log.waitForClosed(legs[0].id) != nil)
            #expect(log.wait { engine.legCount == legs.count - 1 })
            // The worker closes the sockets a moment after it has said so.
            #expect(log.wait { (try? engine.createLeg(LegOptions(detection: false))) != nil })
            engine.shutdown()
        }
    }

    @Test func everyRefusalIsCountedByItsReason() throws {
        let metrics = MetricsRegistry()
        func refused(_ reason: String) -> Int {
            metrics.counter(Catalogue.mediaLegsRefused, [reason]).value
        }
        var settings = configuration(ports: 22600...22603, quarantine: .seconds(3600))
        settings.maximumLegs = 3
        let log = try EventLog()
        let engine = try MediaEngine(settings, metrics: metrics) { log.add($0) }
        let first = try engine.createLeg(LegOptions(detection: false))
        _ = try engine.createLeg(LegOptions(detection: false))
        _ = try? engine.createLeg(LegOptions(detection: false))
        #expect(refused("ports") == 1)
        #expect(engine.legCount == 2)
        engine.removeLeg(first.id)
        _ = try #require(log.waitForClosed(first.id))
        // Its port rests.
        _ = try? engine.createLeg(LegOptions(detection: false))
        #expect(refused("ports") == 2)
        engine.shutdown()
        _ = try? engine.createLeg(LegOptions(detection: false))
        #expect(refused("shutdown") == 1)

        settings.maximumLegs = 1
        settings.ports = 22604...22607
        let small = try MediaEngine(settings, metrics: metrics) { _ in }
        defer { small.shutdown() }
        _ = try small.createLeg(LegOptions(detection: false))
        _ = try? small.createLeg(LegOptions(detection: false))
        #expect(refused("legs") == 1)
        #expect(refused("overload") == 0 && refused("other") == 0)
    }

    @Test func skippedPortsAreCounted() throws {
        var taken = SocketAddressValue(ipv4: 127, 0, 0, 1, port: 22610).system
        let other = tl_udp_bind(&taken, 0)
        try #require(other >= 0)
        defer { _ = tl_close(other) }
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(configuration(ports: 22610...22613), metrics: metrics) { _ in }
        defer { engine.shutdown() }
        #expect(try engine.createLeg(LegOptions(detection: false)).port == 22612)
        #expect(metrics.counter(Catalogue.mediaPortsSkipped).value == 1)
    }

    /// No machine grants half a gigabyte by default.
    @Test func aReceiveBufferThatTheKernelDoesNotGrantIsSaidWithTheSysctl() throws {
        let log = Warnings()
        var settings = configuration(ports: 22620...22623)
        settings.realtime = false
        settings.warn = { log.add($0) }
        settings.receiveBuffer = 500_000_000
        let engine = try MediaEngine(settings, metrics: MetricsRegistry()) { _ in }
        defer { engine.shutdown() }
        // The engine works with what it got.
        _ = try engine.createLeg(LegOptions(detection: false))
        let line = try #require(log.lines.first { $0.contains("receive buffer") })
        #expect(line.contains("sysctl -w net.core.rmem_max=500000000"))
        #expect(line.contains("rtp.receive_buffer"))

        let modest = Warnings()
        settings.ports = 22624...22627
        settings.warn = { modest.add($0) }
        settings.receiveBuffer = 65_536
        let other = try MediaEngine(settings, metrics: MetricsRegistry()) { _ in }
        defer { other.shutdown() }
        #expect(!modest.lines.contains { $0.contains("receive buffer") })
    }

    /// A worker that is stopped by its own owner: `events` blocks, rings fill, detections are lost
    /// and counted, and the last word of every leg still comes.
    @Test func anOwnerWhoTakesNoEventsCostsDetectionsOnly() throws {
        let ring = EventRing()
        var sender = EventSender(ring: ring, signal: try WakeSignal())
        let total = EventRing.capacity + EventSender.backlogLimit + 500
        for _ in 0..<total {
            sender.push(EngineEvent(leg: LegID(1), kind: .detection(.speechStart(atMs: 0))))
        }
        #expect(sender.dropped == 500)
        let metrics = MetricsRegistry()
        WorkerLosses(metrics).publish(
            MediaCounters(), sharedFailures: 6, skippedTicks: 7, droppedEvents: sender.dropped,
            sheddings: 2, streamTurns: 3, backlogs: 4)
        #expect(metrics.counter(Catalogue.rtpSendFailures).value == 6)
        #expect(metrics.counter(Catalogue.mediaEventsDropped).value == 500)
        #expect(metrics.counter(Catalogue.mediaTicksSkipped).value == 7)
        #expect(metrics.counter(Catalogue.mediaSheddings).value == 2)
        #expect(metrics.counter(Catalogue.mediaStreamTurns).value == 3)
        #expect(metrics.counter(Catalogue.mediaReceiveBacklogs).value == 4)
        sender.push(EngineEvent(leg: LegID(1), kind: .closed(MediaSummary())))
        var events: [EngineEvent] = []
        for _ in 0..<4 {
            ring.drain(into: &events)
            sender.flush()
        }
        #expect(events.last?.kind == .closed(MediaSummary()))
    }

    @Test func digitsBeyondALegsQueueAreRefusedAndCounted() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(configuration(ports: 22630...22639), metrics: metrics) {
            log.add($0)
        }
        let leg = try engine.createLeg(LegOptions(detection: false))
        let phone = try Phone()
        engine.send(.configure(phone.remote), to: leg.id)
        for _ in 0..<200 { engine.send(.sendDTMF("5", durationMs: 100), to: leg.id) }
        engine.removeLeg(leg.id)
        _ = try #require(log.waitForClosed(leg.id))
        engine.shutdown()
        #expect(metrics.counter(Catalogue.mediaDigitsRefused).value > 100)
    }

    /// What does not fit a socket's buffer the kernel drops, and the metric has every one of them.
    @Test func packetsThatTheKernelDropsAreCounted() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        var settings = configuration(ports: 22660...22669)
        settings.receiveBuffer = 2048
        let worker = HeldWorker()
        let engine = try MediaEngine(
            settings, metrics: metrics, lateness: worker.lateness, events: { log.add($0) })
        let leg = try engine.createLeg(LegOptions(mode: .echo, detection: false))
        let phone = try Phone()
        engine.send(.configure(phone.remote), to: leg.id)
        #expect(log.settle(engine, leg.id))
        let target = SocketAddressValue(ipv4: 127, 0, 0, 1, port: UInt16(leg.port)).system
        let foe = try Phone()
        var sent = 0
        worker.hold(log)
        var bytes = [UInt8](repeating: 0x80, count: 172)
        bytes.withUnsafeMutableBytes { buffer in
            var batch = (0..<64).map { _ in
                tl_datagram(base: buffer.baseAddress, capacity: 172, count: 172, address: target)
            }
            for _ in 0..<20 { sent += Int(max(0, tl_udp_send_batch(foe.socket, &batch, 64))) }
        }
        worker.release()
        // An echo: everything before it has been read.
        var echoed = false
        for number in UInt8(1)...200 where !echoed {
            phone.send([UInt8](repeating: number, count: 160), to: leg.port)
            sent += 1
            while !echoed, let heard = phone.receive(milliseconds: 100) {
                echoed = heard.first == number
            }
        }
        #expect(echoed)
        engine.removeLeg(leg.id)
        let summary = try #require(log.waitForClosed(leg.id))
        engine.shutdown()
        let dropped = metrics.counter(Catalogue.rtpSocketDrops).value
        #expect(dropped > 1000)
        #expect(summary.packetsReceived + summary.packetsRejected + dropped == sent)
    }

    /// A packet that the kernel does not send (no route to that network) is counted.
    @Test func packetsThatTheKernelRefusesAreCounted() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(configuration(ports: 22640...22649), metrics: metrics) {
            log.add($0)
        }
        let leg = try engine.createLeg(LegOptions(detection: false))
        // Bound to 127.0.0.1, nothing leaves loopback: the kernel says EINVAL.
        engine.send(.configure(RemoteMedia(address: "192.0.2.1", port: 4000)), to: leg.id)
        let sent = metrics.counter(Catalogue.rtpSendFailures)
        #expect(log.wait { sent.value > 5 })
        #expect(engine.isHealthy)
        engine.shutdown()
    }

    /// As an ordinary user without any real-time limit, whatever this machine allows root.
    @Test func withoutThePrivilegeTheRemedyIsNamed() async {
        await #expect(processExitsWith: .success) {
            var none = rlimit(rlim_cur: 0, rlim_max: 0)
            #expect(setrlimit(__rlimit_resource_t(__RLIMIT_RTPRIO.rawValue), &none) == 0)
            if geteuid() == 0 {
                #expect(setgid(65_534) == 0)
                #expect(setuid(65_534) == 0)
            }
            let log = Warnings()
            var settings = configuration(ports: 22650...22659)
            settings.warn = { log.add($0) }
            let metrics = MetricsRegistry()
            let engine = try MediaEngine(settings, metrics: metrics) { _ in }
            #expect(engine.realtimeWorkers == 0)
            #expect(metrics.gauge(Catalogue.mediaRealtime).value == 0)
            #expect(log.lines.count == 1)
            for remedy in ["setcap cap_sys_nice+ep", "ulimit -r 10", "LimitRTPRIO=10"] {
                #expect(log.lines.first?.contains(remedy) == true)
            }
            engine.shutdown()
        }
    }
}
