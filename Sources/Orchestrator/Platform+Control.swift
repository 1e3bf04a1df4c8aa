internal import Audio
public import CallModel
internal import Media

/// Playing, holding, recording and linking the media of live calls and bare legs.
extension Platform {
    /// Returns the id of the playback. `path` is a WAV file below an allowed directory.
    public func play(
        path: String, on party: MediaParty, loop: Bool, mix: Bool
    ) async throws -> Int {
        let clip = try files.clip(path, field: "path")
        return try await center.play(clip, on: party, loop: loop, mix: mix)
    }

    /// `url` of a WAV file, fetched first; the call is found before that, too.
    public func play(
        url: String, on party: MediaParty, loop: Bool, mix: Bool
    ) async throws -> Int {
        try await center.check(party)
        let clip = try await fetcher.clip(url, field: "url")
        return try await center.play(clip, on: party, loop: loop, mix: mix)
    }

    /// Ends the party's clip: `play_finished` says it was not completed. No error without a clip.
    public func stopPlaying(_ party: MediaParty) async throws {
        try await center.stopPlaying(party)
    }

    /// What a speech recogniser has understood of the far end since the answer; a second source for
    /// who answered. Ignored once that is final.
    public func hear(transcript: String, on party: MediaParty) async throws {
        try await center.hear(transcript: transcript, on: party)
    }

    /// - Parameters:
    ///   - digits: 1 to 32 of 0-9 * # A-D.
    ///   - milliseconds: 40…5000 each.
    public func sendDigits(
        _ digits: String, milliseconds: Int, on party: MediaParty
    ) async throws {
        guard (1...CallCenter.digitLimit).contains(digits.count),
            digits.allSatisfy({ DTMF.frequencies(of: $0) != nil })
        else {
            throw PlatformError.invalid(
                "digits", "digits must be 1 to \(CallCenter.digitLimit) of 0-9, *, #, A-D")
        }
        try await center.sendDigits(digits, milliseconds: milliseconds, on: party)
    }

    /// - Parameter path: of a new file below an allowed directory.
    public func startRecording(_ party: MediaParty, path: String) async throws {
        try await center.record(party, to: try files.newRecording(path, field: "path"))
    }

    /// Ends the recording; an event `recording_finished` names the file when it is complete.
    ///
    /// - Throws: `PlatformError` 404 for a party that is not there, 409 when it is not recorded.
    public func stopRecording(_ party: MediaParty) async throws {
        try await center.record(party, to: nil)
    }

    /// - Parameter music: a WAV file, looped; nil: silence.
    public func hold(_ party: MediaParty, music: String?) async throws {
        let clip = try music.map { path throws(PlatformError) in
            try files.clip(path, field: "music")
        }
        try await center.hold(party, music: clip)
    }

    /// Ends a hold: the far end hears again what it would have heard.
    public func resume(_ party: MediaParty) async throws { try await center.resume(party) }

    /// Of all calls and bare legs.
    public func links() async -> [LiveLink] { await center.liveLinks }
    /// nil when it has ended or never was.
    public func link(_ id: LinkID) async -> LiveLink? { await center.link(id) }
    /// One link: one party's audio to the other. A bridge is two.
    ///
    /// - Throws: `PlatformError` 404 for a party that is not there, 409 for one that cannot speak
    ///   or is not answered, or at the engine's limit of links.
    public func connect(_ request: LinkRequest) async throws -> LiveLink {
        try await center.connect(request)
    }
    /// False when there is no such link (any more).
    public func disconnect(_ id: LinkID) async -> Bool { await center.disconnect(id) }
    /// nil leaves that as it is; the gain is in dB. False when there is no such link.
    public func change(_ id: LinkID, gainDecibels: Double?, isMuted: Bool?) async -> Bool {
        await center.change(id, gainDecibels: gainDecibels, isMuted: isMuted)
    }
    /// Lets both hear each other by two links; a call then ends with its last partner.
    ///
    /// - Parameter digits: send digits that one receives on to the other (RFC 4733).
    /// - Parameter keepsBot: bots and clips of the two go on; else they end.
    /// - Throws: as `connect`.
    public func bridge(
        _ party: MediaParty, with other: MediaParty, digits: Bool, keepsBot: Bool
    ) async throws -> [LiveLink] {
        try await center.bridge(party, with: other, digits: digits, keepsBot: keepsBot)
    }
    /// Makes the links that are still missing for `kind`, and returns those.
    ///
    /// - Throws: as `connect`.
    public func supervise(
        _ party: MediaParty, by supervisor: MediaParty, _ kind: Supervision
    ) async throws -> [LiveLink] {
        try await center.supervise(party, by: supervisor, kind)
    }
}
