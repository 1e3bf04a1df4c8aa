import Base
import CallModel
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Telemetry
import Testing

@testable import Server

/// The handler between an HTTP decoder and whoever answers, in the loop's own time.
private final class Line {
    let channel = EmbeddedChannel()
    private let box = Mutex<[ConnectionBook.Drop]>([])
    var dropped: [ConnectionBook.Drop] { box.withLock { $0 } }

    init() throws {
        let report: @Sendable (ConnectionBook.Drop) -> Void = { [self] drop in
            box.withLock { $0.append(drop) }
        }
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 5000)).wait()
        try channel.pipeline.syncOperations.addHandler(RequestDeadlines(dropped: report))
    }

    func wait(_ seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }

    func head(_ method: HTTPMethod = .POST) throws {
        try channel.writeInbound(
            HTTPServerRequestPart.head(
                HTTPRequestHead(version: .http1_1, method: method, uri: "/v1/calls")))
    }
    func body(_ count: Int) throws {
        try channel.writeInbound(
            HTTPServerRequestPart.body(ByteBuffer(repeating: 0x20, count: count)))
    }
    func end() throws { try channel.writeInbound(HTTPServerRequestPart.end(nil)) }

    /// The beginning of a response, which the client has not taken.
    func respond(type: String) throws {
        try channel.writeOutbound(
            HTTPServerResponsePart.head(
                HTTPResponseHead(
                    version: .http1_1, status: .ok, headers: ["Content-Type": type])))
    }
    /// So much of the response is in the channel's buffer.
    func waits(kibibytes: Int) throws {
        let context = try channel.pipeline.syncOperations.context(
            handlerType: RequestDeadlines.self)
        context.flush()
        context.write(NIOAny(ByteBuffer(repeating: 0x20, count: kibibytes << 10)), promise: nil)
    }
    func isTaken(_ isTaken: Bool) {
        channel.isWritable = isTaken
        channel.pipeline.fireChannelWritabilityChanged()
    }
}

extension Line: @unchecked Sendable {
    // @unchecked: only the mutex is touched by the closure, on the test's own thread.
}

@Suite struct RequestDeadlineTests {
    @Test func whoSaysNothingOrNoWholeHeadIsSentAwayAfterTenSeconds() throws {
        let line = try Line()
        line.wait(9)
        #expect(line.channel.isActive && line.dropped.isEmpty)
        line.wait(1)
        #expect(!line.channel.isActive)
        #expect(line.dropped == [.head])
    }

    @Test func aBodyThatTricklesInEndsAfterHalfAMinute() throws {
        let line = try Line()
        line.wait(9)
        try line.head()
        for _ in 0..<29 {
            line.wait(1)
            try line.body(1)
        }
        #expect(line.channel.isActive)
        line.wait(1)
        #expect(!line.channel.isActive)
        #expect(line.dropped == [.body])
    }

    /// 32 MiB at 40 KiB/s take 14 minutes.
    @Test func aLargeBodyThatKeepsComingIsWaitedFor() throws {
        let line = try Line()
        try line.head()
        for _ in 0..<819 {
            line.wait(1)
            try line.body(40 << 10)
        }
        #expect(line.channel.isActive)
        try line.end()
        line.wait(10_000)
        #expect(line.channel.isActive && line.dropped.isEmpty)
    }

    /// No body is larger than the largest that is taken: chunks without end do not earn time without end.
    @Test func aBodyWithoutAnEndEnds() throws {
        let line = try Line()
        try line.head()
        var seconds = 0
        while line.channel.isActive, seconds < 2000 {
            line.wait(1)
            seconds += 1
            if line.channel.isActive { try line.body(1 << 20) }
        }
        #expect(seconds == 30 + 1024)
        #expect(line.dropped == [.body])
    }

    @Test func eachRequestOfAConnectionHasItsOwnTime() throws {
        let line = try Line()
        for _ in 0..<5 {
            try line.head()
            line.wait(29)
            try line.body(1)
            try line.end()
            line.wait(60)
        }
        #expect(line.channel.isActive)
        try line.head()
        line.wait(30)
        #expect(!line.channel.isActive)
        #expect(line.dropped == [.body])
    }

