import Audio
import Base
import Testing

@testable import Streaming

/// Plays the media worker on one bridge: takes frames on its clock and confirms them.
struct WorkerClock {
    let bridge: AudioBridge
    /// Everything that has left, as samples.
    var played: [Int16] = []
    private var frame = [Int16](repeating: 0, count: 160)

    init(_ bridge: AudioBridge) { self.bridge = bridge }

    /// One ptime. `confirming: false` stops between taking and sending.
    @discardableResult
    mutating func tick(confirming: Bool = true) -> Int {
        let count = frame.withUnsafeMutableBufferPointer { bridge.takePlayout(into: $0) }
        played += frame[..<count]
        if confirming, count > 0 { bridge.confirmSent() }
        return count
    }
}

extension PlayoutQueue {
    mutating func enqueue(bytes: [UInt8]) -> Int {
        bytes.withUnsafeBufferPointer { enqueue($0) }
    }

    mutating func dueMarks(_ bridge: AudioBridge) -> [String] {
        var names: [String] = []
        while let name = takeDueMark(sentPosition: bridge.sentPosition) { names.append(name) }
        return names
    }
}

@Suite struct PlayoutQueueTests {
    let bridge = AudioBridge()

    func makeQueue(ms: Int = 300_000, marks: Int = 1000) -> PlayoutQueue {
        PlayoutQueue(bridge: bridge, maximumMilliseconds: ms, maximumMarks: marks)
    }

    @Test func markIsDueWhenItsAudioHasBeenSentNotWhenItWasTaken() {
        var queue = makeQueue()
        var worker = WorkerClock(bridge)
        #expect(queue.enqueue(bytes: [UInt8](repeating: 0x80, count: 320)) == 0)
        #expect(queue.enqueueMark("end") == true)
        queue.topUp(bridge)
        #expect(queue.dueMarks(bridge) == [])
        worker.tick()
        #expect(queue.dueMarks(bridge) == [])
        worker.tick(confirming: false)
        #expect(queue.dueMarks(bridge) == [])
        bridge.confirmSent()
        #expect(queue.dueMarks(bridge) == ["end"])
        #expect(queue.outstandingMarks == 0)
    }

    @Test func markWithoutAudioBeforeItIsDueAtOnce() {
        var queue = makeQueue()
        #expect(queue.enqueueMark("first") == true)
        #expect(queue.dueMarks(bridge) == ["first"])
        // Also after audio that has been sent.
        var worker = WorkerClock(bridge)
        #expect(queue.enqueue(bytes: [1, 2, 3]) == 0)
        queue.topUp(bridge)
        worker.tick()
        #expect(queue.enqueueMark("second") == true)
        #expect(queue.dueMarks(bridge) == ["second"])
    }

    @Test func marksInsideOneFrameComeTogetherAndInOrder() {
        var queue = makeQueue()
        var worker = WorkerClock(bridge)
        for name in ["a", "b", "c"] {
            #expect(queue.enqueue(bytes: [UInt8](repeating: 1, count: 50)) == 0)
            #expect(queue.enqueueMark(name) == true)
        }
        #expect(queue.enqueueMark("d") == true)
        #expect(queue.enqueue(bytes: [UInt8](repeating: 1, count: 11)) == 0)
        #expect(queue.enqueueMark("e") == true)
        queue.topUp(bridge)
        worker.tick()
        #expect(queue.dueMarks(bridge) == ["a", "b", "c", "d"])
        worker.tick()
        #expect(queue.dueMarks(bridge) == ["e"])
    }

    @Test func samplesAreG711Decoded() {
        var queue = makeQueue()
        var worker = WorkerClock(bridge)
        // ITU-T G.711 table 2a: 0x00 is the largest negative value, 0x80 the largest positive.
        #expect(queue.enqueue(bytes: [0x00, 0x80, 0xFF, 0x7F]) == 0)
        queue.topUp(bridge)
        worker.tick()
        #expect(worker.played == [-32124, 32124, 0, 0])
    }

