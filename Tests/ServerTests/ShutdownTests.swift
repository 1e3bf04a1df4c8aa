import Base
import CallModel
import Foundation
import Store
import Testing

/// A server that is told to end while a campaign's call rings has not reached anybody: the contact is
/// due again when it comes back, and what has rung counts.
@Test func aCallThatRingsWhenTheServerEndsIsMadeUpFor() async throws {
    let trunk = try await TestTrunk(.rings)
    try await House.open(
        configure: {
            openGate(&$0, trunk: trunk.port)
        },
        afterwards: { directory in
            let store = try Store(path: directory + "/trunkline.sqlite")
            defer { try? store.close() }
            let campaign = try #require(try await store.campaigns().first)
            #expect(campaign.status == .running)
            #expect(try await store.contactCounts(campaign.id)[.pending] == 1)
            let record = try #require(try await store.callRecords(campaign: campaign.id).first)
            #expect(record.endReason == .interrupted)
            let number = try PhoneNumber("+12125550101")
            let history = try await store.history(number, now: record.endedAt)
            #expect(history.attemptsLast24Hours == 1)
            let due = try #require(try await store.nextDue(campaign.id))
            #expect(due == record.endedAt + .seconds(300))
        }
    ) { house in
        let id =
            try await house.json("POST", "/v1/campaigns", campaignBody(["max_attempts": 3]))[
                "campaign_id"
            ].string ?? ""
        _ = try await house.json(
            "POST", "/v1/campaigns/\(id)/contacts", csvHead + csvRow("+12125550101"))
        _ = try await house.json("POST", "/v1/campaigns/\(id)/start")
        try await eventually("the telephone to ring") {
            let live = try await house.json("GET", "/v1/calls")["live"].array
            guard let call = live.first?["call_id"].string else { return false }
            return try await house.json("GET", "/v1/calls/\(call)")["events"].array.contains {
                $0["event"].string == "ringing"
            }
        }
    }
    try await trunk.close()
}
