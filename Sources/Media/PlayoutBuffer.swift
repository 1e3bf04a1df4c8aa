internal import Audio
public import Base
internal import RTP

// The second tap: what a human hears. It trades delay for completeness, where `InOrderTap` (for
// machines) does not wait.
//
//   packet ─► number and time plausible? ─► duplicate? ─► PlayoutDelay: base, needed
//                                                 └─► PlayoutTimeline: samples at their timestamps
//   pull ─► too far behind? skip ─► off target? PlayoutTimeScale ─► audio | conceal | pause ─► frame
//
// The play point stands still while nothing is there (a late packet is still heard, the delay
// grows), and jumps over a gap so that what follows is heard exactly `target` after the fastest
// packet would allow: every loss and every pause of the talker sets the delay right for free.

/// An adaptive jitter buffer: packets in at any time and in any order, frames out at a steady
/// pace. Storage is fixed at `init`; `insert` and `pull` do not allocate.
///
/// Times are samples of the RTP clock throughout. `now` of `pull` is to be the nominal time of the
/// frame, not when a late worker came to it. Audio is inserted decoded, so a codec with state
/// (G.722, Opus) must be decoded in order first.
public struct PlayoutBuffer: ~Copyable {
    /// Packets whose numbers are remembered.
    static let slotCount = 64
    /// Longest packet, ms: that of Opus. No datagram of L16 is longer.
    static let packetLimit = 120
    /// A jump of numbers beyond this is another stream (RFC 3550 A.1 MAX_DROPOUT).
    static let maximumNumberJump: Int64 = 3000
    /// So many late packets in a row mean that the path has become longer for good.
    static let lateRunLimit = 10

    struct Slot {
        var sequence = Int64.min
        var start = Int64.min
        var count = 0
    }

    enum Filling { case none, concealed, silence }

    /// As it is used: every value within its range.
    public let configuration: PlayoutConfiguration
    let maximumPacket: Int
    let maximumDelaySamples: Int64
    let minimumLag: Int
    let maximumLag: Int
    let overlap: Int
    let concealLimit: Int

    var timeline: PlayoutTimeline
    var delay: PlayoutDelay
    private var slots: [Slot]
    private var sequences = SequenceUnwrapper()
    private var timestamps = TimestampUnwrapper()
    /// What turns unwrapped timestamps into times of the timeline, which never go back.
    private var timeOffset: Int64 = 0
    private var firstNumber: Int64 = 0
    private var streamReceived: Int64 = 0
    private var earlierLost = 0
    private var lateRun = 0
    private var candidate: (sequence: UInt16, timestamp: UInt32, arrival: Int64)?

    var isStarted = false
    /// Something of this stream has been played.
    var hasPlayed = false
    /// The next sample to play.
    var point: Int64 = 0
    /// End of the newest sample stored.
    var newest: Int64 = 0
    /// Playing ran dry; whether that was a pause is known when something comes.
    var isStarving = false
    var filling = Filling.silence
    var fillRun = 0
    var lastSample: Int16 = 0
    var seamOffset = 0
    var seamLeft = 0
    var fadeLeft = 0
    var lastDelay: Int64 = 0
    var concealer: LossConcealer
    // SAFETY: allocated in `init`, freed in `deinit`, owned by this ~Copyable value alone.
    let fade: UnsafeMutableBufferPointer<Int16>
    let scratch: UnsafeMutableBufferPointer<Int16>

    /// Over all streams: `reset` keeps them.
    public internal(set) var counters = PlayoutCounters()

