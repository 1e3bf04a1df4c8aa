import Audio
import Base
import CallModel
import Detection
import Testing

private func run(_ samples: [Int16], cuts: () -> Int) -> ([DetectionEvent], [VADScore]) {
    var chain = DetectorChain()
    chain.tracesVAD = true
    chain.answered()
    var out = Outbox<DetectionEvent>()
    var position = 0
    while position < samples.count {
        let count = min(max(cuts(), 0), samples.count - position)
        samples.withUnsafeBufferPointer {
            chain.push(UnsafeBufferPointer(rebasing: $0[position..<position + count]), out: &out)
        }
        position += count
    }
    chain.finish(out: &out)
    return (out.takeAll(), chain.takeVADTrace())
}

private func longScene() throws -> [Int16] {
    var scene = Scene(seed: 42)
    scene.silence(300)
    scene.digits("42#")
    try scene.prompt("vm-nobodyavail")
    scene.silence(200)
    scene.tone([1000], ms: 333)
    scene.silence(777)
    scene.cadence([480, 620], [500, 500], times: 2)
    scene.babbling(ms: 700)
    return scene.onTheLine(noise: -50)
}

@Test func resultDoesNotDependOnHowSamplesAreCut() throws {
    let samples = try longScene()
    let (expected, trace) = run(samples) { samples.count }
    #expect(expected.count >= 10)
    #expect(trace.count == samples.count / 160)
    for size in [1, 160, 163] {
        let (events, scores) = run(samples) { size }
        #expect(events == expected, "pushes of \(size)")
        // Bit for bit.
        #expect(scores == trace, "pushes of \(size)")
    }
    var generator = SeededGenerator(seed: 8)
    let (events, scores) = run(samples) { Int(generator.next() % 700) }
    #expect(events == expected)
    #expect(scores == trace)
}

@Test func earlyMediaReportsTonesButStartsNoTimers() throws {
    var scene = Scene()
    scene.cadence([440, 480], [2000, 2500], times: 2)
    var chain = DetectorChain()
    var out = Outbox<DetectionEvent>()
    scene.onTheLine().withUnsafeBufferPointer { chain.push($0, out: &out) }
    #expect(out.takeAll().map(\.name) == ["tone"])

    // 9 s of ringing later the call is answered: times count from here.
    chain.answered()
    var answer = Scene(seed: 2)
    answer.silence(500)
    answer.babbling(ms: 600)
    answer.silence(1500)
    answer.onTheLine().withUnsafeBufferPointer { chain.push($0, out: &out) }
    let events = out.takeAll()
    try #require(events.speechStarts.count == 1)
    #expect(abs(events.speechStarts[0] - 500) <= 100)
    #expect(events.finalVerdicts == [.human])
}

@Test func aToneAcrossTheAnswerHasANegativeStart() throws {
    var scene = Scene()
    scene.silence(500)
    scene.tone([2100], ms: 2500)
    let samples = scene.onTheLine()
    var chain = DetectorChain()
    var out = Outbox<DetectionEvent>()
    samples.prefix(8000).withUnsafeBufferPointer { chain.push($0, out: &out) }
    chain.answered()
    samples.dropFirst(8000).withUnsafeBufferPointer { chain.push($0, out: &out) }
    guard case .tone(.ced, let start, let known, _)? = out.takeAll().first else {
        Issue.record("no CED")
        return
    }
    #expect(abs(start + 500) <= 30)
    #expect((450...600).contains(known))
}

@Test func speechAcrossTheAnswerCountsFromTheAnswer() throws {
    var scene = Scene()
    let prompt = try trimmed(Prompt.samples("vm-isunavail"))
    scene.append(prompt)
    scene.silence(1500)
    let samples = scene.onTheLine()
    var chain = DetectorChain()
    var out = Outbox<DetectionEvent>()
    // All but the last 0.5 s of the prompt.
    let before = prompt.count - 4000
    samples.prefix(before).withUnsafeBufferPointer { chain.push($0, out: &out) }
    chain.answered()
    // A second call changes nothing.
    samples.dropFirst(before).withUnsafeBufferPointer { chain.push($0, out: &out) }
    chain.answered()
    #expect(chain.samplesPushed == samples.count)
    // Speech before the answer does not count, and 0.5 s after it are a short greeting.
    #expect(out.takeAll().finalVerdicts == [.human])
}

@Test func emptyPushesAndFinishWithoutAudioAreHarmless() {
    var chain = DetectorChain()
    var out = Outbox<DetectionEvent>()
    chain.push(UnsafeBufferPointer(start: nil, count: 0), out: &out)
    chain.finish(out: &out)
    #expect(out.isEmpty)
}

