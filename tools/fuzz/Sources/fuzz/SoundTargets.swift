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

    /// G.711 both ways: a code that is decoded and encoded again is itself (ITU-T G.711).
    static let g711 = FuzzTarget(name: "g711", maximumInput: 512) { bytes in
        var samples = [Int16](repeating: 0, count: bytes.count)
        var codes = [UInt8](repeating: 0, count: bytes.count)
        for codec in [AudioCodec.pcmu, .pcma] {
            let decoded = samples.withUnsafeMutableBufferPointer { codec.decode(bytes, into: $0) }
            let encoded = samples.withUnsafeBufferPointer { source in
                codes.withUnsafeMutableBytes { codec.encode(source, into: $0) }
            }
            expect(decoded == bytes.count && encoded == bytes.count, "count")
            for (index, byte) in bytes.enumerated() {
                // µ-law has two codes for zero.
                let isZero = codec == .pcmu && byte == 0x7F && codes[index] == 0xFF
                expect(codes[index] == byte || isZero, "\(byte) became \(codes[index])")
            }
            let half = samples.withUnsafeMutableBufferPointer {
                codec.decode(
                    bytes, into: UnsafeMutableBufferPointer(rebasing: $0[0..<bytes.count / 2]))
            }
            expect(half == bytes.count / 2, "more than fits")
        }
    }
}
