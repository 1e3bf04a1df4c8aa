import Base
import CallModel
import NIOCore
import Testing

@testable import Streaming

/// One record, read the slow way from the drawing in docs/STREAMING.md, without the room's reader.
struct MuxRecord: Equatable {
    var type: UInt8
    var flags: UInt8 = 0
    var leg: UInt32
    var timestamp: UInt64 = 0
    var payload: [UInt8] = []

    var bytes: [UInt8] {
        func little(_ value: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
        }
        return [type, flags] + little(UInt64(payload.count), 2) + little(UInt64(leg), 4)
            + little(timestamp, 8) + payload
    }

    static func message(_ records: [MuxRecord]) -> [UInt8] {
        [1, 0, UInt8(records.count & 0xFF), UInt8(records.count >> 8)] + records.flatMap(\.bytes)
    }

    /// nil unless `message` is one whole message with as many records as it says.
    static func all(_ message: [UInt8]) -> [MuxRecord]? {
        func little(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard message.count >= 4, message[0] == 1, message[1] == 0 else { return nil }
        var rest = message[4...]
        var records: [MuxRecord] = []
        while !rest.isEmpty {
            guard rest.count >= 16 else { return nil }
            let start = rest.startIndex
            let length = Int(little(rest[(start + 2)..<(start + 4)]))
            guard rest.count >= 16 + length else { return nil }
            records.append(
                MuxRecord(
                    type: rest[start], flags: rest[start + 1],
                    leg: UInt32(little(rest[(start + 4)..<(start + 8)])),
                    timestamp: little(rest[(start + 8)..<(start + 16)]),
                    payload: Array(rest[(start + 16)..<(start + 16 + length)])))
            rest = rest[(start + 16 + length)...]
        }
        return records.count == Int(little(message[2..<4])) ? records : nil
    }
}

@Suite struct MuxFormatTests {
    private func read(
        _ message: [UInt8], limit: Int = Mux.maximumRecords
    ) -> ([MuxRecord], Mux.Fault?) {
        var records: [MuxRecord] = []
        let fault = message.withUnsafeBytes { bytes -> Mux.Fault? in
            do throws(Mux.Fault) {
                var reader = try Mux.Reader(bytes, maximumRecords: limit)
                while let record = try reader.next() {
                    records.append(
                        MuxRecord(
                            type: record.type, flags: record.flags.rawValue, leg: record.leg,
                            timestamp: record.timestamp, payload: Array(reader.payload(of: record)))
                    )
                }
                return nil
            } catch {
                return error
            }
        }
        return (records, fault)
    }

    private let three = [
        MuxRecord(type: 1, flags: 0x10, leg: 0x0102_0304, timestamp: 160, payload: [9, 8, 7]),
        MuxRecord(type: 4, leg: 7, timestamp: 1 << 40, payload: Array("mark".utf8)),
        MuxRecord(type: 3, flags: 0x80, leg: 7, timestamp: .max),
    ]

    @Test func recordsAreReadAsTheyStand() {
        let message: [UInt8] = [
            1, 0, 1, 0,
            1, 0x18, 2, 0, 0x04, 0x03, 0x02, 0x01, 0xA0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0x7F,
        ]
        let (records, fault) = read(message)
        #expect(fault == nil)
        #expect(
            records == [
                MuxRecord(
                    type: 1, flags: 0x18, leg: 0x0102_0304, timestamp: 160, payload: [0xFF, 0x7F])
            ])
        #expect(read(MuxRecord.message(three)) == (three, nil))
    }

    /// Wherever a message is cut: the records before the cut, then an error unless between two.
    @Test func messagesCutAnywhereGiveWhatIsWhole() {
        let message = MuxRecord.message(three)
        let ends = [4, 4 + 19, 4 + 19 + 20, 4 + 19 + 20 + 16]
        #expect(message.count == ends[3])
        for cut in 0..<message.count {
            let (records, fault) = read(Array(message[..<cut]))
            let whole = ends.count { $0 <= cut } - 1
            #expect(records == Array(three[..<max(0, whole)]))
            #expect((fault == nil) == ends.contains(cut))
        }
    }