    /// - Parameter configuration: values out of range are brought into it.
    public init(_ configuration: PlayoutConfiguration = PlayoutConfiguration()) {
        let checked = configuration.checked
        self.configuration = checked
        let rate = checked.clockRate
        maximumPacket = rate * Self.packetLimit / 1000
        maximumDelaySamples = Int64(checked.samples(checked.maximumDelay))
        // A pitch period: 2.5 to 15 ms, 400 to 67 Hz.
        minimumLag = rate / 400
        maximumLag = rate * 15 / 1000
        overlap = rate / 200
        concealLimit = rate * 80 / 1000
        // The bound, and beyond it a burst as long or the longest packet: a power of two either way.
        let bound = Int(maximumDelaySamples)
        timeline = PlayoutTimeline(
            atLeast: bound + max(bound, maximumPacket + checked.frameSamples))
        delay = PlayoutDelay(checked)
        concealer = LossConcealer(sampleRate: rate)
        slots = [Slot](repeating: Slot(), count: Self.slotCount)
        fade = .allocate(capacity: overlap)
        fade.initialize(repeating: 0)
        scratch = .allocate(capacity: rate * 60 / 1000 + maximumLag)
        scratch.initialize(repeating: 0)
    }

    deinit {
        fade.deallocate()
        scratch.deallocate()
    }

    // MARK: what is known

    /// Packets that never came, all streams.
    public var lost: Int { earlierLost + streamLost }

    private var streamLost: Int {
        guard isStarted, let highest = sequences.highest else { return 0 }
        return Int(clamping: max(0, highest - firstNumber + 1 - streamReceived))
    }

    /// What the buffer aims at: from when the fastest packet could be heard until it is, samples.
    public var targetSamples: Int {
        let frame = configuration.frameSamples
        let limit = max(frame, Int(maximumDelaySamples))
        return max(frame, min(limit, delay.needed + frame))
    }

    /// `targetSamples` in ms.
    public var targetMilliseconds: Double { milliseconds(targetSamples) }

    /// What that delay was at the latest pull that played audio.
    public var delayMilliseconds: Double { milliseconds(Int(clamping: lastDelay)) }

    /// How much later than the fastest the newest packet came.
    public var latenessMilliseconds: Double { milliseconds(Int(clamping: delay.lateness)) }

    /// Samples held, holes included.
    public var heldSamples: Int { isStarted ? Int(clamping: max(0, newest - point)) : 0 }

    private func milliseconds(_ samples: Int) -> Double {
        Double(samples) * 1000 / Double(configuration.clockRate)
    }

    /// `now` in samples.
    func clock(_ now: Instant) -> Int64 {
        let rate = Int64(configuration.clockRate)
        let seconds = now.nanoseconds.flooredDivision(by: 1_000_000_000)
        let rest = now.nanoseconds &- seconds &* 1_000_000_000
        return seconds &* rate &+ rest &* rate / 1_000_000_000
    }

    // MARK: packets in

    /// Another source follows (SSRC change): what is held is given up, what was learned of the
    /// path's jitter and the counters stay.
    public mutating func reset() {
        guard isStarted else { return }
        earlierLost += streamLost
        counters.skippedSamples += heldSamples
        isStarted = false
        hasPlayed = false
        candidate = nil
        lateRun = 0
    }

    /// Takes the decoded audio of one packet. Sequence number and timestamp are the packet's own.
    public mutating func insert(
        sequence: UInt16, timestamp: UInt32, samples: UnsafeBufferPointer<Int16>, now: Instant
    ) -> PlayoutInsertion {
        guard !samples.isEmpty, samples.count <= maximumPacket else {
            counters.unusable += 1
            return .unusable
        }
        let arrival = clock(now)
        if !isStarted { begin(sequence, timestamp, arrival) }
        if !isPlausible(sequence, timestamp, arrival) {
            guard isConfirmed(sequence, timestamp, arrival) else {
                candidate = (sequence, timestamp, arrival)
                counters.implausible += 1
                return .implausible
            }
            reset()
            counters.restarts += 1
            begin(sequence, timestamp, arrival)
        }
        candidate = nil
        let number = sequences.peek(sequence)
        let place = Int(number & Int64(Self.slotCount - 1))
        if slots[place].sequence == number {
            counters.duplicates += 1
            return .duplicate
        }
        let start = timestamps.unwrap(timestamp) &+ timeOffset
        _ = sequences.unwrap(sequence)
        if slots[place].sequence < number {
            slots[place] = Slot(sequence: number, start: start, count: samples.count)
        }
        firstNumber = min(firstNumber, number)
        streamReceived += 1
        counters.received += 1
        delay.note(arrival &- start)
        return put(samples, at: start)
    }

