import Base
import CallModel
import Foundation
import Logging
import Store
import Telemetry
import Testing

@testable import Orchestrator

/// A runner over a real store, without media or signalling: nothing is dialled.
private func runner(_ store: Store) throws -> CampaignRunner {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let metrics = MetricsRegistry()
    return CampaignRunner(
        CampaignRunner.Parts(
            store: store,
            desk: try GateDesk(settings: .init(), store: store, metrics: metrics, logger: logger),
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
