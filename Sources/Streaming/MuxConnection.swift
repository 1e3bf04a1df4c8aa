internal import Audio
internal import Base
internal import Logging
internal import NIOCore

//  lane: bits of the wake set ─▶ MuxLeg.pump, each leg with work ─▶ MuxWriter, one message
//                                                                      │ once a wake-up
//                                              flush: mask, one write ◀┘ ─▶ TLS? ─▶ bot
//  bot ─▶ WebSocketDecoder ─▶ Mux.Reader ─▶ seat ─▶ MuxLeg.handle ─▶ LegPlayout

/// One WebSocket that carries the frames of many legs, opened when its first leg comes, opened again
/// when it breaks, closed when it has been without legs for a while. Never leaves its lane's thread.
final class MuxConnection: FrameReceiver {
    enum State: Equatable {
        /// May go to: open, waiting, done.
        case connecting
        /// May go to: waiting, done.
        case open
        /// Until the next attempt. May go to: connecting, done.
        case waiting(until: NIODeadline)
        case done
    }

    let limits: StreamLimits
    let meters: StreamMeters
    /// Samples of one frame, on their way from a ring to the message.
    let scratch: UnsafeMutableBufferPointer<Int16>
    private let name: String
    private let logger: Logger
    private let connector: (MuxConnection) -> ConnectAttempt
    private let onDone: (MuxConnection) -> Void
    let pumpReady: () -> Void
    let wakes: WakeSet
    private let clock: () -> NIODeadline
    private(set) var state = State.connecting
    private var attempt: ConnectAttempt?
    var link: FrameLink
    var writer = MuxWriter()
    private(set) var seats: [MuxLeg?] = []
    private var freeSeats: [Int] = []
    private var generation: UInt16 = 0
    private(set) var legCount = 0
    private var failures = 0
    private var lastFailure = "not connected yet"
    private var opened = 0
    private var openedAt = NIODeadline.distantFuture
    /// From a break until a connection has proved itself: when the legs of that break are given up.
    private var outage: NIODeadline?
    private var idleSince: NIODeadline?
    private var isStopping = false
    private var logged: Set<StreamNotice> = []

    init(
        name: String, limits: StreamLimits, meters: StreamMeters, logger: Logger, wakes: WakeSet,
        clock: @escaping () -> NIODeadline = { .now() },
        connector: @escaping (MuxConnection) -> ConnectAttempt,
        pumpReady: @escaping () -> Void, onDone: @escaping (MuxConnection) -> Void
    ) {
        self.clock = clock
        self.name = name
        self.limits = limits
        self.meters = meters
        self.logger = logger
        self.wakes = wakes
        self.connector = connector
        self.pumpReady = pumpReady
        self.onDone = onDone
        link = FrameLink(
            limits: limits, maximumOutboundBytes: limits.maximumMuxOutboundBytes,
            takesBinary: true)
        // The longest frame: 100 ms at 16 kHz.
        scratch = .allocate(capacity: 1600)
        scratch.initialize(repeating: 0)
    }

    deinit { scratch.deallocate() }

    // MARK: legs

    func add(_ leg: MuxLeg) {
        idleSince = nil
        let seat = freeSeats.popLast() ?? seats.count
        if seat == seats.count { seats.append(nil) }
        generation = generation == .max ? 1 : generation + 1
        leg.id = UInt32(generation) << 16 | UInt32(truncatingIfNeeded: seat)
        leg.connection = self
        leg.deadline =
            state == .open && outage == nil
            ? .distantFuture : clock() + .nanoseconds(limits.muxPatience.nanoseconds)
        seats[seat] = leg
        legCount += 1
        meters.muxLegs.add(1)
        switch state {
        case .open:
            leg.begin()
            flush()
        case .connecting where attempt == nil: connect()
        default: break
        }
    }

    func remove(_ leg: MuxLeg) {
        let seat = Int(leg.id & 0xFFFF)
        guard seat < seats.count, seats[seat] === leg else { return }
        seats[seat] = nil
        freeSeats.append(seat)
        legCount -= 1
        meters.muxLegs.add(-1)
        if legCount == 0 { idleSince = clock() }
    }

    func leg(_ id: UInt32) -> MuxLeg? {
        let seat = Int(id & 0xFFFF)
        guard seat < seats.count, let leg = seats[seat], leg.id == id else { return nil }
        return leg
    }

    func forEachLeg(_ body: (MuxLeg) -> Void) {
        for index in 0..<seats.count {
            if index < seats.count, let leg = seats[index] { body(leg) }
        }
    }

    // MARK: opening

    private func connect() {
        state = .connecting
        attempt = connector(self)
    }

    func connected(_ transport: FrameTransport) {
        attempt = nil
        guard state == .connecting else { return transport.close() }
        link = FrameLink(
            limits: limits, maximumOutboundBytes: limits.maximumMuxOutboundBytes,
            takesBinary: true)
        writer.reset()
        guard link.open(transport, self) else {
            return retry("the connection closed while it opened")
        }
        state = .open
        opened += 1
        openedAt = clock()
        if outage == nil { forEachLeg { $0.deadline = .distantFuture } }
        meters.connects("ok").increment()
        meters.connections.add(1)
        meters.muxConnections.add(1)
        logger.info("multiplexed stream open", metadata: metadata)
        greet()
        forEachLeg { $0.begin() }
        flush()
    }