    @Test func thirtySecondsInOneMessageArriveWhole() {
        var queue = makeQueue()
        var worker = WorkerClock(bridge)
        let message = (0..<240_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        #expect(queue.enqueue(bytes: message) == 0)
        #expect(queue.enqueueMark("end") == true)
        var ticks = 0
        var marks: [String] = []
        while marks.isEmpty, ticks < 3000 {
            queue.topUp(bridge)
            worker.tick()
            marks = queue.dueMarks(bridge)
            ticks += 1
        }
        #expect(ticks == 1500)
        #expect(worker.played.elementsEqual(message.map { G711.sample(muLaw: $0) }))
    }

    @Test func audioBeyondTheLimitIsDroppedFromTheEndAndCounted() {
        var queue = makeQueue(ms: 100)
        #expect(queue.maximumSamples == 800)
        #expect(queue.enqueue(bytes: [UInt8](repeating: 1, count: 700)) == 0)
        #expect(queue.enqueue(bytes: [UInt8](repeating: 2, count: 300)) == 200)
        #expect(queue.enqueueMark("m") == true)
        #expect(queue.enqueue(bytes: [3]) == 1)
        #expect(queue.droppedSamples == 201)
        #expect(queue.queuedSamples == 800)
        var worker = WorkerClock(bridge)
        queue.topUp(bridge)
        for _ in 0..<5 { worker.tick() }
        #expect(worker.played.count == 800)
        #expect(worker.played[699] == G711.sample(muLaw: 1))
        #expect(worker.played[700] == G711.sample(muLaw: 2))
        #expect(queue.dueMarks(bridge) == ["m"])
    }

    @Test func marksBeyondTheLimitAreRefused() {
        var queue = makeQueue(marks: 2)
        #expect(queue.enqueue(bytes: [1]) == 0)
        #expect(queue.enqueueMark("a") == true)
        #expect(queue.enqueueMark("b") == true)
        #expect(queue.enqueueMark("c") == false)
        #expect(queue.clear(bridge) == ["a", "b"])
        #expect(queue.enqueueMark("d") == true)
    }

    /// A synthesiser's bytes come over HTTP in pieces of any length, and a bot passes them on as they come.
    @Test func aSampleMayBeSplitBetweenTwoRecords() {
        let said = (0..<1000).map { Int16($0 * 30 - 15_000) }
        let bytes = said.flatMap {
            [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)]
        }
        for length in [1, 3, 7, 321, 1999] {
            let bridge = AudioBridge()
            var queue = PlayoutQueue(
                bridge: bridge, maximumMilliseconds: 1000, maximumMarks: 10, encoding: .linear16)
            var worker = WorkerClock(bridge)
            for start in stride(from: 0, to: bytes.count, by: length) {
                #expect(
                    queue.enqueue(bytes: Array(bytes[start..<min(start + length, 2000)])) == 0)
            }
            #expect(queue.queuedSamples == 1000)
            queue.topUp(bridge)
            while worker.tick() > 0 {}
            #expect(worker.played == said, "\(length)")
        }
    }

    /// What follows a mark or a clear begins with a whole sample, however the speech before it ended.
    @Test func halfASampleIsNotCarriedIntoTheNextUtterance() {
        var queue = PlayoutQueue(
            bridge: bridge, maximumMilliseconds: 1000, maximumMarks: 10, encoding: .linear16)
        var worker = WorkerClock(bridge)
        #expect(queue.enqueue(bytes: [1, 0, 2]) == 0)
        #expect(queue.enqueueMark("end") == true)
        #expect(queue.enqueue(bytes: [3, 0, 4]) == 0)
        queue.topUp(bridge)
        worker.tick()
        #expect(worker.played == [1, 3])
        _ = queue.clear(bridge)
        #expect(queue.enqueue(bytes: [5, 0]) == 0)
        queue.topUp(bridge)
        worker.tick()
        #expect(worker.played == [1, 3, 5])
    }

    @Test func clearEmptiesWithinOneTickAndReturnsMarksInOrder() {
        var queue = makeQueue()
        var worker = WorkerClock(bridge)
        #expect(queue.enqueue(bytes: [UInt8](repeating: 0x20, count: 4000)) == 0)
        #expect(queue.enqueueMark("a") == true)
        #expect(queue.enqueue(bytes: [UInt8](repeating: 0x20, count: 4000)) == 0)
        #expect(queue.enqueueMark("b") == true)
        queue.topUp(bridge)
        worker.tick()
        #expect(queue.clear(bridge) == ["a", "b"])
        #expect(queue.queuedSamples == 0)
        #expect(worker.tick() == 0)
        #expect(worker.played.count == 160)
        #expect(queue.dueMarks(bridge) == [])
    }

    @Test func marksAfterClearWorkOnAlsoWithoutAudio() {
        var queue = makeQueue()
        var worker = WorkerClock(bridge)
        #expect(queue.enqueue(bytes: [UInt8](repeating: 0x20, count: 1000)) == 0)
        queue.topUp(bridge)
        #expect(queue.clear(bridge) == [])
        // The worker has not even ticked since: nothing is before the mark all the same.
        #expect(queue.enqueueMark("now") == true)
        #expect(queue.dueMarks(bridge) == ["now"])
        #expect(queue.enqueue(bytes: [UInt8](repeating: 0x30, count: 200)) == 0)
        #expect(queue.enqueueMark("later") == true)
        queue.topUp(bridge)
        #expect(queue.dueMarks(bridge) == [])
        worker.tick()
        #expect(queue.dueMarks(bridge) == [])
        worker.tick()
        #expect(queue.dueMarks(bridge) == ["later"])
        #expect(worker.played == [Int16](repeating: G711.sample(muLaw: 0x30), count: 200))
    }

    @Test func secondStreamOnAClearedBridgeReturnsAnEarlyMarkAtOnce() {
        var first = makeQueue()
        var worker = WorkerClock(bridge)
        #expect(first.enqueue(bytes: [UInt8](repeating: 1, count: 500)) == 0)
        first.topUp(bridge)
        _ = first.clear(bridge)
        worker.tick()
        var second = makeQueue()
        #expect(second.enqueueMark("hello") == true)
        #expect(second.dueMarks(bridge) == ["hello"])
    }

    /// Random operations against a model that keeps everything in plain arrays and knows nothing of
    /// rings, spans or two queues.
    @Test(arguments: 1...60)
    func randomOperationsAgreeWithTheNaiveModel(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let bridge = AudioBridge(playoutMilliseconds: Int.random(in: 2...300, using: &random))
        let limitMs = Int.random(in: 1...400, using: &random)
        var queue = PlayoutQueue(bridge: bridge, maximumMilliseconds: limitMs, maximumMarks: 50)
        var worker = WorkerClock(bridge)
        var model = NaivePlayout(
            ringCapacity: bridge.playout.capacity, limit: limitMs * 8, maximumMarks: 50)
        var returned: [String] = []

        for step in 0..<400 {
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<35:
                let longest = Int.random(in: 0..<20, using: &random) == 0 ? 5000 : 400
                let size = Int.random(in: 0...longest, using: &random)
                let bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                #expect(queue.enqueue(bytes: bytes) == model.enqueue(bytes))
            case 35..<50:
                #expect(queue.enqueueMark("m\(step)") == model.enqueueMark("m\(step)"))
            case 50..<53:
                let names = queue.clear(bridge)
                #expect(names == model.clear())
                returned += names
            default:
                queue.topUp(bridge)
                model.topUp()
                worker.tick()
                model.tick()
            }
            let due = queue.dueMarks(bridge)
            #expect(due == model.dueMarks())
            returned += due
            #expect(queue.queuedSamples == model.waiting.count)
            #expect(queue.outstandingMarks == model.marks.count)
        }
        #expect(worker.played.elementsEqual(model.played))
        #expect(queue.droppedSamples == model.dropped)
        #expect(returned == model.returned)
    }
}

