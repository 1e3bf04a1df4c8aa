import CallModel
import Foundation
import NIOCore
import NIOPosix
import SIP

@testable import Signalling

/// Certificates made by openssl for one test, in a folder of its own.
final class TestAuthority: Sendable {
    let folder: URL
    var trust: String { folder.appendingPathComponent("ca.pem").path }

    init() throws {
        folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("trunkline-ca-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Self.openssl(
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority",
            ], in: folder)
    }

    /// - Parameter names: subjectAltName as openssl writes it: `DNS:a.example,IP:127.0.0.1`.
    func issue(_ name: String, names: String) throws -> (certificate: String, key: String) {
        try Self.openssl(
            [
                "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", "\(name).key", "-out", "\(name).csr", "-subj", "/CN=\(name)",
            ], in: folder)
        let extensions = folder.appendingPathComponent("\(name).ext")
        try Data("subjectAltName=\(names)\n".utf8).write(to: extensions)
        try Self.openssl(
            [
                "x509", "-req", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", "\(name).pem", "-days", "2", "-extfile",
                extensions.lastPathComponent,
            ], in: folder)
        return (
            folder.appendingPathComponent("\(name).pem").path,
            folder.appendingPathComponent("\(name).key").path
        )
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    private struct Failed: Error { let arguments: [String] }

    private static func openssl(_ arguments: [String], in folder: URL) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed(arguments: arguments) }
    }
}

/// A TCP client that a test drives byte by byte.
final class RawClient: Sendable {
    private let channel: any Channel
    let received = Inbox<[UInt8]>()
    let closed = Inbox<Bool>()

    init(port: Int, host: String = "127.0.0.1") async throws {
        let (received, closed) = (received, closed)
        channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Reader(received: received, closed: closed))
                }
            }
            .connect(host: host, port: port).get()
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }
    func close() async { try? await channel.close().get() }

    /// The next bytes; none when the connection is closed.
    func next() async throws -> [UInt8] { try await received.first() }

    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        let received: Inbox<[UInt8]>
        let closed: Inbox<Bool>
        init(received: Inbox<[UInt8]>, closed: Inbox<Bool>) {
            self.received = received
            self.closed = closed
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received.put(Array(unwrapInboundIn(data).readableBytesView))
        }
        func channelInactive(context: ChannelHandlerContext) {
            closed.put(true)
            received.put([])
        }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}

extension Phone {
    /// Places a call to another phone over `transport`.
    func call(
        _ other: Phone, over transport: SIPTransport, host: String = "127.0.0.1",
        padding: Int = 0, to events: Events
    ) async -> CallLeg {
        let port = await other.agent.ports()[transport] ?? 0
        let scheme = transport == .wss ? "sips" : "sip"
        let target =
            "\(scheme):echo@\(hostPortText(host, port))"
            + (transport == .udp ? "" : ";transport=\(transport.uriName)")
        return agent.place(
            OutboundCall(
                id: CallID("call-1"), target: target, from: "+12125550199", offer: offer,
                headers: padding > 0 ? [("X-Padding", String(repeating: "p", count: padding))] : []
            ), events: { events.put($0) })
    }
}
