internal import Audio
internal import Base
public import CallModel
internal import Compliance
internal import Media
internal import SIP
internal import Signalling
internal import Store

extension Platform {
    // MARK: calls

    /// Places a call now. A telephone number passes the gate first; a `sip:` address of an internal
    /// extension (a user part that is no number) does not need to.
    public func placeCall(_ request: CallRequest) async throws -> CallID {
        let id = Self.newCallID()
        let isLocalTest = request.isLocalTest && Self.isLoopback(target: request.to)
        let target = try isLocalTest ? .localTest(request.to) : CallTarget(request.to)
        let number = target.number
        let from = request.from ?? configuration.callerID
        guard let number else {
            guard configuration.hasTrunk || target.dial.contains(":") else { throw Self.noTrunk }
            await place(
                try plan(for: request, id: id, number: nil), target, from: from)
            return id
        }
        guard let from else {
            throw PlatformError.invalid(
                "from", "a caller id is needed: give `from` or set `caller_id`")
        }
        // An attempt from here on: what is decided meanwhile counts it.
        let underWay = desk.begin(id, to: number)
        do {
            let decision = await decide(on: request, number: number, from: from, underWay)
            guard decision.verdict == .allow else {
                try await store.saveDecision(decision, call: id, contact: nil, number: number)
                throw PlatformError(
                    code: "gate_blocked",
                    message: "the compliance gate refuses this call: "
                        + decision.failed.map(\.detail).joined(separator: "; "),
                    field: "to", status: 403)
            }
            guard configuration.hasTrunk || target.dial.contains(":") else { throw Self.noTrunk }
            var plan = try plan(for: request, id: id, number: number)
            // Written last: an allowed call without a record is one that may have rung.
            plan.decisionID = try await store.saveDecision(
                decision, call: id, contact: nil, number: number)
            await place(plan, target, from: from)
        } catch {
            desk.end(id, to: number)
            throw error
        }
        return id
    }

    private static let noTrunk = PlatformError.invalid(
        "to", "no trunk is configured: a number cannot be reached")

    private func decide(
        on request: CallRequest, number: PhoneNumber, from: PhoneNumber, _ underWay: [WallTime]
    ) async -> GateDecision {
        let contact = Contact(
            id: ContactID("direct"), campaign: CampaignID("direct"), number: number,
            statedZone: request.statedZone, state: request.state, consent: request.consent,
            consentAt: request.consentAt)
        let campaign = Campaign(
            id: contact.campaign, name: "direct", purpose: request.purpose, callerID: from,
            ringTimeoutSeconds: request.ringTimeoutSeconds)
        return await desk.decide(contact: contact, campaign: campaign, underWay: underWay)
    }

    private func place(_ plan: CallPlan, _ target: CallTarget, from: PhoneNumber?) async {
        await center.place(
            plan, target: target.dial, from: from?.e164 ?? "trunkline"
        ) { [store, desk, logger] record in
            await store.finish(record, contactStatus: nil, nextAttemptAt: nil, logger: logger)
            if let number = record.number { desk.end(record.id, to: number) }
        }
    }

    private func plan(
        for request: CallRequest, id: CallID, number: PhoneNumber?
    ) throws -> CallPlan {
        try Self.check(streamURL: request.streamURL, field: "stream_url")
        try Self.check(streamURL: request.transcriptURL, field: "transcript_url")
        guard request.detectAnswer || request.transcriptURL == nil else {
            throw PlatformError.invalid(
                "transcript_url",
                "transcript_url needs detect_answer: nothing waits for who answers")
        }
        let conversation: CallPlan.Conversation
        if let url = request.streamURL {
            conversation = .stream(url: url)
        } else if let path = request.playPath {
            conversation = .play(try files.clip(path, field: "play"))
        } else if let url = configuration.streamURL {
            conversation = .stream(url: url)
        } else {
            conversation = .silence
        }
        let recording: String? =
            if let path = request.recordingPath {
                // Said before anybody's telephone rings: a recording replaces nothing.
                try files.newRecording(path, field: "record")
            } else if request.record { "\(recordings)/\(id.value).\(recordingExtension)" } else {
                nil
            }
        var plan = CallPlan(
            id: id, direction: .outbound, number: number, conversation: conversation,
            voicemail: try request.voicemailPath.map { path throws(PlatformError) in
                try files.clip(path, field: "voicemail")
            },
            detectAnswer: request.detectAnswer, record: recording != nil,
            recordingPath: recording,
            ringTimeout: .seconds(Int64(request.ringTimeoutSeconds)),
            maximumDuration: .seconds(Int64(request.maximumSeconds)),
            streamParameters: request.streamParameters)
        plan.transcriptURL = request.transcriptURL ?? configuration.transcriptURL
        plan.answerPolicy = request.answerPolicy
        return plan
    }

