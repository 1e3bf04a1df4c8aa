import Base
import CallModel
import Testing

@testable import Detection

/// What sounded before the answer, and what goes on sounding after it.
@Suite struct EarlyMediaTests {
    /// Everything that a chain says of `early`, the answer, and `late`.
    private static func events(early: Scene, late: Scene) -> [DetectionEvent] {
        var (early, late) = (early, late)
        var chain = DetectorChain()
        var out = Outbox<DetectionEvent>()
        early.onTheLine().withUnsafeBufferPointer { chain.push($0, out: &out) }
        chain.answered()
        late.onTheLine().withUnsafeBufferPointer { chain.push($0, out: &out) }
        return out.takeAll()
    }

    private static func rings(_ frequencies: [Double], _ pattern: [Int], times: Int) -> Scene {
        var scene = Scene()
        scene.cadence(frequencies, pattern, times: times)
        return scene
    }

    /// A PBX answers and rings on: nobody has been silent yet.
    @Test(
        arguments: [false, true], [([440.0, 480], [2000, 4000], 14), ([425], [1000, 4000], 11)])
    func ringingAfterTheAnswerIsNobodysSilence(
        rangBefore: Bool, cadence: (hertz: [Double], ms: [Int], seconds: Int)
    ) throws {
        let early = Self.rings(cadence.hertz, cadence.ms, times: rangBefore ? 2 : 0)
        var late = Self.rings(cadence.hertz, cadence.ms, times: 3)
        late.silence(15_000)
        let events = Self.events(early: early, late: late)
        let final = try #require(events.verdicts.first { $0.final })
        #expect(final.verdict == .silence)
        // The last ring is over after so many seconds and would be followed by another within 8.
        let after = final.ms - 1000 * cadence.seconds
        #expect((5000...9000).contains(after), "\(final.ms)")
    }

    @Test func whoAnswersATransferThatRingsIsHeard() {
        var late = Self.rings([425], [1000, 4000], times: 2)
        late.babbling(ms: 600)
        late.silence(2000)
        #expect(Self.events(early: Scene(), late: late).finalVerdicts == [.human])
    }

    /// The network's busy tone goes on after an answer.
    @Test func aToneNamedBeforeTheAnswerIsNamedAgain() {
        let busy = Self.rings([480, 620], [500, 500], times: 4)
        let events = Self.events(early: busy, late: busy)
        #expect(events.tones == [.busy, .busy])
        #expect(events.finalVerdicts == [.unavailable])
    }

    /// A mailbox beeps at the pitch that rang for it.
    @Test(arguments: [425.0, 440])
    func aBeepAfterAGreetingIsNoRingHoweverOftenItRang(hertz: Double) throws {
        for ms in [400, 1000] {
            let early = Self.rings([hertz], [1000, 4000], times: 3)
            var late = Scene()
            late.silence(300)
            late.append(try Prompt.samples("vm-intro"))
            late.silence(300)
            late.tone([hertz], ms: ms)
            late.silence(3000)
            let events = Self.events(early: early, late: late)
            #expect(events.beeps.count == 1, "\(hertz) Hz for \(ms) ms: \(events.tones)")
            #expect(events.readies.count == 1)
        }
    }

    /// It rings after the answer, and a mailbox picks up: what rang is no note of a tune that its beep goes on
    /// with, and no rhythm.
    @Test(arguments: [([425.0], [1000, 1000]), ([440, 480], [2000, 1000])], [425.0, 850])
    func aBeepBehindARingAndAGreetingIsABeep(ring: ([Double], [Int]), hertz: Double) throws {
        for greeting in ["vm-nobodyavail", "vm-goodbye"] {
            for ms in [400, 1000] {
                var late = Self.rings(ring.0, ring.1, times: 1)
                late.append(try Prompt.samples(greeting))
                late.silence(300)
                late.tone([hertz], ms: ms)
                let end = late.ms
                late.silence(3000)
                let events = Self.events(early: Scene(), late: late)
                #expect(events.tones == [.ringback])
                #expect(events.finalVerdicts == [.voicemail])
                #expect(events.beeps.count == 1, "\(greeting), \(ms) ms")
                #expect(events.beeps.allSatisfy { abs($0.start - end + ms) < 50 })
            }
        }
    }

    /// "Please hold", and it rings for somebody else, whose mailbox beeps: nobody would hear a message before.
    @Test func noMessageBeginsWhileItRings() throws {
        var late = Scene()
        late.silence(500)
        late.append(try Prompt.samples("vm-nobodyavail"))
        late.silence(700)
        late.cadence([440, 480], [2000, 4000], times: 2)
        late.append(try Prompt.samples("vm-intro"))
        late.silence(300)
        late.tone([1000], ms: 400)
        let end = late.ms
        late.silence(1000)
        let events = Self.events(early: Scene(), late: late)
        #expect(events.finalVerdicts == [.voicemail])
        #expect(events.readies.count == 1)
        #expect(events.readies.allSatisfy { (end...end + 60).contains($0) }, "\(events.readies)")
    }

    /// Half a ring, and then the answer: the callee is no machine.
    @Test func whatBeganBeforeTheAnswerIsNobodysBeep() {
        for hertz in [425.0, 900] {
            var early = Scene()
            early.silence(1000)
            early.tone([hertz], ms: 500)
            var late = Scene()
            late.silence(3000)
            late.babbling(ms: 500)
            late.silence(2000)
            let events = Self.events(early: early, late: late)
            #expect(events.finalVerdicts == [.human], "\(hertz)")
            #expect(!events.verdicts.contains { $0.verdict == .voicemail })
        }
    }

    /// Neither is it told, unless it is so long and steady that nothing else needs to know its beginning.
    @Test(arguments: [900.0, 1000])
    func aBeepUnderWayAtTheAnswerIsToldOnlyAsALongLine(hertz: Double) {
        for (before, after) in [(500, 300), (100, 400), (20, 600), (400, 20), (500, 1500)] {
            var early = Scene()
            early.silence(1000)
            early.tone([hertz], ms: before)
            var late = Scene()
            late.tone([hertz], ms: after)
            late.silence(3000)
            let events = Self.events(early: early, late: late)
            #expect(events.beeps.count == (before + after >= 1600 ? 1 : 0), "\(before), \(after)")
            // Early times count from the first sample, those after the answer from it.
            #expect(events.beeps.allSatisfy { $0.start < 0 })
            #expect(events.finalVerdicts == [] && events.readies == [])
        }
    }

    /// Music instead of ringing, and then a mailbox without a greeting.
    @Test func aTuneBeforeTheAnswerDoesNotHideABeepAfterIt() {
        var early = Scene()
        for hertz in [523.0, 659, 784, 659, 523, 698, 880, 698] { early.tone([hertz], ms: 250) }
        var late = Scene()
        late.silence(600)
        late.tone([1000], ms: 500)
        late.silence(3000)
        let events = Self.events(early: early, late: late)
        #expect(events.beeps.filter { $0.start >= 0 }.count == 1)
        #expect(events.finalVerdicts == [.voicemail])
    }
}
