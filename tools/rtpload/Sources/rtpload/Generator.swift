import Base
import CRTPLoad
import RTP
import SecureRTP

// One thread. What is due next is at the top of a heap; legs begin on the milliseconds of an interval
// (their phase), and all legs of a phase share a socket, so that a phase leaves in a few sendmmsg
// calls. Replies are told apart by the server's address and port they come from.
//
//   heap ─► due ─► lost? later? twice? ─► header, payload, SRTP ─► stamp ─► sendmmsg
//   each ms ─► sockets of two phases: recvmmsg ─► leg ─► SRTP ─► timestamp, or sound ─► packet number
//                                                        kernel's stamp − ours ─► histogram

struct Generator: ~Copyable {
    static let packetLimit = Int(RL_PACKET_LIMIT)
    static let millisecond: Int64 = 1_000_000
    /// How long nothing may come back of what was measured before it counts as lost, and how long all
    /// of it may take: less than a leg remembers (`Leg.window`).
    static let cooldown = 500 * millisecond
    static let longestCooldown = 6000 * millisecond

    let legs: UnsafeMutablePointer<Leg>
    let count: Int
    let track: Track
    /// The end of the reply before and the reply.
    let joined: UnsafeMutableRawBufferPointer
    let phases: Int
    private let batch: Int
    let sockets: [Int32]
    let controlSockets: [Int32]
    /// Leg of a server's address and port, or of an address of ours and 0.
    var legOfSource: [UInt64: Int32] = [:]
    private let packets: UnsafeMutableRawBufferPointer
    private let outgoing: UnsafeMutablePointer<rl_outgoing>
    let incoming: UnsafeMutablePointer<rl_incoming>
    /// Legs and numbers of the packets in `outgoing`.
    private let batchLegs: UnsafeMutablePointer<(leg: Int32, number: Int64)>
    private var heap: PacingHeap
    private var filled = 0
    private var phase = 0
    var measuresFrom = Int64.max
    var measuresTo = Int64.max
    var tally = Tally()
    /// How many measured packets were back when that was last looked at, and when it last changed.
    private var backBefore = -1
    private var lastBack: Int64 = 0
    var recorder: EchoRecorder?
    /// By leg while offsets are learned; empty after.
    var learners: [OffsetLearner] = []

    /// - Parameter make: gives leg `index`; called `count` times.
    init(
        _ options: Options, count: Int, track: Track, sockets: [Int32],
        controlSockets: [Int32], recorder: EchoRecorder?,
        make: (_ index: Int) throws -> Leg
    ) throws {
        self.count = count
        self.track = track
        self.sockets = sockets
        self.controlSockets = controlSockets
        self.recorder = recorder
        phases = options.phases
        batch = options.batch
        legs = .allocate(capacity: count)
        packets = .allocate(byteCount: Int(RL_BATCH_LIMIT) * Self.packetLimit, alignment: 64)
        joined = .allocate(byteCount: AudioMark.count + Self.packetLimit, alignment: 8)
        outgoing = .allocate(capacity: Int(RL_BATCH_LIMIT))
        outgoing.initialize(repeating: rl_outgoing(), count: Int(RL_BATCH_LIMIT))
        incoming = .allocate(capacity: Int(RL_BATCH_LIMIT))
        incoming.initialize(repeating: rl_incoming(), count: Int(RL_BATCH_LIMIT))
        batchLegs = .allocate(capacity: Int(RL_BATCH_LIMIT))
        batchLegs.initialize(repeating: (0, 0), count: Int(RL_BATCH_LIMIT))
        // A leg's next packet, and those that wait out their delay.
        heap = PacingHeap(capacity: count * (1 + Leg.delayed))
        legOfSource.reserveCapacity(count)
        for index in 0..<count {
            let leg = try make(index)
            legOfSource[Self.source(leg)] = Int32(index)
            (legs + index).initialize(to: leg)
        }
    }

    deinit {
        legs.deinitialize(count: count)
        legs.deallocate()
        packets.deallocate()
        joined.deallocate()
        outgoing.deallocate()
        incoming.deallocate()
        batchLegs.deallocate()
    }

    /// By what a leg's replies are known.
    private static func source(_ leg: borrowing Leg) -> UInt64 {
        leg.source == 0 ? source(leg.address, leg.port) : source(leg.source, 0)
    }

    static func source(_ address: UInt32, _ port: UInt16) -> UInt64 {
        UInt64(address) << 16 | UInt64(port)
    }

    /// Sends for `warmup` and `seconds`, and then until the last measured packets have come back from
    /// a server that is still at work. `boundary` is called at the start and at the end of the
    /// measured time.
    mutating func run(warmup: Double, seconds: Double, boundary: () -> Void) {
        let (origin, elapsed) = learnOffsets()
        let begin = origin + elapsed
        let warm = begin + Int64(warmup * 1e9)
        let end = warm + Int64(seconds * 1e9)
        alignAll(origin: origin, elapsed: elapsed)
        for leg in 0..<count {
            _ = heap.push(PacingHeap.Entry(due: legs[leg].begin, leg: Int32(leg)))
        }
        var slot: Int64 = 0
        while true {
            let drainDue = begin + slot * Self.millisecond
            rl_sleep_until(min(heap.next?.due ?? drainDue, drainDue))
            let now = rl_monotonic_ns()
            if now >= warm, measuresFrom == .max {
                measuresFrom = rl_realtime_ns()
                boundary()
            }
            if now >= end, measuresTo == .max {
                measuresTo = rl_realtime_ns()
                boundary()
            }
            if now >= end + Self.cooldown, isBack(now, end: end) { break }
            sendDue(now)
            guard now >= drainDue else { continue }
            let phase = Int(slot % Int64(phases))
            drain(phase)
            drain((phase + phases / 2) % phases)
            if phase == 0 { drainControl() }
            slot += 1
        }
        for phase in 0..<phases { drain(phase) }
        for leg in 0..<count {
            tally.replies += legs[leg].replies.count
            tally.repliesMissing += legs[leg].replies.missing
        }
    }

