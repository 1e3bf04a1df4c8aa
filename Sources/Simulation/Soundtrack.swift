internal import Audio
internal import Base

/// What a callee is heard to say, put together piece by piece; 8 kHz. `milliseconds` before a piece
/// is added is where that piece begins.
public struct Soundtrack: Sendable, Equatable {
    /// 16-bit, 8000 a second.
    public private(set) var samples: [Int16] = []

    /// Nothing yet.
    public init() {}

    /// Length so far, cut to whole milliseconds.
    public var milliseconds: Int { samples.count / 8 }

    /// Digital silence; nothing for a negative length.
    public mutating func silence(_ milliseconds: Int) {
        samples += [Int16](repeating: 0, count: max(0, milliseconds) * 8)
    }

    /// Samples of 8 kHz, as they are.
    public mutating func append(_ other: [Int16]) { samples += other }

    /// Each frequency at `levelDBm0`, with edges of 4 ms.
    public mutating func tone(
        _ frequencies: [Double], milliseconds: Int, levelDBm0: Double = -15
    ) {
        var generator = ToneGenerator(frequencies: frequencies, levelDBm0: levelDBm0)
        var part = generator.next(max(0, milliseconds) * 8)
        let edge = min(32, part.count / 2)
        for index in 0..<edge {
            part[index] = Int16(Int(part[index]) * index / 32)
            let end = part.count - 1 - index
            part[end] = Int16(Int(part[end]) * index / 32)
        }
        samples += part
    }

    /// North American ringback (440 + 480 Hz, 2 s on, 4 s off).
    public mutating func ringback(cycles: Int) {
        for _ in 0..<max(0, cycles) {
            tone([440, 480], milliseconds: 2000, levelDBm0: -19)
            silence(4000)
        }
    }

    /// `SyntheticSpeech` of that seed at `levelDBm0` (RMS).
    public mutating func speech(
        _ milliseconds: Int, seed: UInt64, levelDBm0: Double = -18
    ) {
        var speech = SyntheticSpeech(seed: seed)
        samples += speech.talk(milliseconds: milliseconds, levelDBm0: levelDBm0)
    }

    /// A mailbox: a greeting of `greeting` ms, `pause` ms, a 1000 Hz tone of `beep` ms, then it
    /// listens. Returns where the tone begins and ends.
    public static func mailbox(
        greeting: Int, pause: Int, beep: Int, seed: UInt64
    ) -> (track: Soundtrack, beep: ClosedRange<Int>) {
        var track = Soundtrack()
        track.silence(300)
        track.speech(greeting, seed: seed)
        track.silence(pause)
        let start = track.milliseconds
        track.tone([1000], milliseconds: beep)
        return (track, start...track.milliseconds)
    }

    /// A person: a word of greeting after a moment, then waiting for an answer.
    public static func hello(seed: UInt64) -> Soundtrack {
        var track = Soundtrack()
        track.silence(400)
        track.speech(700, seed: seed)
        return track
    }

    /// µ-law code words drawn at random, of which no two frames are alike: tells exactly which frame
    /// was heard where.
    public static func fingerprint(frames: Int, seed: UInt64) -> Soundtrack {
        var random = SeededGenerator(seed: seed)
        var track = Soundtrack()
        track.samples.reserveCapacity(frames * 160)
        for _ in 0..<frames * 160 {
            let code = UInt8(truncatingIfNeeded: random.next())
            // Both zeros of µ-law decode to 0; one is enough.
            track.samples.append(G711.sample(muLaw: code == 0x7F ? 0xFF : code))
        }
        return track
    }
}
