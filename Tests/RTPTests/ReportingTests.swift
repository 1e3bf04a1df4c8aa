import Base
import RTP
import Testing

@Suite struct ReportingTests {
    /// RFC 3550 6.3.4 once a report: a peer that says BYE with each of its reports delays none of ours.
    @Test(arguments: [100, 500, 1000, 4000], 1...5)
    func whoSaysByeAgainAndAgainIsStillReportedTo(period: Int64, seed: UInt64) {
        var schedule = RTCPSchedule(seed: seed, now: .zero)
        var reports: [Instant] = []
        for tick in Int64(1)...6000 {
            let now = Instant(milliseconds: tick * 20)
            if tick * 20 % period == 0 {
                schedule.receivedReport(now: now)
                schedule.receivedGoodbye(now: now)
            }
            if schedule.poll(now: now, lastMedia: now) { reports.append(now) }
        }
        // Two minutes; an interval is 2.05 to 6.16 s, and comes up to half of it sooner.
        #expect((15...120).contains(reports.count), "\(reports.count)")
        for (earlier, later) in zip(reports, reports.dropFirst()) {
            guard later - earlier >= .seconds(8) else { continue }
            Issue.record("\(later - earlier)")
            return
        }
    }

    /// A.8 would take a minute and more to forget what no network did.
    @Test func aSourceThatSetsItsTimestampsAnewHasNoJitter() {
        var statistics = ReceiverStatistics(clockRate: 8000)
        var timestamp: UInt32 = 50
        for index in 0..<300 {
            if index == 100 { timestamp &+= 0x3000_0000 }
            if index == 200 { timestamp &-= 16_001 }
            statistics.receive(
                sequence: UInt16(index), timestamp: timestamp,
                arrival: Instant(milliseconds: Int64(index) * 20))
            timestamp &+= 160
        }
        #expect(statistics.jitter == 0)
        // Two seconds are what a network may do.
        timestamp &+= 16_000
        statistics.receive(
            sequence: 300, timestamp: timestamp, arrival: Instant(milliseconds: 6000))
        #expect(statistics.jitter == 1000)
    }

    /// What came while it was not taken is not lost; what was lost before and after is.
    @Test(arguments: [1, 5, 2000, 2998, 2999, 40_000])
    func whatWasNotTakenIsNotLost(meanwhile: Int) {
        var statistics = ReceiverStatistics(clockRate: 8000)
        var number = 65_000
        var time: Int64 = 0
        func hear(_ count: Int) {
            for _ in 0..<count {
                statistics.receive(
                    sequence: UInt16(truncatingIfNeeded: number),
                    timestamp: UInt32(number * 160), arrival: Instant(milliseconds: time))
                number += 1
                time += 20
            }
        }
        hear(10)
        number += 2
        time += 40
        hear(10)
        statistics.resume()
        number += meanwhile
        // It goes on with timestamps that have stood still for a while.
        time += 1000 + Int64(meanwhile) * 20
        hear(10)
        #expect(statistics.jitter == 0)
        let block = statistics.makeReportBlock(ssrc: 1, now: .zero)
        // A jump of 3000 is a restart (A.1): it counts anew.
        #expect(block.cumulativeLost == (meanwhile < 2999 ? 2 : 0))
        number += 3
        time += 60
        hear(10)
        #expect(statistics.lost == (meanwhile < 2999 ? 5 : 3))
        #expect(statistics.expected == statistics.received + statistics.lost)
    }
}
