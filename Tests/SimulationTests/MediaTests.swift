import Audio
import Base
import CallModel
import Detection
import Media
import Simulation
import Testing

private let legAddress = SocketAddressValue(ipv4: 192, 0, 2, 1, port: 20_000)
private let phoneAddress = SocketAddressValue(ipv4: 192, 0, 2, 2, port: 30_000)

/// Our leg and a telephone, media only.
private final class Scene {
    let world: VirtualWorld
    let leg: LegNode
    let phone: PhoneNode

    init(
        seed: UInt64, _ conditions: LinkConditions = .clean,
        options: LegOptions = LegOptions(detection: false), listens: Bool = false,
        mediaTimeout: Interval? = nil
    ) throws {
        world = VirtualWorld(seed: seed, conditions: conditions)
        leg = LegNode(
            address: legAddress, options: options, mediaTimeout: mediaTimeout,
            phase: .milliseconds(7), listens: listens, seed: seed, world: world)
        phone = PhoneNode(address: phoneAddress, seed: seed &+ 1)
        world.add(leg)
        world.add(phone)
        try leg.configure(
            RemoteMedia(address: phoneAddress.host, port: Int(phoneAddress.port)), world: world)
    }

    /// The phone is picked up now and says `track`.
    func answer(_ track: Soundtrack) {
        phone.say(track)
        phone.start(to: legAddress, world: world)
        leg.answered(world: world)
    }

    var detections: [DetectionEvent] {
        leg.outputs.compactMap { if case .detection(let event) = $0.event { event } else { nil } }
    }

    var verdict: AnswerVerdict? {
        for case .verdict(let verdict, true, _, _, _, _) in detections { return verdict }
        return nil
    }

    var beeps: [(start: Int, end: Int, hertz: Double)] {
        detections.compactMap {
            if case .beep(let start, let end, let hertz, _, _) = $0 {
                (start, end, hertz)
            } else {
                nil
            }
        }
    }
}

private func rough(loss: Double) -> LinkConditions {
    LinkConditions(
        loss: loss, duplication: 0.02, reordering: 0.02, reorderingDelay: .milliseconds(45),
        latency: .milliseconds(35), jitter: .milliseconds(25))
}

// MARK: detection behind a bad line

/// The tone's place is known on the callee's own timeline; ours may lose the first packets.
@Test(arguments: [0, 0.02, 0.05], [21, 22] as [UInt64])
func aBeepIsFoundWhereItIsAndTheMessageStartsBehindIt(_ loss: Double, _ seed: UInt64) throws {
    let scene = try Scene(seed: seed, rough(loss: loss), options: LegOptions())
    let (track, beep) = Soundtrack.mailbox(greeting: 3000, pause: 500, beep: 400, seed: seed)
    var message = Soundtrack()
    message.speech(1000, seed: seed + 9)
    var readyAt: Instant?
    scene.leg.onOutput = { [weak scene] output, world in
        guard case .detection(.readyForMessage) = output, readyAt == nil else { return }
        readyAt = world.now
        scene?.leg.play(id: 1, message.samples, world: world)
    }
    scene.answer(track)
    let beepOver = scene.world.now + .milliseconds(Int64(beep.upperBound))
    scene.world.run(for: .milliseconds(Int64(track.milliseconds) + 1800))

    let found = try #require(scene.beeps.first)
    #expect(scene.beeps.count == 1)
    #expect(abs(found.start - beep.lowerBound) <= 100)
    #expect(abs(found.end - beep.upperBound) <= 100)
    #expect(abs(found.hertz - 1000) < 15)
    #expect(scene.verdict == .voicemail)

    // The mailbox hears nothing of ours before its tone is over, and the message soon after.
    let ready = try #require(readyAt)
    let sound = try #require(scene.phone.firstSound)
    #expect(ready > beepOver)
    #expect(sound > beepOver)
    #expect(sound - beepOver < .milliseconds(600))
    let starts = scene.leg.outputs.filter {
        if case .playStarted(1, _) = $0.event { true } else { false }
    }
    #expect(starts.count == 1)
    // A second of message: fifty packets, the last 980 ms behind the first.
    let end = scene.leg.outputs.first { $0.event == .playFinished(id: 1, completed: true) }
    let start = try #require(starts.first)
    #expect(try #require(end).at - start.at == .milliseconds(980))
}

/// A mailbox that sends nothing while it is silent, and timestamps that go on.
@Test(arguments: [0, 0.05], [51, 52] as [UInt64])
func silenceThatIsNotSentMovesNothing(_ loss: Double, _ seed: UInt64) throws {
    let scene = try Scene(seed: seed, rough(loss: loss), options: LegOptions())
    let (track, beep) = Soundtrack.mailbox(greeting: 4500, pause: 900, beep: 400, seed: seed)
    scene.phone.sendsSilence = false
    scene.answer(track)
    // The end of the tone is known only when the silence behind it is believed.
    scene.world.run(for: .milliseconds(Int64(track.milliseconds) + 1000))
    let sent = scene.phone.packetsSent
    #expect(sent < 4900 / 20 + 10)
    let found = try #require(scene.beeps.first)
    #expect(abs(found.start - beep.lowerBound) <= 100)
    #expect(scene.verdict == .voicemail)
}

