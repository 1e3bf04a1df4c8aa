import Base
import Foundation
import NIOCore
import NIOPosix
import SIP
import Testing

@testable import Signalling

// RFC 4475 and RFC 5118 over real sockets. The messages name ports in their Via, and answers go to
// source address and sent-by port (RFC 3261 18.2.2), so the sender is 127.0.0.2 on those ports.

private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Fixtures/sip/torture").standardizedFileURL

private struct Row {
    var name: String
    var bytes: [UInt8]
    var allowed: String
    var isResponse: Bool

    /// - Parameter columns: the first and last of those that say what may be answered.
    static func all(
        _ table: String, files: String, suffix: String, columns: ClosedRange<Int>
    ) throws -> [Row] {
        try String(contentsOf: folder.appendingPathComponent(table), encoding: .utf8)
            .split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
                let words = line.split(separator: "\t", omittingEmptySubsequences: false)
                    .map(String.init)
                let file = folder.appendingPathComponent(files + "/" + words[0] + suffix)
                return Row(
                    name: words[0], bytes: Array(try Data(contentsOf: file)),
                    allowed: words[columns].joined(separator: " "),
                    isResponse: words[2].hasPrefix("resp"))
            }
    }

    static func everything() throws -> [Row] {
        try all("rfc4475/expected.tsv", files: "rfc4475", suffix: ".dat", columns: 5...6)
            + all("rfc5118/expected.tsv", files: "rfc5118/wire", suffix: "", columns: 3...3)
    }

    /// Everything but a registrar is what we are: REGISTER is 405 whatever it carries, and so is a
    /// method we do not know (RFC 3261 8.2.1; 501 is a proxy's word too).
    func allows(_ outcome: String) -> Bool {
        if outcome == "405" {
            return bytes.starts(with: "REGISTER ".utf8) || allowed.contains("501")
                || allowed.contains("405")
        }
        if outcome == "call" { return allowed.contains("normal") || allowed.contains("accept (") }
        if outcome == "200" {
            return allowed.contains("200") || allowed.contains("normal")
                || allowed.contains("accept (")
        }
        return allowed.contains(outcome)
    }
}

/// One of the sender's ports.
private final class Sender: Sendable {
    private let channel: any Channel
    let received = Inbox<SIPMessage>()

    init(port: Int) async throws {
        let received = received
        channel = try await DatagramBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Reader(received: received))
                }
            }
            .bind(host: "127.0.0.2", port: port).get()
    }

    func send(_ bytes: [UInt8], to port: Int) async throws {
        try await channel.writeAndFlush(
            AddressedEnvelope(
                remoteAddress: try SocketAddress(ipAddress: "127.0.0.1", port: port),
                data: ByteBuffer(bytes: bytes)))
    }
    func close() async { try? await channel.close().get() }

    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        let received: Inbox<SIPMessage>
        init(received: Inbox<SIPMessage>) { self.received = received }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).data.readableBytesView)
            if let message = try? SIPMessage(parsing: bytes) { received.put(message) }
        }
    }
}

private func sentinel(_ number: Int, _ transport: String) -> [UInt8] {
    Array(
        """
        OPTIONS sip:sentinel@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/\(transport) 127.0.0.2;branch=z9hG4bKs\(number)\r
        From: <sip:a@127.0.0.2>;tag=s\r\nTo: <sip:sentinel@127.0.0.1>\r\nCall-ID: sentinel-\(number)\r
        CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r

        """.utf8)
}

/// The last final status among answers, or what else became of the message.
private func outcome(_ answers: [SIPMessage], calls: Int) -> String {
    if calls > 0 { return "call" }
    return answers.compactMap(\.status).last { $0 >= 200 }.map(String.init) ?? "drop"
}

