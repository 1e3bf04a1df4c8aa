internal import Base
internal import CallModel

extension GateSubject {
    func check(_ name: CheckName) -> CheckResult {
        switch name {
        case .pause: checkPause()
        case .numberClass: checkNumberClass()
        case .internalDNC: checkInternalDNC()
        case .federalDNC: checkFederalDNC()
        case .stateDNC: checkStateDNC()
        case .consent: checkConsent()
        case .automatedVoice: checkAutomatedVoice()
        case .timeZoneWindow: checkWindow()
        case .frequency: checkFrequency()
        case .callerID: checkCallerID()
        }
    }

    /// A pause is looked at again after an hour: it ends when the operator says so.
    private func checkPause() -> CheckResult {
        let again = request.now + .seconds(3600)
        if let reason = rules.pauses["*"] {
            return failed(.pause, .time, "all dialling is paused: \(reason)", curedAt: again)
        }
        for state in states {
            if let reason = rules.pauses[state] {
                return failed(
                    .pause, .time, "dialling to \(state) is paused: \(reason)", curedAt: again)
            }
        }
        return passed(.pause, "no pause in force")
    }

    private func checkNumberClass() -> CheckResult {
        let check = CheckName.numberClass
        guard request.number.isNANP else {
            return failed(check, .subject, "not a number of the North American plan")
        }
        guard let areaCode else {
            return failed(
                check, .subject, "area code is not in the plan of \(rules.areaCodes.asOf)")
        }
        guard areaCode.inService else {
            return failed(
                check, .subject,
                "area code \(areaCode.code) was not in service on \(rules.areaCodes.asOf)")
        }
        // NXX of the form N11 are service codes, never exchanges.
        let exchange = request.number.e164.utf8.dropFirst(5).prefix(3)
        guard exchange.dropFirst().contains(where: { $0 != UInt8(ascii: "1") }) else {
            return failed(check, .subject, "exchange is a service code")
        }
        guard rules.limits.allowedPolicies.contains(areaCode.policy) else {
            let what =
                switch areaCode.policy {
                case .nonGeographic: "belongs to no place (\(areaCode.kind))"
                case .canada: "is Canadian and not enabled"
                case .foreign: "is in another country and not enabled"
                case .us, .usTerritory: "is not enabled"
                }
            return failed(check, .subject, "area code \(areaCode.code) \(what)")
        }
        return passed(check, "area code \(areaCode.code) is geographic and in service")
    }

    private func checkInternalDNC() -> CheckResult {
        switch request.internalListed {
        case nil: failed(.internalDNC, .setup, "the internal list could not be read")
        case true?: failed(.internalDNC, .subject, "on the internal do-not-call list")
        case false?: passed(.internalDNC, "not on the internal do-not-call list")
        }
    }

    private func checkFederalDNC() -> CheckResult {
        if isEmergency { return passed(.federalDNC, "emergency purpose") }
        return check(
            rules.federalList, as: .federalDNC, list: "federal", mustBeFresh: true)
            ?? passed(.federalDNC, "not on the federal list")
    }

    private func checkStateDNC() -> CheckResult {
        if isEmergency { return passed(.stateDNC, "emergency purpose") }
        var notes: [String] = []
        // The lists of the candidate states must be there and fresh.
        for rule in stateRules where rule.keepsOwnList {
            let source = rules.stateLists[rule.state] ?? rules.otherStateLists
            let result = check(source, as: .stateDNC, list: rule.state, mustBeFresh: true)
            if let result, !result.passed { return result }
            let note = result?.detail ?? "not on the \(rule.state) list"
            if !notes.contains(note) { notes.append(note) }
        }
        // And no other loaded list may hold the number: people move and keep it.
        for (state, source) in rules.stateLists.sorted(by: { $0.key < $1.key }) {
            let result = check(source, as: .stateDNC, list: state, mustBeFresh: false)
            if let result, !result.passed { return result }
        }
        if notes.isEmpty {
            notes.append("\(states.joined(separator: ", ")): no list of the state's own")
        }
        return passed(.stateDNC, notes.joined(separator: "; "))
    }

