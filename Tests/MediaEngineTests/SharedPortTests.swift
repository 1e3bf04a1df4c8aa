import Base
import CLinux
import CallModel
import Media
import RTP
import SecureRTP
import Telemetry
import Testing

@testable import MediaEngine

/// Real sockets on loopback; one at a time.
@Suite(.serialized) struct SharedPortTests {
    private func sharing(
        _ ports: ClosedRange<Int>, shared: Int, quarantine: Interval = .zero
    ) -> MediaEngineConfiguration {
        var settings = configuration(ports: ports, quarantine: quarantine)
        settings.sharedPorts = shared
        return settings
    }

    /// Whether a leg with SRTP answers one of fifty packets within five seconds.
    private func isAnswered(
        _ phone: Phone, _ leg: LegHandle, _ context: inout SRTPContext
    ) throws -> Bool {
        for _ in 0..<50 {
            try phone.send([UInt8](repeating: 0xFF, count: 160), to: leg.port, under: &context)
            if phone.receive(milliseconds: 100)?.count == 170 { return true }
        }
        return false
    }

    private func options(farEnd: Phone? = nil) -> LegOptions {
        var options = LegOptions(mode: .echo, detection: false)
        options.sharedPort = true
        options.farEnd = farEnd.flatMap { SocketAddressValue(address: "127.0.0.1", port: $0.port) }
        return options
    }

