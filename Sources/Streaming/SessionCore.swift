internal import Audio
internal import Base
internal import Logging
internal import NIOCore
internal import Telemetry

/// One media stream in its lane: between the bridge on one side and the frames on the other. Never
/// leaves its lane's thread.
final class SessionCore: FrameReceiver {
    enum State: Equatable {
        /// Waiting for the upgrade. May go to: open, done.
        case connecting
        /// `start` is out. May go to: closing, done.
        case open
        /// Our close frame is out, the bot's is awaited. May go to: done.
        case closing(reason: String)
        /// The last event is out; the channel may linger.
        case done
    }

    let request: StreamRequest
    let format: StreamFormat
    let limits: StreamLimits
    let meters: StreamMeters
    let logger: Logger
    let events: @Sendable (StreamEvent) -> Void

    var state = State.connecting
    var statistics = StreamStatistics()
    var playout: LegPlayout
    var writer: TwilioWriter
    var link: FrameLink
    /// The lane's own, as soon as there is one.
    var decoded = DecodeBuffer()
    /// This session's place in its lane.
    var place: StreamPlace?
    var attempt: ConnectAttempt?
    /// Called once, when the session is done.
    var onDone: ((SessionCore) -> Void)?

    /// Samples since `start`, also those the bot never got.
    var elapsedSamples = 0
    var earlyDigits: [Character] = []
    var closeDeadline = NIODeadline.distantFuture
    private var logged: Set<StreamNotice> = []

    init(
        request: StreamRequest, format: StreamFormat, bridge: AudioBridge, limits: StreamLimits,
        meters: StreamMeters, logger: Logger,
        events: @escaping @Sendable (StreamEvent) -> Void
    ) {
        self.request = request
        self.format = format
        self.limits = limits
        self.meters = meters
        self.logger = logger
        self.events = events
        playout = LegPlayout(bridge: bridge, encoding: .muLaw, limits: limits)
        writer = TwilioWriter(
            streamID: request.streamID, callID: request.callID.value, accountID: request.accountID)
        link = FrameLink(
            limits: limits, maximumOutboundBytes: limits.maximumOutboundBytes, takesBinary: false,
            flushesEachTurn: true)
    }

    // MARK: opening

    func fail(_ error: StreamError) {
        guard state == .connecting else { return }
        attempt = nil
        meters.connects(error.metricResult).increment()
        switch error {
        case .cancelled, .shutDown: finish(.ended(reason: error.description))
        default: finish(.failed(reason: error.description))
        }
    }

    /// The WebSocket is open: `connected` and `start` leave in one write, before any media.
    func opened(_ transport: FrameTransport) {
        guard state == .connecting else { return transport.close() }
        attempt = nil
        guard link.open(transport, self) else {
            finish(.failed(reason: "the connection closed while it opened"))
            return
        }
        state = .open
        meters.connects("ok").increment()
        meters.connections.add(1)
        writer.connected()
        sendMessage()
        writer.start(parameters: request.parameters)
        sendMessage()
        shed()
        drainReceived()  // the digits come after the audio before them
        for digit in earlyDigits { sendDigit(digit) }
        earlyDigits = []
        flush()
        // The write may have found that the bot is gone already: nothing comes behind that news.
        guard state == .open else { return }
        logger.info("media stream open", metadata: metadata)
        events(.connected)
        pump()
    }

    // MARK: commands

    func sendDTMF(_ digit: Character) {
        guard "0123456789*#ABCD".contains(digit) else { return }
        switch state {
        case .connecting:
            if earlyDigits.count < limits.maximumEarlyDigits { earlyDigits.append(digit) }
        case .open:
            drainReceived()  // the digit comes after the audio before it
            sendDigit(digit)
            flush()
        case .closing, .done: break
        }
    }

    private func sendDigit(_ digit: Character) {
        writer.dtmf(digit)
        sendMessage()
    }

    /// Ends in order: what has been received, `stop`, close frame.
    func stop(reason: String) {
        switch state {
        case .connecting:
            attempt?.cancel()
            fail(.cancelled)
        case .open:
            drainReceived(toTheEnd: true)
            returnDueMarks()
            writer.stop()
            sendMessage()
            link.writeClose(code: 1000)
            state = .closing(reason: reason)
            closeDeadline = .now() + .nanoseconds(limits.closeTimeout.nanoseconds)
            flush()
        case .closing, .done: break
        }
    }

    // MARK: the clock

