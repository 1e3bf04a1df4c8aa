import Audio
import Base
import CallModel
import Detection
import Testing

// Where one tone may be taken for another: a network's for a beep, a beep for a network's, ours for theirs.

private func heard(
    lead: Int = 500, trail: Int = 2500, _ build: (inout Scene) throws -> Void
) throws -> [DetectionEvent] {
    var scene = Scene()
    scene.silence(lead)
    try build(&scene)
    scene.silence(trail)
    return try events(scene.onTheLine(noise: -58))
}

private func greeting(_ scene: inout Scene) throws {
    for name in ["vm-theperson", "vm-isunavail", "vm-intro"] {
        try scene.prompt(name)
        scene.silence(60)
    }
}

/// The beep is over, and not reported yet, when the pause after a short greeting is long enough for a person.
@Test(arguments: ["vm-goodbye", "vm-INBOX", "activated"], [430.0, 700, 1000])
func aBeepSoonAfterAShortGreetingIsAMailbox(prompt: String, hertz: Double) throws {
    for gap in [150, 300, 500] {
        let words = try Prompt.samples(prompt)
        let last = words.lastIndex { $0.magnitude > 400 } ?? 0
        let found = try heard(lead: 300, trail: 3000) {
            $0.append(Array(words[...last]))
            $0.silence(gap)
            $0.tone([hertz], ms: 350)
        }
        #expect(found.finalVerdicts == [.voicemail], "\(gap)")
        #expect(found.beeps.count == 1, "\(gap)")
    }
}

/// ITU-T E.180 supplement 2: tones of national networks, alone on the line.
@Test(arguments: [
    ("Russia, ringing", 425.0, [800, 3200], ToneKind.ringback),
    ("Hungary, ringing", 425, [1250, 3750], .ringback),
    ("Sweden, ringing", 425, [1000, 5000], .ringback),
    ("Sweden, congestion", 425, [250, 750], .reorder),
    ("United Kingdom, congestion", 400, [400, 350, 225, 525], .reorder),
    ("Czechia, congestion", 425, [165, 165], .reorder),
    ("Norway, congestion", 425, [200, 200], .reorder),
    ("China, busy", 450, [350, 350], .busy), ("Italy, busy", 425, [500, 500], .busy),
    ("Germany, call waiting", 425, [200, 200, 200, 5000], .callWaiting),
    ("Norway, call waiting", 425, [200, 600, 200, 3000], .callWaiting),
    ("Spain, call waiting", 425, [175, 175, 175, 3500], .callWaiting),
    ("United Kingdom, call waiting", 400, [100, 2400], .callWaiting),
    ("North America, call waiting", 440, [300, 9700], .callWaiting),
])
func tonesOfNationalNetworksAreNoBeeps(
    name: String, hertz: Double, pattern: [Int], kind: ToneKind
) throws {
    let period = pattern.reduce(0, +)
    let found = try heard { $0.cadence([hertz], pattern, times: max(12_000 / period, 1)) }
    #expect(found.beeps == [], "\(name)")
    #expect(Set(found.tones) == [kind], "\(name)")
    #expect(!found.finalVerdicts.contains(.voicemail), "\(name)")
}

/// Busy of India and Singapore: the first burst may be a ring's, the second says what it is.
@Test func aLongBusyToneIsNoBeep() throws {
    let found = try heard { $0.cadence([425], [750, 750], times: 4) }
    #expect(found.beeps == [])
    #expect(found.tones.last == .busy)
    #expect(found.finalVerdicts == [.unavailable])
}

/// Two bursts at a distance are call waiting's: who waits there is not unavailable.
@Test func twoBurstsAreNotYetCongestion() throws {
    let found = try heard(trail: 6000) { $0.cadence([425], [200, 200, 200, 3000], times: 1) }
    #expect(found.tones == [])
    #expect(!found.finalVerdicts.contains(.unavailable))
}

@Test(arguments: [
    (1400.0, 500, ToneKind.recordWarning), (440, 300, .callWaiting), (425, 200, .callWaiting),
    (425, 500, .callWaiting),
])
func aWarningToneToAPersonIsNoMailbox(hertz: Double, ms: Int, kind: ToneKind) throws {
    let found = try heard {
        try $0.prompt("vm-goodbye")
        $0.silence(2500)
        $0.tone([hertz], ms: ms, level: -18)
    }
    #expect(found.finalVerdicts == [.human])
    #expect(found.beeps == [])
    #expect(found.tones == [kind])
}

/// After a greeting a beep is expected, and no network: also at a network's pitches, and a fax's.
@Test(arguments: [
    ([400.0, 450], 400), ([440, 480], 400), ([480, 620], 400), ([430, 470], 400), ([1100], 500),
    ([2100], 1300), ([1400], 400), ([425], 350),
])
func afterAGreetingATonesPitchDoesNotMatter(hertz: [Double], ms: Int) throws {
    let found = try heard {
        try greeting(&$0)
        $0.silence(600)
        $0.tone(hertz, ms: ms)
    }
    #expect(found.beeps.count == 1, "\(hertz)")
    #expect(found.tones == [], "\(hertz)")
    #expect(found.finalVerdicts == [.voicemail])
    let end = found.beeps.first?.end ?? 0
    #expect(found.readies.count == 1)
    // Of a pair the next burst is awaited.
    #expect((found.readies.first ?? 0) - end <= (hertz.count == 2 ? 650 : 150), "\(hertz)")
}

