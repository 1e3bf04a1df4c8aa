public import Audio
internal import Base

/// A whole recording through the same chain as a live leg: what `trunkline detect` prints.
public struct FileDetection: Sendable, Equatable {
    /// Times beyond a day are taken for a day.
    public static let longestMs = 86_400_000

    /// In the order in which they became known, all on the clock that is 0 at the answer: what came
    /// before it is negative.
    public var events: [DetectionEvent]
    /// One score each 20 ms when asked for.
    public var vadTrace: [VADScore]

    /// What a recogniser had understood of everything said since the answer.
    public struct Transcript: Sendable, Equatable {
        /// When it was known, on the clock of the events.
        public var atMs: Int
        /// Everything so far, not only what is new. Read by `AnswerHints`, and not kept.
        public var text: String

        /// A time before the answer counts as the answer's, one beyond a day as a day.
        public init(atMs: Int, text: String) {
            self.atMs = atMs
            self.text = text
        }
    }

    /// Runs `samples` (mono); what lies before `answeredAfterMs` is early media, and the times of
    /// everything count from there. Audio that ends before it has no verdict. Rates other than 8 kHz
    /// are resampled. `transcripts` in order of time are hints as of a live leg; those that come after
    /// the audio are left out.
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
        var found = FileDetection(events: [], vadTrace: [])
        let answerMs = min(max(answeredAfterMs, 0), Self.longestMs)
        let early = min(answerMs * 8, narrow.count)
        let isAnswered = answerMs * 8 <= narrow.count
        narrow.withUnsafeBufferPointer { samples in
            chain.push(UnsafeBufferPointer(rebasing: samples[..<early]), out: &out)
            guard isAnswered else { return }
            // So far the chain has counted from the first sample.
            found.take(&chain, &out, movedByMs: -answerMs)
            chain.answered()
            var place = early
            for transcript in transcripts {
                let known = max(place, early + min(max(transcript.atMs, 0), Self.longestMs) * 8)
                guard known < samples.count else { break }
                chain.push(UnsafeBufferPointer(rebasing: samples[place..<known]), out: &out)
                chain.hint(AnswerHints.verdict(of: transcript.text), out: &out)
                place = known
            }
            chain.push(UnsafeBufferPointer(rebasing: samples[place...]), out: &out)
        }
        chain.finish(out: &out)
        found.take(&chain, &out, movedByMs: isAnswered ? 0 : -answerMs)
        return found
    }

    private mutating func take(
        _ chain: inout DetectorChain, _ out: inout Outbox<DetectionEvent>, movedByMs ms: Int
    ) {
        events += out.takeAll().map { $0.moved(byMs: ms) }
        vadTrace += chain.takeVADTrace().map { VADScore(atMs: $0.atMs + ms, score: $0.score) }
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

extension DetectionEvent {
    /// The same event on a clock that is so much ahead.
    public func moved(byMs ms: Int) -> DetectionEvent {
        switch self {
        case .speechStart(let at): .speechStart(atMs: at + ms)
        case .speechEnd(let at): .speechEnd(atMs: at + ms)
        case .bargeIn(let at): .bargeIn(atMs: at + ms)
        case .interrupter(let speaks, let at): .interrupter(speaks: speaks, atMs: at + ms)
        case .greetingEnd(let at): .greetingEnd(atMs: at + ms)
        case .readyForMessage(let at): .readyForMessage(atMs: at + ms)
        case .beep(let start, let end, let frequency, let level, let known):
            .beep(
                startMs: start + ms, endMs: end + ms, frequencyHz: frequency, levelDBm0: level,
                knownAtMs: known + ms)
        case .tone(let kind, let start, let known, let information):
            .tone(
                kind, startMs: start + ms, knownAtMs: known + ms, information: information)
        case .dtmf(let digit, let start, let known):
            .dtmf(digit, startMs: start + ms, knownAtMs: known + ms)
        case .verdict(let verdict, let final, let confidence, let reason, let at, let evidence):
            .verdict(
                verdict, final: final, confidence: confidence, reason: reason, atMs: at + ms,
                evidence: evidence)
        }
    }
}
