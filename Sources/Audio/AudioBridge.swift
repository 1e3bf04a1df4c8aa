public import Base
internal import Synchronization

/// Joins one media leg (a worker thread) to one stream (an event loop): received samples one way,
/// playout the other, without a lock.
///
/// **Playout contract.** The stream writes samples into `playout` and remembers, on its own side,
/// at which absolute position each of its marks stands. The worker reads a frame each tick, sends it
/// as RTP and then calls `confirmSent`. A mark is due when `sentPosition` has reached it, so a mark
/// means *sent*, not *queued*. `clear` moves everything unsent out of the way: the worker obeys on
/// its next tick, that is within one ptime.
public final class AudioBridge: Sendable {
    /// Both rings run at this rate, in Hz.
    public let sampleRate: Int
    /// Worker → stream: in-order samples of the analysis tap, gaps already concealed.
    public let received: SampleRing
    /// Stream → worker: what the leg will play, after what is already there.
    public let playout: SampleRing

    private let sent = Atomic<Int>(0)
    private let clearTarget = Atomic<Int>(0)
    private let receivedLost = Atomic<Int>(0)
    private let closed = Atomic<Bool>(false)
    /// Positions from which the stream side wants to be woken.
    private let wakeAtReceived = Atomic<Int>(0)
    private let wakeAtSent = Atomic<Int>(.max)
    private let wakes = AtomicLazyReference<WakeSet>()
    private let wakeIndex = Atomic<Int>(-1)
    /// The newest samples that were filled in, as absolute positions of `received`.
    private let concealedStart = Atomic<Int>(0)
    private let concealedEnd = Atomic<Int>(0)

    /// - Parameters:
    ///   - receivedMilliseconds: how long the stream side may fall behind before samples are dropped
    ///     (and counted in `lostReceivedSamples`).
    ///   - playoutMilliseconds: how much the stream side may hand over ahead of the clock; the rest
    ///     of a burst waits on the stream's side, where memory is counted.
    public init(
        sampleRate: Int = 8000, receivedMilliseconds: Int = 500, playoutMilliseconds: Int = 250
    ) {
        self.sampleRate = sampleRate
        received = SampleRing(capacity: sampleRate * receivedMilliseconds / 1000)
        playout = SampleRing(capacity: sampleRate * playoutMilliseconds / 1000)
    }

    // MARK: worker side

    /// Worker: offers in-order samples to the stream; what does not fit is dropped and counted.
    ///
    /// - Returns: true when the stream side has something to do now.
    @discardableResult
    public func offer(_ samples: UnsafeBufferPointer<Int16>) -> Bool {
        let taken = received.write(samples)
        if taken < samples.count {
            receivedLost.wrappingAdd(samples.count - taken, ordering: .relaxed)
        }
        // Between the position and the threshold, as in `arm`: one of both sides sees the other.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard received.writePosition >= wakeAtReceived.load(ordering: .relaxed) else {
            return false
        }
        wake()
        return true
    }

    /// Worker: the stream side has left three quarters of what it may unread. A stream whose bot does
    /// not read drops what is beyond half of it, so this one has had no turn.
    public var isBehind: Bool { received.count > received.capacity / 4 * 3 }

    /// Worker: the next `count` samples offered are filled in, not received.
    public func noteConcealed(_ count: Int) {
        let start = received.writePosition
        if concealedEnd.load(ordering: .relaxed) != start {
            concealedStart.store(start, ordering: .relaxed)
        }
        concealedEnd.store(start + count, ordering: .releasing)
    }

    /// Worker: obeys a pending `clear`, then takes up to one frame. Returns the number of samples
    /// taken; 0 means there is nothing to play.
    public func takePlayout(into frame: UnsafeMutableBufferPointer<Int16>) -> Int {
        let target = clearTarget.load(ordering: .acquiring)
        if playout.readPosition < target { playout.discard(upTo: target) }
        return playout.read(into: frame)
    }

    /// Worker: everything taken so far has left as RTP. True when the stream side has something to
    /// do now.
    @discardableResult
    public func confirmSent() -> Bool {
        let position = playout.readPosition
        guard position != sent.load(ordering: .relaxed) else { return false }
        sent.store(position, ordering: .releasing)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard position >= wakeAtSent.load(ordering: .relaxed) else { return false }
        wake()
        return true
    }

    /// Worker: the leg is gone; the stream should end.
    public func close() {
        closed.store(true, ordering: .releasing)
        wake()
    }

    private func wake() { wakes.load()?.insert(wakeIndex.load(ordering: .relaxed)) }

    // MARK: stream side

    /// Stream: from now on the bit `index` of `set` says that this bridge has work; nil for no more.
    /// A bridge stays with the first set it met: false for another one.
    @discardableResult
    public func signal(_ index: Int?, in set: WakeSet) -> Bool {
        guard wakes.storeIfNil(set) === set else { return false }
        wakeIndex.store(index ?? -1, ordering: .relaxed)
        return true
    }

    /// Stream: wakes are wanted once `received.writePosition` or `sentPosition` has come this far.
    /// True when one has already, so that nobody will wake for it.
    public func arm(received: Int, sent: Int) -> Bool {
        wakeAtReceived.store(received, ordering: .relaxed)
        wakeAtSent.store(sent, ordering: .relaxed)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        return self.received.writePosition >= received
            || self.sent.load(ordering: .acquiring) >= sent
    }

    /// Stream: true when some of these received samples (absolute positions) were filled in over a
    /// gap. Only the newest gap is known.
    public func isConcealed(_ range: Range<Int>) -> Bool {
        let end = concealedEnd.load(ordering: .acquiring)
        return end > range.lowerBound
            && concealedStart.load(ordering: .relaxed) < range.upperBound
    }

    /// Absolute playout position up to which audio has been sent as RTP (or cleared).
    public var sentPosition: Int { sent.load(ordering: .acquiring) }

    /// Stream: drops everything handed over and not yet sent. Positions keep counting.
    public func clear() { clearTarget.store(playout.writePosition, ordering: .releasing) }

    /// Samples the stream came too late for.
    public var lostReceivedSamples: Int { receivedLost.load(ordering: .relaxed) }

    /// Any thread: the leg is gone (`close`). What is left in `received` can still be read.
    public var isClosed: Bool { closed.load(ordering: .acquiring) }
}
