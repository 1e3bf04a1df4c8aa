import Audio
import CallModel
import Media
import Telemetry
import Testing

@testable import MediaEngine

/// What a clip costs is paid once, however many legs play it: a wideband message of a minute takes
/// 2 MB, and a campaign plays it to a thousand telephones.
@Suite struct SharedClipTests {
    private func played(_ order: LegOrder?) -> PlaybackClip? {
        switch order {
        case .play(_, let clip, _, _): clip
        case .hold(let music): music
        default: nil
        }
    }

    @Test(arguments: [8000, 16_000])
    func legsOfAnyRateShareAClipThatLegsTake(clipRate: Int) throws {
        let engine = try MediaEngine(
            configuration(ports: 25_400...25_419), metrics: MetricsRegistry()
        ) { _ in }
        defer { engine.shutdown() }
        let clip = PlaybackClip(
            samples: [Int16](repeating: 1, count: clipRate), sampleRate: clipRate)
        for codec in [AudioCodec.pcmu, .g722] {
            let leg = try engine.createLeg(LegOptions(detection: false)).id
            var remote = RemoteMedia(address: "127.0.0.1", port: 9)
            remote.codec = codec
            engine.send(.configure(remote), to: leg)
            for loops in [false, true] {
                let order = engine.order(.play(id: 1, clip: clip, loops: loops), leg)
                #expect(played(order) === clip)
            }
            #expect(played(engine.order(.hold(music: clip), leg)) === clip)
        }
    }

    @Test func clipsOfOtherRatesAreConvertedToTheLegs() throws {
        let engine = try MediaEngine(
            configuration(ports: 25_420...25_439), metrics: MetricsRegistry()
        ) { _ in }
        defer { engine.shutdown() }
        let clip = PlaybackClip(samples: [Int16](repeating: 1, count: 48_000), sampleRate: 48_000)
        for codec in [AudioCodec.pcmu, .g722] {
            let leg = try engine.createLeg(LegOptions(detection: false)).id
            var remote = RemoteMedia(address: "127.0.0.1", port: 9)
            remote.codec = codec
            engine.send(.configure(remote), to: leg)
            let made = try #require(played(engine.order(.play(id: 1, clip: clip), leg)))
            #expect(made.sampleRate == codec.sampleRate)
            #expect(made.samples.count == codec.sampleRate)
        }
    }
}
