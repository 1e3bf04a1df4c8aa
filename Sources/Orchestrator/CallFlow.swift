public import Base
public import CallModel
internal import Detection
public import MediaEngine
public import Signalling
public import Streaming

/// The course of one call, as a value: events of the SIP leg, the media leg and the stream go in,
/// commands come out. No clock, no socket, no task; `CallCenter` feeds it and obeys.
///
/// ```
///            ┌────────── ringing / early media
/// dialing ───┤                                   human ──► talking ──────────┐
///            └─► answered ─► detecting ─ verdict ┤                           │
///                   │                            ├ voicemail ► awaitingBeep ─┼► ending ─► finished
///                   │ (no detection)             │         ▲     │ beep      │
///                   └─────────► talking          │         │  leavingMessage ┤
///                                  ▲             │ goes on │     │ barge-in  │
///                                  └───────────────────── interrupted        │
///                                    a few words └ anything else ────────────┘
/// ```
/// Who speaks up during the message is a person who has picked up, or a greeting that was not over: the
/// message stops at once, and how long he speaks says which.
public struct CallFlow: Sendable {
    /// What the owner carries out, in the order pushed.
    public enum Action: Sendable {
        /// Read this SDP answer and configure the media leg with it.
        case acceptAnswer(sdp: [UInt8])
        /// Answer this re-INVITE offer on both legs.
        case answerOffer(sdp: [UInt8])
        case media(LegCommand)
        case connectStream(url: String)
        case stopStream
        /// Let this recogniser hear the far end.
        case connectRecogniser(url: String)
        case stopRecogniser
        case streamDigit(Character)
        case hangUp
        /// Decline the peer's REFER.
        case refuseTransfer
        case removeLeg
        /// Must be durable before any later action of this call is carried out.
        case optOut(source: String)
        case emit(CallEvent)
        case finish(CallRecord)
    }

    enum Phase: Equatable, Sendable {
        case dialing
        case detecting
        case awaitingBeep
        case leavingMessage(startedAt: Instant)
        /// The message has stopped for somebody who speaks. May go to: talking, awaitingBeep,
        /// leavingMessage, ending.
        case interrupted
        case talking
        case ending
        case finished
    }

    enum TimerName: Hashable, Sendable {
        case maximumDuration, beepWait, tail, teardown, optOut
        /// What the network said in tones has not been followed by an answer (`CallFlow+Information`).
        case information
        /// Who interrupted a message has been silent, or has been speaking, for long enough.
        case partyWaits, partySpeaks
    }

    /// How long a voicemail greeting may go on before the call is given up.
    static let beepWaitLimit = Interval.seconds(60)
    /// Who interrupts a message and then says no more for so long waits for us: a person. Behind the end
    /// of what he says, which is known 240 ms later.
    static let takeoverPause = Interval.milliseconds(500)
    /// Who speaks for longer than this has a greeting to say.
    static let takeoverSpeech = Interval.milliseconds(2500)
    /// Who interrupts more often than this is a person, however much he says.
    static let interruptionLimit = 2
    /// A second beep this soon after the message began means the first was not the last: start over.
    static let secondBeepWindow = Interval.seconds(3)
    /// A message that a beep brings begins within this, also where the beep is all that is heard (1.5 s):
    /// where it begins without one 1.8 s at least have passed.
    static let beepFollowedWithin = Interval.milliseconds(1700)
    /// How often that may happen: what beeps on and on is no mailbox.
    static let restartLimit = 3
    /// A beep this soon after the answer overrules a verdict of `human`.
    static let lateBeepWindow = Interval.milliseconds(Int64(DetectorChain.lateBeepMs))
    /// Silence left after a message, so that a mailbox does not cut its last word.
    static let messageTail = Interval.milliseconds(300)
    /// How long the end of a call waits for the media leg's and the recorder's last words.
    static let teardownLimit = Interval.seconds(3)

    static let takeoverConfidence = 0.8
    static let lateBeepConfidence = 0.9

