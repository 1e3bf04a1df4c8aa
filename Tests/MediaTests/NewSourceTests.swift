import Audio
import Base
import RTP
import Testing

@testable import Media

@Suite struct NewSourceTests {
    /// Plain RTP: the new SSRC is believed from its second packet on, and the first is heard then.
    @Test(arguments: [20, 60])
    func aNewSSRCDuringADigitInTheAudioIsNoSecondDigit(ptime: Int) throws {
        let bench = try LegBench(detection: true, remote: LegBench.remote(events: nil))
        bench.leg.answered(now: bench.now)
        let bridge = AudioBridge(receivedMilliseconds: 5000)
        _ = bench.attach(bridge)
        var tone = ToneGenerator(frequencies: [770, 1336], levelDBm0: -7, sampleRate: 8000)
        var far = FarEnd()
        func packet(_ isTone: Bool) -> [UInt8] {
            let count = ptime * 8
            let samples = isTone ? tone.next(count) : [Int16](repeating: 0, count: count)
            let bytes = samples.map { G711.muLaw($0) }
            return far.packet(payload: bytes, advance: UInt32(count))
        }
        let perPress = 240 / ptime
        for number in 0..<(1200 / ptime) {
            let press = number - 480 / ptime
            if press == perPress / 2 {
                far.ssrc = 0xBBBB_0002
                far.sequence = 77
                far.timestamp = 1_000_000
            }
            bench.run(ticks: ptime / 20)
            bench.receive(packet(press >= 0 && press < perPress))
        }
        let digits = bench.outputs.filter { if case .dtmf = $0 { true } else { false } }
        #expect(digits == [.dtmf("5", source: .inband)])
        #expect(bench.rejected(.foreignSSRC) == 0)
        #expect(bench.summary.packetsReceived == 1200 / ptime)
        #expect(bench.counters.packetsReceived == 1200 / ptime)
        let quiet = drained(bridge.received).drop { $0.magnitude < 500 }.prefix(240 * 8)
        #expect(quiet.count { $0 == 0 } < 20)
    }
}
