import Base
import CallModel
import Testing

@testable import Campaigns

@Suite struct PacerTests {
    private func at(_ milliseconds: Int64) -> Instant { Instant(milliseconds: milliseconds) }

    @Test func thirtyAMinuteIsOneEveryTwoSecondsAndNoBurst() {
        var pacer = Pacer(callsPerMinute: 30, maximumConcurrent: 100)
        #expect(pacer.spacing == .seconds(2))
        var starts: [Int64] = []
        for ms in stride(from: Int64(0), through: 60_000, by: 10)
        where pacer.mayStart(active: 0, now: at(ms)) {
            pacer.started(now: at(ms))
            starts.append(ms)
        }
        #expect(starts == (0...30).map { Int64($0) * 2000 })
    }

    @Test func concurrencyHoldsTheRateBack() {
        var pacer = Pacer(callsPerMinute: 600, maximumConcurrent: 2)
        #expect(pacer.mayStart(active: 1, now: at(0)))
        pacer.started(now: at(0))
        #expect(!pacer.mayStart(active: 2, now: at(500)))
        #expect(pacer.mayStart(active: 1, now: at(500)))
        #expect(pacer.nextStart(now: at(50)) == at(100))
        #expect(pacer.nextStart(now: at(500)) == at(500))
    }

    @Test func slowTicksDoNotLowerTheRate() {
        var pacer = Pacer(callsPerMinute: 60, maximumConcurrent: 100)
        var count = 0
        // Looked at every 300 ms only: 1000 ms is never hit exactly.
        for ms in stride(from: Int64(0), to: 60_000, by: 300)
        where pacer.mayStart(active: 0, now: at(ms)) {
            pacer.started(now: at(ms))
            count += 1
        }
        #expect(count == 60)
    }

    @Test func aPauseIsNotMadeUpForWithABurst() {
        var pacer = Pacer(callsPerMinute: 60, maximumConcurrent: 100)
        pacer.started(now: at(0))
        var starts: [Int64] = []
        for ms in stride(from: Int64(30_000), to: 34_000, by: 10)
        where pacer.mayStart(active: 0, now: at(ms)) {
            pacer.started(now: at(ms))
            starts.append(ms)
        }
        #expect(starts == [30_000, 31_000, 32_000, 33_000])
    }

    @Test func spacingNeverFallsBelowHalfUnderRandomTicks() {
        var generator = SeededGenerator(seed: 12)
        var pacer = Pacer(callsPerMinute: 120, maximumConcurrent: 100)
        var now: Int64 = 0
        var last: Int64?
        for _ in 0..<5000 {
            now += Int64(generator.next() % 400)
            guard pacer.mayStart(active: 0, now: at(now)) else { continue }
            pacer.started(now: at(now))
            if let last { #expect(now - last >= 250) }
            last = now
        }
        #expect(last != nil)
    }

    @Test func senselessSettingsAreMadeSensible() {
        let pacer = Pacer(callsPerMinute: 0, maximumConcurrent: -1)
        #expect(pacer.callsPerMinute == 1 && pacer.maximumConcurrent == 1)
        #expect(Pacer(callsPerMinute: .max, maximumConcurrent: 1).spacing == .milliseconds(10))
    }
}

@Suite struct RetryPolicyTests {
    private let now = WallTime(seconds: 1_800_000_000)

    private func after(
        _ reason: EndReason, attempt: Int, maximum: Int = 3, uncounted: Int = 0, declined: Int = 0
    ) -> NextStep {
        RetryPolicy.after(
            reason: reason, attempt: attempt, maximum: maximum, now: now,
            earlierUncounted: uncounted, earlierDeclined: declined)
    }

    @Test func busyIsTriedThreeTimesHalfAnHourApart() {
        #expect(after(.busy, attempt: 1) == .retry(at: WallTime(seconds: 1_800_001_800)))
        #expect(after(.busy, attempt: 2) == .retry(at: WallTime(seconds: 1_800_001_800)))
        #expect(after(.busy, attempt: 3) == .exhausted)
    }

    @Test func campaignLimitIsNeverAboveThree() {
        #expect(after(.noAnswer, attempt: 3, maximum: 10) == .exhausted)
        #expect(after(.noAnswer, attempt: 1, maximum: 1) == .exhausted)
        #expect(after(.noAnswer, attempt: 1, maximum: 0) == .exhausted)
    }

