import Audio
import Base
import CallModel
import Detection
import Foundation
import Testing

@testable import Media

/// A prompt is played to a line that returns it, and that somebody speaks up on.
@Test func onlyAPersonBargesIntoAPrompt() throws {
    func prompt(_ name: String) throws -> [Int16] {
        let path = "/usr/share/asterisk/sounds/en_US_f_Allison/\(name).wav"
        let bytes = try #require(
            FileManager.default.contents(atPath: path), "run tools/setup: \(path) is missing")
        return try WAVFile(parsing: [UInt8](bytes)).channel(0, at: 8000)
    }
    let own = try prompt("vm-intro")
    let person = try prompt("vm-goodbye")
    for speaks in [false, true] {
        let bench = try LegBench(detection: true)
        bench.leg.answered(now: bench.now)
        bench.play(1, PlaybackClip(samples: own))
        var far = FarEnd()
        bench.run(ticks: 200) { tick in
            var samples = [Int16](repeating: 0, count: 160)
            for at in samples.indices {
                // 100 ms later and 20 dB quieter.
                let said = (tick - 5) * 160 + at
                if own.indices.contains(said) { samples[at] = own[said] / 10 }
                let spoken = (tick - 75) * 160 + at
                if speaks, person.indices.contains(spoken) { samples[at] &+= person[spoken] / 2 }
            }
            bench.receive(far.packet(payload: samples.map(G711.muLaw), advance: 160))
        }
        let found = bench.outputs.compactMap { output -> Int? in
            if case .detection(.bargeIn(let at)) = output { at } else { nil }
        }
        #expect(found.count == (speaks ? 1 : 0), "\(found)")
        if speaks { #expect((1600...2400).contains(found.first ?? 0), "\(found)") }
    }
}

/// A transcript reaches the detectors of a leg, and their verdict comes out of it.
@Test func aTranscriptDecidesWhoAnswered() throws {
    let bench = try LegBench(detection: true)
    func hint(_ text: String) -> [AnswerVerdict] {
        bench.outputs = []
        bench.hint(AnswerHints.verdict(of: text))
        return bench.outputs.compactMap { output in
            guard case .detection(.verdict(let verdict, true, _, _, _, _)) = output else {
                return nil
            }
            return verdict
        }
    }
    #expect(hint("leave a message") == [], "before the answer")
    bench.leg.answered(now: bench.now)
    #expect(hint("Hello, this is") == [])
    #expect(hint("Hello, this is Dana. I am away, leave a message.") == [.voicemail])
    #expect(hint("press one") == [], "one verdict a call")
}

/// Where there are no telephone-events digits are tones, and an analogue line returns them: who is sent a 9 has not
/// pressed one, the key of an opt-out. A key that is pressed is louder.
@Test func ourOwnDigitsComingBackAreNobodysPresses() throws {
    func heard(lossDB: Double, afterTicks: Int, milliseconds: Int, theirs: Character? = nil)
        throws -> [Character]
    {
        let bench = try LegBench(detection: true, remote: LegBench.remote(events: nil))
        bench.leg.answered(now: bench.now)
        var far = FarEnd()
        var own: [Int16] = []
        var packets = 0
        var key = theirs.flatMap(DTMF.frequencies(of:)).map {
            ToneGenerator(frequencies: [$0.row, $0.column], levelDBm0: -7, sampleRate: 8000)
        }
        let gain = Elementary.amplitude(decibels: -lossDB)
        bench.run(ticks: 120) { tick in
            if tick == 20 {
                for digit in "19*951" {
                    bench.leg.sendDigit(
                        digit, milliseconds: milliseconds, workspace: &bench.workspace)
                }
            }
            let sent = bench.rtp
            for packet in sent[packets...] {
                own += packet.payload.map { G711.sample(muLaw: $0) }
            }
            packets = sent.count
            var samples = [Int16](repeating: 0, count: 160)
            for at in samples.indices {
                let place = (tick - afterTicks) * 160 + at
                if own.indices.contains(place) { samples[at] = Int16(Double(own[place]) * gain) }
            }
            if (22..<27).contains(tick), let tone = key?.next(160) {
                for at in samples.indices { samples[at] &+= tone[at] }
            }
            bench.receive(far.packet(payload: samples.map(G711.muLaw), advance: 160))
        }
        return bench.outputs.compactMap {
            if case .dtmf(let digit, .inband) = $0 { digit } else { nil }
        }
    }
    for lossDB in [8.0, 14, 20, 28] {
        for afterTicks in [1, 5, 17] {
            for milliseconds in [40, 100, 400] {
                let found = try heard(
                    lossDB: lossDB, afterTicks: afterTicks, milliseconds: milliseconds)
                #expect(found == [], "\(lossDB), \(afterTicks), \(milliseconds)")
            }
        }
    }
    #expect(try heard(lossDB: 20, afterTicks: 5, milliseconds: 100, theirs: "1") == ["1"])
    #expect(try heard(lossDB: 20, afterTicks: 5, milliseconds: 100, theirs: "7") == ["7"])
}
