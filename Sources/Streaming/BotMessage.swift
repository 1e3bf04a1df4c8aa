/// A message from a bot in the Twilio Media Streams dialect. Fields we do not need (`streamSid`,
/// `track`, `sequenceNumber`…) may be there, be wrong or be missing.
enum BotMessage: Equatable {
    /// µ-law samples, already decoded into the caller's buffer.
    case media
    case mark(name: String)
    case clear
    /// What has been understood of the far end since the stream's start: ours, not Twilio's.
    case transcript(text: String)
    /// A JSON object with an `event` of another name.
    case unknown
    /// No JSON object, no `event`, or without what its event needs.
    case malformed

    /// Longer mark names are malformed, bytes: a name is echoed, so it must not be a way to grow things.
    static let maximumMarkName = 1024
    /// Longer transcripts are malformed, bytes: a few minutes of speech.
    static let maximumTranscript = 8192

    /// Reads one message. The payload of `media` is decoded into `payload`, whose old content goes.
    static func parse(
        _ text: UnsafeBufferPointer<UInt8>, payload: inout [UInt8]
    ) -> BotMessage {
        var fields = Fields()
        var scanner = JSONScanner(text)
        do {
            try scanner.object { scanner, key throws(JSONFault) in
                try fields.read(&scanner, key)
            }
            try scanner.expectEnd()
        } catch {
            return .malformed
        }
        guard let event = fields.event else { return .malformed }
        if scanner.isEqual(event, "media") {
            guard let encoded = fields.payload,
                decode(encoded, scanner, into: &payload)
            else { return .malformed }
            return .media
        }
        if scanner.isEqual(event, "mark") {
            guard let name = string(fields.name, scanner, limit: maximumMarkName) else {
                return .malformed
            }
            return .mark(name: name)
        }
        if scanner.isEqual(event, "transcript") {
            guard let text = string(fields.text, scanner, limit: maximumTranscript) else {
                return .malformed
            }
            return .transcript(text: text)
        }
        return scanner.isEqual(event, "clear") ? .clear : .unknown
    }

    /// Bytes of an escape at most for each byte of what it stands for: `\u0041`.
    private static let longestEscape = 6

    /// - Parameter limit: bytes of the text itself, however it is escaped in the message.
    private static func string(
        _ text: JSONScanner.Text?, _ scanner: JSONScanner, limit: Int
    ) -> String? {
        guard let text, text.range.count <= limit * longestEscape,
            let bytes = scanner.unescaped(text), bytes.count <= limit
        else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    private struct Fields {
        var event: JSONScanner.Text?
        /// `media.payload`
        var payload: JSONScanner.Text?
        /// `mark.name`
        var name: JSONScanner.Text?
        /// `transcript.text`
        var text: JSONScanner.Text?

        mutating func read(
            _ scanner: inout JSONScanner, _ key: JSONScanner.Text
        ) throws(JSONFault) {
            let next = try scanner.peek()
            if next == UInt8(ascii: "\""), scanner.isEqual(key, "event") {
                event = try scanner.string()
            } else if next == UInt8(ascii: "{"), scanner.isEqual(key, "media") {
                payload = try Self.string("payload", inObject: &scanner)
            } else if next == UInt8(ascii: "{"), scanner.isEqual(key, "mark") {
                name = try Self.string("name", inObject: &scanner)
            } else if next == UInt8(ascii: "{"), scanner.isEqual(key, "transcript") {
                text = try Self.string("text", inObject: &scanner)
            } else {
                try scanner.skipValue()
            }
        }

        private static func string(
            _ wanted: StaticString, inObject scanner: inout JSONScanner
        ) throws(JSONFault) -> JSONScanner.Text? {
            var found: JSONScanner.Text?
            try scanner.object { scanner, key throws(JSONFault) in
                if try scanner.peek() == UInt8(ascii: "\""), scanner.isEqual(key, wanted) {
                    found = try scanner.string()
                } else {
                    try scanner.skipValue()
                }
            }
            return found
        }
    }

    private static func decode(
        _ text: JSONScanner.Text, _ scanner: JSONScanner, into payload: inout [UInt8]
    ) -> Bool {
        if text.hasEscapes {
            // PHP writes `\/`, MIME encoders write `\r\n`.
            guard let bytes = scanner.unescaped(text) else { return false }
            return bytes.withUnsafeBufferPointer { decodeBase64($0, into: &payload) }
        }
        return decodeBase64(
            UnsafeBufferPointer(rebasing: scanner.bytes[text.range]), into: &payload)
    }
}

/// Decoded base64 of the message at hand. One for all streams of a lane, since each message is done
/// with before the next is read.
final class DecodeBuffer {
    /// Bytes of storage kept from message to message: 8 s of audio. Longer messages are rare, and what
    /// they took goes back to the allocator.
    static let keptCapacity = 1 << 16

