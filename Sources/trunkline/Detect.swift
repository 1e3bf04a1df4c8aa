internal import ArgumentParser
internal import Detection
internal import Foundation
internal import Orchestrator
internal import Synchronization

/// `trunkline detect`: the detection chain of a live leg over recordings; sample 0 is the answer.
struct Detect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the detectors over WAV or PCAP files.",
        discussion: """
            Prints one JSON object a line for each event. WAV: any rate, PCM of 8 to 32 bits, floating \
            point, µ-law or A-law. PCAP: each RTP stream with PCMU or PCMA, by its SSRC.
            --list and --jobs are for many files: lines come in the order of the files, whatever \
            the number of jobs.
            """)

    /// Names that `--list` may hold: two million short clips are no use of this command.
    static let listLimit = 1_000_000
    /// Files that one job takes before lines are printed: what a batch holds in memory.
    static let filesAJob = 8

    @Argument(help: "WAV or PCAP files.")
    var files: [String] = []
    @Option(help: "File with more names, one a line; - is standard input.")
    var list: String?
    @Option(help: "Files to work on at the same time.")
    var jobs = 1
    @Flag(help: "Print JSON lines (the default; accepted for clarity).")
    var json = false
    @Flag(name: .customLong("vad-trace"), help: "Print the voice score of each 20 ms as well.")
    var vadTrace = false
    @Flag(help: "Print how much CPU time the detectors took for each stream.")
    var cost = false
    @Option(
        name: .customLong("answer-at"),
        help: """
            Milliseconds of early media before the answer; times count from the answer, negative before it.
            """)
    var answerAt = 0
    @Option(help: "Channel of a WAV file that has several, from 0.")
    var channel = 0
    @Option(help: "How soon it is said who answered: fast, balanced or careful.")
    var policy = "balanced"
    @Option(
        name: .customLong("endpointing-score"),
        help: "Voice score (0.1 to 0.95) at which speech_start comes; down to 0.25 less it goes on."
    )
    var endpointingScore = 0.6
    @Option(
        name: .customLong("endpointing-silence"),
        help: "Milliseconds (60 to 5000) without speech after which speech_end comes.")
    var endpointingSilence = 240
    @Option(
        help: """
            File of JSON lines {"file","t_ms","text"}: what a speech recogniser knew of that file at \
            that time after the answer, as a second source of verdicts.
            """)
    var transcripts: String?
    @Option(
        help:
            "Write a page (NAME.html) or a picture (NAME.png) with spectrogram, voice score and events."
    )
    var plot: String?

    func validate() throws {
        if files.isEmpty, list == nil {
            throw ValidationError("name at least one WAV or PCAP file, or a --list of them")
        }
        if !(1...256).contains(jobs) { throw ValidationError("--jobs is from 1 to 256") }
        if !(0...600_000).contains(answerAt) {
            throw ValidationError("--answer-at is from 0 to 600000 ms")
        }
        if channel < 0 { throw ValidationError("--channel is from 0") }
        if let plot, !plot.lowercased().hasSuffix(".html"), !plot.lowercased().hasSuffix(".png") {
            throw ValidationError(
                "--plot writes a page or a picture: give it a name that ends with .html or .png")
        }
    }

    func run() throws {
        try exiting { try detect() }
    }

    private func rules() throws -> DetectionPolicy {
        var rules = try DetectionKeys.answerPolicy("--policy", policy)
        try DetectionKeys.begin(
            &rules.endpointing, "--endpointing-score", atScore: endpointingScore)
        rules.endpointing.hangoverMs = try DetectionKeys.milliseconds(
            "--endpointing-silence", endpointingSilence, 60...5000)
        return rules
    }

    private func detect() throws {
        let names = files + (try listed())
        let recording = Recording(
            vadTrace: vadTrace || plot != nil, cost: cost, answerAtMs: answerAt, channel: channel,
            policy: try rules(),
            transcripts: try transcripts.map(Self.understood) ?? [:])
        let isPicture = plot?.lowercased().hasSuffix(".png") == true
        var page = plot == nil || isPicture ? nil : DetectionPage()
        var picture = isPicture ? DetectionPicture() : nil
        var failed = false
        let batch = jobs * Self.filesAJob
        for start in stride(from: 0, to: names.count, by: batch) {
            let part = Array(names[start..<min(start + batch, names.count)])
            for (name, result) in zip(part, heard(part, recording)) {
                switch result {
                case .heard(let streams):
                    for stream in streams {
                        for note in stream.notes { Console.error("\(name): \(note)") }
                        if stream.secondsCut > 0 {
                            Console.error(
                                "\(name), stream \(stream.stream): pauses of more than 60 s were cut by "
                                    + "\(stream.secondsCut) s in all; times behind them are so much earlier"
                            )
                        }
                        page?.add(stream)
                        picture?.add(stream)
                        for line in stream.lines(vadTrace: vadTrace) { Console.line(line) }
                    }
                case .failed(let reason):
                    Console.error("\(name): \(reason)")
                    failed = true
                }
            }
        }
        if let plot, let page { try page.write(to: plot) }
        if let plot, let picture {
            if picture.leftOut > 0 {
                Console.error("\(plot): \(picture.leftOut) more streams were left out")
            }
            try picture.write(to: plot)
        }
        if failed { throw ExitCode.failure }
    }

    /// One result a name, in their order.
    private func heard(_ names: [String], _ recording: Recording) -> [Hearing] {
        if jobs == 1 { return names.map { Hearing(of: $0, by: recording) } }
        let next = Atomic(0)
        let results = Mutex([Hearing](repeating: .failed("was not heard"), count: names.count))
        DispatchQueue.concurrentPerform(iterations: jobs) { _ in
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < names.count else { return }
                let hearing = Hearing(of: names[index], by: recording)
                results.withLock { $0[index] = hearing }
            }
        }
        return results.withLock { $0 }
    }

    private struct Line: Decodable {
        var file: String
        var t_ms: Double
        var text: String
    }

    /// What a file of transcripts says, by the name of the recording, in order of time.
    static func understood(
        in transcripts: String
    ) throws -> [String: [FileDetection.Transcript]] {
        guard let data = FileManager.default.contents(atPath: transcripts),
            let text = String(data: data, encoding: .utf8)
        else {
            throw PlatformConfiguration.Invalid(
                "\(transcripts) cannot be read as text: correct the path or permissions")
        }
        var found: [String: [FileDetection.Transcript]] = [:]
        for (index, line) in text.split(whereSeparator: \.isNewline).enumerated() {
            guard let read = try? JSONDecoder().decode(Line.self, from: Data(line.utf8)) else {
                throw PlatformConfiguration.Invalid(
                    "\(transcripts), line \(index + 1): give an object with file, t_ms and text")
            }
            guard (0...Double(FileDetection.longestMs)).contains(read.t_ms) else {
                throw PlatformConfiguration.Invalid(
                    "\(transcripts), line \(index + 1): t_ms is from 0 to \(FileDetection.longestMs)"
                )
            }
            found[read.file, default: []].append(
                .init(atMs: Int(read.t_ms.rounded()), text: read.text))
        }
        return found.mapValues { $0.sorted { $0.atMs < $1.atMs } }
    }

    private func listed() throws -> [String] {
        guard let list else { return [] }
        let data =
            list == "-"
            ? FileHandle.standardInput.readDataToEndOfFile()
            : FileManager.default.contents(atPath: list)
        guard let data, let text = String(data: data, encoding: .utf8) else {
            throw PlatformConfiguration.Invalid(
                "\(list) cannot be read as text: correct the path or permissions")
        }
        let names = text.split(whereSeparator: \.isNewline).map(String.init)
        guard names.count <= Self.listLimit else {
            throw PlatformConfiguration.Invalid(
                "\(list) has more than \(Self.listLimit) names: split it")
        }
        return names
    }
}

/// What became of one file.
private enum Hearing: Sendable {
    case heard([HeardStream])
    case failed(String)

    init(of file: String, by recording: Recording) {
        do { self = .heard(try recording.hear(file)) } catch {
            self = .failed(String(describing: error))
        }
    }
}
