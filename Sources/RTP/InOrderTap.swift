public import Base

/// What the tap hands on.
public enum TapOutput {
    /// One packet's payload, valid during the call only. `timestamp` is the tap's timeline: the
    /// first packet's RTP timestamp, then one unit a sample. Its one seam is what a gap longer than
    /// `maximumConcealment` left out.
    case payload(UnsafeRawBufferPointer, payloadType: UInt8, timestamp: Int64)
    /// `samples` that will not come (lost, or never sent: DTX), to be concealed or filled. `missing`:
    /// numbers of packets that did not come; 0 where none was sent, and where a restart hides them.
    case gap(samples: Int, missing: Int, timestamp: Int64)
}

/// The analysis tap: puts packets in order and hands each on the moment nothing before it is
/// missing.
///
///     insert ─▶ held, sorted by sequence ─▶ next in order? ─────────────▶ payload, at once
///                                            └ missing: wait ≤ waitLimit
///                                              or 3 held ─▶ gap ─▶ payload
///
/// Sequence numbers say whether to wait, timestamps how long a gap is: silence suppression is a gap
/// without a wait, a lost packet that carried no audio leaves none. A gap that the arrival clock
/// contradicts, alone or together with those before it (the sender moved its timestamps, or moves
/// them with each packet), is measured by that clock instead. A sender that counts by twice the
/// clock of its codec (G.722 by 16 kHz, against RFC 3551 4.5.2) is known by its second such packet.
/// All memory is taken in `init`.
public struct InOrderTap: ~Copyable, @unchecked Sendable {
    // Sendable: the pointers are private, made in init, freed in deinit, and this value is their
    // one owner.

    /// What became of a packet.
    public enum InsertResult: Equatable, Sendable {
        /// Held until `next` hands it on, or kept aside until its successor says whether the sender
        /// restarted.
        case accepted
        /// Received before.
        case duplicate
        /// Its place was given up, or it is older than anything remembered.
        case late
        /// No free slot, or a payload longer than `maximumPayload`.
        case overflow
    }

    /// A step back beyond this (or ahead beyond `maximumDropout`) is believed when the following
    /// packet confirms it: the sender restarted (RFC 3550 A.1).
    public static let maximumMisorder: Int64 = 100
    /// A step ahead of at most this many is loss (RFC 3550 A.1 MAX_DROPOUT).
    public static let maximumDropout: Int64 = 3000
    /// Timestamps may run ahead of the arrival clock by this much, at once and in all, before they
    /// are disbelieved (`TimelineLead`).
    public static let arrivalSlack = Interval.seconds(2)

    private struct Slot {
        var sequence: Int64 = 0
        var timestamp: UInt32 = 0
        var arrival = Instant.zero
        var count: Int32 = 0
        var samples: Int32 = 0
        var payloadType: UInt8 = 0
        /// False for a packet that only fills its place in the sequence.
        var hasAudio = false
        /// First packet after a restart: no gap can be read from its numbers.
        var isRestart = false
        /// The gap before it has been handed on.
        var isMeasured = false
    }

    private let capacity: Int
    private var maximumPayload: Int
    private var clockRate: Int64
    private let waitLimit: Interval
    private let packetLimit: Int
    private var maximumConcealment: Int
    private let slots: UnsafeMutablePointer<Slot>
    /// Indices of held slots, sorted by sequence; `heldPackets` of them are valid.
    private let order: UnsafeMutablePointer<UInt8>
    private var bytes: UnsafeMutableRawPointer
    private var freeSlots: UInt64
    /// Packets held back, waiting for one before them.
    public private(set) var heldPackets = 0
    private var heldRestarts = 0