@Test func extremeSamplesNeverTrap() {
    var generator = SeededGenerator(seed: 77)
    var chain = DetectorChain()
    chain.answered()
    var out = Outbox<DetectionEvent>()
    for kind in 0..<6 {
        let block = (0..<4000).map { n -> Int16 in
            switch kind {
            case 0: .min
            case 1: .max
            case 2: n % 2 == 0 ? .min : .max
            case 3: Int16(truncatingIfNeeded: generator.next())
            case 4: n % 160 == 0 ? .max : 0
            default: n / 8 % 2 == 0 ? 32767 : -32768
            }
        }
        block.withUnsafeBufferPointer { chain.push($0, out: &out) }
    }
    chain.finish(out: &out)
    #expect(out.takeAll().finalVerdicts.count == 1)
}

@Test func sixteenKilohertzFilesGiveTheSameStory() throws {
    let narrow = try longScene()
    let wide = try Resampler.convert(narrow, from: 8000, to: 16_000)
    let a = try FileDetection.run(samples: narrow).events
    let b = try FileDetection.run(samples: wide, sampleRate: 16_000).events
    #expect(a.digits == "42#")
    #expect(b.digits == "42#")
    #expect(a.finalVerdicts == b.finalVerdicts)
    try #require(a.beeps.count == 1 && b.beeps.count == 1)
    #expect(abs(a.beeps[0].start - b.beeps[0].start) <= 5)
    #expect(throws: AudioError.badSampleRate(1)) {
        try FileDetection.run(samples: narrow, sampleRate: 1)
    }
}

@Test func eventsAreTheLinesOfTheDetectCommand() {
    let cases: [(DetectionEvent, String)] = [
        (
            .speechStart(atMs: 120),
            #"{"file":"a.wav","stream":"0","t_ms":120,"event":"speech_start"}"#
        ),
        (
            .beep(
                startMs: 4000, endMs: 4420, frequencyHz: 700.04, levelDBm0: -12.37,
                knownAtMs: 4470),
            #"{"file":"a.wav","stream":"0","t_ms":4470,"event":"beep","start_ms":4000,"#
                + #""end_ms":4420,"frequency_hz":700,"level_dbm0":-12.4}"#
        ),
        (
            .tone(.ringback, startMs: -20, knownAtMs: 380),
            #"{"file":"a.wav","stream":"0","t_ms":380,"event":"tone","kind":"ringback","#
                + #""start_ms":-20}"#
        ),
        (
            .dtmf("#", startMs: 5, knownAtMs: 31),
            ##"{"file":"a.wav","stream":"0","t_ms":31,"event":"dtmf","digit":"#","start_ms":5}"##
        ),
        (
            .verdict(.human, final: true, confidence: 0.9, reason: "short", atMs: 1500),
            #"{"file":"a.wav","stream":"0","t_ms":1500,"event":"verdict","verdict":"human","#
                + #""final":true,"confidence":0.9,"reason":"short","features":{"speech_ms":0,"#
                + #""first_speech_ms":0,"pause_ms":0,"beep":false,"person_score":0.5}}"#
        ),
        (
            .greetingEnd(atMs: 9),
            #"{"file":"a.wav","stream":"0","t_ms":9,"event":"greeting_end"}"#
        ),
    ]
    for (event, line) in cases { #expect(event.jsonLine(file: "a.wav", stream: "0") == line) }
    let score = VADScore(atMs: 20, score: 0.25)
    #expect(
        score.jsonLine(file: "a\"b", stream: "1f")
            == #"{"file":"a\"b","stream":"1f","t_ms":20,"vad":0.25}"#)
}

@Test func tracedLinesAreInOrderOfTime() throws {
    var scene = Scene()
    scene.silence(200)
    scene.tone([1200], ms: 300)
    scene.silence(400)
    let result = try FileDetection.run(samples: scene.samples, vadTrace: true)
    let lines = result.jsonLines(file: "f", stream: "0")
    #expect(lines.count == result.events.count + 45)
    let beepLine = try #require(lines.firstIndex { $0.contains(#""event":"beep""#) })
    // A beep that no greeting announces is known 130 ms after its end.
    #expect(lines[beepLine - 1].contains(#""t_ms":62"#))
    #expect(lines[beepLine + 1].contains(#""t_ms":6"#))
    #expect(try FileDetection.run(samples: scene.samples).vadTrace == [])
}
