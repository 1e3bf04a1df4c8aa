public import Audio
internal import Base

/// A whole recording through the same chain as a live leg: what `trunkline detect` prints.
public struct FileDetection: Sendable, Equatable {
    /// In the order in which they became known.
    public var events: [DetectionEvent]
    /// One score each 20 ms when asked for.
    public var vadTrace: [VADScore]

    /// What a recogniser had understood of everything said since the answer.
    public struct Transcript: Sendable, Equatable {
        /// When it was known, on the clock of the events.
        public var atMs: Int
        public var text: String

        public init(atMs: Int, text: String) {
            self.atMs = atMs
            self.text = text
        }
    }

    /// Runs `samples` (mono); what lies before `answeredAfterMs` is early media, and the times of
    /// everything count from there. Rates other than 8 kHz are resampled. `transcripts` in order of time
    /// are hints as of a live leg; those that come after the audio are left out.
    public static func run(
        samples: [Int16], sampleRate: Int = 8000, vadTrace: Bool = false,
        policy: DetectionPolicy = .balanced, answeredAfterMs: Int = 0,
        transcripts: [Transcript] = []
    ) throws(AudioError) -> FileDetection {
        let narrow = try Resampler.convert(
            samples, from: sampleRate, to: DetectorChain.sampleRate)
        var chain = DetectorChain(policy: policy)
        chain.tracesVAD = vadTrace
        chain.expectsTranscript = !transcripts.isEmpty
        var out = Outbox<DetectionEvent>()
        let early = min(max(answeredAfterMs, 0) * 8, narrow.count)
        narrow.withUnsafeBufferPointer { samples in
            chain.push(UnsafeBufferPointer(rebasing: samples[..<early]), out: &out)
            chain.answered()
            var place = early
            for transcript in transcripts {
                let known = max(place, early + min(max(transcript.atMs, 0), 86_400_000) * 8)
                guard known < samples.count else { break }
                chain.push(UnsafeBufferPointer(rebasing: samples[place..<known]), out: &out)
                chain.hint(AnswerHints.verdict(of: transcript.text), out: &out)
                place = known
            }
            chain.push(UnsafeBufferPointer(rebasing: samples[place...]), out: &out)
        }
        chain.finish(out: &out)
        return FileDetection(events: out.takeAll(), vadTrace: chain.takeVADTrace())
    }

    /// The lines that `trunkline detect` prints for one stream of a file: events and, when traced,
    /// scores, in order of time.
    public func jsonLines(file: String, stream: String) -> [String] {
        var lines: [(ms: Int, line: String)] = []
        lines.reserveCapacity(events.count + vadTrace.count)
        var index = 0
        for score in vadTrace {
            while index < events.count, events[index].milliseconds <= score.atMs {
                lines.append(
                    (events[index].milliseconds, events[index].jsonLine(file: file, stream: stream))
                )
                index += 1
            }
            lines.append((score.atMs, score.jsonLine(file: file, stream: stream)))
        }
        for event in events[index...] {
            lines.append((event.milliseconds, event.jsonLine(file: file, stream: stream)))
        }
        return lines.map(\.line)
    }
}
