import Audio
import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import Orchestrator

/// Closed until it is opened, deaf to cancellation like `getaddrinfo`; counts who has come.
private final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var arrivals = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watchers: [(count: Int, CheckedContinuation<Void, Never>)] = []
    }

    private let state = NIOLockedValueBox(State())

    func pass() async {
        await withCheckedContinuation { continuation in
            let ready = state.withLockedValue { state in
                state.arrivals += 1
                let arrivals = state.arrivals
                var ready = state.watchers.filter { $0.count <= arrivals }.map(\.1)
                state.watchers.removeAll { $0.count <= arrivals }
                if state.isOpen {
                    ready.append(continuation)
                } else {
                    state.waiting.append(continuation)
                }
                return ready
            }
            for each in ready { each.resume() }
        }
    }

    /// Returns when `count` have come.
    func arrivals(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLockedValue { state in
                if state.arrivals < count { state.watchers.append((count, continuation)) }
                return state.arrivals >= count
            }
            if isThere { continuation.resume() }
        }
    }

    func open() {
        let waiting = state.withLockedValue { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for each in waiting { each.resume() }
    }
}

/// A web server that answers with `pieces` and then says no more; tells of its connections' ends.
private final class SlowWeb: Sendable {
    let gone = Gate()
    private let channel: any Channel
    private let accepted: NIOLockedValueBox<Int>

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let answer: [UInt8]
        let asked: Gate
        let gone: Gate

        init(_ answer: [UInt8], _ asked: Gate, _ gone: Gate) {
            self.answer = answer
            self.asked = asked
            self.gone = gone
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
            Task { [asked] in await asked.pass() }
        }

        func channelInactive(context: ChannelHandlerContext) {
            Task { [gone] in await gone.pass() }
        }
    }

    let asked = Gate()

    init(_ answer: [UInt8]) async throws {
        let count = NIOLockedValueBox(0)
        accepted = count
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { [asked, gone] channel in
                count.withLockedValue { $0 += 1 }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Answering(answer, asked, gone))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var url: String { "http://web.example:\(channel.localAddress?.port ?? 0)/a.wav" }
    var connections: Int { accepted.withLockedValue { $0 } }
    func close() async throws { try await channel.close().get() }
}

private let here = try? SocketAddress(ipAddress: "127.0.0.1", port: 0)

/// Time stands still: `limit` is opened when the fifteen seconds are over.
@Suite(.timeLimit(.minutes(1))) struct ClipFetcherTests {
    private func fetcher(
        limit: Gate, lookUp: @escaping ClipFetcher.LookUp
    ) -> ClipFetcher {
        ClipFetcher(
            allowsPrivate: true, lookUp: lookUp,
            pause: { duration in
                #expect(duration == .seconds(15))
                await limit.pass()
                try Task.checkCancellation()
            })
    }

    private func failure(_ fetch: Task<PlaybackClip, any Error>) async -> PlatformError? {
        do {
            _ = try await fetch.value
            return nil
        } catch { return error as? PlatformError }
    }

    private let late = PlatformError(
        code: "fetch_failed", message: "url cannot be fetched: it took more than 15 s",
        field: "url", status: 502)

    @Test func aResolverThatHangsDelaysNobodyAndItsThreadsAreBounded() async throws {
        let limit = Gate()
        let resolver = Gate()
        let web = try await SlowWeb([])
        let fetcher = fetcher(limit: limit) { _ in
            await resolver.pass()
            return try #require(here)
        }
        let url = web.url
        let hanging = (0..<ClipFetcher.fetchLimit).map { _ in
            Task { try await fetcher.clip(url, field: "url") }
        }
        await resolver.arrivals(ClipFetcher.fetchLimit)
        let busy = PlatformError.unavailable(
            "too_many_fetches", "8 files are being fetched already")
        await #expect(throws: busy) { try await fetcher.clip(url, field: "url") }
        // The time is over: everybody is answered, though the resolver says nothing.
        limit.open()
        for fetch in hanging { #expect(await failure(fetch) == late) }
        await #expect(throws: busy) { try await fetcher.clip(url, field: "url") }
        // It speaks at last: the places are free, and what nobody waits for is not asked for.
        resolver.open()
        var last: (any Error)?
        repeat {
            do { _ = try await fetcher.clip(url, field: "url") } catch { last = error }
        } while last as? PlatformError == busy
        #expect(last as? PlatformError == late)
        #expect(web.connections <= 1)
        try await web.close()
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nRIFF",
        "HTTP/1.1 200 OK\r\nContent-Le",
    ])
    func aServerThatStopsInTheMiddleIsGivenUp(answer: String) async throws {
        let limit = Gate()
        let web = try await SlowWeb(Array(answer.utf8))
        let fetcher = fetcher(limit: limit) { _ in try #require(here) }
        let url = web.url
        let fetch = Task { try await fetcher.clip(url, field: "url") }
        await web.asked.arrivals(1)
        limit.open()
        #expect(await failure(fetch) == late)
        // Its connection is closed, too: nothing of the fetch goes on.
        await web.gone.arrivals(1)
        try await web.close()
    }

    @Test func whoNoLongerWaitsStopsTheFetch() async throws {
        let limit = Gate()
        defer { limit.open() }
        let web = try await SlowWeb([])
        let fetcher = fetcher(limit: limit) { _ in try #require(here) }
        let url = web.url
        let fetch = Task { try await fetcher.clip(url, field: "url") }
        await web.asked.arrivals(1)
        fetch.cancel()
        await #expect(throws: CancellationError.self) { try await fetch.value }
        await web.gone.arrivals(1)
        try await web.close()
    }

    /// A stereo file of 16 kHz with sound on the right: as it is when it is named by its path.
    @Test func whatIsFetchedIsMixedAndStaysWideband() async throws {
        var tone = ToneGenerator(frequencies: [6000], levelDBm0: -10, sampleRate: 16_000)
        let file = WAVFile(
            sampleRate: 16_000, channels: 2, samples: tone.next(1600).flatMap { [0, $0] })
        let body = file.serialised
        let web = try await SlowWeb(
            Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
        let limit = Gate()
        defer { limit.open() }
        let fetcher = fetcher(limit: limit) { host in
            #expect(host == "web.example")
            return try #require(here)
        }
        let clip = try await fetcher.clip(web.url, field: "url")
        #expect(clip.sampleRate == 16_000 && clip.samples.count == 1600)
        #expect(abs(Level.dBm0(clip.samples) + 16.02) < 0.05)
        try await web.close()
    }

    @Test func theSystemsResolverAnswers() async throws {
        #expect(try await ClipFetcher.askSystem("127.0.0.1").ipAddress == "127.0.0.1")
        await #expect(throws: (any Error).self) {
            try await ClipFetcher.askSystem("no such host")
        }
    }
}
