internal import ArgumentParser
internal import Audio
internal import Base
internal import Detection
internal import Foundation
internal import Orchestrator
internal import RTP

/// `trunkline detect`: the detection chain of a live leg over recordings; sample 0 is the answer.
struct Detect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the detectors over WAV or PCAP files.",
        discussion: """
            Prints one JSON object a line for each event. WAV: 8 or 16 kHz, 16-bit, µ-law or \
            A-law, channel 0 of stereo. PCAP: each RTP stream with PCMU or PCMA, by its SSRC.
            """)

    /// Bytes of a file that will be read: two hours of 16 kHz stereo.
    static let fileLimit = 500 << 20

    @Argument(help: "WAV or PCAP files.")
    var files: [String]
    @Flag(help: "Print JSON lines (the default; accepted for clarity).")
    var json = false
    @Flag(name: .customLong("vad-trace"), help: "Print the voice score of each 20 ms as well.")
    var vadTrace = false

    func validate() throws {
        if files.isEmpty { throw ValidationError("name at least one WAV or PCAP file") }
    }

    func run() throws {
        var failed = false
        for file in files {
            do {
                try detect(file)
            } catch {
                Console.error("\(file): \(error)")
                failed = true
            }
        }
        if failed { throw ExitCode.failure }
    }

    private func detect(_ file: String) throws {
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw PlatformConfiguration.Invalid("cannot be read: correct the path or permissions")
        }
        defer { try? handle.close() }
        let data = try handle.read(upToCount: Self.fileLimit + 1) ?? Data()
        guard data.count <= Self.fileLimit else {
            throw PlatformConfiguration.Invalid("is larger than \(Self.fileLimit) bytes: split it")
        }
        let bytes = [UInt8](data)
        if bytes.starts(with: Array("RIFF".utf8)) {
            let wav = try WAVFile(parsing: bytes)
            try report(
                samples: wav.channel(0), rate: wav.sampleRate, file: file, stream: "0", digits: [])
            return
        }
        let capture: PcapFile
        do { capture = try PcapFile(parsing: bytes) } catch {
            throw PlatformConfiguration.Invalid(
                "is neither a WAV nor a classic pcap file (\(error)): convert it, for example with "
                    + "`sox` or `editcap -F pcap`")
        }
        let streams = capture.rtpStreams()
        var heard = 0
        for stream in streams {
            guard let audio = CaptureAudio(stream, in: capture) else { continue }
            heard += 1
            try report(
                samples: audio.samples, rate: 8000, file: file,
                stream: "0x" + Hex.encode(bigEndian(stream.ssrc)), digits: audio.digits)
        }
        if heard == 0 {
            throw PlatformConfiguration.Invalid(
                "has no RTP stream with PCMU or PCMA audio (\(streams.count) RTP streams seen)")
        }
    }

    private func report(
        samples: [Int16], rate: Int, file: String, stream: String, digits: [DetectionEvent]
    ) throws {
        var found = try FileDetection.run(samples: samples, sampleRate: rate, vadTrace: vadTrace)
        // A digit that came as telephone-event replaces its remnant in the audio.
        found.events.removeAll { event in
            guard case .dtmf(let digit, let start, _) = event else { return false }
            return digits.contains { other in
                guard case .dtmf(digit, let otherStart, _) = other else { return false }
                return abs(otherStart - start) < 600
            }
        }
        found.events = (found.events + digits).enumerated().sorted {
            ($0.element.milliseconds, $0.offset) < ($1.element.milliseconds, $1.offset)
        }.map(\.element)
        for line in found.jsonLines(file: file, stream: stream) { Console.line(line) }
    }

    private func bigEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
    }
}
