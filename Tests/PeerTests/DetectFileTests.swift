import Audio
import Base
import Foundation
import RTP
import Testing

@testable import trunkline

/// Files that `trunkline detect` is given: clocks that jump, and what recorders and people leave behind.
@Suite struct DetectFileTests {
    /// Two seconds of 20 ms packets with a tone from 0.5 to 1.2 s, PCMU; `time` moves them.
    private static func capture(
        _ count: Int = 100, aLawFrom: Int = .max,
        other: [Int: (type: UInt8, payload: [UInt8])] = [:],
        time: (Int, Interval) -> Interval
    ) throws -> [UInt8] {
        var writer = PcapWriter()
        for index in 0..<count {
            var bytes: [UInt8] = [0x80, other[index]?.type ?? (index < aLawFrom ? 0 : 8)]
            bytes += [UInt8(truncatingIfNeeded: index >> 8), UInt8(truncatingIfNeeded: index)]
            let stamp = UInt32(index * 160)
            bytes += (0..<4).map { UInt8(truncatingIfNeeded: stamp >> (24 - 8 * UInt32($0))) }
            bytes += [0, 0, 0, 7]
            let audio = (0..<160).map {
                let sample = sample(index * 160 + $0)
                return index < aLawFrom ? G711.muLaw(sample) : G711.aLaw(sample)
            }
            bytes += other[index]?.payload ?? audio
            try writer.append(
                payload: bytes, source: PcapEndpoint(address: [10, 0, 0, 1], port: 4000),
                destination: PcapEndpoint(address: [10, 0, 0, 2], port: 5000),
                time: time(index, .seconds(1_700_000_000) + .milliseconds(20 * Int64(index))))
        }
        return writer.bytes
    }

    private static func sample(_ index: Int) -> Int16 {
        guard (4000..<9600).contains(index) else { return 0 }
        return Int16(8000 * sin(2 * Double.pi * 1000 * Double(index) / 8000))
    }

    private static func hear(
        _ bytes: [UInt8], _ recording: Recording = Recording()
    ) throws -> [HeardStream] {
        let path = try Place.scratch("detect") + "/file"
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return try recording.hear(path)
    }

    private static func beeps(_ stream: HeardStream) -> [Int] {
        stream.found.events.compactMap {
            if case .beep(let start, _, _, _, _) = $0 { start } else { nil }
        }
    }

    private static func failure(_ body: () throws -> some Any) -> String {
        do { _ = try body() } catch { return String(describing: error) }
        return ""
    }

    /// A capture has no SDP: which dynamic type is telephone-event shows in what the packets hold.
    @Test func digitsOfACaptureAreFoundBehindOtherDynamicTypes() throws {
        var other: [Int: (type: UInt8, payload: [UInt8])] = [
            3: (98, [UInt8](repeating: 7, count: 33)), 5: (98, [1, 2]), 6: (98, [5, 10, 0, 0]),
            7: (98, []),
        ]
        for step in 0..<5 {
            other[20 + step] = (101, [5, step == 4 ? 0x8A : 0x0A, 0, UInt8(160 * (step + 1) >> 2)])
        }
        let stream = try #require(try Self.hear(Self.capture(other: other) { $1 }).first)
        let digits = stream.found.events.compactMap {
            if case .dtmf(let digit, _, _) = $0 { digit } else { nil }
        }
        #expect(digits == ["5"])
    }

    @Test func aCaptureWhoseClockStandsIsHeardAsItIs() throws {
        let stream = try #require(try Self.hear(Self.capture { $1 }).first)
        #expect(stream.secondsCut == 0)
        #expect((1900...2300).contains(stream.samples.count / 8))
        #expect(try (480...620).contains(#require(Self.beeps(stream).first)))
    }

    /// One packet 10 h early, or of 1970, made hours or terabytes of silence.
    @Test(arguments: [36_000, 1_700_000_000])
    func aFirstPacketOfAnotherTimeIsAMinuteEarly(seconds: Int) throws {
        let bytes = try Self.capture { $0 == 0 ? $1 - .seconds(Int64(seconds)) : $1 }
        let stream = try #require(try Self.hear(bytes).first)
        #expect(stream.secondsCut == seconds - 60)
        #expect(stream.samples.count / 8000 < 63)
        #expect(try (60_000...60_700).contains(#require(Self.beeps(stream).first)))
    }

