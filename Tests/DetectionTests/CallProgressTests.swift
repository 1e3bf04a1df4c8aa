import Audio
import CallModel
import Detection
import Testing

private func heard(_ build: (inout Scene) throws -> Void) throws -> [DetectionEvent] {
    var scene = Scene()
    scene.silence(300)
    try build(&scene)
    scene.silence(800)
    return try events(scene.onTheLine(noise: -58))
}

@Test func ringingOfTheWorldIsRingback() throws {
    let cadences: [([Double], [Int], Int)] = [
        ([440, 480], [2000, 2500], 2), ([425], [1000, 3000], 2),
        ([400, 450], [400, 200, 400, 1500], 2), ([400, 425, 450], [400, 200, 400, 500], 1),
        ([440], [1500, 500], 1),
    ]
    for (frequencies, pattern, times) in cadences {
        let events = try heard { $0.cadence(frequencies, pattern, times: times) }
        // Once, however often it rings.
        #expect(events.tones == [.ringback], "\(frequencies)")
        #expect(events.beeps == [])
        #expect(events.speechStarts == [])
    }
}

@Test func busyAndReorderAreToldApartByTheirRhythm() throws {
    let cadences: [([Double], [Int], ToneKind)] = [
        ([480, 620], [500, 500], .busy), ([425], [500, 500], .busy), ([400], [375, 375], .busy),
        ([480, 620], [250, 250], .reorder), ([425], [250, 250], .reorder),
    ]
    for (frequencies, pattern, kind) in cadences {
        let events = try heard { $0.cadence(frequencies, pattern, times: 3) }
        #expect(events.tones == [kind], "\(frequencies) \(pattern)")
        #expect(events.beeps == [])
        #expect(events.finalVerdicts == [.unavailable])
    }
}

@Test func dialToneIsDialTone() throws {
    #expect(try heard { $0.tone([350, 440], ms: 3000, level: -18) }.tones == [.dial])
    #expect(try heard { $0.tone([425], ms: 3500, level: -18) }.tones == [.dial])
    // A long ring of two tones near it is none, though each of them goes on for as long.
    #expect(try heard { $0.tone([440, 480], ms: 4000, level: -18) }.tones == [.ringback])
}

/// Bellcore's code: low and high are 913.8 and 985.2 Hz, then 1370.6 and 1428.5; short and long 274 and 380 ms.
private let informationTones: [(SpecialInformation, [(Double, Int)])] = [
    (.intercept, [(913.8, 274), (1370.6, 274)]),
    (.carrierNoCircuit, [(913.8, 380), (1370.6, 380)]),
    (.vacantCode, [(985.2, 380), (1370.6, 274)]), (.carrierReorder, [(985.2, 274), (1370.6, 380)]),
    (.reorder, [(913.8, 274), (1428.5, 380)]), (.reserved1, [(913.8, 380), (1428.5, 274)]),
    (.noCircuit, [(985.2, 380), (1428.5, 380)]), (.reserved2, [(985.2, 274), (1428.5, 274)]),
]

@Test func specialInformationTonesSayWhichTheyAreAndAreNoBeeps() throws {
    for (information, steps) in informationTones {
        // At any place in a hop, a little off in pitch and length, and quiet as well as loud.
        for (place, (offset, stretch, level)) in [
            (0, (1.0, 1.0, -16.0)), (30, (1.002, 1.05, -24)), (61, (0.998, 0.95, -30)),
            (17, (1.002, 0.95, -12)),
        ] {
            let events = try heard { scene in
                scene.append([Int16](repeating: 0, count: place))
                for (hertz, ms) in steps + [(1776.7, 380)] {
                    var tone = ToneGenerator(frequencies: [hertz * offset], levelDBm0: level)
                    scene.append(tone.next(Int(Double(ms * 8) * stretch)))
                }
            }
            #expect(events.tones == [.sit], "\(information)")
            #expect(events.information == [information], "\(place)")
            #expect(events.beeps == [])
            #expect(events.finalVerdicts == [.sit])
        }
    }
}

@Test func informationTonesWithoutACodeSayOnlyThatThereIsInformation() throws {
    // ITU-T E.180; lengths between short and long; pitches a network never has.
    for steps in [
        [(950.0, 330), (1400, 330), (1800, 330)], [(913.8, 327), (1370.6, 327), (1776.7, 380)],
        [(950, 274), (1370.6, 274), (1776.7, 380)],
    ] {
        let events = try heard { scene in
            for (hertz, ms) in steps { scene.tone([hertz], ms: ms, level: -16) }
        }
        #expect(events.tones == [.sit])
        #expect(events.information == [nil])
    }
}

