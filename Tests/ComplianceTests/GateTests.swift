import Base
import CallModel
import Testing

@testable import Compliance

@Suite struct GateTests {
    /// A check fails alone, with this cause, when the request or the rules are changed so.
    private func expectFailure(
        of check: CheckName, cause: CheckResult.Cause, detail: String,
        _ change: (inout GateRequest, inout GateRules) throws -> Void
    ) throws {
        var request = try Sample.request()
        var rules = try Sample.rules()
        try change(&request, &rules)
        let decision = Gate.decide(request, rules: rules)
        #expect(decision.failed.map(\.check) == [check])
        #expect(decision.result(of: check)?.cause == cause)
        #expect(decision.result(of: check)?.detail == detail)
        if cause != .time { #expect(decision.verdict == .block) }
    }

    @Test func everythingInOrderIsAllowedAndEveryCheckIsReported() throws {
        let decision = try Sample.decide()
        #expect(decision.verdict == .allow)
        #expect(decision.checks.map(\.check) == CheckName.allCases)
        #expect(decision.zones == ["America/New_York"])
        #expect(decision.states == ["NY"])
        #expect(decision.decidedAt == Sample.now)
        #expect(decision.ruleSet == "us-2026-11-22 npa-2025-11-26")
        #expect(
            decision.checks.map(\.detail) == [
                "no pause in force",
                "area code 212 is geographic and in service",
                "not on the internal do-not-call list",
                "not on the federal list of 2026-11-20, test",
                "NY: no list of the state's own",
                "written consent of 2020-01-05",
                "no candidate state bars an automated voice for this purpose",
                "open in America/New_York under NY",
                "0 of 3 attempts in 30 days",
                "caller ID can be called back",
            ])
    }

    @Test func nothingKnownIsBlockedByEveryMissingInput() throws {
        let request = GateRequest(number: try PhoneNumber("+12125551234"), now: Sample.now)
        let decision = Gate.decide(request, rules: try GateRules.builtIn())
        #expect(decision.verdict == .block)
        #expect(decision.failed.map(\.check) == [.internalDNC, .federalDNC, .consent, .callerID])
        #expect(decision.reasons == ["internal_dnc", "federal_dnc", "consent", "caller_id"])
        #expect(!decision.isSetupProblem)
    }

    @Test func unreadableInternalListBlocks() throws {
        try expectFailure(
            of: .internalDNC, cause: .setup, detail: "the internal list could not be read"
        ) { request, _ in request.internalListed = nil }
    }

    @Test func internalListEntryBlocks() throws {
        try expectFailure(
            of: .internalDNC, cause: .subject, detail: "on the internal do-not-call list"
        ) { request, _ in request.internalListed = true }
    }

    @Test func missingFederalListBlocks() throws {
        try expectFailure(of: .federalDNC, cause: .setup, detail: "no federal list loaded") {
            $1.federalList = .notLoaded
        }
    }

    @Test func missingListIsTheInstallationsFaultNotTheContacts() throws {
        var rules = try Sample.rules()
        rules.federalList = .notLoaded
        #expect(Gate.decide(try Sample.request(), rules: rules).isSetupProblem)
        var request = try Sample.request()
        request.internalListed = true
        #expect(!Gate.decide(request, rules: rules).isSetupProblem)
    }

