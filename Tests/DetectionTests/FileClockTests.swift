import Testing

@testable import Detection

/// `FileDetection.run(answeredAfterMs:)`: one clock, 0 at the answer.
@Suite struct FileClockTests {
    /// Ringing, a digit and three words of early media, the answer at 8 s, a person.
    private static func samples() -> [Int16] {
        var scene = Scene(seed: 5)
        scene.cadence([440, 480], [2000, 1000], times: 1)
        scene.tone([697, 1209], ms: 120)
        scene.silence(1000)
        scene.babbling(ms: 1500)
        scene.silence(8000 - 5620)
        scene.babbling(ms: 700)
        scene.silence(2000)
        return scene.onTheLine()
    }

    @Test func whatComesBeforeTheAnswerIsNegative() throws {
        let whole = try FileDetection.run(samples: Self.samples(), vadTrace: true)
        let found = try FileDetection.run(
            samples: Self.samples(), vadTrace: true, answeredAfterMs: 8000)
        let early = found.events.filter { $0.milliseconds < 0 }
        #expect(early.tones == [.ringback])
        #expect(
            early.contains { if case .dtmf("1", -5000 ..< -4900, _) = $0 { true } else { false } })
        #expect(early.contains { if case .speechStart = $0 { true } else { false } })
        #expect(found.events.finalVerdicts == [.human])
        // As without an answer, 8 s earlier.
        let tones = whole.events.filter {
            switch $0 {
            case .tone, .dtmf: true
            default: false
            }
        }
        #expect(!tones.isEmpty)
        #expect(tones.allSatisfy { found.events.contains($0.moved(byMs: -8000)) })
        #expect(found.vadTrace.map(\.atMs) == whole.vadTrace.map { $0.atMs - 8000 })
        let times = found.events.map(\.milliseconds)
        #expect(try #require(times.first) < -4000)
        #expect(try #require(times.last) > 0)
    }

    @Test func audioThatEndsBeforeTheAnswerHasNoVerdict() throws {
        let samples = Self.samples()
        let found = try FileDetection.run(
            samples: samples, answeredAfterMs: samples.count / 8 + 1000)
        #expect(!found.events.isEmpty)
        #expect(found.events.allSatisfy { $0.milliseconds < 0 })
        #expect(found.events.verdicts.isEmpty)
        // The answer at the last sample is one: nobody spoke.
        let last = try FileDetection.run(samples: samples, answeredAfterMs: samples.count / 8)
        #expect(last.events.finalVerdicts == [.silence])
    }

    @Test func everyKindOfEventMoves() {
        let events: [DetectionEvent] = [
            .speechStart(atMs: 5), .speechEnd(atMs: 5), .bargeIn(atMs: 5), .greetingEnd(atMs: 5),
            .readyForMessage(atMs: 5), .dtmf("1", startMs: 4, knownAtMs: 5),
            .tone(.busy, startMs: 4, knownAtMs: 5),
            .beep(startMs: 3, endMs: 4, frequencyHz: 440, levelDBm0: -20, knownAtMs: 5),
            .verdict(.human, final: true, confidence: 1, reason: "voice", atMs: 5),
            .interrupter(speaks: true, atMs: 5),
        ]
        for event in events {
            #expect(event.moved(byMs: -100).milliseconds == -95)
            #expect(event.moved(byMs: -100).moved(byMs: 100) == event)
        }
        #expect(
            events[7].moved(byMs: 10)
                == .beep(startMs: 13, endMs: 14, frequencyHz: 440, levelDBm0: -20, knownAtMs: 15))
        #expect(events[5].moved(byMs: 10) == .dtmf("1", startMs: 14, knownAtMs: 15))
        #expect(events[6].moved(byMs: 10) == .tone(.busy, startMs: 14, knownAtMs: 15))
    }
}