    static let messagePlay = 1
    static let conversationPlay = 2
    /// Ids from here on are of clips that the API plays.
    static let foreignPlays = CallCenter.firstPlay

    /// What was ordered; it does not change.
    public let plan: CallPlan
    var phase = Phase.dialing
    var timers = TimerTable<TimerName>()
    var facts: CallFlowFacts
    private var localReason: EndReason?
    private var signallingEnd: (reason: EndReason, status: Int)?
    private var legRemoved = false
    private var legClosed = false
    var recordings = RecordingBook()
    private var streamIsUp = false
    var interruptions = 0
    var restarts = 0
    /// Times that the message was ordered and its end has not been told: each order has one.
    var messagesPlaying = 0
    /// What is left of `takeoverSpeech` for who interrupted the message.
    var speechLeft = CallFlow.takeoverSpeech
    /// A bridge has taken the bot's place; the call ends with its last partner.
    var isHandedOver = false
    /// Another party has joined the bot.
    var isShared = false
    var hasPartner: Bool { isHandedOver || isShared }
    /// Asked for and not over yet, connected or not.
    var streamIsOpen = false
    /// Asked for and not over yet (`CallFlow+Recogniser`).
    var recogniserIsOpen = false

    /// A call that begins at `now`, dialled or taken; nothing happens before its first event.
    public init(plan: CallPlan, now: Moment) {
        self.plan = plan
        facts = CallFlowFacts(startedAt: now.wall)
    }

    /// When `tick` must be called next; nil when no timer runs.
    public var nextDeadline: Instant? { timers.next }
    /// The record is out; further input changes nothing.
    public var isFinished: Bool { phase == .finished }
    /// One is being written: ordered, and neither told to end nor failed.
    public var isRecording: Bool { recordings.isRunning }

    // MARK: inputs

    /// An outbound INVITE has gone out.
    public mutating func dialing(_ now: Moment, out: inout Outbox<Action>) {
        emit(.dialing, now, &out)
    }

    /// What the signature of an inbound call's identity proves.
    public mutating func identified(
        _ result: String, _ now: Moment, out: inout Outbox<Action>
    ) {
        emit(.identity(result: result), now, &out)
    }

    /// Something of which the flow has nothing to decide, for its events.
    mutating func note(_ kind: CallEvent.Kind, _ now: Moment, out: inout Outbox<Action>) {
        guard phase != .finished else { return }
        emit(kind, now, &out)
    }

    /// An inbound call was answered by us with its media configured already.
    public mutating func answeredInbound(_ now: Moment, out: inout Outbox<Action>) {
        answer(now, &out)
    }

    /// What the SIP leg reports; ignored once the call has its record.
    public mutating func signalling(
        _ event: CallLegEvent, _ now: Moment, out: inout Outbox<Action>
    ) {
        guard phase != .finished else { return }
        switch event {
        case .trying: break
        case .ringing:
            if facts.ringingAt == nil {
                facts.ringingAt = now.wall
                timers.cancel(.information)
                emit(.ringing, now, &out)
            }
        case .earlyMedia(let sdp):
            guard phase == .dialing else { return }
            timers.cancel(.information)
            emit(.earlyMedia, now, &out)
            out.push(.acceptAnswer(sdp: sdp))
        case .answered(let sdp):
            if !sdp.isEmpty { out.push(.acceptAnswer(sdp: sdp)) }
            if phase == .dialing { answer(now, &out) }
        case .offer(let sdp):
            facts.heardTelephoneEvent = false
            out.push(.answerOffer(sdp: sdp))
        case .dtmf(let digit): pressed(digit, source: "info", now, &out)
        case .offerAnswered(let sdp):
            facts.heardTelephoneEvent = false
            out.push(.acceptAnswer(sdp: sdp))
        // The session is as it was.
        case .offerRefused: break
        case .transferProgress(let status, let isFinal):
            emit(.transfer(status: status, final: isFinal, to: nil), now, &out)
            // The person talks to somebody else now: our part is over.
            if isFinal, (200...299).contains(status) { end(.transferred, now, &out) }
        // A stranger's wish to have somebody called costs us money (docs/SIP.md).
        case .transferRequested: out.push(.refuseTransfer)
        case .ended(let reason, let status):
            signallingEnd = (reason, status)
            beginTeardown(now, &out)
        }
    }

