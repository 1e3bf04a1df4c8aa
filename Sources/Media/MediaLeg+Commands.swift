public import Audio
public import Base
public import CallModel
internal import RTP
internal import SecureRTP

extension RemoteMedia {
    /// Throws what `MediaLeg.configure` would, without a leg.
    public func validate() throws(MediaError) {
        _ = try rtpAddress()
        guard MediaLeg.ptimes.contains(ptimeMilliseconds) else {
            throw .unsupportedPtime(milliseconds: ptimeMilliseconds)
        }
        guard alternatives.count <= MediaLeg.alternativeLimit,
            alternativeEvents.count <= MediaLeg.alternativeLimit
        else { throw .tooManyFormats(limit: MediaLeg.alternativeLimit) }
        for rate in [telephoneEventClockRate] + alternativeEvents.map(\.clockRate)
        where !(8000...192_000).contains(rate) { throw .unsupportedEventRate(rate) }
        if let srtp, !srtp.isUsable { throw .badKeys }
        if let dtls {
            guard srtp == nil, dtls.isUsable else { throw .badKeys }
            if !rtcpMux { _ = try rtcpAddress() }
        }
    }

    /// Every type that digits may come with.
    var eventFormats: [ReceiveEventFormat] {
        guard let type = receiveTelephoneEventPayloadType ?? telephoneEventPayloadType else {
            return alternativeEvents
        }
        return [ReceiveEventFormat(payloadType: type, clockRate: telephoneEventClockRate)]
            + alternativeEvents
    }

    func rtpAddress() throws(MediaError) -> SocketAddressValue {
        guard let value = SocketAddressValue(address: address, port: port),
            value.isUsableDestination
        else { throw .unusableAddress(address, port: port) }
        return value
    }

    func rtcpAddress() throws(MediaError) -> SocketAddressValue {
        guard let value = rtcpDestination, value.isUsableDestination else {
            throw .unusableAddress(rtcpHost ?? address, port: rtcpPort)
        }
        return value
    }

    /// Where RTCP goes without rtcp-mux; nil: that is no port. A host of another family than RTP's,
    /// which our socket does not reach, or that may not get media is passed over.
    public var rtcpDestination: SocketAddressValue? {
        let beside = SocketAddressValue(address: address, port: rtcpPort)
        guard let rtcpHost, let beside,
            let named = SocketAddressValue(address: rtcpHost, port: rtcpPort),
            named.isUsableDestination, named.isIPv6 == beside.isIPv6
        else { return beside }
        return named
    }
}

extension MediaLeg {
    /// The far end's media became known or changed (answer, early media, re-INVITE). On an error
    /// the leg is left as it was.
    public mutating func configure(_ media: RemoteMedia, now: Instant) throws(MediaError) {
        try media.validate()
        let address = try media.rtpAddress()
        try secure(media, now: now)
        try prepareCodec(media)
        let isSameSource =
            remote.map { $0.address == media.address && $0.port == media.port } ?? false
        if !isSameSource {
            receiver.expectsNewSource = true
            srtcpSource = nil
            sender.restart()
            // Whoever is named now has not been silent yet.
            receivesSince = now
            saidTimeout = false
        }
        let reports = media.rtcpDestination
        // Whoever sent SRTCP until now is not whom the description names now.
        if reports != remoteRTCP { srtcpSource = nil }
        source.configure(address, speaksFirst: media.speaksFirst, now: now)
        remoteRTCP = reports
        receiver.eventFormats = media.eventFormats
        if media.receives, !receiver.receives {
            receivesSince = now
            saidTimeout = false
            source.resume(now: now)
            receiver.resume()
            links?.changeSource()
        }
        receiver.receives = media.receives
        sender.payloadType = media.payloadType
        sender.telephoneEventPayloadType = media.telephoneEventPayloadType
        sender.telephoneEventClockRate = media.telephoneEventClockRate
        sender.digits.follow(
            eventClockRate: media.telephoneEventPayloadType == nil
                ? nil : media.telephoneEventClockRate)
        if !media.sends { sender.digits.interrupt() }
        let isResumed = media.sends && !sender.sends
        if isResumed { sender.restart() }
        sender.sends = media.sends
        sender.setComfortNoise(
            payloadType: media.comfortNoisePayloadType, isHeardAnew: isResumed || !isSameSource)
        sender.limitOpus(media.opus)
        sender.setPtime(milliseconds: media.ptimeMilliseconds)
        offersExtendedReports = media.wantsExtendedReports
        remote = media
    }

    /// Encoder now, decoder now or with the first packet of the new codec: what the tap holds is
    /// still of the old one.
    private mutating func prepareCodec(_ media: RemoteMedia) throws(MediaError) {
        do throws(AudioError) {
            try sender.use(media.codec)
            followRate()
            if receiver.stream == nil { try hearing.use(media.codec) }
        } catch {
            throw .unsupportedCodec
        }
        let formats = ReceiveFormats(media)
        receiver.formats = formats
        hearing.formats = formats
        if receiver.stream == nil, receiver.needsChange(for: media.codec) {
            receiver.changeClock(for: media.codec)
        }
    }

