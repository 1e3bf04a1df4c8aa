import Base
import CallModel
import Testing

@testable import Compliance

@Suite struct CallingWindowTests {
    private func verdict(_ number: String, _ time: String) throws -> GateDecision.Verdict {
        try Sample.decide(number, at: utc(time)).verdict
    }

    @Test(arguments: [
        // New York, winter (UTC-5): 08:00-21:00.
        ("2026-11-25T12:59:59.999Z", false), ("2026-11-25T13:00:00Z", true),
        // The call must have stopped ringing (30 s) before 21:00.
        ("2026-11-26T01:59:29.999Z", true), ("2026-11-26T01:59:30Z", false),
        ("2026-11-26T02:00:00Z", false),
        // Summer (UTC-4).
        ("2026-07-15T11:59:59.999Z", false), ("2026-07-15T12:00:00Z", true),
        // Leap day 2028, and a Sunday.
        ("2028-02-29T12:59:59Z", false), ("2028-02-29T13:00:00Z", true),
        ("2026-11-22T15:00:00Z", true),
    ]) func newYorkHours(time: String, isOpen: Bool) throws {
        // A list copy of the test's own day: only the window is in question.
        var rules = try Sample.rules()
        rules.federalList = .loaded(NumberSet(), asOf: utc(time))
        let decision = Gate.decide(try Sample.request(at: utc(time)), rules: rules)
        #expect((decision.verdict == .allow) == isOpen)
        #expect(decision.result(of: .timeZoneWindow)?.passed == isOpen)
    }

    @Test(arguments: [
        // Spring forward, 2027-03-14, 02:00 EST becomes 03:00 EDT; window from 08:00 EDT.
        ("2027-03-13T13:00:00Z", true), ("2027-03-14T11:59:59Z", false),
        ("2027-03-14T12:00:00Z", true),
        // Fall back, 2026-11-01, 02:00 EDT becomes 01:00 EST; window from 08:00 EST.
        ("2026-10-31T12:00:00Z", true), ("2026-11-01T12:59:59Z", false),
        ("2026-11-01T13:00:00Z", true),
    ]) func daysOfTheClockChange(time: String, isOpen: Bool) throws {
        var rules = try Sample.rules()
        rules.federalList = .loaded(NumberSet(), asOf: utc(time))
        let decision = Gate.decide(try Sample.request(at: utc(time)), rules: rules)
        #expect((decision.verdict == .allow) == isOpen)
    }

