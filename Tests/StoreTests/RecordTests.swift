import Base
import CallModel
import Foundation
import GRDB
import Testing

@testable import Store

private let evidence = {
    var evidence = AnswerEvidence()
    evidence.speechMs = 4100
    evidence.firstSpeechMs = 700
    evidence.pauseMs = 1310
    evidence.hasBeep = true
    evidence.personScore = 0.04
    evidence.hint = .ivr
    return evidence
}()

private let everyEvent: [CallEvent.Kind] = [
    .gateAllowed, .gateBlocked(reasons: ["internal_dnc", "time_zone_window"]), .dialing, .ringing,
    .earlyMedia, .answered, .speechStart(ms: 120), .speechEnd(ms: 900),
    .beep(startMs: -5, endMs: 2, frequencyHz: 1000.5, levelDBm0: -12.5),
    .tone(kind: "busy", ms: 3), .tone(kind: "sit", ms: 3, information: .noCircuit),
    .dtmf(digit: "#", source: "rfc4733"),
    .verdict(.voicemail, final: true, confidence: 0.875, reason: "long greeting"),
    .verdict(.ivr, final: false, confidence: 0.5, reason: "transcript", evidence: evidence),
    .readyForMessage(ms: 5410), .playFinished(id: 1000, completed: false),
    .linkEnded(LinkID(7), reason: "disconnected"),
    .identity(result: "verified_A"), .transfer(status: 180, final: false, to: CallID("CA9")),
    .greetingEnd(ms: 4), .streamConnected, .streamEnded(reason: "closed \"1000\""),
    .mark(name: "m\\1"), .voicemailStarted, .bargeIn(ms: 5),
    .voicemailInterrupted, .voicemailFinished, .optOut(source: "dtmf"),
    .recordingFinished(path: "/r.wav"), .recordingFailed(reason: "disk full"),
    .ended(.maximumDuration),
]

private func fullRecord() throws -> CallRecord {
    let call = CallID("call-1")
    var media = MediaSummary(
        packetsReceived: 100, packetsSent: 99, packetsLost: -1, packetsRejected: 2,
        jitterMilliseconds: 1.25)
    media.mos = 4.25
    media.rFactor = 87.5
    media.roundTripMilliseconds = 31.5
    media.remotePacketsLost = -3
    media.remoteJitterMilliseconds = 2.5
    media.remoteMOS = 3.9
    return CallRecord(
        id: call, direction: .outbound, campaign: CampaignID("m1"), contact: ContactID("p1"),
        attempt: 2, number: try .test(1), startedAt: morning, ringingAt: morning + .seconds(1),
        answeredAt: morning + .seconds(5), endedAt: morning + .seconds(65),
        endReason: .maximumDuration, sipStatus: 200, verdict: .voicemail,
        verdictConfidence: 0.875, disposition: .voicemailLeft, outcome: .voicemailLeft,
        outcomeConfidence: 0.9, summary: "Left the message; \"ok\".",
        recordingPath: "/data/r.wav", decisionID: "decision-1",
        events: everyEvent.enumerated().map { index, kind in
            CallEvent(
                call: call, campaign: index % 2 == 0 ? CampaignID("m1") : nil,
                contact: index % 3 == 0 ? ContactID("p1") : nil,
                at: morning + .milliseconds(Int64(index)), kind: kind)
        },
        media: media)
}

