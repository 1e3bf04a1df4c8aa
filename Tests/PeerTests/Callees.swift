import Audio
import Foundation

/// The callees' sound, made once a test run, and the truth about it.
enum CalleeAudio {
    static let directory: String = {
        let path = Place.run + "callees"
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Place.python)
        process.arguments = [Place.root + "/tools/make-callee-audio.py", path]
        process.standardOutput = FileHandle.nullDevice
        try? process.run()
        process.waitUntilExit()
        return path
    }()

    static func truth(_ name: String) throws -> JSON {
        let data = try Data(contentsOf: URL(fileURLWithPath: directory + "/truth.json"))
        return JSON(try JSONSerialization.jsonObject(with: data))[name]
    }
}

/// tools/callee.py as the trunk: measures what it hears.
struct MeasuringTrunk {
    let port: Int
    let heard: String
    let child: Child

    init(_ directory: String, table: String? = nil) async throws {
        port = try freePort()
        heard = directory + "/heard"
        let base = try TestPorts.callees.take()
        var arguments = [
            Place.root + "/tools/callee.py", "--port", "\(port)", "--media-port-base", "\(base)",
            "--audio", CalleeAudio.directory, "--record", heard,
        ]
        if let table { arguments += ["--table", table] }
        child = try Child("callees", Place.python, arguments, log: directory)
        let running = child
        try await eventually("the callees to listen", within: 10) {
            running.output.contains("\(port)") || !running.isRunning
        }
    }

    /// The one call to a number that ends in `ending`, once its files are written: the callee does
    /// that when the call is over for it, which may be after the caller's record is there.
    func call(to ending: String) async throws -> String {
        try await eventually("the callee's files of …\(ending)", within: 10) {
            calls(to: ending).first.map {
                FileManager.default.fileExists(atPath: $0 + ".wav")
            } ?? false
        }
        guard let path = calls(to: ending).first else { throw PeerFailure("no call") }
        return path
    }

    /// Paths without extension of the calls to numbers that end in `ending`.
    func calls(to ending: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: heard)) ?? []
        return names.filter { $0.hasSuffix("\(ending).jsonl") }.sorted()
            .map { heard + "/" + $0.dropLast(6) }
    }
}

/// tools/demo-bot.py on a port of its own.
struct DemoBot {
    let url: String
    let log: String
    let child: Child

    init(_ directory: String, _ extra: [String]) async throws {
        let port = try freePort()
        url = "ws://127.0.0.1:\(port)/"
        log = directory + "/bot.jsonl"
        child = try Child(
            "bot", Place.python,
            [Place.root + "/tools/demo-bot.py", "--port", "\(port)", "--log", log] + extra,
            log: directory)
        let path = log
        try await eventually("the bot to listen", within: 10) {
            JSON.lines(of: path).contains { $0["event"].string == "listening" }
        }
    }

    var events: [JSON] { JSON.lines(of: log) }
}

enum Sound {
    static func samples(_ path: String, channel: Int = 0) throws -> [Int16] {
        let wav = try WAVFile(parsing: [UInt8](Data(contentsOf: URL(fileURLWithPath: path))))
        return wav.channel(channel)
    }

    /// Index of the first sample that is clearly sound.
    static func onset(_ samples: [Int16], threshold: Int = 1000) -> Int? {
        samples.firstIndex { abs(Int($0)) > threshold }
    }

    /// Normalised correlation of the two sounds, laid over each other at their onsets; the best of
    /// the lags within ±`slack` samples.
    static func correlation(_ heard: [Int16], _ said: [Int16], slack: Int = 3) -> Double {
        guard let a = onset(heard), let b = onset(said) else { return 0 }
        var best = 0.0
        for lag in -slack...slack {
            var product = 0.0
            var heardEnergy = 0.0
            var saidEnergy = 0.0
            let count = min(heard.count - a - max(lag, 0), said.count - b)
            guard count > 0, a + lag >= 0 else { continue }
            for index in 0..<count {
                let x = Double(heard[a + lag + index])
                let y = Double(said[b + index])
                product += x * y
                heardEnergy += x * x
                saidEnergy += y * y
            }
            if heardEnergy > 0, saidEnergy > 0 {
                best = max(best, product / (heardEnergy * saidEnergy).squareRoot())
            }
        }
        return best
    }
}
