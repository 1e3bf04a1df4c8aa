import Base
import CallModel
import Foundation
import Testing

@Test func legIdentifiersReadWhatTheyWrite() {
    #expect(LegID(17).description == "leg-17")
    #expect(LegID(description: "leg-17") == LegID(17))
    #expect(LegID(description: "leg-4294967295") == LegID(.max))
    for bad in ["", "leg-", "17", "leg--1", "leg-4294967296", "LEG-1", "leg-1x", "leg- 1"] {
        #expect(LegID(description: bad) == nil)
    }
}

@Test func identifiersCompareByValue() {
    #expect(CallID("a") < CallID("b"))
    #expect(CampaignID("a") < CampaignID("b"))
    #expect(ContactID("a") < ContactID("b"))
    #expect(LegID(2) < LegID(10))
    #expect("\(CallID("c-1")) \(CampaignID("m")) \(ContactID("p"))" == "c-1 m p")
}

/// One row a status of RFC 3261 section 21 that a trunk may end an INVITE with.
@Test(arguments: [
    (300, EndReason.configurationError), (302, .configurationError), (400, .trunkError),
    (401, .configurationError), (403, .configurationError), (404, .invalidNumber),
    (407, .configurationError), (408, .noAnswer), (410, .invalidNumber),
    (415, .configurationError), (480, .unavailable), (481, .trunkError), (484, .invalidNumber),
    (428, .identityError), (436, .identityError), (437, .identityError), (438, .identityError),
    (486, .busy), (487, .noAnswer), (488, .configurationError), (500, .trunkError),
    (503, .trunkError), (504, .trunkError), (600, .busy), (603, .declined),
    (604, .invalidNumber), (606, .configurationError), (607, .unwanted),
    (608, .blockedByAnalytics), (699, .trunkError), (0, .trunkError), (-1, .trunkError),
])
func finalStatusDecidesTheEndReason(status: Int, reason: EndReason) {
    #expect(EndReason(status: status) == reason)
}

/// ATIS-1000099: a 603 from an analytics engine is no person who declined.
@Test func reasonHeaderTellsTheNetworkFromThePerson() {
    let network = "SIP;cause=603;text=\"Network Blocked\";v=analytics1;url=\"https://example.com\""
    #expect(EndReason(status: 603, reasonText: network) == .blockedByAnalytics)
    #expect(EndReason(status: 603, reasonText: "SIP;cause=603;text=\"Decline\"") == .declined)
}

/// What the telephone network meant, where the gateway's SIP status is a last resort.
@Test(arguments: [
    (480, "Q.850;cause=18", EndReason.noAnswer), (480, "Q.850;cause=19", .noAnswer),
    (480, "Q.850;cause=20", .unavailable), (480, "q.850 ; cause=31;text=\"normal\"", .unavailable),
    (503, "Q.850;cause=17", .busy), (500, "SIP;cause=500, Q.850;cause=1", .invalidNumber),
    (503, "Q.850;cause=34", .trunkError), (502, "Q.850;cause=27", .unavailable),
    (603, "Q.850;cause=21;text=\"Call Rejected\"", .declined),
    (400, "Q.850;cause=28", .invalidNumber),
    (400, "Q.850;cause=22", .invalidNumber), (503, "Q.850;cause=41", .trunkError),
    // Where SIP says it itself, SIP is believed.
    (486, "Q.850;cause=16", .busy), (404, "Q.850;cause=17", .invalidNumber),
    (487, "Q.850;cause=31", .noAnswer), (607, "Q.850;cause=21", .unwanted),
    (608, "Q.850;cause=21", .blockedByAnalytics),
    // And what cannot be read changes nothing.
    (480, "Q.850;cause=", .unavailable), (480, "Q.850;cause=999", .unavailable),
    (480, "Q.850", .unavailable), (503, "Preemption;cause=17", .trunkError),
    (480, "", .unavailable),
])
func isdnCauseRefinesTheEndReason(status: Int, reasonText: String, reason: EndReason) {
    #expect(EndReason(status: status, reasonText: reasonText) == reason)
}

