import Audio
import Detection
import Testing

// Recorded sound of Debian's asterisk-core-sounds-en-wav (CC-BY-SA-3.0), installed by tools/setup.

@Test func theRecordedBeepIsFoundByItselfAndInNoise() throws {
    // The file: 700 Hz, 0.42 s, from its first sample on.
    for noise in [-90.0, -50, -40, -30] {
        var scene = Scene()
        scene.silence(500)
        scene.append(try Prompt.samples("beep"))
        let end = scene.ms
        scene.silence(500)
        let beeps = try events(scene.onTheLine(noise: noise)).beeps
        try #require(beeps.count == 1, "noise \(noise)")
        #expect(abs(beeps[0].start - 500) <= 30)
        #expect(abs(beeps[0].end - end) <= 30)
        #expect(abs(beeps[0].hertz - 700) < 3)
    }
    // Also when the recording holds nothing else.
    #expect(try events(Prompt.samples("beep")).beeps.count == 1)
}

@Test func recordedGreetingsHoldNoBeepToneOrDigit() throws {
    var talk: [String] = []
    for name in try Prompt.names("vm-").enumerated().filter({ $0.offset % 5 == 0 }) {
        let found = try events(Prompt.samples(name.element))
        #expect(found.beeps == [], "\(name.element)")
        #expect(found.tones == [], "\(name.element)")
        #expect(found.digits == "", "\(name.element)")
        if found.speechStarts.isEmpty { talk.append(name.element) }
    }
    // And all of them are speech.
    #expect(talk == [])
}

@Test func theBeepIsFoundBehindEveryGreetingAndGap() throws {
    for (index, greeting) in ["vm-intro", "vm-isunavail", "vm-nobodyavail"].enumerated() {
        for gap in [0, 400] {
            var scene = Scene(seed: UInt64(index))
            scene.silence(400)
            try scene.prompt(greeting)
            scene.silence(gap)
            let start = scene.ms
            scene.append(try Prompt.samples("beep"))
            let end = scene.ms
            scene.silence(500)
            let beeps = try events(scene.onTheLine(noise: -48)).beeps
            try #require(beeps.count == 1, "\(greeting), \(gap) ms")
            #expect(abs(beeps[0].start - start) <= 30)
            #expect(abs(beeps[0].end - end) <= 30)
        }
    }
}