    /// The call was answered at `now`: zero of the detectors' clock and of the media timeout.
    public mutating func answered(now: Instant) {
        guard answeredAt == nil else { return }
        answeredAt = now
        source.answered(now: now)
        dtls?.beginAgain(since: now)
        hearing.answered(now: now)
    }

    /// Transcripts will come, or none any more: the detectors wait for them, or do not.
    public mutating func expectTranscript(_ isExpected: Bool) {
        hearing.expectTranscript(isExpected)
    }

    /// What was taken for somebody else is a mailbox, whose message may begin: `ready_for_message` comes
    /// again when it has spoken on.
    public mutating func isVoicemail() { hearing.isVoicemail() }

    /// What a transcript of the far end since the answer says about who answered
    /// (`AnswerHints.verdict(of:)`).
    public mutating func hint(
        _ verdict: AnswerVerdict?, now: Instant, workspace: inout LegWorkspace,
        out: inout Outbox<LegOutput>
    ) {
        hearing.hint(verdict, now: now, workspace: &workspace, out: &out)
    }

    /// Plays a clip of 8 or 16 kHz, instead of what else is said or (`mixed`) under it, once or
    /// (`loops`) until it is stopped. One already playing ends as not completed; a clip at another
    /// rate, or on a leg that only sends silence, is refused in the same way.
    public mutating func play(
        id: Int, clip: PlaybackClip, loops: Bool = false, mixed: Bool = false,
        out: inout Outbox<LegOutput>
    ) {
        stopPlaying(out: &out)
        guard Self.clipRates.contains(clip.sampleRate), options.mode != .silence else {
            out.push(.playFinished(id: id, completed: false))
            return
        }
        if mixed, options.mode == .normal { _ = conversation() }
        sender.clip = ClipPlayback(
            id: id, clip: clip, loops: loops, isMixed: mixed && options.mode == .normal)
    }

    /// Ends the clip as not completed; nothing happens where none plays.
    public mutating func stopPlaying(out: inout Outbox<LegOutput>) {
        guard let id = sender.clip?.id else { return }
        if sender.clip?.isMixed == true { links?.cutClip() }
        sender.clip = nil
        sender.restart()
        out.push(.playFinished(id: id, completed: false))
    }

    /// Joins a bridge, replacing the one before. Refused (false) on a leg that only sends silence
    /// and for a rate other than 8, 16 or 24 kHz.
    public mutating func attach(_ bridge: AudioBridge) -> Bool {
        guard options.mode != .silence else { return false }
        do throws(MediaError) {
            self.bridge = try LegBridge(bridge)
        } catch {
            return false
        }
        return true
    }

    /// Lets go of the bridge without closing it; what it holds unsent stays there.
    public mutating func detach() { bridge = nil }

    /// Queues a digit: RFC 4733 when negotiated, else tones in the audio.
    public mutating func sendDigit(
        _ digit: Character, milliseconds: Int, workspace: inout LegWorkspace
    ) {
        if !sender.digits.add(digit, milliseconds: milliseconds) {
            workspace.counters.digitsRefused += 1
        }
    }

    /// Records into `sink`, interleaved left (received) and right (sent), from `now` on, at the
    /// leg's `sampleRate` of this moment: returned, and kept whatever the codec becomes.
    @discardableResult
    public mutating func startRecording(into sink: SampleRing, now: Instant) -> Int {
        recorder = LegRecorderTap(sink: sink, rate: sampleRate, now: now)
        return sampleRate
    }

    /// Hands the rest to the sink. Returns the samples a channel that the sink had no room for.
    @discardableResult
    public mutating func stopRecording(
        now: Instant, workspace: inout LegWorkspace
    ) -> Int {
        recorder?.finish(now: now)
        let dropped = recorder?.droppedFrames ?? 0
        workspace.counters.recordingDroppedSamples += dropped
        recorder = nil
        return dropped
    }

    /// Ends the leg: everything held is heard, the detectors give what they owe, RTCP says BYE, the
    /// bridge is closed. Nothing may be called afterwards but `summary`.
    public mutating func close(
        now: Instant, workspace: inout LegWorkspace, out: inout Outbox<LegOutput>,
        send: PacketSend
    ) -> MediaSummary {
        dropHeld(&workspace)
        drainTap(now: .distantFuture, at: now, &workspace, &out)
        hearing.finish(now: now, workspace: &workspace, out: &out)
        stopPlaying(out: &out)
        stopRecording(now: now, workspace: &workspace)
        // Who never sent anything has nothing to take back (RFC 3550 6.3.7).
        if sender.packets > 0 || reports.sent > 0 {
            sendReport(bye: true, now: now, &workspace, send)
        }
        closeDTLS(send)
        closeLinks(&workspace, &out)
        bridge?.bridge.close()
        if bridge != nil { workspace.touchedBridge = true }
        bridge = nil
        workspace.counters.packetsLost += receiver.takeNewLoss()
        return summary
    }
}
