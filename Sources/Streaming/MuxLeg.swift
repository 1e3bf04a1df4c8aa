internal import Audio
internal import Base
internal import CallModel
internal import Logging
internal import NIOCore

/// One leg on a multiplexed connection: its bridge on one side, its records on the other. Outlives
/// the connection it is on. Never leaves its event loop.
final class MuxLeg {
    enum State: Equatable {
        /// No connection, or not yet. May go to: live, done.
        case waiting
        /// `start` is on its way. May go to: waiting, done.
        case live
        /// The last event is out.
        case done
    }

    /// Events the bot is told of before it is there: the newest are left out.
    static let maximumEarly = 32

    let request: StreamRequest
    let format: StreamFormat
    let limits: StreamLimits
    let meters: StreamMeters
    let events: @Sendable (StreamEvent) -> Void
    var playout: LegPlayout
    var statistics = StreamStatistics()
    private(set) var state = State.waiting
    /// On the wire; 0 without a seat.
    var id: UInt32 = 0
    var place: StreamPlace?
    /// Until the leg is done.
    var connection: MuxConnection?
    /// When the owner is told that the bot will not come, should this leg be waiting then.
    var deadline = NIODeadline.distantFuture
    /// Called once, when the leg is done.
    var onDone: ((MuxLeg) -> Void)?
    /// Samples since the leg's start, also those the bot never got.
    private var elapsedSamples = 0
    private var hasStarted = false
    private var isSpeaking: Bool?
    private enum Early {
        case digit(Character)
        case event(CallEvent)
    }
    private var early: [Early] = []
    private let audioFlags: Mux.Flags

    init(
        request: StreamRequest, format: StreamFormat, bridge: AudioBridge, limits: StreamLimits,
        meters: StreamMeters, events: @escaping @Sendable (StreamEvent) -> Void
    ) {
        self.request = request
        self.format = format
        self.limits = limits
        self.meters = meters
        self.events = events
        audioFlags = Mux.Flags(format.encoding, format.sampleRate)
        playout = LegPlayout(bridge: bridge, encoding: format.encoding, limits: limits)
    }

    // MARK: the connection

    /// The connection is open: this leg begins on it, again if it was on another one.
    func begin() {
        guard state == .waiting, let connection else { return }
        var body = JSONWriter(reserving: 512)
        body.object { start in
            start.field("callSid", request.callID.value)
            start.field("streamSid", request.streamID)
            start.field("accountSid", request.accountID)
            start.field("resumed", hasStarted)
            start.field("frameMilliseconds", format.frameMilliseconds)
            start.object("mediaFormat") { media in
                media.field(
                    "encoding", format.encoding == .muLaw ? "audio/x-mulaw" : "audio/x-l16")
                media.field("sampleRate", format.sampleRate)
                media.field("channels", 1)
            }
            start.object("customParameters") { custom in
                for (name, value) in request.parameters.sorted(by: { $0.key < $1.key }) {
                    custom.field(name, value)
                }
            }
        }
        guard connection.write(.start, self, body.bytes) else {
            return finish(.failed(reason: "the stream's parameters are longer than 64 KiB"))
        }
        // Before the first `start` the oldest goes, and what found no room is nobody's time.
        if !hasStarted {
            shed()
            countLost()
        }
        state = .live
        if !hasStarted {
            hasStarted = true
            events(.connected)
        }
        let waiting = early
        early = []
        for item in waiting {
            switch item {
            case .digit(let digit): sendDTMF(digit)
            case .event(let event): report(event)
            }
        }
        pump()
    }

    /// The connection is gone; another one may come until `deadline`, or until an earlier one that no
    /// connection has lived long enough to take away.
    func suspend(until deadline: NIODeadline) {
        guard state == .live else { return }
        state = .waiting
        // Its other half was lost with the connection; on the next one the bot begins with a whole sample.
        playout.dropSplit()
        if self.deadline == .distantFuture { self.deadline = deadline }
    }

    // MARK: commands

    func sendDTMF(_ digit: Character) {
        guard let ascii = digit.asciiValue, "0123456789*#ABCD".contains(digit) else { return }
        switch state {
        case .waiting: keep(.digit(digit))
        case .live:
            drainReceived()  // the digit comes after the audio before it
            _ = connection?.write(.dtmf, self, [ascii])
        case .done: break
        }
    }

    func report(_ event: CallEvent) {
        switch event.kind {
        case .speechStart: isSpeaking = true
        case .speechEnd: isSpeaking = false
        case .bargeIn, .beep, .tone, .verdict, .greetingEnd, .readyForMessage: break
        default: return
        }
        switch state {
        case .waiting: keep(.event(event))
        case .live:
            drainReceived()
            _ = connection?.write(.event, self, Array(event.json.utf8))
        case .done: break
        }
    }

    private func keep(_ item: Early) {
        if early.count < Self.maximumEarly { early.append(item) }
    }