    private var isStarted = false
    /// The number of the next packet is the next one, whatever it is.
    private var isResuming = false
    private var nextSequence: Int64 = 0
    /// New numbers are extended around this; ahead of `nextSequence` only while a restart is held.
    private var reference: Int64 = 0
    /// Bit n: sequence `nextSequence - 1 - n` was received.
    private var history: UInt64 = 0
    private var expectedTimestamp: UInt32 = 0
    private var position: Int64 = 0
    private var hasPosition = false
    private var lead = TimelineLead()
    private var lastSamples: Int64 = 0
    /// Packets in a row whose timestamps went on by twice what the one before lasted, while the
    /// arrival clock did not: from `doubledLimit` on the sender counts so.
    private var doubled = 0
    private static let doubledLimit = 2
    /// The source counts by twice its clock. (Mutating as `isDue` is.)
    public var countsTwice: Bool { mutating get { doubled >= Self.doubledLimit } }
    /// A restart was passed by a packet without audio: the next audio cannot be measured by
    /// numbers.
    private var isSeamOpen = false
    private var suspectSlot: UInt8?
    private var suspectSequence: UInt16 = 0

    /// Packets handed on with their payload.
    public private(set) var delivered = 0
    /// Samples reported in gaps.
    public private(set) var concealedSamples = 0
    /// Packets received before.
    public private(set) var duplicates = 0
    /// Packets whose place was given up, and far jumps that another far one left unconfirmed.
    public private(set) var late = 0
    /// Packets that no slot took: none was free, or the payload was too long.
    public private(set) var overflows = 0
    /// Restarts of the sender's numbering, and calls of `reset`.
    public private(set) var restarts = 0
    /// Packets whose timestamp went back, or ahead of what the arrival clock allows.
    public private(set) var timestampFaults = 0
    /// Samples cut off gaps longer than `maximumConcealment`.
    public private(set) var skippedSamples = 0

