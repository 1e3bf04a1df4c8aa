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
    /// What a stream brings.
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

    /// How much of the blank line that ends a head has come.
    private enum LineEnd: Sendable { case none, feed, feedReturn }

    private var buffer: [UInt8] = []
    private var lineEnd = LineEnd.none
    /// Length of head and body once the head is there.
    private var expected: Int?
    private var lineBreaks = 0
    private var isBroken = false
    /// A ping of ours is out: the next lone CRLF is its pong.
    private var awaitsPong = false

    /// For a new connection.
    public init() {}

    /// A message has begun and is not complete.
    public var isInsideMessage: Bool { !buffer.isEmpty && !isBroken }

    /// Bytes held; at most `SIPLimits.messageBytes`.
    public var heldBytes: Int { buffer.count }

    /// True until the pong that answers our ping came.
    public var isWaitingForPong: Bool { awaitsPong }

    /// CRLF CRLF of ours has gone out: the next CRLF between messages is its pong.
    public mutating func pingWasSent() { awaitsPong = true }

    /// What has arrived of a message that will not be completed in time, for an answer.
    public mutating func giveUp() -> [UInt8] {
        isBroken = true
        defer { buffer = [] }
        return expected == nil ? [] : buffer
    }

    /// Takes bytes of the stream off `rest` until something whole has come, and returns that; nil when
    /// nothing more comes of them. Never throws: a fault is an output, after which everything is
    /// ignored.
    ///
    /// A byte is looked at and copied once, however many small messages are in `rest`, and one output
    /// at a time is held.
    public mutating func next(_ rest: inout ArraySlice<UInt8>) -> Output? {
        while !isBroken, !rest.isEmpty {
            if buffer.isEmpty {
                if let keepAlive = skipBetween(&rest) { return keepAlive }
                guard !rest.isEmpty else { return nil }
                lineBreaks = 0
            }
            let output: Output?
            if let expected {
                output = take(&rest, upTo: expected)
            } else {
                output = takeHead(&rest)
            }
            if let output { return output }
        }
        return nil
    }

    /// All that comes of `bytes`, in order.
    public mutating func push(_ bytes: [UInt8], out: inout Outbox<Output>) {
        var rest = bytes[...]
        while let output = next(&rest) { out.push(output) }
    }

    // MARK: between messages

    private mutating func skipBetween(_ rest: inout ArraySlice<UInt8>) -> Output? {
        while let byte = rest.first, byte == 13 || byte == 10 {
            rest.removeFirst()
            // The LF ends the line whether or not its CR came in another segment (RFC 3261 7.5).
            guard byte == 10 else { continue }
            if awaitsPong {
                awaitsPong = false
                return .pong
            }
            lineBreaks += 1
            if lineBreaks == 2 {
                lineBreaks = 0
                return .ping
            }
        }
        return nil
    }

    // MARK: head and body

    private mutating func takeHead(_ rest: inout ArraySlice<UInt8>) -> Output? {
        let part = rest.prefix(SIPLimits.messageBytes - buffer.count)
        let end = headEnd(in: part)
        append(part[..<(end ?? part.endIndex)], of: &rest)
        guard end != nil else {
            guard buffer.count >= SIPLimits.messageBytes else { return nil }
            return fail(
                .tooLarge(bytes: SIPLimits.messageBytes + 1, limit: SIPLimits.messageBytes),
                head: [])
        }
        switch Self.contentLength(buffer[...]) {
        case .failure(let error): return fail(error, head: buffer)
        case .success(let length):
            guard length <= SIPLimits.messageBytes - buffer.count else {
                return fail(
                    .tooLarge(bytes: buffer.count + length, limit: SIPLimits.messageBytes),
                    head: buffer)
            }
            if length == 0 { return complete() }
            expected = buffer.count + length
            return nil
        }
    }

    /// One past the blank line; nil when it has not come.
    private mutating func headEnd(in part: ArraySlice<UInt8>) -> Int? {
        for index in part.indices {
            switch (lineEnd, part[index]) {
            case (.feed, 10), (.feedReturn, 10):
                lineEnd = .none
                return index + 1
            case (_, 10): lineEnd = .feed
            case (.feed, 13): lineEnd = .feedReturn
            default: lineEnd = .none
            }
        }
        return nil
    }

    private mutating func take(
        _ rest: inout ArraySlice<UInt8>, upTo length: Int
    ) -> Output? {
        append(rest.prefix(length - buffer.count), of: &rest)
        return buffer.count == length ? complete() : nil
    }

    /// Moves the first bytes of `rest` into the buffer.
    private mutating func append(_ part: ArraySlice<UInt8>, of rest: inout ArraySlice<UInt8>) {
        buffer.append(contentsOf: part)
        rest = rest[part.endIndex...]
    }

    private mutating func complete() -> Output {
        defer {
            buffer = []
            expected = nil
        }
        return .message(buffer)
    }

    private mutating func fail(_ error: SIPError, head: [UInt8]) -> Output {
        isBroken = true
        buffer = []
        return .fault(error, head: head)
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
