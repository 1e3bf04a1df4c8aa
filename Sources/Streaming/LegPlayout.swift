internal import Audio
internal import Base

/// A stream's end of one leg: the bridge, what the bot wants played, and what was missed. The same
/// for a call's own WebSocket and for a leg of a multiplexed one.
struct LegPlayout {
    let bridge: AudioBridge
    private(set) var queue: PlayoutQueue
    /// `bridge.lostReceivedSamples` as far as it has been reported.
    private var lostReceived: Int
    private let samplesPerMillisecond: Int

    init(bridge: AudioBridge, encoding: StreamEncoding, limits: StreamLimits) {
        self.bridge = bridge
        lostReceived = bridge.lostReceivedSamples
        samplesPerMillisecond = max(1, bridge.sampleRate / 1000)
        queue = PlayoutQueue(
            bridge: bridge, maximumMilliseconds: limits.maximumPlayoutMilliseconds,
            maximumMarks: limits.maximumMarks, encoding: encoding)
    }

    /// Samples that the worker could not put into the ring since the last call: they come after what
    /// is in it.
    mutating func takeLost() -> Int {
        let lost = bridge.lostReceivedSamples
        defer { lostReceived = lost }
        return lost - lostReceived
    }

    /// Drops the oldest received frames of `frame` samples beyond half the ring: what a slow bot gets
    /// later is not old. Returns how many samples that were.
    func discardOldest(_ frame: Int) -> Int {
        let ring = bridge.received
        let excess = ring.count - ring.capacity / 2
        guard excess > 0 else { return 0 }
        let frames = (excess + frame - 1) / frame
        return ring.discard(upTo: ring.readPosition + frames * frame)
    }

    /// Bot audio. False when some was dropped because the queue is full.
    mutating func enqueue(
        _ bytes: UnsafeBufferPointer<UInt8>, _ statistics: inout StreamStatistics,
        _ meters: StreamMeters
    ) -> Bool {
        let whole = bytes.count + queue.splitBytes
        let dropped = queue.enqueue(bytes, playingOn: bridge)
        statistics.playoutSamples += whole / queue.encoding.bytesPerSample - dropped
        guard dropped > 0 else { return true }
        // In whole milliseconds of the stream's total, so that small drops add up.
        let before = statistics.playoutDroppedSamples / samplesPerMillisecond
        statistics.playoutDroppedSamples += dropped
        meters.playoutDroppedMilliseconds.increment(
            by: statistics.playoutDroppedSamples / samplesPerMillisecond - before)
        return false
    }

    mutating func dropSplit() { queue.dropSplit() }
    mutating func enqueueMark(_ name: String) -> Bool { queue.enqueueMark(name) }
    mutating func takeDueMark() -> String? {
        queue.takeDueMark(sentPosition: bridge.sentPosition)
    }
    mutating func clear() -> [String] { queue.clear(bridge) }
    mutating func topUp() { queue.topUp(bridge) }

    /// Wakes are wanted when `received` samples more have come or the playout needs something. True
    /// when that is so already.
    func arm(received: Int) -> Bool {
        bridge.arm(
            received: bridge.received.readPosition + received, sent: queue.nextWake(bridge))
    }
}
