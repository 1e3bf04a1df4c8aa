import CallModel
import Streaming
import Telemetry
import Testing

@testable import Orchestrator

/// What a bot may put into the feed that all calls share.
@Suite struct CallFeedTests {
    /// A feed that the test itself empties.
    private struct Bench {
        let metrics = MetricsRegistry()
        let feed: CallCenter.Feed
        private var inputs: AsyncStream<CallCenter.Input>.Iterator

        init() {
            let (inputs, continuation) = AsyncStream.makeStream(
                of: CallCenter.Input.self, bufferingPolicy: .bufferingOldest(CallCenter.feedLimit))
            feed = CallCenter.Feed(continuation)
            self.inputs = inputs.makeAsyncIterator()
        }

        func inlet(_ id: String, listens: Bool = false) -> CallCenter.StreamInlet {
            CallCenter.StreamInlet(CallID(id), listens: listens, feed: feed, metrics: metrics)
        }

        var unread: Int {
            metrics.counter(Catalogue.streamMessagesIgnored, ["unread"]).value
        }

        /// Everything up to the next tick, as the actor sees it.
        mutating func events() async -> [String: [StreamEvent]] {
            var events: [String: [StreamEvent]] = [:]
            while let input = await inputs.next() {
                if case .tick = input { break }
                if case .stream(let inlet, let event) = input {
                    events[inlet.id.value, default: []].append(inlet.take(event))
                }
            }
            return events
        }
    }

    @Test func aFloodOfOneStreamLeavesTheOthersInputsIntact() async {
        var bench = Bench()
        let (flood, other) = (bench.inlet("flood"), bench.inlet("other"))
        flood.yield(.connected)
        for index in 0..<CallCenter.feedLimit + 10_000 {
            flood.yield(.mark(name: "\(index)"))
            flood.yield(.cleared(marks: 0))
            flood.yield(.transcript("\(index)"))
        }
        other.yield(.connected)
        other.yield(.mark(name: "mine"))
        flood.yield(.ended(reason: "over"))
        bench.feed.yield(.tick)
        #expect(bench.feed.dropped == 0)
        let events = await bench.events()
        #expect(events["other"] == [.connected, .mark(name: "mine")])

        let told = events["flood"] ?? []
        #expect(told.first == .connected)
        #expect(told.last == .ended(reason: "over"))
        let limit = CallCenter.StreamInlet.markLimit
        let marks = told.filter { if case .mark = $0 { true } else { false } }
        #expect(marks == (0..<limit).map { .mark(name: "\($0)") })
        #expect(bench.unread == CallCenter.feedLimit + 10_000 - limit)
        // One transcript, the newest, which holds what the others said.
        #expect(
            told.filter { if case .transcript = $0 { true } else { false } }
                == [.transcript("\(CallCenter.feedLimit + 9999)")])
        #expect(told.count == limit + 3)
    }

    @Test func whatWasTakenMakesRoomAgain() async {
        var bench = Bench()
        let inlet = bench.inlet("call")
        for round in 0..<3 {
            for index in 0..<CallCenter.StreamInlet.markLimit {
                inlet.yield(.mark(name: "\(round)/\(index)"))
            }
            inlet.yield(.transcript("\(round)"))
            bench.feed.yield(.tick)
            let told = await bench.events()["call"] ?? []
            #expect(told.count == CallCenter.StreamInlet.markLimit + 1)
            #expect(told.last == .transcript("\(round)"))
        }
        #expect(bench.unread == 0)
    }

    @Test func marksOfAllStreamsTakeHalfOfTheFeedAtMost() async {
        var bench = Bench()
        let perStream = CallCenter.StreamInlet.markLimit
        let inlets = (0..<CallCenter.feedLimit / perStream + 10).map { bench.inlet("\($0)") }
        for inlet in inlets {
            for index in 0..<perStream { inlet.yield(.mark(name: "\(index)")) }
        }
        bench.feed.yield(.tick)
        #expect(bench.feed.dropped == 0)
        let told = await bench.events().values.reduce(0) { $0 + $1.count }
        #expect(told == CallCenter.Feed.markLimit)
        #expect(bench.unread == inlets.count * perStream - told)
    }

    @Test func aRecognisersMarksAreNobodysAffair() async {
        var bench = Bench()
        let inlet = bench.inlet("call", listens: true)
        inlet.yield(.mark(name: "m"))
        inlet.yield(.transcript("hello"))
        bench.feed.yield(.tick)
        #expect(await bench.events() == ["call": [.transcript("hello")]])
        #expect(bench.unread == 0)
    }

    /// An input that found no room must not block the stream's way for ever.
    @Test func aStreamSpeaksAgainAfterTheFeedWasFull() async {
        var bench = Bench()
        let inlet = bench.inlet("call")
        bench.feed.yield(.tick)
        for _ in 1..<CallCenter.feedLimit { bench.feed.yield(.tick) }
        inlet.yield(.transcript("lost"))
        inlet.yield(.mark(name: "lost"))
        #expect(bench.feed.dropped == 2)
        for _ in 0..<CallCenter.feedLimit { _ = await bench.events() }
        inlet.yield(.transcript("heard"))
        inlet.yield(.mark(name: "heard"))
        bench.feed.yield(.tick)
        #expect(await bench.events() == ["call": [.transcript("heard"), .mark(name: "heard")]])
    }
}
