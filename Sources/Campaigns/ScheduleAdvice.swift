public import Base
public import Compliance

/// One earlier attempt, in the person's own clock.
public struct AttemptHour: Sendable, Equatable {
    /// 0…23
    public var hour: Int
    /// 0 = Sunday … 6 = Saturday
    public var weekday: Int
    /// Whether somebody answered, whoever it was.
    public var wasAnswered: Bool

    /// An hour or weekday out of range makes the advisor ignore the attempt.
    public init(hour: Int, weekday: Int, wasAnswered: Bool) {
        self.hour = hour
        self.weekday = weekday
        self.wasAnswered = wasAnswered
    }
}

/// When to call somebody next, and why.
public struct ScheduleAdvice: Sendable, Equatable {
    /// One time to call.
    public struct Slot: Sendable, Equatable {
        /// The start of a lawful opening, or a full local hour within one.
        public var at: WallTime
        /// 0…1: the estimated chance of an answer, drawn towards the average while little is known.
        public var score: Double
        /// One phrase each, for an operator: why this time.
        public var reasons: [String]
    }

    /// Best first; empty when no opening is known.
    public var slots: [Slot]
    /// nil when no opening is known.
    public var best: Slot? { slots.first }
}

/// Proposes call times inside the lawful openings from the hours at which people answered.
///
/// The estimate of an hour is its answered share, drawn towards the share of all attempts as if
/// `priorWeight` more attempts had been made there: two answers out of two do not make an hour
/// certain. A person's own attempts weigh more than those of the campaign.
public enum ScheduleAdvisor {
    static let priorWeight = 4.0
    static let ownWeight = 5.0
    /// Used when nothing at all is known.
    static let priorShare = 0.2

    /// - Parameters:
    ///   - own: earlier attempts at this person.
    ///   - campaign: earlier attempts at others, for what is usual.
    ///   - openings: lawful spans, from `Gate.openings`.
    ///   - notBefore: earliest time wanted, such as the end of a retry delay.
    ///   - count: slots proposed, at most 10.
    public static func advise(
        own: [AttemptHour], campaign: [AttemptHour] = [], openings: [Opening],
        notBefore: WallTime, count: Int = 3
    ) -> ScheduleAdvice {
        let statistics = HourStatistics(own: own, campaign: campaign)
        var slots: [ScheduleAdvice.Slot] = []
        for opening in openings.prefix(60) {
            for at in candidates(in: opening, notBefore: notBefore) {
                slots.append(statistics.slot(at: at, utcOffsetSeconds: opening.utcOffsetSeconds))
            }
        }
        // Highest score first, the earlier of equals: sorting is stable over times already ascending.
        let ordered = slots.enumerated().sorted {
            ($0.element.score, $1.offset) > ($1.element.score, $0.offset)
        }
        return ScheduleAdvice(slots: ordered.prefix(min(max(count, 0), 10)).map(\.element))
    }

    /// The start of the opening and each full local hour within it.
    private static func candidates(in opening: Opening, notBefore: WallTime) -> [WallTime] {
        let start = max(opening.start, notBefore)
        guard start < opening.end else { return [] }
        var times = [start]
        let shift = Int64(opening.utcOffsetSeconds) * 1000
        var hour = ((start.milliseconds &+ shift).flooredDivision(by: 3_600_000) + 1) * 3_600_000
        while WallTime(milliseconds: hour - shift) < opening.end, times.count < 25 {
            times.append(WallTime(milliseconds: hour - shift))
            hour += 3_600_000
        }
        return times
    }
}

private struct HourStatistics {
    private struct Tally {
        var answered = 0.0
        var attempts = 0.0
        mutating func add(_ attempt: AttemptHour, weight: Double) {
            attempts += weight
            if attempt.wasAnswered { answered += weight }
        }
    }

    private var byHour = [Tally](repeating: Tally(), count: 24)
    private var byKind = [Tally](repeating: Tally(), count: 2)
    private var ownByHour = [Tally](repeating: Tally(), count: 24)
    private var all = Tally()

    init(own: [AttemptHour], campaign: [AttemptHour]) {
        for attempt in own where isValid(attempt) {
            add(attempt, weight: ScheduleAdvisor.ownWeight)
            ownByHour[attempt.hour].add(attempt, weight: 1)
        }
        for attempt in campaign where isValid(attempt) { add(attempt, weight: 1) }
    }

    private func isValid(_ attempt: AttemptHour) -> Bool {
        (0..<24).contains(attempt.hour) && (0..<7).contains(attempt.weekday)
    }

    private mutating func add(_ attempt: AttemptHour, weight: Double) {
        byHour[attempt.hour].add(attempt, weight: weight)
        byKind[kind(attempt.weekday)].add(attempt, weight: weight)
        all.add(attempt, weight: weight)
    }

    private func kind(_ weekday: Int) -> Int { weekday == 0 || weekday == 6 ? 1 : 0 }

    private func share(_ tally: Tally, prior: Double) -> Double {
        (tally.answered + prior * ScheduleAdvisor.priorWeight)
            / (tally.attempts + ScheduleAdvisor.priorWeight)
    }

    func slot(at: WallTime, utcOffsetSeconds: Int) -> ScheduleAdvice.Slot {
        let local = at.milliseconds &+ Int64(utcOffsetSeconds) * 1000
        let days = local.flooredDivision(by: 86_400_000)
        let hour = Int((local - days * 86_400_000) / 3_600_000)
        let weekday = CivilDate(daysSince1970: days).weekday
        let overall = share(all, prior: ScheduleAdvisor.priorShare)
        let ofKind = share(byKind[kind(weekday)], prior: overall)
        let score = share(byHour[hour], prior: ofKind)
        var reasons = ["inside the lawful calling window"]
        let own = ownByHour[hour]
        if own.attempts > 0 {
            reasons.append(
                "this person answered \(Int(own.answered)) of \(Int(own.attempts)) attempts at "
                    + "\(padded(hour, 2)):00")
        }
        if all.attempts == 0 {
            reasons.append("no history: the earliest lawful time")
        } else if score > overall {
            reasons.append("answered more often than the average at this hour")
        } else if score < overall {
            reasons.append("answered less often than the average at this hour")
        }
        return ScheduleAdvice.Slot(at: at, score: score, reasons: reasons)
    }
}