    @Test func aClockThatGoesBackGoesOnFromThere() throws {
        let bytes = try Self.capture { $0 < 20 ? $1 : $1 - .seconds(36_000) }
        let times = CaptureTimes(try #require(PcapFile.streams(bytes).first)).sinceFirst
        #expect(times[20] == .milliseconds(380) && times[99] == .milliseconds(1960))
        let stream = try #require(try Self.hear(bytes).first)
        #expect(stream.secondsCut == 0)
        #expect(stream.samples.count / 8 < 2400)
        #expect(try (400...700).contains(#require(Self.beeps(stream).first)))
    }

    /// A far end may change between the types of an answer with any packet; a live leg hears both.
    @Test(arguments: [20, 40, 60])
    func aStreamOfBothLawsIsHeardWhole(change: Int) throws {
        let stream = try #require(try Self.hear(Self.capture(aLawFrom: change) { $1 }).first)
        #expect(try (480...620).contains(#require(Self.beeps(stream).first)))
        let level = Level.dBm0(Array(stream.samples[8000 * 9 / 10..<8000 * 11 / 10]))
        #expect(level > -15)
    }

    @Test func whatACaptureLacksIsSaid() throws {
        let whole = try Self.capture { $1 }
        #expect(try Self.hear(whole).first?.notes == [])
        let cut = try #require(try Self.hear(Array(whole.dropLast(10))).first)
        #expect(cut.notes.contains { $0.contains("ends within a packet") })
        // `tcpdump -s 96`: every record is shorter than its packet.
        var short = Array(whole[..<24])
        for record in stride(from: 24, to: whole.count, by: 16 + 42 + 172) {
            short += whole[record..<record + 8]
            short += [96, 0, 0, 0] + whole[record + 12..<record + 16 + 96]
        }
        #expect(Self.failure { try Self.hear(short) }.contains("100 packets that are no whole UDP"))
    }

    @Test func aFolderIsNoRecording() throws {
        let folder = try Place.scratch("folder")
        #expect(
            Self.failure { try Recording().hear(folder) }
                == "cannot be read: correct the path or permissions")
    }

    @Test func aReplayOfNoTimeIsRefused() throws {
        func failure(_ seconds: String) -> String {
            Self.failure {
                try Replay.parse(["a.pcap", "--to", "127.0.0.1:9", "--seconds=" + seconds])
            }
        }
        #expect(failure("1") == "" && failure("999999999999") == "")
        for seconds in ["0", "-5"] {
            #expect(failure(seconds).contains("--seconds is at least 1"), "\(seconds)")
        }
    }