/// The whole table, written out: when the same number may be tried again, and whether the attempt
/// counts against the person's limit.
@Test func endReasonsDecideRetryAndCount() {
    let minute: Int64 = 60
    let table: [EndReason: (retry: Int64?, counts: Bool)] = [
        .remoteHangup: (nil, true), .localHangup: (nil, true), .optOut: (nil, true),
        .maximumDuration: (nil, true), .mediaTimeout: (nil, true), .streamFailed: (nil, true),
        .busy: (30 * minute, true), .noAnswer: (240 * minute, true),
        .declined: (1440 * minute, true), .unavailable: (240 * minute, true),
        .cancelled: (nil, true), .invalidNumber: (nil, false), .unwanted: (nil, true),
        .blockedByAnalytics: (nil, true), .gateBlocked: (nil, false),
        .configurationError: (nil, false), .identityError: (nil, false),
        .transferred: (nil, true), .trunkError: (5 * minute, false),
        .engineFull: (5 * minute, false), .interrupted: (5 * minute, false),
        .internalError: (5 * minute, false),
    ]
    #expect(table.count == EndReason.allCases.count)
    for reason in EndReason.allCases {
        #expect(reason.retryDelay == table[reason]?.retry.map { Interval.seconds($0) }, "\(reason)")
        #expect(reason.countsAsAttempt == table[reason]?.counts, "\(reason)")
    }
}

/// Records, labels and the API carry these words: they may be added to, never changed.
@Test func wordsOnTheWireAreFixed() {
    #expect(
        EndReason.allCases.map(\.rawValue) == [
            "remote_hangup", "local_hangup", "opt_out", "maximum_duration", "media_timeout",
            "stream_failed", "transferred", "busy", "no_answer", "declined", "unavailable",
            "cancelled",
            "invalid_number", "unwanted", "blocked_by_analytics", "gate_blocked",
            "configuration_error", "identity_error", "trunk_error", "engine_full", "interrupted",
            "internal_error",
        ])
    #expect(
        Outcome.allCases.map(\.rawValue) == [
            "sale_completed", "callback_requested", "not_interested", "objection_unresolved",
            "voicemail_left", "no_answer", "wrong_number", "do_not_call", "escalated",
            "technical_failure",
        ])
    #expect(
        AnswerVerdict.allCases.map(\.rawValue) == [
            "human", "voicemail", "ivr", "screening", "unavailable", "fax", "sit", "silence",
            "unknown",
        ])
    #expect(
        Disposition.allCases.map(\.rawValue) == [
            "answered_human", "answered_machine", "voicemail_left", "opted_out", "busy",
            "no_answer", "declined", "fax", "invalid_number", "blocked_by_gate",
            "blocked_by_network", "failed",
        ])
    #expect(
        ContactStatus.allCases.map(\.rawValue)
            == ["pending", "in_progress", "completed", "blocked", "exhausted"])
    #expect(ConsentClass.allCases.map(\.rawValue) == ["none", "express", "written"])
}

@Test func consentClassesAreOrderedByStrength() {
    #expect(ConsentClass.none < .express)
    #expect(ConsentClass.express < .written)
    #expect(ConsentClass.none < .written)
    #expect(!(ConsentClass.written < .written))
}

@Test func campaignDefaultsAreThoseOfTheOriginalDesign() throws {
    let callerID = try PhoneNumber("+12125550100")
    let campaign = Campaign(id: CampaignID("m"), name: "n", callerID: callerID)
    #expect(campaign.callsPerMinute == 30)
    #expect(campaign.maximumAttempts == 3)
    #expect(campaign.maximumCallSeconds == 600)
    #expect(campaign.status == .draft)
    #expect(campaign.purpose == .marketing)
}

private let everyKind: [(CallEvent.Kind, String)] = [
    (.gateAllowed, "gate_allowed"), (.gateBlocked(reasons: ["a", "b"]), "gate_blocked"),
    (.dialing, "dialing"), (.ringing, "ringing"), (.earlyMedia, "early_media"),
    (.answered, "answered"), (.speechStart(ms: 120), "speech_start"),
    (.speechEnd(ms: 900), "speech_end"),
    (.beep(startMs: 1, endMs: 2, frequencyHz: 1000.04, levelDBm0: -12.34), "beep"),
    (.tone(kind: "busy", ms: 3), "tone"),
    (.dtmf(digit: "9", source: "rfc4733"), "dtmf"),
    (.verdict(.human, final: true, confidence: 0.9, reason: "short"), "verdict"),
    (.greetingEnd(ms: 4), "greeting_end"), (.readyForMessage(ms: 5), "ready_for_message"),
    (.streamConnected, "stream_connected"),
    (.streamEnded(reason: "closed"), "stream_ended"), (.mark(name: "m\"1"), "mark"),
    (.bargeIn(ms: 1), "barge_in"), (.voicemailInterrupted, "voicemail_interrupted"),
    (.voicemailStarted, "voicemail_started"), (.voicemailFinished, "voicemail_finished"),
    (.optOut(source: "dtmf"), "opt_out"),
    (.recordingFinished(path: "/r.wav"), "recording_finished"),
    (.playFinished(id: 1000, completed: true), "play_finished"),
    (.linkEnded(LinkID(7), reason: "source_closed"), "link_ended"),
    (.identity(result: "absent"), "identity"),
    (.transfer(status: 200, final: true, to: nil), "transfer"),
    (.recordingFailed(reason: "disk full"), "recording_failed"), (.ended(.busy), "ended"),
]

