import Base
import CallModel
import Testing

@testable import Compliance

/// Whatever is added to what is known, the gate may only become stricter.
@Suite struct GatePropertyTests {
    private let numbers = [
        "+12125551234", "+18505551234", "+16055551234", "+19285551234", "+12155551234",
        "+16015551234", "+19075551234", "+13055551234", "+17875551234", "+12075551234",
    ]

    private func random(_ generator: inout SeededGenerator) throws -> GateRequest {
        // 2026-09-01 … 2028-12-31, so that PA's change, holidays and the leap day are met.
        let start = utc("2026-09-01T00:00:00Z").milliseconds
        let span = utc("2028-12-31T00:00:00Z").milliseconds - start
        let now = WallTime(
            milliseconds: start + Int64(generator.next() % UInt64(span)))
        var request = try Sample.request(
            numbers[Int(generator.next() % UInt64(numbers.count))], at: now)
        request.ringTimeoutSeconds = Int(generator.next() % 61)
        request.voice = generator.next() % 4 == 0 ? .live : .artificial
        return request
    }

    private func rules(at now: WallTime, _ base: GateRules) -> GateRules {
        var rules = base
        rules.federalList = .loaded(NumberSet(), asOf: now)
        return rules
    }

    @Test func addingAZoneAStateOrAnEntryNeverTurnsARefusalIntoAnAllow() throws {
        var generator = SeededGenerator(seed: 26)
        let base = try Sample.rules()
        let zones = base.zoneNames
        let states = ["NY", "TX", "PA", "ME", "SD", "UT", "MS", "ZZ", "CA", "PR"]
        var allowed = 0
        for _ in 0..<400 {
            let request = try random(&generator)
            let rules = rules(at: request.now, base)
            let before = Gate.decide(request, rules: rules).verdict
            if before == .allow { allowed += 1 }
            var withZone = request
            withZone.statedZone = zones[Int(generator.next() % UInt64(zones.count))]
            var withState = request
            withState.state = states[Int(generator.next() % UInt64(states.count))]
            for stricter in [withZone, withState] {
                let after = Gate.decide(stricter, rules: rules).verdict
                if before != .allow { #expect(after != .allow) }
            }
        }
        // The sample meets both answers often enough to mean something.
        #expect(allowed > 80 && allowed < 320)
    }

    @Test func anyFailingInputTurnsAllowIntoARefusal() throws {
        var generator = SeededGenerator(seed: 27)
        let base = try Sample.rules()
        var tried = 0
        while tried < 40 {
            let request = try random(&generator)
            let good = rules(at: request.now, base)
            guard Gate.decide(request, rules: good).verdict == .allow else { continue }
            tried += 1
            var worse: [(GateRequest, GateRules)] = []
            func add(_ change: (inout GateRequest, inout GateRules) -> Void) {
                var pair = (request, good)
                change(&pair.0, &pair.1)
                worse.append(pair)
            }
            add { request, _ in request.internalListed = nil }
            add { request, _ in request.internalListed = true }
            add { request, _ in request.callerID = nil }
            add { request, _ in
                request.consent = .none
                request.voice = .artificial
            }
            add { request, _ in request.history.attemptsLast30Days = 3 }
            add { _, rules in rules.federalList = .notLoaded }
            add { _, rules in rules.pauses["*"] = "test" }
            add { _, rules in rules.zones = [:] }
            add { request, rules in
                var set = NumberSet()
                set.insert(request.number)
                rules.stateLists["CO"] = .loaded(set, asOf: request.now)
            }
            for (request, rules) in worse {
                #expect(Gate.decide(request, rules: rules).verdict != .allow)
            }
        }
    }

    @Test func everyWaitEndsInAMomentThatIsAllowed() throws {
        var generator = SeededGenerator(seed: 28)
        let base = try Sample.rules()
        var waits = 0
        for _ in 0..<400 {
            var request = try random(&generator)
            let decision = Gate.decide(request, rules: rules(at: request.now, base))
            guard case .wait(let until) = decision.verdict else { continue }
            waits += 1
            #expect(until > request.now)
            #expect(until - request.now <= .seconds(14 * 86_400))
            request.now = until
            #expect(Gate.decide(request, rules: rules(at: until, base)).verdict == .allow)
            // And it is the first such moment: a second earlier is still refused.
            request.now = WallTime(milliseconds: until.milliseconds - 1000)
            #expect(Gate.decide(request, rules: rules(at: request.now, base)).verdict != .allow)
        }
        #expect(waits > 80)
    }

    @Test func sameQuestionSameAnswer() throws {
        let request = try Sample.request("+19075551234", at: utc("2026-11-25T03:00:00Z"))
        let first = Gate.decide(request, rules: try Sample.rules())
        for _ in 0..<5 { #expect(Gate.decide(request, rules: try Sample.rules()) == first) }
        #expect(
            first.zones == [
                "America/Adak", "America/Anchorage", "America/Juneau", "Pacific/Honolulu",
            ])
    }

    @Test func neverAllowedOutsideTheFederalHoursOfAnyZone() throws {
        var generator = SeededGenerator(seed: 29)
        let base = try Sample.rules()
        for _ in 0..<400 {
            let request = try random(&generator)
            let decision = Gate.decide(request, rules: rules(at: request.now, base))
            guard decision.verdict == .allow else { continue }
            for name in decision.zones {
                let local = try #require(base.zones[name]).local(request.now)
                #expect(local.secondOfDay >= 8 * 3600)
                #expect(local.secondOfDay + request.ringTimeoutSeconds < 21 * 3600)
            }
        }
    }
}