    /// Called on each wake of the media side: moves audio both ways.
    func pump() {
        if state == .connecting { return pumpUnheard() }
        guard state == .open else { return }
        // Twice at most: what comes while this runs may have come too early to wake us.
        for _ in 0..<2 {
            drainReceived()
            returnDueMarks()
            playout.topUp()
            guard playout.arm(received: format.frameSamples) else { break }
        }
        flush()
        if state == .open, playout.bridge.isClosed { stop(reason: "the leg is gone") }
    }

    func becameWritable() {}

    /// Called a few times a second: timers, and a pump in case a wake got lost.
    func tick(now: NIODeadline) {
        switch state {
        case .open:
            pump()
            guard state == .open else { return }
            if link.heartbeat(now: now) {
                flush()
            } else {
                lose("nothing was heard from the bot for \(limits.silenceTimeout.milliseconds) ms")
            }
        case .closing(let reason):
            guard now >= closeDeadline else { return }
            finish(.ended(reason: reason))
            link.closeChannel()
        case .connecting: pump()
        case .done: break
        }
    }

    // MARK: ending

    /// The bot's close frame, RFC 6455 section 5.5.1.
    func receivedClose(code: UInt16?, reason: UnsafeRawBufferPointer) {
        switch state {
        case .open:
            let text = printable(String(decoding: reason, as: UTF8.self))
            let why = text.isEmpty ? "" : ", \(text)"
            // Before the answer, whose write may find that the bot has gone: it said goodbye all the same.
            finish(.ended(reason: "the bot closed the stream (\(code ?? 1005)\(why))"))
            link.writeClose(code: code ?? 1000)
            flush(checkingLimit: false)
        case .closing(let reason):
            // Pongs of the same read, which have their last chance here.
            flush(checkingLimit: false)
            finish(.ended(reason: reason))
        case .connecting, .done: return
        }
        link.lingerThenClose()
    }

    /// The bot broke the protocol, stopped reading or fell silent.
    func lose(_ reason: String, closeCode: UInt16 = 1002) {
        guard state == .open || isClosing else { return }
        // Before the write, which may find another reason.
        finish(.failed(reason: reason))
        link.writeClose(code: closeCode)
        flush(checkingLimit: false)
        link.closeChannel()
    }

    func channelClosed(error: String?) {
        switch state {
        case .open:
            finish(
                .failed(
                    reason: error.map { "the connection to the bot broke: \($0)" }
                        ?? "the bot closed the connection without a close frame"))
        case .closing(let reason): finish(.ended(reason: reason))
        case .connecting, .done: break
        }
        link.forget()
    }

    var isClosing: Bool {
        if case .closing = state { true } else { false }
    }

    func finish(_ event: StreamEvent) {
        guard state != .done else { return }
        if state != .connecting {
            meters.connections.add(-1)
            logger.info("media stream over", metadata: metadata)
        }
        state = .done
        // First the place, then the news: who hears of the end may take the place.
        let done = onDone
        onDone = nil
        done?(self)
        events(event)
    }

    // MARK: logging

    var metadata: Logger.Metadata {
        [
            "call": "\(request.callID)", "stream": "\(request.streamID)",
            "sent": "\(statistics.messagesSent)", "received": "\(statistics.messagesReceived)",
        ]
    }

    /// Logs the first occurrence in this stream.
    func notice(_ notice: StreamNotice) {
        guard logged.insert(notice).inserted else { return }
        logger.warning("\(notice.rawValue)", metadata: metadata)
    }
}

/// Things that are counted each time and logged once a stream (multiplexed: a connection).
enum StreamNotice: String {
    case playoutFull = "the bot sent more audio than the playout queue holds; the newest is dropped"
    case tooManyMarks = "the bot has too many marks outstanding; further ones are ignored"
    case malformed = "the bot sent a message that is not usable"
    case unknown = "the bot sent an event of another dialect"
    case binary = "the bot sent binary messages; audio comes as base64 in media messages"
    case text = "the bot sent text messages; the multiplexed stream is binary"
    case version = "the bot sent a multiplexed message of another version"
    case leg = "the bot sent records for a leg that is not on this connection"
    case encoding = "the bot sent audio in another encoding than the leg's"
    case oversized = "the bot sent a message beyond the size limit"
    case listener = "the recogniser sent audio; it only listens"
    case notReading = "the bot does not read; media frames to it are dropped"
    case late = "the stream came too late for received audio; it is lost to the bot"
}