/// A vacant code's tones, with `gap` ms lost of one of the first two from `cut` ms on.
private func cutTones(step: Int, at cut: Int, gap: Int) throws -> [DetectionEvent] {
    try heard { scene in
        for (index, (hertz, ms)) in [(985.2, 380), (1370.6, 274), (1776.7, 380)].enumerated() {
            guard index == step else {
                scene.tone([hertz], ms: ms, level: -16)
                continue
            }
            scene.tone([hertz], ms: cut, level: -16)
            scene.silence(gap)
            scene.tone([hertz], ms: ms - gap - cut, level: -16)
        }
    }
}

@Test func aStepThatLostPacketsCutInTwoKeepsItsLength() throws {
    // One packet is bridged by `ToneTracker`; of three the steps know.
    for (step, cut, gap) in [
        (0, 60, 20), (0, 140, 20), (0, 220, 20), (1, 60, 20), (1, 180, 20), (0, 220, 60),
        (0, 240, 60), (1, 100, 60), (1, 120, 60),
    ] {
        let events = try cutTones(step: step, at: cut, gap: gap)
        #expect(events.tones == [.sit], "\(step), \(cut), \(gap)")
        #expect(events.information == [.vacantCode], "\(step), \(cut), \(gap)")
    }
}

@Test(arguments: [60, 120, 200, 260])
func informationTonesThatHadBegunWhenTheLineOpenedAreFound(left: Int) throws {
    // So much is left of the first step.
    var scene = Scene(seed: 4)
    scene.tone([913.8], ms: left, level: -16)
    scene.tone([1370.6], ms: 276, level: -16)
    scene.tone([1776.7], ms: 380, level: -16)
    scene.silence(1500)
    let found = try events(scene.onTheLine(noise: -50))
    #expect(found.tones == [.sit])
    // What is missing of the first step may have made it a long one.
    #expect(found.information == (left < 234 ? [nil] : [.intercept]))
    #expect(found.beeps == [])
}

@Test func informationTonesAreFoundWhereverTheyLieToTheHops() throws {
    // The third step used to prove itself too late for some positions of the tones in a hop.
    var missed: [Int] = []
    for shift in stride(from: 0, to: 160, by: 4) {
        let events = try heard { scene in
            scene.append([Int16](repeating: 0, count: 1600 + shift))
            for (hertz, ms) in [(913.8, 274), (1370.6, 274), (1776.7, 380)] {
                var tone = ToneGenerator(frequencies: [hertz], levelDBm0: -16)
                scene.append(tone.next(ms * 8))
            }
            scene.silence(1000)
        }
        if events.tones != [.sit] || !events.beeps.isEmpty { missed.append(shift) }
    }
    #expect(missed == [])
}

@Test func faxTonesAreFax() throws {
    let calling = try heard { $0.cadence([1100], [500, 3000], times: 2) }
    #expect(calling.tones == [.cng, .cng])
    #expect(calling.beeps == [])
    #expect(calling.finalVerdicts == [.fax])
    let answering = try heard { $0.tone([2100], ms: 3000) }
    #expect(answering.tones == [.ced])
    #expect(answering.beeps == [])
    #expect(answering.finalVerdicts == [.fax])
    // Known a second after it began, not when it is over.
    guard case .tone(_, let start, let known, _)? = answering.first else {
        Issue.record("the tone comes first")
        return
    }
    #expect(abs(start - 300) <= 30)
    #expect((1250...1400).contains(known))
}

/// Its answer tone is heard as early media for a while, or the 200 is late.
@Test(arguments: [300, 900, 1500, 2500])
func aFaxThatIsAnsweredInMidToneIsAFax(answeredAfterMs: Int) throws {
    var scene = Scene()
    scene.silence(300)
    scene.tone([2100], ms: 3000)
    scene.silence(5500)
    let events = try FileDetection.run(
        samples: scene.onTheLine(), answeredAfterMs: answeredAfterMs
    ).events
    #expect(events.finalVerdicts == [.fax])
    #expect(events.beeps == [])
    #expect(events.tones.allSatisfy { $0 == .ced })
    let verdict = try #require(events.verdicts.last)
    #expect(verdict.ms <= max(0, 1300 - answeredAfterMs) + 100)
}

@Test func ansamWithPhaseReversalsIsCED() throws {
    // ITU-T V.8: 2100 Hz, phase reversed every 450 ms.
    let events = try heard { scene in
        for index in 0..<6 {
            var part = Scene()
            part.tone([2100], ms: 450)
            scene.append(part.samples.map { index % 2 == 0 ? $0 : 0 &- $0 })
        }
    }
    #expect(events.tones == [.ced])
}

