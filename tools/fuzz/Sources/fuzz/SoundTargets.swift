import Audio
import Base

extension FuzzTarget {
    /// WAV files: read, written as PCM, read again.
    static let wav = FuzzTarget(name: "wav", maximumInput: 4096) { bytes in
        guard let file = try? WAVFile(parsing: Array(bytes)) else { return }
        expect(file.samples.count % file.channels == 0, "half a frame")
        expect(WAVFile.sampleRates.contains(file.sampleRate), "rate")
        expect(file.samples.count <= bytes.count, "more samples than bytes")
        _ = file.durationMilliseconds
        for channel in -1...file.channels {
            let count = file.channel(channel).count
            let isThere = channel >= 0 && channel < file.channels
            expect(count == (isThere ? file.frameCount : 0), "channel")
        }
        expect((try? WAVFile(parsing: file.serialised)) == file, "read again it differs")
        if file.frameCount < 512 { _ = try? file.channel(0, at: 8000) }
    }

    /// Opus packets in a row into one decoder, with losses between them.
    static let opus = FuzzTarget(name: "opus", maximumInput: 2048) { bytes in
        var script = Script(bytes)
        let rate = [8000, 16_000, 24_000, 48_000][script.choice(4)]
        guard var decoder = try? OpusDecoder(sampleRate: rate) else {
            return expect(false, "no decoder")
        }
        // Two guards behind the room that the decoder is told of.
        let room = rate * 120 / 1000
        var samples = [Int16](repeating: 0x55AA, count: room + 2)
        while !script.isAtEnd {
            let isLost = script.choice(8) == 0
            let offered = script.choice(4) == 0 ? script.choice(256) * 8 : room
            let packet = script.take(script.choice(200))
            let written = samples.withUnsafeMutableBufferPointer { buffer -> Int in
                let target = UnsafeMutableBufferPointer(rebasing: buffer[0..<min(offered, room)])
                return packet.withUnsafeBytes { source in
                    (isLost
                        ? try? decoder.conceal(into: target)
                        : try? decoder.decode(source, into: target)) ?? 0
                }
            }
            expect(written >= 0 && written <= min(offered, room), "wrote \(written)")
            expect(samples[room] == 0x55AA && samples[room + 1] == 0x55AA, "wrote beyond")
        }
    }

    /// G.722 payloads in a row, of any length, into one decoder of each mode: never beyond the room,
    /// two samples an octet, the same bits again from the same octets; what comes out is encoded and
    /// decoded without a trap.
    static let g722 = FuzzTarget(name: "g722", maximumInput: 2048) { bytes in
        var script = Script(bytes)
        let mode = G722.Mode.allCases[script.choice(G722.Mode.allCases.count)]
        var (decoder, twin) = (G722Decoder(mode: mode), G722Decoder(mode: mode))
        var encoder = G722Encoder()
        var samples = [Int16](repeating: 0x55AA, count: 1024 + 2)
        var again = samples
        var octets = [UInt8](repeating: 0x5A, count: 512 + 1)
        while !script.isAtEnd {
            let payload = script.take(script.choice(256) + script.choice(256))
            let room = script.choice(4) == 0 ? 4 * script.choice(256) + script.choice(4) : 1024
            func decode(_ state: inout G722Decoder, _ target: inout [Int16]) -> Int {
                target.withUnsafeMutableBufferPointer { buffer in
                    payload.withUnsafeBytes {
                        state.decode(
                            $0, into: UnsafeMutableBufferPointer(rebasing: buffer[0..<room]))
                    }
                }
            }
            let written = decode(&decoder, &samples)
            expect(written == min(2 * payload.count, room / 2 * 2), "wrote \(written)")
            expect(samples[1024] == 0x55AA && samples[1025] == 0x55AA, "wrote beyond")
            expect(decode(&twin, &again) == written, "another count")
            expect(samples[0..<written] == again[0..<written], "other samples")
            let coded = samples.withUnsafeBufferPointer { source in
                octets.withUnsafeMutableBytes {
                    encoder.encode(
                        UnsafeBufferPointer(rebasing: source[0..<written]),
                        into: UnsafeMutableRawBufferPointer(rebasing: $0[0..<512]))
                }
            }
            expect(coded == written / 2 && octets[512] == 0x5A, "coded \(coded)")
        }
    }

    /// Comfort noise (RFC 3389): descriptions of any length and level, noise of any count; nothing
    /// described is louder than five times its level.
    static let noise = FuzzTarget(name: "noise", maximumInput: 512) { bytes in
        var script = Script(bytes)
        var generator = ComfortNoiseGenerator(seed: 1)
        var encoder = ComfortNoiseEncoder(order: script.choice(12))
        var samples = [Int16](repeating: 0, count: 480)
        var described = [UInt8](repeating: 0, count: ComfortNoise.maximumPayload)
        while !script.isAtEnd {
            let payload = script.take(script.choice(16))
            let isTaken = payload.withUnsafeBytes { generator.describe($0) }
            expect(isTaken == !payload.isEmpty, "taken")
            let count = 2 * script.choice(240)
            samples.withUnsafeMutableBufferPointer {
                generator.fill(into: UnsafeMutableBufferPointer(rebasing: $0[0..<count]))
            }
            samples.withUnsafeBufferPointer {
                encoder.hear(UnsafeBufferPointer(rebasing: $0[0..<count]))
            }
            let written = described.withUnsafeMutableBytes { encoder.write(into: $0) }
            expect(written == 0 || written == 1 + encoder.order, "wrote \(written)")
            if let level = payload.first, count > 0 {
                let peak = samples[0..<count].reduce(0) { max($0, abs(Int($1))) }
                let rms = 32_768 * Elementary.amplitude(decibels: -Double(level & 0x7F))
                expect(Double(peak) <= 5 * rms + 1, "peak \(peak) of \(rms)")
            }
        }
    }

    /// G.711 both ways: a code that is decoded and encoded again is itself (ITU-T G.711).
    static let g711 = FuzzTarget(name: "g711", maximumInput: 512) { bytes in
        var samples = [Int16](repeating: 0, count: bytes.count)
        var codes = [UInt8](repeating: 0, count: bytes.count)
        for codec in [AudioCodec.pcmu, .pcma] {
            guard var decoder = try? AudioDecoder(codec), var encoder = try? AudioEncoder(codec)
            else { return expect(false, "no codec") }
            let decoded = samples.withUnsafeMutableBufferPointer { decoder.decode(bytes, into: $0) }
            let encoded = samples.withUnsafeBufferPointer { source in
                codes.withUnsafeMutableBytes { encoder.encode(source, into: $0) }
            }
            expect(decoded == bytes.count && encoded == bytes.count, "count")
            for (index, byte) in bytes.enumerated() {
                // µ-law has two codes for zero.
                let isZero = codec == .pcmu && byte == 0x7F && codes[index] == 0xFF
                expect(codes[index] == byte || isZero, "\(byte) became \(codes[index])")
            }
            let half = samples.withUnsafeMutableBufferPointer {
                decoder.decode(
                    bytes, into: UnsafeMutableBufferPointer(rebasing: $0[0..<bytes.count / 2]))
            }
            expect(half == bytes.count / 2, "more than fits")
        }
    }
}