    @Test func twoHundredLegsOnTwoPortsHearTheirOwnAudioOnly() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(sharing(23000...23099, shared: 2), metrics: metrics) {
            log.add($0)
        }
        defer { engine.shutdown() }
        var calls: [(leg: LegHandle, phone: Phone)] = []
        for index in 0..<200 {
            let phone = try Phone()
            // Every tenth has the SSRC of all the others that are a tenth.
            phone.ssrc = index % 10 == 0 ? 0xFEED : UInt32(index)
            let leg = try engine.createLeg(options())
            #expect(leg.isShared)
            engine.send(.configure(phone.remote), to: leg.id)
            calls.append((leg, phone))
        }
        #expect(Set(calls.map(\.leg.port)) == [23000, 23002])
        #expect(engine.sharedLegCount == 200)
        #expect(log.wait { engine.legCount == 200 })
        // What a leg had not heard of when the first packets came is a counted drop.
        for (leg, phone) in calls {
            phone.send([UInt8](repeating: 0xFF, count: 160), to: leg.port)
            #expect(phone.receive()?.count == 160)
        }
        for round in 0..<5 {
            for (index, call) in calls.enumerated() {
                call.phone.send(
                    [UInt8](repeating: UInt8(index), count: 160 - round), to: call.leg.port)
            }
            for (index, call) in calls.enumerated() {
                let heard = call.phone.receive()
                #expect(heard == [UInt8](repeating: UInt8(index), count: 160 - round))
            }
        }
        for call in calls { engine.removeLeg(call.leg.id) }
        for call in calls {
            let summary = try #require(log.waitForClosed(call.leg.id))
            #expect(summary.packetsReceived == 6 && summary.packetsSent == 6)
            #expect(summary.packetsRejected == 0)
        }
        #expect(log.wait { engine.sharedLegCount == 0 })
        engine.shutdown()
        #expect(metrics.render().contains("trunkline_rtp_packets_received_total 1200"))
    }

    @Test func aSprayerGetsNothingAndChangesNothing() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(sharing(23100...23199, shared: 1), metrics: metrics) {
            log.add($0)
        }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(options())
        let phone = try Phone()
        let foe = try Phone()
        phone.ssrc = 0x1234
        // Far from the victim's: the very next number would be its continuation.
        foe.sequence = 30_000
        engine.send(.configure(phone.remote), to: leg.id)
        for _ in 0..<20 {
            phone.send([UInt8](repeating: 1, count: 160), to: leg.port)
            #expect(phone.receive()?.first == 1)
            // Unbroken numbers of a stream of its own, then the victim's SSRC with wrong ones.
            foe.ssrc = 0xBAD
            foe.send([UInt8](repeating: 2, count: 160), to: leg.port)
            foe.ssrc = 0x1234
            foe.send([UInt8](repeating: 2, count: 160), to: leg.port)
            foe.sequence &+= 1000
        }
        #expect(foe.receive(milliseconds: 100) == nil)
        phone.send([UInt8](repeating: 3, count: 160), to: leg.port)
        #expect(phone.receive()?.first == 3)
        engine.removeLeg(leg.id)
        let summary = try #require(log.waitForClosed(leg.id))
        #expect(summary.packetsReceived == 21)
        engine.shutdown()
        let foreign = metrics.counter(Catalogue.rtpPacketsRejected, ["foreign_source"]).value
        #expect(foreign == 40)
    }

    @Test func aFarEndThatMovesTakesItsLegAlong() throws {
        let log = try EventLog()
        let engine = try MediaEngine(
            sharing(23200...23299, shared: 1), metrics: MetricsRegistry()
        ) { log.add($0) }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(options())
        let phone = try Phone()
        phone.ssrc = 0x4711
        engine.send(.configure(phone.remote), to: leg.id)
        for _ in 0..<3 {
            phone.send([UInt8](repeating: 1, count: 160), to: leg.port)
            #expect(phone.receive() != nil)
        }
        // The NAT binding changes: the same stream from another port.
        let moved = try Phone()
        moved.ssrc = phone.ssrc
        moved.sequence = phone.sequence
        moved.timestamp = phone.timestamp
        for _ in 0..<3 {
            moved.send([UInt8](repeating: 2, count: 160), to: leg.port)
            #expect(moved.receive()?.first == 2)
        }
        // A re-INVITE to a third address.
        let third = try Phone()
        engine.send(.configure(third.remote), to: leg.id)
        third.send([UInt8](repeating: 3, count: 160), to: leg.port)
        #expect(third.receive()?.first == 3)
    }

    @Test func legsThatCannotBeToldApartGetPortsOfTheirOwn() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(sharing(23300...23399, shared: 1), metrics: metrics) {
            log.add($0)
        }
        defer { engine.shutdown() }
        let phone = try Phone()
        let first = try engine.createLeg(options(farEnd: phone))
        let second = try engine.createLeg(options(farEnd: phone))
        #expect(first.isShared && !second.isShared && first.port != second.port)
        engine.send(.configure(phone.remote), to: first.id)
        engine.send(.configure(phone.remote), to: second.id)
        for (value, leg) in [(UInt8(1), first), (2, second), (3, first), (4, second)] {
            phone.send([UInt8](repeating: value, count: 160), to: leg.port)
            #expect(phone.receive()?.first == value)
        }
        // Two offers of ours are answered with one address: told apart by SSRC, and the next offer
        // has a port of its own.
        let other = try Phone()
        let third = try engine.createLeg(options())
        let fourth = try engine.createLeg(options())
        #expect(third.isShared && fourth.isShared)
        engine.send(.configure(other.remote), to: third.id)
        other.ssrc = 3
        other.send([UInt8](repeating: 3, count: 160), to: third.port)
        #expect(other.receive()?.first == 3)
        engine.send(.configure(other.remote), to: fourth.id)
        other.ssrc = 4
        other.send([UInt8](repeating: 4, count: 160), to: fourth.port)
        #expect(other.receive()?.first == 4)
        for leg in [third, fourth] { engine.removeLeg(leg.id) }
        #expect(try #require(log.waitForClosed(third.id)).packetsReceived == 1)
        #expect(try #require(log.waitForClosed(fourth.id)).packetsReceived == 1)
        #expect(try !engine.createLeg(options()).isShared)
        engine.shutdown()
        #expect(metrics.counter(Catalogue.mediaSharedCollisions).value == 1)
    }

    @Test(arguments: [false, true]) func keysTellApartWhatAddressesDoNot(
        oneSSRC: Bool
    ) throws {
        let engine = try MediaEngine(
            sharing(23400...23499, shared: 1), metrics: MetricsRegistry()
        ) { _ in }
        defer { engine.shutdown() }
        var phones: [Phone] = []
        // Both far ends are behind a NAT: what they signal is not where they send from.
        for value in [UInt8(1), 2] {
            let phone = try Phone()
            phones.append(phone)
            phone.ssrc = oneSSRC ? 7 : UInt32(value)
            let leg = try engine.createLeg(options())
            let key = [UInt8](repeating: value, count: 30)
            engine.send(
                .configure(
                    RemoteMedia(
                        address: "127.0.0.1", port: 9 + Int(value),
                        srtp: SRTPKeys(
                            suite: .aesCM128HMACSHA1_80, local: key, remote: key))),
                to: leg.id)
            var context = try SRTPContext(
                suite: .aesCM128HMACSHA1_80, key: key, direction: .outbound)
            #expect(try isAnswered(phone, leg, &context))
        }
    }

    /// Behind a NAT that has forgotten the port, a telephone that begins another stream: nothing but its
    /// key says whose it is.
    @Test func behindAHoldKeysFindAFarEndThatHasMoved() throws {
        let engine = try MediaEngine(
            sharing(24150...24199, shared: 1), metrics: MetricsRegistry()
        ) { _ in }
        defer { engine.shutdown() }
        let key = [UInt8](repeating: 5, count: 30)
        var remote = RemoteMedia(
            address: "127.0.0.1", port: 9,
            srtp: SRTPKeys(suite: .aesCM128HMACSHA1_80, local: key, remote: key))
        var context = try SRTPContext(
            suite: .aesCM128HMACSHA1_80, key: key, direction: .outbound)
        let leg = try engine.createLeg(options())
        for round in UInt32(1)...2 {
            let phone = try Phone()
            phone.ssrc = round
            remote.receives = true
            engine.send(.configure(remote), to: leg.id)
            #expect(try isAnswered(phone, leg, &context))
            remote.receives = false
            engine.send(.configure(remote), to: leg.id)
        }
    }

    /// Keys are tried on what nobody knows; the leg that was tried is none the worse for it.
    @Test func aStrangersPacketIsOneDropHoweverManyKeysWereTried() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(sharing(24200...24249, shared: 1), metrics: metrics) {
            log.add($0)
        }
        defer { engine.shutdown() }
        var legs: [LegHandle] = []
        for value in [UInt8(1), 2, 3] {
            let key = [UInt8](repeating: value, count: 30)
            let leg = try engine.createLeg(options())
            engine.send(
                .configure(
                    RemoteMedia(
                        address: "127.0.0.1", port: 9 + Int(value),
                        srtp: SRTPKeys(
                            suite: .aesCM128HMACSHA1_80, local: key, remote: key))),
                to: leg.id)
            legs.append(leg)
        }
        let foe = try Phone()
        let foreign = metrics.counter(Catalogue.rtpPacketsRejected, ["foreign_source"])
        #expect(
            log.wait {
                foe.send([UInt8](repeating: 0xFF, count: 160), to: legs[0].port)
                return foreign.value >= 10
            })
        for leg in legs { engine.removeLeg(leg.id) }
        for leg in legs {
            #expect(try #require(log.waitForClosed(leg.id)).packetsRejected == 0)
        }
        engine.shutdown()
        #expect(metrics.counter(Catalogue.rtpPacketsRejected, ["authentication"]).value == 0)
    }

    @Test func afterAHangUpLatePacketsOfTheCallReachNobody() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(
            sharing(23500...23599, shared: 1, quarantine: .seconds(3600)), metrics: metrics
        ) { log.add($0) }
        defer { engine.shutdown() }
        let phone = try Phone()
        phone.ssrc = 50
        let first = try engine.createLeg(options())
        engine.send(.configure(phone.remote), to: first.id)
        phone.send([UInt8](repeating: 1, count: 160), to: first.port)
        #expect(phone.receive()?.first == 1)
        engine.removeLeg(first.id)
        _ = try #require(log.waitForClosed(first.id))
        #expect(log.wait { engine.sharedLegCount == 0 })
        // The address rests: an offer from there gets a port of its own, an answer from there
        // reaches a leg that knows the old call's SSRC.
        #expect(try !engine.createLeg(options(farEnd: phone)).isShared)
        let second = try engine.createLeg(options())
        #expect(second.isShared)
        engine.send(.configure(phone.remote), to: second.id)
        phone.send([UInt8](repeating: 2, count: 160), to: second.port)
        phone.ssrc = 51
        phone.send([UInt8](repeating: 3, count: 160), to: second.port)
        #expect(phone.receive()?.first == 3)
        engine.removeLeg(second.id)
        #expect(try #require(log.waitForClosed(second.id)).packetsReceived == 1)
    }

    /// Without a leg nobody is in a hurry to read the sockets, and nothing may wait there: by the time
    /// the next leg comes, the old call's addresses may rest no more.
    @Test func whatComesWhileThereIsNoLegDoesNotWaitForTheNext() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(sharing(24200...24299, shared: 1), metrics: metrics) {
            log.add($0)
        }
        defer { engine.shutdown() }
        let phone = try Phone()
        let first = try engine.createLeg(options())
        engine.send(.configure(phone.remote), to: first.id)
        phone.send([UInt8](repeating: 1, count: 160), to: first.port)
        #expect(phone.receive()?.first == 1)
        engine.removeLeg(first.id)
        _ = try #require(log.waitForClosed(first.id))
        for _ in 0..<3 { phone.send([UInt8](repeating: 2, count: 160), to: first.port) }
        let dropped = metrics.counter(Catalogue.rtpPacketsRejected, ["foreign_source"])
        #expect(log.wait(seconds: 10) { dropped.value == 3 })
        let second = try engine.createLeg(options())
        #expect(second.port == first.port)
        engine.send(.configure(phone.remote), to: second.id)
        phone.send([UInt8](repeating: 3, count: 160), to: second.port)
        #expect(phone.receive()?.first == 3)
        engine.removeLeg(second.id)
        #expect(try #require(log.waitForClosed(second.id)).packetsReceived == 1)
    }

    @Test func aFloodDoesNotEndACall() throws {
        let engine = try MediaEngine(
            sharing(23600...23699, shared: 1), metrics: MetricsRegistry()
        ) { _ in }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(options())
        let phone = try Phone()
        engine.send(.configure(phone.remote), to: leg.id)
        phone.send([UInt8](repeating: 1, count: 160), to: leg.port)
        #expect(phone.receive() != nil)
        let foe = try Phone()
        let target = SocketAddressValue(ipv4: 127, 0, 0, 1, port: UInt16(leg.port)).system
        var bytes = [UInt8](repeating: 0x80, count: 172)
        bytes.withUnsafeMutableBytes { buffer in
            var batch = (0..<64).map { _ in
                tl_datagram(base: buffer.baseAddress, capacity: 172, count: 172, address: target)
            }
            for _ in 0..<500 { _ = tl_udp_send_batch(foe.socket, &batch, 64) }
        }
        var heard: UInt8 = 0
        for _ in 0..<20 where heard != 9 {
            phone.send([UInt8](repeating: 9, count: 160), to: leg.port)
            heard = phone.receive(milliseconds: 200)?.first ?? 0
        }
        #expect(heard == 9)
        #expect(foe.receive(milliseconds: 50) == nil)
    }

    @Test func whatTheKernelDropsAtASharedPortIsCountedOnce() throws {
        let port = SharedPort(
            sockets: try MediaSockets(
                host: SocketAddressValue(low: 0x7F00_0001, port: 0), port: 24350))
        _ = tl_udp_set_receive_buffer(port.sockets.rtp, 2048)
        let foe = try Phone()
        for _ in 0..<200 { foe.send([UInt8](repeating: 1, count: 160), to: 24350) }
        let drops = port.takeSocketDrops()
        #expect(drops > 100 && drops < 200)
        #expect(port.takeSocketDrops() == 0)
    }

    @Test func aBatchLeavesWhenItIsFullOrFlushed() throws {
        let port = SharedPort(
            sockets: try MediaSockets(
                host: SocketAddressValue(low: 0x7F00_0001, port: 0), port: 24360))
        let phone = try Phone()
        let to = SocketAddressValue(ipv4: 127, 0, 0, 1, port: UInt16(phone.port))
        let bytes = [UInt8](repeating: 7, count: 32)
        func send(_ count: Int) -> Int {
            (0..<count).count { _ in bytes.withUnsafeBytes { port.send($0, to, .rtp) } }
        }
        #expect(send(SharedPort.batch - 1) == SharedPort.batch - 1)
        #expect(phone.receive(milliseconds: 20) == nil)
        #expect(send(1) == 1)
        for _ in 0..<SharedPort.batch { #expect(phone.receive()?.count == 20) }
        #expect(send(2) == 2)
        port.flush()
        for _ in 0..<2 { #expect(phone.receive()?.count == 20) }
        // Too long for a place in the batch.
        let long = [UInt8](repeating: 7, count: DatagramPool.capacity + 1)
        let isTaken = long.withUnsafeBytes { port.send($0, to, .rtp) }
        #expect(!isTaken)
        #expect(port.failures == 0)
    }

    @Test func whatTheKernelDoesNotSendFromASharedPortIsCounted() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(sharing(24370...24379, shared: 1), metrics: metrics) {
            log.add($0)
        }
        defer { engine.shutdown() }
        var settings = LegOptions(detection: false)
        settings.sharedPort = true
        let leg = try engine.createLeg(settings)
        #expect(leg.isShared)
        // No packet leaves the host from a loopback address.
        engine.send(.configure(RemoteMedia(address: "192.0.2.1", port: 9)), to: leg.id)
        engine.send(.answered, to: leg.id)
        let failures = metrics.counter(Catalogue.rtpSendFailures)
        #expect(log.wait { failures.value >= 3 })
    }

    @Test func aPacketTooLongForItsBufferIsNoPacket() throws {
        let engine = try MediaEngine(
            sharing(23700...23799, shared: 1), metrics: MetricsRegistry()
        ) { _ in }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(options())
        let phone = try Phone()
        engine.send(.configure(phone.remote), to: leg.id)
        phone.send([UInt8](repeating: 1, count: 4000), to: leg.port)
        phone.send([UInt8](repeating: 2, count: 160), to: leg.port)
        #expect(phone.receive()?.first == 2)
    }

    @Test func sharedPortsAreForThoseWhoAsk() throws {
        let engine = try MediaEngine(
            sharing(23800...23899, shared: 2), metrics: MetricsRegistry()
        ) { _ in }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(detection: false))
        #expect(!leg.isShared && leg.port == 23804)
        #expect(throws: EngineError.self) {
            _ = try MediaEngine(
                sharing(23900...23901, shared: 2), metrics: MetricsRegistry()
            ) { _ in }
        }
        #expect(throws: EngineError.self) {
            _ = try MediaEngine(
                sharing(23900...23999, shared: 65), metrics: MetricsRegistry()
            ) { _ in }
        }
    }

    private func engineWhereAddressExists(
        _ settings: MediaEngineConfiguration, _ log: EventLog
    ) throws -> MediaEngine? {
        do {
            return try MediaEngine(settings, metrics: MetricsRegistry()) { log.add($0) }
        } catch EngineError.addressUnavailable {
            return nil
        }
    }

    @Test func anIPv6FarEndIsFoundToo() throws {
        var settings = sharing(24000...24099, shared: 1)
        settings.address = "::1"
        let log = try EventLog()
        guard let engine = try engineWhereAddressExists(settings, log) else {
            return  // A machine without IPv6.
        }
        defer { engine.shutdown() }
        var local = SocketAddressValue(low: 1, port: 0, isIPv6: true).system
        let socket = try checked("bind", tl_udp_bind(&local, 0))
        defer { _ = tl_close(socket) }
        let leg = try engine.createLeg(options())
        engine.send(
            .configure(RemoteMedia(address: "::1", port: Int(tl_udp_port(socket)))), to: leg.id)
        var target = SocketAddressValue(low: 1, port: UInt16(leg.port), isIPv6: true).system
        var bytes = [UInt8](repeating: 5, count: 172)
        let header = RTPHeader(payloadType: 0, sequence: 1, timestamp: 0, ssrc: 6)
        _ = bytes.withUnsafeMutableBytes { header.write(into: $0) }
        let loop = try EpollLoop()
        try loop.add(socket, token: 1)
        _ = tl_udp_send(socket, bytes, 172, &target)
        var event = tl_event()
        #expect(tl_epoll_wait(loop.descriptor, &event, 1, 2_000_000_000) == 1)
    }
}
