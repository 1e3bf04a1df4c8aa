import Audio
import Base
import CallModel
import Detection
import RTP
import Testing

@testable import Media

/// Two codecs of a bridge, and how the two legs' ticks lie.
struct BridgeCase: Sendable, CustomTestStringConvertible {
    var a: AudioCodec
    var b: AudioCodec
    var phase = 7
    var ptime = 20
    var testDescription: String { "\(a.rawValue) – \(b.rawValue), \(phase) ms, ptime \(ptime)" }

    static let all: [BridgeCase] = [
        BridgeCase(a: .pcmu, b: .pcmu), BridgeCase(a: .pcmu, b: .pcma, phase: 0),
        BridgeCase(a: .pcmu, b: .g722), BridgeCase(a: .pcma, b: .opus),
        BridgeCase(a: .g722, b: .opus, phase: 13), BridgeCase(a: .l16, b: .l16Wide),
        BridgeCase(a: .opus, b: .l16Wide, phase: 19), BridgeCase(a: .pcmu, b: .pcma, ptime: 30),
        BridgeCase(a: .pcmu, b: .g722, ptime: 60), BridgeCase(a: .pcma, b: .pcmu, ptime: 10),
    ]
}

/// What `party` hears of `signal` said from `start` (ms) on: how late, and how alike, judged over
/// two seconds from `from` (ms of the signal) on.
private func heard(
    _ signal: (Int, Int) -> Double, by party: LinkWorld.Party, start: Int = 0, from: Int = 3000
) -> (delay: Double, correlation: Double) {
    let narrow = party.heardNarrow
    let spoken = said(signal, (from + 2000) * 8)
    let offset = (start - (party.firstHeard ?? 0)) * 8
    let result = found(
        spoken, from * 8..<(from + 2000) * 8, in: narrow, lags: offset..<offset + 300 * 8)
    return (Double(result.lag - offset) / 8, result.correlation)
}

@Test(arguments: BridgeCase.all)
func bridgedLegsHearEachOtherWithoutLossAndWithinABoundedDelay(example: BridgeCase) throws {
    let world = LinkWorld()
    let a = try world.join(
        example.a, ptime: example.ptime, LinkWorld.Talk(signal: chatter(1)))
    let b = try world.join(
        example.b, phase: example.phase, ptime: example.ptime,
        LinkWorld.Talk(signal: chatter(2)))
    world.bridge(a, b)
    world.run(milliseconds: 6500)
    for (listener, signal) in [(b, chatter(1)), (a, chatter(2))] {
        let (delay, correlation) = heard(signal, by: listener)
        let spoken = said(signal, 5000 * 8)
        let codecs = listener === b ? [example.a, example.b] : [example.b, example.a]
        let direct = found(
            spoken, 3000 * 8..<5000 * 8,
            in: try throughCodecs(signal, codecs, milliseconds: 5100), lags: 0..<100 * 8
        ).correlation
        // Opus models speech: its own trip keeps less of the waveform than any bridge may lose.
        #expect(correlation >= (codecs.contains(.opus) ? direct * 0.95 : 0.98), "\(direct)")
        // Jitter buffer, ring, a frame each side, filters and codec.
        #expect(delay > 0 && delay <= 140 + Double(max(0, example.ptime - 20)), "\(delay) ms")
    }
    #expect(world.counters.underruns == 0)
    #expect(world.counters.overrunSamples == 0)
}

@Test func jitterAndLossOfOneLegAreSmoothedForTheOther() throws {
    let world = LinkWorld()
    let a = try world.join(
        .pcmu,
        LinkWorld.Talk(
            signal: chatter(3),
            delay: { packet in
                // 5 % lost; 0 to 40 ms late.
                packet % 20 == 7 ? nil : Double(packet &* 7919 % 41)
            }))
    let b = try world.join(.pcma, phase: 9)
    world.link(a, to: b)
    world.run(milliseconds: 12_000)
    let (delay, correlation) = heard(chatter(3), by: b, from: 8000)
    #expect(correlation > 0.85)
    #expect(delay < 200)
    // Every packet that was sent came in time to be played.
    #expect(world.counters.playoutLate < 10)
    #expect(world.counters.playoutLost > 20)
    // One that is not smoothed would be silent a twentieth of the time.
    let quiet = b.heard.dropFirst(8000).reduce(into: (run: 0, longest: 0)) { state, sample in
        state.run = abs(Int(sample)) < 8 ? state.run + 1 : 0
        state.longest = max(state.longest, state.run)
    }
    #expect(quiet.longest < 160)
}