/// What the playout contract says, in the most obvious way.
private struct NaivePlayout {
    let ringCapacity: Int
    let limit: Int
    let maximumMarks: Int
    /// Sample and mark in one list, as the bot sent them: what has not been handed over.
    var waiting: [Int16] = []
    var ring: [Int16] = []
    /// Samples in the ring that a clear condemned; they still take room until the next tick.
    var condemned = 0
    var marks: [(name: String, samplesBefore: Int)] = []
    var played: [Int16] = []
    var dropped = 0
    var returned: [String] = []

    mutating func enqueue(_ bytes: [UInt8]) -> Int {
        let accepted = min(bytes.count, limit - waiting.count)
        waiting += bytes[..<accepted].map { G711.sample(muLaw: $0) }
        dropped += bytes.count - accepted
        return bytes.count - accepted
    }

    mutating func enqueueMark(_ name: String) -> Bool {
        guard marks.count < maximumMarks else { return false }
        marks.append((name, ring.count - condemned + waiting.count))
        return true
    }

    mutating func clear() -> [String] {
        waiting = []
        condemned = ring.count
        let names = marks.map(\.name)
        marks = []
        returned += names
        return names
    }

    mutating func topUp() {
        let count = min(waiting.count, ringCapacity - ring.count)
        ring += waiting[..<count]
        waiting.removeFirst(count)
    }

