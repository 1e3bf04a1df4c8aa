import Base
import CallModel
import Testing

@testable import Detection

/// What a chain leaves out under load, and what it never does.
@Suite struct EconomyTests {
    /// A hello of 0.6 s, then two seconds of a person waiting: the verdict is final by the end.
    private static func hello() -> [Int16] {
        var scene = Scene()
        scene.silence(300)
        scene.babbling(ms: 600)
        scene.silence(2000)
        return scene.onTheLine()
    }

    private static func line(_ build: (inout Scene) -> Void) -> [Int16] {
        var scene = Scene(seed: 2)
        build(&scene)
        return scene.onTheLine()
    }

    private static func push(
        _ samples: [Int16], _ chain: inout DetectorChain
    ) -> [DetectionEvent] {
        var out = Outbox<DetectionEvent>()
        samples.withUnsafeBufferPointer { chain.push($0, out: &out) }
        return out.takeAll()
    }

    @Test func afterTheVerdictSpeechRestsButBeepsAndDigitsAreHeard() {
        var chain = DetectorChain()
        chain.answered()
        #expect(Self.push(Self.hello(), &chain).finalVerdicts == [.human])
        _ = Self.push(Self.line { $0.silence(DetectorChain.lateBeepMs) }, &chain)
        chain.isEconomical = true
        let later = Self.line { scene in
            scene.babbling(ms: 1500)
            scene.silence(500)
            scene.digits("5", on: 80, off: 300)
            scene.tone([1000], ms: 600)
            scene.silence(800)
        }
        let events = Self.push(later, &chain)
        #expect(events.speechStarts.isEmpty && events.speechEnds.isEmpty)
        #expect(events.digits == "5")
        #expect(events.beeps.count == 1)
        // Taken up again, speech is heard again.
        chain.isEconomical = false
        let again = Self.push(Self.line { $0.babbling(ms: 1500) }, &chain)
        #expect(!again.speechStarts.isEmpty)
    }

    @Test func beforeTheVerdictNothingIsLeftOut() {
        var plain = DetectorChain()
        plain.answered()
        var economical = DetectorChain()
        economical.isEconomical = true
        economical.answered()
        let expected = Self.push(Self.hello(), &plain)
        #expect(expected.finalVerdicts == [.human])
        #expect(Self.push(Self.hello(), &economical) == expected)
    }

    /// The greeting of a machine is followed to its end and its beep, load or not.
    @Test func aVoicemailGreetingIsFollowedToItsEnd() {
        let call = Self.line { scene in
            scene.silence(300)
            scene.babbling(ms: 5000)
            scene.silence(300)
            scene.tone([1000], ms: 500)
            scene.silence(2500)
        }
        var plain = DetectorChain()
        plain.answered()
        var economical = DetectorChain()
        economical.isEconomical = true
        economical.answered()
        let expected = Self.push(call, &plain)
        #expect(expected.finalVerdicts == [.voicemail] && !expected.readies.isEmpty)
        let events = Self.push(call, &economical)
        #expect(events.finalVerdicts == [.voicemail])
        #expect(events.greetingEnds == expected.greetingEnds)
        #expect(events.readies == expected.readies)
        #expect(events.beeps == expected.beeps)
    }

    @Test func speechThatIsGoingOnIsEndedWhenWorkIsShed() {
        var chain = DetectorChain()
        chain.answered()
        _ = Self.push(Self.hello(), &chain)
        _ = Self.push(Self.line { $0.silence(DetectorChain.lateBeepMs) }, &chain)
        let talking = Self.push(Self.line { $0.babbling(ms: 1000) }, &chain)
        #expect(talking.speechStarts.count == talking.speechEnds.count + 1)
        chain.isEconomical = true
        let shed = Self.push(Self.line { $0.babbling(ms: 100) }, &chain)
        #expect(shed.speechEnds.count == 1 && shed.speechStarts.isEmpty)
    }

    /// A beep would still say that the person was a machine, and only the voice tells it from a vowel.
    @Test func aPersonsSpeechIsHeardAsLongAsABeepWouldCount() {
        var chain = DetectorChain()
        chain.answered()
        chain.isEconomical = true
        _ = Self.push(Self.hello(), &chain)
        let soon = Self.push(Self.line { $0.babbling(ms: 1500) }, &chain)
        #expect(!soon.speechStarts.isEmpty)
    }

    /// Under the message of a mailbox somebody may pick up, or its greeting go on, load or not.
    @Test func aMailboxIsListenedToAlsoUnderTheMessage() {
        var chain = DetectorChain()
        chain.answered()
        chain.isEconomical = true
        let mailbox = Self.line { scene in
            scene.silence(300)
            scene.babbling(ms: 5000)
            scene.silence(300)
            scene.tone([1000], ms: 500)
            scene.silence(600)
        }
        #expect(Self.push(mailbox, &chain).readies.count == 1)
        let talking = Self.push(Self.line { $0.babbling(ms: 1500) }, &chain)
        #expect(!talking.speechStarts.isEmpty)
    }

    /// A ring under which work was shed is over when it is taken up again a minute later.
    @Test func aToneCutByShedLoadIsNotHeardLater() {
        var chain = DetectorChain()
        chain.answered()
        _ = Self.push(Self.hello(), &chain)
        _ = Self.push(Self.line { $0.silence(DetectorChain.lateBeepMs) }, &chain)
        let ring = Self.push(Self.line { $0.tone([440, 480], ms: 1000) }, &chain)
        #expect(ring.tones == [.ringback])
        chain.isEconomical = true
        let shed = Self.line { scene in
            scene.tone([440, 480], ms: 1000)
            scene.silence(60_000)
        }
        #expect(Self.push(shed, &chain).tones == [])
        chain.isEconomical = false
        #expect(Self.push(Self.line { $0.silence(5000) }, &chain).tones == [])
    }

    @Test func aWordCutByShedLoadDoesNotBeginInThePast() {
        var segmenter = SpeechSegmenter(SpeechRule())
        for frame in 1...10 {
            _ = segmenter.push(score: 0.9, frameEnd: frame * 160)
        }
        #expect(segmenter.isSpeaking)
        #expect(segmenter.finish() == .ended(at: 1600))
        #expect(segmenter.push(score: 0.9, frameEnd: 160_000) == .none)
        #expect(segmenter.onset == 160_000 - 160)
    }
}
