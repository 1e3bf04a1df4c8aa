import Base
import Compliance
import Testing

@testable import Campaigns

@Suite struct ScheduleAdviceTests {
    /// Wednesday 2026-11-25, 08:00-21:00 in New York.
    private let wednesday = Opening(
        start: WallTime(seconds: 1_795_611_600), end: WallTime(seconds: 1_795_658_400),
        utcOffsetSeconds: -18_000)

    @Test func withoutHistoryTheEarliestLawfulTimeIsProposed() throws {
        let advice = ScheduleAdvisor.advise(
            own: [], openings: [wednesday], notBefore: WallTime(seconds: 0))
        #expect(advice.best?.at == wednesday.start)
        #expect(
            advice.best?.reasons == [
                "inside the lawful calling window", "no history: the earliest lawful time",
            ])
        #expect(advice.slots.count == 3)
    }

    @Test func hourAtWhichThePersonAnsweredWins() throws {
        let own = [
            AttemptHour(hour: 18, weekday: 1, wasAnswered: true),
            AttemptHour(hour: 18, weekday: 2, wasAnswered: true),
            AttemptHour(hour: 9, weekday: 3, wasAnswered: false),
        ]
        let advice = ScheduleAdvisor.advise(
            own: own, openings: [wednesday], notBefore: wednesday.start)
        let best = try #require(advice.best)
        // 18:00 EST = 23:00Z.
        #expect(best.at == WallTime(seconds: 1_795_647_600))
        #expect(best.reasons.contains("this person answered 2 of 2 attempts at 18:00"))
        #expect(best.score > 0.6 && best.score < 1)
    }

    @Test func campaignHistoryCountsLessThanThePersonsOwn() throws {
        let campaign = Array(
            repeating: AttemptHour(hour: 11, weekday: 3, wasAnswered: true), count: 4)
        let own = Array(repeating: AttemptHour(hour: 19, weekday: 3, wasAnswered: true), count: 4)
        let advice = ScheduleAdvisor.advise(
            own: own, campaign: campaign, openings: [wednesday], notBefore: wednesday.start)
        #expect(advice.slots.map(\.at)[0] == WallTime(seconds: 1_795_651_200))
        #expect(advice.slots.map(\.at)[1] == WallTime(seconds: 1_795_622_400))
    }

    @Test func everySlotLiesInsideAnOpeningAndAfterTheDelay() {
        var generator = SeededGenerator(seed: 30)
        for _ in 0..<100 {
            let own = (0..<6).map { _ in
                AttemptHour(
                    hour: Int(generator.next() % 26), weekday: Int(generator.next() % 8),
                    wasAnswered: generator.next() % 2 == 0)
            }
            let notBefore = WallTime(
                milliseconds: wednesday.start.milliseconds + Int64(generator.next() % 50_000_000))
            let advice = ScheduleAdvisor.advise(
                own: own, openings: [wednesday], notBefore: notBefore, count: 10)
            for slot in advice.slots {
                #expect(slot.at >= notBefore && slot.at >= wednesday.start)
                #expect(slot.at < wednesday.end)
                #expect((0...1).contains(slot.score))
            }
            #expect(advice.slots.map(\.score) == advice.slots.map(\.score).sorted(by: >))
        }
    }

    @Test func noOpeningNoAdvice() {
        #expect(
            ScheduleAdvisor.advise(own: [], openings: [], notBefore: WallTime(seconds: 0)).best
                == nil)
        #expect(
            ScheduleAdvisor.advise(own: [], openings: [wednesday], notBefore: wednesday.end).best
                == nil)
    }
}
