import Base
import CallModel
import Compliance
import Foundation
import Store
import Testing

/// Calls ordered one by one are attempts like those of campaigns.
@Suite(.serialized) struct DirectCallHistoryTests {
    static let body = """
        {"to":"+12125550101","consent":"written","consent_at":"2026-05-04T09:00:00Z",\
        "state":"NY","stream_url":"ws://127.0.0.1:1/"}
        """

    /// Three attempts in 30 days: also when none of the three has ended yet.
    @Test func callsUnderWayCountAsAttempts() async throws {
        let trunk = try await TestTrunk(.rings)
        try await House.open(configure: { openGate(&$0, trunk: trunk.port) }) { house in
            for _ in 0..<3 {
                #expect(try await house.request("POST", "/v1/calls", Self.body).status == 202)
            }
            let fourth = try await house.request("POST", "/v1/calls", Self.body)
            expectError(fourth, 403, "gate_blocked", field: "to")
            #expect(fourth.error["message"].string?.contains("30 days") == true)
        }
        try await trunk.close()
    }

    /// All at once: none is decided on before it is known that the others are under way.
    @Test func callsOrderedAtOnceCountAsAttempts() async throws {
        let trunk = try await TestTrunk(.rings)
        try await House.open(legs: 8, configure: { openGate(&$0, trunk: trunk.port) }) { house in
            let placed = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await house.request("POST", "/v1/calls", Self.body).status
                    }
                }
                var placed = 0
                for try await status in group where status == 202 { placed += 1 }
                return placed
            }
            #expect(placed <= 3)
        }
        try await trunk.close()
    }

    /// What never was dialled is no attempt.
    @Test func refusedCallsAreNoAttempts() async throws {
        let trunk = try await TestTrunk(.busy)
        try await House.open(configure: { openGate(&$0, trunk: trunk.port) }) { house in
            let bad = Self.body.replacingOccurrences(of: "ws://127.0.0.1:1/", with: "http://a/")
            for _ in 0..<4 {
                let refused = try await house.request("POST", "/v1/calls", bad)
                #expect(refused.status == 400)
            }
            let placed = try await house.request("POST", "/v1/calls", Self.body)
            #expect(placed.status == 202)
        }
        try await trunk.close()
    }
}
