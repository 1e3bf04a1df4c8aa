import Base
import CallModel
import Foundation
import Logging
import Store
import Telemetry
import Testing

@testable import Orchestrator

private func desk(
    _ folder: String, _ change: (inout PlatformConfiguration.ComplianceSettings) -> Void
) throws -> GateDesk {
    var settings = PlatformConfiguration.ComplianceSettings()
    settings.federalListWaiver = "test"
    settings.stateListWaiver = "test"
    change(&settings)
    return try GateDesk(
        settings: settings, store: try Store(path: folder + "/store.sqlite"),
        metrics: MetricsRegistry(),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
}

private func inFolder(_ body: (String) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "trunkline-desk-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
}

/// A download that broke off before its first line proves nobody free.
@Test(arguments: ["", "\n", "\r\n\r\n"]) func aListWithoutANumberIsNotUsed(
    text: String
) async throws {
    try await inFolder { folder in
        let path = folder + "/national.txt"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: PlatformConfiguration.Invalid.self) {
            try desk(folder) { $0.federalListPath = path }
        }
        #expect(throws: PlatformConfiguration.Invalid.self) {
            try desk(folder) { $0.stateListPaths = ["TX": path] }
        }
    }
}

/// 9 p.m. in New York is the end of its hours. A telephone rings later than it is dialled: it may wait 10 s
/// for its trunk and 30 s for its network before the ring time begins, and the last ring must lie inside.
@Test(arguments: [("2026-06-18T00:55:00Z", true), ("2026-06-18T00:59:00Z", false)])
func theLastRingLiesInsideTheHours(clock: String, isAllowed: Bool) async throws {
    try await inFolder { folder in
        let desk = try desk(folder) { $0.demonstrationClock = WallTime(rfc3339: clock) }
        var campaign = Campaign(
            id: CampaignID("m1"), name: "spring", purpose: .informational,
            callerID: try PhoneNumber("+12125550100"))
        campaign.ringTimeoutSeconds = 30
        let contact = Contact(
            id: ContactID("p1"), campaign: campaign.id, number: try PhoneNumber("+12125550101"),
            state: "NY", consent: .written, consentAt: WallTime(rfc3339: "2026-05-04T09:00:00Z"))
        let decision = await desk.decide(contact: contact, campaign: campaign)
        #expect((decision.verdict == .allow) == isAllowed, "\(decision.failed.map(\.detail))")
    }
}