    /// What the media engine tells of the leg.
    public mutating func media(
        _ event: EngineEvent.Kind, _ now: Moment, out: inout Outbox<Action>
    ) {
        guard phase != .finished else { return }
        switch event {
        case .detection(let detection): detected(detection, now, &out)
        case .dtmf(let digit, let source): pressed(digit, source: source.rawValue, now, &out)
        case .playStarted: break
        case .playFinished(let id, let completed):
            if id >= Self.foreignPlays {
                emit(.playFinished(id: id, completed: completed), now, &out)
            }
            playFinished(id, completed, now, &out)
        case .linkEnded(let id, let reason):
            emit(.linkEnded(id, reason: reason.label), now, &out)
        // Without keys the call is silent; the media timeout ends it.
        case .mediaStarted, .mediaSecured, .mediaSecurityFailed: break
        case .mediaTimeout:
            if facts.answeredAt != nil { end(.mediaTimeout, now, &out) }
        case .recordingFinished(let path):
            recordings.ended()
            facts.recordingPath = path
            emit(.recordingFinished(path: path), now, &out)
            finishIfComplete(now, &out)
        case .recordingFailed(_, let reason):
            recordings.ended()
            emit(.recordingFailed(reason: reason), now, &out)
            finishIfComplete(now, &out)
        case .closed(let summary):
            legClosed = true
            facts.media = summary
            finishIfComplete(now, &out)
        }
    }

    /// What a bot's connection tells.
    ///
    /// - Parameter isCurrent: false: of a stream that another one has followed, and that was told to end.
    public mutating func stream(
        _ event: StreamEvent, isCurrent: Bool = true, _ now: Moment, out: inout Outbox<Action>
    ) {
        guard phase != .finished else { return }
        switch event {
        case .ended(let reason) where !isCurrent, .failed(let reason) where !isCurrent:
            emit(.streamEnded(reason: reason), now, &out)
        case .connected where !isCurrent, .transcript where !isCurrent: break
        case .connected:
            streamIsUp = true
            facts.streamConnected = true
            emit(.streamConnected, now, &out)
        case .mark(let name):
            facts.marksReturned += 1
            emit(.mark(name: name), now, &out)
        case .cleared: break
        case .transcript(let text): out.push(.media(.transcript(text)))
        case .ended(let reason), .failed(let reason):
            streamIsUp = false
            streamIsOpen = false
            emit(.streamEnded(reason: reason), now, &out)
            guard phase == .talking, !isHandedOver else { return }
            if isShared { return botLeft(&out) }
            if case .failed = event { return end(.streamFailed, now, &out) }
            end(.localHangup, now, &out)
        }
    }

    /// Somebody with authority ends the call.
    public mutating func hangUp(_ now: Moment, out: inout Outbox<Action>) {
        end(facts.answeredAt == nil ? .cancelled : .localHangup, now, &out)
    }

    /// The call cannot go on for a reason of ours (no leg, unusable SDP, shutdown).
    public mutating func abort(_ reason: EndReason, _ now: Moment, out: inout Outbox<Action>) {
        end(reason, now, &out)
    }

    /// There is neither a SIP leg nor a media leg (any more): write the record now.
    public mutating func conclude(
        _ reason: EndReason, _ now: Moment, out: inout Outbox<Action>
    ) {
        legRemoved = true
        legClosed = true
        recordings.abandon()
        if localReason == nil { localReason = reason }
        if signallingEnd == nil { signallingEnd = (reason, 0) }
        beginTeardown(now, &out)
        finishIfComplete(now, &out)
    }