/// A store of the release before the quality columns: its records stay, and have no quality.
@Test func recordsOfAnOlderReleaseAreReadAndHaveNoQuality() async throws {
    let folder = try TemporaryFolder()
    try folder.raw { database in
        try database.execute(sql: "PRAGMA journal_mode = WAL")
    }
    let queue = try DatabaseQueue(path: folder.database)
    try Schema.migrator.migrate(queue, upTo: "1 calls")
    try await queue.write { database in
        for (id, received) in [("old", 100 as Int?), ("silent", nil)] {
            try database.execute(
                sql: """
                    INSERT INTO call_records (
                        call_id, direction, attempt, started_at, ended_at, end_reason, sip_status,
                        disposition, outcome, outcome_confidence, summary, events,
                        packets_received, packets_sent, packets_lost, packets_rejected,
                        jitter_milliseconds, counts
                    ) VALUES (?, 'outbound', 1, 1000, 2000, 'local_hangup', 200,
                        'answered_human', 'not_interested', 0.5, 'said no', '[]', ?, ?, ?, ?, ?, 0)
                    """,
                arguments: [
                    id, received, received.map { _ in 90 }, received.map { _ in 7 },
                    received.map { _ in 1 }, received.map { _ in 1.5 },
                ])
        }
    }
    try queue.close()
    let store = try Store(path: folder.database)
    let old = try #require(try await store.callRecord(CallID("old")))
    #expect(
        old.media
            == MediaSummary(
                packetsReceived: 100, packetsSent: 90, packetsLost: 7, packetsRejected: 1,
                jitterMilliseconds: 1.5))
    #expect(old.media?.mos == nil)
    #expect(try await store.callRecord(CallID("silent"))?.media == nil)
    // And new ones stand beside them.
    let full = try fullRecord()
    try await store.finish(full)
    #expect(try await store.callRecords().map(\.media?.mos) == [4.25, nil, nil])
}

@Test func everyFieldOfARecordComesBack() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    let full = try fullRecord()
    let bare = CallRecord(
        id: CallID("call-2"), direction: .inbound, startedAt: morning, endedAt: morning,
        endReason: .cancelled, disposition: .failed, outcome: .technicalFailure)
    try await store.finish(full)
    try await store.finish(bare)
    #expect(try await store.callRecord(full.id) == full)
    #expect(try await store.callRecord(bare.id) == bare)
    #expect(try await store.callRecord(CallID("none")) == nil)
}

@Test func eventsOfALaterReleaseAreLeftOutAndGarbageIsNone() {
    let call = CallID("c")
    let known = CallEvent(call: call, at: morning, kind: .answered)
    let unknown = #"{"event":"teleported","call_id":"c","at":"2026-11-23T00:03:58.120Z"}"#
    #expect(StoredEvents.decode("[\(unknown),\(known.json)]") == [known])
    for text in ["", "{}", "[1]", "[{}]", "null", "[", #"[{"event":"beep"}]"#] {
        #expect(StoredEvents.decode(text) == [])
    }
    let json = StoredEvents.encode(everyEvent.map { CallEvent(call: call, at: morning, kind: $0) })
    for count in stride(from: 0, to: json.utf8.count, by: 7) {
        #expect(StoredEvents.decode(String(decoding: json.utf8.prefix(count), as: UTF8.self)) == [])
    }
}

@Test func recordsAreListedLastFirstPageByPage() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    for index in 0..<12 {
        try await store.finish(
            CallRecord(
                id: CallID("c\(index)"), direction: .outbound,
                campaign: CampaignID(index % 2 == 0 ? "even" : "odd"),
                startedAt: morning + .seconds(Int64(index)), endedAt: morning + .seconds(100),
                endReason: .busy, disposition: .busy, outcome: .noAnswer))
    }
    let all = try await store.callRecords()
    #expect(all.map(\.id.value) == (0..<12).reversed().map { "c\($0)" })
    let even = CampaignID("even")
    let first = try await store.callRecords(campaign: even, limit: 4)
    #expect(first.map(\.id.value) == ["c10", "c8", "c6", "c4"])
    let second = try await store.callRecords(campaign: even, limit: 4, before: first.last?.id)
    #expect(second.map(\.id.value) == ["c2", "c0"])
    #expect(try await store.callRecords(campaign: even, before: CallID("c0")).isEmpty)
    #expect(try await store.callRecords(before: CallID("never seen")).isEmpty)
    #expect(try await store.callRecords(limit: -1).count == 1)
}

