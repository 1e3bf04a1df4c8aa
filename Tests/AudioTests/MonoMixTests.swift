import Audio
import Testing

@Suite struct MonoMixTests {
    private func mix(_ samples: [Int16], channels: Int) throws -> [Int16] {
        try WAVFile(sampleRate: 8000, channels: channels, samples: samples).mono(at: 8000)
    }

    @Test func aFrameBecomesItsMeanWithoutClipping() throws {
        #expect(
            try mix(
                [32767, 32767, -32768, -32768, 32767, -32768, 0, 1000, 1000, 0], channels: 2)
                == [32767, -32768, 0, 500, 500])
        #expect(try mix([3, 6, 9, -30, 0, 0], channels: 3) == [6, -10])
        #expect(
            try mix([Int16](repeating: .min, count: 32), channels: 16) == [-32768, -32768])
        // Half a frame at the end is none.
        #expect(try mix([10, 20, 30], channels: 2) == [15])
        #expect(try mix([], channels: 2) == [])
    }

    @Test func oneChannelStaysBitForBit() throws {
        let samples: [Int16] = [.min, -1, 0, 1, .max]
        #expect(try mix(samples, channels: 1) == samples)
    }

    @Test func theMixIsResampled() throws {
        var tone = ToneGenerator(frequencies: [6000], levelDBm0: -10, sampleRate: 48_000)
        let said = tone.next(48_000)
        let file = WAVFile(
            sampleRate: 48_000, channels: 2, samples: said.flatMap { [0, $0] })
        let wide = try file.mono(at: 16_000)
        #expect(wide.count == 16_000)
        // One of two channels: half the amplitude.
        #expect(abs(Level.dBm0(Array(wide[1000..<15_000])) + 16.02) < 0.3)
        #expect(Level.dBm0(Array(try file.mono(at: 8000)[1000..<7000])) < -60)
    }
}