    /// A packet of the same numbers that holds no audio: comfort noise or a telephone-event. Its
    /// number is then not missing, and the pause it stands in is no loss.
    public mutating func insertOther(sequence: UInt16) {
        guard isStarted else { return }
        let number = sequences.peek(sequence)
        guard let highest = sequences.highest, abs(number - highest) <= Self.maximumNumberJump
        else { return }
        let place = Int(number & Int64(Self.slotCount - 1))
        guard slots[place].sequence < number else { return }
        slots[place] = Slot(sequence: number, start: .min, count: 0)
        _ = sequences.unwrap(sequence)
        firstNumber = min(firstNumber, number)
        streamReceived += 1
    }

    private mutating func put(
        _ samples: UnsafeBufferPointer<Int16>, at start: Int64
    ) -> PlayoutInsertion {
        // Reordered before anything was played: begin earlier.
        if !hasPlayed, start <= point { point = start - 1 }
        let end = start &+ Int64(samples.count)
        var result = PlayoutInsertion.accepted
        if end <= point {
            counters.late += 1
            lateRun += 1
            guard lateRun >= Self.lateRunLimit else { return .late }
            counters.restarts += 1
            point = start - 1
            hasPlayed = false
            newest = start
            result = .late
        }
        lateRun = 0
        if end - point > Int64(timeline.capacity) {
            let from = max(point, start - Int64(targetSamples))
            // Nothing is held behind a pause. Else the owner does not pull: keep the newest, as much
            // as the target holds.
            if newest > point {
                counters.early += 1
                counters.skippedSamples += Int(clamping: from - point)
                result = .early
            }
            point = from
        }
        let from = max(start, point)
        timeline.store(
            UnsafeBufferPointer(rebasing: samples[Int(from - start)...]), at: from)
        newest = max(newest, end)
        return result
    }

    /// The first packet of a stream: the timeline goes on beyond everything that it holds.
    private mutating func begin(_ sequence: UInt16, _ timestamp: UInt32, _ arrival: Int64) {
        sequences = SequenceUnwrapper()
        timestamps = TimestampUnwrapper()
        let number = sequences.unwrap(sequence)
        let start = max(newest, point) &+ 2 &* Int64(timeline.capacity)
        timeOffset = start &- timestamps.unwrap(timestamp)
        firstNumber = number
        streamReceived = 0
        for index in 0..<Self.slotCount { slots[index] = Slot() }
        point = start - 1
        newest = start
        isStarted = true
        hasPlayed = false
        isStarving = false
        lateRun = 0
        delay.rebase(to: arrival &- start)
    }

    /// Within a dropout of the numbers and a second of the time seen so far.
    private func isPlausible(_ sequence: UInt16, _ timestamp: UInt32, _ arrival: Int64) -> Bool {
        guard let highest = sequences.highest, let base = delay.base else { return true }
        let step = sequences.peek(sequence) - highest
        let transit = arrival &- timestamps.peek(timestamp) &- timeOffset
        return abs(step) <= Self.maximumNumberJump
            && (transit &- base).magnitude <= UInt64(configuration.clockRate)
    }

    /// The packet continues the implausible one before it.
    private func isConfirmed(_ sequence: UInt16, _ timestamp: UInt32, _ arrival: Int64) -> Bool {
        guard let candidate, sequence == candidate.sequence &+ 1 else { return false }
        let step = Int64(Int32(bitPattern: timestamp &- candidate.timestamp))
        return ((arrival - candidate.arrival) - step).magnitude <= UInt64(configuration.clockRate)
    }

    /// What is missing before the sample at `next` was never sent: the packet before it came.
    func isPause(before next: Int64) -> Bool {
        guard hasPlayed else { return true }
        for slot in slots where slot.count > 0 && slot.start <= next {
            guard next < slot.start &+ Int64(slot.count) else { continue }
            let before = slot.sequence - 1
            return slots[Int(before & Int64(Self.slotCount - 1))].sequence == before
        }
        return false
    }
}