/// "Goodbye", and the network's busy tone: its first burst is no mailbox's beep.
@Test func busyAfterAGreetingIsNoBeep() throws {
    let found = try heard {
        try greeting(&$0)
        $0.silence(700)
        $0.cadence([480, 620], [500, 500], times: 4)
    }
    #expect(found.beeps == [])
    #expect(found.tones == [.busy])
}

/// Somebody is connected, or hung up on: the pair goes on, or comes again.
@Test func aNetworkAfterAGreetingIsKnownByItsLength() throws {
    let ringing = try heard {
        try $0.prompt("vm-goodbye")
        $0.silence(300)
        $0.cadence([440, 480], [2000, 4000], times: 2)
    }
    #expect(ringing.tones == [.ringback])
    #expect(ringing.beeps == [])
}

@Test(arguments: [1063.0, 1066, 1100, 1134, 1137])
func faxCallsMayBeOffBy38Hertz(hertz: Double) throws {
    let found = try heard { $0.cadence([hertz], [500, 3000], times: 2) }
    #expect(found.beeps == [])
    #expect(found.tones == [.cng, .cng])
    #expect(found.finalVerdicts == [.fax])
}

@Test(arguments: [1755.0, 1777, 1800, 1845])
func informationTonesMayBeOffBy50Hertz(hertz: Double) throws {
    let found = try heard {
        for step in [950, 1400, hertz] { $0.tone([step], ms: 330, level: -16) }
    }
    #expect(found.tones == [.sit])
    #expect(found.beeps == [])
}

@Test(arguments: [0, 10, 20, 30, 40, 60])
func aBeepRightBeforeTheAudioEndsCounts(left: Int) throws {
    for hertz in [700.0, 1600] {
        let found = try heard(lead: 1500, trail: left) { $0.tone([hertz], ms: 350) }
        #expect(found.beeps.count == 1, "\(hertz)")
        #expect(found.finalVerdicts == [.voicemail], "\(hertz)")
    }
}

@Test func aReceiverOffTheHookIsNoBeepFromItsFirstBurstOn() throws {
    let found = try heard { $0.cadence([1400, 2060, 2450, 2600], [100, 100], times: 20) }
    #expect(found.beeps == [])
}

// MARK: our own tones

/// We send `own` in frames of 20 ms and hear what comes back of it, and `theirs`.
private func beeps(
    sending own: [Int16], lossDB: Double, afterMs: Int, hearing theirs: [Int16]? = nil
) -> [Beep] {
    var chain = DetectorChain()
    var out = Outbox<DetectionEvent>()
    chain.answered()
    let gain = Elementary.amplitude(decibels: -lossDB)
    var received = theirs ?? [Int16](repeating: 0, count: own.count + afterMs * 8 + 4000)
    for index in own.indices where index + afterMs * 8 < received.count {
        let place = index + afterMs * 8
        received[place] = Int16(
            clamping: Int(received[place]) + Int(Double(own[index]) * gain))
    }
    for start in stride(from: 0, to: received.count - 159, by: 160) {
        if start + 160 <= own.count {
            own[start..<start + 160].withUnsafeBufferPointer {
                chain.said(
                    levelDBm0: Level.dBm0($0), tone: PureTone.coefficient(of: $0, rate: 8000))
            }
        }
        received[start..<start + 160].withUnsafeBufferPointer { chain.push($0, out: &out) }
    }
    chain.finish(out: &out)
    return out.takeAll().beeps
}

@Test func ourOwnToneComingBackIsNoBeep() throws {
    for hertz in [440.0, 800, 1000, 1760] {
        var scene = Scene()
        scene.silence(1005)
        scene.tone([hertz], ms: 400)
        scene.silence(1000)
        let silent = [Int16](repeating: 0, count: scene.samples.count)
        for lossDB in [8.0, 14, 20] {
            for afterMs in [0, 35, 140, 330] {
                #expect(
                    beeps(sending: scene.samples, lossDB: lossDB, afterMs: afterMs) == [],
                    "\(hertz), \(lossDB), \(afterMs)")
            }
        }
        // The same sound is a beep when we have sent nothing.
        #expect(
            beeps(sending: silent, lossDB: 0, afterMs: 0, hearing: scene.samples).count == 1,
            "\(hertz)")
    }
}

/// A mailbox's second beep under our message, which is speech with a tone of another pitch before it.
@Test func aMailboxesBeepUnderOurOwnVoiceIsHeard() throws {
    var own = Scene()
    own.silence(300)
    own.tone([600], ms: 300)
    own.silence(100)
    try own.prompt("vm-intro")
    var mailbox = Scene()
    mailbox.silence(1500)
    mailbox.tone([1500], ms: 400, level: -20)
    mailbox.silence(4000)
    let found = beeps(
        sending: own.samples, lossDB: 20, afterMs: 60, hearing: mailbox.onTheLine())
    #expect(found.count == 1)
    #expect((found.first?.hertz ?? 0).rounded() == 1500)
}
