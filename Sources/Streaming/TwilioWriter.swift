internal import Base

/// Writes our side of the Twilio Media Streams dialect. Each function leaves one JSON text in
/// `bytes`, whose storage is reused, but for `media`, which writes where the frame will be sent from.
/// Numbers travel as strings, as Twilio sends them.
struct TwilioWriter {
    private(set) var bytes: [UInt8] = []
    /// Number of the last message with a `sequenceNumber`; the first is 1.
    private(set) var sequence = 0
    /// `","streamSid":"…",` with the identifier escaped: between the sequence number and the rest.
    private let afterSequence: [UInt8]
    /// The parts of a `media` message around its numbers and its payload.
    private let beforeSequence = Array("{\"event\":\"media\",\"sequenceNumber\":\"".utf8)
    private let beforeChunk: [UInt8]
    private let beforeTimestamp = Array("\",\"timestamp\":\"".utf8)
    private let beforePayload = Array("\",\"payload\":\"".utf8)
    private let end = Array("\"}}".utf8)
    private let streamID: String
    private let callID: String
    private let accountID: String

    init(streamID: String, callID: String, accountID: String) {
        self.streamID = streamID
        self.callID = callID
        self.accountID = accountID
        var quoted = JSONWriter()
        quoted.field(nil, streamID)
        afterSequence = Array("\",\"streamSid\":".utf8) + quoted.bytes + [UInt8(ascii: ",")]
        beforeChunk =
            afterSequence + Array("\"media\":{\"track\":\"inbound\",\"chunk\":\"".utf8)
        bytes.reserveCapacity(1024)
    }

    mutating func connected() {
        bytes.removeAll(keepingCapacity: true)
        append("{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}")
    }

    /// `parameters` go out sorted by name, so that a transcript is the same on each run.
    mutating func start(parameters: [String: String]) {
        begin("start")
        var body = JSONWriter(reserving: 512)
        body.object { start in
            start.field("streamSid", streamID)
            start.field("accountSid", accountID)
            start.field("callSid", callID)
            start.array("tracks") { $0.field(nil, "inbound") }
            start.object("mediaFormat") { format in
                format.field("encoding", "audio/x-mulaw")
                format.field("sampleRate", 8000)
                format.field("channels", 1)
            }
            start.object("customParameters") { custom in
                for (name, value) in parameters.sorted(by: { $0.key < $1.key }) {
                    custom.field(name, value)
                }
            }
        }
        append("\"start\":")
        bytes.append(contentsOf: body.bytes)
        append("}")
    }

    /// Takes the next sequence number for a `media` message and says how long it will be, in bytes.
    /// - Parameters:
    ///   - samples: µ-law bytes in it.
    ///   - chunk: number of the frame since the start, from 1.
    ///   - timestamp: where the frame begins, in ms since the start.
    mutating func beginMedia(samples: Int, chunk: Int, timestamp: Int) -> MediaText {
        sequence &+= 1
        let text = MediaText(
            sequence: Decimal(sequence), chunk: Decimal(chunk), timestamp: Decimal(timestamp),
            payload: Base64.encodedCount(samples))
        return text
    }

    /// The length of `text`.
    func count(_ text: MediaText) -> Int {
        beforeSequence.count + text.sequence.count + beforeChunk.count + text.chunk.count
            + beforeTimestamp.count + text.timestamp.count + beforePayload.count + text.payload
            + end.count
    }

    /// Writes `text` with these µ-law bytes to `target`, which must hold `count(text)` bytes.
    func write(
        _ text: MediaText, _ muLaw: UnsafeBufferPointer<UInt8>,
        into target: UnsafeMutableRawBufferPointer
    ) {
        precondition(target.count >= count(text))
        var rest = target
        place(beforeSequence, &rest)
        place(text.sequence, &rest)
        place(beforeChunk, &rest)
        place(text.chunk, &rest)
        place(beforeTimestamp, &rest)
        place(text.timestamp, &rest)
        place(beforePayload, &rest)
        FastBase64.encode(muLaw, into: rest)
        rest = UnsafeMutableRawBufferPointer(rebasing: rest[text.payload...])
        place(end, &rest)
    }

    private func place(_ bytes: [UInt8], _ rest: inout UnsafeMutableRawBufferPointer) {
        bytes.withUnsafeBytes { rest.copyMemory(from: $0) }
        rest = UnsafeMutableRawBufferPointer(rebasing: rest[bytes.count...])
    }

    private func place(_ number: Decimal, _ rest: inout UnsafeMutableRawBufferPointer) {
        number.write(into: rest)
        rest = UnsafeMutableRawBufferPointer(rebasing: rest[number.count...])
    }

