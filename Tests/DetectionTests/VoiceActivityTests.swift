import Audio
import Base
import Detection
import Testing

@Test func speechHasItsBeginningAndEnd() throws {
    var scene = Scene()
    scene.silence(1000)
    scene.babbling(ms: 1500)
    scene.silence(1000)
    let found = try events(scene.onTheLine())
    try #require(found.speechStarts.count == 1 && found.speechEnds.count == 1)
    #expect(abs(found.speechStarts[0] - 1000) <= 100)
    // The last syllable fades over its final 50 ms.
    #expect(abs(found.speechEnds[0] - 2450) <= 120)
}

@Test(arguments: [-60.0, -40, -30])
func recordedSpeechIsFoundAndSilenceIsNot(noise: Double) throws {
    var scene = Scene()
    scene.silence(1500)
    try scene.prompt("vm-intro")
    let end = scene.ms
    scene.silence(1500)
    let result = try FileDetection.run(samples: scene.onTheLine(noise: noise), vadTrace: true)
    let inside = result.vadTrace.filter { (1800..<(end - 500)).contains($0.atMs) }
    let outside = result.vadTrace.filter { $0.atMs < 1400 || $0.atMs > end + 200 }
    let mean = { (scores: [VADScore]) in
        scores.reduce(0) { $0 + $1.score } / Float(max(scores.count, 1))
    }
    #expect(mean(inside) > 0.5)
    #expect(mean(outside) < 0.05)
    #expect(result.vadTrace.count == scene.ms / 20)
    #expect(result.vadTrace.allSatisfy { (0...1).contains($0.score) })
}

@Test func stationaryNoiseIsNoSpeechAtAnyLevelNorWhenItBegins() throws {
    for level in [-50.0, -35, -25] {
        var steady = Scene(seed: 5)
        steady.silence(3500)
        #expect(try events(steady.onTheLine(noise: level)).speechStarts == [], "\(level)")
    }
    var step = Scene(seed: 6)
    step.silence(2000)
    let noisy = step.onTheLine(noise: -25)
    var scene = Scene()
    scene.silence(2000)
    scene.append(noisy)
    scene.silence(2000)
    #expect(try events(scene.onTheLine()).speechStarts == [])
}

@Test func tonesAreNoSpeech() throws {
    for frequencies in [[440.0, 480], [350, 440], [480, 620], [425], [1004], [2100]] {
        var scene = Scene()
        scene.silence(500)
        scene.tone(frequencies, ms: 1500)
        scene.silence(500)
        #expect(try events(scene.onTheLine()).speechStarts == [], "\(frequencies)")
    }
    var digits = Scene()
    digits.silence(300)
    digits.digits("123456789*0#", on: 100, off: 100)
    #expect(try events(digits.onTheLine()).speechStarts == [])
}

@Test func aGapShorterThanTheHangoverDoesNotEndSpeech() throws {
    var policy = DetectionPolicy.balanced
    policy.endpointing.hangoverMs = 400
    var scene = Scene()
    scene.silence(500)
    scene.babbling(ms: 1000)
    scene.silence(150)
    scene.babbling(ms: 1000)
    scene.silence(800)
    #expect(try events(scene.onTheLine(), policy: policy).speechStarts.count == 1)
    policy.endpointing.hangoverMs = 100
    #expect(try events(scene.onTheLine(), policy: policy).speechStarts.count >= 2)
}

/// The borders of a turn, what stops us and what the verdict is given on are three things.
@Test func endpointingChangesItsEventsAndNothingElse() throws {
    var scene = Scene()
    scene.silence(500)
    scene.babbling(ms: 900)
    scene.silence(500)
    scene.babbling(ms: 700)
    scene.silence(3000)
    let audio = scene.onTheLine()
    let usual = try events(audio)
    var policy = DetectionPolicy.balanced
    policy.endpointing.hangoverMs = 800
    let patient = try events(audio, policy: policy)
    #expect(usual.speechEnds.count == 2 && patient.speechEnds.count == 1)
    #expect(patient.speechEnds.last == usual.speechEnds.last, "when it was, not when it was known")
    func others(_ events: [DetectionEvent]) -> [DetectionEvent] {
        events.filter {
            switch $0 {
            case .speechStart, .speechEnd: false
            default: true
            }
        }
    }
    #expect(others(patient) == others(usual))
    #expect(others(usual).isEmpty == false)

    policy = .balanced
    policy.endpointing.minimumMs = 2000
    #expect(try events(audio, policy: policy).speechStarts == [])
    #expect(try others(events(audio, policy: policy)) == others(usual))
}

@Test func aScoreToBeginAtBringsTheScoreToGoOnAt() {
    var rule = SpeechRule()
    rule.begin(atScore: 0.6)
    #expect((rule.offScore - SpeechRule().offScore).magnitude < 0.001)
    rule.begin(atScore: 0.1)
    #expect(rule.offScore == 0.05)
    rule.begin(atScore: 0.95)
    #expect((rule.offScore - 0.7).magnitude < 0.001)
}
