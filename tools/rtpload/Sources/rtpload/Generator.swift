import Base
import CRTPLoad
import RTP
import SecureRTP

// One thread, one slot a millisecond; a leg belongs to one phase of its ptime, and all legs of a
// phase share a socket, so that a phase leaves in a few sendmmsg calls. Replies are told apart by
// the server's port they come from.
//
//   slot ─► legs of the phase: header, payload, SRTP ─► stamp ─► sendmmsg
//        └► sockets of two phases: recvmmsg ─► port → leg ─► SRTP ─► timestamp → packet number
//                                                       kernel's stamp − ours ─► histogram

/// One leg. Packet numbers count from 0 at the first packet; the RTP timestamp names them.
struct Leg: ~Copyable {
    /// Stamps kept: a reply later than this many packets counts as lost.
    static let window = 64

    let port: UInt16
    /// Whose packets come back on this leg: itself for an echo, its peer on a relay.
    let pair: Int
    let ssrc: UInt32
    let firstTimestamp: UInt32
    var outbound: SRTPContext?
    var inbound: SRTPContext?
    var number: Int64 = 0
    /// Where in the payload the next packet begins.
    var position = 0
    /// What turns the reply's timestamp into the sender's; learned from the first reply.
    var offset: UInt32?
    var highest: Int64 = -1
    /// Send stamps by number % window, realtime ns; negative once its reply has come.
    let stamps: UnsafeMutablePointer<Int64>

    init(
        port: UInt16, pair: Int, index: Int, sendKey: [UInt8]?, receiveKey: [UInt8]?
    ) throws {
        self.port = port
        self.pair = pair
        ssrc = 0x5250_0000 &+ UInt32(truncatingIfNeeded: index)
        firstTimestamp = UInt32(truncatingIfNeeded: index) &* 2_654_435_761
        stamps = .allocate(capacity: Leg.window)
        stamps.initialize(repeating: 0, count: Leg.window)
        if let sendKey, let receiveKey {
            outbound = try SRTPContext(
                suite: .aesCM128HMACSHA1_80, key: sendKey, direction: .outbound)
            inbound = try SRTPContext(
                suite: .aesCM128HMACSHA1_80, key: receiveKey, direction: .inbound)
        }
    }

    deinit { stamps.deallocate() }
}

/// What was counted between the start and the end of the measurement.
struct Tally {
    var sent = 0
    var received = 0
    var duplicates = 0
    var reordered = 0
    /// Replies later than one packet interval.
    var late = 0
    var notAuthentic = 0
    var sendFailures = 0
    var unknown = 0
    var latency = LatencyHistogram()
    /// Slots begun more than a millisecond late: the generator itself was not served.
    var lateSlots = 0
    /// What the generator itself used in the measured time.
    var cpuNanoseconds: Int64 = 0
}

struct Generator: ~Copyable {
    private let legs: UnsafeMutablePointer<Leg>
    private let count: Int
    private let address: UInt32
    private let payload: [UInt8]
    private let samples: Int
    private let phases: Int
    private let batch: Int
    private let sockets: [Int32]
    private let controlSockets: [Int32]
    /// Leg of a server's port, −1: none.
    private var legOfPort = [Int32](repeating: -1, count: 65_536)
    private let packets: UnsafeMutableRawBufferPointer
    private let outgoing: UnsafeMutablePointer<rl_outgoing>
    private let incoming: UnsafeMutablePointer<rl_incoming>
    /// Legs of the packets in `outgoing`.
    private var batchLegs = [Int32](repeating: 0, count: Int(RL_BATCH_LIMIT))
    private var measuresFrom = Int64.max
    private var measuresTo = Int64.max
    private(set) var tally = Tally()