    private func greet() {
        var body = JSONWriter(reserving: 192)
        body.object { hello in
            hello.field("protocol", "trunkline.mux")
            hello.field("version", Int(Mux.version))
            hello.field("connection", name)
            hello.field("opened", opened)
            hello.object("limits") { limit in
                limit.field("messageBytes", limits.maximumMessageBytes)
                limit.field("records", Mux.maximumRecords)
                limit.field("playoutMilliseconds", limits.maximumPlayoutMilliseconds)
                limit.field("marks", limits.maximumMarks)
            }
        }
        append(.hello, flags: [], leg: 0, timestamp: 0, body.bytes)
    }

    func failed(_ error: StreamError) {
        attempt = nil
        guard state == .connecting else { return }
        meters.connects(error.metricResult).increment()
        retry(error.description)
    }

    /// Another attempt after a pause that doubles, by up to a quarter more so that many do not come
    /// back at the same moment.
    private func retry(_ reason: String) {
        lastFailure = reason
        let base = limits.muxRetry.nanoseconds << Int64(min(failures, 16))
        let pause = min(base, limits.muxRetryLimit.nanoseconds)
        failures += 1
        let spread = Int64.random(in: 0...max(1, pause / 4))
        state = .waiting(until: clock() + .nanoseconds(pause + spread))
        logger.warning("multiplexed stream: \(reason)", metadata: metadata)
    }

    /// A connection that has stayed open for a while is a bot that is there: pauses are short again, and
    /// the next break has all its patience. One that is accepted and dropped is none.
    private func prove(_ now: NIODeadline) {
        guard outage != nil || failures > 0,
            now - openedAt >= .nanoseconds(limits.muxProof.nanoseconds)
        else { return }
        failures = 0
        outage = nil
        forEachLeg { $0.deadline = .distantFuture }
    }

    // MARK: the clock

    /// Called a few times a second.
    func tick(now: NIODeadline) {
        switch state {
        case .open:
            prove(now)
            if legCount == 0, let idleSince,
                isStopping || now - idleSince > .nanoseconds(limits.muxIdle.nanoseconds)
            {
                return close()
            }
            writer.finish(link)
            if link.heartbeat(now: now) {
                flush()
            } else {
                lose("nothing was heard from the bot for \(limits.silenceTimeout.milliseconds) ms")
            }
        case .waiting(let until):
            giveUp(now)
            if legCount == 0 { return finish() }
            if now >= until { connect() }
        case .connecting:
            giveUp(now)
            if legCount == 0 { finish() }
        case .done: break
        }
    }

    private func giveUp(_ now: NIODeadline) {
        forEachLeg { leg in
            guard leg.state == .waiting, now >= leg.deadline else { return }
            leg.finish(.failed(reason: lastFailure))
        }
    }

    /// The hub shuts down: as soon as no leg is left, so is this.
    func stop() {
        isStopping = true
        if legCount == 0 { tick(now: clock()) }
    }

    /// Nobody needs it any more. A leg that comes while the bot answers meets a new connection.
    private func close() {
        writer.finish(link)
        link.writeClose(code: 1000)
        _ = link.flush()
        // The write may have found that the bot is gone already.
        if state == .open { countClosed() }
        finish()
        link.lingerThenClose()
    }

    private func finish() {
        guard state != .done else { return }
        state = .done
        attempt?.cancel()
        attempt = nil
        onDone(self)
    }

    private func countClosed() {
        meters.connections.add(-1)
        meters.muxConnections.add(-1)
        logger.info("multiplexed stream over", metadata: metadata)
    }

    func lose(_ reason: String, closeCode: UInt16 = 1002) {
        guard state == .open else { return }
        writer.reset()
        link.out.removeAll()
        link.writeClose(code: closeCode)
        _ = link.flush()
        if state == .open { broken(reason) }
        link.closeChannel()
    }

    private func broken(_ reason: String) {
        let now = clock()
        prove(now)
        countClosed()
        if legCount > 0 { meters.muxReconnects.increment() }
        let deadline = outage ?? now + .nanoseconds(limits.muxPatience.nanoseconds)
        outage = deadline
        forEachLeg { $0.suspend(until: deadline) }
        retry(reason)
    }

    func channelClosed(error: String?) {
        link.forget()
        switch state {
        case .open:
            broken(
                error.map { "the connection to the bot broke: \($0)" }
                    ?? "the bot closed the connection without a close frame")
        case .connecting, .waiting, .done: break
        }
    }

    func receivedClose(code: UInt16?, reason: UnsafeRawBufferPointer) {
        guard state == .open else { return }
        writer.reset()
        link.out.removeAll()
        link.writeClose(code: code ?? 1000)
        _ = link.flush()
        link.lingerThenClose()
        guard state == .open else { return }
        let text = printable(String(decoding: reason, as: UTF8.self))
        broken("the bot closed the stream (\(code ?? 1005)\(text.isEmpty ? "" : ", " + text))")
    }

    // MARK: logging

    private var metadata: Logger.Metadata { ["connection": "\(name)", "legs": "\(legCount)"] }

    /// Logs the first occurrence on this connection.
    func notice(_ notice: StreamNotice) {
        guard logged.insert(notice).inserted else { return }
        logger.warning("\(notice.rawValue)", metadata: metadata)
    }
}
