public import Base

/// One message of a call as it went over the wire.
public struct TracedMessage: Sendable {
    /// When it was sent or received.
    public var at: WallTime
    /// Sent by us; false: received.
    public var isOutgoing: Bool
    /// Where it went to, or came from.
    public var peer: SIPAddress
    /// As sent or received, secrets and all: use `redacted`.
    private let bytes: [UInt8]
    /// Bytes on the wire; more than are kept when the message was cut.
    public let size: Int

    init(at: WallTime, isOutgoing: Bool, peer: SIPAddress, bytes: [UInt8], limit: Int) {
        self.at = at
        self.isOutgoing = isOutgoing
        self.peer = peer
        size = bytes.count
        self.bytes = bytes.count > limit ? Array(bytes.prefix(limit)) : bytes
    }

    /// Octets kept, at most `TraceStore.Limits.messageBytes`; fewer than `size` when it was cut.
    public var keptBytes: Int { bytes.count }

    /// The message with its secrets blanked out.
    public var redacted: [UInt8] { TraceRedaction.redact(bytes) }

    /// `INVITE sip:…` or `200 OK`: the first line without version.
    public var summary: String {
        let line = String(ascii: bytes.prefix { $0 != 13 && $0 != 10 })
        if line.hasPrefix("SIP/2.0 ") { return String(line.dropFirst(8)) }
        return line.hasSuffix(" SIP/2.0") ? String(line.dropLast(8)) : line
    }
}

/// What no trace shows: proofs of passwords, media keys, the token of a caller's identity.
public enum TraceRedaction {
    private static let headers = ["authorization", "proxy-authorization", "identity", "y"]
    /// RFC 4568 (SDES), RFC 4567 (MIKEY), RFC 8839 5.4 (ICE).
    private static let attributes = ["crypto", "key-mgmt", "ice-pwd"]

    /// The message with `(redacted)` in place of each secret, otherwise octet for octet. What the
    /// parsers of SIP and SDP would read as a secret is one here: empty lines may come first (RFC 3261
    /// 7.5), lines of the body end with CR, LF or both, names have any case.
    public static func redact(_ message: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(message.count)
        let start = message.firstIndex { !isLineEnd($0) } ?? message.endIndex
        output.append(contentsOf: message[..<start])
        let body = redactHead(message[start...], &output)
        redactBody(message[body...], &output)
        return output
    }

    /// - Returns: where the body begins.
    private static func redactHead(
        _ message: ArraySlice<UInt8>, _ output: inout [UInt8]
    ) -> Int {
        var hiding = false
        var position = message.startIndex
        while position < message.endIndex {
            let end = message[position...].firstIndex(of: 10) ?? message.endIndex
            let line = message[position..<end]
            let text = line.last == 13 ? line.dropLast() : line
            position = min(end + 1, message.endIndex)
            defer { output.append(contentsOf: message[text.endIndex..<position]) }
            if text.isEmpty { break }
            // A folded line belongs to the header above it.
            let folds = text.first.map { SIPCharacter.isSpace($0) } ?? false
            if !folds { hiding = isSecret(text) }
            guard hiding else {
                output.append(contentsOf: text)
                continue
            }
            output.append(contentsOf: folds ? Array(text.prefix(1)) : name(text))
            output.append(contentsOf: hidden)
        }
        return position
    }

    private static func redactBody(_ body: ArraySlice<UInt8>, _ output: inout [UInt8]) {
        var rest = body
        while !rest.isEmpty {
            let line = rest.prefix { !isLineEnd($0) }
            output.append(contentsOf: secretLine(line) ?? Array(line))
            let ends = rest[line.endIndex...].prefix(1)
            output.append(contentsOf: ends)
            rest = rest[ends.endIndex...]
        }
    }

    private static let hidden = Array("(redacted)".utf8)

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == 10 || byte == 13 }

    private static func isSecret(_ line: ArraySlice<UInt8>) -> Bool {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return false }
        return headers.contains(String(ascii: trimSpaces(line[..<colon])).asciiLowercased)
    }

    /// `Authorization: ` of an Authorization line, `Identity: ` of an Identity.
    private static func name(_ line: ArraySlice<UInt8>) -> [UInt8] {
        let end = line.firstIndex(of: UInt8(ascii: ":")) ?? line.startIndex
        return Array(line[..<end]) + Array(": ".utf8)
    }

    /// A line of SDP whose value is a secret, without it: `k=`, and the attributes above. Of `a=crypto:`
    /// tag and suite stay.
    private static func secretLine(_ line: ArraySlice<UInt8>) -> [UInt8]? {
        guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let value = line[(equals + 1)...]
        switch String(ascii: trimSpaces(line[..<equals])).asciiLowercased {
        case "k": return Array(line[...equals]) + hidden
        case "a":
            let end = value.firstIndex(of: UInt8(ascii: ":")) ?? value.endIndex
            let name = String(ascii: trimSpaces(value[..<end])).asciiLowercased
            guard attributes.contains(name), end < value.endIndex else { return nil }
            guard name == "crypto" else { return Array(line[...end]) + hidden }
            let words = value[(end + 1)...].split(maxSplits: 2) { SIPCharacter.isSpace($0) }
            let kept = words.prefix(2).prefix { word in word.allSatisfy(isOfSuite) }
            return Array(line[...end]) + Array(kept.joined(separator: [0x20]))
                + Array(" inline:(redacted)".utf8)
        default: return nil
        }
    }

    /// What a tag or a suite is made of; a key in their place has a colon before it.
    private static func isOfSuite(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & 0xDF)
    }
}

