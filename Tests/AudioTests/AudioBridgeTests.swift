import Audio
import Base
import Testing

private func write(_ values: [Int16], to ring: SampleRing) {
    _ = values.withUnsafeBufferPointer { ring.write($0) }
}

private func take(_ count: Int, from bridge: AudioBridge) -> [Int16] {
    var frame = [Int16](repeating: 0, count: count)
    let taken = frame.withUnsafeMutableBufferPointer { bridge.takePlayout(into: $0) }
    return Array(frame[0..<taken])
}

@Test func playoutIsReframedInOrder() {
    let bridge = AudioBridge()
    write([1, 2, 3], to: bridge.playout)
    write([4, 5, 6, 7], to: bridge.playout)
    #expect(take(2, from: bridge) == [1, 2])
    #expect(take(4, from: bridge) == [3, 4, 5, 6])
    #expect(take(4, from: bridge) == [7])
    #expect(take(4, from: bridge) == [])
}

@Test func sentPositionMovesOnlyWhenTheFrameHasLeft() {
    let bridge = AudioBridge()
    write([Int16](repeating: 1, count: 320), to: bridge.playout)
    #expect(take(160, from: bridge).count == 160)
    #expect(bridge.sentPosition == 0)
    bridge.confirmSent()
    #expect(bridge.sentPosition == 160)
}

@Test func clearDropsWhatIsQueuedButNotWhatComesAfter() {
    let bridge = AudioBridge()
    write([1, 2, 3, 4], to: bridge.playout)
    #expect(take(1, from: bridge) == [1])
    bridge.clear()
    write([9, 10], to: bridge.playout)
    #expect(take(4, from: bridge) == [9, 10])
    bridge.confirmSent()
    // Positions keep counting: four cleared or played, two more.
    #expect(bridge.sentPosition == 6)
    // A second look at the same clear does nothing.
    write([11], to: bridge.playout)
    #expect(take(4, from: bridge) == [11])
}

@Test func burstsBeyondTheRingAreRefusedNotOverwritten() {
    let bridge = AudioBridge(playoutMilliseconds: 20)
    let burst = (0..<1000).map { Int16($0) }
    let taken = burst.withUnsafeBufferPointer { bridge.playout.write($0) }
    #expect(taken == bridge.playout.capacity)
    #expect(take(3, from: bridge) == [0, 1, 2])
}

@Test func aLateStreamLosesReceivedSamplesAndCountsThem() {
    let bridge = AudioBridge(receivedMilliseconds: 2)
    let capacity = bridge.received.capacity
    [Int16](repeating: 5, count: capacity + 10).withUnsafeBufferPointer {
        _ = bridge.offer($0)
    }
    #expect(bridge.lostReceivedSamples == 10)
    #expect(bridge.received.count == capacity)
}

@Test func closingIsSeenByTheOtherSide() {
    let bridge = AudioBridge()
    #expect(!bridge.isClosed)
    bridge.close()
    #expect(bridge.isClosed)
}

@Test func randomUseAgreesWithAPlainQueue() {
    var generator = SeededGenerator(seed: 99)
    let bridge = AudioBridge(playoutMilliseconds: 10)
    var model: [Int16] = []
    var next: Int16 = 0
    var cleared = false
    for _ in 0..<5000 {
        switch generator.next() % 8 {
        case 0...3:
            let values = (0..<Int(generator.next() % 60)).map { _ -> Int16 in
                next &+= 1
                return next
            }
            let taken = values.withUnsafeBufferPointer { bridge.playout.write($0) }
            model += values[0..<taken]
        case 4...6:
            if cleared { cleared = false }
            let frame = take(Int(generator.next() % 50), from: bridge)
            #expect(frame == Array(model.prefix(frame.count)))
            model.removeFirst(frame.count)
        default:
            bridge.clear()
            model.removeAll()
            cleared = true
            #expect(take(0, from: bridge) == [])
        }
        #expect(bridge.playout.count == model.count)
    }
}

@Test func aStreamIsBehindWhenThreeQuartersOfTheRingAreUnread() {
    let bridge = AudioBridge()
    let most = [Int16](repeating: 1, count: bridge.received.capacity / 4 * 3)
    most.withUnsafeBufferPointer { _ = bridge.offer($0) }
    #expect(!bridge.isBehind)
    [Int16(1)].withUnsafeBufferPointer { _ = bridge.offer($0) }
    #expect(bridge.isBehind)
    _ = bridge.received.discard(upTo: 1)
    #expect(!bridge.isBehind)
}
