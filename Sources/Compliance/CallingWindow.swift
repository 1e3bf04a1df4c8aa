internal import Base

/// The hours within which a call is lawful in every zone and under every state's rule.
struct CallingWindow {
    /// One zone under one state's rule.
    private struct Place {
        var zoneName: String
        var zone: ZoneRules
        var state: String
    }

    /// Why a moment is outside.
    enum Refusal {
        case beforeStart(DayWindow)
        case afterEnd(DayWindow)
        /// The window is open, but the call would still ring when it closes.
        case ringsPastEnd(DayWindow)
        case closedDay
        case holiday(String)
        /// The table of holidays does not reach this year.
        case holidaysUnknown(year: Int)
    }

    private let places: [Place]
    private let rules: GateRules
    private let automated: Bool
    let ringTimeout: Interval

    init(
        zones: [(name: String, rules: ZoneRules)], states: [String], rules: GateRules,
        automated: Bool, ringTimeout: Interval
    ) {
        self.rules = rules
        self.automated = automated
        self.ringTimeout = ringTimeout
        places = states.flatMap { state in
            zones.map { Place(zoneName: $0.name, zone: $0.rules, state: state) }
        }
    }

    /// The first place where a call at `now` is not lawful, or nil when it is lawful in all.
    func refusal(at now: WallTime) -> (
        zone: String, state: String, refusal: Refusal, isSetup: Bool
    )? {
        for place in places {
            for zone in clocks(of: place, at: now) {
                guard let refusal = refusal(at: now, zone: zone, state: place.state) else {
                    continue
                }
                if case .holidaysUnknown = refusal {
                    return (place.zoneName, place.state, refusal, true)
                }
                return (place.zoneName, place.state, refusal, false)
            }
        }
        return nil
    }

    /// The first moment at or after `from` and before `until` at which a call is lawful everywhere.
    func opening(from: WallTime, until: WallTime) -> WallTime? {
        var moment = from
        // Each round moves every place at least to its own next opening; all windows of a week
        // times all places is far more than it can take.
        for _ in 0..<10_000 {
            var latest = moment
            for place in places {
                for zone in clocks(of: place, at: moment) {
                    guard
                        let next = opening(
                            from: moment, until: until, zone: zone, state: place.state)
                    else { return nil }
                    latest = max(latest, next)
                }
            }
            if latest == moment { return moment < until ? moment : nil }
            moment = latest
        }
        return nil
    }

    /// The year of `end`, where a state bars holidays and the table of them does not reach it: an opening
    /// that lies there is not known.
    func yearWithoutHolidays(until end: WallTime) -> Int? {
        for place in places {
            let date = place.zone.local(end).date
            if rules.states.rule(of: place.state, on: date).barsHolidays,
                !rules.holidays.covers(place.state, year: date.year)
            {
                return date.year
            }
        }
        return nil
    }

    /// The moment at which the span that is open at `moment` closes.
    func closing(after moment: WallTime) -> WallTime {
        var earliest = moment + .seconds(86_400)
        for place in places {
            for zone in clocks(of: place, at: moment) {
                let local = zone.local(moment)
                guard let window = window(on: local.date, state: place.state) else { return moment }
                let end = zone.time(of: LocalTime(date: local.date, secondOfDay: window.end))
                earliest = min(
                    earliest, WallTime(milliseconds: end.milliseconds) + (.zero - ringTimeout))
            }
        }
        return earliest
    }

    /// Of the westernmost zone at that moment.
    func offset(at moment: WallTime) -> Int {
        places.map { $0.zone.offset(at: moment) }.min() ?? 0
    }

    /// The zone itself, and the one the state's statute names, if any.
    private func clocks(of place: Place, at moment: WallTime) -> [ZoneRules] {
        let rule = rules.states.rule(of: place.state, on: place.zone.local(moment).date)
        guard let statuteZone = rule.statuteZone else { return [place.zone] }
        return [place.zone, statuteZone]
    }

    /// The state's hours on a day; nil when no call may be placed at all.
    private func window(on date: CivilDate, state: String) -> DayWindow? {
        let rule = rules.states.rule(of: state, on: date)
        if rule.barsHolidays {
            guard rules.holidays.covers(state, year: date.year),
                rules.holidays.holiday(in: state, on: date) == nil
            else { return nil }
        }
        return rule.week(automated: automated).window(weekday: date.weekday)
    }

    private func refusal(at now: WallTime, zone: ZoneRules, state: String) -> Refusal? {
        let local = zone.local(now)
        let rule = rules.states.rule(of: state, on: local.date)
        if rule.barsHolidays {
            if !rules.holidays.covers(state, year: local.date.year) {
                return .holidaysUnknown(year: local.date.year)
            }
            if let name = rules.holidays.holiday(in: state, on: local.date) {
                return .holiday(name)
            }
        }
        guard let window = rule.week(automated: automated).window(weekday: local.date.weekday)
        else {
            return .closedDay
        }
        if local.secondOfDay < window.start { return .beforeStart(window) }
        if local.secondOfDay >= window.end { return .afterEnd(window) }
        // The last ring must lie inside too: the end of the window is not part of it.
        let last = zone.local(now + ringTimeout)
        if last.date != local.date || last.secondOfDay >= window.end {
            return .ringsPastEnd(window)
        }
        return nil
    }

    private func opening(
        from: WallTime, until: WallTime, zone: ZoneRules, state: String
    ) -> WallTime? {
        var moment = from
        while moment < until {
            guard let refusal = refusal(at: moment, zone: zone, state: state) else { return moment }
            let date = zone.local(moment).date
            if case .beforeStart(let window) = refusal {
                moment = max(
                    moment + .milliseconds(1),
                    zone.time(of: LocalTime(date: date, secondOfDay: window.start)))
            } else {
                let tomorrow = CivilDate(daysSince1970: date.daysSince1970 + 1)
                moment = max(
                    moment + .milliseconds(1),
                    zone.time(of: LocalTime(date: tomorrow, secondOfDay: 0)))
            }
        }
        return nil
    }
}