@Test func aWhisperIsHeardByTheAgentAloneAndTheListenerHearsBoth() throws {
    let world = LinkWorld()
    let callee = try world.join(.pcmu, LinkWorld.Talk(signal: tone(500)))
    let agent = try world.join(.pcma, phase: 5, LinkWorld.Talk(signal: tone(800)))
    let boss = try world.join(.g722, phase: 11, LinkWorld.Talk(signal: tone(1300)))
    world.bridge(callee, agent)
    world.link(agent, to: boss, .both)
    world.link(boss, to: agent)
    world.run(milliseconds: 3000)
    func level(_ hz: Double, _ party: LinkWorld.Party) -> Double {
        party.level(of: hz, from: 1000, to: 2500)
    }
    #expect(level(800, callee) > -12)
    #expect(level(1300, callee) < -55)
    #expect(level(500, agent) > -12)
    #expect(level(1300, agent) > -12)
    // Of what the agent hears the listener gets all but his own voice.
    #expect(level(500, boss) > -12)
    #expect(level(800, boss) > -12)
    #expect(level(1300, boss) < -55)
    #expect(level(800, agent) < -55)
}

@Test func aBargeIsHeardByBoth() throws {
    let world = LinkWorld()
    let callee = try world.join(.pcmu, LinkWorld.Talk(signal: tone(500)))
    let agent = try world.join(.pcma, phase: 5, LinkWorld.Talk(signal: tone(800)))
    let boss = try world.join(.g722, phase: 11, LinkWorld.Talk(signal: tone(1300)))
    world.bridge(callee, agent)
    world.link(boss, to: agent)
    world.link(boss, to: callee)
    world.run(milliseconds: 3000)
    for (party, other) in [(callee, 800.0), (agent, 500.0)] {
        #expect(party.level(of: 1300, from: 1000, to: 2500) > -12)
        #expect(party.level(of: other, from: 1000, to: 2500) > -12)
    }
    #expect(boss.heard.allSatisfy { abs(Int($0)) < 16 })
}

@Test func holdPlaysMusicOverAndOverAndTalkGoesOnAfterwards() throws {
    let world = LinkWorld()
    let callee = try world.join(.pcmu, LinkWorld.Talk(signal: tone(500)))
    let agent = try world.join(.pcma, phase: 5, LinkWorld.Talk(signal: tone(800)))
    world.bridge(callee, agent)
    world.run(milliseconds: 2000)
    // Half a second of 1000 Hz, whole periods: a loop without a seam.
    let music = PlaybackClip(samples: said(tone(1000), 4000))
    let began = callee.leg.hold(music: music)
    #expect(began)
    #expect(callee.isHeld)
    world.run(milliseconds: 4000)
    #expect(callee.level(of: 1000, from: 2500, to: 5500) > -12)
    #expect(callee.level(of: 800, from: 2500, to: 5500) < -55)
    // Whoever waits for the one on hold hears nothing of him.
    #expect(agent.level(of: 500, from: 2500, to: 5500) < -55)
    callee.leg.resume()
    world.run(milliseconds: 2000)
    #expect(callee.level(of: 1000, from: 6500, to: 7500) < -55)
    #expect(callee.level(of: 800, from: 6500, to: 7500) > -12)
    #expect(agent.level(of: 500, from: 6500, to: 7500) > -12)
    #expect(!callee.isHeld)
}

@Test func aMixedClipLiesUnderTheTalkAndAnotherReplacesIt() throws {
    let world = LinkWorld()
    let callee = try world.join(.pcmu)
    let agent = try world.join(.pcma, phase: 5, LinkWorld.Talk(signal: tone(800)))
    world.link(agent, to: callee)
    world.run(milliseconds: 1000)
    let clip = PlaybackClip(samples: said(tone(1000), 8000))
    world.play(1, clip, loops: true, mixed: true, on: callee)
    world.run(milliseconds: 3000)
    #expect(callee.level(of: 1000, from: 1500, to: 3500) > -12)
    #expect(callee.level(of: 800, from: 1500, to: 3500) > -12)
    world.play(2, clip, on: callee)
    world.run(milliseconds: 2000)
    #expect(callee.level(of: 1000, from: 4100, to: 4900) > -12)
    #expect(callee.level(of: 800, from: 4100, to: 4900) < -55)
    #expect(callee.level(of: 800, from: 5200, to: 5900) > -12)
    #expect(callee.outputs.contains(.playFinished(id: 1, completed: false)))
    #expect(callee.outputs.contains(.playFinished(id: 2, completed: true)))
}

@Test func digitsCrossABridgeAsDigits() throws {
    let world = LinkWorld()
    let a = try world.join(.pcmu, LinkWorld.Talk(signal: { _, _ in 0 }))
    let b = try world.join(.pcma, phase: 5, LinkWorld.Talk(signal: { _, _ in 0 }))
    world.bridge(a, b, digits: true)
    world.run(milliseconds: 500)
    world.press("7", by: a)
    world.run(milliseconds: 500)
    #expect(Set(b.events.map { $0[0] }) == [7])
    // Three end packets (RFC 4733 2.5.1.4).
    #expect(b.events.count { $0[1] & 0x80 != 0 } == 3)
    #expect(a.events.isEmpty)
    #expect(world.counters.digitsPassed == 1)
}

