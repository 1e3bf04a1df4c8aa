import Base
import Foundation
import Testing

/// kill -9 of the whole server, at any moment: no committed record is lost, and nobody is dialled
/// twice for the same attempt.
@Suite(.serialized) struct CrashPeerTests {
    private static let people = 60

    @Test(.timeLimit(.minutes(10)))
    func killedServerLosesNoRecordAndDialsNobodyTwiceForOneAttempt() async throws {
        let directory = try Place.scratch("crash")
        // Every number is busy at once: the fastest call that really reaches a callee.
        let table = directory + "/callees.json"
        let endings = (0..<100).map {
            String(format: "\"%02d\": {\"kind\": \"busy\", \"status\": 486}", $0)
        }
        try "{\(endings.joined(separator: ","))}".write(
            toFile: table, atomically: true, encoding: .utf8)
        let trunk = try await MeasuringTrunk(directory, table: table)
        defer { trunk.child.end() }
        let server = try await TrunklineServer(
            directory: directory, trunkPort: trunk.port,
            extra: """
                compliance:
                  federal_list_waiver: "test on loopback"
                  state_list_waiver: "test on loopback"
                  demonstration_clock: "2026-06-17T17:00:00Z"
                audio_directories:
                  - "\(CalleeAudio.directory)"
                """)
        defer { server.child.end() }
        let settings = """
            {"name":"crash","caller_id":"+12125550100","purpose":"informational",
             "calls_per_minute":900,"max_concurrent_calls":20,"max_attempts":1,
             "ring_timeout_seconds":5,"record":false,
             "message_path":"\(CalleeAudio.directory)/message.wav"}
            """
        let id =
            try await server.json("POST", "/v1/campaigns", settings)["campaign_id"].string ?? ""
        var csv = "phone_number,state,consent,consent_at\n"
        for index in 0..<Self.people {
            csv += "+1212555\(2000 + index),NY,written,2026-05-04T09:00:00Z\n"
        }
        _ = try await server.json("POST", "/v1/campaigns/\(id)/contacts", csv, type: "text/csv")
        _ = try await server.json("POST", "/v1/campaigns/\(id)/start")

        // Other moments in every run; CRASH_SEED repeats those of one.
        let seed =
            ProcessInfo.processInfo.environment["CRASH_SEED"].flatMap { UInt64($0) }
            ?? UInt64.random(in: 0...UInt64.max)
        print("CRASH_SEED=\(seed)")
        var moments = SeededGenerator(seed: seed)
        var seen: Set<String> = []
        func recordIDs() async throws -> Set<String> {
            let records = try await server.json("GET", "/v1/campaigns/\(id)/records?limit=1000")
            return Set(records["records"].array.compactMap { $0["call_id"].string })
        }
        for round in 1...4 {
            // Kill somewhere inside the campaign: after so many more records, plus a moment.
            let goal = seen.count + 6
            try await eventually("records in round \(round)", within: 30) {
                seen = try await recordIDs()
                return seen.count >= goal
            }
            let moment = Int.random(in: 0...80, using: &moments)
            try await Task.sleep(for: .milliseconds(moment))
            try await server.child.kill9()
            try await server.restart()
            let after = try await recordIDs()
            #expect(seen.isSubset(of: after), "records lost in round \(round), CRASH_SEED=\(seed)")
        }
        // Interrupted attempts are due again after five minutes at the earliest; with one attempt a
        // contact they are exhausted, so the campaign ends.
        try await eventually("the campaign to end", within: 60) {
            let contacts = try await server.json("GET", "/v1/campaigns/\(id)")["contacts"]
            return contacts["in_progress"].int == 0 && contacts["pending"].int == 0
        }
        let all = try await server.json("GET", "/v1/campaigns/\(id)/records?limit=1000")["records"]
            .array
        let attempts = Set(all.map { "\($0["contact_id"].string ?? "")/\($0["attempt"].int ?? 0)" })
        #expect(attempts.count == all.count, "one record for each attempt, CRASH_SEED=\(seed)")
        #expect(Set(all.compactMap { $0["contact_id"].string }).count == Self.people)
        // A claim that died before its INVITE leaves a record of its own and a second attempt.
        let dialled = all.filter { $0["end_reason"].string == "busy" }
        let interrupted = all.filter { $0["end_reason"].string == "interrupted" }
        #expect(dialled.count + interrupted.count == all.count)
        #expect(dialled.count >= Self.people - interrupted.count)
        // The callees' own count: an INVITE per number at most, whatever happened in between.
        var invited: [String: Int] = [:]
        for line in trunk.child.output.split(separator: "\n") where line.contains("…") {
            guard let number = line.split(separator: "…").last?.prefix(2) else { continue }
            invited[String(number), default: 0] += 1
        }
        #expect(invited.count >= dialled.count)
        #expect(
            invited.values.allSatisfy { $0 == 1 }, "dialled twice: \(invited), CRASH_SEED=\(seed)")
    }
}