    /// What was answered before its body had come is still a request that takes for ever.
    @Test func anEarlyAnswerDoesNotLiftTheDeadline() throws {
        let line = try Line()
        try line.head()
        try line.respond(type: "application/json")
        try line.channel.writeOutbound(HTTPServerResponsePart.end(nil))
        line.wait(30)
        #expect(!line.channel.isActive)
    }

    @Test func anAnswerThatNobodyTakesEndsAfterAMinuteOfStandstill() throws {
        let line = try Line()
        try line.head(.GET)
        try line.end()
        try line.respond(type: "application/json")
        for _ in 0..<3 {
            line.isTaken(false)
            line.wait(59)
            line.isTaken(true)
        }
        line.wait(1000)
        #expect(line.channel.isActive)
        line.isTaken(false)
        line.wait(60)
        #expect(!line.channel.isActive)
        #expect(line.dropped == [.stalled])
    }

    /// A list of ten thousand records is one buffer: at 100 kbit/s a megabyte of it takes more than a minute.
    @Test func aLargeAnswerThatIsTakenSlowlyIsWaitedFor() throws {
        let line = try Line()
        try line.head(.GET)
        try line.end()
        try line.respond(type: "application/json")
        try line.waits(kibibytes: 10 << 10)
        line.isTaken(false)
        for minute in 1...10 {
            line.wait(59)
            try line.waits(kibibytes: (10 << 10) - minute * 700)
            line.wait(1)
            #expect(line.channel.isActive, "\(minute)")
        }
        // A byte now and then is no step forward.
        line.wait(59)
        try line.waits(kibibytes: (10 << 10) - 7100)
        line.wait(1)
        #expect(!line.channel.isActive)
        #expect(line.dropped == [.stalled])
    }

    @Test func eventStreamsAreNotCut() throws {
        let line = try Line()
        try line.head(.GET)
        try line.end()
        try line.respond(type: "text/event-stream")
        line.isTaken(false)
        line.wait(100_000)
        #expect(line.channel.isActive && line.dropped.isEmpty)
        // Nor is a WebSocket, which takes the handler off.
        let socket = try Line()
        try socket.head(.GET)
        RequestDeadlines.lift(from: socket.channel)
        socket.wait(100_000)
        #expect(socket.channel.isActive && socket.dropped.isEmpty)
    }
}

@Suite struct ConnectionBookTests {
    private func book(
        _ limits: ConnectionLimits
    ) -> (book: ConnectionBook, metrics: MetricsRegistry) {
        let metrics = MetricsRegistry()
        return (ConnectionBook(limits, metrics: metrics), metrics)
    }

    private func source(_ address: String) throws -> ConnectionBook.Source {
        ConnectionBook.Source(try SocketAddress(ipAddress: address, port: 1))
    }

    @Test func oneSourceCannotTakeEveryPlace() throws {
        let (book, metrics) = book(
            ConnectionLimits(connections: 8, perSource: 5, reserve: 2, few: 1))
        let flood = try source("192.0.2.1")
        #expect(
            (0..<7).map { _ in book.enter(flood) } == [true, true, true, true, true, false, false])
        #expect(metrics.counter(Catalogue.httpConnectionsDropped, ["source"]).value == 2)
        #expect(book.enter(try source("192.0.2.2")))
        book.leave(flood)
        #expect(book.enter(flood))
        #expect(metrics.gauge(Catalogue.httpConnections).value == 6)
    }

    /// Several that take all they can: who has nothing still comes in.
    @Test func theLastPlacesAreForThoseWhoHoldNextToNothing() throws {
        let (book, metrics) = book(
            ConnectionLimits(connections: 8, perSource: 5, reserve: 2, few: 1))
        let (first, second) = (try source("192.0.2.1"), try source("192.0.2.2"))
        for _ in 0..<5 { #expect(book.enter(first)) }
        #expect(book.enter(second))
        #expect(!book.enter(second))
        let probes = try ["192.0.2.3", "192.0.2.4", "192.0.2.5"].map { try source($0) }
        #expect(probes.map { book.enter($0) } == [true, true, false])
        #expect(metrics.counter(Catalogue.httpConnectionsDropped, ["connections"]).value == 2)
        for left in [first, first, probes[0]] { book.leave(left) }
        #expect(book.enter(second))
        #expect(metrics.gauge(Catalogue.httpConnections).value == 6)
    }

    @Test func fewRefusedConnectionsAreAnsweredAtOneTime() {
        var limits = ConnectionLimits()
        limits.farewells = 2
        let book = book(limits).book
        #expect((0..<4).map { _ in book.mayBidFarewell() } == [true, true, false, false])
        book.farewellIsOver()
        #expect(book.mayBidFarewell())
        #expect(!book.mayBidFarewell())
    }

    @Test func aSourceIsAnAddressAndOfIPv6ANetwork() throws {
        #expect(try source("192.0.2.1") != source("192.0.2.2"))
        #expect(try source("::ffff:192.0.2.1") == source("192.0.2.1"))
        #expect(try source("2001:db8:0:1::1") == source("2001:db8:0:1:ffff::2"))
        #expect(try source("2001:db8:0:1::1") != source("2001:db8:0:2::1"))
        #expect(ConnectionBook.Source(nil) == ConnectionBook.Source(nil))
    }

    @Test func theDefaultsHaveRoomForEverySubscriberBehindOneProxy() {
        let limits = ConnectionLimits()
        #expect(limits.perSource > 256 && limits.perSource < limits.connections - limits.reserve)
        #expect(limits.few >= 1)
    }
}

