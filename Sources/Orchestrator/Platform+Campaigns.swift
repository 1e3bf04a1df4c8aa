public import Base
public import CallModel
public import Campaigns
public import Compliance
internal import Store
internal import Telemetry

/// What an import of contacts did.
public struct ImportReport: Sendable {
    public var imported: Int
    /// Rows whose number the campaign has already.
    public var duplicates: Int
    public var errors: [RowError]
}

extension Platform {
    public func createCampaign(_ campaign: Campaign) async throws {
        if campaign.name.isEmpty || campaign.name.utf8.count > 200 {
            throw PlatformError.invalid("name", "name must have 1 to 200 bytes")
        }
        try Self.check(streamURL: campaign.streamURL, field: "stream_url")
        if let path = campaign.voicemailPath { _ = try files.clip(path, field: "voicemail_path") }
        if let path = campaign.messagePath { _ = try files.clip(path, field: "message_path") }
        try await store.insert(campaign)
    }

    public func campaign(_ id: CampaignID) async throws -> Campaign? {
        try await store.campaign(id)
    }
    public func campaigns() async throws -> [Campaign] { try await store.campaigns() }
    public func contactCounts(_ id: CampaignID) async throws -> [ContactStatus: Int] {
        try await store.contactCounts(id)
    }

    /// Reads a contact list; good rows go in, each bad row is reported.
    public func importContacts(
        _ csv: [UInt8], into id: CampaignID
    ) async throws -> ImportReport {
        guard try await store.campaign(id) != nil else { throw PlatformError.notFound("campaign") }
        var system = SystemRandomNumberGenerator()
        var generator = SeededGenerator(seed: system.next())
        let parsed = ContactCSV.parse(csv, campaign: id, generator: &generator)
        let result = try await store.importContacts(parsed.contacts)
        await runner.wake(id)
        return ImportReport(
            imported: result.inserted, duplicates: result.duplicates, errors: parsed.errors)
    }

    public func start(campaign id: CampaignID) async throws {
        guard let campaign = try await store.campaign(id) else {
            throw PlatformError.notFound("campaign")
        }
        guard configuration.trunk != nil else {
            throw PlatformError.conflict("no trunk is configured: set `trunk` and restart")
        }
        if campaign.status != .running { try move(campaign, to: .running) }
        try await runner.start(campaign)
    }

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

    public func addToInternalList(
        _ number: PhoneNumber, source: String, call: CallID?
    ) async throws {
        metrics.counter(Catalogue.optOuts, [source]).increment()
        desk.remember(optOut: number)
        try await store.addToInternalList(
            number, source: source, call: call, at: SystemClock.wall)
        desk.forget(optOut: number)
    }

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
