internal import Base
internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import SIP

/// A stub resolver for the records that getaddrinfo does not know (NAPTR, SRV), over UDP with TCP
/// for what is truncated (RFC 1035, RFC 7766). Lives on one event loop.
///
/// Each question has a socket and an identifier of its own, both by chance, and the answer must come
/// from the server asked, repeat the question, and parse to its last byte (RFC 5452).
final class DNSClient {
    struct Server: Sendable, Hashable {
        var host: String
        var port: Int
    }

    /// One try; then the next server.
    static let tryLimit: Interval = .milliseconds(1_500)
    static let tries = 3
    /// How long "no such record" is remembered, and the bounds of what servers say (seconds).
    static let negativeMemory = 30
    static let memory = 1...3_600
    static let maximumNames = 1_024
    /// Questions at one time; more find no answer.
    static let maximumQuestions = 256

    private struct Known {
        var records: [DNSRecord]
        var until: Instant
    }

    private let loop: any EventLoop
    private let servers: [Server]
    private var known: [DNSQuestion: Known] = [:]
    private var asking: [DNSQuestion: [([DNSRecord]) -> Void]] = [:]
    private var entropy: SeededGenerator
    private(set) var questionsSent = 0

    init(servers: [Server], loop: any EventLoop, entropy: SeededGenerator) {
        self.servers = servers
        self.loop = loop
        self.entropy = entropy
    }

    private var now: Instant {
        Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }

    /// Calls back on the loop with the records; empty for none and for failure.
    func ask(_ question: DNSQuestion, _ body: @escaping ([DNSRecord]) -> Void) {
        if let entry = known[question], entry.until > now {
            body(entry.records)
            return
        }
        if asking[question] != nil {
            asking[question]?.append(body)
            return
        }
        guard !servers.isEmpty, asking.count < Self.maximumQuestions else {
            body([])
            return
        }
        asking[question] = [body]
        attempt(question, number: 0)
    }

    private func attempt(_ question: DNSQuestion, number: Int) {
        guard number < Self.tries else {
            settle(question, [], seconds: Self.negativeMemory)
            return
        }
        let server = servers[number % servers.count]
        let id = UInt16(truncatingIfNeeded: entropy.next())
        questionsSent += 1
        exchange(question, server, id, overTCP: false) { [self] result in
            switch result {
            case .success(let answer) where !answer.isTruncated: accept(question, answer)
            case .success:
                exchange(question, server, id, overTCP: true) { [self] result in
                    if case .success(let answer) = result, !answer.isTruncated {
                        accept(question, answer)
                    } else {
                        attempt(question, number: number + 1)
                    }
                }
            case .failure(.refused(code: 3)):
                settle(question, [], seconds: Self.negativeMemory)
            case .failure: attempt(question, number: number + 1)
            }
        }
    }

    private func accept(_ question: DNSQuestion, _ answer: DNSAnswer) {
        let time = answer.records.map(\.timeToLive).min() ?? Self.negativeMemory
        settle(
            question, answer.records,
            seconds: min(max(time, Self.memory.lowerBound), Self.memory.upperBound))
    }

    private func settle(_ question: DNSQuestion, _ records: [DNSRecord], seconds: Int) {
        if known.count >= Self.maximumNames { known.removeAll() }
        known[question] = Known(records: records, until: now + .seconds(Int64(seconds)))
        for body in asking.removeValue(forKey: question) ?? [] { body(records) }
    }

    // MARK: one exchange

