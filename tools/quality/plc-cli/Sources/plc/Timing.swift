import Audio
import CSpeexReference

/// Nanoseconds per 20 ms frame: five interleaved rounds, the best and the median of each.
enum Timing {
    static let frames = 5000

    static func run() {
        var voice = ToneGenerator(frequencies: [180, 540, 1260, 2700], levelDBm0: -20)
        var wideVoice = ToneGenerator(
            frequencies: [180, 540, 1260, 2700, 5300], levelDBm0: -20, sampleRate: 16_000)
        let narrow = voice.next(160)
        let wide = wideVoice.next(320)
        var room = [Int16](repeating: 0, count: 1024)
        var bytes = [UInt8](repeating: 0, count: 1024)
        var results: [(name: String, rounds: [Double])] = []
        func measure(_ name: String, _ body: () -> Void) {
            let clock = ContinuousClock()
            let start = clock.now
            for _ in 0..<frames { body() }
            let spent = (clock.now - start) / frames
            let nanoseconds = Double(spent.components.attoseconds) / 1e9
            if let index = results.firstIndex(where: { $0.name == name }) {
                results[index].rounds.append(nanoseconds)
            } else {
                results.append((name, [nanoseconds]))
            }
        }
        guard var up = try? Resampler(from: 8000, to: 16_000),
            var down = try? Resampler(from: 16_000, to: 8000)
        else { return }
        let speexUp = speex_resampler_init(1, 8000, 16_000, 3, nil)
        let speexDown = speex_resampler_init(1, 16_000, 8000, 3, nil)
        var encoder = G722Encoder()
        var decoder = G722Decoder()
        var concealer = LossConcealer()
        var mixer = Mixer(capacity: 160)
        var limiter = Limiter()
        var noise = ComfortNoiseGenerator(seed: 1)
        let description: [UInt8] = [50, 60, 140, 120, 130, 127, 127, 127, 127]
        description.withUnsafeBytes { _ = noise.describe($0) }

        narrow.withUnsafeBufferPointer { narrow in
            wide.withUnsafeBufferPointer { wide in
                room.withUnsafeMutableBufferPointer { room in
                    bytes.withUnsafeMutableBytes { bytes in
                        let payload = UnsafeRawBufferPointer(rebasing: bytes[0..<160])
                        let frame = UnsafeMutableBufferPointer(rebasing: room[0..<160])
                        for _ in 0..<5 {
                            measure("half-band 8→16") { _ = up.process(narrow, into: room) }
                            measure("speexdsp q3 8→16") {
                                var took: UInt32 = 160
                                var gave: UInt32 = 1024
                                speex_resampler_process_int(
                                    speexUp, 0, narrow.baseAddress, &took, room.baseAddress, &gave)
                            }
                            measure("half-band 16→8") { _ = down.process(wide, into: room) }
                            measure("speexdsp q3 16→8") {
                                var took: UInt32 = 320
                                var gave: UInt32 = 1024
                                speex_resampler_process_int(
                                    speexDown, 0, wide.baseAddress, &took, room.baseAddress, &gave)
                            }
                            measure("G.722 encode") { encoder.encode(wide, into: bytes) }
                            measure("G.722 decode") { decoder.decode(payload, into: room) }
                            measure("concealer, good frame") { concealer.good(narrow) }
                            measure("concealer, good + lost frame") {
                                concealer.good(narrow)
                                concealer.conceal(into: frame)
                            }
                            measure("comfort noise, order 8") { noise.fill(into: frame) }
                            measure("mixer, 3 voices, 1 listener") {
                                mixer.begin(160)
                                for _ in 0..<3 { mixer.add(narrow) }
                                mixer.write(without: narrow, limiter: &limiter, into: frame)
                            }
                        }
                    }
                }
            }
        }
        speex_resampler_destroy(speexUp)
        speex_resampler_destroy(speexDown)
        for (name, rounds) in results {
            let sorted = rounds.sorted()
            print("\(name): best \(Int(sorted[0])) ns, median \(Int(sorted[2])) ns per 20 ms")
        }
    }
}