    mutating func dtmf(_ digit: Character) {
        begin("dtmf")
        append("\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"")
        bytes.append(contentsOf: String(digit).utf8)
        append("\"}}")
    }

    mutating func mark(_ name: String) {
        begin("mark")
        var quoted = JSONWriter()
        quoted.field(nil, name)
        append("\"mark\":{\"name\":")
        bytes.append(contentsOf: quoted.bytes)
        append("}}")
    }

    mutating func stop() {
        begin("stop")
        var body = JSONWriter()
        body.object { stop in
            stop.field("accountSid", accountID)
            stop.field("callSid", callID)
        }
        append("\"stop\":")
        bytes.append(contentsOf: body.bytes)
        append("}")
    }

    /// `{"event":"…","sequenceNumber":"…","streamSid":"…",`
    private mutating func begin(_ event: StaticString) {
        bytes.removeAll(keepingCapacity: true)
        sequence &+= 1
        append("{\"event\":\"")
        append(event)
        append("\",\"sequenceNumber\":\"")
        append(decimal: sequence)
        bytes.append(contentsOf: afterSequence)
    }

    private mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    private mutating func append(decimal value: Int) {
        let number = Decimal(value)
        withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { digits in
            number.write(into: digits)
            bytes.append(contentsOf: digits[..<number.count])
        }
    }
}

/// The varying parts of a `media` message.
struct MediaText {
    fileprivate let sequence: Decimal
    fileprivate let chunk: Decimal
    fileprivate let timestamp: Decimal
    /// Bytes of base64.
    fileprivate let payload: Int
}

/// A number as decimal digits; a negative one as its magnitude.
private struct Decimal {
    let value: UInt
    let count: Int

    init(_ value: Int) {
        self.value = value.magnitude
        var count = 1
        var limit: UInt = 10
        while count < 20, self.value >= limit {
            count += 1
            let (next, overflow) = limit.multipliedReportingOverflow(by: 10)
            if overflow { break }
            limit = next
        }
        self.count = count
    }

    func write(into target: UnsafeMutableRawBufferPointer) {
        var rest = value
        var index = count - 1
        while index >= 0, index < target.count {
            target[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            index -= 1
        }
    }
}

/// Base64 (RFC 4648) two characters at a time: fifty frames a second and leg leave as base64.
enum FastBase64 {
    /// The two characters of each 12-bit group, the first in the lower byte. Never freed.
    private struct Pairs: @unchecked Sendable {
        // @unchecked: written once, before anybody sees it.
        let table: UnsafePointer<UInt16>

        init() {
            let alphabet = Array(
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
            let table = UnsafeMutablePointer<UInt16>.allocate(capacity: 4096)
            for group in 0..<4096 {
                let (first, second) = (alphabet[group >> 6], alphabet[group & 63])
                (table + group).initialize(
                    to: (UInt16(first) | UInt16(second) << 8).littleEndian)
            }
            self.table = UnsafePointer(table)
        }
    }

    private static let pairs = Pairs()

    /// Writes the padded encoding of `bytes` to `target`, which must hold `Base64.encodedCount` bytes.
    static func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableRawBufferPointer
    ) {
        precondition(target.count >= Base64.encodedCount(bytes.count))
        guard let source = bytes.baseAddress, let start = target.baseAddress else { return }
        let table = pairs.table
        var from = source
        var to = start
        // SAFETY: three bytes of `bytes` become four of `target`, whose length was checked; a group
        // has 12 bits, an index below 4096.
        for _ in 0..<(bytes.count / 3) {
            let word = Int(from[0]) << 16 | Int(from[1]) << 8 | Int(from[2])
            to.storeBytes(of: table[word >> 12], as: UInt16.self)
            to.storeBytes(of: table[word & 0xFFF], toByteOffset: 2, as: UInt16.self)
            from += 3
            to += 4
        }
        let left = bytes.count % 3
        guard left > 0 else { return }
        let padding = UInt8(ascii: "=")
        let word = Int(from[0]) << 16 | (left == 2 ? Int(from[1]) << 8 : 0)
        to.storeBytes(of: table[word >> 12], as: UInt16.self)
        to.storeBytes(of: table[word & 0xFFF], toByteOffset: 2, as: UInt16.self)
        to.storeBytes(of: padding, toByteOffset: 3, as: UInt8.self)
        if left == 1 { to.storeBytes(of: padding, toByteOffset: 2, as: UInt8.self) }
    }
}
