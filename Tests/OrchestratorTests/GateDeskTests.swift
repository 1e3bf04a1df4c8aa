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