    /// The telephone number that a call target names, if it names one.
    static func number(of target: String) -> PhoneNumber? { (try? CallTarget(target))?.number }

    /// True for `sip:…@HOST[:PORT]` whose host is this machine.
    static func isLoopback(target: String) -> Bool {
        guard let uri = try? SIPURI(target) else { return false }
        return PlatformConfiguration.Endpoint(host: uri.host, port: 0).isLoopback
    }

    /// A bot's address that can never work is refused before anybody's telephone rings.
    static func check(streamURL: String?, field: String) throws(PlatformError) {
        guard let url = streamURL?.lowercased() else { return }
        let schemes = ["ws", "wss", "mux+ws", "mux+wss", "call+ws", "call+wss"]
        guard schemes.contains(where: { url.hasPrefix($0 + "://") }), url.utf8.count <= 4096,
            url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw .invalid(field, "\(field) must be a ws:// or wss:// URL") }
    }

    /// nil once the call has ended, and for one that never was.
    public func liveCall(_ id: CallID) async -> LiveCall? { await center.liveCall(id) }
    /// The oldest first.
    public func liveCalls() async -> [LiveCall] { await center.liveCalls }
    /// Ends a live call: `cancelled` before its answer, `localHangup` after. False when there is
    /// none.
    public func hangUp(_ id: CallID) async -> Bool { await center.hangUp(id) }
    /// The record of a call that has ended; nil before, and for one that never was.
    public func record(_ id: CallID) async throws -> CallRecord? {
        try await store.callRecord(id)
    }
    /// The last written first. `limit` is brought into 1…`Store.maximumPage`; `campaign` nil: of
    /// all.
    public func records(campaign: CampaignID?, limit: Int) async throws -> [CallRecord] {
        try await store.callRecords(RecordFilter(campaign: campaign), limit: limit)
    }

    // MARK: legs

    /// Answers the offer on a port of its own or a shared one; the leg lives until it is removed or
    /// its media times out.
    ///
    /// - Throws: `PlatformError` 400 for an offer or a file that cannot be used, 503 when there is
    ///   no port or no room.
    public func createLeg(_ request: LegRequest) async throws -> LegDescription {
        var request = request
        if request.mode == .stream, request.streamURL == nil {
            request.streamURL = configuration.streamURL
        }
        try Self.check(streamURL: request.streamURL, field: "stream_url")
        if let path = request.recordingPath {
            request.recordingPath = try files.newRecording(path, field: "options.record")
        }
        return try await center.createBareLeg(request)
    }
    /// nil for a leg that never was or has been removed.
    public func leg(_ id: LegID) async -> LegDescription? { await center.bareLeg(id) }
    /// Ends its stream and recording too. False when there is none.
    public func removeLeg(_ id: LegID) async -> Bool { await center.removeBareLeg(id) }

    // MARK: inbound

    /// What an inbound call meets, by the user part of its Request-URI.
    func route(_ call: InboundCall) -> CallCenter.InboundRoute? {
        guard let route = configuration.routes[call.user] else { return nil }
        let conversation: CallPlan.Conversation
        var mode = LegMode.normal
        switch route {
        case .echo:
            conversation = .echo
            mode = .echo
        case .silence:
            conversation = .silence
            mode = .silence
        case .stream(let url):
            guard let url = url ?? configuration.streamURL else {
                logger.warning("inbound call to stream, but no stream URL is configured")
                return nil
            }
            conversation = .stream(url: url)
        case .play(let path):
            guard let clip = try? files.clip(path, field: "routes") else {
                logger.warning("inbound call to a clip that cannot be read")
                return nil
            }
            conversation = .play(clip)
        }
        let store = self.store
        let logger = self.logger
        return CallCenter.InboundRoute(
            plan: CallPlan(
                id: call.id, direction: .inbound, conversation: conversation,
                detectAnswer: false, maximumDuration: .seconds(7200), optOutDigit: nil,
                streamParameters: ["to": call.user]),
            mode: mode,
            completion: { record in
                await store.finish(record, contactStatus: nil, nextAttemptAt: nil, logger: logger)
            })
    }

    static func newCallID() -> CallID { CallID("CA" + identifier()) }
    /// `camp-` and 12 hexadecimal digits of the system's random numbers.
    public func newCampaignID() -> CampaignID { CampaignID("camp-" + Self.identifier().prefix(12)) }

    /// 32 hexadecimal digits from the system's generator.
    static func identifier() -> String {
        var system = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        for _ in 0..<16 { bytes.append(UInt8.random(in: 0...255, using: &system)) }
        return Hex.encode(bytes)
    }
}