    private func exchange(
        _ question: DNSQuestion, _ server: Server, _ id: UInt16, overTCP: Bool,
        _ done: @escaping (Result<DNSAnswer, DNSError>) -> Void
    ) {
        guard let address = try? SocketAddress(ipAddress: server.host, port: server.port) else {
            done(.failure(.notAnswer))
            return
        }
        let bound = NIOLoopBound(
            DNSExchange(question: question, id: id, server: address, done: done),
            eventLoop: loop)
        let opened: EventLoopFuture<any Channel>
        if overTCP {
            opened = ClientBootstrap(group: loop)
                .connectTimeout(.nanoseconds(Self.tryLimit.nanoseconds))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            DNSStreamHandler(bound.value))
                    }
                }
                .connect(to: address)
        } else {
            opened = DatagramBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            DNSDatagramHandler(bound.value))
                    }
                }
                .bind(host: address.protocol == .inet6 ? "::" : "0.0.0.0", port: 0)
        }
        opened.whenFailure { _ in bound.value.finish(.failure(.truncated)) }
        loop.scheduleTask(in: .nanoseconds(Self.tryLimit.nanoseconds)) {
            bound.value.finish(.failure(.truncated))
        }
    }

    /// What this machine asks (resolv.conf(5)); none when it cannot be read.
    static func systemServers() -> [Server] {
        let text = (try? String(contentsOfFile: "/etc/resolv.conf", encoding: .utf8)) ?? ""
        return servers(inResolverConfiguration: String(text.prefix(16_384)))
    }

    /// `nameserver` lines of a resolver configuration (resolv.conf(5)): at most three.
    static func servers(inResolverConfiguration text: String) -> [Server] {
        var servers: [Server] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard words.count >= 2, words[0] == "nameserver" else { continue }
            let host = String(words[1].prefix { $0 != "%" })
            if SIPAddress(host: host, port: 53).isNumeric {
                servers.append(Server(host: host, port: 53))
            }
        }
        return Array(servers.prefix(3))
    }
}

/// One question on one socket.
private final class DNSExchange {
    let question: DNSQuestion
    let id: UInt16
    let server: SocketAddress
    private var done: ((Result<DNSAnswer, DNSError>) -> Void)?
    private var channel: (any Channel)?

    init(
        question: DNSQuestion, id: UInt16, server: SocketAddress,
        done: @escaping (Result<DNSAnswer, DNSError>) -> Void
    ) {
        self.question = question
        self.id = id
        self.server = server
        self.done = done
    }

    func finish(_ result: Result<DNSAnswer, DNSError>) {
        guard let done else { return }
        self.done = nil
        channel?.close(promise: nil)
        done(result)
    }

    /// - Returns: the query; nil when nobody waits any more.
    func opened(_ channel: any Channel) -> [UInt8]? {
        guard done != nil else {
            channel.close(promise: nil)
            return nil
        }
        self.channel = channel
        return question.serialised(id: id)
    }

    /// - Parameter isLast: nothing else can come. A datagram that does not parse may be a forgery,
    ///   and the true answer on its way.
    func take(_ bytes: [UInt8], isLast: Bool) {
        do throws(DNSError) {
            finish(.success(try DNSAnswer(parsing: bytes, to: question, id: id)))
        } catch {
            if case .refused = error {
                finish(.failure(error))
            } else if isLast {
                finish(.failure(error))
            }
        }
    }
}

private final class DNSDatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let exchange: DNSExchange

    init(_ exchange: DNSExchange) { self.exchange = exchange }

    func channelActive(context: ChannelHandlerContext) {
        guard let query = exchange.opened(context.channel) else { return }
        let envelope = AddressedEnvelope(
            remoteAddress: exchange.server, data: ByteBuffer(bytes: query))
        context.writeAndFlush(wrapOutboundOut(envelope), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        // RFC 5452 9.1: only the server that was asked.
        guard envelope.remoteAddress == exchange.server else { return }
        exchange.take(Array(envelope.data.readableBytesView), isLast: false)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        exchange.finish(.failure(.truncated))
        context.close(promise: nil)
    }
}

private final class DNSStreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let exchange: DNSExchange
    private var buffer: [UInt8] = []

    init(_ exchange: DNSExchange) { self.exchange = exchange }

    func channelActive(context: ChannelHandlerContext) {
        guard let query = exchange.opened(context.channel) else { return }
        let length = [UInt8(query.count >> 8), UInt8(truncatingIfNeeded: query.count)]
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: length + query)), promise: nil)
    }

    /// Two bytes of length, then the message: at most 65,537 bytes are ever held.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        buffer.append(contentsOf: unwrapInboundIn(data).readableBytesView.prefix(65_537))
        guard buffer.count >= 2 else { return }
        let length = Int(buffer[0]) << 8 | Int(buffer[1])
        guard buffer.count >= 2 + length else { return }
        exchange.take(Array(buffer[2..<(2 + length)]), isLast: true)
    }

    func channelInactive(context: ChannelHandlerContext) {
        exchange.finish(.failure(.truncated))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        exchange.finish(.failure(.truncated))
        context.close(promise: nil)
    }
}