@Test func listingsAreFilteredByEachField() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    let full = try fullRecord()
    try await store.finish(full)
    try await store.finish(
        CallRecord(
            id: CallID("other"), direction: .inbound, campaign: CampaignID("m2"),
            contact: ContactID("p2"), startedAt: morning + day, endedAt: morning + day,
            endReason: .busy, disposition: .busy, outcome: .noAnswer))
    let filters = [
        RecordFilter(campaign: full.campaign), RecordFilter(contact: full.contact),
        RecordFilter(direction: .outbound), RecordFilter(endReason: .maximumDuration),
        RecordFilter(disposition: .voicemailLeft), RecordFilter(outcome: .voicemailLeft),
        RecordFilter(to: morning + day), RecordFilter(from: morning, to: morning + .seconds(1)),
        RecordFilter(campaign: full.campaign, direction: .outbound, outcome: .voicemailLeft),
    ]
    for filter in filters {
        #expect(try await store.callRecords(filter).map(\.id) == [full.id], "\(filter)")
    }
    #expect(try await store.callRecords(RecordFilter(from: morning + .seconds(1))).count == 1)
    let none = RecordFilter(direction: .inbound, outcome: .escalated)
    #expect(try await store.callRecords(none) == [])
}

@Test func aRecordCannotBeChangedOrRemoved() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    try await store.finish(try fullRecord())
    for sql in ["UPDATE call_records SET outcome = 'sale_completed'", "DELETE FROM call_records"] {
        await #expect(throws: StoreError.self) {
            try await store.write { try $0.execute(sql: sql) }
        }
    }
    #expect(try await store.callRecord(CallID("call-1")) == (try fullRecord()))
}

@Test func analyticsAreCountsOverTheRecords() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 0)
    func add(
        _ id: String, _ reason: EndReason, _ disposition: Disposition, _ outcome: Outcome,
        talk: Int64? = nil, interest: Double? = nil, campaign: String = "m1"
    ) async throws {
        try await store.finish(
            CallRecord(
                id: CallID(id), direction: .outbound, campaign: CampaignID(campaign),
                startedAt: morning, answeredAt: talk.map { _ in morning },
                endedAt: morning + .milliseconds(talk ?? 0), endReason: reason,
                disposition: disposition, outcome: outcome), interest: interest)
    }
    try await add("1", .remoteHangup, .answeredHuman, .saleCompleted, talk: 60_500, interest: 9)
    try await add("2", .localHangup, .answeredHuman, .callbackRequested, talk: 30_000, interest: 6)
    try await add("3", .optOut, .optedOut, .doNotCall, talk: 10_000, interest: 0)
    try await add("4", .localHangup, .voicemailLeft, .voicemailLeft, talk: 20_000)
    try await add("5", .busy, .busy, .noAnswer)
    try await add("6", .gateBlocked, .blockedByGate, .doNotCall)
    try await add("7", .localHangup, .answeredHuman, .escalated, talk: 1_000, campaign: "m1")
    try await add("8", .localHangup, .answeredHuman, .saleCompleted, talk: 1, campaign: "m2")
    let sums = try await store.analytics(CampaignID("m1"))
    #expect(sums.records == 7)
    #expect(sums.calls == 6)
    #expect(sums.answered == 5)
    #expect(sums.outcomes.count == 10)
    #expect(sums.outcomes[.saleCompleted] == 1)
    #expect(sums.outcomes[.doNotCall] == 1)
    #expect(sums.outcomes[.wrongNumber] == 0)
    #expect(sums.outcomes.values.reduce(0, +) == sums.calls)
    #expect(sums.dispositions.count == 12)
    #expect(sums.dispositions[.answeredHuman] == 3)
    #expect(sums.dispositions[.blockedByGate] == 0)
    #expect(sums.averageInterest == 5)
    #expect(sums.talkSeconds == 121.5)
    #expect(sums.conversionRate == 1.0 / 6)
    #expect(sums.callbackRate == 1.0 / 6)
    #expect(sums.escalationRate == 1.0 / 6)
    #expect(sums.doNotCallRequests == 1)
}

@Test func analyticsOfAnEmptyOrUnknownCampaign() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 0)
    let sums = try await store.analytics(CampaignID("m1"))
    #expect(sums.records == 0)
    #expect(sums.conversionRate == 0)
    #expect(sums.averageInterest == nil)
    await #expect(throws: StoreError.notFound("campaign")) {
        _ = try await store.analytics(CampaignID("none"))
    }
}
