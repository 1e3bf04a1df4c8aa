internal import Audio
internal import Base
internal import CallModel
internal import Detection
internal import Media

/// What the caller's thread does of a command, so that the worker need not.
extension MediaEngine {
    /// Everything slow or refusable about a command; nil: it is refused.
    func order(_ command: LegCommand, _ leg: LegID) -> LegOrder? {
        switch command {
        case .configure(let remote):
            guard (try? remote.validate()) != nil else { return nil }
            withLinks { $0.setRate(remote.codec.sampleRate, of: leg) }
            noteFarEnd(leg, remote)
            return .configure(remote)
        case .answered: return .answered
        case .expectTranscript(let isExpected): return .expectTranscript(isExpected)
        case .transcript(let text): return .hint(AnswerHints.verdict(of: text))
        case .isVoicemail: return .isVoicemail
        case .play(let id, let clip, let loops, let mixed):
            return converted(clip, for: leg, loops: loops).map {
                .play(id: id, clip: $0, loops: loops, mixed: mixed)
            }
        case .hold(let music):
            guard let music else { return .hold(music: nil) }
            return converted(music, for: leg, loops: true).map { .hold(music: $0) }
        case .resume: return .resume
        case .stopPlaying: return .stopPlaying
        case .attach(let bridge):
            return MediaLeg.bridgeRates.contains(bridge.sampleRate) ? .attach(bridge) : nil
        case .detach: return .detach
        case .sendDTMF(let digit, let ms): return .digit(digit, milliseconds: ms)
        case .startRecording(let path):
            return .record(
                Recording(
                    leg: leg, path: path, folder: configuration.recordingDirectory,
                    expectedRate: sampleRate(of: leg)))
        case .stopRecording: return .stopRecording
        }
    }

    /// As it was last configured, Hz.
    private func sampleRate(of leg: LegID) -> Int { withLinks { $0.rate(of: leg) } }

    /// The clip itself at a rate that legs take, so that all legs which play it share its memory: each
    /// converts it frame by frame where its own rate is another. Else a copy at the leg's rate as far as
    /// that is known. nil when the clip is too long or cannot be converted.
    private func converted(_ clip: PlaybackClip, for leg: LegID, loops: Bool) -> PlaybackClip? {
        guard clip.samples.count * 2 <= Self.clipLimit else { return nil }
        guard !MediaLeg.clipRates.contains(clip.sampleRate) else { return clip }
        return try? Self.converted(clip, to: sampleRate(of: leg), loops: loops)
    }

    /// `loops`: what comes before the clip's beginning is its end, not silence, so that the filter
    /// leaves no edge where it begins anew.
    static func converted(
        _ clip: PlaybackClip, to rate: Int, loops: Bool
    ) throws(AudioError) -> PlaybackClip {
        // 20 ms: far more than the filter's length, and whole samples at every rate.
        let margin = clip.sampleRate / 50
        guard loops, clip.samples.count >= margin else {
            return PlaybackClip(
                samples: try Resampler.convert(clip.samples, from: clip.sampleRate, to: rate),
                sampleRate: rate)
        }
        let around = clip.samples.suffix(margin) + clip.samples + clip.samples.prefix(margin)
        let wide = try Resampler.convert(Array(around), from: clip.sampleRate, to: rate)
        let count = clip.samples.count * rate / clip.sampleRate
        return PlaybackClip(
            samples: Array(wide.dropFirst(rate / 50).prefix(count)), sampleRate: rate)
    }
}
