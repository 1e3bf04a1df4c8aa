public import Base

//   bytes ─▶ between messages: CRLF CRLF = ping, CRLF = pong or nothing
//                 │ first other byte
//                 ▼
//            head, up to the blank line ─▶ Content-Length ─▶ body ─▶ .message
//                 │                              │
//                 └── too long: fault            └── absent, unreadable, too large: fault
//
// After a fault the stream's bytes mean nothing any more: the owner answers and closes.

/// Cuts a byte stream into SIP messages (RFC 3261 18.3) and keep-alives (RFC 5626 4.4.1).
public struct StreamFramer: Sendable {
    public enum Output: Equatable, Sendable {
        /// Start line to end of body.
        case message([UInt8])
        /// CRLF CRLF: to be answered with CRLF.
        case ping
        /// CRLF that answers our ping.
        case pong
        /// The stream cannot be read on. `head`: the message's head, for an answer; empty when there
        /// is none.
        case fault(SIPError, head: [UInt8])
    }

    private var buffer: [UInt8] = []
    /// Up to where the head was searched for its end.
    private var searched = 0
    /// Length of head and body once the head is there.
    private var expected: Int?
    private var lineBreaks = 0
    private var isBroken = false
    /// A ping of ours is out: the next lone CRLF is its pong.
    private var awaitsPong = false

    public init() {}

    /// A message has begun and is not complete.
    public var isInsideMessage: Bool { !buffer.isEmpty && !isBroken }

    /// Bytes held; at most `SIPLimits.messageBytes`.
    public var heldBytes: Int { buffer.count }

    /// True until the pong that answers our ping came.
    public var isWaitingForPong: Bool { awaitsPong }

    public mutating func pingWasSent() { awaitsPong = true }

    /// What has arrived of a message that will not be completed in time, for an answer.
    public mutating func giveUp() -> [UInt8] {
        isBroken = true
        defer { buffer = [] }
        return expected == nil ? [] : buffer
    }

    /// Takes the next bytes of the stream. Never throws: a fault is an output, after which
    /// everything is ignored.
    public mutating func push(_ bytes: [UInt8], out: inout Outbox<Output>) {
        var rest = bytes[...]
        while !isBroken, !rest.isEmpty {
            if buffer.isEmpty {
                skipBetween(&rest, &out)
                guard !rest.isEmpty else { return }
                lineBreaks = 0
            }
            if let expected {
                take(&rest, upTo: expected, &out)
            } else {
                takeHead(&rest, &out)
            }
        }
    }

    // MARK: between messages

    private mutating func skipBetween(
        _ rest: inout ArraySlice<UInt8>, _ out: inout Outbox<Output>
    ) {
        while let byte = rest.first, byte == 13 || byte == 10 {
            rest.removeFirst()
            // The LF ends the line whether or not its CR came in another segment (RFC 3261 7.5).
            guard byte == 10 else { continue }
            if awaitsPong {
                awaitsPong = false
                out.push(.pong)
                continue
            }
            lineBreaks += 1
            if lineBreaks == 2 {
                lineBreaks = 0
                out.push(.ping)
            }
        }
    }

    // MARK: head and body

    private mutating func takeHead(
        _ rest: inout ArraySlice<UInt8>, _ out: inout Outbox<Output>
    ) {
        let room = SIPLimits.messageBytes - buffer.count
        buffer.append(contentsOf: rest.prefix(room))
        let taken = Swift.min(room, rest.count)
        guard let end = headEnd() else {
            rest = rest.dropFirst(taken)
            if buffer.count >= SIPLimits.messageBytes {
                fail(
                    .tooLarge(bytes: SIPLimits.messageBytes + 1, limit: SIPLimits.messageBytes),
                    head: [], &out)
            }
            return
        }
        let head = buffer[..<end]
        let surplus = buffer.count - end
        let before = taken - surplus
        buffer.removeSubrange(end...)
        rest = rest.dropFirst(Swift.max(0, before))
        switch Self.contentLength(head) {
        case .failure(let error): fail(error, head: Array(head), &out)
        case .success(let length):
            guard length <= SIPLimits.messageBytes - end else {
                fail(
                    .tooLarge(bytes: end + length, limit: SIPLimits.messageBytes),
                    head: Array(head), &out)
                return
            }
            if length == 0 { complete(&out) } else { expected = end + length }
        }
    }

    /// One past the blank line; nil when it has not come.
    private mutating func headEnd() -> Int? {
        var index = searched
        while index < buffer.count {
            guard buffer[index] == 10 else {
                index += 1
                continue
            }
            let next = index + 1
            guard next < buffer.count else { break }
            if buffer[next] == 10 { return next + 1 }
            if buffer[next] == 13 {
                guard next + 1 < buffer.count else { break }
                if buffer[next + 1] == 10 { return next + 2 }
            }
            index = next
        }
        searched = index
        return nil
    }

    private mutating func take(
        _ rest: inout ArraySlice<UInt8>, upTo length: Int, _ out: inout Outbox<Output>
    ) {
        let part = rest.prefix(length - buffer.count)
        buffer.append(contentsOf: part)
        rest = rest.dropFirst(part.count)
        if buffer.count == length { complete(&out) }
    }

    private mutating func complete(_ out: inout Outbox<Output>) {
        let message = buffer
        buffer = []
        searched = 0
        expected = nil
        out.push(.message(message))
    }

    private mutating func fail(
        _ error: SIPError, head: [UInt8], _ out: inout Outbox<Output>
    ) {
        isBroken = true
        buffer = []
        out.push(.fault(error, head: head))
    }

    // MARK: Content-Length

    /// The one value of all Content-Length lines, read as the message parser reads them: a reader of
    /// other mind would let one message hide in another (request smuggling).
    private static func contentLength(_ head: ArraySlice<UInt8>) -> Result<Int, SIPError> {
        var length: Int?
        var pending: [UInt8] = []
        var failed = false
        func settle() {
            guard let value = lengthValue(pending) else { return }
            guard let number = parseDecimal(value), length == nil || length == number else {
                failed = true
                return
            }
            length = number
        }
        for line in head.split(separator: 10, omittingEmptySubsequences: true) {
            let text = line.last == 13 ? line.dropLast() : line
            if let first = text.first, SIPCharacter.isSpace(first) {
                pending.append(0x20)
                pending.append(contentsOf: trimSpaces(text))
            } else {
                settle()
                pending = Array(text)
            }
        }
        settle()
        if failed { return .failure(.badContentLength) }
        guard let length else { return .failure(.missing(.contentLength)) }
        return .success(length)
    }

    /// The value of a Content-Length line, nil of any other.
    private static func lengthValue(_ line: [UInt8]) -> ArraySlice<UInt8>? {
        guard let first = line.first, let colon = line.firstIndex(of: UInt8(ascii: ":")),
            first | 0x20 == UInt8(ascii: "c") || first | 0x20 == UInt8(ascii: "l")
        else { return nil }
        let name = String(ascii: trimSpaces(line[..<colon]))
        guard name.equalsIgnoringCase("Content-Length") || name.equalsIgnoringCase("l") else {
            return nil
        }
        return trimSpaces(line[(colon + 1)...])
    }
}