    @Test func waiverAllowsAndIsShown() throws {
        var rules = try Sample.rules()
        rules.federalList = .waived(reason: "demonstration", by: "tools/demo")
        let decision = Gate.decide(try Sample.request(), rules: rules)
        #expect(decision.verdict == .allow)
        #expect(
            decision.result(of: .federalDNC)?.detail
                == "federal list waived by tools/demo: demonstration")
    }

    @Test func federalListEntryBlocksEvenWithWrittenConsent() throws {
        try expectFailure(
            of: .federalDNC, cause: .subject, detail: "listed on the federal list of 2026-11-20"
        ) { request, rules in
            var set = NumberSet()
            set.insert(request.number)
            rules.federalList = .loaded(set, asOf: utc("2026-11-20T00:00:00Z"))
        }
    }

    @Test func writtenPermissionAllowsAListedNumberOnlyWhereConfigured() throws {
        var request = try Sample.request()
        var rules = try Sample.rules()
        var set = NumberSet()
        set.insert(request.number)
        rules.federalList = .loaded(set, asOf: utc("2026-11-20T00:00:00Z"))
        rules.limits.writtenConsentAllowsListedNumbers = true
        #expect(Gate.decide(request, rules: rules).verdict == .allow)
        request.consent = .express
        request.purpose = .informational
        #expect(Gate.decide(request, rules: rules).verdict == .block)
    }

    @Test(arguments: [
        ("2026-10-25T15:00:00Z", true),  // 31 days to the second
        ("2026-10-25T14:59:59Z", false),
        ("2026-11-26T14:00:00Z", true),  // the registry's date may be ahead of ours by a day
        ("2026-11-26T15:00:01Z", false),
    ]) func listMustBeAtMostThirtyOneDaysOld(asOf: String, passes: Bool) throws {
        var rules = try Sample.rules()
        rules.federalList = .loaded(NumberSet(), asOf: utc(asOf))
        let decision = Gate.decide(try Sample.request(), rules: rules)
        #expect(decision.result(of: .federalDNC)?.passed == passes)
        #expect((decision.verdict == .allow) == passes)
    }

    @Test func listThatDoesNotCoverTheAreaCodeBlocks() throws {
        try expectFailure(
            of: .federalDNC, cause: .setup,
            detail: "federal list of 2026-11-20 does not cover area code 212"
        ) {
            $1.federalList = .loaded(
                NumberSet(areaCodes: ["415"]), asOf: utc("2026-11-20T00:00:00Z"))
        }
    }

    @Test func stateThatKeepsAListNeedsIt() throws {
        var rules = try Sample.rules()
        rules.otherStateLists = .notLoaded
        // Tuesday 10:00 in Houston.
        let request = try Sample.request("+17135551234", at: utc("2026-11-24T16:00:00Z"))
        let missing = Gate.decide(request, rules: rules)
        #expect(missing.result(of: .stateDNC)?.detail == "no TX list loaded")
        #expect(missing.verdict == .block)
        rules.stateLists["TX"] = .loaded(NumberSet(), asOf: utc("2026-11-20T00:00:00Z"))
        #expect(Gate.decide(request, rules: rules).verdict == .allow)
        var set = NumberSet()
        set.insert(request.number)
        rules.stateLists["TX"] = .loaded(set, asOf: utc("2026-11-20T00:00:00Z"))
        #expect(
            Gate.decide(request, rules: rules).result(of: .stateDNC)?.detail
                == "listed on the TX list of 2026-11-20")
    }

    @Test func entryOnAnotherStatesListBlocksToo() throws {
        try expectFailure(
            of: .stateDNC, cause: .subject, detail: "listed on the CO list of 2026-01-01"
        ) { request, rules in
            var set = NumberSet()
            set.insert(request.number)
            rules.stateLists["CO"] = .loaded(set, asOf: utc("2026-01-01T00:00:00Z"))
        }
    }

    @Test(arguments: [
        (Campaign.Purpose.marketing, ConsentClass.none, false),
        (.marketing, .express, false),
        (.marketing, .written, true),
        (.informational, .none, false),
        (.informational, .express, true),
        (.informational, .written, true),
        (.emergency, .none, false),  // not enabled: treated as informational
        (.emergency, .express, true),
    ]) func artificialVoiceNeedsConsent(
        purpose: Campaign.Purpose, consent: ConsentClass, passes: Bool
    ) throws {
        var request = try Sample.request()
        request.purpose = purpose
        request.consent = consent
        let decision = Gate.decide(request, rules: try Sample.rules())
        #expect(decision.result(of: .consent)?.passed == passes)
        #expect((decision.verdict == .allow) == passes)
    }

    /// Somebody who has moved to Guam with a number of New York: 11 a.m. there is 2 a.m. for him.
    @Test(arguments: ["GU", "gu", "Guam", "AS", "American Samoa"])
    func aTerritoryThatIsStatedBringsItsZone(state: String) throws {
        var request = try Sample.request(at: utc("2026-11-25T16:00:00Z"))
        request.purpose = .informational
        request.consent = .express
        #expect(Gate.decide(request, rules: try Sample.rules()).verdict == .allow)
        request.state = state
        let decision = Gate.decide(request, rules: try Sample.rules())
        #expect(decision.zones.contains { $0.hasPrefix("Pacific/") })
        #expect(decision.verdict != .allow)
    }

    /// The last Sunday that the table of holidays knows: the next opening lies in a year without one. The
    /// operator is to load it; the person is not to blame.
    @Test func anOpeningThatWaitsForATableOfHolidaysIsASetupProblem() throws {
        let decision = try Sample.decide("+12155551234", at: utc("2028-12-31T16:00:00Z"))
        let result = try #require(decision.result(of: .timeZoneWindow))
        #expect(result.cause == .setup)
        #expect(result.detail.contains("no table of holidays for 2029"), "\(result.detail)")
        #expect(decision.isSetupProblem)
        // In 2027 the same day waits for its Monday or Tuesday.
        let known = try Sample.decide("+12155551234", at: utc("2027-12-26T16:00:00Z"))
        #expect(known.result(of: .timeZoneWindow)?.cause == .time)
    }

    @Test func emergencyWhereEnabledNeedsNeitherConsentNorHoursNorLists() throws {
        var request = try Sample.request(at: utc("2026-11-25T08:00:00Z"))
        request.purpose = .emergency
        request.consent = .none
        var rules = try Sample.rules()
        rules.federalList = .notLoaded
        rules.limits.emergencyPurposeEnabled = true
        #expect(Gate.decide(request, rules: rules).verdict == .allow)
        request.internalListed = true
        #expect(Gate.decide(request, rules: rules).verdict == .block)
    }

    @Test func consentWithoutDateOrFromTheFutureIsNone() throws {
        try expectFailure(of: .consent, cause: .subject, detail: "consent has no date") {
            request, _ in request.consentAt = nil
        }
        try expectFailure(of: .consent, cause: .subject, detail: "consent is dated in the future") {
            request, _ in request.consentAt = Sample.now + .seconds(1)
        }
    }

    @Test func arizonaMobileNeedsConsentEvenForALiveVoice() throws {
        // Tuesday 10:00 in Phoenix; 602 is Phoenix alone.
        var request = try Sample.request("+16025551234", at: utc("2026-11-24T17:00:00Z"))
        request.voice = .live
        request.consent = .none
        let rules = try Sample.rules()
        #expect(
            Gate.decide(request, rules: rules).result(of: .consent)?.detail
                == "marketing call with live voice needs express consent, on file: none")
        request.lineType = .landline
        #expect(Gate.decide(request, rules: rules).verdict == .allow)
    }

    @Test func washingtonBarsAutomatedSalesCalls() throws {
        // Tuesday 10:00 in Seattle.
        var request = try Sample.request("+12065551234", at: utc("2026-11-24T18:00:00Z"))
        let rules = try Sample.rules()
        let decision = Gate.decide(request, rules: rules)
        #expect(decision.failed.map(\.check) == [.automatedVoice])
        request.purpose = .informational
        #expect(Gate.decide(request, rules: rules).verdict == .allow)
        request.purpose = .marketing
        request.voice = .live
        #expect(Gate.decide(request, rules: rules).verdict == .allow)
    }

    @Test func nevadaBarsASecondCallAfterAHangUp() throws {
        // Tuesday 10:00 in Las Vegas.
        var request = try Sample.request("+17025551234", at: utc("2026-11-24T18:00:00Z"))
        let rules = try Sample.rules()
        #expect(Gate.decide(request, rules: rules).verdict == .allow)
        request.history.hungUpOnAutomatedCall = true
        #expect(Gate.decide(request, rules: rules).failed.map(\.check) == [.automatedVoice])
    }

    @Test(arguments: [
        ("+442079460000", "not a number of the North American plan"),
        ("+18005551234", "area code 800 belongs to no place (toll_free)"),
        ("+19005551234", "area code 900 belongs to no place (premium)"),
        ("+15005551234", "area code 500 belongs to no place (personal)"),
        ("+14165551234", "area code 416 is Canadian and not enabled"),
        ("+18765551234", "area code 876 is in another country and not enabled"),
        ("+12115551234", "area code is not in the plan of 2025-11-26"),
        ("+12119111234", "area code is not in the plan of 2025-11-26"),
        ("+12129111234", "exchange is a service code"),
    ]) func numbersThatAreNoAmericanSubscribersAreBlocked(number: String, detail: String) throws {
        let decision = try Sample.decide(number)
        #expect(decision.verdict == .block)
        #expect(decision.result(of: .numberClass)?.detail == detail)
    }

    @Test func plannedAreaCodeIsBlocked() throws {
        let decision = try Sample.decide("+14655551234")
        #expect(
            decision.result(of: .numberClass)?.detail
                == "area code 465 was not in service on 2025-11-26")
    }

    @Test func fourthAttemptInThirtyDaysIsBlocked() throws {
        try expectFailure(
            of: .frequency, cause: .subject, detail: "3 attempts in 30 days, 3 are allowed"
        ) { request, _ in request.history.attemptsLast30Days = 3 }
        var request = try Sample.request()
        request.history.attemptsLast30Days = 2
        #expect(Gate.decide(request, rules: try Sample.rules()).verdict == .allow)
    }

    @Test func floridaAllowsThreeAttemptsADayAndNamesTheNext() throws {
        // Tuesday 10:00 in Miami.
        let now = utc("2026-11-24T15:00:00Z")
        var request = try Sample.request("+13055551234", at: now)
        var rules = try Sample.rules()
        rules.limits.maximumAttemptsPer30Days = 10
        let attempts = [
            utc("2026-11-23T16:00:00Z"), utc("2026-11-23T20:00:00Z"), utc("2026-11-24T14:00:00Z"),
        ]
        request.history = CallHistory(attempts: attempts, now: now)
        let decision = Gate.decide(request, rules: rules)
        #expect(decision.failed.map(\.check) == [.frequency])
        #expect(decision.result(of: .frequency)?.detail == "FL allows 3 attempts in 24 hours")
        #expect(decision.verdict == .wait(until: utc("2026-11-24T16:00:00Z")))
    }

    @Test func maineAsksForEightHoursAndWaitsForTheNextOpening() throws {
        // Tuesday 10:00 in Portland; the last attempt was at 09:30. Eight hours later is 17:30, and
        // automated calls end at 17:00: Wednesday 09:00.
        let now = utc("2026-11-24T15:00:00Z")
        var request = try Sample.request("+12075551234", at: now)
        request.history = CallHistory(attempts: [utc("2026-11-24T14:30:00Z")], now: now)
        let decision = Gate.decide(request, rules: try Sample.rules())
        #expect(decision.failed.map(\.check) == [.frequency])
        #expect(decision.verdict == .wait(until: utc("2026-11-25T14:00:00Z")))
    }

    @Test func maineWithoutTheTimeOfTheLastAttemptIsRefused() throws {
        let now = utc("2026-11-24T15:00:00Z")
        var request = try Sample.request("+12075551234", at: now)
        request.history = CallHistory(attemptsLast24Hours: 1, attemptsLast30Days: 1)
        #expect(Gate.decide(request, rules: try Sample.rules()).verdict == .block)
        request.history.lastAttemptAt = now + .seconds(-8 * 3600)
        #expect(Gate.decide(request, rules: try Sample.rules()).verdict == .allow)
    }

    @Test func contradictoryHistoryNeverWaitsUntilNow() throws {
        let now = utc("2026-11-24T15:00:00Z")
        var request = try Sample.request("+13055551234", at: now)
        var rules = try Sample.rules()
        rules.limits.maximumAttemptsPer30Days = 10
        request.history = CallHistory(
            attemptsLast24Hours: 3, attemptsLast30Days: 3,
            oldestInLast24Hours: utc("2026-11-20T15:00:00Z"))
        #expect(Gate.decide(request, rules: rules).verdict == .wait(until: now + .seconds(60)))
    }

    @Test func senselessTimesAreRefusedAndNeverTrap() throws {
        var rules = try Sample.rules()
        for milliseconds in [
            Int64.min + 86_400_000, Int64.min / 1000, -1, Int64.max / 1000, Int64.max,
        ] {
            let time = WallTime(milliseconds: milliseconds)
            var request = try Sample.request("+12075551234")
            rules.federalList = .loaded(NumberSet(), asOf: time)
            #expect(Gate.decide(request, rules: rules).result(of: .federalDNC)?.passed == false)
            request.now = time
            request.history = CallHistory(attempts: [Sample.now, time], now: time)
            _ = Gate.decide(request, rules: rules)
            _ = Gate.openings(for: request, rules: rules)
        }
    }

    @Test func callerIDMustBeOursAndCallable() throws {
        try expectFailure(of: .callerID, cause: .setup, detail: "no caller ID") { request, _ in
            request.callerID = nil
        }
        try expectFailure(
            of: .callerID, cause: .setup, detail: "caller ID is the called number"
        ) { request, _ in request.callerID = request.number }
        try expectFailure(
            of: .callerID, cause: .setup,
            detail: "caller ID is not a number of the North American plan"
        ) { request, _ in request.callerID = try PhoneNumber("+442079460000") }
        try expectFailure(
            of: .callerID, cause: .setup,
            detail: "caller ID is of kind premium: it cannot be called back"
        ) { request, _ in request.callerID = try PhoneNumber("+19005551000") }
        try expectFailure(
            of: .callerID, cause: .setup, detail: "caller ID is not one of this installation's"
        ) { _, rules in rules.ownedCallerIDs = [try PhoneNumber("+12125550000")] }
    }

    @Test func pauseWaitsAnHourAndKillSwitchCoversEverywhere() throws {
        var rules = try Sample.rules()
        rules.pauses["NY"] = "declared emergency"
        let request = try Sample.request()
        let decision = Gate.decide(request, rules: rules)
        #expect(decision.verdict == .wait(until: utc("2026-11-25T16:00:00Z")))
        #expect(
            decision.result(of: .pause)?.detail == "dialling to NY is paused: declared emergency")
        rules.pauses = ["LA": "declared emergency"]
        #expect(Gate.decide(request, rules: rules).verdict == .allow)
        rules.pauses = ["*": "operator"]
        #expect(Gate.decide(request, rules: rules).verdict != .allow)
    }

    @Test func clockThatIsNotTheMachinesIsNamed() throws {
        var rules = try Sample.rules()
        rules.clockNote = "fixed for a demonstration"
        #expect(
            Gate.decide(try Sample.request(), rules: rules).ruleSet
                == "us-2026-11-22 npa-2025-11-26; clock: fixed for a demonstration")
    }

    @Test func jsonHoldsEveryCheckAndNoDigitsOfTheNumber() throws {
        var request = try Sample.request("+12125550147")
        request.internalListed = true
        request.ringTimeoutSeconds = 25
        let json = Gate.decide(request, rules: try Sample.rules()).json
        for check in CheckName.allCases {
            #expect(json.contains("\"check\":\"\(check.rawValue)\""))
        }
        #expect(json.contains("\"verdict\":\"block\",\"allowed\":false"))
        #expect(json.contains("\"zones\":[\"America/New_York\"],\"states\":[\"NY\"]"))
        #expect(json.contains("\"decided_at\":\"2026-11-25T15:00:00.000Z\""))
        #expect(!json.contains("2125550147") && !json.contains("5550147") && !json.contains("0147"))
        #expect(!json.contains("8005551000"))
    }

    @Test func waitIsWrittenWithItsTime() throws {
        let json = try Sample.decide(at: utc("2026-11-25T12:00:00Z")).json
        #expect(
            json.hasPrefix(
                "{\"verdict\":\"wait\",\"allowed\":false,\"wait_until\":\"2026-11-25T13:00:00.000Z\""
            ))
    }
}
