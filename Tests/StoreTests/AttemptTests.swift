import Base
import CallModel
import Compliance
import Foundation
import GRDB
import Testing

@testable import Store

private let m1 = CampaignID("m1")

@Test func aClaimIsTheOldestDueContactAndOnlyOnce() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 2)
    let first = try #require(try await store.claimNext(m1, now: morning))
    let second = try #require(try await store.claimNext(m1, now: morning))
    #expect(first.contact == (try .test(0)))
    #expect(second.contact == (try .test(1)))
    #expect(first.attempt == 1)
    #expect(first.earlierUncounted == 0)
    #expect(first.claimedAt == morning)
    #expect(first.call != second.call)
    #expect(try await store.claimNext(m1, now: morning) == nil)
    #expect(try await store.contactCounts(m1)[.inProgress] == 2)
    #expect(try await store.nextDue(m1) == nil)
}

@Test func nothingIsClaimedUnlessTheCampaignRuns() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    for status in [Campaign.Status.draft, .paused, .completed] {
        try await store.setStatus(status, of: m1)
        #expect(try await store.claimNext(m1, now: morning) == nil)
    }
    #expect(try await store.claimNext(CampaignID("none"), now: morning) == nil)
    try await store.setStatus(.running, of: m1)
    #expect(try await store.claimNext(m1, now: morning) != nil)
}

/// Many tasks at once: every contact goes to exactly one of them.
@Test func concurrentClaimsNeverShareAContact() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 40)
    let claims = try await withThrowingTaskGroup(of: [Claim].self) { group in
        for _ in 0..<8 {
            group.addTask {
                var mine: [Claim] = []
                while let claim = try await store.claimNext(m1, now: morning) { mine.append(claim) }
                return mine
            }
        }
        var all: [Claim] = []
        for try await claims in group { all += claims }
        return all
    }
    #expect(claims.count == 40)
    #expect(Set(claims.map(\.contact.id)).count == 40)
    #expect(Set(claims.map(\.call)).count == 40)
}

@Test func aReleasedClaimWasNeverAnAttempt() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    let claim = try #require(try await store.claimNext(m1, now: morning))
    let later = morning + .seconds(3600)
    try await store.release(claim, until: later)
    #expect(try await store.contact(claim.contact.id)?.attempts == 0)
    #expect(try await store.contact(claim.contact.id)?.notBefore == later)
    #expect(try await store.nextDue(m1) == later)
    #expect(try await store.claimNext(m1, now: morning + .seconds(3599)) == nil)
    let again = try #require(try await store.claimNext(m1, now: later))
    #expect(again.attempt == 1)
    #expect(again.call != claim.call)
    // The old claim is worth nothing any more.
    await #expect(throws: StoreError.self) { try await store.release(claim, until: later) }
    #expect(try await store.contactCounts(m1)[.inProgress] == 1)
}

@Test func whatMayHaveBeenDialledCannotBeReleased() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    let claim = try #require(try await store.claimNext(m1, now: morning))
    try await store.saveDecision(.test(.allow), call: claim.call, contact: claim.contact.id)
    await #expect(throws: StoreError.self) { try await store.release(claim, until: morning) }
    #expect(try await store.contactCounts(m1)[.inProgress] == 1)
}

@Test func finishWritesRecordContactAndAttemptTogether() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    let claim = try #require(try await store.claimNext(m1, now: morning))
    let retry = morning + .seconds(1800)
    try await store.finish(claim.record(.busy), contactStatus: .pending, nextAttemptAt: retry)
    #expect(try await store.callRecord(claim.call) == claim.record(.busy))
    let contact = try await store.contact(claim.contact.id)
    #expect(contact?.status == .pending)
    #expect(contact?.notBefore == retry)
    #expect(try await store.claimNext(m1, now: morning) == nil)
    let second = try #require(try await store.claimNext(m1, now: retry))
    #expect(second.attempt == 2)
    try await store.finish(second.record(.localHangup), contactStatus: .completed)
    #expect(try await store.contactCounts(m1)[.completed] == 1)
    #expect(try await store.claimNext(m1, now: retry + day) == nil)
}

@Test func aCallHasOneRecord() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    let claim = try #require(try await store.claimNext(m1, now: morning))
    try await store.finish(claim.record(.busy), contactStatus: .completed)
    await #expect(throws: StoreError.conflict("call \(claim.call) has its record already")) {
        try await store.finish(claim.record(.noAnswer), contactStatus: .pending)
    }
    // Nothing of the refused finish was kept.
    #expect(try await store.callRecord(claim.call)?.endReason == .busy)
    #expect(try await store.contactCounts(m1)[.completed] == 1)
    await #expect(throws: StoreError.self) {
        try await store.finish(claim.record(.busy), contactStatus: .inProgress)
    }
}

@Test func aClaimTellsWhatTheRetryPolicyAsks() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    var claims: [Claim] = []
    for reason in [EndReason.trunkError, .declined, .busy, .internalError, .noAnswer] {
        let claim = try #require(try await store.claimNext(m1, now: morning))
        claims.append(claim)
        try await store.finish(claim.record(reason), contactStatus: .pending)
    }
    #expect(claims.map(\.attempt) == [1, 2, 3, 4, 5])
    #expect(claims.map(\.earlierUncounted) == [0, 1, 1, 1, 2])
    #expect(claims.map(\.earlierDeclined) == [0, 0, 1, 1, 1])
}