    /// Ends in order: what has been received, due marks, `stop`.
    func stop(reason: String) {
        guard state != .done else { return }
        if state == .live {
            drainReceived(toTheEnd: true)
            returnDueMarks()
            var body = JSONWriter()
            body.object { $0.field("reason", reason) }
            _ = connection?.write(.stop, self, body.bytes, flags: .end)
        }
        finish(.ended(reason: reason))
    }

    func finish(_ event: StreamEvent) {
        guard state != .done else { return }
        state = .done
        connection?.remove(self)
        connection = nil
        // First the place, then the news: who hears of the end may take the place.
        let done = onDone
        onDone = nil
        done?(self)
        events(event)
    }

    // MARK: audio

    /// Moves audio both ways; called when the bridge has work, and a few times a second.
    func pump() {
        if state == .waiting {
            // What the bot had sent goes on; its marks wait for the connection.
            shed()
            playout.topUp()
        }
        if state == .live {
            for _ in 0..<2 {
                drainReceived()
                returnDueMarks()
                playout.topUp()
                guard playout.arm(received: armDistance) else { break }
            }
        }
        if state != .done, playout.bridge.isClosed { stop(reason: "the leg is gone") }
    }

    /// A connection that takes nothing leaves samples in the ring: then the next frame is worth a
    /// wake-up, not the one that is there.
    private var armDistance: Int {
        max(format.frameSamples, playout.bridge.received.count + 1)
    }

    /// Received samples, one frame a record. What the connection cannot take stays in the bridge's
    /// ring; there the oldest goes first.
    private func drainReceived(toTheEnd: Bool = false) {
        guard let connection else { return }
        let ring = playout.bridge.received
        let frame = format.frameSamples
        while ring.count >= frame || (toTheEnd && ring.count > 0) {
            guard connection.takesMedia else { return shed() }
            let position = ring.readPosition
            let samples = connection.scratch
            let count = ring.read(
                into: UnsafeMutableBufferPointer(rebasing: samples[..<min(frame, samples.count)]))
            guard count > 0 else { return }
            var flags = audioFlags
            if let isSpeaking {
                flags.insert(isSpeaking ? [.speechKnown, .speech] : .speechKnown)
            }
            if playout.bridge.isConcealed(position..<position + count) { flags.insert(.concealed) }
            connection.writeAudio(
                UnsafeBufferPointer(rebasing: samples[..<count]), self, flags: flags)
            elapsedSamples += count
            statistics.mediaSent += 1
        }
        countLost()
    }

    /// Samples the worker could not put into the ring.
    private func countLost() {
        let missed = playout.takeLost()
        guard missed > 0 else { return }
        pass(missed)
        meters.lateSamples.increment(by: missed)
    }

    /// Time that the bot hears nothing of. Before the first `start` it is nobody's.
    private func pass(_ samples: Int) {
        if hasStarted { elapsedSamples += samples }
    }

    /// Drops the oldest frames beyond half the ring: what a slow bot gets later is not old, and the
    /// timestamp's jump tells it what is missing.
    private func shed() {
        let dropped = playout.discardOldest(format.frameSamples)
        guard dropped > 0 else { return }
        pass(dropped)
        meters.lateSamples.increment(by: dropped)
        guard state == .live else { return }
        let frames = dropped / format.frameSamples
        statistics.mediaDropped += frames
        meters.muxMediaDropped.increment(by: frames)
        connection?.notice(.notReading)
    }

    func returnDueMarks() {
        while let name = playout.takeDueMark() { returnMark(name) }
    }

    private func returnMark(_ name: String) {
        if state == .live { _ = connection?.write(.mark, self, Array(name.utf8)) }
        statistics.marksReturned += 1
        events(.mark(name: name))
    }

    var timestamp: UInt64 { UInt64(elapsedSamples) }

    // MARK: from the bot

    /// One record of this leg. What it cannot use is `refused` for a reason.
    func handle(
        _ record: Mux.Record, _ payload: UnsafeRawBufferPointer
    ) -> IgnoredReason? {
        switch Mux.Kind(rawValue: record.type) {
        case .audio:
            guard !request.isListener else { return .listener }
            guard record.flags.format == audioFlags else { return .encoding }
            let isWhole = playout.enqueue(
                payload.assumingMemoryBound(to: UInt8.self), &statistics, meters)
            if !isWhole { connection?.notice(.playoutFull) }
        case .mark:
            guard payload.count <= BotMessage.maximumMarkName,
                let name = String(validating: payload, as: UTF8.self)
            else { return .malformed }
            guard playout.enqueueMark(name) else {
                statistics.marksRefused += 1
                return .marks
            }
        case .clear:
            // Marks whose audio has gone out go back first, so that order stays the bot's.
            returnDueMarks()
            let names = playout.clear()
            for name in names { returnMark(name) }
            statistics.clears += 1
            events(.cleared(marks: names.count))
        case .transcript:
            guard payload.count <= BotMessage.maximumTranscript,
                let text = String(validating: payload, as: UTF8.self)
            else { return .malformed }
            events(.transcript(text))
        case .stop: stop(reason: "the bot ended the stream")
        case .hello, .start, .dtmf, .event, nil: return .unknown
        }
        return nil
    }
}