@Test func everyEventIsOneJSONObjectWithItsNameAndIdentifiers() throws {
    for (kind, name) in everyKind {
        let event = CallEvent(
            call: CallID("c1"), campaign: CampaignID("m1"), contact: ContactID("p1"),
            at: WallTime(milliseconds: 120), kind: kind)
        let object = try JSONSerialization.jsonObject(with: Data(event.json.utf8))
        let fields = try #require(object as? [String: Any])
        #expect(fields["event"] as? String == name)
        #expect(fields["call_id"] as? String == "c1")
        #expect(fields["campaign_id"] as? String == "m1")
        #expect(fields["contact_id"] as? String == "p1")
        #expect(fields["at"] as? String == "1970-01-01T00:00:00.120Z")
    }
    #expect(Set(everyKind.map(\.1)).count == everyKind.count)
}

@Test func eventFieldsAreWrittenWithTheirUnits() {
    func json(_ kind: CallEvent.Kind) -> String {
        CallEvent(call: CallID("c"), at: WallTime(milliseconds: 0), kind: kind).json
    }
    let sit = json(.tone(kind: "sit", ms: 3, information: .vacantCode))
    #expect(sit.contains(#""kind":"sit","information":"vacant_code","t_ms":3"#))
    #expect(!json(.tone(kind: "sit", ms: 3)).contains("information"))
    let head = #"","call_id":"c","at":"1970-01-01T00:00:00.000Z""#
    #expect(
        json(.beep(startMs: 4200, endMs: 4600, frequencyHz: 1000.04, levelDBm0: -12.34))
            == #"{"event":"beep"# + head
            + #","start_ms":4200,"end_ms":4600,"frequency_hz":1000,"level_dbm0":-12.3}"#)
    #expect(
        json(.verdict(.voicemail, final: true, confidence: 0.875, reason: "long greeting"))
            == #"{"event":"verdict"# + head
            + #","verdict":"voicemail","final":true,"confidence":0.875,"reason":"long greeting"}"#)
    var evidence = AnswerEvidence()
    evidence.speechMs = 1240
    evidence.firstSpeechMs = 300
    evidence.pauseMs = 810
    evidence.personScore = 0.97
    #expect(
        json(
            .verdict(.human, final: true, confidence: 0.97, reason: "voice", evidence: evidence))
            == #"{"event":"verdict"# + head
            + #","verdict":"human","final":true,"confidence":0.97,"reason":"voice","#
            + #""features":{"speech_ms":1240,"first_speech_ms":300,"pause_ms":810,"beep":false,"#
            + #""person_score":0.97}}"#)
    #expect(
        json(.gateBlocked(reasons: ["federal_dnc", "time"]))
            == #"{"event":"gate_blocked"# + head + #","reasons":["federal_dnc","time"]}"#)
    #expect(json(.dialing) == #"{"event":"dialing"# + head + "}")
    #expect(json(.ended(.noAnswer)) == #"{"event":"ended"# + head + #","reason":"no_answer"}"#)
}

@Test func contactsAndRecordsPrintNothingAboutThePerson() throws {
    let contact = Contact(
        id: ContactID("p1"), campaign: CampaignID("m1"), number: try PhoneNumber("+12125551234"),
        name: Redacted("Ada Lovelace"), state: "NY", attributes: ["email": "ada@example.com"])
    let record = CallRecord(
        id: CallID("c1"), direction: .outbound, number: contact.number,
        startedAt: WallTime(seconds: 1), endedAt: WallTime(seconds: 2), endReason: .busy,
        disposition: .busy, outcome: .noAnswer)
    var dumped = ""
    dump(contact, to: &dumped)
    dump(record, to: &dumped)
    for text in ["\(contact)", "\([contact])", String(reflecting: contact), "\(record)", dumped] {
        for secret in ["555", "1234", "Ada", "ada@"] { #expect(!text.contains(secret), "\(text)") }
    }
    #expect("\(contact)" == "contact p1 of campaign m1")
}

@Test func recordDefaultsSayThatNothingHappened() {
    let record = CallRecord(
        id: CallID("c"), direction: .inbound, startedAt: WallTime(seconds: 1),
        endedAt: WallTime(seconds: 1), endReason: .cancelled, disposition: .failed,
        outcome: .technicalFailure)
    #expect(record.attempt == 1)
    #expect(record.sipStatus == 0)
    #expect(record.answeredAt == nil)
    #expect(record.events.isEmpty)
    #expect(record.media == nil)
    #expect(MediaSummary() == MediaSummary(packetsReceived: 0, packetsSent: 0))
}