@Test func theMailboxRecordsTheMessageSampleForSample() throws {
    let scene = try Scene(seed: 5, LinkConditions(duplication: 0.1, jitter: .milliseconds(30)))
    let message = Soundtrack.fingerprint(frames: 50, seed: 5)
    scene.answer(Soundtrack())
    scene.world.run(for: .milliseconds(207))
    scene.leg.play(id: 1, message.samples, world: scene.world)
    scene.world.run(for: .milliseconds(1400))
    let recording = scene.phone.recording()
    let start = try #require(recording.firstIndex { $0 != 0 })
    let first = start / 160 * 160
    #expect(Array(recording[first..<first + 8000]) == message.samples)
    #expect(recording[(first + 8000)...].allSatisfy { $0 == 0 })
}

@Test(arguments: [0, 0.05], [31, 32] as [UInt64])
func ringbackIsEarlyMediaAndAHelloIsAHuman(_ loss: Double, _ seed: UInt64) throws {
    let scene = try Scene(seed: seed, rough(loss: loss), options: LegOptions())
    var ringback = Soundtrack()
    ringback.ringback(cycles: 1)
    scene.phone.say(ringback)
    scene.phone.start(to: legAddress, world: scene.world)
    // Picked up in the silence behind the first ring.
    scene.world.run(for: .milliseconds(3500))
    #expect(scene.verdict == nil)
    let hello = Soundtrack.hello(seed: seed)
    scene.phone.say(hello)
    scene.leg.answered(world: scene.world)
    let answer = scene.world.now
    scene.world.run(for: .milliseconds(3000))

    let tones = scene.leg.outputs.compactMap { entry -> (ToneKind, Int, Instant)? in
        guard case .detection(.tone(let kind, let start, _, _)) = entry.event else { return nil }
        return (kind, start, entry.at)
    }
    #expect(tones.map(\.0) == [.ringback])
    if let tone = tones.first {
        // Loss near the beginning lets the tone begin anew.
        #expect(tone.1 >= 0 && tone.1 <= 400)
        #expect(tone.2 < answer)
    }
    #expect(scene.verdict == .human)
    #expect(scene.beeps.isEmpty)
    let starts = scene.leg.outputs.compactMap { entry -> Int? in
        guard case .detection(.speechStart(let ms)) = entry.event, entry.at > answer else {
            return nil
        }
        return ms
    }
    // 400 ms into the track, and some 35…60 ms on the way.
    let start = try #require(starts.first)
    #expect((380...560).contains(start))
}

@Test func aSilentCalleeIsSilence() throws {
    let scene = try Scene(seed: 1, rough(loss: 0.05), options: LegOptions())
    scene.leg.answered(world: scene.world)
    // Not one packet: the clock must do it.
    scene.world.run(for: .milliseconds(5400))
    #expect(scene.verdict == .silence)
}

// MARK: the tap

/// Each frame of the soundtrack is like no other, so a frame heard says where it belongs.
@Test(arguments: [0, 0.01, 0.05, 0.2], [41, 42, 43, 44, 45, 46] as [UInt64])
func theTapGivesEverySampleOnceAndInOrder(_ loss: Double, _ seed: UInt64) throws {
    let frames = 150
    let conditions = LinkConditions(
        loss: loss, duplication: 0.05, reordering: 0.05, reorderingDelay: .milliseconds(90),
        latency: .milliseconds(30), jitter: .milliseconds(30))
    let scene = try Scene(seed: seed, conditions, listens: true)
    let fingerprint = Soundtrack.fingerprint(frames: frames, seed: seed)
    scene.answer(fingerprint)
    scene.world.run(for: .milliseconds(Int64(frames) * 20 - 10))
    scene.phone.stop()
    scene.world.run(for: .milliseconds(60))
    // What the tap still holds comes now.
    scene.leg.close(world: scene.world)

    // Before the first packet there may be silence, for the way it took.
    func frame(at sample: Int, of track: [Int16]) -> Int? {
        (0..<frames).first {
            track.dropFirst(sample).starts(with: fingerprint.samples[$0 * 160..<$0 * 160 + 160])
        }
    }
    let all = scene.leg.samplesHeard
    let silent = all.prefix { $0 == 0 }.count
    let lead = try #require((0...silent).last { frame(at: $0, of: all) != nil })
    let first = try #require(frame(at: lead, of: all))
    let heard = Array(all[lead...])
    #expect(lead < 1200)
    #expect(heard.count % 160 == 0)
    #expect(first < 12)
    try #require(heard.count / 160 + first <= frames)
    // The first 4 ms after a loss are blended from what filled it.
    let join = 32
    var exact = 0
    for frame in 0..<heard.count / 160 {
        let position = (first + frame) * 160
        let sound = heard[frame * 160 + join..<frame * 160 + 160]
        if sound == fingerprint.samples[position + join..<position + 160] { exact += 1 }
    }
    // What is not exact was lost or came too late, and is counted as such.
    let counters = scene.leg.counters
    let refused =
        counters.rejected(.duplicate) + counters.rejected(.late)
        + counters.rejected(.overflow)
    #expect(exact == counters.packetsReceived - refused)
    #expect(counters.concealedMicroseconds == (heard.count - exact * 160) * 125)
    #expect(counters.rejected(.overflow) == 0)
    // One in twenty is held back by more than the tap waits.
    #expect(Double(exact) > Double(frames) * (0.88 - loss * 1.5))
}

