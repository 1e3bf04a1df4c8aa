import Base
import Foundation
import RTP
import Testing

@testable import Media

/// Captures of Debian's sip-tester, where it is installed.
private let folder = "/usr/share/sip-tester"
private let isInstalled = FileManager.default.fileExists(atPath: folder + "/dtmf_2833_1.pcap")

private let keys: [(key: Character, file: String)] =
    "0123456789".map { ($0, String($0)) } + [("*", "star"), ("#", "pound")]

/// SIPp's key presses as they were captured, through whole legs.
@Suite(.enabled(if: isInstalled, "sip-tester is not installed: run tools/setup"))
struct CapturedDigitTests {
    private func packets(_ file: String) throws -> [(at: Interval, bytes: [UInt8])] {
        let data = try Data(contentsOf: URL(filePath: "\(folder)/dtmf_2833_\(file).pcap"))
        let capture = try PcapFile(parsing: [UInt8](data))
        let stream = try #require(capture.rtpStreams().first)
        return stream.packets.map { ($0.time, Array(capture.bytes[$0.datagram])) }
    }

    /// Receives what is due before each tick; the clock goes on from where it is.
    private func play(_ packets: [(at: Interval, bytes: [UInt8])], into bench: LegBench) {
        let start = bench.now
        let end = start + (packets.last?.at ?? .zero) + .milliseconds(700)
        var next = 0
        while bench.now < end {
            while next < packets.count, start + packets[next].at <= bench.now {
                bench.receive(packets[next].bytes)
                next += 1
            }
            bench.tick()
            bench.now += MediaLeg.tick
        }
    }

    private func digits(_ bench: LegBench) -> String {
        var text = ""
        for case .dtmf(let digit, _) in bench.outputs { text.append(digit) }
        return text
    }

    /// In one stream one behind the other, as a caller keys a number: the capture's own numbers, so
    /// every key begins anew where the one before began.
    @Test(arguments: [false, true]) func twelveKeysAreTwelveDigitsInOrder(twice: Bool) throws {
        let bench = try LegBench(detection: true)
        for (_, file) in keys {
            for _ in 0..<(twice ? 2 : 1) { play(try packets(file), into: bench) }
        }
        let expected = keys.map { twice ? "\($0.key)\($0.key)" : "\($0.key)" }.joined()
        #expect(digits(bench) == expected)
    }

    /// Each key with every single packet lost, repeated, or behind the one that follows it.
    @Test(arguments: keys.map(\.file)) func whateverHappensToOnePacketItIsOneDigit(
        file: String
    ) throws {
        let key = try #require(keys.first { $0.file == file }).key
        let whole = try packets(file)
        #expect(whole.count == 10)
        for index in whole.indices {
            var lost = whole
            lost.remove(at: index)
            var repeated = whole
            repeated.insert(whole[index], at: index)
            var swapped = whole
            if index + 1 < whole.count {
                swapped[index].bytes = whole[index + 1].bytes
                swapped[index + 1].bytes = whole[index].bytes
            }
            for variant in [lost, repeated, swapped] {
                let bench = try LegBench(detection: true)
                play(variant, into: bench)
                #expect(digits(bench) == String(key), "packet \(index)")
            }
        }
    }
}
