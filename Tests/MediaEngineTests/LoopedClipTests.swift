import Audio
import Testing

@testable import MediaEngine

/// A clip that is played over and over has no seam where it begins anew, at any rate of the leg.
@Suite struct LoopedClipTests {
    /// One second of 500 Hz: whole periods, so its repeats go on smoothly.
    private static func clip(_ rate: Int) -> PlaybackClip {
        PlaybackClip(
            samples: (0..<rate).map { index -> Int16 in
                let angle = 2 * Double.pi * 500 * Double(index) / Double(rate)
                return Int16(10_000 * Elementary.sin(angle))
            }, sampleRate: rate)
    }

    /// Largest second difference around the seam, of a sine that has 1530 everywhere at 8 kHz.
    private static func seam(_ samples: [Int16]) -> Int {
        let around = (samples.suffix(20) + samples.prefix(20)).map(Int.init)
        var largest = 0
        for index in 1..<around.count - 1 {
            let bend = around[index - 1] - 2 * around[index] + around[index + 1]
            largest = max(largest, abs(bend))
        }
        return largest
    }

    @Test(arguments: [16_000, 24_000, 48_000])
    func aLoopedClipGoesOnWithoutAnEdge(rate: Int) throws {
        let looped = try MediaEngine.converted(Self.clip(rate), to: 8000, loops: true)
        #expect(looped.sampleRate == 8000 && looped.samples.count == 8000)
        #expect(Self.seam(looped.samples) < 1700)
    }

    @Test func aClipShorterThanTheFilterIsConvertedAsItIs() throws {
        let short = PlaybackClip(samples: [1000, 2000, 3000], sampleRate: 48_000)
        #expect(try MediaEngine.converted(short, to: 8000, loops: true).samples.count == 0)
    }
}
