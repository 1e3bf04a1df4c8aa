public import CallModel
internal import GRDB

/// How a campaign has done: plain counts over its call records, so that every rate can be followed
/// back to them.
public struct CampaignAnalytics: Sendable, Equatable {
    /// Call records, those the gate blocked included.
    public var records: Int
    /// Records that were not blocked by the gate: the denominator of the rates.
    public var calls: Int
    /// Calls that were answered, by whatever it was.
    public var answered: Int
    /// Calls by outcome; every outcome is there, if only with 0.
    public var outcomes: [Outcome: Int]
    /// Calls by disposition; every disposition is there, if only with 0.
    public var dispositions: [Disposition: Int]
    /// Calls on which the person asked not to be called again.
    public var doNotCallRequests: Int
    /// Mean of the interest scores (0–10) of the calls that have one; nil when none has.
    public var averageInterest: Double?
    /// Seconds from answer to end, summed over the answered calls.
    public var talkSeconds: Double

    /// Sales per call, 0 without calls.
    public var conversionRate: Double { rate(.saleCompleted) }
    /// Call-backs asked for per call.
    public var callbackRate: Double { rate(.callbackRequested) }
    /// Calls handed to a person per call.
    public var escalationRate: Double { rate(.escalated) }

    private func rate(_ outcome: Outcome) -> Double {
        calls == 0 ? 0 : Double(outcomes[outcome] ?? 0) / Double(calls)
    }
}

extension Store {
    /// Sums over a campaign's call records. Throws `notFound`.
    public func analytics(
        _ campaign: CampaignID
    ) async throws(StoreError) -> CampaignAnalytics {
        try await read { database in
            guard try Self.exists(campaign, database) else {
                throw StoreError.notFound("campaign")
            }
            let sums = try Row.fetchOne(
                database,
                sql: """
                    SELECT count(*) AS records,
                        count(*) FILTER (WHERE end_reason <> 'gate_blocked') AS calls,
                        count(answered_at) AS answered,
                        count(*) FILTER (
                            WHERE end_reason <> 'gate_blocked' AND (end_reason = 'opt_out'
                            OR outcome = 'do_not_call' OR disposition = 'opted_out')
                        ) AS opt_outs,
                        avg(interest) AS interest,
                        ifnull(sum(max(0, ended_at - answered_at)), 0) AS talk
                    FROM call_records WHERE campaign_id = ?
                    """, arguments: [campaign.value])
            guard let sums else { throw StoreError.notFound("campaign") }
            var outcomes: [Outcome: Int] = [:]
            for outcome in Outcome.allCases {
                outcomes[outcome] = try Self.count("outcome", outcome.rawValue, campaign, database)
            }
            var dispositions: [Disposition: Int] = [:]
            for disposition in Disposition.allCases {
                dispositions[disposition] = try Self.count(
                    "disposition", disposition.rawValue, campaign, database)
            }
            return CampaignAnalytics(
                records: try sums.value("records"), calls: try sums.value("calls"),
                answered: try sums.value("answered"), outcomes: outcomes,
                dispositions: dispositions, doNotCallRequests: try sums.value("opt_outs"),
                averageInterest: sums.optional("interest"),
                talkSeconds: Double(try sums.value("talk", as: Int64.self)) / 1000)
        }
    }

    private static func count(
        _ column: String, _ word: String, _ campaign: CampaignID, _ database: Database
    ) throws -> Int {
        try Int.fetchOne(
            database,
            sql: """
                SELECT count(*) FROM call_records WHERE campaign_id = ? AND \(column) = ?
                AND end_reason <> 'gate_blocked'
                """, arguments: [campaign.value, word]) ?? 0
    }
}
