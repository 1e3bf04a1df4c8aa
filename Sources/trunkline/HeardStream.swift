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
    /// Of a capture's pauses, what was left out (`CaptureTimes`).
    var secondsCut = 0
    /// What its file lacks, a sentence each.
    var notes: [String] = []
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
    /// Audio of a file: the times of a capture's packets, and a low rate in a WAV's header, can make it as
    /// long as they like.
    static let audioLimit = Interval.seconds(12 * 3600)

    var vadTrace = false
    var cost = false
    var answerAtMs = 0
    /// Of a WAV file, from 0.
    var channel = 0
    var policy = DetectionPolicy.balanced
    /// Longer files are refused.
    var longest = Recording.audioLimit
    /// By the name of the file, in order of time.
    var transcripts: [String: [FileDetection.Transcript]] = [:]

    /// All of a file that is not too large.
    ///
    /// - Throws: `PlatformConfiguration.Invalid`, whose text goes behind the file's name.
    static func bytes(of file: String) throws -> [UInt8] {
        // A folder can be opened, and not read.
        let handle = FileHandle(forReadingAtPath: file)
        defer { try? handle?.close() }
        guard let handle, let data = try? handle.read(upToCount: fileLimit + 1) ?? Data() else {
            throw PlatformConfiguration.Invalid("cannot be read: correct the path or permissions")
        }
        guard data.count <= fileLimit else {
            throw PlatformConfiguration.Invalid("is larger than \(fileLimit) bytes: split it")
        }
        if data.isEmpty { throw PlatformConfiguration.Invalid("is empty") }
        return [UInt8](data)
    }

    /// What is said of a capture that was cut.
    static let cutNote = "the capture ends within a packet; what comes before it is used"

    /// Every stream of a WAV or capture with the detectors' findings.
    ///
    /// - Throws: `PlatformConfiguration.Invalid`, `WAVError` or `AudioError`, saying why not.
    func hear(_ file: String) throws -> [HeardStream] {
        let bytes = try Self.bytes(of: file)
        if WAVFile.isBegun(by: bytes) {
            let wav = try WAVFile(parsing: bytes)
            guard channel < wav.channels else {
                throw PlatformConfiguration.Invalid(
                    "has no channel \(channel): --channel is from 0 to \(wav.channels - 1)")
            }
            guard wav.frameCount > 0 else { throw PlatformConfiguration.Invalid("has no samples") }
            try refuseLonger(.milliseconds(Int64(wav.durationMilliseconds)))
            return [
                try hear(
                    wav.channel(channel, at: 8000), file: file, stream: String(channel), digits: [])
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
        let length = streams.reduce(Interval.zero) { $0 + CaptureTimes($1).length }
        try refuseLonger(length)
        for stream in streams {
            guard let audio = CaptureAudio(stream, in: capture) else { continue }
            heard.append(
                try hear(
                    audio.samples, file: file,
                    stream: "0x" + Hex.encode(bigEndian(stream.ssrc)), digits: audio.digits))
            heard[heard.count - 1].secondsCut = audio.secondsCut
        }
        if heard.isEmpty {
            var why =
                "has no RTP stream with PCMU or PCMA audio (\(streams.count) RTP streams seen)"
            if capture.skipped > 0 {
                why +=
                    "; \(capture.skipped) packets that are no whole UDP were left out: where a snap "
                    + "length has cut them, capture with `tcpdump -s 0`"
            }
            throw PlatformConfiguration.Invalid(why)
        }
        // Once a file.
        if capture.isTruncated { heard[0].notes.append(Self.cutNote) }
        return heard
    }

    private func refuseLonger(_ length: Interval) throws {
        guard length > longest else { return }
        throw PlatformConfiguration.Invalid(
            "has \(length.milliseconds / 3_600_000) h of audio, more than "
                + "\(longest.milliseconds / 3_600_000): split it")
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
        let digits = digits.map { $0.moved(byMs: -answerAtMs) }
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
        return HeardStream(
            file: file, stream: stream, samples: samples, found: found,
            answerAtMs: answerAtMs, costMicroseconds: spent)
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
