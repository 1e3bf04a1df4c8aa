import Audio
import CallModel
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOSSL
import Telemetry
import Testing

@testable import Streaming

/// Ways in which a bot cannot be reached, and TLS.
@Suite(.timeLimit(.minutes(10))) struct ConnectTests {
    /// Connects to a bot of `behaviour` and returns the only event.
    private func outcome(
        _ behaviour: TestBot.Behaviour, timeoutMs: Int64 = 5000
    ) async throws -> (StreamEvent?, port: Int, Rig) {
        let rig = try Rig()
        let bot = try await TestBot(group: rig.group, behaviour: behaviour)
        var request = rig.request("ws://127.0.0.1:\(bot.port)/secret-path?token=geheim")
        request.connectTimeout = .milliseconds(timeoutMs)
        _ = rig.connect(request)
        var events = rig.events.makeAsyncIterator()
        let first = await events.next()
        #expect(await events.next() == nil)
        await bot.shutdown()
        try await rig.shutdown()
        return (first, bot.port, rig)
    }

    @Test func refusedUpgradeNamesTheStatus() async throws {
        let (event, port, rig) = try await outcome(.refuse(status: 403))
        #expect(
            event
                == .failed(
                    reason:
                        "the bot at 127.0.0.1:\(port) refused the WebSocket: HTTP 403 Forbidden"))
        #expect(rig.counter(Catalogue.streamConnects, ["refused"]) == 1)
        #expect(!rig.log.all.contains { $0.contains("geheim") || $0.contains("secret-path") })
    }

    @Test func silentServerTimesOut() async throws {
        let (event, port, rig) = try await outcome(.silent, timeoutMs: 100)
        #expect(
            event == .failed(reason: "no WebSocket from the bot at 127.0.0.1:\(port) within 100 ms")
        )
        #expect(rig.counter(Catalogue.streamConnects, ["timeout"]) == 1)
    }

    @Test func aServerOfAnotherProtocolIsNamedSo() async throws {
        let (event, port, _) = try await outcome(.garbage)
        guard case .failed(let reason) = event else {
            Issue.record("no failure")
            return
        }
        #expect(reason.hasPrefix("the bot at 127.0.0.1:\(port) does not speak WebSocket"))
    }

    @Test func extensionNobodyAskedForIsRefused() async throws {
        let (event, port, _) = try await outcome(.extensions)
        #expect(
            event
                == .failed(
                    reason: "the bot at 127.0.0.1:\(port) does not speak WebSocket: its "
                        + "Sec-WebSocket-Accept is wrong or it wants an extension"))
    }

    @Test(
        arguments: [
            (.strangeSubprotocol, "it answers with a subprotocol that was not asked for"),
            (.noConnectionField, "its answer lacks Connection: Upgrade"),
        ] as [(TestBot.Behaviour, String)])
    func anAnswerThatIsNoUpgradeIsRefused(behaviour: TestBot.Behaviour, reason: String) async throws
    {
        let (event, port, rig) = try await outcome(behaviour)
        #expect(
            event
                == .failed(
                    reason: "the bot at 127.0.0.1:\(port) does not speak WebSocket: \(reason)"))
        #expect(rig.counter(Catalogue.streamConnects, ["refused"]) == 1)
    }

    /// A subprotocol that the owner's own header asks for may be granted.
    @Test func aSubprotocolThatWasAskedForIsTaken() async throws {
        try await withBot { rig, bot in
            var request = rig.request("ws://127.0.0.1:\(bot.port)/")
            request.headers = [("Sec-WebSocket-Protocol", "audio.1")]
            let session = rig.connect(request)
            var events = rig.events.makeAsyncIterator()
            #expect(await events.next() == .connected)
            session.stop()
        }
    }

    /// The name is looked up on another thread, so the attempt is over before its answer is there.
    @Test func anAttemptThatIsStoppedDuringTheLookUpOpensNothing() async throws {
        let rig = try Rig()
        let bot = try await TestBot(group: rig.group, behaviour: .silent)
        let url = try StreamURL(parsing: "ws://localhost:\(bot.port)/")
        let request = rig.request("ws://localhost:\(bot.port)/")
        let loop = rig.group.next()
        let results = NIOLockedValueBox<[StreamError]>([])
        let opening = try await loop.submit {
            let connector = StreamConnector(
                url: url, request: request, tls: nil, outboundLimit: 65_536,
                takesDescriptor: true, loop: loop
            ) { result in
                if case .failure(let error) = result {
                    results.withLockedValue { $0.append(error) }
                }
            }
            let opening = connector.start()
            connector.cancel()
            return opening
        }.get()
        await #expect(throws: (any Error).self) { try await opening.get() }
        #expect(results.withLockedValue { $0 } == [.cancelled])
        await bot.shutdown()
        try await rig.shutdown()
    }

    @Test func nobodyListeningIsSaidPlainly() async throws {
        let rig = try Rig()
        let bound = try BoundPort()
        _ = rig.connect(rig.request("ws://127.0.0.1:\(bound.port)/"))
        var events = rig.events.makeAsyncIterator()
        #expect(
            await events.next()
                == .failed(
                    reason: "cannot reach the bot at 127.0.0.1:\(bound.port): connection refused"))
        #expect(rig.counter(Catalogue.streamConnects, ["unreachable"]) == 1)
        try await rig.shutdown()
    }

    @Test func unusableRequestsFailWithoutAConnection() async throws {
        for (url, header, reason) in [
            (
                "http://x/", "X-A",
                "the stream URL is not usable: it must start with ws:// or wss://"
            ),
            ("ws://x/", "Host", "the stream header Host is not allowed or not well formed"),
        ] {
            let rig = try Rig()
            var request = rig.request(url)
            request.headers = [(header, "v")]
            _ = rig.connect(request)
            var events = rig.events.makeAsyncIterator()
            #expect(await events.next() == .failed(reason: reason))
            #expect(await events.next() == nil)
            try await rig.shutdown()
        }
    }

    @Test func stopBeforeTheConnectionIsAnEnd() async throws {
        try await withBot(behaviour: .silent) { rig, bot in
            let session = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)/"))
            session.stop()
            var events = rig.events.makeAsyncIterator()
            #expect(await events.next() == .ended(reason: "stopped before the bot was connected"))
            #expect(await events.next() == nil)
            #expect(rig.hub.streamCount == 0)
        }
    }

    @Test func streamsBeyondTheLimitAreRefused() async throws {
        var limits = StreamLimits()
        limits.maximumStreams = 1
        try await withBot(limits: limits, behaviour: .silent) { rig, bot in
            let first = rig.hub.connect(
                rig.request("ws://127.0.0.1:\(bot.port)/"), bridge: AudioBridge()
            ) { _ in }
            _ = rig.connect(rig.request("ws://127.0.0.1:\(bot.port)/"))
            var events = rig.events.makeAsyncIterator()
            #expect(
                await events.next() == .failed(reason: "the limit of 1 open streams is reached"))
            first.stop()
        }
    }

    // MARK: TLS

    /// A TLS bot with a certificate for `names`; connects with `host` and `trust`.
    private func tlsOutcome(
        names: String, host: String, trust: (TestCertificate) -> StreamRequest.TLSTrust
    ) async throws -> (StreamEvent?, port: Int) {
        let certificate = try TestCertificate(names: names)
        defer { certificate.remove() }
        let rig = try Rig()
        let bot = try await TestBot(group: rig.group, tls: certificate.serverContext())
        var request = rig.request("wss://\(host):\(bot.port)/")
        request.tlsTrust = trust(certificate)
        let session = rig.connect(request)
        var events = rig.events.makeAsyncIterator()
        let event = await events.next()
        if event == .connected {
            var heard = bot.heard.makeAsyncIterator()
            _ = await heard.text()
            #expect(field(await heard.text(), "event") == "start")
            rig.offer([Int16](repeating: 9, count: 160))
            #expect(field(await heard.text(), "event") == "media")
            session.stop()
            #expect(field(await heard.text(), "event") == "stop")
            #expect(await events.next() == .ended(reason: "stopped"))
        }
        #expect(await events.next() == nil)
        await bot.shutdown()
        try await rig.shutdown()
        return (event, bot.port)
    }

    @Test func wssWithAGivenCertificateAndMatchingName() async throws {
        let (event, _) = try await tlsOutcome(names: "DNS:localhost", host: "localhost") {
            .pem(file: $0.certificate)
        }
        #expect(event == .connected)
    }

    @Test func wssToAnAddressInTheCertificate() async throws {
        let (event, _) = try await tlsOutcome(names: "IP:127.0.0.1", host: "127.0.0.1") {
            .pem(file: $0.certificate)
        }
        #expect(event == .connected)
    }

    @Test func wssWithAnotherNameIsRefused() async throws {
        let (event, port) = try await tlsOutcome(names: "DNS:other.example", host: "localhost") {
            .pem(file: $0.certificate)
        }
        #expect(
            event
                == .failed(
                    reason: "the certificate of the bot at localhost:\(port) is refused: it is not "
                        + "for the name localhost"))
    }

    @Test func wssWithAnUntrustedCertificateIsRefused() async throws {
        let (event, port) = try await tlsOutcome(names: "DNS:localhost", host: "localhost") { _ in
            .system
        }
        #expect(
            event
                == .failed(
                    reason: "the certificate of the bot at localhost:\(port) is refused: no "
                        + "trusted authority signed it; name its authority's PEM file"))
    }

    @Test func wssWithoutVerificationConnects() async throws {
        let (event, _) = try await tlsOutcome(names: "DNS:other.example", host: "localhost") { _ in
            .none
        }
        #expect(event == .connected)
    }

    @Test func wssToAPlainServerSaysSo() async throws {
        try await withBot(behaviour: .garbage) { rig, bot in
            var request = rig.request("wss://127.0.0.1:\(bot.port)/")
            request.tlsTrust = .none
            _ = rig.connect(request)
            var events = rig.events.makeAsyncIterator()
            #expect(
                await events.next()
                    == .failed(
                        reason:
                            "TLS with the bot at 127.0.0.1:\(bot.port) failed: it does not speak "
                            + "TLS there; use ws://"))
        }
    }

    @Test func missingTrustFileIsNamed() async throws {
        let rig = try Rig()
        var request = rig.request("wss://127.0.0.1:9/")
        request.tlsTrust = .pem(file: "/nonexistent/ca.pem")
        _ = rig.connect(request)
        var events = rig.events.makeAsyncIterator()
        #expect(
            await events.next()
                == .failed(
                    reason: "the TLS trust setting is not usable: /nonexistent/ca.pem holds no "
                        + "readable PEM certificate"))
        try await rig.shutdown()
    }
}

/// A TCP port on which nobody listens, and that nobody else gets meanwhile.
private final class BoundPort {
    private let handle: Int32
    let port: Int

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                var length = size
                return bind(descriptor, $0, size) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        handle = descriptor
        port = Int(UInt16(bigEndian: address.sin_port))
        try #require(isBound)
    }

    deinit { close(handle) }
}
