import Base
import Foundation
import RTP
import Testing

private func fixture(_ name: String) throws -> [UInt8] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: root.appending(path: "Fixtures/pcap/\(name)")))
}

/// Captures of Debian's sip-tester, where it is installed.
private let sippFolder = "/usr/share/sip-tester"
private let hasSIPp = FileManager.default.fileExists(atPath: sippFolder + "/g711a.pcap")

private func sipp(_ name: String) throws -> PcapFile {
    let data = try Data(contentsOf: URL(filePath: "\(sippFolder)/\(name)"))
    return try PcapFile(parsing: [UInt8](data))
}

/// The digits of a capture played `times` times, `pause` apart, through one receiver.
private func digits(_ file: PcapFile, times: Int = 1, pause: Interval = .seconds(1)) -> String {
    var receiver = TelephoneEventReceiver()
    var heard = ""
    for round in 0..<times {
        for stream in file.rtpStreams() {
            for packet in stream.packets where packet.header.payloadType == 101 {
                let digit = file.bytes[packet.payload].withUnsafeBytes {
                    receiver.receive(
                        payload: $0, marker: packet.header.marker,
                        timestamp: packet.header.timestamp, sequence: packet.header.sequence,
                        now: Instant.zero + pause * Int64(round) + packet.time)
                }
                if let digit { heard.append(digit) }
            }
        }
    }
    return heard
}

@Suite struct PcapTests {
    @Test func dtmfHabitsAreOneDigit() throws {
        let file = try PcapFile(parsing: try fixture("dtmf-9-habits.pcap"))
        #expect(file.packets.count == 10)
        #expect(file.skipped == 0)
        #expect(digits(file) == "9")
        #expect(digits(file, times: 3) == "999")
    }

