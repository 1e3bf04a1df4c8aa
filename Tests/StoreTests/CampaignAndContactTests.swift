import Base
import CallModel
import Foundation
import GRDB
import Testing

@testable import Store

@Test func everyFieldOfACampaignComesBack() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    var full = Campaign(
        id: CampaignID("full"), name: "Über \"quotes\" '; DROP TABLE", status: .paused,
        purpose: .informational, callerID: try .test(1), callsPerMinute: 31,
        maximumConcurrentCalls: 11, maximumAttempts: 2, ringTimeoutSeconds: 29,
        maximumCallSeconds: 601, streamURL: "ws://127.0.0.1/bot", voicemailPath: "/a.wav",
        messagePath: "/b.wav", record: false, scriptTalkingPoints: ["one", "two \\ \n", ""])
    full.answerPolicy = .careful
    let bare = try Campaign.test("bare", status: .draft)
    try await store.insert(full)
    try await store.insert(bare)
    #expect(try await store.campaign(full.id) == full)
    #expect(try await store.campaigns() == [full, bare])
    #expect(try await store.campaign(CampaignID("none")) == nil)
}

@Test func campaignsAreChangedAndTheirStatusSet() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    var campaign = try Campaign.test("m1", status: .draft)
    try await store.insert(campaign)
    await #expect(throws: StoreError.conflict("campaign m1 exists already")) {
        try await store.insert(.test("m1"))
    }
    campaign.name = "New"
    campaign.callsPerMinute = 60
    campaign.streamURL = "ws://x"
    campaign.answerPolicy = .fast
    try await store.update(campaign)
    #expect(try await store.campaign(campaign.id) == campaign)
    try await store.setStatus(.running, of: campaign.id)
    #expect(try await store.campaign(campaign.id)?.status == .running)
    await #expect(throws: StoreError.notFound("campaign")) {
        try await store.setStatus(.running, of: CampaignID("none"))
    }
    await #expect(throws: StoreError.notFound("campaign")) {
        try await store.update(.test("none"))
    }
}

@Test func aCampaignIsDeletedOnlyBeforeItsFirstAttempt() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 2)
    try await store.insert(.test("m2"))
    _ = try await store.importContacts([.test(5, campaign: "m2")])
    try await store.delete(CampaignID("m2"))
    #expect(try await store.contact(ContactID("m2-p5")) == nil)
    await #expect(throws: StoreError.notFound("campaign")) {
        try await store.delete(CampaignID("m2"))
    }
    _ = try await store.claimNext(CampaignID("m1"), now: morning)
    await #expect(throws: StoreError.self) { try await store.delete(CampaignID("m1")) }
    #expect(try await store.contactCounts(CampaignID("m1"))[.pending] == 1)
}

@Test func everyFieldOfAContactComesBack() async throws {
    let folder = try TemporaryFolder()
    let store = try Store(path: folder.database)
    try await store.insert(.test("m1"))
    let full = Contact(
        id: ContactID("p1"), campaign: CampaignID("m1"), number: try .test(1),
        name: Redacted("Zoë \"Z\" O'Neil"), statedZone: "America/New_York", state: "NY",
        consent: .written, consentAt: morning, attributes: ["plan": "basic", "ünï": "\n\"x\""])
    let bare = Contact(id: ContactID("p2"), campaign: CampaignID("m1"), number: try .test(2))
    let result = try await store.importContacts([full, bare])
    #expect(result == (inserted: 2, duplicates: 0))
    let stored = try await store.contacts(CampaignID("m1"))
    #expect(stored.map(\.contact) == [full, bare])
    #expect(stored.map(\.status) == [.pending, .pending])
    #expect(stored.map(\.attempts) == [0, 0])
    #expect(try await store.contact(full.id)?.contact == full)
    #expect(try await store.contact(ContactID("none")) == nil)
}

@Test func aNumberIsOnACampaignOnce() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 3)
    var again = try Contact.test(1)
    again.id = ContactID("another")
    again.name = Redacted("Somebody else")
    let result = try await store.importContacts([again, .test(7), .test(7), .test(0)])
    #expect(result == (inserted: 1, duplicates: 3))
    #expect(try await store.contact(ContactID("m1-p1"))?.contact.name?.value == "Person 1")
    // The same number on another campaign is another contact.
    try await store.insert(.test("m2"))
    #expect(try await store.importContacts([.test(1, campaign: "m2")]) == (1, 0))
}

@Test func anImportForAnUnknownCampaignAddsNothing() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 0)
    await #expect(throws: StoreError.notFound("campaign")) {
        _ = try await store.importContacts([.test(1), .test(2, campaign: "none")])
    }
    #expect(try await store.contacts(CampaignID("m1")).isEmpty)
}

@Test func anImportBeyondTheLimitIsRefused() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 0)
    let contact = try Contact.test(1)
    await #expect(
        throws: StoreError.limit(name: "contacts of one import", maximum: 1_000_000)
    ) {
        _ = try await store.importContacts(Array(repeating: contact, count: 1_000_001))
    }
}

@Test func contactsArePagedInOrderOfImport() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 25)
    var seen: [ContactID] = []
    var after: ContactID?
    while true {
        let page = try await store.contacts(CampaignID("m1"), limit: 10, after: after)
        if page.isEmpty { break }
        seen += page.map(\.contact.id)
        after = page.last?.contact.id
    }
    #expect(seen == (0..<25).map { ContactID("m1-p\($0)") })
    #expect(try await store.contacts(CampaignID("m1"), limit: 0).count == 1)
    #expect(try await store.contacts(CampaignID("m1"), limit: -5).count == 1)
    #expect(try await store.contacts(CampaignID("m1"), limit: .max).count == 25)
    _ = try await store.claimNext(CampaignID("m1"), now: morning)
    let open = try await store.contacts(CampaignID("m1"), status: .inProgress)
    #expect(open.map(\.contact.id) == [ContactID("m1-p0")])
    #expect(open.first?.attempts == 1)
}

@Test func countsNameEveryStatus() async throws {
    let folder = try TemporaryFolder()
    let store = try await storeWithCampaign(folder, contacts: 2)
    _ = try await store.claimNext(CampaignID("m1"), now: morning)
    #expect(
        try await store.contactCounts(CampaignID("m1"))
            == [.pending: 1, .inProgress: 1, .completed: 0, .blocked: 0, .exhausted: 0])
    #expect(try await store.contactCounts(CampaignID("none"))[.pending] == 0)
}
