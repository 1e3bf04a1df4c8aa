import Audio
import Foundation
import Testing

/// RFC 3389 against FFmpeg's encoder and decoder (Fixtures/audio, tools/quality/noise_vectors.py).
@Suite struct ComfortNoiseVectorTests {
    struct Colour {
        var name: String
        var background: [Int16]
        /// What FFmpeg's encoder says of it.
        var payload: [Int]
        /// Of what FFmpeg's decoder makes of that: correlation at lags of 1 to 10 samples.
        var correlations: [Double]
    }

    static func colours() throws -> [Colour] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../Fixtures/audio/")
        let raw = [UInt8](try Data(contentsOf: folder.appending(path: "noise-backgrounds.raw")))
        let text = try String(
            contentsOf: folder.appending(path: "noise-ffmpeg.txt"), encoding: .utf8)
        return text.split(separator: "\n").enumerated().map { index, line in
            let halves = line.split(separator: "|").map { $0.split(separator: " ") }
            let second = raw[index * 16_000..<(index + 1) * 16_000]
            return Colour(
                name: String(halves[0][0]),
                background: stride(from: second.startIndex, to: second.endIndex, by: 2).map {
                    Int16(truncatingIfNeeded: Int(raw[$0]) | Int(raw[$0 + 1]) << 8)
                },
                payload: halves[0].dropFirst().compactMap { Int($0) },
                correlations: halves[1].compactMap { Double($0) })
        }
    }

    static func correlations(_ samples: [Int16]) -> [Double] {
        let values = samples.map(Double.init)
        let energy = values.reduce(0) { $0 + $1 * $1 }
        return (1...10).map { lag in
            var sum = 0.0
            for index in lag..<values.count { sum += values[index] * values[index - lag] }
            return sum / energy
        }
    }

    /// Mean of the payloads after each 160 ms.
    static func described(_ background: [Int16]) -> [Double] {
        var encoder = ComfortNoiseEncoder(order: 10)
        var sums = [Double](repeating: 0, count: 11)
        var writes = 0.0
        for frame in 0..<background.count / 160 {
            background[frame * 160..<(frame + 1) * 160].withUnsafeBufferPointer {
                encoder.hear($0)
            }
            guard frame % 8 == 7 else { continue }
            var payload = [UInt8](repeating: 0, count: 11)
            let count = payload.withUnsafeMutableBytes { encoder.write(into: $0) }
            guard count == 11 else { continue }
            for (place, octet) in payload.enumerated() { sums[place] += Double(octet) }
            writes += 1
        }
        return sums.map { $0 / writes }
    }

    @Test func theEncoderDescribesABackgroundAsFFmpegDoes() throws {
        let colours = try Self.colours()
        #expect(colours.map(\.name) == ["white", "street", "hiss", "hum"])
        for colour in colours {
            let ours = Self.described(colour.background)
            #expect(colour.background.count == 8000 && colour.payload.count == 11)
            // FFmpeg rounds −dBov up, ours to the nearest.
            let louder = Double(colour.payload[0]) - ours[0]
            #expect((-0.2...1.2).contains(louder), "\(colour.name): \(ours[0])")
            for (place, octet) in zip(1..., colour.payload.dropFirst()) {
                // 7 octets are 0.055: FFmpeg sees 80 ms at once, through a window.
                #expect(
                    abs(ours[place] - Double(octet)) <= 7,
                    "\(colour.name) k\(place): \(ours[place]), FFmpeg \(octet)")
            }
        }
    }

    @Test func theGeneratorColoursNoiseAsFFmpegDoes() throws {
        for colour in try Self.colours() {
            var generator = ComfortNoiseGenerator(seed: 7)
            let payload = colour.payload.map { UInt8($0) }
            payload.withUnsafeBytes { _ = generator.describe($0) }
            var samples = [Int16](repeating: 0, count: 80_000)
            samples.withUnsafeMutableBufferPointer { generator.fill(into: $0) }
            let heard = Array(samples[800...])
            for (lag, pair) in zip(Self.correlations(heard), colour.correlations).enumerated() {
                #expect(
                    abs(pair.0 - pair.1) < 0.035,
                    "\(colour.name), lag \(lag + 1): \(pair.0), FFmpeg \(pair.1)")
            }
            // The octet is the level in −dBov: 0 dBov is a mean square of 32768².
            let power = heard.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(heard.count)
            let level = 10 * log10(power / 1_073_741_824)
            #expect(abs(level + Double(payload[0])) < 0.5, "\(colour.name): \(level) dBov")
        }
    }
}
