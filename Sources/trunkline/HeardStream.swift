internal import Audio
internal import Base
internal import Detection
internal import Foundation
internal import Orchestrator
internal import RTP

/// What the detectors heard in one stream of a file.
struct HeardStream: Sendable {
    var file: String
    var stream: String
    /// 8 kHz, as the detectors heard them.
    var samples: [Int16]
    var found: FileDetection
    /// The answer in this stream's time, where times of the events count from.
    var answerAtMs = 0
    /// CPU time of the detectors on this thread; nil when nobody asked.
    var costMicroseconds: Int?

    /// The lines of `trunkline detect`.
    func lines(vadTrace: Bool) -> [String] {
        var shown = found
        if !vadTrace { shown.vadTrace = [] }
        var lines = shown.jsonLines(file: file, stream: stream)
        if let costMicroseconds {
            var writer = JSONWriter(reserving: 128)
            writer.object { writer in
                writer.field("file", file)
                writer.field("stream", stream)
                writer.field("audio_ms", samples.count / 8)
                writer.field("cpu_us", costMicroseconds)
            }
            lines.append(writer.string)
        }
        return lines
    }
}

/// How files are read and heard: the same for each of a run.
struct Recording: Sendable {
    /// Bytes of a file that will be read: two hours of 16 kHz stereo.
    static let fileLimit = 500 << 20

    var vadTrace = false
    var cost = false
    var answerAtMs = 0
    var policy = DetectionPolicy.balanced
    /// By the name of the file, in order of time.
    var transcripts: [String: [FileDetection.Transcript]] = [:]

    /// Every stream of a WAV or capture with the detectors' findings.
    ///
    /// - Throws: `PlatformConfiguration.Invalid`, `WAVError` or `AudioError`, saying why not.
    func hear(_ file: String) throws -> [HeardStream] {
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
            return [
                try hear(
                    Resampler.convert(wav.channel(0), from: wav.sampleRate, to: 8000),
                    file: file, stream: "0", digits: [])
            ]
        }
        let capture: PcapFile
        do { capture = try PcapFile(parsing: bytes) } catch {
            throw PlatformConfiguration.Invalid(
                "is neither a WAV nor a classic pcap file (\(error)): convert it, for example with "
                    + "`sox` or `editcap -F pcap`")
        }
        let streams = capture.rtpStreams()
        var heard: [HeardStream] = []
        for stream in streams {
            guard let audio = CaptureAudio(stream, in: capture) else { continue }
            heard.append(
                try hear(
                    audio.samples, file: file,
                    stream: "0x" + Hex.encode(bigEndian(stream.ssrc)), digits: audio.digits))
        }
        if heard.isEmpty {
            throw PlatformConfiguration.Invalid(
                "has no RTP stream with PCMU or PCMA audio (\(streams.count) RTP streams seen)")
        }
        return heard
    }

    private func hear(
        _ samples: [Int16], file: String, stream: String, digits: [DetectionEvent]
    ) throws -> HeardStream {
        let began = cost ? threadMicroseconds() : 0
        var found = try FileDetection.run(
            samples: samples, vadTrace: vadTrace, policy: policy,
            answeredAfterMs: answerAtMs, transcripts: transcripts[file] ?? [])
        let spent = cost ? threadMicroseconds() - began : nil
        // A digit that came as telephone-event replaces its remnant in the audio.
        found.events.removeAll { event in
            guard case .dtmf(let digit, let start, _) = event else { return false }
            return digits.contains { other in
                guard case .dtmf(digit, let otherStart, _) = other else { return false }
                return abs(otherStart - answerAtMs - start) < 600
            }
        }
        found.events = (found.events + digits.map(sinceAnswer)).enumerated().sorted {
            ($0.element.milliseconds, $0.offset) < ($1.element.milliseconds, $1.offset)
        }.map(\.element)
        return HeardStream(
            file: file, stream: stream, samples: samples, found: found,
            answerAtMs: answerAtMs, costMicroseconds: spent)
    }

    /// A telephone-event on the clock of the other events, which starts at the answer.
    private func sinceAnswer(_ event: DetectionEvent) -> DetectionEvent {
        guard case .dtmf(let digit, let start, let known) = event else { return event }
        return .dtmf(digit, startMs: start - answerAtMs, knownAtMs: known - answerAtMs)
    }

    private func threadMicroseconds() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000 + time.tv_nsec / 1000
    }

    private func bigEndian(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
    }
}
