import Base
import Testing

@testable import SIP

private let options = Array(
    "OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\nContent-Length: 0\r\n\r\n"
        .utf8)
private let message = Array(
    "MESSAGE sip:a@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKb\r\nl: \r\n 5\r\n\r\nhello"
        .utf8)

private func outputs(_ pieces: [[UInt8]]) -> [StreamFramer.Output] {
    var framer = StreamFramer()
    var out = Outbox<StreamFramer.Output>()
    for piece in pieces { framer.push(piece, out: &out) }
    return out.takeAll()
}

@Test func everySplitOfAStreamGivesTheSameMessages() {
    let stream = options + message + Array("\r\n\r\n".utf8) + options + Array("\r\n".utf8) + message
    let expected: [StreamFramer.Output] = [
        .message(options), .message(message), .ping, .message(options), .message(message),
    ]
    #expect(outputs([stream]) == expected)
    #expect(outputs(stream.map { [$0] }) == expected)
    for first in 0...stream.count {
        let tail = stream[first...]
        #expect(outputs([Array(stream[..<first]), Array(tail)]) == expected, "at \(first)")
        let half = first + tail.count / 2
        #expect(
            outputs([
                Array(stream[..<first]), Array(stream[first..<half]), Array(stream[half...]),
            ]) == expected, "at \(first) and \(half)")
    }
}

@Test func pongIsToldFromPingByWhetherWeAsked() {
    var framer = StreamFramer()
    var out = Outbox<StreamFramer.Output>()
    framer.pingWasSent()
    framer.push(Array("\r\n".utf8), out: &out)
    #expect(out.takeAll() == [.pong])
    #expect(!framer.isWaitingForPong)
    framer.push(Array("\r".utf8), out: &out)
    framer.push(Array("\n\r".utf8), out: &out)
    #expect(out.isEmpty)
    framer.push(Array("\n".utf8), out: &out)
    #expect(out.takeAll() == [.ping])
}

/// RFC 3261 18.3: without Content-Length a stream cannot be cut; two that differ would be read
/// differently by others.
@Test(arguments: [
    ("", SIPError.missing(.contentLength)),
    ("Content-Length: 5\r\nl: 6\r\n", .badContentLength),
    ("Content-Length: -999\r\n", .badContentLength),
    ("Content-Length: 99999999999999999999\r\n", .badContentLength),
    ("Content-Length: 70000\r\n", .tooLarge(bytes: 70_000 + 53, limit: 65_535)),
])
func streamThatCannotBeCutIsAFault(headers: String, error: SIPError) {
    let head = Array("OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nFrom: x\r\n\(headers)\r\n".utf8)
    let told = outputs([head + options])
    guard case .fault(let fault, let kept)? = told.first else {
        Issue.record("no fault: \(told)")
        return
    }
    #expect(told.count == 1)
    #expect(kept == head)
    if case .tooLarge(_, let limit) = error {
        #expect(fault == .tooLarge(bytes: head.count + 70_000, limit: limit))
    } else {
        #expect(fault == error)
    }
}

@Test func equalContentLengthsAreOne() {
    let twice = Array(
        "OPTIONS sip:a SIP/2.0\r\nContent-Length: 2\r\ncontent-length : 2\r\n\r\nok".utf8)
    #expect(outputs([twice + options]) == [.message(twice), .message(options)])
}

@Test func headWithoutEndStopsAtTheLimit() {
    var framer = StreamFramer()
    var out = Outbox<StreamFramer.Output>()
    let line = Array(("X: " + String(repeating: "y", count: 1_000) + "\r\n").utf8)
    for _ in 0..<100 { framer.push(line, out: &out) }
    #expect(
        out.takeAll() == [
            .fault(.tooLarge(bytes: 65_536, limit: 65_535), head: [])
        ])
    #expect(framer.heldBytes == 0)
    framer.push(options, out: &out)
    #expect(out.isEmpty)
}

@Test func unfinishedMessageIsGivenUpWithWhatCame() {
    var framer = StreamFramer()
    var out = Outbox<StreamFramer.Output>()
    #expect(!framer.isInsideMessage)
    framer.push(Array(message.dropLast(2)), out: &out)
    #expect(framer.isInsideMessage)
    #expect(framer.giveUp() == Array(message.dropLast(2)))
    #expect(!framer.isInsideMessage)
}

/// Random streams of messages, keep-alives and noise, cut anywhere: what comes out does not depend
/// on the cuts, and memory stays bounded.
@Test func cutsNeverMatter() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<300 {
        var stream: [UInt8] = []
        for _ in 0..<(1 + random.next() % 6) {
            switch random.next() % 6 {
            case 0: stream += Array("\r\n\r\n".utf8)
            case 1: stream += Array("\r\n".utf8)
            case 2: stream += message
            case 3:
                stream += (0..<(random.next() % 40)).map { _ in
                    UInt8(truncatingIfNeeded: random.next())
                }
            case 4: stream += Array("\n\nl:1\n\nx".utf8)
            default: stream += options
            }
        }
        var pieces: [[UInt8]] = []
        var rest = stream[...]
        while !rest.isEmpty {
            let count = Int(1 + random.next() % 30)
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        #expect(outputs(pieces) == outputs([stream]))
    }
}

/// The smallest messages there are: each is handed out before the next is cut, holds little more than
/// itself, and nothing of the rest of the chunk is copied for it.
@Test func smallMessagesCostWhatTheyWeigh() {
    let stream = Array(String(repeating: "l:0\n\n", count: 4_000).utf8)
    var framer = StreamFramer()
    var rest = stream[...]
    var count = 0
    var held = 0
    while let output = framer.next(&rest) {
        count += 1
        #expect(rest.count == stream.count - 5 * count)
        #expect(framer.heldBytes == 0)
        guard case .message(let message) = output else {
            Issue.record("\(output)")
            return
        }
        #expect(message == Array("l:0\n\n".utf8))
        held += message.capacity
    }
    #expect(count == 4_000)
    #expect(held <= 4_000 * 64)
}

/// A chunk of keep-alives is one output at a time, too.
@Test func keepAlivesAreHandedOutOneByOne() {
    var framer = StreamFramer()
    var rest = Array("\r\n\r\n\r\n\r\n".utf8)[...]
    #expect(framer.next(&rest) == .ping)
    #expect(rest.count == 4)
    #expect(framer.next(&rest) == .ping)
    #expect(framer.next(&rest) == nil)
}