@Test func callWaitingBeforeAnyoneSpeaksIsNoBeep() throws {
    let events = try heard { $0.tone([440], ms: 300, level: -20) }
    #expect(events.tones == [.callWaiting])
    #expect(events.beeps == [])
}

@Test func theSameToneAfterAGreetingIsABeep() throws {
    let events = try heard { scene in
        scene.babbling(ms: 2000)
        scene.silence(400)
        scene.tone([440], ms: 300, level: -20)
        scene.silence(500)
    }
    #expect(events.tones == [])
    #expect(events.beeps.count == 1)
}

@Test func theWarningThatACallIsRecordedIsNoBeep() throws {
    // ITU-T E.180: 1400 Hz for half a second, every 15 s; the first one before anybody speaks.
    let alone = try heard { $0.tone([1400], ms: 500, level: -20) }
    #expect(alone.tones == [.recordWarning])
    #expect(alone.beeps == [])
    // A mailbox's beep at this pitch comes after its greeting, once.
    let beep = try heard { scene in
        scene.babbling(ms: 2000)
        scene.silence(300)
        scene.tone([1400], ms: 500, level: -20)
        scene.silence(400)
    }
    #expect(beep.beeps.count == 1 && beep.tones == [])
    // The same again 14 s later is the warning.
    let repeated = try heard { scene in
        scene.babbling(ms: 1500)
        scene.silence(300)
        scene.tone([1400], ms: 500, level: -20)
        scene.silence(14_500)
        scene.tone([1400], ms: 500, level: -20)
        scene.silence(400)
    }
    #expect(repeated.beeps.count == 1 && repeated.tones == [.recordWarning])
}

/// The greeting goes on behind the first beep.
@Test(arguments: [1400.0, 1380, 425, 450])
func theSecondBeepOfAMailboxIsNoToneOfTheNetwork(hertz: Double) throws {
    for ms in [500, 900] {
        let events = try heard { scene in
            try scene.prompt("vm-intro")
            scene.tone([hertz], ms: ms)
            scene.silence(600)
            try scene.prompt("vm-nobodyavail")
            scene.tone([hertz], ms: ms)
            scene.silence(1000)
        }
        #expect(events.beeps.count == 2 && events.tones == [], "\(hertz) Hz for \(ms) ms")
        #expect(events.readies.count == 2)
    }
}

/// Two tones that are a network's, too, behind a beep at the answer, and again behind more of the greeting.
@Test(arguments: [[480.0, 620], [440, 480]])
func aPairBehindAGreetingIsABeepWhateverBeepedBeforeIt(pair: [Double]) throws {
    for first in [[1000.0], pair] {
        let events = try heard { scene in
            if first == [1000] {
                scene.tone(first, ms: 200)
                scene.silence(600)
            }
            try scene.prompt("vm-intro")
            scene.silence(300)
            if first == pair {
                scene.tone(pair, ms: 400)
                scene.silence(500)
                try scene.prompt("vm-nobodyavail")
                scene.silence(300)
            }
            scene.tone(pair, ms: 400)
            scene.silence(1000)
        }
        #expect(events.beeps.count == 2 && events.tones == [], "\(first)")
        #expect(events.readies.count == (first == pair ? 2 : 1))
    }
}

@Test func aRhythmBeforeAnybodySpeaksIsNoRowOfBeeps() throws {
    // No country's cadence: whatever repeats like a clock before a word is said is the network's.
    let events = try heard { $0.cadence([610], [350, 900], times: 8) }
    #expect(events.beeps.count <= 2)
    #expect(events.finalVerdicts != [.human])
}

@Test func theBusyToneAfterAMessageIsNoSecondBeep() throws {
    let events = try heard { scene in
        scene.babbling(ms: 2500)
        scene.silence(300)
        scene.tone([1000], ms: 400)
        scene.silence(2500)
        scene.cadence([425], [500, 500], times: 3)
    }
    #expect(events.beeps.count == 1)
    #expect(events.tones == [.busy])
}

@Test(arguments: [(20, 20), (340, 40), (360, 40), (380, 60), (450, 80), (880, 40), (860, 40)])
func aLossInInformationTonesMakesNoBeepOfThem(at lost: Int, ms: Int) throws {
    // Filled with silence, as a capture leaves it: a step is cut in two of its pitch.
    var scene = Scene()
    for (hertz, ms) in [(913.8, 276), (1370.6, 276), (1776.7, 380)] {
        scene.tone([hertz], ms: ms, level: -14)
    }
    scene.silence(800)
    var samples = scene.onTheLine(noise: -41)
    for index in lost * 8..<(lost + ms) * 8 { samples[index] = 0 }
    let found = try events(samples)
    #expect(found.beeps == [])
    #expect(found.finalVerdicts == [.sit])
}
