import Base
import CallModel
import Compliance
import Foundation
import GRDB
import Testing

@testable import Store

@Test func aListedNumberStaysListedWithItsFirstEntry() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    let number = try PhoneNumber.test(1)
    #expect(try await store.isOnInternalList(number) == false)
    #expect(
        try await store.addToInternalList(number, source: "dtmf", call: CallID("c1"), at: morning))
    #expect(
        try await store.addToInternalList(number, source: "api", call: nil, at: morning + day)
            == false)
    #expect(try await store.isOnInternalList(number))
    #expect(try await store.isOnInternalList(.test(2)) == false)
    #expect(try await store.internalListCount() == 1)
    let row = try await store.read { database in
        try Row.fetchOne(database, sql: "SELECT * FROM internal_list").map {
            ["\($0["source"] as String)", "\($0["call_id"] as String)", "\($0["at"] as Int64)"]
        }
    }
    #expect(row == ["dtmf", "c1", "1795392238120"])
    for sql in ["DELETE FROM internal_list", "UPDATE internal_list SET number = 'x'"] {
        await #expect(throws: StoreError.self) {
            try await store.write { try $0.execute(sql: sql) }
        }
    }
    try store.close()
    #expect(try await Store(path: folder.database).isOnInternalList(number))
}

private func call(
    _ id: String, _ number: Int, _ reason: EndReason, hoursAgo: Double, campaign: String? = nil,
    direction: CallRecord.Direction = .outbound, disposition: Disposition = .failed,
    answered: Bool = false
) throws -> CallRecord {
    let start = morning + .milliseconds(-Int64(hoursAgo * 3_600_000))
    return CallRecord(
        id: CallID(id), direction: direction, campaign: campaign.map { CampaignID($0) },
        number: try .test(number), startedAt: start, answeredAt: answered ? start : nil,
        endedAt: start, endReason: reason, disposition: disposition, outcome: .noAnswer)
}

@Test func historyCountsAttemptsThatCountAcrossCampaigns() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    let records = [
        try call("1", 1, .busy, hoursAgo: 1, campaign: "m1"),
        try call("2", 1, .noAnswer, hoursAgo: 9, campaign: "m2"),
        try call("3", 1, .declined, hoursAgo: 30),
        try call("4", 1, .busy, hoursAgo: 24 * 29),
        try call("5", 1, .busy, hoursAgo: 24 * 31),
        try call("6", 1, .trunkError, hoursAgo: 1),
        try call("7", 1, .gateBlocked, hoursAgo: 1),
        try call("8", 2, .busy, hoursAgo: 1),
        try call("9", 1, .remoteHangup, hoursAgo: 1, direction: .inbound),
    ]
    for record in records { try await store.finish(record) }
    let history = try await store.history(.test(1), now: morning)
    #expect(history.attemptsLast8Hours == 1)
    #expect(history.attemptsLast24Hours == 2)
    #expect(history.attemptsLast30Days == 4)
    #expect(history.lastAttemptAt == records[0].startedAt)
    #expect(history.oldestInLast24Hours == records[1].startedAt)
    #expect(history.hungUpOnAutomatedCall == false)
    #expect(try await store.history(.test(3), now: morning) == CallHistory())
}

/// 24 hours or 30 days ago to the millisecond is outside the window.
@Test func historyWindowsAreHalfOpen() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    try await store.finish(try call("1", 1, .busy, hoursAgo: 24))
    try await store.finish(try call("2", 1, .busy, hoursAgo: 24 * 30))
    var history = try await store.history(.test(1), now: morning)
    #expect(history.attemptsLast24Hours == 0)
    #expect(history.attemptsLast30Days == 1)
    history = try await store.history(.test(1), now: morning + .milliseconds(-1))
    #expect(history.attemptsLast24Hours == 1)
    #expect(history.attemptsLast30Days == 2)
}

@Test func historySeesWhatIsBeingDialledButNotTheClaimThatAsks() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    let claim = try #require(try await store.claimNext(CampaignID("m1"), now: morning))
    #expect(try await store.history(.test(0), now: morning).attemptsLast24Hours == 0)
    try await store.saveDecision(.test(.allow), call: claim.call, contact: claim.contact.id)
    #expect(try await store.history(.test(0), now: morning).attemptsLast24Hours == 1)
    try await store.finish(claim.record(.busy), contactStatus: .completed)
    #expect(try await store.history(.test(0), now: morning).attemptsLast24Hours == 1)
}

@Test func anInterruptedDialCountsAndAnUndialledClaimDoesNot() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 2)
    let dialled = try #require(try await store.claimNext(CampaignID("m1"), now: morning))
    try await store.saveDecision(.test(.allow), call: dialled.call, contact: dialled.contact.id)
    _ = try await store.claimNext(CampaignID("m1"), now: morning)
    _ = try await store.recoverInterrupted(now: morning)
    #expect(try await store.history(.test(0), now: morning).attemptsLast24Hours == 1)
    #expect(try await store.history(.test(1), now: morning).attemptsLast24Hours == 0)
}

@Test func aPersonWhoHungUpIsRemembered() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    try await store.finish(
        try call(
            "1", 1, .remoteHangup, hoursAgo: 24 * 400, disposition: .answeredHuman, answered: true))
    try await store.finish(
        try call(
            "2", 2, .remoteHangup, hoursAgo: 1, disposition: .answeredMachine, answered: true))
    let first = try await store.history(.test(1), now: morning)
    #expect(first.hungUpOnAutomatedCall)
    #expect(first.attemptsLast30Days == 0)
    #expect(try await store.history(.test(2), now: morning).hungUpOnAutomatedCall == false)
}
