internal import Audio
internal import Base
internal import Logging
internal import NIOCore
internal import Telemetry

/// One media stream on its event loop: between the bridge on one side and the frames on the other.
/// Never leaves the loop.
final class SessionCore {
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

    /// 20 ms at 8 kHz: the dialect's frame.
    static let frameSamples = 160

    let request: StreamRequest
    let bridge: AudioBridge
    let limits: StreamLimits
    let meters: StreamMeters
    let logger: Logger
    let events: @Sendable (StreamEvent) -> Void
    let loop: any EventLoop

    var state = State.connecting
    var statistics = StreamStatistics()
    var queue: PlayoutQueue
    var writer: TwilioWriter
    var encoder = WebSocketEncoder()
    var decoder: WebSocketDecoder
    /// Decoded base64 of the message at hand; kept from message to message.
    var payload: [UInt8] = []
    /// Frames for the next write.
    var out = ByteBuffer()
    var channel: (any Channel)?
    var connector: StreamConnector?
    /// Called once, when the session is done.
    var onDone: ((SessionCore) -> Void)?

    /// Samples since `start`, also those the bot never got.
    var elapsedSamples = 0
    var lostReceived: Int
    var earlyDigits: [Character] = []
    var closeDeadline = NIODeadline.distantFuture
    var lastHeard = NIODeadline.uptimeNanoseconds(0)
    var nextPing = NIODeadline.distantFuture
    /// Pings since anything was heard: a bot that was never asked is not given up.
    var unansweredPings = 0
    private var logged: Set<StreamNotice> = []

    init(
        request: StreamRequest, bridge: AudioBridge, limits: StreamLimits, meters: StreamMeters,
        logger: Logger, loop: any EventLoop, events: @escaping @Sendable (StreamEvent) -> Void
    ) {
        self.request = request
        self.bridge = bridge
        self.limits = limits
        self.meters = meters
        self.logger = logger
        self.loop = loop
        self.events = events
        lostReceived = bridge.lostReceivedSamples
        queue = PlayoutQueue(
            bridge: bridge, maximumMilliseconds: limits.maximumPlayoutMilliseconds,
            maximumMarks: limits.maximumMarks)
        writer = TwilioWriter(
            streamID: request.streamID, callID: request.callID.value, accountID: request.accountID)
        decoder = WebSocketDecoder(maximumMessage: limits.maximumMessageBytes)
    }

    // MARK: opening

    func connect(_ connector: StreamConnector) {
        guard state == .connecting else { return }
        self.connector = connector
        connector.start()
    }

    func fail(_ error: StreamError) {
        guard state == .connecting else { return }
        connector = nil
        meters.connects(error.metricResult).increment()
        switch error {
        case .cancelled, .shutDown: finish(.ended(reason: error.description))
        default: finish(.failed(reason: error.description))
        }
    }

    /// The WebSocket is open: `connected` and `start` leave in one write, before any media.
    func opened(_ channel: any Channel) {
        guard state == .connecting else {
            channel.close(promise: nil)
            return
        }
        connector = nil
        self.channel = channel
        do {
            try channel.pipeline.syncOperations.addHandler(FrameHandler(core: self))
        } catch {
            channel.close(promise: nil)
            finish(.failed(reason: "the connection closed while it opened"))
            return
        }
        state = .open
        meters.connects("ok").increment()
        meters.connections.add(1)
        lastHeard = .now()
        nextPing = lastHeard + .nanoseconds(limits.pingInterval.nanoseconds)
        writer.connected()
        sendMessage()
        writer.start(parameters: request.parameters)
        sendMessage()
        for digit in earlyDigits { sendDigit(digit) }
        earlyDigits = []
        flush()
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
            if let connector { connector.cancel() } else { fail(.cancelled) }
        case .open:
            drainReceived()
            returnDueMarks()
            writer.stop()
            sendMessage()
            sendClose(code: 1000)
            state = .closing(reason: reason)
            closeDeadline = .now() + .nanoseconds(limits.closeTimeout.nanoseconds)
            flush()
        case .closing, .done: break
        }
    }

    // MARK: the clock

    /// Called on each wake of the media side: moves audio both ways.
    func pump() {
        guard state == .open else { return }
        drainReceived()
        returnDueMarks()
        queue.topUp(bridge)
        flush()
        if state == .open, bridge.isClosed { stop(reason: "the leg is gone") }
    }

    /// Called a few times a second: timers, and a pump in case a wake got lost.
    func tick(now: NIODeadline) {
        switch state {
        case .open:
            pump()
            guard state == .open else { return }
            if unansweredPings > 0,
                now - lastHeard > .nanoseconds(limits.silenceTimeout.nanoseconds)
            {
                lose("nothing was heard from the bot for \(limits.silenceTimeout.milliseconds) ms")
            } else if now >= nextPing {
                nextPing = now + .nanoseconds(limits.pingInterval.nanoseconds)
                unansweredPings += 1
                encoder.write(.ping, UnsafeRawBufferPointer(start: nil, count: 0), into: &out)
                flush()
            }
        case .closing(let reason):
            guard now >= closeDeadline else { return }
            finish(.ended(reason: reason))
            closeChannel()
        case .connecting, .done: break
        }
    }

    // MARK: ending

    /// The bot's close frame, RFC 6455 section 5.5.1.
    func receivedClose(code: UInt16?, reason: String) {
        switch state {
        case .open:
            sendClose(code: code ?? 1000)
            flush()
            let text = printable(reason)
            let why = text.isEmpty ? "" : ", \(text)"
            finish(.ended(reason: "the bot closed the stream (\(code ?? 1005)\(why))"))
        case .closing(let reason): finish(.ended(reason: reason))
        case .connecting, .done: return
        }
        lingerThenClose()
    }

    /// The bot broke the protocol, stopped reading or fell silent.
    func lose(_ reason: String, closeCode: UInt16 = 1002) {
        guard state == .open || isClosing else { return }
        sendClose(code: closeCode)
        flush(checkingLimit: false)
        finish(.failed(reason: reason))
        closeChannel()
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
        channel = nil
    }

    var isClosing: Bool {
        if case .closing = state { true } else { false }
    }

    private func finish(_ event: StreamEvent) {
        guard state != .done else { return }
        if state != .connecting {
            meters.connections.add(-1)
            logger.info("media stream over", metadata: metadata)
        }
        state = .done
        events(event)
        let done = onDone
        onDone = nil
        done?(self)
    }

    private func closeChannel() {
        channel?.close(promise: nil)
        channel = nil
    }

    /// The server closes TCP first (RFC 6455 section 7.1.1); it gets half a second for it.
    private func lingerThenClose() {
        guard let channel else { return }
        self.channel = nil
        channel.eventLoop.scheduleTask(in: .milliseconds(500)) { channel.close(promise: nil) }
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

/// Things that are counted each time and logged once a stream.
enum StreamNotice: String {
    case playoutFull = "the bot sent more audio than the playout queue holds; the newest is dropped"
    case tooManyMarks = "the bot has too many marks outstanding; further ones are ignored"
    case malformed = "the bot sent a message that is not usable"
    case unknown = "the bot sent an event of another dialect"
    case binary = "the bot sent binary messages; audio comes as base64 in media messages"
    case oversized = "the bot sent a message beyond the size limit"
    case notReading = "the bot does not read; media frames to it are dropped"
    case late = "the stream came too late for received audio; it is lost to the bot"
}