@Test func tortureMessagesAreAnsweredOverUDP() async throws {
    var senders: [Sender] = []
    do {
        for port in [5060, 5050, 5070, 6050] { senders.append(try await Sender(port: port)) }
    } catch {
        for sender in senders { await sender.close() }
        print(
            "tortureMessagesAreAnsweredOverUDP skipped: port 5060, 5050, 5070 or 6050 of 127.0.0.2 is in use"
        )
        return
    }
    var seen = 0
    for (index, row) in try Row.everything().enumerated() {
        // Several messages share a branch: to one agent the second would be a copy of the first.
        let phone = try await Phone()
        let before = senders.map(\.received.everything.count)
        // quotbal and mpart01 name their own ports (so does mult-ip-in-header, 6050); mpart01 asks for
        // its source port with rport.
        let sender = senders[row.name == "mpart01" ? 2 : row.name == "quotbal" ? 1 : 0]
        try await sender.send(row.bytes, to: phone.port)
        // What was answered before this is the answer to that.
        try await senders[0].send(sentinel(index, "UDP"), to: phone.port)
        _ = try await senders[0].received.first { $0.headers[.callID] == "sentinel-\(index)" }
        // Refusals of earlier INVITEs are repeated, nobody having acknowledged them: by Call-ID.
        let own = (try? SIPMessage(parsing: row.bytes))?.headers[.callID]
        // Answers to other ports come by other sockets, on which no sentinel says that they are there.
        let elsewhere = ["quotbal": 1, "mpart01": 2, "mult-ip-in-header": 3]
        if let place = elsewhere[row.name], !row.allows("drop") {
            _ = try await senders[place].received.first { $0.headers[.callID] == own }
        }
        let answers = zip(senders, before).flatMap { sender, count in
            sender.received.everything.dropFirst(count).filter { $0.headers[.callID] == own }
        }
        let result = outcome(answers, calls: phone.calls.everything.count)
        #expect(row.allows(result), "\(row.name): \(result), expected \(row.allowed)")
        if row.isResponse { #expect(answers.isEmpty, "\(row.name)") }
        seen += 1
        await phone.agent.shutdown()
    }
    #expect(seen == 62)
    for sender in senders { await sender.close() }
}

/// Over a stream a message whose length is wrong, double or absent is refused with 400 and the
/// connection closed; every other one gets what it gets by UDP.
@Test func tortureMessagesAreAnsweredOverTCP() async throws {
    let phone = try await Phone {
        $0.transports.tcpPort = 0
        $0.transports.limits.message = .milliseconds(100)
    }
    let unframed: Set<String> = ["inv2543", "ncl", "mcl01", "clerr", "baddn", "test", "badinv01"]
    for (index, row) in try Row.everything().enumerated() {
        let calls = phone.calls.everything.count
        let client = try await RawClient(port: phone.port)
        // In one write: the connection may be closed over the message before a second one.
        try await client.send(row.bytes + sentinel(index, "TCP"))
        var framer = StreamFramer()
        var messages: [SIPMessage] = []
        func take(_ bytes: [UInt8]) {
            var out = Outbox<StreamFramer.Output>()
            framer.push(bytes, out: &out)
            for case .message(let message) in out.takeAll() {
                if let message = try? SIPMessage(parsing: message) { messages.append(message) }
            }
        }
        var isOver = false
        while !isOver {
            take(try await client.next())
            // Without its end a message takes the next one in, and both have one answer.
            isOver =
                messages.contains { $0.headers[.callID] == "sentinel-\(index)" }
                || !client.closed.everything.isEmpty
                || unframed.contains(row.name) && messages.contains { ($0.status ?? 0) >= 200 }
        }
        let answers = messages.filter { $0.headers[.callID]?.hasPrefix("sentinel") != true }
        var result = outcome(answers, calls: phone.calls.everything.count - calls)
        // Behind its body dblreq carries an INVITE without length: over TCP that is a message.
        if row.name == "dblreq" { result = answers.first?.status.map(String.init) ?? "drop" }
        if unframed.contains(row.name) {
            #expect(result == "400" || result == "drop", "\(row.name): \(result)")
        } else {
            #expect(row.allows(result), "\(row.name): \(result), expected \(row.allowed)")
        }
        for call in phone.calls.everything.dropFirst(calls) { call.reject(status: 404) }
        await client.close()
    }
    await phone.agent.shutdown()
}