/// The limit at a real door: the refused are closed and counted, the others do not notice.
@Suite(.serialized) struct DoorLimitTests {
    @Test func aFloodOfConnectionsIsRefusedAndHarmsNobody() async throws {
        try await House.open(
            connections: ConnectionLimits(connections: 6, perSource: 4, reserve: 2, few: 1)
        ) { house in
            let before = try await Wire(port: house.httpPort)
            let get = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
            try await before.send(get)
            try await before.until("trunkline_http_connections 1")
            var silent: [Wire] = []
            for _ in 0..<3 { silent.append(try await Wire(port: house.httpPort)) }
            // In the order of their arrival at the door.
            let gauge = house.platform.metrics.gauge(Catalogue.httpConnections)
            try await eventually("four connections") { gauge.value == 4 }
            let refused = try await Wire(port: house.httpPort)
            try await eventually("the fifth to be closed") { refused.isClosed }
            let answer = try Reply(refused.bytes)
            #expect(answer.status == 503)
            #expect(answer.headers["retry-after"] == "5")
            #expect(answer.headers["connection"] == "close")
            #expect(
                String(decoding: answer.body, as: UTF8.self).contains("too_many_connections"))
            // The first is served as before, and says so.
            try await before.send(get)
            try await before.until(#"trunkline_http_connections_dropped_total{reason="source"} 1"#)
            #expect(silent.allSatisfy { !$0.isClosed })
            try await silent.removeLast().close()
            try await eventually("the place to be free") { gauge.value == 3 }
            #expect(try await house.request("GET", "/health").status == 200)
        }
    }

    /// Who is still sending when the answer comes is heard out, not reset, which could take the answer along.
    @Test func aRefusedClientMaySayWhatItHasBegun() async throws {
        try await House.open(
            connections: ConnectionLimits(connections: 4, perSource: 1, reserve: 0, few: 1)
        ) { house in
            let first = try await Wire(port: house.httpPort)
            let gauge = house.platform.metrics.gauge(Catalogue.httpConnections)
            try await eventually("a connection") { gauge.value == 1 }
            let part = [UInt8](repeating: 0x20, count: 50_000)
            var heardOut = 0
            for _ in 0..<5 {
                let refused = try await Wire(port: house.httpPort, staysHalfOpen: true)
                try await refused.send(
                    "POST /v1/calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 200000\r\n\r\n")
                try await refused.until("later\"}}")
                #expect(try Reply(refused.bytes).status == 503)
                do {
                    for _ in 0..<4 { try await refused.send(part) }
                    heardOut += 1
                    try await refused.close()
                } catch {
                    // On a machine that stands still the second is over.
                }
            }
            #expect(heardOut > 0)
            #expect(gauge.value == 1)
            try await first.close()
        }
    }

    /// A subscriber's connection is one of the limit's, and is given back.
    @Test func anEventSocketHasAPlaceUntilItGoes() async throws {
        try await House.open { house in
            let gauge = house.platform.metrics.gauge(Catalogue.httpConnections)
            let socket = try await EventSocket(house)
            #expect(socket.isUpgraded)
            #expect(gauge.value == 1)
            try await socket.wire.close()
            try await eventually("its place to be free") { gauge.value == 0 }
        }
    }
}