    @Test(arguments: [
        EndReason.remoteHangup, .localHangup, .optOut, .maximumDuration, .mediaTimeout,
        .streamFailed, .cancelled, .invalidNumber, .unwanted, .blockedByAnalytics, .gateBlocked,
        .configurationError,
    ]) func endsWithoutARetryDelayComplete(reason: EndReason) {
        #expect(after(reason, attempt: 1) == .complete)
    }

    @Test func oneDeclineIsTriedADayLaterASecondIsAnAnswer() {
        #expect(after(.declined, attempt: 1) == .retry(at: WallTime(seconds: 1_800_086_400)))
        #expect(after(.declined, attempt: 2, declined: 1) == .exhausted)
    }

    @Test func trunkFailuresDoNotUseUpThePersonsAttempts() {
        // Two failures of the trunk, then busy: the first attempt that counts.
        #expect(
            after(.busy, attempt: 3, uncounted: 2) == .retry(at: WallTime(seconds: 1_800_001_800)))
        #expect(after(.busy, attempt: 5, uncounted: 2) == .exhausted)
    }

    @Test func trunkFailuresBackOffAndAreBounded() {
        #expect(after(.trunkError, attempt: 1) == .retry(at: WallTime(seconds: 1_800_000_300)))
        #expect(
            after(.trunkError, attempt: 2, uncounted: 1)
                == .retry(at: WallTime(seconds: 1_800_000_600)))
        #expect(
            after(.trunkError, attempt: 5, uncounted: 4)
                == .retry(at: WallTime(seconds: 1_800_003_600)))
        #expect(after(.trunkError, attempt: 6, uncounted: 5) == .exhausted)
    }

    /// The trunk's fault, but the person's telephone has rung: no more than three times for that either.
    @Test func trunkFailuresBehindARingUseUpAttempts() {
        func next(_ attempt: Int) -> NextStep {
            RetryPolicy.after(
                reason: .trunkError, attempt: attempt, maximum: 3, now: now, hasRung: true)
        }
        #expect(next(2) == .retry(at: WallTime(seconds: 1_800_000_300)))
        #expect(next(3) == .exhausted)
    }

    @Test func everySequenceOfEndsIsFinite() {
        var generator = SeededGenerator(seed: 15)
        let reasons = EndReason.allCases.filter { $0.retryDelay != nil }
        for _ in 0..<300 {
            var uncounted = 0
            var counted = 0
            var declined = 0
            var attempt = 0
            while true {
                attempt += 1
                let reason = reasons[Int(generator.next() % UInt64(reasons.count))]
                let step = after(reason, attempt: attempt, uncounted: uncounted, declined: declined)
                if reason.countsAsAttempt { counted += 1 } else { uncounted += 1 }
                if reason == .declined { declined += 1 }
                guard case .retry(let at) = step else { break }
                #expect(at > now)
            }
            #expect(counted <= 3)
            #expect(attempt <= 3 + RetryPolicy.maximumUncounted + 1)
        }
    }

    @Test func statusFollowsTheStep() {
        #expect(RetryPolicy.status(after: .complete, reason: .remoteHangup) == .completed)
        #expect(RetryPolicy.status(after: .complete, reason: .gateBlocked) == .blocked)
        #expect(RetryPolicy.status(after: .retry(at: now), reason: .busy) == .pending)
        #expect(RetryPolicy.status(after: .exhausted, reason: .busy) == .exhausted)
    }

    @Test func thirdAttemptInThirtyDaysClosesTheNumberUntilTheFirstIsOld() {
        let day: Int64 = 86_400
        func ago(_ days: Int64) -> WallTime { WallTime(seconds: 1_800_000_000 - days * day) }
        #expect(AttemptFrequency.earliestAttempt(attempts: [ago(1), ago(2)], now: now) == now)
        #expect(
            AttemptFrequency.earliestAttempt(attempts: [ago(1), ago(20), ago(5)], now: now)
                == WallTime(seconds: 1_800_000_000 + 10 * day))
        #expect(
            AttemptFrequency.earliestAttempt(attempts: [ago(1), ago(31), ago(5)], now: now) == now)
        // The 30th day itself is no longer inside.
        #expect(
            AttemptFrequency.earliestAttempt(attempts: [ago(1), ago(30), ago(5)], now: now) == now)
    }
}
