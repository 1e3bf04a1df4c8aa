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
        guard codec.clockRate == MediaLeg.clockRate else { throw .unsupportedCodec }
        if let srtp {
            let needed = srtp.suite.keyAndSaltCount
            guard srtp.local.count == needed, srtp.remote.count == needed else { throw .badKeys }
        }
    }

    func rtpAddress() throws(MediaError) -> SocketAddressValue {
        guard let value = SocketAddressValue(address: address, port: port),
            value.isUsableDestination
        else { throw .unusableAddress(address, port: port) }
        return value
    }
}

extension MediaLeg {
    /// The far end's media became known or changed (answer, early media, re-INVITE). On an error
    /// the leg is left as it was.
    public mutating func configure(_ media: RemoteMedia, now: Instant) throws(MediaError) {
        try media.validate()
        let address = try media.rtpAddress()
        if media.srtp != remote?.srtp { try rekey(media.srtp) }
        let isSameSource =
            remote.map { $0.address == media.address && $0.port == media.port } ?? false
        if !isSameSource {
            receiver.expectsNewSource = true
            srtcpSource = nil
            sender.restart()
        }
        source.configure(address, now: now)
        remoteRTCP = SocketAddressValue(address: media.address, port: media.rtcpPort)
        receiver.payloadType = media.receivePayloadType ?? media.payloadType
        receiver.telephoneEventPayloadType =
            media.receiveTelephoneEventPayloadType ?? media.telephoneEventPayloadType
        receiver.receives = media.receives
        hearing.codec = media.codec
        sender.codec = media.codec
        sender.payloadType = media.payloadType
        sender.telephoneEventPayloadType = media.telephoneEventPayloadType
        if media.sends, !sender.sends { sender.restart() }
        sender.sends = media.sends
        sender.setPtime(milliseconds: media.ptimeMilliseconds)
        remote = media
    }

    /// The call was answered at `now`: zero of the detectors' clock and of the media timeout.
    public mutating func answered(now: Instant) {
        guard answeredAt == nil else { return }
        answeredAt = now
        source.answered(now: now)
        hearing.answered(now: now)
    }

    /// Plays a clip of 8 kHz instead of the bridge. One already playing ends as not completed; a
    /// clip at another rate, or on a leg that only sends silence, is refused in the same way.
    public mutating func play(id: Int, clip: PlaybackClip, out: inout Outbox<LegOutput>) {
        stopPlaying(out: &out)
        guard clip.sampleRate == Self.clockRate, options.mode != .silence else {
            out.push(.playFinished(id: id, completed: false))
            return
        }
        sender.clip = ClipPlayback(id: id, clip: clip)
    }

    public mutating func stopPlaying(out: inout Outbox<LegOutput>) {
        guard let playing = sender.clip else { return }
        sender.clip = nil
        sender.restart()
        out.push(.playFinished(id: playing.id, completed: false))
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

    public mutating func detach() { bridge = nil }

    /// Queues a digit: RFC 4733 when negotiated, else tones in the audio.
    public mutating func sendDigit(
        _ digit: Character, milliseconds: Int, workspace: inout LegWorkspace
    ) {
        if !sender.digits.add(digit, milliseconds: milliseconds) {
            workspace.counters.digitsRefused += 1
        }
    }

    /// Records into `sink`, interleaved left (received) and right (sent), from `now` on.
    public mutating func startRecording(into sink: SampleRing, now: Instant) {
        recorder = LegRecorderTap(sink: sink, now: now)
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
        drainTap(now: .distantFuture, at: now, &workspace, &out)
        hearing.finish(now: now, workspace: &workspace, out: &out)
        stopPlaying(out: &out)
        stopRecording(now: now, workspace: &workspace)
        if sender.packets > 0 || receiver.accepted > 0 {
            sendReport(bye: true, now: now, &workspace, send)
        }
        bridge?.bridge.close()
        bridge = nil
        workspace.counters.packetsLost += receiver.takeNewLoss()
        return summary
    }
}
