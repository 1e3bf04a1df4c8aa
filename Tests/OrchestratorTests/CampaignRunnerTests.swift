import Base
import CallModel
import Foundation
import Logging
import Store
import Telemetry
import Testing

@testable import Orchestrator

/// A runner over a real store, without media or signalling: nothing is dialled.
private func runner(
    _ store: Store, _ settings: PlatformConfiguration.ComplianceSettings = .init(),
    _ metrics: MetricsRegistry = MetricsRegistry()
) throws -> CampaignRunner {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return CampaignRunner(
        CampaignRunner.Parts(
            store: store,
            desk: try GateDesk(settings: settings, store: store, metrics: metrics, logger: logger),
            center: CallCenter(), files: MediaFiles(roots: []), bus: EventBus(), metrics: metrics,
            logger: logger, target: { $0.e164 }, recordingPath: { $0.value }))
}

/// A pause that comes while a start waits for the store leaves the campaign paused for both, so that
/// the next start runs it.
@Test(.timeLimit(.minutes(3))) func startAndPauseAtOnceAgreeWithTheStore() async throws {
    let folder = NSTemporaryDirectory() + "trunkline-runner-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let store = try Store(path: folder + "/store.sqlite")
    defer { try? store.close() }
    let runner = try runner(store)
    var campaign = Campaign(
        id: CampaignID("m1"), name: "spring", status: .draft,
        callerID: try PhoneNumber("+12125550100"))
    campaign.streamURL = "ws://127.0.0.1:1/"
    try await store.insert(campaign)
    for _ in 0..<20 {
        let starting = campaign
        async let started: Void = runner.start(starting)
        async let paused: Void = runner.pause(starting.id)
        _ = try await (started, paused)
        try await runner.start(starting)
        #expect(try await store.campaign(campaign.id)?.status == .running)
        try await runner.pause(campaign.id)
        #expect(try await store.campaign(campaign.id)?.status == .paused)
    }
}

/// A pause that comes while the gate's yes is being written: nobody is dialled, and nothing of the
/// attempt stays behind that would keep the contact from its next one.
@Test(.timeLimit(.minutes(3))) func aPauseDuringTheDecisionGivesTheContactBack() async throws {
    let folder = NSTemporaryDirectory() + "trunkline-runner-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let store = try Store(path: folder + "/store.sqlite")
    defer { try? store.close() }
    var campaign = Campaign(
        id: CampaignID("m1"), name: "spring", purpose: .informational,
        callerID: try PhoneNumber("+12125550100"))
    campaign.streamURL = "ws://127.0.0.1:1/"
    try await store.insert(campaign)
    let contact = Contact(
        id: ContactID("p1"), campaign: campaign.id, number: try PhoneNumber("+12125550101"),
        state: "NY", consent: .written, consentAt: WallTime(rfc3339: "2026-05-04T09:00:00Z"))
    _ = try await store.importContacts([contact])
    try sqlite(
        folder + "/store.sqlite",
        """
        CREATE TRIGGER slow AFTER INSERT ON decisions BEGIN
            DELETE FROM attempts WHERE call_id = (
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000000)
                SELECT max(i) FROM n);
        END
        """)
    var settings = PlatformConfiguration.ComplianceSettings()
    settings.federalListWaiver = "test"
    settings.stateListWaiver = "test"
    settings.demonstrationClock = WallTime(rfc3339: "2026-06-17T17:00:00Z")
    let metrics = MetricsRegistry()
    let runner = try runner(store, settings, metrics)
    try await runner.start(campaign)
    let running = Task { await runner.run() }
    let allowed = metrics.counter(Catalogue.gateDecisions, ["allow"])
    while allowed.value == 0 { try await Task.sleep(for: .milliseconds(1)) }
    try await runner.pause(campaign.id)
    running.cancel()
    await running.value
    let counts = try await store.contactCounts(campaign.id)
    #expect(counts[.pending] == 1)
    #expect(counts[.inProgress] == 0)
    #expect(try await store.history(contact.number, now: SystemClock.wall).attemptsLast30Days == 0)
    try await store.setStatus(.running, of: campaign.id)
    #expect(try await store.claimNext(campaign.id, now: SystemClock.wall)?.attempt == 1)
}

private func sqlite(_ path: String, _ statement: String) throws {
    let python = Process()
    python.executableURL = URL(filePath: "/usr/bin/python3")
    python.arguments = [
        "-c", "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute(sys.argv[2])", path,
        statement,
    ]
    try python.run()
    python.waitUntilExit()
    try #require(python.terminationStatus == 0)
}
