public import Audio
internal import Base
internal import CallModel
internal import RTP

extension MediaLeg {
    /// Links that may lead to a leg, and as many from it. Eight listeners are a conference; more
    /// would make one leg cost what a tick has.
    public static let linkLimit = 8

    /// What `link` brings is said by this leg, added to what else it says. Refused (false) on a leg
    /// that echoes or sends silence only, and above `linkLimit`.
    public mutating func add(input link: LegLink) -> Bool {
        guard options.mode == .normal else { return false }
        return conversation().add(input: link)
    }

    /// Gives `link` what this leg hears or says. Refused (false) above `linkLimit`.
    public mutating func add(output link: LegLink) -> Bool { conversation().add(output: link) }

    /// The far end hears `music` over and over (nil: silence), and nobody linked hears the far end.
    /// Clips and digits still go before it; a bot waits. Detectors, recorder and what the bot hears
    /// go on. Refused (false) on a leg that echoes or sends silence only, and for a rate that no
    /// clip may have.
    public mutating func hold(music: PlaybackClip?) -> Bool {
        guard options.mode == .normal,
            music.map({ Self.clipRates.contains($0.sampleRate) }) ?? true
        else { return false }
        conversation().hold(music.map { ClipPlayback(id: 0, clip: $0, loops: true) })
        return true
    }

    /// Ends `hold`; where there is none nothing happens.
    public mutating func resume() { links?.resume() }

    /// `hold` was called, and `resume` not since.
    public var isHeld: Bool { links?.isHeld ?? false }
    /// Something is linked, on hold, played under the talk or still fading out.
    public var hasLinks: Bool { links != nil }
    /// Of the playout buffer, ms; nil while nobody listens.
    public var playoutDelayMilliseconds: Double? {
        links.flatMap { $0.listens ? $0.delayMilliseconds : nil }
    }

    /// A packet's audio for who listens, in whatever order it came. A codec with state gives its
    /// own later, in order (`LegHearing`).
    func hear(
        _ payload: UnsafeRawBufferPointer, _ header: RTPHeader, _ codec: AudioCodec,
        _ links: LegLinks, _ now: Instant, _ workspace: inout LegWorkspace
    ) {
        guard let count = LegPlayout.decode(payload, codec, into: workspace.samples) else { return }
        // Nothing in it: sent in a pause, for a NAT.
        guard count > 0 else { return links.heardOther(sequence: header.sequence) }
        links.heard(
            UnsafeBufferPointer(rebasing: workspace.samples[0..<count]), codec,
            sequence: header.sequence, timestamp: header.timestamp, now: now)
    }

    /// What leg and links share; made when it is first needed.
    mutating func conversation() -> LegLinks {
        if let links { return links }
        // A clip that plays already goes on as it is.
        let playsClip = sender.clip?.isMixed == false
        let made = LegLinks(
            rate: sampleRate, saying: playsClip ? .clip : .talk, after: sender.lastSample)
        setLinks(made)
        return made
    }

    /// The codec may have changed.
    mutating func followRate() {
        guard let links, links.rate != sampleRate else { return }
        setLinks(LegLinks(from: links, rate: sampleRate))
    }

    /// Before what is said: digits that other legs' far ends pressed.
    mutating func takeLinkedDigits(_ workspace: inout LegWorkspace) {
        while let digit = links?.takeDigit() {
            sendDigit(digit, milliseconds: LegLink.digitMilliseconds, workspace: &workspace)
        }
    }

    /// After what is said.
    mutating func tickLinks(
        now: Instant, _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>
    ) {
        guard let links else { return }
        links.tick(now: now, workspace: &workspace, out: &out)
        if links.isIdle, sender.clip == nil { setLinks(nil) }
    }

    mutating func closeLinks(
        _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>
    ) {
        links?.close(counters: &workspace.counters.links, out: &out)
        setLinks(nil)
    }

    private mutating func setLinks(_ new: LegLinks?) {
        links = new
        hearing.links = new
    }
}
