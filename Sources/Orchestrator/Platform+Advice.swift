public import Base
public import CallModel
public import Campaigns
public import Compliance
public import Conversation
public import Store

/// Scripts, outcomes, schedules and analytics: the thinking side of the original platform's API.
extension Platform {
    /// A structured script from campaign and customer data: the built-in template, in the words of
    /// the configured language model where there is one.
    public func generateScript(_ input: ScriptInput) async -> Script {
        await scripts.write(input)
    }

    /// Disposition, outcome, confidence and summary, by `OutcomeClassifier`. Same facts, same
    /// answer.
    public func classify(_ facts: CallFacts) -> Classification {
        OutcomeClassifier.classify(facts: facts)
    }

    /// The facts of an ended call, for classifying it again with a transcript.
    public func facts(of id: CallID, transcript: [Turn]?) async throws -> CallFacts? {
        guard let record = try await record(id) else { return nil }
        var facts = CallFacts(endReason: record.endReason)
        facts.wasAnswered = record.answeredAt != nil
        facts.verdict = record.verdict
        facts.verdictConfidence = record.verdictConfidence
        facts.voicemailLeft = record.disposition == .voicemailLeft
        facts.optedOut = record.disposition == .optedOut
        facts.transferred = record.endReason == .transferred
        facts.ringSeconds =
            record.ringingAt.map { ((record.answeredAt ?? record.endedAt) - $0).seconds } ?? 0
        facts.talkSeconds = record.answeredAt.map { (record.endedAt - $0).seconds } ?? 0
        facts.transcript = transcript
        return facts
    }

    /// Lawful and promising times for the next call to a person.
    public func schedule(
        contact: Contact, campaign: Campaign, own: [AttemptHour], notBefore: WallTime?
    ) async -> (advice: ScheduleAdvice, openings: [Opening]) {
        let openings = desk.openings(contact: contact, campaign: campaign)
        let advice = ScheduleAdvisor.advise(
            own: own, openings: openings, notBefore: notBefore ?? desk.now)
        return (advice, openings)
    }

    /// Sums over the campaign's call records.
    ///
    /// - Throws: `PlatformError` 404 when there is no such campaign; `StoreError`.
    public func analytics(_ campaign: CampaignID) async throws -> CampaignAnalytics {
        do {
            return try await store.analytics(campaign)
        } catch StoreError.notFound {
            throw PlatformError.notFound("campaign")
        }
    }
}