    /// - Parameters:
    ///   - capacityPackets: slots, 4…64. `packetLimit` + 1 are never all taken when `next` is called
    ///     until false after each `insert`: `packetLimit` − 1 wait, one may look like a restart.
    ///   - maximumPayload: bytes a slot holds.
    ///   - clockRate: RTP clock, Hz.
    ///   - waitLimit: longest that a packet waits for a missing one before it.
    ///   - packetLimit: packets held that end the wait early; below `capacityPackets`.
    ///   - maximumConcealment: longest gap reported, samples; nil: ten seconds.
    public init(
        capacityPackets: Int = 16, maximumPayload: Int = 1500, clockRate: Int = 8000,
        waitLimit: Interval = .milliseconds(60), packetLimit: Int = 3,
        maximumConcealment: Int? = nil
    ) {
        capacity = max(4, min(64, capacityPackets))
        self.maximumPayload = max(1, maximumPayload)
        self.clockRate = Int64(max(1, clockRate))
        self.waitLimit = waitLimit
        self.packetLimit = max(1, min(packetLimit, capacity - 1))
        self.maximumConcealment = max(0, maximumConcealment ?? clockRate * 10)
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(), count: capacity)
        order = .allocate(capacity: capacity)
        order.initialize(repeating: 0, count: capacity)
        bytes = .allocate(byteCount: capacity * self.maximumPayload, alignment: 16)
        freeSlots = capacity == 64 ? .max : (1 << UInt64(capacity)) - 1
    }

    deinit {
        slots.deallocate()
        order.deallocate()
        bytes.deallocate()
    }

    // MARK: in

    /// Takes one audio packet (copied) and says what became of it. Then call `next` until false.
    ///
    /// - Parameters:
    ///   - samples: RTP clock units that the payload lasts; nil: one a byte, as in G.711. 0 for a
    ///     payload that only describes (comfort noise): it keeps its place in the order.
    ///   - now: arrival.
    public mutating func insert(
        sequence: UInt16, timestamp: UInt32, payload: UnsafeRawBufferPointer, payloadType: UInt8,
        samples: Int? = nil, now: Instant
    ) -> InsertResult {
        guard payload.count <= maximumPayload else {
            overflows += 1
            return .overflow
        }
        let samples = max(0, min(samples ?? payload.count, Int(Int32.max)))
        return insert(
            Slot(
                timestamp: timestamp, arrival: now, count: Int32(truncatingIfNeeded: payload.count),
                samples: Int32(truncatingIfNeeded: samples), payloadType: payloadType,
                hasAudio: true),
            sequence: sequence, payload: payload)
    }

    /// Fills the place of a packet of the same source without audio for this tap (telephone-event,
    /// comfort noise), so that its number is not waited for.
    public mutating func insertOther(sequence: UInt16, now: Instant) -> InsertResult {
        insert(
            Slot(arrival: now), sequence: sequence,
            payload: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    private mutating func insert(
        _ packet: Slot, sequence: UInt16, payload: UnsafeRawBufferPointer
    ) -> InsertResult {
        var packet = packet
        guard isStarted else {
            // The first packet of a later source joins the timeline by its arrival.
            isStarted = true
            nextSequence = Int64(sequence)
            reference = nextSequence
            history = 0
            expectedTimestamp = packet.timestamp
            packet.isRestart = hasPosition
            packet.sequence = nextSequence
            return hold(packet, payload)
        }
        reference = max(reference, nextSequence)
        let delta = Int64(
            Int16(bitPattern: sequence &- UInt16(truncatingIfNeeded: reference)))
        guard delta >= -Self.maximumMisorder, delta <= Self.maximumDropout else {
            return insertSuspect(packet, sequence: sequence, payload: payload)
        }
        packet.sequence = reference &+ delta
        let behind = nextSequence &- packet.sequence
        if behind > 0 {
            if behind <= 64, history >> UInt64(behind - 1) & 1 == 1 {
                duplicates += 1
                return .duplicate
            }
            late += 1
            return .late
        }
        if isResuming {
            isResuming = false
            if heldPackets == 0 { nextAfterGap(packet.sequence) }
        }
        return hold(packet, payload)
    }

    private mutating func hold(
        _ packet: Slot, _ payload: UnsafeRawBufferPointer
    ) -> InsertResult {
        var place = heldPackets
        while place > 0 {
            let sequence = slots[Int(order[place - 1])].sequence
            if sequence == packet.sequence {
                duplicates += 1
                return .duplicate
            }
            if sequence < packet.sequence { break }
            place -= 1
        }
        guard let index = store(packet, payload) else { return .overflow }
        link(index, at: place)
        return .accepted
    }

    /// Copies into a free slot; nil (counted) when there is none.
    private mutating func store(_ packet: Slot, _ payload: UnsafeRawBufferPointer) -> UInt8? {
        guard freeSlots != 0, heldPackets < capacity else {
            overflows += 1
            return nil
        }
        let index = freeSlots.trailingZeroBitCount
        freeSlots &= ~(1 << UInt64(index))
        slots[index] = packet
        // SAFETY: index < capacity; insert has checked payload.count against maximumPayload.
        if let source = payload.baseAddress {
            (bytes + index * maximumPayload).copyMemory(
                from: source, byteCount: payload.count)
        }
        return UInt8(truncatingIfNeeded: index)
    }

    private mutating func link(_ index: UInt8, at place: Int) {
        var move = heldPackets
        while move > place {
            order[move] = order[move - 1]
            move -= 1
        }
        order[place] = index
        heldPackets += 1
        if slots[Int(index)].isRestart { heldRestarts += 1 }
    }

    /// RFC 3550 A.1: a far jump is kept aside until its successor confirms it.
    private mutating func insertSuspect(
        _ packet: Slot, sequence: UInt16, payload: UnsafeRawBufferPointer
    ) -> InsertResult {
        if let index = suspectSlot {
            let isConfirmed =
                sequence == suspectSequence &+ 1
                && packet.arrival - slots[Int(index)].arrival < .seconds(1)
            if isConfirmed {
                return restart(suspect: index, packet, payload)
            }
            if sequence == suspectSequence {
                duplicates += 1
                return .duplicate
            }
            late += 1
            free(index)
            suspectSlot = nil
        }
        guard let index = store(packet, payload) else { return .overflow }
        suspectSlot = index
        suspectSequence = sequence
        return .accepted
    }

    private mutating func restart(
        suspect: UInt8, _ packet: Slot, _ payload: UnsafeRawBufferPointer
    ) -> InsertResult {
        let newest = heldPackets > 0 ? slots[Int(order[heldPackets - 1])].sequence : nextSequence
        // A number beyond all held whose low 16 bits are the suspect's.
        let base = ((max(newest, reference) >> 16) + 2) << 16 | Int64(suspectSequence)
        slots[Int(suspect)].sequence = base
        slots[Int(suspect)].isRestart = true
        link(suspect, at: heldPackets)
        suspectSlot = nil
        reference = base
        restarts += 1
        var packet = packet
        packet.sequence = base + 1
        return hold(packet, payload)
    }

    private mutating func free(_ index: UInt8) { freeSlots |= 1 << UInt64(index) }

    // MARK: out

    /// Hands on at most one piece and says whether it did: call until false after each `insert` and
    /// at `nextDeadline`. `now: .distantFuture` empties the tap.
    public mutating func next(now: Instant, _ body: (TapOutput) -> Void) -> Bool {
        while heldPackets > 0 {
            let index = order[0]
            let slot = slots[Int(index)]
            if slot.sequence != nextSequence, !mustGiveUp(now: now) { return false }
            guard slot.hasAudio else {
                if slot.isRestart { isSeamOpen = true }
                take(slot, index)
                continue
            }
            if !hasPosition {
                hasPosition = true
                position = Int64(slot.timestamp)
                expectedTimestamp = slot.timestamp
                lead.begin(at: slot.arrival)
            }
            let missing = gap(before: slot)
            if missing > 0 {
                let numbers = slot.isRestart || isSeamOpen ? 0 : slot.sequence &- nextSequence
                body(
                    .gap(
                        samples: missing, missing: Int(clamping: max(0, numbers)),
                        timestamp: position))
                concealedSamples += missing
                advance(Int64(missing))
                settle(index, slot)
                return true
            }
            // SAFETY: index < capacity, and count ≤ maximumPayload was copied there by `store`.
            let payload = UnsafeRawBufferPointer(
                start: bytes + Int(index) * maximumPayload, count: Int(slot.count))
            body(.payload(payload, payloadType: slot.payloadType, timestamp: position))
            delivered += 1
            lead.follow(slot.arrival)
            advance(Int64(slot.samples))
            expectedTimestamp = slot.timestamp &+ UInt32(bitPattern: slot.samples)
            lastSamples = Int64(slot.samples)
            isSeamOpen = false
            take(slot, index)
            return true
        }
        return false
    }

    /// When a wait for a missing packet ends; nil when nothing waits.
    public var nextDeadline: Instant? {
        heldPackets > 0 ? earliestArrival + waitLimit : nil
    }

    /// That wait is over. (Mutating: a caller in another module would lend a copy of the tap to a
    /// function that is not, on every tick.)
    public mutating func isDue(now: Instant) -> Bool {
        heldPackets > 0 && earliestArrival + waitLimit <= now
    }

    /// Packets were not taken for a while, and are again: the numbers up to the next one are not waited for.
    public mutating func resume() { isResuming = isStarted }

    /// Forgets the source (a new SSRC follows). What is held is dropped: call `next` with
    /// `.distantFuture` first to keep it. The timeline goes on, by arrival.
    public mutating func reset() {
        while heldPackets > 0 {
            heldPackets -= 1
            free(order[heldPackets])
        }
        if let suspectSlot { free(suspectSlot) }
        suspectSlot = nil
        heldRestarts = 0
        isStarted = false
        isResuming = false
        history = 0
        doubled = 0
        restarts += 1
    }

    /// `reset`, and the next source counts by another clock: positions are of the same moments in
    /// units of the new one. Allocates only when `maximumPayload` grows.
    public mutating func reset(clockRate: Int, maximumPayload: Int) {
        reset()
        let rate = Int64(max(1, clockRate))
        lastSamples = lastSamples &* rate / self.clockRate
        position =
            position / self.clockRate * rate + position % self.clockRate * rate / self.clockRate
        maximumConcealment = Int(clamping: Int64(maximumConcealment) * rate / self.clockRate)
        self.clockRate = rate
        guard maximumPayload > self.maximumPayload else { return }
        self.maximumPayload = maximumPayload
        bytes.deallocate()
        bytes = .allocate(byteCount: capacity * maximumPayload, alignment: 16)
    }

    private func mustGiveUp(now: Instant) -> Bool {
        heldPackets >= packetLimit || heldRestarts > 0 || now >= earliestArrival + waitLimit
    }

    private var earliestArrival: Instant {
        var earliest = slots[Int(order[0])].arrival
        for place in 1..<max(1, heldPackets) {
            earliest = min(earliest, slots[Int(order[place])].arrival)
        }
        return earliest
    }

    /// The gap has been reported: this packet now follows without a seam.
    private mutating func settle(_ index: UInt8, _ slot: Slot) {
        nextAfterGap(slot.sequence)
        slots[Int(index)].isMeasured = true
        isSeamOpen = false
        if slot.isRestart {
            slots[Int(index)].isRestart = false
            heldRestarts -= 1
        }
    }

    private mutating func nextAfterGap(_ sequence: Int64) {
        let skipped = sequence &- nextSequence
        guard skipped > 0 else { return }
        history = skipped < 64 ? history << UInt64(skipped) : 0
        nextSequence = sequence
    }

    private mutating func take(_ slot: Slot, _ index: UInt8) {
        nextAfterGap(slot.sequence)
        history = history << 1 | 1
        nextSequence = slot.sequence &+ 1
        if slot.isRestart { heldRestarts -= 1 }
        heldPackets -= 1
        for place in 0..<heldPackets { order[place] = order[place + 1] }
        free(index)
    }

    private mutating func advance(_ samples: Int64) {
        position += samples
        lead.advance(samples, rate: clockRate)
    }

    /// Samples missing between the last payload and this one.
    private mutating func gap(before slot: Slot) -> Int {
        if slot.isMeasured { return 0 }
        let isSeam = slot.isRestart || isSeamOpen
        let elapsed = max(0, samples(in: slot.arrival - lead.lastArrival))
        var missing = Int64(Int32(bitPattern: slot.timestamp &- expectedTimestamp))
        if !isSeam {
            noteStep(missing, elapsed, isNext: slot.sequence == nextSequence)
            if doubled > 0, missing != 0 { missing = (missing - lastSamples) / 2 }
            if missing < 0 { timestampFaults += 1 }
            if missing <= 0 { return 0 }
        }
        let slack = samples(in: Self.arrivalSlack)
        let ahead = samples(in: lead.ahead(at: slot.arrival))
        if isSeam || missing > elapsed + slack || ahead + missing > slack {
            if !isSeam { timestampFaults += 1 }
            missing = max(0, min(elapsed - lastSamples, -ahead))
        }
        let reported = min(missing, Int64(maximumConcealment))
        skippedSamples += Int(missing - reported)
        advance(missing - reported)
        return Int(reported)
    }

    /// A packet begins `step` samples behind the end of the last one. As much again as that lasted, in
    /// no more time than that, may be chance once; twice in a row it is a wrong clock.
    private mutating func noteStep(_ step: Int64, _ elapsed: Int64, isNext: Bool) {
        if isNext, step == lastSamples, step > 0, elapsed * 2 < lastSamples * 3 {
            doubled = min(doubled + 1, Self.doubledLimit)
        } else if doubled < Self.doubledLimit || isNext && step < lastSamples {
            doubled = 0
        }
    }

    private func samples(in interval: Interval) -> Int64 {
        let seconds = interval.nanoseconds / 1_000_000_000
        let rest = interval.nanoseconds % 1_000_000_000
        return seconds &* clockRate &+ rest &* clockRate / 1_000_000_000
    }
}