    @Test func waitNamesTheNextOpening() throws {
        // Monday 03:00 in New York: 08:00 the same day.
        #expect(
            try verdict("+12125551234", "2026-11-23T08:00:00Z")
                == .wait(until: utc("2026-11-23T13:00:00Z")))
        // 22:00: 08:00 the next day.
        #expect(
            try verdict("+12125551234", "2026-11-24T03:00:00Z")
                == .wait(until: utc("2026-11-24T13:00:00Z")))
        // 20:59:30, ringing past the end: the next day too.
        #expect(
            try verdict("+12125551234", "2026-11-24T01:59:30Z")
                == .wait(until: utc("2026-11-24T13:00:00Z")))
    }

    @Test func openingAfterTheClockChangeIsCountedInTheNewOffset() throws {
        var rules = try Sample.rules()
        rules.federalList = .loaded(NumberSet(), asOf: utc("2026-10-31T00:00:00Z"))
        // Saturday 22:00 EDT; Sunday 08:00 EST is 13:00Z.
        let decision = Gate.decide(
            try Sample.request(at: utc("2026-11-01T02:00:00Z")), rules: rules)
        #expect(decision.verdict == .wait(until: utc("2026-11-01T13:00:00Z")))
    }

    @Test func everyZoneOfTheAreaCodeCounts() throws {
        // 850 reaches from Eastern into Central; Florida 08:00-20:00. 08:30 EST is 07:30 CST.
        #expect(
            try verdict("+18505551234", "2026-11-24T13:30:00Z")
                == .wait(until: utc("2026-11-24T14:00:00Z")))
        #expect(try verdict("+18505551234", "2026-11-24T14:00:00Z") == .allow)
        // 19:00 CST is 20:00 EST: closed.
        #expect(
            try verdict("+18505551234", "2026-11-25T01:00:00Z")
                == .wait(until: utc("2026-11-25T14:00:00Z")))
        // 689 is Orlando: Eastern alone.
        #expect(try Sample.decide("+16895551234").zones == ["America/New_York"])
    }

    @Test func statedZoneAndForeignStateOnlyNarrow() throws {
        var request = try Sample.request(at: utc("2026-11-25T15:00:00Z"))
        let rules = try Sample.rules()
        #expect(Gate.decide(request, rules: rules).verdict == .allow)
        request.statedZone = "America/Los_Angeles"
        // 10:00 EST is 07:00 PST.
        #expect(
            Gate.decide(request, rules: rules).verdict == .wait(until: utc("2026-11-25T16:00:00Z")))
        request.statedZone = nil
        request.state = "California"
        let decision = Gate.decide(request, rules: rules)
        #expect(decision.states == ["CA", "NY"])
        #expect(decision.zones == ["America/Los_Angeles", "America/New_York"])
        // California: an announcing device from 09:00, 17:00Z in winter.
        #expect(decision.verdict == .wait(until: utc("2026-11-25T17:00:00Z")))
    }

    @Test func unknownStateMeetsTheStrictestRow() throws {
        var request = try Sample.request(at: utc("2026-11-25T14:30:00Z"))  // 09:30
        request.state = "ZZ"
        let rules = try Sample.rules()
        let decision = Gate.decide(request, rules: rules)
        #expect(decision.states == ["*", "NY"])
        #expect(decision.verdict == .wait(until: utc("2026-11-25T15:00:00Z")))
        // Puerto Rico has no row of its own: weekdays 10:00-17:00 AST (UTC-4).
        #expect(
            try verdict("+17875551234", "2026-11-25T13:59:59Z")
                == .wait(until: utc("2026-11-25T14:00:00Z")))
        #expect(try verdict("+17875551234", "2026-11-25T14:00:00Z") == .allow)
    }

    @Test func unknownStatedZoneBlocks() throws {
        var request = try Sample.request()
        request.statedZone = "Mars/Olympus"
        let decision = Gate.decide(request, rules: try Sample.rules())
        #expect(decision.verdict == .block)
        #expect(decision.result(of: .timeZoneWindow)?.detail == "stated time zone is unknown")
    }

    @Test func zoneWithoutRulesBlocksAsASetupProblem() throws {
        var rules = try Sample.rules()
        rules.zones["America/New_York"] = nil
        let decision = Gate.decide(try Sample.request(), rules: rules)
        #expect(decision.verdict == .block && decision.isSetupProblem)
        #expect(
            decision.result(of: .timeZoneWindow)?.detail
                == "no rules for time zone America/New_York")
    }

    @Test func placesWithoutACommonOpeningBlock() throws {
        var request = try Sample.request("+17875551234")  // 10:00-17:00 AST
        request.statedZone = "Asia/Tokyo"
        var rules = try Sample.rules()
        rules.zones["Asia/Tokyo"] = try ZoneRules(posix: "JST-9")
        let decision = Gate.decide(request, rules: rules)
        #expect(decision.verdict == .block)
        #expect(
            decision.result(of: .timeZoneWindow)?.detail.hasSuffix("no opening within 14 days")
                == true)
    }

    @Test func pennsylvaniaBeforeAndAfterAct47() throws {
        var rules = try Sample.rules()
        func isOpen(_ time: String) throws -> Bool {
            rules.federalList = .loaded(NumberSet(), asOf: utc(time))
            let request = try Sample.request("+12155551234", at: utc(time))
            return Gate.decide(request, rules: rules).verdict == .allow
        }
        // Until Saturday 2026-10-17: 08:00-21:00 EDT, Sundays too.
        #expect(try isOpen("2026-10-16T12:00:00Z"))
        #expect(try isOpen("2026-10-17T00:30:00Z"))  // Friday 20:30
        #expect(try isOpen("2026-10-11T15:00:00Z"))  // Sunday
        // Saturday 2026-10-17, 20:30: the old rule's last evening.
        #expect(try isOpen("2026-10-18T00:30:00Z"))
        // From Sunday 2026-10-18: 09:00-19:00, no Sundays.
        #expect(try !isOpen("2026-10-18T15:00:00Z"))
        #expect(try !isOpen("2026-10-19T12:30:00Z"))  // Monday 08:30
        #expect(try isOpen("2026-10-19T13:00:00Z"))
        #expect(try !isOpen("2026-10-19T23:00:00Z"))  // Monday 19:00
        // Thanksgiving 2026-11-26 in either version.
        #expect(try !isOpen("2026-11-26T15:00:00Z"))
    }

    @Test func holidaysAndSundaysAreSkippedByTheWait() throws {
        // Pennsylvania, Wednesday 2026-12-23 20:00 EST. Thursday is open: 09:00 EST.
        var rules = try Sample.rules()
        rules.federalList = .loaded(NumberSet(), asOf: utc("2026-12-24T00:00:00Z"))
        let wednesday = try Sample.request("+12155551234", at: utc("2026-12-24T01:00:00Z"))
        #expect(
            Gate.decide(wednesday, rules: rules).verdict
                == .wait(until: utc("2026-12-24T14:00:00Z"))
        )
        // Thursday 2026-12-24 20:00: Friday is Christmas; Saturday 09:00 EST is next.
        let request = try Sample.request("+12155551234", at: utc("2026-12-25T01:00:00Z"))
        #expect(
            Gate.decide(request, rules: rules).verdict == .wait(until: utc("2026-12-26T14:00:00Z")))
        // Saturday 2026-12-26 20:00: Sunday is closed; Monday 09:00.
        let saturday = try Sample.request("+12155551234", at: utc("2026-12-27T01:00:00Z"))
        #expect(
            Gate.decide(saturday, rules: rules).verdict == .wait(until: utc("2026-12-28T14:00:00Z"))
        )
    }

    @Test func yearWithoutHolidayTableBlocks() throws {
        var rules = try Sample.rules()
        rules.federalList = .loaded(NumberSet(), asOf: utc("2031-03-04T00:00:00Z"))
        let request = try Sample.request("+12155551234", at: utc("2031-03-04T15:00:00Z"))
        let decision = Gate.decide(request, rules: rules)
        #expect(decision.verdict == .block && decision.isSetupProblem)
        #expect(
            decision.result(of: .timeZoneWindow)?.detail
                == "America/New_York under PA: no table of holidays for 2031")
    }

    @Test(arguments: [
        // Indiana: an announcing device 09:00-20:00, a live voice 08:00-21:00. 317 is Eastern.
        ("+13175551234", "2026-11-24T13:30:00Z", false, true),
        ("+13175551234", "2026-11-24T14:00:00Z", true, true),
        ("+13175551234", "2026-11-25T01:30:00Z", false, true),
        // Maine: weekdays 09:00-17:00 for a device; Saturday live only.
        ("+12075551234", "2026-11-24T22:00:00Z", false, true),
        ("+12075551234", "2026-11-21T15:00:00Z", false, true),
        // South Dakota: no Saturday for a device, no Sunday for anybody. 605: Central and Mountain.
        ("+16055551234", "2026-11-21T18:00:00Z", false, true),
        ("+16055551234", "2026-11-22T18:00:00Z", false, false),
    ]) func artificialVoiceHasItsOwnHours(
        number: String, time: String, artificial: Bool, live: Bool
    ) throws {
        var request = try Sample.request(number, at: utc(time))
        let rules = try Sample.rules()
        #expect((Gate.decide(request, rules: rules).verdict == .allow) == artificial)
        request.voice = .live
        #expect((Gate.decide(request, rules: rules).verdict == .allow) == live)
    }

    @Test func mississippiCountsInStandardTimeToo() throws {
        var rules = try Sample.rules()
        rules.federalList = .loaded(NumberSet(), asOf: utc("2026-07-01T00:00:00Z"))
        func isOpen(_ time: String) throws -> Bool {
            Gate.decide(try Sample.request("+16015551234", at: utc(time)), rules: rules).verdict
                == .allow
        }
        // Wednesday in July: 08:00-20:00 both in CDT (UTC-5) and in CST (UTC-6).
        #expect(try !isOpen("2026-07-15T13:30:00Z"))  // 08:30 CDT, 07:30 CST
        #expect(try isOpen("2026-07-15T14:00:00Z"))  // 09:00 CDT, 08:00 CST
        #expect(try isOpen("2026-07-16T00:59:00Z"))  // 19:59 CDT
        #expect(try !isOpen("2026-07-16T01:00:00Z"))  // 20:00 CDT, 19:00 CST
    }

    @Test func ringTimeoutOutsideItsRangeBlocks() throws {
        for seconds in [-1, 601, Int.max, Int.min] {
            var request = try Sample.request()
            request.ringTimeoutSeconds = seconds
            let decision = Gate.decide(request, rules: try Sample.rules())
            #expect(decision.verdict == .block)
            #expect(decision.result(of: .timeZoneWindow)?.cause == .setup)
        }
    }

    @Test func openingsListTheComingDays() throws {
        let request = try Sample.request("+12155551234", at: utc("2026-12-24T20:00:00Z"))
        let openings = Gate.openings(for: request, rules: try Sample.rules(), days: 5)
        // Thursday 15:00-18:59:30, not Christmas, Saturday, not Sunday, Monday, Tuesday.
        #expect(
            openings.map(\.start) == [
                utc("2026-12-24T20:00:00Z"), utc("2026-12-26T14:00:00Z"),
                utc("2026-12-28T14:00:00Z"), utc("2026-12-29T14:00:00Z"),
            ])
        #expect(openings[0].end == utc("2026-12-24T23:59:30Z"))
        #expect(openings[0].utcOffsetSeconds == -18_000)
    }
}