@Test func aLegThatClosesInMidBridgeHarmsNobody() throws {
    let world = LinkWorld()
    let a = try world.join(.pcmu, LinkWorld.Talk(signal: chatter(1)))
    let b = try world.join(.opus, phase: 5, LinkWorld.Talk(signal: tone(800)))
    let links = world.bridge(a, b)
    world.run(milliseconds: 2000)
    world.close(b)
    #expect(b.outputs.contains(.linkEnded(links[0].id, .targetClosed)))
    let before = a.heard.count
    world.run(milliseconds: 2000)
    #expect(a.outputs.contains(.linkEnded(links[1].id, .sourceClosed)))
    // Packets go on; what they hold ends within 40 ms, without a click.
    #expect(a.heard.count - before == 16_000)
    #expect(a.heard.suffix(15_600).allSatisfy { $0 == 0 })
    #expect(largestStep(Array(a.heard.suffix(16_000))) < 6000)
    #expect(!a.hasLinks)
    #expect(a.playoutDelay == nil)
}

@Test func noLinkLeavesALegAsItWas() throws {
    let world = LinkWorld()
    let a = try world.join(.pcmu, LinkWorld.Talk(signal: tone(500)))
    let b = try world.join(.pcmu, phase: 5)
    world.run(milliseconds: 200)
    #expect(!a.hasLinks)
    #expect(a.playoutDelay == nil)
    let link = world.link(a, to: b)
    world.run(milliseconds: 500)
    #expect(a.playoutDelay != nil)
    #expect(b.playoutDelay == nil)
    link.end(.disconnected)
    world.run(milliseconds: 100)
    #expect(!a.hasLinks && !b.hasLinks)
    #expect(b.outputs.contains(.linkEnded(link.id, .disconnected)))
}

@Test func aLegTakesEightLinksInEachDirection() throws {
    let world = LinkWorld()
    let hub = try world.join(.pcmu)
    let others = try (0..<9).map { _ in try world.join(.pcmu) }
    for other in others.prefix(8) {
        #expect(world.link(other, to: hub).ended == nil)
        #expect(world.link(hub, to: other).ended == nil)
    }
    #expect(world.link(others[8], to: hub).ended == .targetClosed)
    #expect(world.link(hub, to: others[8]).ended == .sourceClosed)
    let echo = try world.join(.pcmu, mode: .echo)
    #expect(world.link(hub, to: echo).ended == .targetClosed)
    let held = echo.leg.hold(music: nil)
    #expect(!held)
}

@Test(arguments: [1, 2, 3, 4])
func whateverIsConnectedDisconnectedAndClosedNothingIsLeftOver(seed: Int) throws {
    let world = LinkWorld()
    var random = SeededGenerator(seed: UInt64(seed))
    func pick(_ count: Int) -> Int { Int(random.next() % UInt64(max(1, count))) }
    let codecs = AudioCodec.allCases
    for index in 0..<6 {
        _ = try world.join(
            codecs[(index + seed) % codecs.count], phase: pick(20),
            ptime: [20, 30, 60][pick(3)], LinkWorld.Talk(signal: tone(400 + Double(index) * 150)))
    }
    var links: [() -> LegLink?] = []
    for _ in 0..<200 {
        let from = world.parties[pick(world.parties.count)]
        let to = world.parties[pick(world.parties.count)]
        switch pick(12) {
        case 0...4 where from !== to:
            let link = world.link(
                from, to: to, LinkTap.allCases[pick(3)], digits: pick(2) == 0)
            links.append { [weak link] in link }
        case 5...7: links[safely: pick(links.count)]?()?.end(.disconnected)
        case 8 where from.isOpen: _ = from.leg.hold(music: pick(2) == 0 ? nil : beep)
        case 9 where from.isOpen: from.leg.resume()
        case 10 where from.isOpen: world.press("5", by: from)
        case 11 where from.isOpen && pick(6) == 0: world.close(from)
        default: break
        }
        world.run(milliseconds: 1 + pick(60))
    }
    for link in links { link()?.end(.disconnected) }
    for party in world.parties where party.isOpen { party.leg.resume() }
    world.run(milliseconds: 200)
    for party in world.parties where party.isOpen { #expect(!party.hasLinks) }
    // Nobody holds a ring any more.
    #expect(links.count > 10)
    #expect(links.allSatisfy { $0() == nil })
    // Every link that led to a leg said so once.
    for party in world.parties {
        let ended = party.outputs.compactMap { output -> LinkID? in
            if case .linkEnded(let id, _) = output { id } else { nil }
        }
        #expect(Set(ended).count == ended.count)
    }
}

private let beep = PlaybackClip(samples: said(tone(1000), 4000))

extension Array {
    fileprivate subscript(safely index: Int) -> Element? {
        indices.contains(index) ? self[index] : nil
    }
}
