public import Base
internal import CLinux
internal import Media
public import RTP
internal import Synchronization

/// Sends the RTP of a capture with the capture's own timing, as one or many legs, and counts what
/// comes back. Every leg has its own socket, SSRC and start, spread over 20 ms.
public final class PcapReplayer: Sendable {
    /// Sockets opened at most.
    public static let maximumLegs = 4096
    /// From one leg's port to the next one's at most.
    public static let maximumPortStep = 65_535
    /// How long packets that are on their way back are waited for after the last one was sent.
    public static let tail = Interval.milliseconds(500)
    /// Packets may stand in a file in a wrong order by this much: their clock was not set back.
    private static let disorder = Interval.seconds(1)

    /// What to send, and where to.
    public struct Options: Sendable {
        /// Numeric address.
        public var host: String
        /// UDP port of the first leg, 1…65 535.
        public var port: Int
        /// Copies of the stream sent at once, 1…`maximumLegs`.
        public var legs: Int
        /// Leg n sends to `port + n * portStep`.
        public var portStep: Int
        /// Start again at the end, numbers and timestamps going on, until `stop()` or `limit`.
        public var loops: Bool
        /// Which stream of the capture; nil: the one with the most packets.
        public var ssrc: UInt32?
        /// Ends the sending after this time; nil: at the end of the capture.
        public var limit: Interval?

        /// Nothing is checked here: `PcapReplayer.init` throws `badConfiguration`.
        public init(
            host: String, port: Int, legs: Int = 1, portStep: Int = 0, loops: Bool = false,
            ssrc: UInt32? = nil, limit: Interval? = nil
        ) {
            self.host = host
            self.port = port
            self.legs = legs
            self.portStep = portStep
            self.loops = loops
            self.ssrc = ssrc
            self.limit = limit
        }
    }

    /// Counts over all legs.
    public struct Summary: Sendable, Equatable {
        /// Packets that the kernel took.
        public var sent = 0
        /// The kernel refused these (no route, full buffer).
        public var failed = 0
        /// RTP packets that came back.
        public var received = 0
        /// `sent - received`: meaningful against an echo.
        public var lost: Int { max(0, sent - received) }
        /// From the first packet to the last, seconds.
        public var seconds = 0.0
    }

    /// One packet of the stream, relative to its first.
    private struct Step: Sendable {
        var at: Interval
        var datagram: Range<Int>
    }

    private let bytes: [UInt8]
    private let steps: [Step]
    /// What one round adds to time, sequence number and timestamp.
    private let period: Interval
    private let sequencePeriod: UInt16
    private let timestampPeriod: UInt32
    private let target: SocketAddressValue
    private let options: Options
    private let stopping = Atomic<Bool>(false)

    /// - Throws: `capture` when the file holds no such stream, `badConfiguration`.
    public init(_ file: PcapFile, _ options: Options) throws(EngineError) {
        guard (1...Self.maximumLegs).contains(options.legs) else {
            throw .badConfiguration("--legs takes 1 to \(Self.maximumLegs)")
        }
        let portSteps = -Self.maximumPortStep...Self.maximumPortStep
        // Bounded before they are added up: a sum of what a command line may hold would overflow.
        guard (1...65_535).contains(options.port), portSteps.contains(options.portStep),
            (1...65_535).contains(options.port + (options.legs - 1) * options.portStep),
            let target = SocketAddressValue(address: options.host, port: options.port),
            target.isUsableDestination
        else {
            throw .badConfiguration(
                "cannot send to \(options.host):\(options.port): give a numeric address and a port, "
                    + "and a --port-step that leaves every leg a port")
        }
        let streams = file.rtpStreams()
        let chosen =
            options.ssrc.map { wanted in streams.first { $0.ssrc == wanted } }
            ?? streams.max { $0.packets.count < $1.packets.count }
        guard let chosen, let round = Round(chosen.packets, times: Self.times(chosen.packets))
        else {
            throw .capture(
                options.ssrc == nil
                    ? "the capture holds no RTP stream"
                    : "the capture holds no RTP stream of that SSRC; it has "
                        + streams.map { "0x" + String($0.ssrc, radix: 16) }.joined(separator: " "))
        }
        bytes = file.bytes
        steps = zip(round.times, chosen.packets).map { Step(at: $0, datagram: $1.datagram) }
        period = round.period
        sequencePeriod = round.numbers
        timestampPeriod = round.timestamps
        self.target = target
        self.options = options
    }

