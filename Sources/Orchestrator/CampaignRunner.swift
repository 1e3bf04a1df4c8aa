internal import Audio
internal import Base
internal import CallModel
internal import Campaigns
internal import Compliance
internal import Conversation
internal import Logging
internal import Store
internal import Telemetry

/// Works through the running campaigns: pace → claim → gate → dial → record → retry or done.
///
/// ```
/// store.claimNext ─► gate ─┬ allow ─► decision stored ─► CallCenter.place ─► record stored
///  (committed before       ├ wait ──► claim given back until the window opens
///   anything is dialled)   └ block ─► decision and record stored; nothing is dialled
/// ```
actor CampaignRunner {
    /// How often the pacers are asked: well below the spacing of the fastest campaign's calls.
    static let stepMilliseconds = 20
    /// Campaigns running at one time.
    static let campaignLimit = 200

    struct Parts: Sendable {
        var store: Store
        var desk: GateDesk
        var center: CallCenter
        var files: MediaFiles
        var bus: EventBus
        var metrics: MetricsRegistry
        var logger: Logger
        var target: @Sendable (PhoneNumber) -> String
        var recordingPath: @Sendable (CallID) -> String
        /// `PlatformConfiguration.transcriptURL`
        var transcriptURL: String?
    }

    private struct Running {
        var campaign: Campaign
        var pacer: Pacer
        var conversation: CallPlan.Conversation
        var voicemail: PlaybackClip?
        /// When nothing was due: ask again no earlier than this.
        var idleUntil = Instant.zero
    }

    private let parts: Parts
    private var running: [CampaignID: Running] = [:]
    /// Whose start waits for the store. A pause takes it out again.
    private var starting: Set<CampaignID> = []
    /// Live calls of each campaign. Outlives a pause: calls go on while their campaign is paused.
    private var active: [CampaignID: Int] = [:]

    init(_ parts: Parts) { self.parts = parts }

    /// Starts or resumes a campaign whose audio files can be read.
    func start(_ campaign: Campaign) async throws {
        guard running[campaign.id] == nil else { return }
        guard running.count < Self.campaignLimit else {
            throw PlatformError.unavailable(
                "too_many_campaigns", "\(Self.campaignLimit) campaigns are running already")
        }
        var conversation = CallPlan.Conversation.silence
        if let url = campaign.streamURL {
            conversation = .stream(url: url)
        } else if let path = campaign.messagePath {
            conversation = .play(try parts.files.clip(path, field: "message_path"))
        } else {
            throw PlatformError.invalid(
                "stream_url", "a campaign needs stream_url or message_path before it can start")
        }
        let voicemail = try campaign.voicemailPath.map { path throws(PlatformError) in
            try parts.files.clip(path, field: "voicemail_path")
        }
        starting.insert(campaign.id)
        do {
            try await parts.store.setStatus(.running, of: campaign.id)
        } catch {
            starting.remove(campaign.id)
            throw error
        }
        // A pause, or another start, may have come while this one waited for the store.
        guard starting.remove(campaign.id) != nil, running[campaign.id] == nil else { return }
        running[campaign.id] = Running(
            campaign: campaign,
            pacer: Pacer(
                callsPerMinute: campaign.callsPerMinute,
                maximumConcurrent: campaign.maximumConcurrentCalls),
            conversation: conversation, voicemail: voicemail)
        parts.logger.info("campaign running", metadata: ["campaign": "\(campaign.id)"])
    }

    func pause(_ id: CampaignID) async throws {
        starting.remove(id)
        running[id] = nil
        try await parts.store.setStatus(.paused, of: id)
        parts.logger.info("campaign paused", metadata: ["campaign": "\(id)"])
    }

    /// New contacts are there: look at once.
    func wake(_ id: CampaignID) { running[id]?.idleUntil = .zero }

    /// Steps every running campaign until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            for id in running.keys.sorted() { await step(id) }
            try? await Task.sleep(for: .milliseconds(Self.stepMilliseconds))
        }
    }

    /// Places at most one call of a campaign.
    private func step(_ id: CampaignID) async {
        let now = SystemClock.instant
        guard let state = running[id], now >= state.idleUntil,
            state.pacer.mayStart(active: active[id] ?? 0, now: now)
        else { return }
        var claimed: Claim?
        do {
            claimed = try await parts.store.claimNext(id, now: SystemClock.wall)
            guard let claim = claimed else {
                try await idle(id)
                return
            }
            try await attempt(claim, id)
        } catch {
            // Nothing is dialled unless the claim and the decision are durable; try again shortly.
            parts.logger.error(
                "campaign step failed", metadata: ["campaign": "\(id)", "reason": "\(error)"])
            running[id]?.idleUntil = SystemClock.instant + .seconds(1)
            // The store refuses this for a claim that may have been dialled or has its record.
            if let claimed {
                try? await parts.store.release(claimed, until: SystemClock.wall + .seconds(1))
            }
        }
    }

    private func idle(_ id: CampaignID) async throws {
        running[id]?.idleUntil = SystemClock.instant + .milliseconds(250)
        guard active[id] ?? 0 == 0 else { return }
        let counts = try await parts.store.contactCounts(id)
        let open = (counts[.pending] ?? 0) + (counts[.inProgress] ?? 0)
        guard open == 0, counts.values.contains(where: { $0 > 0 }), running[id] != nil else {
            return
        }
        guard try await parts.store.completeIfDone(id) else { return }
        running[id] = nil
        parts.logger.info("campaign completed", metadata: ["campaign": "\(id)"])
    }

    private func attempt(_ claim: Claim, _ id: CampaignID) async throws {
        guard let state = running[id] else {
            // Paused while the claim was made: give it back.
            try await parts.store.release(claim, until: SystemClock.wall)
            return
        }
        let contact = claim.contact
        let decision = await parts.desk.decide(contact: contact, campaign: state.campaign)
        guard running[id] != nil else {
            try await parts.store.release(claim, until: SystemClock.wall)
            return
        }
        let decisionID = try await parts.store.saveDecision(
            decision, call: claim.call, contact: contact.id)
        switch decision.verdict {
        case .wait(let until):
            // `until` is on the gate's clock.
            let delay = until - decision.decidedAt
            try await parts.store.release(claim, until: SystemClock.wall + delay)
        case .block where decision.isSetupProblem:
            try await parts.store.release(claim, until: SystemClock.wall)
            publish(.gateBlocked(reasons: decision.reasons), claim, id)
            try await pause(id)
            parts.logger.error(
                "campaign paused: the gate lacks what it needs to decide",
                metadata: [
                    "campaign": "\(id)",
                    "checks": "\(decision.failed.map(\.detail).joined(separator: "; "))",
                ])
        case .block:
            publish(.gateBlocked(reasons: decision.reasons), claim, id)
            let record = blockedRecord(claim, id, decision, decisionID)
            CallCenter.count(record, parts.metrics)
            try await parts.store.finish(record, contactStatus: .blocked, nextAttemptAt: nil)
        case .allow:
            // The decision was being written meanwhile: who has paused the campaign gets no call.
            guard running[id] != nil else {
                await parts.store.withdraw(claim, until: SystemClock.wall, logger: parts.logger)
                return
            }
            publish(.gateAllowed, claim, id)
            await dial(claim, state, decisionID)
        }
    }

    private func dial(_ claim: Claim, _ state: Running, _ decisionID: String) async {
        let id = state.campaign.id
        running[id]?.pacer.started(now: SystemClock.instant)
        active[id, default: 0] += 1
        let contact = claim.contact
        var plan = CallPlan(
            id: claim.call, direction: .outbound, campaign: id, contact: contact.id,
            attempt: claim.attempt, number: contact.number, conversation: state.conversation,
            voicemail: state.voicemail, record: state.campaign.record,
            recordingPath: parts.recordingPath(claim.call),
            ringTimeout: .seconds(Int64(state.campaign.ringTimeoutSeconds)),
            maximumDuration: .seconds(Int64(state.campaign.maximumCallSeconds)),
            decisionID: decisionID,
            streamParameters: [
                "campaign_id": id.value, "contact_id": contact.id.value,
                "attempt": String(claim.attempt),
            ])
        plan.transcriptURL = parts.transcriptURL
        plan.answerPolicy = state.campaign.answerPolicy
        await parts.center.place(
            plan, target: parts.target(contact.number), from: state.campaign.callerID.e164
        ) { [self] record in
            await finished(record, claim, maximum: state.campaign.maximumAttempts)
        }
    }

    private func finished(_ record: CallRecord, _ claim: Claim, maximum: Int) async {
        let next = RetryPolicy.after(
            reason: record.endReason, attempt: record.attempt, maximum: maximum,
            now: record.endedAt, earlierUncounted: claim.earlierUncounted,
            earlierDeclined: claim.earlierDeclined,
            hasRung: record.hasRung)
        let status = RetryPolicy.status(after: next, reason: record.endReason)
        let nextAttemptAt: WallTime? = if case .retry(let at) = next { at } else { nil }
        await parts.store.finish(
            record, contactStatus: status, nextAttemptAt: nextAttemptAt, logger: parts.logger)
        if let id = record.campaign {
            active[id, default: 0] -= 1
            if active[id] == 0 { active[id] = nil }
            running[id]?.idleUntil = .zero
        }
    }

    private func publish(_ kind: CallEvent.Kind, _ claim: Claim, _ id: CampaignID) {
        parts.bus.publish(
            CallEvent(
                call: claim.call, campaign: id, contact: claim.contact.id, at: SystemClock.wall,
                kind: kind))
    }

    private func blockedRecord(
        _ claim: Claim, _ id: CampaignID, _ decision: GateDecision, _ decisionID: String
    ) -> CallRecord {
        let now = SystemClock.wall
        let event = CallEvent(
            call: claim.call, campaign: id, contact: claim.contact.id, at: now,
            kind: .gateBlocked(reasons: decision.reasons))
        var facts = CallFlowFacts(startedAt: now)
        facts.events = [event]
        facts.gateReasons = decision.reasons
        return facts.record(
            plan: CallPlan(
                id: claim.call, direction: .outbound, campaign: id, contact: claim.contact.id,
                attempt: claim.attempt, number: claim.contact.number, conversation: .silence,
                decisionID: decisionID),
            reason: .gateBlocked, status: 0, at: now)
    }
}
