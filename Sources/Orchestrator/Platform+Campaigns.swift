public import Base
public import CallModel
public import Campaigns
public import Compliance
internal import Store
internal import Telemetry

/// What an import of contacts did.
public struct ImportReport: Sendable {
    /// New contacts of the campaign.
    public var imported: Int
    /// Rows whose number the campaign has already.
    public var duplicates: Int
    /// Rows that were left out, and why; at most `ContactCSV.Limits.errors` and one more.
    public var errors: [RowError]
}

extension Platform {
    /// Adds it as it is, usually a draft.
    ///
    /// - Throws: `PlatformError` 400 for a name, URL or audio file that cannot be used;
    ///   `StoreError.conflict` when its identifier is taken.
    public func createCampaign(_ campaign: Campaign) async throws {
        if campaign.name.isEmpty || campaign.name.utf8.count > 200 {
            throw PlatformError.invalid("name", "name must have 1 to 200 bytes")
        }
        try Self.check(streamURL: campaign.streamURL, field: "stream_url")
        if let path = campaign.voicemailPath { _ = try files.clip(path, field: "voicemail_path") }
        if let path = campaign.messagePath { _ = try files.clip(path, field: "message_path") }
        try await store.insert(campaign)
    }

    /// nil when there is none of this identifier.
    public func campaign(_ id: CampaignID) async throws -> Campaign? {
        try await store.campaign(id)
    }
    /// In the order they were added.
    public func campaigns() async throws -> [Campaign] { try await store.campaigns() }
    /// Contacts by status; every status is there, if only with 0.
    public func contactCounts(_ id: CampaignID) async throws -> [ContactStatus: Int] {
        try await store.contactCounts(id)
    }

    /// Reads a contact list; good rows go in, each bad row is reported.
    ///
    /// - Throws: `PlatformError` 404, 409 for a completed campaign.
    public func importContacts(
        _ csv: [UInt8], into id: CampaignID
    ) async throws -> ImportReport {
        guard try await store.campaign(id) != nil else { throw PlatformError.notFound("campaign") }
        var system = SystemRandomNumberGenerator()
        var generator = SeededGenerator(seed: system.next())
        let parsed = ContactCSV.parse(csv, campaign: id, generator: &generator)
        let result: (inserted: Int, duplicates: Int)
        do {
            result = try await store.importContacts(parsed.contacts)
        } catch .conflict(let problem) {
            throw PlatformError.conflict(problem)
        }
        await runner.wake(id)
        return ImportReport(
            imported: result.inserted, duplicates: result.duplicates, errors: parsed.errors)
    }

    /// Starts or resumes dialling. Starting a running campaign is no error.
    ///
    /// - Throws: `PlatformError` 404, 409 without a trunk or from a status that cannot become
    ///   running, 400 for a setting that cannot work, 503 at the limit of running campaigns.
    public func start(campaign id: CampaignID) async throws {
        guard let campaign = try await store.campaign(id) else {
            throw PlatformError.notFound("campaign")
        }
        guard configuration.hasTrunk else {
            throw PlatformError.conflict("no trunk is configured: set `trunk` and restart")
        }
        if campaign.status != .running { try move(campaign, to: .running) }
        try await runner.start(campaign)
    }

    /// No new attempts; calls under way go on. Pausing a paused campaign is no error.
    ///
    /// - Throws: `PlatformError` 404, or 409 from a status that cannot become paused.
    public func pause(campaign id: CampaignID) async throws {
        guard let campaign = try await store.campaign(id) else {
            throw PlatformError.notFound("campaign")
        }
        if campaign.status == .paused { return }
        try move(campaign, to: .paused)
        try await runner.pause(id)
    }

    /// Refuses what the campaign's state machine does not allow.
    private func move(_ campaign: Campaign, to status: Campaign.Status) throws(PlatformError) {
        var moved = campaign
        do throws(CampaignError) {
            try moved.move(to: status)
        } catch {
            if case .invalid(let field, let message) = error { throw .invalid(field, message) }
            throw .conflict("a \(error)")
        }
    }

    /// In force for the very next decision. When it throws, the store has not taken it yet: the number
    /// is blocked, journalled, and stored as soon as that is possible.
    ///
    /// - Parameter source: how it was asked for, a word for metric and record: `api`.
    public func addToInternalList(
        _ number: PhoneNumber, source: String, call: CallID?
    ) async throws {
        metrics.counter(Catalogue.optOuts, [source]).increment()
        desk.remember(optOut: number)
        let entry = OptOutJournal.Entry(
            number: number, source: source, call: call, at: SystemClock.wall)
        do {
            try await store.addToInternalList(
                number, source: source, call: call, at: entry.at)
            desk.forget(optOut: number)
        } catch {
            // Who asked is told, and may ask again; what he wanted is seen through all the same.
            Task { await optOuts.keep(entry) }
            throw error
        }
    }

    /// Of the store's list: what waits to be stored is not in it.
    public func isOnInternalList(_ number: PhoneNumber) async throws -> Bool {
        try await store.isOnInternalList(number)
    }

    /// The gate's decision on a number, without dialling it.
    public func checkCompliance(
        contact: Contact, campaign: Campaign
    ) async -> GateDecision {
        await desk.decide(contact: contact, campaign: campaign)
    }

    // MARK: health

    /// Store, media and SIP, in this order.
    public func health() async -> [HealthCheck] {
        let storeOpen = (try? await store.check()) != nil
        let signalling = await agent.isListening()
        return [
            HealthCheck(
                name: "store", healthy: storeOpen, detail: storeOpen ? "open" : "not writable"),
            HealthCheck(
                name: "media", healthy: engine.isHealthy,
                detail: engine.isHealthy ? "\(engine.legCount) legs" : "a worker has stopped"),
            HealthCheck(
                name: "sip", healthy: signalling,
                detail: signalling
                    ? "listening on \(configuration.sip.host):\(configuration.sip.port)"
                    : "not listening"),
        ]
    }
}