    /// When each packet is sent, from the first on. A clock that was set back goes on from where it had
    /// come to; packets that overtook one another on their way into the file keep their times.
    private static func times(_ packets: [PcapRTPPacket]) -> [Interval] {
        guard var origin = packets.first?.time else { return [] }
        var latest = Interval.zero
        return packets.map { packet in
            if packet.time - origin < latest - disorder { origin = packet.time - latest }
            latest = max(latest, packet.time - origin)
            return packet.time - origin
        }
    }

    /// Any thread: ends `run` soon.
    public func stop() { stopping.store(true, ordering: .releasing) }

    /// Sends everything; blocks its thread until the end. Once.
    public func run() throws(EngineError) -> Summary {
        let epoll = try EpollLoop()
        var legs: [ReplayLeg] = []
        for index in 0..<options.legs {
            let port = UInt16(options.port + index * options.portStep)
            let leg = try ReplayLeg(
                target: target.withPort(port), ssrc: UInt32(truncatingIfNeeded: randomWord()))
            try epoll.add(leg.socket, token: UInt64(index))
            legs.append(leg)
        }
        var summary = Summary()
        let start = monotonicNow() + .milliseconds(5)
        let limit = options.limit.map { start + $0 }
        var queue = SendQueue()
        for index in legs.indices {
            let offset = Interval.milliseconds(20) * Int64(index) / Int64(legs.count)
            legs[index].origin = start + offset
            queue.push(at: legs[index].origin, leg: index)
        }
        var lastSent = start
        while let next = queue.first, !stopping.load(ordering: .acquiring) {
            if let limit, next.at >= limit { break }
            collect(epoll, legs, until: next.at, &summary)
            guard monotonicNow() >= next.at else { continue }
            queue.removeFirst()
            send(legs[next.leg], &summary)
            lastSent = next.at
            if let at = advance(legs[next.leg]) { queue.push(at: at, leg: next.leg) }
        }
        summary.seconds = (lastSent - start).seconds
        let end = monotonicNow() + Self.tail
        while monotonicNow() < end, summary.received < summary.sent,
            !stopping.load(ordering: .acquiring)
        {
            collect(epoll, legs, until: end, &summary)
        }
        return summary
    }

    private func send(_ leg: ReplayLeg, _ summary: inout Summary) {
        let datagram = bytes[steps[leg.step].datagram]
        if leg.send(
            datagram, sequenceOffset: sequencePeriod &* leg.round16,
            timestampOffset: timestampPeriod &* UInt32(leg.round16))
        {
            summary.sent += 1
        } else {
            summary.failed += 1
        }
    }

    /// The time of the leg's next packet; nil when it has sent its last.
    private func advance(_ leg: ReplayLeg) -> Instant? {
        leg.step += 1
        if leg.step == steps.count {
            guard options.loops else { return nil }
            leg.step = 0
            leg.round16 &+= 1
            leg.origin += period
        }
        return leg.origin + steps[leg.step].at
    }

    /// Counts what arrives until `deadline`; looks at `stopping` at least ten times a second.
    private func collect(
        _ epoll: EpollLoop, _ legs: [ReplayLeg], until deadline: Instant, _ summary: inout Summary
    ) {
        let wait = min(max(.zero, deadline - monotonicNow()), .milliseconds(100))
        withUnsafeTemporaryAllocation(of: tl_event.self, capacity: 64) { events in
            let count = tl_epoll_wait(
                epoll.descriptor, events.baseAddress, Int32(events.count), wait.nanoseconds)
            for index in 0..<Int(max(0, count)) {
                let leg = Int(events[index].token)
                if leg < legs.count, legs[leg].receive() { summary.received += 1 }
            }
        }
    }
}

/// From a stream's first packet to the first of the next time round.
private struct Round {
    let times: [Interval]
    let period: Interval
    let numbers: UInt16
    let timestamps: UInt32

    /// The gap at the end is the stream's usual step of its timestamps, whatever its clock, and as
    /// long as the stream itself takes for so much. nil without packets.
    ///
    /// - Parameter times: when each packet is sent, since the first.
    init?(_ packets: [PcapRTPPacket], times: [Interval]) {
        guard let first = packets.first?.header, let last = packets.last?.header else { return nil }
        self.times = times
        let span = times.last ?? .zero
        let lowest = Self.outermost(packets.prefix(Self.misorder), from: first, step: -1)
        let highest = Self.outermost(packets.suffix(Self.misorder), from: last, step: 1)
        numbers = highest.sequence &- lowest.sequence &+ 1
        // Signed: packets may have overtaken one another.
        let steps = zip(packets, packets.dropFirst()).map {
            Int64(Int32(bitPattern: $1.header.timestamp &- $0.header.timestamp))
        }
        // Packets of one picture or of one digit share a timestamp.
        let forward = steps.filter { $0 > 0 }.sorted()
        let step = forward.isEmpty ? 0 : forward[forward.count / 2]
        let units =
            steps.reduce(Self.units(from: lowest, to: first), +)
            + Self.units(from: last, to: highest)
        // Timestamps that jump back or make no sense give no rate: the mean gap then.
        let mean = span / Int64(max(1, steps.count))
        let gap =
            units >= step && step > 0
            ? .nanoseconds(Int64(Double(span.nanoseconds) * Double(step) / Double(units))) : mean
        period = max(span + gap, .milliseconds(1))
        timestamps = UInt32(truncatingIfNeeded: units + step)
    }

