import Base
import CallModel
import Foundation
import GRDB

@testable import Compliance
@testable import Store

/// A folder of its own for one test, gone with the value.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "trunkline-store-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var database: String { path + "/store.sqlite" }

    /// A plain connection beside the store, as an attacker or a restored backup would have.
    func raw<Value>(_ body: (Database) throws -> Value) throws -> Value {
        let queue = try DatabaseQueue(path: database)
        defer { try? queue.close() }
        return try queue.writeWithoutTransaction(body)
    }
}

let morning = WallTime(milliseconds: 1_795_392_238_120)  // 2026-11-23T00:03:58.120Z
let day = Interval.seconds(86_400)

extension PhoneNumber {
    /// +1 212 555 0000 … +1 212 555 9999
    static func test(_ index: Int) throws -> PhoneNumber {
        try PhoneNumber("+1212555" + padded(index, 4))
    }
}

extension Campaign {
    static func test(_ id: String, status: Status = .running) throws -> Campaign {
        Campaign(
            id: CampaignID(id), name: "Campaign \(id)", status: status, callerID: try .test(9999))
    }
}

extension Contact {
    static func test(_ index: Int, campaign: String = "m1") throws -> Contact {
        Contact(
            id: ContactID("\(campaign)-p\(index)"), campaign: CampaignID(campaign),
            number: try .test(index), name: Redacted("Person \(index)"))
    }
}

extension GateDecision {
    static func test(_ verdict: Verdict) -> GateDecision {
        GateDecision(
            verdict: verdict,
            checks: [
                CheckResult(
                    check: .consent, passed: verdict == .allow, detail: "consent on file \"web\"")
            ], ruleSet: "test-1", zones: ["America/New_York"], states: ["NY"], decidedAt: morning)
    }
}

extension Claim {
    func record(_ reason: EndReason, at time: WallTime = morning) -> CallRecord {
        CallRecord(
            id: call, direction: .outbound, campaign: contact.campaign, contact: contact.id,
            attempt: attempt, number: contact.number, startedAt: claimedAt, endedAt: time,
            endReason: reason, disposition: .failed, outcome: .noAnswer)
    }
}

/// A store with one running campaign `m1` of `contacts` contacts.
func storeWithCampaign(_ folder: TemporaryFolder, contacts: Int) async throws -> Store {
    let store = try Store(path: folder.database)
    try await store.insert(.test("m1"))
    _ = try await store.importContacts((0..<contacts).map { try .test($0) })
    return store
}