    /// Does what is due at `now`. Calling it early or twice is no error.
    public mutating func tick(_ now: Moment, out: inout Outbox<Action>) {
        while let name = timers.popExpired(now: now.instant) {
            switch name {
            case .maximumDuration: end(.maximumDuration, now, &out)
            case .beepWait: if phase == .awaitingBeep { end(.localHangup, now, &out) }
            case .tail: end(.localHangup, now, &out)
            case .optOut: end(.optOut, now, &out)
            case .information: informationStands(now, &out)
            case .partyWaits: if phase == .interrupted { takeOver(now, &out) }
            case .partySpeaks:
                guard phase == .interrupted else { continue }
                phase = .awaitingBeep
                timers.set(.beepWait, at: now.instant + Self.beepWaitLimit)
            case .teardown:
                removeLeg(&out)
                legClosed = true
                recordings.abandon()
                if signallingEnd == nil {
                    signallingEnd = (localReason ?? .internalError, 0)
                }
                finishIfComplete(now, &out)
            }
        }
    }

    // MARK: the answer

    private mutating func answer(_ now: Moment, _ out: inout Outbox<Action>) {
        facts.answeredAt = now.wall
        facts.answeredInstant = now.instant
        emit(.answered, now, &out)
        out.push(.media(.answered))
        if plan.record, let path = plan.recordingPath {
            recordings.began()
            out.push(.media(.startRecording(path: path)))
        }
        timers.set(.maximumDuration, at: now.instant + plan.maximumDuration)
        if plan.detectAnswer {
            phase = .detecting
            startRecogniser(&out)
        } else {
            converse(now, &out)
        }
    }

    mutating func converse(_ now: Moment, _ out: inout Outbox<Action>) {
        phase = .talking
        switch plan.conversation {
        case .stream(let url):
            streamIsOpen = true
            out.push(.connectStream(url: url))
        case .play(let clip): out.push(.media(.play(id: Self.conversationPlay, clip: clip)))
        case .echo, .silence: break
        }
    }

    private mutating func detected(
        _ detection: DetectionEvent, _ now: Moment, _ out: inout Outbox<Action>
    ) {
        if let kind = CallEvent.Kind(detection), !isOfMailboxOnly(detection) {
            emit(kind, now, &out)
        }
        switch detection {
        case .verdict(let verdict, let final, let confidence, _, _, _):
            guard final, facts.verdict == nil else { return }
            facts.verdict = verdict
            facts.verdictConfidence = confidence
            if phase == .detecting { act(on: verdict, now, &out) }
        case .tone(let kind, _, _, let information): networkSounds(kind, information, now)
        // While an interruption lasts: who makes it is nobody whom the verdict's rule hears.
        case .readyForMessage:
            guard phase == .awaitingBeep || phase == .interrupted else { return }
            if let beep = facts.beepInstant, now.instant - beep > Self.beepFollowedWithin {
                facts.beepInstant = nil
            }
            leaveMessage(now, &out)
        case .bargeIn: bargedIn(now, &out)
        case .interrupter(let speaks, _): if speaks { partySpeaks(now) } else { partyIsSilent(now) }
        // What began before the answer is the network's.
        case .beep(let start, _, _, _, _): if start >= 0 { beepHeard(now, &out) }
        default: break
        }
    }

    private mutating func act(
        on verdict: AnswerVerdict, _ now: Moment, _ out: inout Outbox<Action>
    ) {
        stopRecogniser(&out)
        switch verdict {
        case .human, .unknown: converse(now, &out)
        // Who has joined hears the machine out; there is nothing for a bot to do.
        case _ where isShared:
            phase = .talking
            botLeft(&out)
        case .voicemail where plan.voicemail != nil:
            phase = .awaitingBeep
            timers.set(.beepWait, at: now.instant + Self.beepWaitLimit)
        case .voicemail, .ivr, .screening, .unavailable, .fax, .sit, .silence:
            end(.localHangup, now, &out)
        }
    }