    @Test func cookedBigEndianNanosecondCaptureIsReadWhole() throws {
        let file = try PcapFile(parsing: try fixture("two-streams-sll-be-ns.pcap"))
        #expect(file.linkType == 113)
        #expect(file.packets.count == 12)
        #expect(file.skipped == 3)
        #expect(!file.isTruncated)
        let streams = file.rtpStreams()
        #expect(streams.map(\.ssrc) == [0x1122_3344, 0xAABB_CCDD])
        #expect(streams.map(\.payloadTypes) == [[0], [8]])
        #expect(
            streams[0].packets.map(\.header.sequence) == [65_534, 65_535, 0, 1, 2])
        #expect(
            streams[0].packets.map(\.time)
                == [0, 20, 40, 60, 80].map { Interval.milliseconds($0) })
        #expect(streams[1].packets[1].time == .nanoseconds(20_000_001))
        #expect(streams[0].source == PcapEndpoint(address: [192, 0, 2, 1], port: 4000))
        #expect(streams[1].destination.address.count == 16)
        #expect(streams[1].destination.port == 5002)
        let payload = file.bytes[streams[0].packets[3].payload]
        #expect(Array(payload) == [UInt8](repeating: 3, count: 160))
    }

    @Test func everyTruncationIsReadAsFarAsItGoes() throws {
        let bytes = try fixture("two-streams-sll-be-ns.pcap")
        var last = 0
        for count in 0..<bytes.count {
            let cut = Array(bytes[0..<count])
            guard count >= 24 else {
                #expect(throws: RTPError.self) { try PcapFile(parsing: cut) }
                continue
            }
            let file = try PcapFile(parsing: cut)
            #expect(file.packets.count >= last)
            last = file.packets.count
            if count == bytes.count - 1 { #expect(file.isTruncated) }
        }
        #expect(last == 12)
    }

    @Test func mutationsNeverTrap() throws {
        let whole = try fixture("two-streams-sll-be-ns.pcap")
        var random = SeededGenerator(seed: 6)
        for _ in 0..<1500 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                bytes[Int.random(in: 24..<bytes.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            let file = try PcapFile(parsing: bytes)
            for packet in file.packets { #expect(packet.payload.upperBound <= bytes.count) }
            _ = file.rtpStreams()
        }
    }

    @Test func whatIsNoCaptureIsNamed() {
        #expect(throws: RTPError.truncated(needed: 24, have: 0)) { try PcapFile(parsing: []) }
        #expect(throws: RTPError.notPcap) { try PcapFile(parsing: [1, 2, 3, 4]) }
        #expect(throws: RTPError.pcapng) {
            try PcapFile(parsing: [0x0A, 0x0D, 0x0D, 0x0A] + [UInt8](repeating: 0, count: 24))
        }
        var header = PcapWriter().bytes
        header[20] = 147
        #expect(throws: RTPError.unsupportedLinkType(147)) { try PcapFile(parsing: header) }
    }

    @Test func writtenCaptureIsReadBackByEveryLinkType() throws {
        var writer = PcapWriter()
        let source = PcapEndpoint(address: [127, 0, 0, 1], port: 5)
        let destination = PcapEndpoint(address: [127, 0, 0, 2], port: 6)
        for n in 0..<3 {
            try writer.append(
                payload: [UInt8(n), 9], source: source, destination: destination,
                time: .milliseconds(1000 + Int64(n) * 20))
        }
        let file = try PcapFile(parsing: writer.bytes)
        #expect(file.packets.map(\.time) == [.zero, .milliseconds(20), .milliseconds(40)])
        #expect(file.packets.allSatisfy { $0.source == source && $0.destination == destination })
        #expect(file.packets.map { Array(file.payload($0)) } == [[0, 9], [1, 9], [2, 9]])

        // The same IP packet below other link layers.
        let ip = Array(writer.bytes[(24 + 16 + 14)..<(24 + 16 + 44)])
        let layers: [(type: UInt8, high: UInt8, bytes: [UInt8])] = [
            (0, 0, [2, 0, 0, 0]), (108, 0, [0, 0, 0, 2]), (101, 0, []), (12, 0, []), (228, 0, []),
            (1, 0, [UInt8](repeating: 0, count: 12) + [0x81, 0, 0, 5, 0x08, 0]),
            (1, 0, [UInt8](repeating: 0, count: 12) + [0x88, 0xA8, 0, 5, 0x81, 0, 0, 5, 8, 0]),
            (113, 0, [UInt8](repeating: 0, count: 14) + [8, 0]),
            (20, 1, [8, 0] + [UInt8](repeating: 0, count: 18)),  // 276
        ]
        for layer in layers {
            var bytes = Array(writer.bytes[0..<24])
            bytes[20] = layer.type
            bytes[21] = layer.high
            let length = UInt8(layer.bytes.count + ip.count)
            bytes += [0, 0, 0, 0, 0, 0, 0, 0, length, 0, 0, 0, length, 0, 0, 0]
            bytes += layer.bytes + ip
            let file = try PcapFile(parsing: bytes)
            #expect(file.packets.count == 1, "link type \(file.linkType)")
            #expect(file.packets.first.map { Array(file.payload($0)) } == [0, 9])
        }
    }

    @Test func writerRefusesWhatIPv4CannotCarry() {
        var writer = PcapWriter()
        let four = PcapEndpoint(address: [127, 0, 0, 1], port: 5)
        let six = PcapEndpoint(address: [UInt8](repeating: 0, count: 16), port: 5)
        #expect(throws: RTPError.badShape) {
            try writer.append(payload: [1], source: six, destination: four, time: .zero)
        }
        #expect(throws: RTPError.badShape) {
            try writer.append(
                payload: [UInt8](repeating: 0, count: 65_508), source: four, destination: four,
                time: .zero)
        }
        #expect(throws: RTPError.badShape) {
            try writer.append(payload: [1], source: four, destination: four, time: .seconds(-1))
        }
    }

    @Test func packetsBeyondTheLimitAreRefused() throws {
        let bytes = try fixture("dtmf-9-habits.pcap")
        #expect(throws: RTPError.tooManyPackets(limit: 9)) {
            try PcapFile(parsing: bytes, maximumPackets: 9)
        }
        #expect(throws: Never.self) { try PcapFile(parsing: bytes, maximumPackets: 10) }
    }

    // MARK: Debian's sip-tester, facts of 3.6.1-1

    @Test(.enabled(if: hasSIPp), arguments: Array("0123456789") + ["*", "#"])
    func sippKeyIsOneDigit(key: Character) throws {
        let name = key == "*" ? "star" : key == "#" ? "pound" : String(key)
        let file = try sipp("dtmf_2833_\(name).pcap")
        #expect(file.packets.count == 10)
        #expect(digits(file) == String(key))
        #expect(digits(file, times: 2, pause: .milliseconds(700)) == "\(key)\(key)")
    }

    @Test(.enabled(if: hasSIPp))
    func sippSpeechIs236PacketsOf30Milliseconds() throws {
        let file = try sipp("g711a.pcap")
        let streams = file.rtpStreams()
        let stream = try #require(streams.first)
        #expect(streams.count == 1)
        #expect(stream.ssrc == 0xDEE0_EE8F)
        #expect(stream.payloadTypes == [8])
        #expect(stream.packets.count == 236)
        #expect(stream.packets.allSatisfy { $0.payload.count == 240 })
        #expect(stream.packets.first?.header.sequence == 59_133)

        var statistics = ReceiverStatistics(clockRate: 8000)
        var tap = InOrderTap()
        var samples = 0
        for packet in stream.packets {
            let now = Instant.zero + packet.time
            statistics.receive(
                sequence: packet.header.sequence, timestamp: packet.header.timestamp, arrival: now)
            let result = file.bytes[packet.payload].withUnsafeBytes {
                tap.insert(
                    sequence: packet.header.sequence, timestamp: packet.header.timestamp,
                    payload: $0, payloadType: packet.header.payloadType, now: now)
            }
            #expect(result == .accepted)
            while tap.next(
                now: now,
                { if case .payload(let bytes, _, _) = $0 { samples += bytes.count } })
            {}
        }
        #expect(statistics.expected == 236)
        #expect(statistics.lost == 0)
        #expect(samples == 236 * 240)
        #expect(tap.concealedSamples == 0)
    }
}