@Test func mediaThatStopsIsReportedOnce() throws {
    let scene = try Scene(seed: 2, mediaTimeout: .seconds(2))
    scene.answer(Soundtrack())
    scene.world.run(for: .seconds(1))
    scene.phone.stop()
    scene.world.run(for: .seconds(5))
    let timeouts = scene.leg.outputs.filter { $0.event == .mediaTimeout }
    #expect(timeouts.count == 1)
    // The last packet left at 980 ms.
    let at = try #require(timeouts.first?.at.milliseconds)
    #expect((3000...3027).contains(at))
}

// MARK: whose packets

/// The SDP names an address behind a NAT; packets come from another, and a stranger's between.
@Test(arguments: 0..<10 as Range<UInt64>)
func aPhoneBehindANATIsLearnedUnderLossAndAStrangerIsNot(_ seed: UInt64) throws {
    var options = LegOptions(detection: false)
    options.learnsAnyHost = true
    let scene = try Scene(seed: 700 + seed, rough(loss: 0.1), options: options)
    try scene.leg.configure(
        RemoteMedia(address: "10.0.0.7", port: 4000), world: scene.world)
    let stranger = PhoneNode(
        address: SocketAddressValue(ipv4: 203, 0, 113, 66, port: 6666), seed: seed)
    scene.world.add(stranger)
    scene.answer(.fingerprint(frames: 50, seed: seed))
    scene.world.after(.milliseconds(700)) { stranger.start(to: legAddress, world: $0) }
    scene.world.run(for: .milliseconds(1500))
    // Four in a row under 10 % loss, then ours come back.
    #expect(scene.phone.heard.count > 35)
    #expect(stranger.heard.isEmpty)
    #expect(scene.leg.counters.rejected(.foreignSource) >= stranger.packetsSent * 8 / 10)
    #expect(scene.leg.currentSummary.packetsReceived > 30)
}

// MARK: digits

/// Twelve presses under 10 % loss, both ways.
@Test(arguments: 0..<20 as Range<UInt64>)
func everyPressArrivesOnceAndInOrder(_ seed: UInt64) throws {
    let conditions = LinkConditions(
        loss: 0.1, duplication: 0.05, reordering: 0.05, reorderingDelay: .milliseconds(45),
        latency: .milliseconds(30), jitter: .milliseconds(30))
    let scene = try Scene(seed: 300 + seed, conditions)
    scene.answer(Soundtrack())
    scene.world.run(for: .milliseconds(200))
    scene.phone.dial("1123581321#*")
    scene.world.run(for: .milliseconds(2600))
    let digits = scene.leg.outputs.compactMap { entry -> Character? in
        if case .dtmf(let digit, .rfc4733) = entry.event { digit } else { nil }
    }
    #expect(String(digits) == "1123581321#*")
    #expect(scene.leg.outputs.filter { $0.event == .mediaStarted }.count == 1)
}

// MARK: the same again

@Test func aRunOfMediaRepeatsItselfBitForBit() throws {
    struct Outcome: Equatable {
        var outputs: [Logged<LegOutput>]
        var heard: [Logged<PhoneNode.Packet>]
        var samples: [Int16]
        var trace: UInt64
        var network: NetworkCounters
    }
    func run(_ seed: UInt64) throws -> Outcome {
        let scene = try Scene(
            seed: seed, rough(loss: 0.05), options: LegOptions(), listens: true)
        scene.leg.onOutput = { [weak scene] output, world in
            guard case .detection(.speechEnd) = output else { return }
            scene?.leg.play(
                id: 1, Soundtrack.fingerprint(frames: 10, seed: 1).samples, world: world)
        }
        scene.answer(.hello(seed: seed))
        scene.world.run(for: .milliseconds(2200))
        scene.leg.close(world: scene.world)
        return Outcome(
            outputs: scene.leg.outputs, heard: scene.phone.heard,
            samples: scene.leg.samplesHeard, trace: scene.world.trace,
            network: scene.world.network.counters)
    }
    let (first, second, other) = (try run(8), try run(8), try run(9))
    #expect(first == second)
    #expect(first != other)
    #expect(first.outputs.count > 4)
}