    /// Packets at an end of the capture among which one may have overtaken others (RFC 3550 A.1
    /// MAX_MISORDER).
    private static let misorder = Int(ReceiverStatistics.maximumMisorder)

    /// The lowest (`step` −1) or highest (1) number near that of `end`.
    private static func outermost(
        _ packets: ArraySlice<PcapRTPPacket>, from end: RTPHeader, step: Int
    ) -> RTPHeader {
        packets.reduce(end) { found, packet in
            let ahead = Int(Int16(bitPattern: packet.header.sequence &- found.sequence)) * step
            return (1...misorder).contains(ahead) ? packet.header : found
        }
    }

    private static func units(from: RTPHeader, to: RTPHeader) -> Int64 {
        Int64(Int32(bitPattern: to.timestamp &- from.timestamp))
    }
}

/// One socket of a replay.
private final class ReplayLeg {
    let socket: Int32
    private let target: SocketAddressValue
    private let ssrc: UInt32
    private let buffer: UnsafeMutableRawBufferPointer
    var origin = Instant.zero
    var step = 0
    /// Rounds done, as far as sequence numbers can tell them apart.
    var round16: UInt16 = 0

    init(target: SocketAddressValue, ssrc: UInt32) throws(EngineError) {
        let any = SocketAddressValue(low: 0, port: 0, isIPv6: target.isIPv6)
        var local = any.system
        socket = try checked("bind", tl_udp_bind(&local, 0))
        self.target = target
        self.ssrc = ssrc
        buffer = .allocate(byteCount: 65_536, alignment: 16)
    }

    deinit {
        _ = tl_close(socket)
        buffer.deallocate()
    }

    func send(
        _ datagram: ArraySlice<UInt8>, sequenceOffset: UInt16, timestampOffset: UInt32
    ) -> Bool {
        guard datagram.count >= RTPHeader.byteCount, datagram.count <= buffer.count else {
            return false
        }
        buffer.copyBytes(from: datagram)
        let sequence = UInt16(buffer[2]) << 8 | UInt16(buffer[3])
        put(UInt32(sequence &+ sequenceOffset), at: 2, bytes: 2)
        let timestamp =
            UInt32(buffer[4]) << 24 | UInt32(buffer[5]) << 16 | UInt32(buffer[6]) << 8
            | UInt32(buffer[7])
        put(timestamp &+ timestampOffset, at: 4, bytes: 4)
        put(ssrc, at: 8, bytes: 4)
        var address = target.system
        return tl_udp_send(socket, buffer.baseAddress, Int32(datagram.count), &address) >= 0
    }

    private func put(_ value: UInt32, at offset: Int, bytes: Int) {
        for index in 0..<bytes {
            buffer[offset + index] = UInt8(
                truncatingIfNeeded: value >> UInt32(8 * (bytes - 1 - index)))
        }
    }

    /// True for an RTP packet.
    func receive() -> Bool {
        var from = tl_address()
        var drops: UInt32 = 0
        let count = tl_udp_receive(
            socket, buffer.baseAddress, Int32(buffer.count), &from, &drops)
        guard count > 0 else { return false }
        return PacketKind(UnsafeRawBufferPointer(rebasing: buffer[0..<Int(count)])) == .rtp
    }
}

/// The earliest send first: a binary heap.
private struct SendQueue {
    private var entries: [(at: Instant, leg: Int)] = []

    var first: (at: Instant, leg: Int)? { entries.first }

    mutating func push(at: Instant, leg: Int) {
        entries.append((at, leg))
        var child = entries.count - 1
        while child > 0, entries[child].at < entries[(child - 1) / 2].at {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() {
        guard let last = entries.popLast(), !entries.isEmpty else { return }
        entries[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].at < entries[least].at {
                least = child
            }
            if least == parent { return }
            entries.swapAt(least, parent)
            parent = least
        }
    }
}