@Test func nobodyIsCalledByTwoCampaignsAtOnce() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    try await store.insert(.test("m2"))
    _ = try await store.importContacts([.test(0, campaign: "m2"), .test(1, campaign: "m2")])
    let first = try #require(try await store.claimNext(m1, now: morning))
    let other = try #require(try await store.claimNext(CampaignID("m2"), now: morning))
    #expect(other.contact.id == ContactID("m2-p1"))
    #expect(try await store.claimNext(CampaignID("m2"), now: morning) == nil)
    try await store.finish(first.record(.busy), contactStatus: .completed)
    let freed = try await store.claimNext(CampaignID("m2"), now: morning)
    #expect(freed?.contact.id == ContactID("m2-p0"))
}

@Test func theDatabaseItselfRefusesASecondRowForAnAttempt() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    _ = try await store.claimNext(m1, now: morning)
    await #expect(throws: StoreError.self) {
        try await store.write { database in
            try database.execute(
                sql: """
                    INSERT INTO attempts SELECT 'other', contact_id, campaign_id, attempt, number,
                        claimed_at, state, counts FROM attempts
                    """)
        }
    }
}

@Test func interruptedAttemptsGetARecordAndTheirNumberIsUsedUp() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 3)
    let claimed = try #require(try await store.claimNext(m1, now: morning))
    let dialling = try #require(try await store.claimNext(m1, now: morning))
    let finished = try #require(try await store.claimNext(m1, now: morning))
    let decision = try await store.saveDecision(
        .test(.allow), call: dialling.call, contact: dialling.contact.id)
    try await store.finish(finished.record(.busy), contactStatus: .completed)
    try store.close()

    let now = morning + .seconds(60)
    let next = try Store(path: folder.database)
    let records = try await next.recoverInterrupted(now: now)
    #expect(Set(records.map(\.id)) == [claimed.call, dialling.call])
    for record in records {
        #expect(record.endReason == .interrupted)
        #expect(record.outcome == .technicalFailure)
        #expect(record.startedAt == morning)
        #expect(record.endedAt == now)
        #expect(record.attempt == 1)
        #expect(record.events.map(\.kind) == [.ended(.interrupted)])
        #expect(try await next.callRecord(record.id) == record)
    }
    #expect(records.first { $0.id == dialling.call }?.decisionID == decision)
    #expect(records.first { $0.id == claimed.call }?.decisionID == nil)
    #expect(try await next.recoverInterrupted(now: now).isEmpty)

    // Nothing was sent for the one: due at once. The other's telephone may have rung: in 5 min.
    let first = try #require(try await next.claimNext(m1, now: now))
    #expect(first.contact.id == claimed.contact.id)
    #expect(first.attempt == 2)
    #expect(first.earlierUncounted == 1)
    #expect(try await next.claimNext(m1, now: now + .seconds(299)) == nil)
    let second = try #require(try await next.claimNext(m1, now: now + .seconds(300)))
    #expect(second.contact.id == dialling.contact.id)
    #expect(second.attempt == 2)
    #expect(second.earlierUncounted == 0)
}

/// A server that dies on every call must not ring one person for ever.
@Test func interruptedDialsExhaustTheContact() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    var now = morning
    for attempt in 1...3 {
        let claim = try #require(try await store.claimNext(m1, now: now))
        #expect(claim.attempt == attempt)
        try await store.saveDecision(.test(.allow), call: claim.call, contact: claim.contact.id)
        #expect(try await store.recoverInterrupted(now: now).count == 1)
        now = now + .seconds(300)
    }
    #expect(try await store.contactCounts(m1)[.exhausted] == 1)
    #expect(try await store.claimNext(m1, now: now + day) == nil)
}

/// A trunk that lets a telephone ring and then fails is the trunk's fault, but the person has been rung.
@Test func whatHasRungCountsWhateverEndedIt() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 2)
    for (reason, rang, counts) in [
        (EndReason.trunkError, true, true), (.trunkError, false, false),
        (.configurationError, true, true), (.invalidNumber, false, false),
    ] {
        let claim = try #require(try await store.claimNext(m1, now: morning))
        var record = claim.record(reason)
        if rang { record.ringingAt = morning }
        let before = try await store.history(claim.contact.number, now: morning)
        try await store.finish(record, contactStatus: .pending, nextAttemptAt: morning)
        let after = try await store.history(claim.contact.number, now: morning)
        #expect(
            after.attemptsLast24Hours - before.attemptsLast24Hours == (counts ? 1 : 0), "\(reason)")
    }
}

/// A call without a contact has no row among the attempts: its decision says that it may have rung.
@Test func aDirectCallThatACrashCutShortCounts() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 1)
    let number = try PhoneNumber.test(7)
    let decisions = [
        (CallID("CA1"), GateDecision.Verdict.allow), (CallID("CA2"), .block),
        (CallID("CA3"), .allow),
    ]
    for (call, verdict) in decisions {
        try await store.saveDecision(.test(verdict), call: call, contact: nil, number: number)
    }
    let ended = CallRecord(
        id: CallID("CA3"), direction: .outbound, number: number, startedAt: morning,
        endedAt: morning, endReason: .trunkError, disposition: .failed, outcome: .technicalFailure)
    try await store.finish(ended)
    try store.close()

    let now = morning + .seconds(60)
    let next = try Store(path: folder.database)
    let records = try await next.recoverInterrupted(now: now)
    #expect(records.map(\.id) == [CallID("CA1")])
    let record = try #require(records.first)
    #expect(record.endReason == .interrupted && record.direction == .outbound)
    #expect(record.number == number && record.contact == nil && record.campaign == nil)
    #expect(record.decisionID == "decision-1" && record.startedAt == morning)
    #expect(try await next.callRecord(record.id) == record)
    #expect(try await next.history(number, now: now).attemptsLast24Hours == 1)
    #expect(try await next.recoverInterrupted(now: now).isEmpty)
}
