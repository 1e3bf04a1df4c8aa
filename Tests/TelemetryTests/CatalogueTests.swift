import Foundation
import Testing

@testable import Telemetry

@Test func namesAreUniqueValidAndOurs() {
    var seen: Set<String> = []
    for definition in Catalogue.all {
        #expect(definition.name.hasPrefix("trunkline_"))
        #expect(MetricDefinition.isValidName(definition.name))
        #expect(seen.insert(definition.name).inserted, "\(definition.name) twice")
    }
    #expect(Catalogue.all.count >= 43)
}

@Test func namesFollowPrometheusConventions() {
    for definition in Catalogue.all {
        switch definition.kind {
        case .counter: #expect(definition.name.hasSuffix("_total"), "\(definition.name)")
        case .gauge: #expect(!definition.name.hasSuffix("_total"), "\(definition.name)")
        case .histogram(let buckets):
            #expect(definition.name.hasSuffix("_" + definition.unit), "\(definition.name)")
            #expect(["seconds", "mos"].contains(definition.unit))
            #expect(!buckets.isEmpty)
            #expect(zip(buckets, buckets.dropFirst()).allSatisfy { $0 < $1 }, "\(definition.name)")
            #expect(buckets.allSatisfy { $0.isFinite })
        }
        #expect(!definition.unit.isEmpty)
        #expect(definition.help.hasSuffix("."), "\(definition.name): help is a sentence")
        #expect(definition.labels.allSatisfy(MetricDefinition.isValidLabel), "\(definition.name)")
        #expect(Set(definition.labels).count == definition.labels.count)
    }
}

/// A label of these names would carry people's data or grow with the number of calls.
@Test func noLabelIsAboutOnePersonOrOneCall() {
    let forbidden = [
        "number", "phone", "name", "contact", "call", "call_id", "campaign", "from", "to",
        "address", "peer", "leg", "user", "path", "url",
    ]
    for definition in Catalogue.all {
        for label in definition.labels { #expect(!forbidden.contains(label), "\(definition.name)") }
    }
}

@Test func namesAndLabelsAreCheckedAsPrometheusDoes() {
    for good in ["a", "_a", "a9", "a:b", "A_b"] { #expect(MetricDefinition.isValidName(good)) }
    for bad in ["", "9a", "a-b", "a b", "ä", "a.b"] { #expect(!MetricDefinition.isValidName(bad)) }
    for good in ["reason", "_x", "end_reason"] { #expect(MetricDefinition.isValidLabel(good)) }
    for bad in ["", "le", "__name__", "a:b", "1st"] { #expect(!MetricDefinition.isValidLabel(bad)) }
}

/// docs/METRICS.md has exactly one row a metric, with its kind, unit, labels and a meaning.
@Test func documentationListsExactlyTheCatalogue() throws {
    let root = try #require(repositoryRoot(from: #filePath))
    let text = try String(contentsOf: root.appending(path: "docs/METRICS.md"), encoding: .utf8)
    var rows: [String: [String]] = [:]
    for line in text.split(separator: "\n") {
        let cells = line.split(separator: "|", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        guard cells.count == 7, cells[1].hasPrefix("`trunkline_") else { continue }
        let name = cells[1].trimmingCharacters(in: CharacterSet(charactersIn: "`"))
        #expect(rows[name] == nil, "\(name) has two rows")
        rows[name] = Array(cells[2...5])
    }
    for definition in Catalogue.all {
        guard let row = rows.removeValue(forKey: definition.name) else {
            Issue.record("docs/METRICS.md lacks \(definition.name)")
            continue
        }
        let labels = definition.labels.map { "`\($0)`" }.joined(separator: ", ")
        #expect(row[0] == definition.kind.name, "\(definition.name): kind")
        #expect(row[1] == definition.unit, "\(definition.name): unit")
        #expect(row[2] == (labels.isEmpty ? "–" : labels), "\(definition.name): labels")
        #expect(!row[3].isEmpty, "\(definition.name): meaning")
    }
    #expect(rows.isEmpty, "docs/METRICS.md lists what does not exist: \(rows.keys.sorted())")
}

/// The nearest folder above `file` that holds both Package.swift and docs/METRICS.md. Test sources
/// may be reached through a symlink (a room's own development package).
private func repositoryRoot(from file: String) -> URL? {
    var folder = URL(filePath: file).resolvingSymlinksInPath().deletingLastPathComponent()
    while folder.path.count > 1 {
        let candidates = ["Package.swift", "docs/METRICS.md"]
            .map { folder.appending(path: $0).path }
        if candidates.allSatisfy(FileManager.default.fileExists(atPath:)) { return folder }
        folder.deleteLastPathComponent()
    }
    return nil
}
