import Base
import CLinux
import CallModel
import Foundation
import Media
import RTP
import Telemetry
import Testing

@testable import MediaEngine

/// A far end with a port for RTP and one for RTCP, the odd one above or (rtcp-mux) the same.
private final class ReportingPhone {
    let rtp: Int32
    let rtcp: Int32
    let port: Int
    let ssrc: UInt32
    private var sequence: UInt16 = 500
    /// RTP packets that have come.
    private(set) var packets = 0

    init(mux: Bool, ssrc: UInt32) throws {
        self.ssrc = ssrc
        if mux {
            var local = SocketAddressValue(ipv4: 127, 0, 0, 1, port: 0).system
            rtp = try checked("bind", tl_udp_bind(&local, 0))
            rtcp = rtp
            port = Int(tl_udp_port(rtp))
            return
        }
        // Any two ports in a row that nobody has.
        for candidate in stride(from: UInt16(28_000), to: 30_000, by: 2) {
            var even = SocketAddressValue(ipv4: 127, 0, 0, 1, port: candidate).system
            var odd = SocketAddressValue(ipv4: 127, 0, 0, 1, port: candidate + 1).system
            let first = tl_udp_bind(&even, 0)
            guard first >= 0 else { continue }
            let second = tl_udp_bind(&odd, 0)
            guard second >= 0 else {
                _ = tl_close(first)
                continue
            }
            (rtp, rtcp, port) = (first, second, Int(candidate))
            return
        }
        throw EngineError.portsExhausted(28_000...29_999)
    }

    deinit {
        _ = tl_close(rtp)
        if rtcp != rtp { _ = tl_close(rtcp) }
    }

    var isMuxed: Bool { rtcp == rtp }

    func remote(sends: Bool) -> RemoteMedia {
        var remote = RemoteMedia(
            address: "127.0.0.1", port: port, rtcpMux: isMuxed, sends: sends)
        remote.wantsExtendedReports = true
        return remote
    }

    /// `count` packets of 20 ms, of which the third is lost, to the leg at `port`.
    func talk(_ count: Int, to port: Int) {
        for index in 0..<count {
            var bytes = [UInt8](repeating: 0xFF, count: 172)
            let header = RTPHeader(
                payloadType: 0, sequence: sequence, timestamp: UInt32(sequence) * 160, ssrc: ssrc)
            _ = bytes.withUnsafeMutableBytes { header.write(into: $0) }
            sequence &+= 1
            if index != 2 { send(bytes, from: rtp, to: port) }
        }
    }

    func report(to port: Int) throws {
        let bytes = try RTCPPacket.report(
            sender: SenderReport(
                ssrc: ssrc, ntpTimestamp: 0x1122_3344_5566_7788, rtpTimestamp: 1, packetCount: 2,
                octetCount: 3), ssrc: ssrc, blocks: [], cname: "phone")
        send(bytes, from: rtcp, to: isMuxed ? port : port + 1)
    }

    private func send(_ bytes: [UInt8], from socket: Int32, to port: Int) {
        var target = SocketAddressValue(ipv4: 127, 0, 0, 1, port: UInt16(port)).system
        _ = tl_udp_send(socket, bytes, Int32(bytes.count), &target)
    }

    /// The next compound on the RTCP port; nil when none comes in ten seconds.
    func nextCompound() -> [UInt8]? {
        let end = monotonicNow() + .seconds(10)
        while monotonicNow() < end {
            var waits = [pollfd(fd: rtcp, events: Int16(POLLIN), revents: 0)]
            // Its RTP is read as it comes, or the socket's room would end.
            if !isMuxed { waits.append(pollfd(fd: rtp, events: Int16(POLLIN), revents: 0)) }
            guard poll(&waits, nfds_t(waits.count), 10_000) > 0 else { return nil }
            for wait in waits where wait.revents != 0 {
                var bytes = [UInt8](repeating: 0, count: 2048)
                var from = tl_address()
                var drops: UInt32 = 0
                let count = Int(tl_udp_receive(wait.fd, &bytes, 2048, &from, &drops))
                guard count > 1 else { continue }
                if (200...207).contains(bytes[1]) {
                    return wait.fd == rtcp ? Array(bytes[0..<count]) : nil
                }
                packets += 1
            }
        }
        return nil
    }
}

