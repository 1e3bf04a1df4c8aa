import Base
import CLinux
import RTP
import Testing

@testable import MediaEngine

/// What a replay does with captures and numbers that are not the usual ones.
@Suite struct PcapReplayerTests {
    /// One packet each 20 ms, `units` of its clock apart; `pauseAfter` says after which packet a pause
    /// of a second follows, `setBackAfter` after which one the capture's clock is set back by ten hours.
    private func capture(
        packets: Int, units: UInt32, first: UInt32 = 0, pauseAfter: Int? = nil,
        setBackAfter: Int? = nil, order: [UInt32]? = nil
    ) throws -> PcapFile {
        var writer = PcapWriter()
        var time = Interval.seconds(36_000)
        var timestamp = first
        for index in 0..<packets {
            var bytes = [UInt8](repeating: 0, count: 40)
            let place = order?[index] ?? UInt32(index)
            let header = RTPHeader(
                payloadType: 111, sequence: UInt16(place),
                timestamp: order == nil ? timestamp : place * units, ssrc: 7)
            _ = bytes.withUnsafeMutableBytes { header.write(into: $0) }
            try writer.append(
                payload: bytes, source: PcapEndpoint(address: [10, 0, 0, 1], port: 4000),
                destination: PcapEndpoint(address: [10, 0, 0, 2], port: 5000), time: time)
            let frames: Int64 = index == pauseAfter ? 51 : 1
            time = time + .milliseconds(20 * frames)
            if index == setBackAfter { time = time - .seconds(36_000) }
            timestamp &+= units &* UInt32(frames)
        }
        return try PcapFile(parsing: writer.bytes)
    }

    /// Sequence numbers and timestamps that arrive while `file` is replayed for `time`.
    private func replayed(
        _ file: PcapFile, _ time: Interval
    ) throws -> [(sequence: UInt16, timestamp: UInt32)] {
        let phone = try Phone()
        let replayer = try PcapReplayer(
            file, .init(host: "127.0.0.1", port: phone.port, loops: true, limit: time))
        let summary = try replayer.run()
        #expect(summary.failed == 0)
        var heard: [(sequence: UInt16, timestamp: UInt32)] = []
        var bytes = [UInt8](repeating: 0, count: 2048)
        var from = tl_address()
        var drops: UInt32 = 0
        while true {
            let count = tl_udp_receive(phone.socket, &bytes, 2048, &from, &drops)
            guard count > 0 else { break }
            let header = try bytes.withUnsafeBytes {
                try RTPPacket(parsing: UnsafeRawBufferPointer(rebasing: $0[..<Int(count)])).header
            }
            heard.append((header.sequence, header.timestamp))
        }
        #expect(heard.count == summary.sent)
        return heard
    }

    /// 8 kHz, Opus, 16 kHz; the last begins just before its timestamps wrap.
    @Test(arguments: [(160, 0), (960, 0), (320, UInt32.max - 500)] as [(UInt32, UInt32)])
    func aLoopGoesOnByTheStreamsOwnClock(units: UInt32, first: UInt32) throws {
        let file = try capture(packets: 5, units: units, first: first)
        let heard = try replayed(file, .milliseconds(390))
        #expect(heard.count == 20)
        for (before, after) in zip(heard, heard.dropFirst()) {
            #expect(after.sequence == before.sequence &+ 1)
            #expect(after.timestamp &- before.timestamp == units)
        }
    }

    /// Packets that overtook one another at the ends of a capture: the seam is between its first number
    /// and its last all the same.
    @Test func aLoopOfPacketsThatOvertookOneAnotherRepeatsAndSkipsNone() throws {
        let file = try capture(
            packets: 12, units: 160, order: [1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 11, 10])
        let heard = try replayed(file, .milliseconds(470))
        #expect(heard.count == 24)
        let base = try #require(heard.map(\.sequence).min())
        #expect(Set(heard.map(\.sequence)).count == 24)
        for packet in heard {
            #expect(packet.timestamp == UInt32(packet.sequence &- base) * 160)
        }
    }

    /// The pause makes the mean step long; the gap at the seam is a frame all the same, and as long in
    /// time as in timestamps.
    @Test func aPauseDoesNotLengthenTheSeam() throws {
        let file = try capture(packets: 5, units: 960, pauseAfter: 1)
        // Packets at 0, 20, 1040, 1060, 1080 ms; the next round's first at 1100.
        let heard = try replayed(file, .milliseconds(1110))
        #expect(heard.count == 6)
        let last = try #require(heard.last)
        #expect(last.timestamp &- heard[0].timestamp == 55 * 960)
    }

    /// The rest came at once, and a loop of it as often as the kernel took it.
    @Test func aCaptureWhoseClockWasSetBackGoesOnFromThere() throws {
        let file = try capture(packets: 10, units: 160, setBackAfter: 4)
        let once = try PcapReplayer(file, .init(host: "127.0.0.1", port: try Phone().port)).run()
        #expect(once.sent == 10)
        #expect((0.15...0.2).contains(once.seconds))
        #expect((10...24).contains(try replayed(file, .milliseconds(390)).count))
    }

    @Test(arguments: [
        (4096, 9_000_000_000_000_000), (2, Int.max), (2, Int.min), (2, 65_536), (1, -65_536),
        (3, 32_000),
    ])
    func aPortStepThatLeavesThePortsIsAnErrorOfTheConfiguration(legs: Int, step: Int) throws {
        let file = try capture(packets: 3, units: 160)
        let failure = #expect(throws: EngineError.self) {
            _ = try PcapReplayer(
                file, .init(host: "127.0.0.1", port: 4000, legs: legs, portStep: step))
        }
        guard case .badConfiguration = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }

    @Test(arguments: [Int.max, Int.min, 0, 65_536])
    func aPortThatIsNoneIsAnErrorOfTheConfiguration(port: Int) throws {
        let file = try capture(packets: 3, units: 160)
        #expect(throws: EngineError.self) {
            _ = try PcapReplayer(
                file, .init(host: "127.0.0.1", port: port, legs: 2, portStep: 2))
        }
    }

    /// A broadcast address, which the kernel refuses to a plain socket.
    @Test func whatTheKernelRefusesIsCountedAsFailed() throws {
        let file = try capture(packets: 3, units: 160)
        let summary = try PcapReplayer(file, .init(host: "127.255.255.255", port: 4000)).run()
        #expect(summary.sent == 0 && summary.failed == 3 && summary.lost == 0)
    }

    @Test func aPortStepDownwardsIsFine() throws {
        let file = try capture(packets: 3, units: 160)
        _ = try PcapReplayer(
            file, .init(host: "127.0.0.1", port: 65_535, legs: 2, portStep: -65_534))
    }
}