    @Test func alteredMessagesStayInsideTheirBytes() {
        var random = SeededGenerator(seed: 20_261_123)
        let message = MuxRecord.message(three)
        for _ in 0..<20_000 {
            var altered = message
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                altered[Int.random(in: 0..<altered.count, using: &random)] =
                    UInt8.random(in: 0...255, using: &random)
            }
            altered = Array(altered.prefix(Int.random(in: 0...altered.count, using: &random)))
            let (records, fault) = read(altered)
            let taken = records.reduce(4) { $0 + 16 + $1.payload.count }
            if fault == nil {
                #expect(taken == altered.count)
            } else {
                #expect(records.isEmpty || taken <= altered.count)
            }
        }
    }

    @Test func unknownTypesAreSkippedByTheirLength() {
        let records = [
            MuxRecord(type: 200, leg: 1, payload: [UInt8](repeating: 1, count: 300)), three[0],
        ]
        #expect(read(MuxRecord.message(records)) == (records, nil))
    }

    @Test func otherVersionsAndTooManyRecordsAreRefused() {
        var message = MuxRecord.message(three)
        #expect(read(message, limit: 2) == (Array(three[..<2]), .tooManyRecords(limit: 2)))
        #expect(read(message, limit: 3) == (three, nil))
        message[0] = 2
        #expect(read(message) == ([], .version(2)))
        #expect(read([]) == ([], .truncated(needed: 4, have: 0)))
    }

    // MARK: writing

    /// The payloads of the masked frames in `bytes` (RFC 6455 section 5.2), nil when they are none.
    private func unmasked(_ bytes: [UInt8]) -> [[UInt8]]? {
        var messages: [[UInt8]] = []
        var rest = bytes[...]
        while let first = rest.first {
            guard first == 0x82, rest.count >= 6, rest[rest.startIndex + 1] & 0x80 != 0 else {
                return nil
            }
            var count = Int(rest[rest.startIndex + 1] & 0x7F)
            var header = 2
            if count == 126 {
                count = Int(rest[rest.startIndex + 2]) << 8 | Int(rest[rest.startIndex + 3])
                header = 4
                guard count > 125 else { return nil }
            }
            guard count < 127 || header == 4 else { return nil }
            let start = rest.startIndex + header
            let key = Array(rest[start..<start + 4])
            let masked = rest[(start + 4)..<(start + 4 + count)]
            messages.append(masked.enumerated().map { $1 ^ key[$0 & 3] })
            rest = rest[(start + 4 + count)...]
        }
        return messages
    }

    private func write(
        _ writer: inout MuxWriter, _ record: MuxRecord, _ link: FrameLink
    ) -> Bool {
        guard let kind = Mux.Kind(rawValue: record.type) else { return false }
        return writer.record(
            kind, flags: Mux.Flags(rawValue: record.flags), leg: record.leg,
            timestamp: record.timestamp, count: record.payload.count, link: link
        ) { space in
            record.payload.withUnsafeBytes { space.copyMemory(from: $0) }
        }
    }

    private func makeLink() -> FrameLink {
        FrameLink(limits: StreamLimits(), maximumOutboundBytes: 1 << 20, takesBinary: true)
    }

    @Test(arguments: [1, 3, 40])
    func recordsOfATickAreOneMessage(count: Int) {
        var writer = MuxWriter()
        let link = makeLink()
        let records = (0..<count).map { index in
            MuxRecord(
                type: 1, flags: 0, leg: UInt32(index) + 1, timestamp: UInt64(index) * 160,
                payload: [UInt8](repeating: UInt8(index), count: index == 0 ? 1 : 160))
        }
        for record in records { #expect(write(&writer, record, link)) }
        writer.finish(link)
        let bytes = Array(link.out.bytes)
        let wanted = MuxRecord.message(records)
        #expect(unmasked(bytes) == [wanted])
        // The shortest header that fits (RFC 6455 section 5.2).
        #expect(bytes.count == wanted.count + (wanted.count <= 125 ? 6 : 8))
        let finished = writer.takeFinished()
        #expect(finished == (1, wanted.count))
        #expect(writer.takeFinished() == (0, 0))
        writer.finish(link)
        #expect(link.out.count == bytes.count)
    }

    @Test func aMessageEndsBeforeItIsTooLong() {
        var writer = MuxWriter()
        let link = makeLink()
        let record = MuxRecord(
            type: 1, leg: 3, payload: [UInt8](repeating: 5, count: 32_752))
        for _ in 0..<5 { #expect(write(&writer, record, link)) }
        writer.finish(link)
        let messages = unmasked(Array(link.out.bytes)) ?? []
        // 4 + 16 + 32,752 bytes: a second record would make 65,540.
        #expect(messages.map(\.count) == [Int](repeating: 32_772, count: 5))
        #expect(messages.allSatisfy { MuxRecord.all($0) == [record] })
    }

    @Test func aPayloadThatCanNeverFitIsRefused() {
        var writer = MuxWriter()
        let link = makeLink()
        var record = MuxRecord(
            type: 2, leg: 3, payload: [UInt8](repeating: 5, count: MuxWriter.maximumPayload))
        #expect(write(&writer, record, link))
        record.payload.append(5)
        #expect(!write(&writer, record, link))
        writer.finish(link)
        #expect(unmasked(Array(link.out.bytes))?.map(\.count) == [65_535])
    }

    // MARK: what a URL says

    @Test func modeAndFramesComeFromTheURLOrTheDefaults() throws {
        let plain = try StreamURL(parsing: "ws://bot:80/a?b")
        #expect(
            try plain.format(StreamDefaults())
                == StreamFormat(
                    mode: .call, frameMilliseconds: 20, encoding: .muLaw, sampleRate: 8000))
        var defaults = StreamDefaults(
            mode: .multiplexed, frameMilliseconds: 60, encoding: .linear16, sampleRate: 16_000)
        #expect(defaults.problem == nil)
        let format = try plain.format(defaults)
        #expect(
            format
                == StreamFormat(
                    mode: .multiplexed, frameMilliseconds: 60, encoding: .linear16,
                    sampleRate: 16_000))
        #expect(format.frameSamples == 960)
        #expect(format.frameBytes == 1920)
        let own = try StreamURL(parsing: "call+wss://bot/a?b#frame=100")
        #expect(own.isSecure)
        #expect(own.target == "/a?b")
        #expect(
            try own.format(defaults)
                == StreamFormat(
                    mode: .call, frameMilliseconds: 100, encoding: .muLaw, sampleRate: 8000))
        let mux = try StreamURL(parsing: "mux+ws://bot/#encoding=mulaw")
        #expect(try mux.format(defaults).sampleRate == 8000)
        #expect(throws: StreamError.self) {
            try StreamURL(parsing: "call+ws://bot/#encoding=linear16").format(StreamDefaults())
        }
        #expect(throws: StreamError.self) {
            try StreamURL(parsing: "mux+ws://bot/#rate=16000").format(StreamDefaults())
        }
        defaults.encoding = .muLaw
        #expect(defaults.problem == "stream.sample_rate 16000 needs stream.encoding linear16")
        #expect(StreamDefaults(frameMilliseconds: 30).problem != nil)
        #expect(StreamDefaults(connections: 0).problem != nil)
        #expect(StreamDefaults(encoding: .linear16, sampleRate: 11_025).problem != nil)
    }

    @Test(arguments: [
        "mux+http://bot/", "mux+ws://bot/#frame=30", "mux+ws://bot/#frame=", "mux+ws://bot/#",
        "mux+ws://bot/#rate=44100", "mux+ws://bot/#encoding=opus", "mux+ws://bot/#frame=20&",
        "ws://bot/#frame=-20", "mux+mux+ws://bot/",
    ])
    func unusableOptionsAreRefused(text: String) {
        #expect(throws: StreamError.self) { try StreamURL(parsing: text) }
    }

    @Test func legsShareAConnectionOnlyToTheSameBotAskedTheSameWay() throws {
        func key(_ url: String, _ headers: [(name: String, value: String)] = []) throws -> MuxKey {
            var request = StreamRequest(url: url, streamID: "MZ", callID: CallID("CA"))
            request.headers = headers
            return MuxKey(try StreamURL(parsing: url), request)
        }
        let one = try key("mux+ws://bot:80/a?b#frame=20")
        #expect(try one == key("ws://bot/a?b#frame=100"))
        #expect(try one != key("wss://bot:80/a?b"))
        #expect(try one != key("ws://bot/a"))
        #expect(try one != key("ws://bot:81/a?b"))
        #expect(try one != key("ws://bot/a?b", [("Authorization", "x")]))
    }
}
