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
    public func offerReceived(_ samples: UnsafeBufferPointer<Int16>) {
        let taken = received.write(samples)
        if taken < samples.count {
            receivedLost.wrappingAdd(samples.count - taken, ordering: .relaxed)
        }
    }

    /// Worker: obeys a pending `clear`, then takes up to one frame. Returns the number of samples
    /// taken; 0 means there is nothing to play.
    public func takePlayout(into frame: UnsafeMutableBufferPointer<Int16>) -> Int {
        let target = clearTarget.load(ordering: .acquiring)
        if playout.readPosition < target { playout.discard(upTo: target) }
        return playout.read(into: frame)
    }

    /// Worker: everything taken so far has left as RTP.
    public func confirmSent() {
        sent.store(playout.readPosition, ordering: .releasing)
    }

    /// Worker: the leg is gone; the stream should end.
    public func close() { closed.store(true, ordering: .releasing) }

    // MARK: stream side

    /// Absolute playout position up to which audio has been sent as RTP (or cleared).
    public var sentPosition: Int { sent.load(ordering: .acquiring) }

    /// Stream: drops everything handed over and not yet sent. Positions keep counting.
    public func clear() { clearTarget.store(playout.writePosition, ordering: .releasing) }

    /// Samples the stream came too late for.
    public var lostReceivedSamples: Int { receivedLost.load(ordering: .relaxed) }

    public var isClosed: Bool { closed.load(ordering: .acquiring) }
}
