internal import Audio
internal import Base
public import CallModel
internal import Compliance
internal import Media
internal import Signalling
internal import Store

extension Platform {
    // MARK: calls

    /// Places a call now. A telephone number passes the gate first; a `sip:` address of an internal
    /// extension (a user part that is no number) does not need to.
    public func placeCall(_ request: CallRequest) async throws -> CallID {
        let id = Self.newCallID()
        let number = Self.number(of: request.to)
        let from = request.from ?? configuration.callerID
        var decisionID: String?
        if let number, !(request.isLocalTest && Self.isLoopback(target: request.to)) {
            let contact = Contact(
                id: ContactID("direct"), campaign: CampaignID("direct"), number: number,
                statedZone: request.statedZone, state: request.state, consent: request.consent,
                consentAt: request.consentAt)
            guard let from else {
                throw PlatformError.invalid(
                    "from", "a caller id is needed: give `from` or set `caller_id`")
            }
            let campaign = Campaign(
                id: contact.campaign, name: "direct", purpose: request.purpose, callerID: from,
                ringTimeoutSeconds: request.ringTimeoutSeconds)
            let decision = await desk.decide(contact: contact, campaign: campaign)
            decisionID = try await store.saveDecision(
                decision, call: id, contact: nil, number: number)
            guard decision.verdict == .allow else {
                throw PlatformError(
                    code: "gate_blocked",
                    message: "the compliance gate refuses this call: "
                        + decision.failed.map(\.detail).joined(separator: "; "),
                    field: "to", status: 403)
            }
        }
        guard number == nil || configuration.trunk != nil || request.to.hasPrefix("sip:") else {
            throw PlatformError.invalid("to", "no trunk is configured: a number cannot be reached")
        }
        let plan = try plan(for: request, id: id, number: number, decisionID: decisionID)
        await center.place(
            plan, target: request.to.hasPrefix("sip:") ? request.to : number?.e164 ?? request.to,
            from: from?.e164 ?? "trunkline"
        ) { [store, logger] record in
            do {
                try await store.finish(record, contactStatus: nil, nextAttemptAt: nil)
            } catch {
                logger.error("call record not stored", metadata: ["call": "\(record.id)"])
            }
        }
        return id
    }

    private func plan(
        for request: CallRequest, id: CallID, number: PhoneNumber?, decisionID: String?
    ) throws -> CallPlan {
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
                try files.resolve(path, field: "record")
            } else if request.record { "\(recordings)/\(id.value).wav" } else { nil }
        return CallPlan(
            id: id, direction: .outbound, number: number, conversation: conversation,
            voicemail: try request.voicemailPath.map { path throws(PlatformError) in
                try files.clip(path, field: "voicemail")
            },
            detectAnswer: request.detectAnswer, record: recording != nil,
            recordingPath: recording,
            ringTimeout: .seconds(Int64(request.ringTimeoutSeconds)),
            maximumDuration: .seconds(Int64(request.maximumSeconds)), decisionID: decisionID,
            streamParameters: request.streamParameters)
    }

    /// The telephone number that a call target names, if it names one.
    static func number(of target: String) -> PhoneNumber? {
        var text = Substring(target)
        for scheme in ["sips:", "sip:", "tel:"] where text.hasPrefix(scheme) {
            text = text.dropFirst(scheme.count)
            break
        }
        let user = text.prefix { $0 != "@" && $0 != ";" }
        return try? PhoneNumber(String(user))
    }

    /// True for `sip:…@HOST[:PORT]` whose host is this machine.
    static func isLoopback(target: String) -> Bool {
        guard target.hasPrefix("sip:"), let at = target.lastIndex(of: "@") else { return false }
        let host = target[target.index(after: at)...].prefix { $0 != ";" && $0 != "?" }
        let name =
            host.hasPrefix("[")
            ? String(host.dropFirst().prefix { $0 != "]" }) : String(host.prefix { $0 != ":" })
        return PlatformConfiguration.Endpoint(host: name, port: 0).isLoopback
    }

    public func liveCall(_ id: CallID) async -> LiveCall? { await center.liveCall(id) }
    public func liveCalls() async -> [LiveCall] { await center.liveCalls }
    public func hangUp(_ id: CallID) async -> Bool { await center.hangUp(id) }
    public func record(_ id: CallID) async throws -> CallRecord? {
        try await store.callRecord(id)
    }
    public func records(campaign: CampaignID?, limit: Int) async throws -> [CallRecord] {
        try await store.callRecords(RecordFilter(campaign: campaign), limit: limit)
    }

    // MARK: legs

    public func createLeg(_ request: LegRequest) async throws -> LegDescription {
        var request = request
        if request.mode == .stream, request.streamURL == nil {
            request.streamURL = configuration.streamURL
        }
        if let path = request.recordingPath {
            request.recordingPath = try files.resolve(path, field: "options.record")
        }
        return try await center.createBareLeg(request)
    }
    public func leg(_ id: LegID) async -> LegDescription? { await center.bareLeg(id) }
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
                do {
                    try await store.finish(record, contactStatus: nil, nextAttemptAt: nil)
                } catch {
                    logger.error("call record not stored", metadata: ["call": "\(record.id)"])
                }
            })
    }

    static func newCallID() -> CallID { CallID("CA" + identifier()) }
    public func newCampaignID() -> CampaignID { CampaignID("camp-" + Self.identifier().prefix(12)) }

    /// 32 hexadecimal digits from the system's generator.
    static func identifier() -> String {
        var system = SystemRandomNumberGenerator()
        var bytes: [UInt8] = []
        for _ in 0..<16 { bytes.append(UInt8.random(in: 0...255, using: &system)) }
        return Hex.encode(bytes)
    }
}