    /// - Parameter make: gives leg `index`; called `count` times.
    init(
        _ options: Options, count: Int, address: UInt32, payload: [UInt8], sockets: [Int32],
        controlSockets: [Int32], make: (_ index: Int) throws -> Leg
    ) throws {
        self.count = count
        self.address = address
        self.payload = payload
        self.sockets = sockets
        self.controlSockets = controlSockets
        samples = options.ptime * 8
        phases = options.ptime
        batch = options.batch
        legs = .allocate(capacity: count)
        packets = .allocate(byteCount: Int(RL_BATCH_LIMIT) * Int(RL_PACKET_LIMIT), alignment: 64)
        outgoing = .allocate(capacity: Int(RL_BATCH_LIMIT))
        outgoing.initialize(repeating: rl_outgoing(), count: Int(RL_BATCH_LIMIT))
        incoming = .allocate(capacity: Int(RL_BATCH_LIMIT))
        incoming.initialize(repeating: rl_incoming(), count: Int(RL_BATCH_LIMIT))
        for index in 0..<count {
            let leg = try make(index)
            legOfPort[Int(leg.port)] = Int32(index)
            (legs + index).initialize(to: leg)
        }
    }

    deinit {
        legs.deinitialize(count: count)
        legs.deallocate()
        packets.deallocate()
        outgoing.deallocate()
        incoming.deallocate()
    }

    /// Sends until `seconds` after the warm-up have passed, then listens for half a second more.
    /// `boundary` is called at the start and at the end of the measured time.
    mutating func run(warmup: Double, seconds: Double, boundary: () -> Void) {
        learnOffsets()
        let slot: Int64 = 1_000_000
        let begin = rl_monotonic_ns() + 5 * slot
        let warm = Int64(warmup * 1000)
        let end = warm + Int64(seconds * 1000)
        for number in 0..<end {
            let due = begin + number * slot
            rl_sleep_until(due)
            if number == warm {
                measuresFrom = rl_realtime_ns()
                boundary()
            }
            if number >= warm, rl_monotonic_ns() - due > slot { tally.lateSlots += 1 }
            let phase = Int(number % Int64(phases))
            send(phase: phase)
            drain(phase)
            drain((phase + phases / 2) % phases)
            if phase == 0 { drainControl() }
        }
        measuresTo = rl_realtime_ns()
        boundary()
        for _ in 0..<50 {
            rl_sleep_until(rl_monotonic_ns() + 10 * slot)
            for phase in 0..<phases { drain(phase) }
        }
    }

    /// One packet a leg, again until each was answered or a second has passed: from the first reply
    /// on, a reply's timestamp says which packet it answers.
    private mutating func learnOffsets() {
        for _ in 0..<10 {
            for phase in 0..<phases { send(phase: phase, onlyUnlearned: true) }
            for _ in 0..<10 {
                rl_sleep_until(rl_monotonic_ns() + 10_000_000)
                for phase in 0..<phases { drain(phase) }
                if isLearned { return }
            }
        }
    }

    private var isLearned: Bool {
        for index in 0..<count where legs[index].offset == nil { return false }
        return true
    }

    private mutating func send(phase: Int, onlyUnlearned: Bool = false) {
        var filled = 0
        var index = phase
        while index < count {
            defer { index += phases }
            if onlyUnlearned, legs[legs[index].pair].offset != nil { continue }
            build(index, slot: filled)
            filled += 1
            if filled == batch || onlyUnlearned {
                flush(phase, filled)
                filled = 0
            }
        }
        if filled > 0 { flush(phase, filled) }
    }