/// What one compound says, read by the view that legs read with.
private struct Compound {
    var types: [UInt8] = []
    var ssrc: UInt32 = 0
    var packetCount = 0
    var octetCount = 0
    var ntp: UInt64?
    var blocks: [ReportBlock] = []
    var name: String?
    var metrics: VoIPMetrics?
    var saysGoodbye = false

    init(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { raw in
            var view = try RTCPCompoundView(raw)
            while let packet = view.next() {
                if types.isEmpty { ssrc = packet.ssrc ?? 0 }
                types.append(packet.type)
                if packet.type == 200 {
                    ntp = packet.senderNTPTimestamp
                    packetCount = Self.word(packet.body, 16)
                    octetCount = Self.word(packet.body, 20)
                }
                for index in 0..<packet.reportBlockCount {
                    if let block = packet.reportBlock(index) { blocks.append(block) }
                }
                if let found = packet.canonicalName(of: ssrc) {
                    name = String(decoding: found, as: UTF8.self)
                }
                var extended = packet.extendedBlocks
                while let block = extended.next() {
                    if case .voipMetrics(let found) = block { metrics = found }
                }
                saysGoodbye = saysGoodbye || packet.saysGoodbye(ssrc)
            }
        }
    }

    private static func word(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> Int {
        (0..<4).reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
    }
}

/// RFC 3550 6 on real sockets: what is reported, where to, and the last word.
@Suite(.serialized) struct EngineReportTests {
    /// One leg of each kind at the same time: the first report comes after one to three seconds.
    @Test func reportsAreWhatTheWireSaysWithAndWithoutMux() throws {
        let log = try EventLog()
        let engine = try MediaEngine(
            configuration(ports: 27_000...27_019), metrics: MetricsRegistry()
        ) { log.add($0) }
        defer { engine.shutdown() }
        var calls: [(id: LegID, phone: ReportingPhone, sends: Bool)] = []
        for (index, (mux, sends)) in [(true, true), (false, true), (true, false), (false, false)]
            .enumerated()
        {
            let leg = try engine.createLeg(LegOptions(detection: false))
            let phone = try ReportingPhone(mux: mux, ssrc: 0xF00D_0000 + UInt32(index))
            #expect(engine.send(.configure(phone.remote(sends: sends)), to: leg.id))
            #expect(engine.send(.answered, to: leg.id))
            #expect(log.settle(engine, leg.id))
            phone.talk(25, to: leg.port)
            try phone.report(to: leg.port)
            calls.append((leg.id, phone, sends))
        }
        var names: Set<String> = []
        for call in calls {
            let phone = call.phone
            let first = try Compound(try #require(phone.nextCompound()))
            #expect(first.types == [call.sends ? 200 : 201, 202, 207])
            if call.sends {
                // RFC 3550 6.4.1: since the start, without headers.
                #expect(first.packetCount > 0 && first.octetCount == first.packetCount * 160)
                if phone.isMuxed { #expect(first.packetCount == phone.packets) }
                #expect(first.ntp.map { $0 >> 32 > 3_900_000_000 } == true)
            }
            let block = try #require(first.blocks.first)
            #expect(first.blocks.count == 1 && block.ssrc == phone.ssrc)
            #expect(block.cumulativeLost == 1 && block.fractionLost == 10)
            #expect(block.extendedHighestSequence == 524)
            #expect(block.lastSenderReport == 0x3344_5566)
            #expect((1...4 << 16).contains(block.delaySinceLastSenderReport))
            #expect(first.metrics?.ssrc == phone.ssrc && first.metrics?.lossRate == 10)
            #expect(!first.saysGoodbye)
            let name = try #require(first.name)
            #expect(!name.isEmpty)
            names.insert(name)

            engine.removeLeg(call.id)
            var last = try Compound(try #require(phone.nextCompound()))
            // A slow machine may have sent another report before it was told to end.
            while !last.saysGoodbye { last = try Compound(try #require(phone.nextCompound())) }
            #expect(last.types.first == (call.sends ? 200 : 201) && last.types.last == 203)
            #expect(last.ssrc == first.ssrc && last.name == name)
            #expect(last.packetCount >= first.packetCount)
            if call.sends, phone.isMuxed { #expect(last.packetCount == phone.packets) }
        }
        // RFC 7022: each call has a name of its own.
        #expect(names.count == calls.count)
    }
}