    /// nil for a waiver that need not be mentioned.
    private func check(
        _ source: ListSource, as check: CheckName, list: String, mustBeFresh: Bool
    ) -> CheckResult? {
        switch source {
        case .notLoaded:
            return mustBeFresh ? failed(check, .setup, "no \(list) list loaded") : nil
        case .waived(let reason, let by):
            return mustBeFresh ? passed(check, "\(list) list waived by \(by): \(reason)") : nil
        case .loaded(let numbers, let asOf):
            let version = numbers.version.isEmpty ? "" : ", \(numbers.version)"
            let copy = "\(list) list of \(asOf.iso8601.prefix(10))\(version)"
            if numbers.contains(request.number) {
                if request.consent == .written, rules.limits.writtenConsentAllowsListedNumbers {
                    return passed(check, "listed on the \(copy); written permission on file")
                }
                return failed(check, .subject, "listed on the \(copy)")
            }
            guard mustBeFresh else { return nil }
            let age = request.now.milliseconds(since: asOf)
            if age > rules.limits.maximumListAge.milliseconds {
                let days = rules.limits.maximumListAge.nanoseconds / 86_400_000_000_000
                return failed(check, .setup, "\(copy) is older than \(days) days")
            }
            // A day's grace for the registry's own time zone.
            if age < -86_400_000 { return failed(check, .setup, "\(copy) is of the future") }
            if let npa = request.number.npa, !numbers.covers(areaCode: npa) {
                return failed(check, .setup, "\(copy) does not cover area code \(npa)")
            }
            return passed(check, "not on the \(copy)")
        }
    }

    private func checkConsent() -> CheckResult {
        let check = CheckName.consent
        if isEmergency { return passed(check, "emergency purpose needs none") }
        let needed = neededConsent
        let kind = "\(request.purpose.rawValue) call with \(request.voice.rawValue) voice"
        guard request.consent >= needed else {
            return failed(
                check, .subject,
                "\(kind) needs \(needed.rawValue) consent, on file: \(request.consent.rawValue)")
        }
        guard needed > .none else { return passed(check, "\(kind) needs none") }
        guard let consentAt = request.consentAt else {
            return rules.limits.requiresConsentDate
                ? failed(check, .subject, "consent has no date")
                : passed(check, "\(request.consent.rawValue) consent, undated")
        }
        guard consentAt <= request.now else {
            return failed(check, .subject, "consent is dated in the future")
        }
        return passed(
            check, "\(request.consent.rawValue) consent of \(consentAt.iso8601.prefix(10))")
    }

    /// 47 CFR 64.1200(a)(1)-(3), and the states' rules for sales calls to mobiles.
    private var neededConsent: ConsentClass {
        let isMarketing = request.purpose == .marketing
        var needed = ConsentClass.none
        if request.voice == .artificial { needed = isMarketing ? .written : .express }
        if isMarketing, request.lineType != .landline {
            for rule in stateRules { needed = max(needed, rule.mobileMarketingConsent) }
        }
        return needed
    }

    private func checkAutomatedVoice() -> CheckResult {
        let check = CheckName.automatedVoice
        guard request.voice == .artificial else { return passed(check, "live voice") }
        if isEmergency { return passed(check, "emergency purpose") }
        for rule in stateRules {
            if rule.barsAutomatedMarketing, request.purpose == .marketing {
                return failed(
                    check, .subject, "\(rule.state) bars sales calls by an automated voice")
            }
            if rule.barsAutomatedCallAfterHangUp, request.history.hungUpOnAutomatedCall {
                return failed(
                    check, .subject,
                    "\(rule.state) bars a second automated call after the person hung up")
            }
        }
        return passed(check, "no candidate state bars an automated voice for this purpose")
    }