    private mutating func build(_ index: Int, slot: Int) {
        let start = slot * Int(RL_PACKET_LIMIT)
        let buffer = UnsafeMutableRawBufferPointer(
            rebasing: packets[start..<start + Int(RL_PACKET_LIMIT)])
        let number = legs[index].number
        let header = RTPHeader(
            marker: number == 0, payloadType: 0,
            sequence: UInt16(truncatingIfNeeded: number),
            timestamp: legs[index].firstTimestamp
                &+ UInt32(truncatingIfNeeded: number &* Int64(samples)),
            ssrc: legs[index].ssrc)
        var size = header.write(into: buffer)
        let position = legs[index].position
        payload.withUnsafeBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: buffer[size..<size + samples]).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[position..<position + samples]))
        }
        size += samples
        legs[index].position = position + 2 * samples > payload.count ? 0 : position + samples
        if let secured = try? legs[index].outbound?.protect(buffer, count: size) { size = secured }
        outgoing[slot] = rl_outgoing(
            base: UnsafeRawPointer(buffer.baseAddress), count: UInt32(size), address: address,
            port: legs[index].port)
        batchLegs[slot] = Int32(index)
    }

    private mutating func flush(_ phase: Int, _ filled: Int) {
        let now = rl_realtime_ns()
        for slot in 0..<filled {
            let index = Int(batchLegs[slot])
            let number = legs[index].number
            legs[index].stamps[Int(number % Int64(Leg.window))] = now
            legs[index].number = number + 1
        }
        let sent = max(0, Int(rl_send(sockets[phase], outgoing, Int32(filled))))
        tally.sendFailures += filled - sent
        if now >= measuresFrom { tally.sent += sent }
    }

    private mutating func drain(_ phase: Int) {
        while true {
            let got = Int(rl_receive(sockets[phase], incoming))
            guard got > 0 else { return }
            for slot in 0..<got { take(incoming[slot]) }
            if got < Int(RL_BATCH_LIMIT) { return }
        }
    }

    private func drainControl() {
        for socket in controlSockets { _ = rl_receive(socket, incoming) }
    }

    private mutating func take(_ packet: rl_incoming) {
        let index = Int(legOfPort[Int(packet.port)])
        guard index >= 0 else {
            tally.unknown += 1
            return
        }
        var count = Int(packet.count)
        let buffer = UnsafeMutableRawBufferPointer(start: packet.base, count: count)
        guard count >= 12, buffer[0] >> 6 == 2, buffer[1] & 0x7F < 64 || buffer[1] & 0x7F > 95
        else { return }
        if legs[index].inbound != nil {
            guard let opened = try? legs[index].inbound?.unprotect(buffer, count: count) else {
                tally.notAuthentic += 1
                return
            }
            count = opened
        }
        let stamp =
            UInt32(buffer[4]) << 24 | UInt32(buffer[5]) << 16 | UInt32(buffer[6]) << 8
            | UInt32(buffer[7])
        match(index, stamp, packet.stamp_ns)
    }

    private mutating func match(_ index: Int, _ stamp: UInt32, _ at: Int64) {
        let sender = legs[index].pair
        let last = legs[sender].number - 1
        guard last >= 0 else { return }
        // Distance from the newest packet's timestamp, in packets.
        let newest =
            legs[sender].firstTimestamp &+ UInt32(truncatingIfNeeded: last &* Int64(samples))
        if legs[index].offset == nil { legs[index].offset = newest &- stamp }
        guard let offset = legs[index].offset else { return }
        let behind = Int64(Int32(bitPattern: newest &- (stamp &+ offset))) / Int64(samples)
        guard behind >= 0, behind < Int64(Leg.window), last - behind >= 0 else {
            tally.unknown += 1
            return
        }
        let number = last - behind
        let place = Int(number % Int64(Leg.window))
        let sent = legs[sender].stamps[place]
        guard sent.magnitude >= measuresFrom.magnitude, measuresFrom != .max else { return }
        guard sent > 0 else {
            tally.duplicates += 1
            return
        }
        guard sent < measuresTo else { return }
        legs[sender].stamps[place] = -sent
        tally.received += 1
        if number < legs[index].highest { tally.reordered += 1 }
        legs[index].highest = max(legs[index].highest, number)
        let latency = (at > 0 ? at : rl_realtime_ns()) - sent
        tally.latency.add(latency)
        if latency > Int64(samples) * 125_000 { tally.late += 1 }
    }
}