    @Test func packetsInAWrongOrderKeepTheirClock() throws {
        let streams = PcapFile.streams(
            try Self.capture { $0 == 10 ? $1 + .milliseconds(50) : $1 })
        let times = CaptureTimes(try #require(streams.first)).sinceFirst
        #expect(times[10] == .milliseconds(250))
        #expect(times[11] == .milliseconds(250), "time does not go back")
        #expect(times[99] == .milliseconds(1980))
    }

    @Test func aPauseOfHalfAMinuteIsKept() throws {
        let bytes = try Self.capture { $0 < 10 ? $1 : $1 + .seconds(30) }
        let stream = try #require(try Self.hear(bytes).first)
        #expect(stream.secondsCut == 0)
        #expect((31...33).contains(stream.samples.count / 8000))
    }

    @Test func aCaptureOfMoreThanHalfADayIsRefused() throws {
        let bytes = try Self.capture(1000) { index, _ in .seconds(1_700_000_000 + 59 * Int64(index))
        }
        #expect(Self.failure { try Self.hear(bytes) }.contains("h of audio, more than 12"))
    }

    /// 130 MB that claim 1000 Hz are 38 hours, and gigabytes at the detectors' rate.
    @Test func aWAVOfMoreThanHalfADayIsRefused() throws {
        #expect(Recording().longest == .seconds(12 * 3600))
        let silence = [Int16](repeating: 0, count: 2001)
        let bytes = WAVFile(sampleRate: 1000, samples: silence).serialised
        var recording = Recording()
        recording.longest = .seconds(2)
        #expect(Self.failure { try Self.hear(bytes, recording) }.contains("of audio, more than"))
        #expect(try Self.hear(Array(bytes.dropLast(2)), recording).first?.samples.count == 16_000)
    }

    @Test(
        arguments: [
            ("empty", [], "is empty"), ("four letters", Array("RIFF".utf8), "too early"),
            ("text", Array("hello, hello, hello, hello".utf8), "neither a WAV nor"),
            (
                "header only", WAVHeader(sampleRate: 8000, channels: 1).bytes(dataBytes: 0),
                "no samples"
            ),
            (
                "half a sample", WAVHeader(sampleRate: 8000, channels: 1).bytes(dataBytes: 1) + [1],
                "no samples"
            ),
        ] as [(String, [UInt8], String)])
    func whatIsNoRecordingIsSaidInOneLine(name: String, bytes: [UInt8], reason: String) {
        let said = Self.failure { try Self.hear(bytes) }
        #expect(said.contains(reason), "\(name): \(said)")
        #expect(!said.contains("\n"))
    }

    @Test func aFileMayEndEarlyOrInHalfASample() throws {
        let whole = WAVFile(sampleRate: 8000, samples: (0..<16_000).map(Self.sample)).serialised
        for bytes in [whole, whole + [1], Array(whole.dropLast(1))] {
            let stream = try #require(try Self.hear(bytes).first)
            #expect(Self.beeps(stream).count == 1)
        }
        let one = WAVFile(sampleRate: 8000, samples: [1]).serialised
        #expect(try Self.hear(one).first?.samples.count == 1)
    }

    @Test func eachChannelCanBeHeard() throws {
        let samples = (0..<16_000).flatMap { [Int16(0), Self.sample($0)] }
        let bytes = WAVFile(sampleRate: 8000, channels: 2, samples: samples).serialised
        let left = try #require(try Self.hear(bytes).first)
        #expect(left.stream == "0" && Self.beeps(left).isEmpty)
        let right = try #require(try Self.hear(bytes, Recording(channel: 1)).first)
        #expect(right.stream == "1" && Self.beeps(right).count == 1)
        #expect(
            Self.failure { try Self.hear(bytes, Recording(channel: 2)) }
                .contains("--channel is from 0 to 1"))
    }

    /// The page's seconds are those of its table: they count from the answer.
    @Test func thePageCountsFromTheAnswer() throws {
        func page(answerAt ms: Int) throws -> String {
            var recording = Recording(vadTrace: true)
            recording.answerAtMs = ms
            var page = DetectionPage()
            for stream in try Self.hear(Self.capture { $1 }, recording) { page.add(stream) }
            let path = try Place.scratch("page") + "/page.html"
            try page.write(to: path)
            return try String(contentsOfFile: path, encoding: .utf8)
        }
        let whole = try page(answerAt: 0)
        #expect(whole.contains(">0 s<") && whole.contains(">1 s<") && !whole.contains(">-1 s<"))
        let late = try page(answerAt: 1500)
        #expect(late.contains(">-1 s<") && late.contains(">0 s<") && !late.contains(">1 s<"))
    }

    @Test func transcriptsMayComeAtFractionsOfAMillisecond() throws {
        func read(_ time: String) throws -> [Int] {
            let path = try Place.scratch("transcripts") + "/lines"
            try Data("{\"file\":\"a.wav\",\"t_ms\":\(time),\"text\":\"press one\"}\n".utf8)
                .write(to: URL(fileURLWithPath: path))
            return try Detect.understood(in: path)["a.wav", default: []].map(\.atMs)
        }
        #expect(try read("1200.5") == [1201])
        #expect(try read("0") == [0])
        #expect(try read("86400000") == [86_400_000])
        for time in ["-1", "86400001", "1e300"] {
            let said = Self.failure { try read(time) }
            #expect(said.contains("line 1: t_ms is from 0 to 86400000"), "\(time): \(said)")
        }
        for time in ["NaN", "1e999", "null", "\"1\""] {
            #expect(Self.failure { try read(time) }.contains("line 1: give an object"), "\(time)")
        }
    }
}

extension PcapFile {
    fileprivate static func streams(_ bytes: [UInt8]) -> [PcapRTPStream] {
        (try? PcapFile(parsing: bytes))?.rtpStreams() ?? []
    }
}
