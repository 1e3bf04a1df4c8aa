import Audio
import Base
import CallModel
import Testing

@testable import Media

/// Everything that can be done to legs that hear each other, at random and in every order.
@Suite struct LinkWalkTests {
    private static let codecs: [AudioCodec] = [.pcmu, .pcma, .g722, .opus, .l16, .l16Wide]

    /// Each link's end is told once, each clip's end is told once, and nothing is left.
    @Test(arguments: [UInt64(1), 2]) func whateverHappensEachEndIsToldOnce(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func pick(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }
        let world = LinkWorld()
        for index in 0..<4 {
            let codec = Self.codecs[pick(0..<6)]
            _ = try world.join(
                codec, phase: pick(0..<20), ptime: [10, 20, 30, 40, 60][pick(0..<5)],
                LinkWorld.Talk(signal: chatter(index)))
        }
        var links: [LegLink] = []
        var plays = 0
        var files: [SampleRing] = []
        for _ in 0..<250 {
            let party = world.parties[pick(0..<4)]
            let other = world.parties[pick(0..<4)]
            let now = Instant(milliseconds: Int64(world.ms))
            switch pick(0..<12) {
            case 0, 1:
                guard party.id != other.id else { continue }
                let link = world.link(
                    party, to: other, LinkTap.allCases[pick(0..<3)],
                    gain: Double(pick(-60..<13)), digits: pick(0..<2) == 0)
                // Where the listener had no room nobody waits for an end.
                if link.ended != .targetClosed { links.append(link) }
            case 2: links.isEmpty ? () : links[pick(0..<links.count)].end(.disconnected)
            case 3:
                plays += 1
                let count = pick(0..<6000)
                world.play(
                    plays,
                    PlaybackClip(
                        samples: [Int16](repeating: 5000, count: count),
                        sampleRate: pick(0..<2) == 0 ? 8000 : 16_000),
                    loops: pick(0..<4) == 0, mixed: pick(0..<2) == 0, on: party)
            case 4:
                var out = Outbox<LegOutput>()
                party.leg.stopPlaying(out: &out)
                party.outputs += out.takeAll()
            case 5:
                _ = party.leg.hold(
                    music: pick(0..<2) == 0
                        ? nil
                        : PlaybackClip(
                            samples: [Int16](repeating: 900, count: pick(0..<500)),
                            sampleRate: 16_000))
            case 6: party.leg.resume()
            case 7:
                let codec = Self.codecs[pick(0..<6)]
                try party.leg.configure(
                    RemoteMedia(
                        address: "127.0.1.\(party.id.value)", port: 4000, codec: codec,
                        payloadType: codec.staticPayloadType ?? 96,
                        telephoneEventPayloadType: pick(0..<2) == 0 ? 101 : nil,
                        telephoneEventClockRate: codec.clockRate,
                        ptimeMilliseconds: [10, 20, 30, 40, 60][pick(0..<5)],
                        sends: pick(0..<8) > 0, receives: pick(0..<8) > 0), now: now)
            case 8:
                party.leg.sendDigit(
                    "7", milliseconds: 40 + pick(0..<200), workspace: &world.workspace)
            case 9: world.press("5", by: party)
            case 10:
                let bridge = AudioBridge(sampleRate: [8000, 16_000, 24_000][pick(0..<3)])
                write([Int16](repeating: 3000, count: pick(0..<4000)), to: bridge.playout)
                if pick(0..<2) == 0 { party.leg.detach() } else { _ = party.leg.attach(bridge) }
            default:
                party.leg.stopRecording(now: now, workspace: &world.workspace)
                files.append(SampleRing(capacity: 4000))
                party.leg.startRecording(into: files[files.count - 1], now: now)
            }
            world.run(milliseconds: pick(1..<60))
        }
        for party in world.parties { world.close(party) }
        let outputs = world.parties.flatMap(\.outputs)
        let ends = outputs.compactMap { output -> UInt32? in
            if case .linkEnded(let id, _) = output { id.value } else { nil }
        }
        #expect(links.count > 20)
        #expect(ends.sorted() == links.map(\.id.value).sorted())
        let finished = outputs.compactMap { output -> Int? in
            if case .playFinished(let id, _) = output { id } else { nil }
        }
        #expect(plays > 10)
        #expect(finished.sorted() == Array(1...plays))
    }
}