    mutating func tick() {
        ring.removeFirst(condemned)
        condemned = 0
        let count = min(160, ring.count)
        played += ring[..<count]
        ring.removeFirst(count)
        for index in marks.indices { marks[index].samplesBefore -= count }
    }

    mutating func dueMarks() -> [String] {
        var names: [String] = []
        while let mark = marks.first, mark.samplesBefore <= 0 {
            names.append(mark.name)
            marks.removeFirst()
        }
        returned += names
        return names
    }
}

@Suite struct ByteQueueTests {
    @Test(arguments: 1...20)
    func anyMixOfAppendsAndTakesKeepsTheOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = ByteQueue()
        var model: [UInt8] = []
        for _ in 0..<300 {
            if Bool.random(using: &random) {
                let size = Int.random(in: 0...3000, using: &random)
                let bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                bytes.withUnsafeBufferPointer { queue.append($0) }
                model += bytes
            } else {
                let limit = Int.random(in: 0...4000, using: &random)
                var seen: [UInt8] = []
                _ = queue.takeSpan(upTo: limit) { span in
                    seen = Array(span)
                    return span.count
                }
                #expect(seen.count <= limit)
                #expect(seen == Array(model.prefix(seen.count)))
                model.removeFirst(seen.count)
            }
            #expect(queue.count == model.count)
        }
    }

    @Test func emptiedQueueKeepsOneChunk() {
        var queue = ByteQueue()
        [UInt8](repeating: 1, count: 500_000).withUnsafeBufferPointer { queue.append($0) }
        // Hardly more than what is in it: chunks, not a doubled ring.
        #expect(queue.capacity >= 500_000)
        #expect(queue.capacity < 520_000)
        queue.removeAll()
        #expect(queue.count == 0)
        // What a moment's burst needs stays: no allocation a burst.
        let kept = queue.capacity
        #expect(kept >= ByteQueue.chunkSize)
        #expect(kept < 2 * ByteQueue.chunkSize)
        [UInt8](repeating: 1, count: 900).withUnsafeBufferPointer { queue.append($0) }
        #expect(queue.capacity == kept)
    }

    /// What is behind the reader is given back while the writer goes on.
    @Test func queueThatIsNeverEmptyDoesNotGrow() {
        var queue = ByteQueue()
        let piece = [UInt8](repeating: 7, count: 160)
        piece.withUnsafeBufferPointer { queue.append($0) }
        for _ in 0..<10_000 {
            piece.withUnsafeBufferPointer { queue.append($0) }
            var wanted = piece.count
            while wanted > 0, queue.takeSpan(upTo: wanted, { $0.count }) {
                wanted = max(0, queue.count - piece.count)
            }
        }
        #expect(queue.count == piece.count)
        #expect(queue.capacity < 3 * ByteQueue.chunkSize)
    }
}
