internal import Audio
internal import Base
internal import CallModel
internal import Detection
internal import Logging
internal import Media
internal import MediaEngine
internal import Signalling
internal import Streaming
internal import Telemetry

/// Runs every call: feeds each `CallFlow` the events of its SIP leg, media leg and stream, in the
/// order they happened, and carries out what the flow answers.
///
/// ```
/// CallAgent ──┐                               ┌─► CallLeg (hang up, answer offers)
/// MediaEngine ┼─► one ordered feed ─► CallFlow ┼─► MediaEngine (commands)
/// StreamHub ──┘      (this actor)             ├─► StreamHub (connect, stop)
///                                             └─► EventBus, completion (store)
/// ```
actor CallCenter {
    /// Inputs waiting for the actor. At 1,000 calls an engine batch comes some 50 times a second;
    /// beyond this the process is overloaded past saving and says so.
    static let feedLimit = 1 << 17

    enum Input: Sendable {
        case engine([EngineEvent])
        case signalling(CallID, CallLegEvent)
        case stream(StreamInlet, StreamEvent)
        case inbound(InboundCall)
        case tick
    }

    /// Called once for each call, with its record; must make it durable.
    typealias Completion = @Sendable (CallRecord) async -> Void

    /// A call hears this, looped, instead of everybody.
    struct Hold {
        /// nil: silence.
        var music: PlaybackClip?
    }

    struct Active {
        var flow: CallFlow
        var leg: LegID
        var mode = LegMode.normal
        /// The last agreed media has no telephone-event: digits go by INFO, or as tones.
        var lacksTelephoneEvents = false
        var negotiation: CallNegotiation
        /// The media of a caller whose address may be made up; the leg is silent until he is heard.
        var unprovenMedia: RemoteMedia?
        var sip: CallLeg?
        var stream: StreamSession?
        /// Of `stream`.
        var inlet: StreamInlet?
        var recogniser: StreamSession?
        var bridge: AudioBridge?
        /// As the API asked; a transfer's own hold is none of it.
        var hold: Hold?
        /// The call with an agent that this one waits for; and of an agent's, the one that waits.
        var transferCall: CallID?
        var transferring: CallID?
        var completion: Completion
        /// Durable writes of this call, in order: an opt-out is stored before the record.
        var writes: Task<Void, Never>?
    }

    struct Parts: Sendable {
        var engine: MediaEngine
        var agent: CallAgent
        var hub: StreamHub
        var bus: EventBus
        var metrics: MetricsRegistry
        var logger: Logger
        var streamTrust: StreamRequest.TLSTrust
        var localAddress: String
        var negotiation: NegotiationSettings
        /// For calls to numbers.
        var trunkNegotiation: NegotiationSettings
        /// SHA-256 of our certificate for DTLS-SRTP; empty: none.
        var certificate: [UInt8]
        /// The trunk's calls may share RTP ports.
        /// Calls of the trunks receive on ports that they share.
        var sharesPorts: Bool
        var maximumCalls: Int
        /// Puts a number on the internal list; retried by the callee until it is durable.
        var optOut: @Sendable (PhoneNumber, String, CallID) async -> Void
        /// How soon it is said who answered.
        var answerPolicy: DetectionPolicy
        /// `CallPlan.informationGrace` of outbound calls.
        var informationGrace: Interval?
        /// Decides what an inbound call meets; nil refuses it with 404.
        var route: @Sendable (InboundCall) -> InboundRoute?
    }

    struct InboundRoute: Sendable {
        var plan: CallPlan
        var mode: LegMode
        var completion: Completion
    }

    nonisolated let feed: Feed
    private let inputs: AsyncStream<Input>
    var parts: Parts?
    var calls: [CallID: Active] = [:]
    var callOfLeg: [LegID: CallID] = [:]
    var bareLegs: [LegID: BareLeg] = [:]
    /// Bare legs that were deleted and have not closed yet.
    var leavingLegs: Set<LegID> = []
    var outbox = Outbox<CallFlow.Action>(reserving: 16)
    /// Agents' calls that nobody waits for any more; ended behind the actions at hand.
    var orphans: [CallID] = []
    var acceptsCalls = true
    var nextPlay = CallCenter.firstPlay
    /// Ended calls whose record is being made durable.
    private var completing = 0
    private var saidOverflow = false

    init() {
        let (inputs, continuation) = AsyncStream.makeStream(
            of: Input.self, bufferingPolicy: .bufferingOldest(Self.feedLimit))
        self.inputs = inputs
        feed = Feed(continuation)
    }

    func attach(_ parts: Parts) { self.parts = parts }

    /// Handles inputs until the feed is finished.
    func run() async {
        for await input in inputs { handle(input) }
    }

    // MARK: commands

    var liveCalls: [LiveCall] {
        calls.values.map(Self.describe).sorted { ($0.startedAt, $0.id) < ($1.startedAt, $1.id) }
    }

    func liveCall(_ id: CallID) -> LiveCall? { calls[id].map(Self.describe) }

    /// True when no call is live and every ended one has its record.
    var isSettled: Bool { calls.isEmpty && completing == 0 }

    /// Places an outbound call. Whatever happens from here on, `completion` is called once.
    ///
    /// - Parameter transferring: the call that it is made for.
    func place(
        _ plan: CallPlan, target: String, from: String, transferring: CallID? = nil,
        completion: @escaping Completion
    ) {
        let now = SystemClock.moment
        guard let parts, acceptsCalls, calls.count < parts.maximumCalls else {
            concludeWithoutLeg(plan, .engineFull, now, completion)
            return
        }
        // Without a scheme it is a number, which goes to the trunk.
        let isForTrunk = !target.contains(":")
        let settings = isForTrunk ? parts.trunkNegotiation : parts.negotiation
        let handle: LegHandle
        do {
            var options = LegOptions(
                mode: .normal, detection: true,
                policy: parts.answerPolicy.deciding(by: plan.answerPolicy))
            options.sharedPort = parts.sharesPorts && isForTrunk
            settings.apply(to: &options)
            handle = try parts.engine.createLeg(options)
        } catch {
            parts.logger.error("no media leg", metadata: ["reason": "\(error)"])
            concludeWithoutLeg(plan, .engineFull, now, completion)
            return
        }
        var negotiation = CallNegotiation(
            address: parts.localAddress, port: handle.port, settings: settings,
            certificate: parts.certificate)
        let offer: [UInt8]
        do {
            offer = try negotiation.offer()
        } catch {
            parts.logger.error("no SDP offer", metadata: ["reason": "\(error)"])
            parts.engine.removeLeg(handle.id)
            concludeWithoutLeg(plan, .internalError, now, completion)
            return
        }
        var plan = plan
        plan.informationGrace = parts.informationGrace
        add(
            Active(
                flow: CallFlow(plan: plan, now: now), leg: handle.id, negotiation: negotiation,
                completion: completion), id: plan.id)
        let id = plan.id
        let feed = self.feed
        let sip = parts.agent.place(
            OutboundCall(
                id: id, target: target, from: from, offer: offer,
                ringTimeout: plan.ringTimeout, headers: plan.headers)
        ) { event in feed.yield(.signalling(id, event)) }
        calls[id]?.sip = sip
        calls[id]?.transferring = transferring
        calls[id]?.flow.dialing(now, out: &outbox)
        perform(id, now)
    }

    /// Ends a live call; false when there is none.
    func hangUp(_ id: CallID) -> Bool {
        guard calls[id] != nil else { return false }
        let now = SystemClock.moment
        calls[id]?.flow.hangUp(now, out: &outbox)
        perform(id, now)
        return true
    }

    /// Refuses new calls and ends the live ones. Who has not answered yet has not been reached: that
    /// attempt is `interrupted`, as after a crash, and made up for.
    func drain() {
        acceptsCalls = false
        for id in calls.keys.sorted() {
            guard let flow = calls[id]?.flow, flow.plan.direction == .outbound,
                flow.facts.answeredAt == nil
            else {
                _ = hangUp(id)
                continue
            }
            let now = SystemClock.moment
            calls[id]?.flow.abort(.interrupted, now, out: &outbox)
            perform(id, now)
        }
        for id in bareLegs.keys.sorted() { _ = removeBareLeg(id) }
    }

    // MARK: inputs

    private func handle(_ input: Input) {
        let now = SystemClock.moment
        switch input {
        case .engine(let events):
            for event in events {
                if let id = callOfLeg[event.leg] {
                    note(event.kind, id, now)
                    if case .mediaStarted = event.kind, calls[id]?.unprovenMedia != nil {
                        calls[id]?.sip?.vouch()
                    }
                    calls[id]?.flow.media(event.kind, now, out: &outbox)
                    if isAlone(event) { calls[id]?.flow.partnerLeft(now, out: &outbox) }
                    perform(id, now)
                    if case .closed = event.kind { callOfLeg[event.leg] = nil }
                } else {
                    bareLegEvent(event, now)
                }
            }
        case .signalling(let id, let event):
            if case .answered = event, let active = calls[id],
                active.flow.plan.direction == .outbound,
                active.flow.facts.answeredAt == nil
            {
                parts?.metrics.histogram(Catalogue.callSetupSeconds).observe(
                    (now.wall - active.flow.facts.startedAt).seconds)
            }
            if case .answered = event { callerIsProven(id) }
            calls[id]?.flow.signalling(event, now, out: &outbox)
            perform(id, now)
            followTransfer(id, event, now)
        case .stream(let inlet, let waiting):
            let (id, event) = (inlet.id, inlet.take(waiting))
            guard calls[id] != nil || inlet.listens else {
                bareLegStream(event, id, now)
                return
            }
            if inlet.listens {
                calls[id]?.flow.recogniser(event, now, out: &outbox)
            } else {
                let isCurrent = calls[id]?.inlet === inlet
                calls[id]?.flow.stream(event, isCurrent: isCurrent, now, out: &outbox)
            }
            perform(id, now)
        case .inbound(let call): accept(call, now)
        case .tick:
            warnOfOverflow()
            for id in calls.keys.sorted()
            where calls[id]?.flow.nextDeadline ?? .distantFuture
                <= now.instant
            {
                calls[id]?.flow.tick(now, out: &outbox)
                perform(id, now)
            }
        }
    }

    // MARK: actions

    func perform(_ id: CallID, _ now: CallFlow.Moment) {
        // An action may put further actions into the outbox (an unusable SDP ends the call).
        while !outbox.isEmpty {
            let actions = outbox.takeAll()
            for action in actions { carryOut(action, id, now) }
        }
        while let orphan = orphans.popLast() { _ = hangUp(orphan) }
    }

    private func carryOut(_ action: CallFlow.Action, _ id: CallID, _ now: CallFlow.Moment) {
        guard let parts, let active = calls[id] else { return }
        switch action {
        case .acceptAnswer(let sdp): acceptAnswer(sdp, id, now)
        case .answerOffer(let sdp): answerOffer(sdp, id)
        case .media(let command): parts.engine.send(command, to: active.leg)
        case .connectStream(let url): connect(url, id, listens: false)
        case .stopStream: active.stream?.stop()
        case .connectRecogniser(let url): connect(url, id, listens: true)
        case .stopRecogniser: active.recogniser?.stop()
        case .streamDigit(let digit): active.stream?.sendDTMF(digit)
        case .hangUp:
            active.sip?.hangUp()
            abandonTransfer(of: id)
        case .refuseTransfer: active.sip?.refuseTransfer()
        case .removeLeg:
            parts.engine.removeLeg(active.leg)
            abandonTransfer(of: id)
        case .optOut(let source):
            parts.metrics.counter(Catalogue.optOuts, [source]).increment()
            guard let number = active.flow.plan.number else { return }
            let store = parts.optOut
            chainWrite(id) { await store(number, source, id) }
        case .emit(let event):
            parts.bus.publish(event)
            active.stream?.report(event)
        case .finish(let record): finish(id, record)
        }
    }

    /// The call's media goes to `url` from now on; to a recogniser only, or both ways.
    private func connect(_ url: String, _ id: CallID, listens: Bool) {
        guard let parts, let active = calls[id] else { return }
        let bridge = parts.hub.makeBridge(for: url)
        let inlet = StreamInlet(id, listens: listens, feed: feed, metrics: parts.metrics)
        var request = StreamRequest(
            url: url, streamID: (listens ? "MT" : "MZ") + id.value, callID: id,
            parameters: active.flow.plan.streamParameters)
        request.tlsTrust = parts.streamTrust
        request.isListener = listens
        let session = parts.hub.connect(request, bridge: bridge) { inlet.yield($0) }
        if listens {
            calls[id]?.recogniser = session
        } else {
            calls[id]?.stream = session
            calls[id]?.inlet = inlet
            calls[id]?.bridge = bridge
        }
        parts.engine.send(.attach(bridge), to: active.leg)
    }

    private func finish(_ id: CallID, _ record: CallRecord) {
        guard let active = calls.removeValue(forKey: id), let parts else { return }
        callOfLeg[active.leg] = nil
        parts.metrics.gauge(Catalogue.callsActive).set(Double(calls.count))
        CallCenter.count(record, parts.metrics)
        // The flow stops its stream when it ends; a stream must not outlive its call in any case.
        active.stream?.stop()
        active.recogniser?.stop()
        complete(record, active.completion, after: active.writes)
    }

    /// Has the record made durable behind the call's earlier writes.
    private func complete(
        _ record: CallRecord, _ completion: @escaping Completion, after earlier: Task<Void, Never>?
    ) {
        completing += 1
        Task {
            await earlier?.value
            await completion(record)
            completing -= 1
        }
    }

    /// Runs `write` after the call's earlier writes.
    private func chainWrite(_ id: CallID, _ write: @escaping @Sendable () async -> Void) {
        let earlier = calls[id]?.writes
        calls[id]?.writes = Task {
            await earlier?.value
            await write()
        }
    }

    func add(_ active: Active, id: CallID) {
        calls[id] = active
        callOfLeg[active.leg] = id
        parts?.metrics.gauge(Catalogue.callsActive).set(Double(calls.count))
    }

    private func concludeWithoutLeg(
        _ plan: CallPlan, _ reason: EndReason, _ now: CallFlow.Moment,
        _ completion: @escaping Completion
    ) {
        var flow = CallFlow(plan: plan, now: now)
        var out = Outbox<CallFlow.Action>()
        flow.conclude(reason, now, out: &out)
        out.drain { action in
            switch action {
            case .emit(let event): parts?.bus.publish(event)
            case .finish(let record):
                if let parts { CallCenter.count(record, parts.metrics) }
                complete(record, completion, after: nil)
            default: break
            }
        }
    }

    private func note(_ kind: EngineEvent.Kind, _ id: CallID, _ now: CallFlow.Moment) {
        guard let parts else { return }
        // Detections are counted by the engine, for legs of every kind.
        if case .playStarted(CallFlow.messagePlay, _) = kind,
            let beep = calls[id]?.flow.facts.beepInstant
        {
            parts.metrics.histogram(Catalogue.beepToMessageSeconds).observe(
                (now.instant - beep).seconds)
        }
    }

    private func warnOfOverflow() {
        guard feed.dropped > 0, !saidOverflow else { return }
        saidOverflow = true
        parts?.logger.critical(
            "call events were lost: this machine is overloaded; lower `maximum_calls`",
            metadata: ["limit": "\(Self.feedLimit)"])
    }

    static func count(_ record: CallRecord, _ metrics: MetricsRegistry) {
        metrics.counter(Catalogue.calls, [record.endReason.rawValue]).increment()
        metrics.counter(Catalogue.callOutcomes, [record.outcome.rawValue]).increment()
        if let verdict = record.verdict {
            metrics.counter(Catalogue.answerVerdicts, [verdict.rawValue]).increment()
        }
        if let mos = record.media?.mos { metrics.histogram(Catalogue.callMOS).observe(mos) }
    }

    private static func describe(_ active: Active) -> LiveCall {
        let plan = active.flow.plan
        let facts = active.flow.facts
        return LiveCall(
            id: plan.id, direction: plan.direction, campaign: plan.campaign,
            contact: plan.contact, number: plan.number, phase: active.flow.phase.name,
            startedAt: facts.startedAt,
            answeredAt: facts.answeredAt, verdict: facts.verdict, events: facts.events)
    }
}
