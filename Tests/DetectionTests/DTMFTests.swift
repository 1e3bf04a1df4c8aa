import Audio
import Base
import Detection
import Testing

private func digits(_ build: (inout Scene) -> Void, noise: Double = -60) throws -> String {
    var scene = Scene()
    scene.silence(100)
    build(&scene)
    scene.silence(200)
    return try events(scene.onTheLine(noise: noise)).digits
}

@Test func allSixteenDigitsAreHeardAtTheShortestLegalTiming() throws {
    let keys = "123A456B789C*0#D"
    #expect(try digits { $0.digits(keys, on: 50, off: 50) } == keys)
    // Q.24: 40 ms on must be accepted, wherever it falls on the block grid.
    for lead in 0..<13 {
        var scene = Scene()
        scene.silence(100 + lead)
        scene.digits("159D", on: 40, off: 60)
        scene.silence(100)
        #expect(try events(scene.onTheLine()).digits == "159D", "lead \(lead)")
    }
}

@Test func twentyMillisecondsAreNoDigit() throws {
    #expect(try digits { $0.digits("159D159D", on: 20, off: 80) } == "")
}

@Test func twistIsAcceptedToTheLimitsOfQ24AndNotFarBeyond() throws {
    // Positive: the high group is weaker (forward).
    for twist in [0.0, 4, 8, -2, -4] {
        #expect(try digits { $0.digits("159D", on: 60, twist: twist) } == "159D", "\(twist) dB")
    }
    #expect(try digits { $0.digits("159D", on: 60, twist: 14) } == "")
    #expect(try digits { $0.digits("159D", on: 60, twist: -10) } == "")
}

@Test func frequencyErrorsAreAcceptedTo1Point5AndRejectedFrom3Point5Percent() throws {
    func offBy(_ percent: Double) throws -> String {
        try digits { scene in
            for (row, column) in [(697.0, 1209.0), (770, 1336), (852, 1477), (941, 1633)] {
                scene.tone([row, column * (1 + percent / 100)], ms: 60, level: -12)
                scene.silence(60)
            }
        }
    }
    #expect(try offBy(1.5) == "159D")
    #expect(try offBy(-1.5) == "159D")
    #expect(try offBy(4) == "")
    #expect(try offBy(-4) == "")
}

@Test func rowsOffBy3Point5PercentAreRefusedWhereTheirAmplitudeAloneIsNot() throws {
    func offBy(_ percent: Double) throws -> String {
        try digits { scene in
            for (row, column) in [(697.0, 1209.0), (770, 1336), (852, 1477), (941, 1633)] {
                scene.tone([row * (1 + percent / 100), column], ms: 60, level: -12)
                scene.silence(60)
            }
        }
    }
    for percent in [1.5, -1.5, 2.0, -2.0] { #expect(try offBy(percent) == "159D", "\(percent) %") }
    for percent in [3.5, -3.5, 4.0, -4.0, 5.0, -5.0] {
        #expect(try offBy(percent) == "", "\(percent) %")
    }
}

@Test func twoNotesOfMusicNearADigitAreNone() throws {
    // 0.7 % under a row and 2.9 % over a column, as a piano in music on hold had them.
    #expect(try digits { $0.tone([934.5, 1244], ms: 90, level: -22) } == "")
}

@Test func noiseOfFifteenDecibelsLessIsTolerated() throws {
    let keys = "0123456789*#"
    #expect(try digits({ $0.digits(keys, on: 60, off: 60) }, noise: -24) == keys)
}

@Test func aLongPressAndALostPacketAreOneDigit() throws {
    #expect(try digits { $0.digits("5", on: 2000) } == "5")
    var scene = Scene()
    scene.silence(100)
    scene.digits("5", on: 200, off: 200)
    var samples = scene.samples
    for index in 1440..<1600 { samples[index] = 0 }
    #expect(try events(samples).digits == "5")
}

/// Two presses of 60 ms with `gap` ms of silence between them, or one with as much cut out.
private func parted(_ key: String, by gap: Int, lead: Int, samePress: Bool) throws -> String {
    var scene = Scene()
    scene.silence(100 + lead)
    if samePress {
        scene.digits(key, on: 120 + gap, off: 0)
    } else {
        scene.digits(key, on: 60, off: gap)
        scene.digits(key, on: 60, off: 0)
    }
    scene.silence(100)
    var samples = scene.samples
    if samePress {
        let start = (100 + lead + 60) * 8
        for index in start..<start + gap * 8 { samples[index] = 0 }
    }
    return try events(samples).digits
}

@Test func anInterruptionOfTenMillisecondsNeverPartsADigit() throws {
    for lead in 0..<13 {
        for gap in [2, 5, 10] {
            let heard = try parted("5", by: gap, lead: lead, samePress: false)
            #expect(heard == "5", "\(gap), \(lead)")
        }
    }
}

@Test func aLostPacketPartsADigitOnlyWhenTheTonesBeginAnew() throws {
    for lead in 0..<13 {
        for key in ["1", "5", "9", "D", "*"] {
            #expect(try parted(key, by: 20, lead: lead, samePress: true) == key, "\(key), \(lead)")
            #expect(
                try parted(key, by: 20, lead: lead, samePress: false) == key + key,
                "\(key), \(lead)")
        }
    }
}

@Test func aPauseOfFortyMillisecondsAlwaysPartsTwoPresses() throws {
    for lead in 0..<13 {
        for key in ["1", "5", "9", "D", "*"] {
            for gap in [30, 40, 50] {
                #expect(
                    try parted(key, by: gap, lead: lead, samePress: false) == key + key,
                    "\(key), \(gap), \(lead)")
            }
        }
    }
}

@Test func theSameDigitTwiceIsTwoDigits() throws {
    #expect(try digits { $0.digits("1111", on: 60, off: 50) } == "1111")
}

@Test func digitTimesAreTheSounds() throws {
    var scene = Scene()
    scene.silence(500)
    scene.digits("7", on: 100, off: 300)
    let found = try events(scene.onTheLine())
    guard case .dtmf("7", let start, let known)? = found.first else {
        Issue.record("no digit first: \(found)")
        return
    }
    #expect(abs(start - 500) <= 15)
    #expect((525...560).contains(known))
    #expect(found.beeps == [])
    #expect(found.speechStarts == [])
}

@Test func singleTonesOfTheGridAreNoDigits() throws {
    #expect(
        try digits { scene in
            for hertz in DTMF.rows + DTMF.columns {
                scene.tone([hertz], ms: 100)
                scene.silence(100)
            }
        } == "")
}
