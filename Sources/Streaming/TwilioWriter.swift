internal import Base

/// Writes our side of the Twilio Media Streams dialect. Each function leaves one JSON text in
/// `bytes`, whose storage is reused. Numbers travel as strings, as Twilio sends them.
struct TwilioWriter {
    private(set) var bytes: [UInt8] = []
    /// Number of the last message with a `sequenceNumber`; the first is 1.
    private(set) var sequence = 0
    /// `","streamSid":"…",` with the identifier escaped: between the sequence number and the rest.
    private let afterSequence: [UInt8]
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

    /// - Parameters:
    ///   - chunk: number of the frame since the start, from 1.
    ///   - timestamp: where the frame begins, in ms since the start.
    mutating func media(_ muLaw: UnsafeBufferPointer<UInt8>, chunk: Int, timestamp: Int) {
        begin("media")
        append("\"media\":{\"track\":\"inbound\",\"chunk\":\"")
        append(decimal: chunk)
        append("\",\"timestamp\":\"")
        append(decimal: timestamp)
        append("\",\"payload\":\"")
        Base64.encode(muLaw, into: &bytes)
        append("\"}}")
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
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { buffer in
            var index = buffer.count
            var rest = value.magnitude
            repeat {
                index -= 1
                buffer[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0 && index > 0
            bytes.append(contentsOf: buffer[index...])
        }
    }
}
