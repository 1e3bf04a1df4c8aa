import Base
import CallModel
import Testing

@testable import Campaigns

@Suite struct CampaignMachineTests {
    private func campaign() throws -> Campaign {
        Campaign(
            id: CampaignID("camp-1"), name: "Spring", callerID: try PhoneNumber("+18005551000"),
            streamURL: "ws://127.0.0.1:9000", voicemailPath: "vm.wav")
    }

    @Test func campaignMovesAreExactlyThese() {
        let allowed: Set<[Campaign.Status]> = [
            [.draft, .running], [.draft, .completed], [.running, .paused], [.running, .completed],
            [.paused, .running], [.paused, .completed],
        ]
        for from in Campaign.Status.allCases {
            for to in Campaign.Status.allCases {
                #expect(from.mayBecome(to) == allowed.contains([from, to]), "\(from) to \(to)")
            }
        }
    }

    @Test func contactMovesAreExactlyThese() {
        let allowed: Set<[ContactStatus]> = [
            [.pending, .inProgress], [.pending, .blocked], [.inProgress, .pending],
            [.inProgress, .completed], [.inProgress, .exhausted], [.inProgress, .blocked],
        ]
        for from in ContactStatus.allCases {
            for to in ContactStatus.allCases {
                #expect(from.mayBecome(to) == allowed.contains([from, to]), "\(from) to \(to)")
            }
            #expect(from.isFinal == !allowed.contains { $0[0] == from })
        }
    }

    @Test func illegalMoveThrowsAndChangesNothing() throws {
        var campaign = try campaign()
        #expect(throws: CampaignError.illegalMove(from: "draft", to: "paused")) {
            try campaign.move(to: .paused)
        }
        #expect(campaign.status == .draft)
        try campaign.move(to: .running)
        try campaign.move(to: .paused)
        try campaign.move(to: .running)
        try campaign.move(to: .completed)
        #expect(throws: CampaignError.illegalMove(from: "completed", to: "running")) {
            try campaign.move(to: .running)
        }
    }

    @Test func campaignThatCannotWorkDoesNotStart() throws {
        var campaign = try campaign()
        campaign.maximumAttempts = 4
        #expect(throws: CampaignError.invalid(field: "max_attempts", message: "1 to 3")) {
            try campaign.move(to: .running)
        }
        #expect(campaign.status == .draft)
        // Finishing it is always possible.
        try campaign.move(to: .completed)
    }

    @Test func remarksNameFieldAndRemedy() throws {
        var campaign = try campaign()
        #expect(campaign.remarks.isEmpty)
        campaign.name = ""
        campaign.callsPerMinute = 0
        campaign.maximumConcurrentCalls = 0
        campaign.maximumAttempts = 0
        campaign.ringTimeoutSeconds = 4
        campaign.maximumCallSeconds = 4
        campaign.streamURL = nil
        campaign.voicemailPath = nil
        #expect(
            campaign.remarks.filter(\.isError).map(\.field) == [
                "name", "calls_per_minute", "max_concurrent_calls", "max_attempts",
                "ring_timeout_seconds", "max_call_seconds",
            ])
        #expect(
            campaign.remarks.filter { !$0.isError }.map(\.field) == [
                "ring_timeout_seconds", "stream_url", "voicemail_path",
            ])
    }

    @Test func shortRingingOfASalesCallIsAWarningOnly() throws {
        var campaign = try campaign()
        campaign.ringTimeoutSeconds = 8
        #expect(campaign.remarks.map(\.message) == ["sales calls must ring 15 s or four times"])
        try campaign.move(to: .running)
        campaign.purpose = .informational
        #expect(campaign.remarks.isEmpty)
    }
}