    var bytes: [UInt8] = []

    func trim() {
        if bytes.capacity > Self.keptCapacity { bytes = [] }
    }
}

/// RFC 4648 base64 into a buffer that is kept from message to message. False for anything outside
/// the alphabet (line breaks are skipped), misplaced padding or an impossible length; missing
/// padding is accepted.
func decodeBase64(_ text: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) -> Bool {
    if decodePlainBase64(text, into: &output) { return true }
    output.removeAll(keepingCapacity: true)
    output.reserveCapacity(text.count / 4 * 3 + 3)
    var word: UInt32 = 0
    var have = 0
    var padding = 0
    return base64Values.withUnsafeBufferPointer { values in
        for character in text {
            let value = values[Int(character)]
            if value >= 64 {
                if value == Base64Class.lineBreak { continue }
                guard value == Base64Class.padding, padding < 2 else { return false }
                padding += 1
                continue
            }
            guard padding == 0 else { return false }
            word = word << 6 | UInt32(value)
            have += 1
            if have == 4 {
                output.append(UInt8(truncatingIfNeeded: word >> 16))
                output.append(UInt8(truncatingIfNeeded: word >> 8))
                output.append(UInt8(truncatingIfNeeded: word))
                word = 0
                have = 0
            }
        }
        guard padding == 0 || have + padding == 4 else { return false }
        switch have {
        case 0: return true
        case 2:
            output.append(UInt8(truncatingIfNeeded: word >> 4))
            return true
        case 3:
            output.append(UInt8(truncatingIfNeeded: word >> 10))
            output.append(UInt8(truncatingIfNeeded: word >> 2))
            return true
        default: return false
        }
    }
}

/// Whole groups of four with padding at most at the end, which is what bots send: four look-ups for
/// three bytes. False for everything else, which the caller reads character by character.
private func decodePlainBase64(
    _ text: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]
) -> Bool {
    guard let source = text.baseAddress, text.count >= 4, text.count % 4 == 0 else { return false }
    let padding = UInt8(ascii: "=")
    let groups = source[text.count - 1] == padding ? text.count / 4 - 1 : text.count / 4
    if output.count < groups * 3 {
        output.append(contentsOf: repeatElement(0, count: groups * 3 - output.count))
    }
    let isPlain = output.withUnsafeMutableBufferPointer { target in
        base64Values.withUnsafeBufferPointer { table in
            guard let values = table.baseAddress, let to = target.baseAddress else { return true }
            var classes: UInt8 = 0
            // SAFETY: `text` has 4 × groups bytes, `output` 3 × groups and the table one for each byte.
            for group in 0..<groups {
                let (a, b) = (values[Int(source[4 * group])], values[Int(source[4 * group + 1])])
                let (c, d) = (
                    values[Int(source[4 * group + 2])], values[Int(source[4 * group + 3])]
                )
                classes |= a | b | c | d
                to[3 * group] = a << 2 | b >> 4
                to[3 * group + 1] = b << 4 | c >> 2
                to[3 * group + 2] = c << 6 | d
            }
            // Every class that is no value has its upper bits set.
            return classes < 64
        }
    }
    guard isPlain else { return false }
    output.removeLast(output.count - groups * 3)
    guard groups * 4 < text.count else { return true }
    // The last group, with its padding.
    let last = source + groups * 4
    let (a, b) = (base64Values[Int(last[0])], base64Values[Int(last[1])])
    guard a < 64, b < 64 else { return false }
    output.append(a << 2 | b >> 4)
    guard last[2] != padding else { return true }
    let c = base64Values[Int(last[2])]
    guard c < 64 else { return false }
    output.append(b << 4 | c >> 2)
    return true
}

private enum Base64Class {
    static let invalid: UInt8 = 255
    static let lineBreak: UInt8 = 254
    static let padding: UInt8 = 253
}

/// 0…63 for the alphabet, otherwise a `Base64Class`.
private let base64Values: [UInt8] = {
    var table = [UInt8](repeating: Base64Class.invalid, count: 256)
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (value, character) in alphabet.utf8.enumerated() {
        table[Int(character)] = UInt8(value)
    }
    table[0x0A] = Base64Class.lineBreak
    table[0x0D] = Base64Class.lineBreak
    table[Int(UInt8(ascii: "="))] = Base64Class.padding
    return table
}()