    private mutating func playFinished(
        _ id: Int, _ completed: Bool, _ now: Moment, _ out: inout Outbox<Action>
    ) {
        if id == Self.messagePlay { messagesPlaying = max(0, messagesPlaying - 1) }
        // A replaced or stopped clip reports completed: false and changes nothing.
        guard completed else { return }
        // Begun anew in the moment it ended: that end is not the new one's.
        if id == Self.messagePlay, messagesPlaying > 0 { return }
        if id == Self.messagePlay, case .leavingMessage = phase {
            facts.voicemailLeft = true
            emit(.voicemailFinished, now, &out)
            timers.set(.tail, at: now.instant + Self.messageTail)
        } else if id == Self.conversationPlay, phase == .talking, !hasPartner {
            timers.set(.tail, at: now.instant + Self.messageTail)
        }
    }

    // MARK: digits

    private mutating func pressed(
        _ digit: Character, source: String, _ now: Moment, _ out: inout Outbox<Action>
    ) {
        // Where RFC 4733 works, the same press heard in the audio is the same press.
        if source == "rfc4733" { facts.heardTelephoneEvent = true }
        if source == "inband", facts.heardTelephoneEvent { return }
        emit(.dtmf(digit: digit, source: source), now, &out)
        if streamIsUp { out.push(.streamDigit(digit)) }
        guard digit == plan.optOutDigit, plan.direction == .outbound, !facts.optedOut,
            facts.answeredAt != nil
        else { return }
        facts.optedOut = true
        out.push(.optOut(source: "dtmf"))
        emit(.optOut(source: "dtmf"), now, &out)
        end(.optOut, now, &out)
    }

    // MARK: the end

    mutating func end(
        _ reason: EndReason, _ now: Moment, _ out: inout Outbox<Action>
    ) {
        guard phase != .ending, phase != .finished else { return }
        if localReason == nil { localReason = reason }
        phase = .ending
        timers.cancelAll()
        // The leg's `ended` comes back when BYE or CANCEL is through; its transactions bound that.
        timers.set(.teardown, at: now.instant + .seconds(40))
        stopRecogniser(&out)
        stopStream(&out)
        // Nothing more is said while the BYE is under way.
        out.push(.media(.stopPlaying))
        out.push(.media(.detach))
        out.push(.hangUp)
    }

    private mutating func beginTeardown(_ now: Moment, _ out: inout Outbox<Action>) {
        guard phase != .finished else { return }
        if phase != .ending {
            stopRecogniser(&out)
            stopStream(&out)
            phase = .ending
        }
        timers.cancelAll()
        timers.set(.teardown, at: now.instant + Self.teardownLimit)
        removeLeg(&out)
        finishIfComplete(now, &out)
    }

    /// A bot that is still being connected is called off, too: nobody would hang up on it later.
    mutating func stopStream(_ out: inout Outbox<Action>) {
        guard streamIsOpen else { return }
        streamIsOpen = false
        out.push(.stopStream)
    }

    private mutating func removeLeg(_ out: inout Outbox<Action>) {
        guard !legRemoved else { return }
        legRemoved = true
        out.push(.removeLeg)
    }

    private mutating func finishIfComplete(_ now: Moment, _ out: inout Outbox<Action>) {
        guard phase == .ending, let end = signallingEnd, legClosed, recordings.isSettled else {
            return
        }
        phase = .finished
        timers.cancelAll()
        let reason = facts.endReason(localReason ?? end.reason)
        // RFC 8197: the person has marked us as unwanted, and the network passes his wish on.
        if reason == .unwanted, plan.direction == .outbound {
            out.push(.optOut(source: "network"))
            emit(.optOut(source: "network"), now, &out)
        }
        emit(.ended(reason), now, &out)
        out.push(
            .finish(facts.record(plan: plan, reason: reason, status: end.status, at: now.wall)))
    }

    mutating func emit(
        _ kind: CallEvent.Kind, _ now: Moment, _ out: inout Outbox<Action>
    ) {
        let event = CallEvent(
            call: plan.id, campaign: plan.campaign, contact: plan.contact, at: now.wall, kind: kind)
        facts.keep(event)
        out.push(.emit(event))
    }
}