    /// All that was measured is back, or nothing of it comes any more.
    private mutating func isBack(_ now: Int64, end: Int64) -> Bool {
        let back = tally.received + tally.audioReceived
        if back != backBefore {
            backBefore = back
            lastBack = now
        }
        return back >= tally.sent || now - lastBack >= Self.cooldown
            || now >= end + Self.longestCooldown
    }

    /// The number of a leg's next packet, not sent yet.
    mutating func takeNumber(_ leg: Int) -> Int64 {
        let number = legs[leg].number
        legs[leg].number = number + 1
        let place = Int(number % Int64(Leg.window))
        legs[leg].stamps[place] = 0
        legs[leg].timestamps[place] =
            legs[leg].firstTimestamp &+ track.timestamp(number, from: legs[leg].start)
        return number
    }

    /// The track's packet that a leg's recording begins with.
    func firstPacket(_ leg: Int) -> Int {
        track.place(legs[leg].zero, from: legs[leg].start).index
    }

    private mutating func sendDue(_ now: Int64) {
        let isMeasured = measuresFrom != .max && measuresTo == .max
        while let entry = heap.next, entry.due <= now {
            _ = heap.pop()
            let leg = Int(entry.leg)
            if isMeasured, now - entry.due > Self.millisecond { tally.lateSends += 1 }
            if entry.number >= 0 {
                add(leg, entry.number, copies: 1)
                continue
            }
            let number = takeNumber(leg)
            let next =
                legs[leg].begin + track.time(number + 1, from: legs[leg].start)
                - track.time(legs[leg].zero, from: legs[leg].start)
            _ = heap.push(PacingHeap.Entry(due: next, leg: entry.leg))
            switch legs[leg].impairment.next() {
            case .lost: if isMeasured { tally.dropped += 1 }
            case .sent(let delay, let copies):
                if isMeasured, copies > 1 { tally.copied += 1 }
                guard delay > 0 else {
                    add(leg, number, copies: copies)
                    continue
                }
                if isMeasured { tally.delayed += 1 }
                for _ in 0..<copies {
                    let later = PacingHeap.Entry(
                        due: entry.due + delay, leg: entry.leg, number: number)
                    if !heap.push(later) { tally.sendFailures += 1 }
                }
            }
        }
        flush()
    }

    /// Builds a packet and puts it, so many times, into the batch.
    mutating func add(_ leg: Int, _ number: Int64, copies: Int) {
        if leg % phases != phase || filled + copies > batch { flush() }
        phase = leg % phases
        let start = filled * Self.packetLimit
        let buffer = UnsafeMutableRawBufferPointer(
            rebasing: packets[start..<start + Self.packetLimit])
        let packet = track.packets[track.place(number, from: legs[leg].start).index]
        let place = Int(number % Int64(Leg.window))
        let header = RTPHeader(
            marker: packet.marker || number == 0, payloadType: packet.payloadType,
            sequence: UInt16(truncatingIfNeeded: number), timestamp: legs[leg].timestamps[place],
            ssrc: legs[leg].ssrc)
        var size = header.write(into: buffer)
        track.bytes.withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: buffer[size..<size + packet.payload.count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[packet.payload]))
        }
        size += packet.payload.count
        if legs[leg].outbound != nil {
            // The copy of a delayed packet has this number already: it is not sent.
            guard let secured = try? legs[leg].outbound?.protect(buffer, count: size) else {
                return
            }
            size = secured
        }
        for _ in 0..<copies {
            outgoing[filled] = rl_outgoing(
                base: UnsafeRawPointer(buffer.baseAddress), count: UInt32(size),
                address: legs[leg].address, port: legs[leg].port, source: legs[leg].source)
            batchLegs[filled] = (Int32(leg), number)
            filled += 1
        }
    }

    mutating func flush() {
        guard filled > 0 else { return }
        let now = rl_realtime_ns()
        let sent = max(0, Int(rl_send(sockets[phase], outgoing, Int32(filled))))
        let isMeasured = now >= measuresFrom && now < measuresTo
        // The kernel takes them in order: those behind the first that it refuses were not sent, and
        // no reply to them is missing.
        for slot in 0..<sent {
            let leg = Int(batchLegs[slot].leg)
            let place = Int(batchLegs[slot].number % Int64(Leg.window))
            // A copy does not count as sent once more.
            guard legs[leg].stamps[place] == 0 else { continue }
            legs[leg].stamps[place] = now
            guard isMeasured else { continue }
            tally.sent += 1
            if legs[leg].isByAudio { tally.audioSent += 1 }
        }
        if isMeasured { tally.sendFailures += filled - sent }
        filled = 0
    }
}