    private func checkWindow() -> CheckResult {
        let check = CheckName.timeZoneWindow
        if isEmergency { return passed(check, "emergency purpose") }
        guard !zoneNames.isEmpty else { return failed(check, .subject, "no time zone known") }
        if let zone = unknownZones.first {
            let isStated = zone == request.statedZone?.trimmed
            return isStated
                ? failed(check, .subject, "stated time zone is unknown")
                : failed(check, .setup, "no rules for time zone \(zone)")
        }
        guard (0...600).contains(request.ringTimeoutSeconds) else {
            return failed(check, .setup, "ring timeout is not within 0…600 s")
        }
        guard let window else { return failed(check, .setup, "no calling window") }
        guard let refused = window.refusal(at: request.now) else {
            return passed(
                check,
                "open in \(zoneNames.joined(separator: ", ")) under "
                    + states.joined(separator: ", "))
        }
        let place = "\(refused.zone) under \(refused.state)"
        let local = rules.zones[refused.zone]?.local(request.now).minuteText ?? ""
        let words =
            switch refused.refusal {
            case .beforeStart(let hours), .afterEnd(let hours): "\(local), hours are \(hours.text)"
            case .ringsPastEnd(let hours):
                "\(local) plus \(request.ringTimeoutSeconds) s until the last ring passes the end of "
                    + hours.text
            case .closedDay: "no calls on \(local.prefix(10))"
            case .holiday(let name): "no calls on \(local.prefix(10)), \(name)"
            case .holidaysUnknown(let year): "no table of holidays for \(year)"
            }
        if refused.isSetup { return failed(check, .setup, "\(place): \(words)") }
        guard let opening = window.opening(from: request.now, until: searchEnd) else {
            if let year = window.yearWithoutHolidays(until: searchEnd) {
                return failed(
                    check, .setup, "\(place): \(words); no table of holidays for \(year)")
            }
            let days = rules.limits.openingSearchDays
            return failed(check, .subject, "\(place): \(words); no opening within \(days) days")
        }
        return failed(check, .time, "\(place): \(words)", curedAt: opening)
    }

    private func checkFrequency() -> CheckResult {
        let check = CheckName.frequency
        let history = request.history
        guard history.attemptsLast24Hours >= 0, history.attemptsLast30Days >= 0 else {
            return failed(check, .setup, "the history of attempts is invalid")
        }
        let month = max(history.attemptsLast30Days, history.attemptsLast24Hours)
        let limit = rules.limits.maximumAttemptsPer30Days
        guard month < limit else {
            return failed(check, .subject, "\(month) attempts in 30 days, \(limit) are allowed")
        }
        if isEmergency { return passed(check, "\(month) of \(limit) attempts in 30 days") }
        for rule in stateRules {
            if let cap = rule.maximumAttemptsPer24Hours, history.attemptsLast24Hours >= cap {
                return failed(
                    check, history.oldestInLast24Hours == nil ? .subject : .time,
                    "\(rule.state) allows \(cap) attempts in 24 hours",
                    curedAt: later(history.oldestInLast24Hours, by: .seconds(86_400)))
            }
            if request.voice == .artificial, let hours = rule.automatedHoursBetweenAttempts {
                let isTooSoon =
                    history.lastAttemptAt.map {
                        request.now.milliseconds(since: $0) < Int64(hours) * 3_600_000
                    } ?? (max(history.attemptsLast8Hours, history.attemptsLast24Hours) > 0)
                if isTooSoon {
                    return failed(
                        check, history.lastAttemptAt == nil ? .subject : .time,
                        "\(rule.state) asks for \(hours) hours between automated calls",
                        curedAt: later(history.lastAttemptAt, by: .seconds(Int64(hours) * 3600)))
                }
            }
        }
        return passed(check, "\(month) of \(limit) attempts in 30 days")
    }

    /// `interval` after `time`, and in any case after now: a cure that lies in the past would have
    /// the same contact asked about again at once, for ever.
    private func later(_ time: WallTime?, by interval: Interval) -> WallTime? {
        time.map { max($0 + interval, request.now + .seconds(60)) }
    }

    private func checkCallerID() -> CheckResult {
        let check = CheckName.callerID
        guard let callerID = request.callerID else { return failed(check, .setup, "no caller ID") }
        guard callerID != request.number else {
            return failed(check, .setup, "caller ID is the called number")
        }
        guard let npa = callerID.npa, let code = rules.areaCodes[npa], code.inService else {
            return failed(check, .setup, "caller ID is not a number of the North American plan")
        }
        let canRing = code.kind == "geographic" || code.kind == "toll_free"
        guard canRing else {
            return failed(
                check, .setup, "caller ID is of kind \(code.kind): it cannot be called back")
        }
        if let owned = rules.ownedCallerIDs, !owned.contains(callerID) {
            return failed(check, .setup, "caller ID is not one of this installation's")
        }
        return passed(check, "caller ID can be called back")
    }
}
