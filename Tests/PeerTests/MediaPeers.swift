import Audio
import Foundation
import Testing

/// Real telephones and relays of tools/peers, and what they need.
enum MediaPeer {
    static let baresip = "/usr/bin/baresip"
    static let rtpengine = "/usr/bin/rtpengine"
    /// Where tools/peers/setup puts PJSIP's Python module.
    static let pjsipPython = Place.root + "/var/peers/venv/bin/python"
    /// Where tools/quality/setup puts PESQ.
    static let pesqPython = Place.root + "/var/quality/venv/bin/python"

    static func isThere(_ path: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: path)
    }

    static func script(_ name: String) -> String { Place.root + "/tools/peers/" + name }
}

/// Four seconds of a recorded voice (a prompt that tools/setup installs), at the rate a peer wants.
enum Voice {
    static let path =
        "/usr/share/asterisk/sounds/en_US_f_Allison/confbridge-begin-glorious-b.wav"

    static func samples() throws -> [Int16] { try Sound.samples(path) }

    /// Written into `directory` at `rate` Hz.
    static func file(in directory: String, rate: Int) throws -> String {
        let path = "\(directory)/voice-\(rate).wav"
        let voice = try samples()
        let samples = rate == 8000 ? voice : try Resampler.convert(voice, from: 8000, to: rate)
        let wav = WAVFile(sampleRate: rate, samples: samples)
        try Data(wav.serialised).write(to: URL(fileURLWithPath: path))
        return path
    }
}

/// How near a recording comes to what was said.
struct Likeness: CustomStringConvertible {
    /// Correlation of each half second of voice with the best place for it in the recording.
    var parts: [Double] = []
    /// Where the parts lie, relative to the first, samples of 8 kHz.
    var shifts: [Int] = []

    /// Correlation of the worst part; of the two on either side of a forgiven step the better counts.
    func worst(steps: Int = 0) -> Double {
        var parts = parts
        for index in stepped.prefix(steps).reversed() {
            parts.remove(at: parts[index] < parts[index - 1] ? index : index - 1)
        }
        return parts.min() ?? 0
    }

    /// Parts that lie further than 10 ms from the first: audio was lost, repeated or stretched. The first
    /// `steps` of a packet of 20 ms or a few, which an adaptive jitter buffer plays twice or leaves
    /// out, are forgiven.
    func displaced(steps: Int = 0) -> Int {
        var shifts = shifts
        for index in stepped.prefix(steps) {
            let step = shifts[index] - shifts[index - 1]
            for later in index..<shifts.count { shifts[later] -= step }
        }
        return shifts.count { abs($0 - (shifts.first ?? 0)) > 80 }
    }

    /// Parts that lie one packet, or a few, from where the one before says.
    private var stepped: [Int] {
        shifts.indices.dropFirst().filter {
            let step = abs(shifts[$0] - shifts[$0 - 1])
            return step > 80 && abs(step - (step + 80) / 160 * 160) <= 8
        }
    }

    var description: String {
        "correlation \(parts.map { ($0 * 1000).rounded() / 1000 }), shifts \(shifts)"
    }

    static let part = 4000

    init(heard: [Int16], said: [Int16]) {
        // A recording may begin a packet or two after the voice did.
        let heard = [Int16](repeating: 0, count: 800) + heard
        guard let from = Sound.onset(heard, threshold: 400),
            let start = Sound.onset(said, threshold: 400)
        else { return }
        var place = from - start
        var reach = 1200
        for begin in stride(from: 0, to: said.count - Self.part, by: Self.part) {
            let piece = said[begin..<begin + Self.part].map(Float.init)
            let energy = piece.reduce(0) { $0 + $1 * $1 }
            // Half seconds of silence are like anything.
            guard (energy / Float(Self.part)).squareRoot() > 300 else { continue }
            var best = (likeness: Float(-1), lag: 0)
            for lag in -reach...reach {
                let at = begin + place + lag
                guard at >= 0, at + Self.part <= heard.count else { continue }
                let likeness = heard[at..<at + Self.part].withUnsafeBufferPointer {
                    Self.correlation($0, piece, energy)
                }
                if likeness > best.likeness { best = (likeness, lag) }
            }
            place += best.lag
            parts.append(Double(best.likeness))
            shifts.append(place)
            reach = 200
        }
    }

    private static func correlation(
        _ heard: UnsafeBufferPointer<Int16>, _ piece: [Float], _ energy: Float
    ) -> Float {
        piece.withUnsafeBufferPointer { piece in
            var product: Float = 0
            var power: Float = 0
            var index = 0
            while index < piece.count {
                let x = Float(heard[index])
                product += x * piece[index]
                power += x * x
                index += 1
            }
            return power > 0 ? product / (power * energy).squareRoot() : 0
        }
    }
}

extension Sound {
    /// One channel of a file at 8 kHz.
    static func narrow(_ path: String, channel: Int = 0) throws -> [Int16] {
        let wav = try WAVFile(parsing: [UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
        return try wav.channel(channel, at: 8000)
    }

    struct NoScore: Error {
        let output: String
    }

    /// PESQ (ITU-T P.862) of a recording against what was said; nil without tools/quality's venv. With
    /// it, a score that does not come is an error: a test that asked for one must not pass without.
    static func pesq(_ heard: [Int16], _ directory: String) async throws -> Double? {
        guard MediaPeer.isThere(MediaPeer.pesqPython) else { return nil }
        let path = "\(directory)/heard-\(UUID().uuidString.prefix(6)).wav"
        let wav = WAVFile(sampleRate: 8000, samples: heard)
        try Data(wav.serialised).write(to: URL(fileURLWithPath: path))
        let run = try await runToEnd(
            MediaPeer.pesqPython, [Place.root + "/tools/quality/score.py", Voice.path, path])
        guard run.code == 0,
            let score = JSON(line: run.output.split(separator: "\n").last ?? "")["pesq"].double
        else { throw NoScore(output: run.output) }
        return score
    }

    /// Wherein a recording is not what was said, by correlation, by place, and by PESQ where it is
    /// installed. `steps` jumps of a packet are forgiven: of a telephone whose jitter buffer adapts.
    static func voiceFaults(
        _ heard: [Int16], _ who: String, _ directory: String, correlation: Double, pesq: Double,
        steps: Int = 0
    ) async throws -> [String] {
        let likeness = Likeness(heard: heard, said: try Voice.samples())
        var faults: [String] = []
        if likeness.parts.count < 6 { faults.append("\(who): too short: \(likeness)") }
        if likeness.worst(steps: steps) <= correlation {
            faults.append("\(who): something else: \(likeness)")
        }
        if likeness.displaced(steps: steps) > 0 { faults.append("\(who): displaced: \(likeness)") }
        if let score = try await Self.pesq(heard, directory), score <= pesq {
            faults.append("\(who): PESQ \(score)")
        }
        return faults
    }

    /// Makes the same call until what was heard had no fault, three times at most. A machine that stops
    /// a process for 30 ms makes a telephone's jitter buffer jump, now and then; what we do wrong we do
    /// in every call.
    static func inOneOfThreeCalls(
        _ location: SourceLocation = #_sourceLocation, _ call: () async throws -> [String]
    ) async throws {
        var faults: [String] = []
        for _ in 1...3 {
            faults = try await call()
            if faults.isEmpty { return }
        }
        Issue.record("in three calls, and the last: \(faults)", sourceLocation: location)
    }
}