/// The messages of the calls of late, for the ladder of one of them. Its memory is bounded: the
/// oldest calls go first.
public struct TraceStore: Sendable {
    /// What a store may hold.
    public struct Limits: Sendable, Equatable {
        /// Call-IDs at one time; 0: nothing is kept.
        public var calls = 2_000
        /// Messages of one call; later ones are counted only.
        public var messagesPerCall = 200
        /// Bytes kept of one message.
        public var messageBytes = 8_192
        /// All messages and Call-IDs together.
        public var bytes = 16 << 20

        /// The values above.
        public init() {}
    }

    private struct Entry: Sendable {
        var messages: [TracedMessage] = []
        var missing = 0
        /// Of its messages and its Call-ID.
        var bytes: Int
    }

    /// As given.
    public let limits: Limits
    private var entries: [String: Entry] = [:]
    /// Call-IDs in the order they came; from `first` on they are still held.
    private var order: [String] = []
    private var first = 0
    private var names: [String: [String]] = [:]
    /// Octets held now, of messages and Call-IDs; at most `limits.bytes`.
    public private(set) var bytes = 0

    /// Holds nothing yet.
    public init(_ limits: Limits = Limits()) { self.limits = limits }

    /// Call-IDs held now; at most `limits.calls`.
    public var callCount: Int { entries.count }

    /// Keeps a message that went out or came in. What has no readable Call-ID is passed over.
    public mutating func record(
        _ message: [UInt8], isOutgoing: Bool, peer: SIPAddress, at time: WallTime
    ) {
        guard limits.calls > 0, let callID = Self.callID(of: message) else { return }
        if entries[callID] == nil {
            // A Call-ID that nobody has parsed may be as long as a message.
            entries[callID] = Entry(bytes: callID.utf8.count)
            bytes += callID.utf8.count
            order.append(callID)
        }
        guard var entry = entries.removeValue(forKey: callID) else { return }
        if entry.messages.count < limits.messagesPerCall {
            let kept = TracedMessage(
                at: time, isOutgoing: isOutgoing, peer: peer, bytes: message,
                limit: limits.messageBytes)
            entry.messages.append(kept)
            entry.bytes += kept.keptBytes
            bytes += kept.keptBytes
        } else {
            entry.missing += 1
        }
        entries[callID] = entry
        trim()
    }

    /// Says that this Call-ID belongs to the owner's call of that name; one call may have several.
    public mutating func link(_ callID: String, to name: String) {
        if names[name]?.contains(callID) == true { return }
        if names.count >= 2 * max(limits.calls, 1) {
            names = names.filter { $0.value.contains { entries[$0] != nil } }
        }
        names[name, default: []].append(callID)
    }

    /// The messages of an owner's call, in order; nil when nothing is known of it (any more).
    public func messages(of name: String) -> (messages: [TracedMessage], missing: Int)? {
        let found = (names[name] ?? []).compactMap { entries[$0] }
        guard !found.isEmpty else { return nil }
        return (found.flatMap(\.messages), found.reduce(0) { $0 + $1.missing })
    }

    private mutating func trim() {
        while first < order.count, entries.count > limits.calls || bytes > limits.bytes {
            if let entry = entries.removeValue(forKey: order[first]) { bytes -= entry.bytes }
            order[first] = ""
            first += 1
        }
        if first > 1_024, first > order.count / 2 {
            order.removeFirst(first)
            first = 0
        }
    }

    /// The value of Call-ID, found without reading the rest of the message.
    public static func callID(of message: [UInt8]) -> String? {
        var start = 0
        while start < message.count {
            guard let end = message[start...].firstIndex(of: 10), end > start + 1 || start == 0
            else { return nil }
            let byte = message[start] | 0x20
            if byte == UInt8(ascii: "c") || byte == UInt8(ascii: "i"), start > 0 {
                let line = message[start..<end]
                if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
                    let name = String(ascii: trimSpaces(line[..<colon]))
                    if name.equalsIgnoringCase("call-id") || name.equalsIgnoringCase("i") {
                        let value =
                            line[(colon + 1)...].last == 13
                            ? line[(colon + 1)...].dropLast() : line[(colon + 1)...]
                        let text = String(ascii: trimSpaces(value))
                        return text.isEmpty ? nil : text
                    }
                }
            }
            start = end + 1
        }
        return nil
    }
}

extension TracedMessage {
    /// A ladder of text: time, arrow, peer, first line; then each message in full.
    public static func ladder(_ messages: [TracedMessage], missing: Int, own: String) -> String {
        var text = ""
        for message in messages {
            let arrow = message.isOutgoing ? "──▶" : "◀──"
            let peer =
                hostPortText(message.peer.host, message.peer.port) + "/"
                + message.peer.transport.rawValue
            text += message.at.iso8601 + "  " + own + " " + arrow + " " + peer + "  "
            text += message.summary + "\n"
        }
        if missing > 0 { text += "… and \(missing) more\n" }
        for message in messages {
            text += "\n── " + message.at.iso8601 + (message.isOutgoing ? " sent" : " received")
            text += " ──\n" + String(decoding: message.redacted, as: UTF8.self)
        }
        return text
    }
}
