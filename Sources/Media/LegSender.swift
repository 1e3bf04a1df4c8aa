internal import Audio
internal import Base
internal import RTP
internal import SecureRTP

/// The sending half of a leg: each tick it chooses what to say, encodes it, and sends it as RTP.
///
/// ```
/// digit being sent (RFC 4733, or tones) ─ first choice ─┐
/// clip ────────────────────────────────── second ───────┼► frame ► G.711 ► header ► SRTP ► send
/// bridge playout ──────────────────────── third ────────┤
/// silence (keeps NAT bindings and latches alive) ───────┘
/// ```
/// What is not chosen is not consumed: a clip waits for a digit to end. While we may not send
/// (hold) nothing is consumed at all. The media clock counts on regardless (RFC 3550 5.1).
struct LegSender: ~Copyable {
    private(set) var ssrc: UInt32
    var sequence: UInt16
    /// RTP timestamp of the next sample, and the same as a count that does not wrap.
    private(set) var timestamp: UInt32
    private(set) var clock: Int64 = 0

    var mode: LegMode
    var codec = AudioCodec.pcmu
    var payloadType: UInt8 = 0
    var telephoneEventPayloadType: UInt8?
    var sends = false
    var srtp: SRTPContext?
    var clip: ClipPlayback?
    var digits = DigitQueue()
    private(set) var frameSamples = MediaLeg.tickSamples
    /// Samples of media time not sent yet; a frame leaves when this reaches `frameSamples`.
    private var budget = 0
    private var needsMarker = true
    private var lastTick: Instant?
    /// What turns the far end's timestamps into ours, in echo mode.
    private var echoOffset: UInt32?

    private(set) var packets = 0
    private(set) var payloadBytes = 0
    /// What was sent under earlier SSRCs: a sender report counts its own source only (6.4.1).
    private var earlierPackets = 0
    private var earlierPayloadBytes = 0
    var streamPackets: Int { packets - earlierPackets }
    var streamPayloadBytes: Int { payloadBytes - earlierPayloadBytes }
    /// Packets sent since the sender last asked; RTCP says SR or RR by it.
    var packetsSinceReport = 0

    init(identity: LegIdentity, mode: LegMode) {
        ssrc = identity.ssrc
        sequence = identity.sequence
        timestamp = identity.timestamp
        self.mode = mode
    }

    mutating func setPtime(milliseconds: Int) {
        let samples = milliseconds * MediaLeg.clockRate / 1000
        guard samples != frameSamples || lastTick == nil else { return }
        frameSamples = samples
        // The first frame leaves on the first tick.
        budget = max(0, samples - MediaLeg.tickSamples)
    }

    /// A new talkspurt, or a new far end: the next packet carries the marker, echo aligns anew.
    mutating func restart() {
        needsMarker = true
        echoOffset = nil
    }

    /// Goes on as another source (RFC 3550 8.2).
    mutating func changeSource(to ssrc: UInt32) {
        self.ssrc = ssrc
        earlierPackets = packets
        earlierPayloadBytes = payloadBytes
        needsMarker = true
    }

    /// One 20 ms tick. `destination` nil: the far end is not known, time passes in silence.
    mutating func tick(
        now: Instant, destination: SocketAddressValue?, bridge: inout LegBridge?,
        recorder: inout LegRecorderTap?, workspace: inout LegWorkspace,
        out: inout Outbox<LegOutput>, send: PacketSend
    ) {
        skipMissedTicks(now: now)
        budget += MediaLeg.tickSamples
        guard let destination, sends else {
            passTime()
            bridge?.obeyClear(workspace: &workspace)
            return
        }
        if let digit = digits.begin(
            timestamp: timestamp, asEvents: telephoneEventPayloadType != nil)
        {
            echoOffset = nil
            bridge?.obeyClear(workspace: &workspace)
            sendDigit(digit, now, destination, &recorder, &workspace, send)
            return
        }
        while budget >= frameSamples {
            budget -= frameSamples
            sendFrame(now, destination, &bridge, &recorder, &workspace, &out, send)
            advance(frameSamples)
        }
    }

    /// Sends a received payload back under our header, at once.
    mutating func echo(
        payload: UnsafeRawBufferPointer, header: RTPHeader, now: Instant,
        destination: SocketAddressValue, recorder: inout LegRecorderTap?,
        workspace: inout LegWorkspace, send: PacketSend
    ) {
        guard sends, clip == nil, !digits.isActive,
            payload.count + RTPHeader.byteCount + MediaLeg.trailerLimit <= workspace.packet.count
        else { return }
        let offset = echoOffset ?? timestamp &- header.timestamp
        echoOffset = offset
        let stamp = header.timestamp &+ offset
        let body = UnsafeMutableRawBufferPointer(
            rebasing: workspace.packet[RTPHeader.byteCount...])
        body.copyMemory(from: payload)
        if recorder != nil {
            let count = codec.decode(payload, into: workspace.samples)
            recorder?.sent(
                UnsafeBufferPointer(rebasing: workspace.samples[0..<count]),
                clock: clock + Int64(Int32(bitPattern: stamp &- timestamp)), now: now)
        }
        transmit(
            payloadCount: payload.count, type: payloadType, timestamp: stamp,
            marker: header.marker, destination, &workspace, send)
    }

    /// The timestamp that media sampled at `now` would carry, for sender reports (RFC 3550 6.4.1).
    func timestamp(at now: Instant) -> UInt32 {
        guard let lastTick else { return timestamp }
        return timestamp &+ UInt32(truncatingIfNeeded: MediaLeg.samples(in: now - lastTick))
    }

    // MARK: one tick's choice

    private mutating func sendFrame(
        _ now: Instant, _ destination: SocketAddressValue, _ bridge: inout LegBridge?,
        _ recorder: inout LegRecorderTap?, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>, _ send: PacketSend
    ) {
        let frame = UnsafeMutableBufferPointer(rebasing: workspace.samples[0..<frameSamples])
        if clip != nil {
            clip?.fill(frame)
            bridge?.obeyClear(workspace: &workspace)
            sendAudio(frame, now, destination, &recorder, &workspace, send)
            reportClip(&out)
        } else if mode == .echo {
            bridge?.obeyClear(workspace: &workspace)
        } else if bridge?.take(into: frame, workspace: &workspace) == true {
            sendAudio(frame, now, destination, &recorder, &workspace, send)
            // After the packet has gone to the socket: a mark means sent.
            bridge?.bridge.confirmSent()
        } else {
            bridge?.bridge.confirmSent()
            sendSilence(destination, &workspace, send)
        }
    }

    private mutating func reportClip(_ out: inout Outbox<LegOutput>) {
        guard let playing = clip else { return }
        if playing.isFirstFrame { out.push(.playStarted(id: playing.id, atSample: Int(clock))) }
        if playing.isFinished {
            clip = nil
            echoOffset = nil
            out.push(.playFinished(id: playing.id, completed: true))
        } else {
            clip?.isFirstFrame = false
        }
    }

    private mutating func sendAudio(
        _ frame: UnsafeMutableBufferPointer<Int16>, _ now: Instant,
        _ destination: SocketAddressValue, _ recorder: inout LegRecorderTap?,
        _ workspace: inout LegWorkspace, _ send: PacketSend
    ) {
        let body = UnsafeMutableRawBufferPointer(
            rebasing: workspace.packet[RTPHeader.byteCount...])
        let count = codec.encode(UnsafeBufferPointer(frame), into: body)
        recorder?.sent(UnsafeBufferPointer(frame), clock: clock, now: now)
        transmit(
            payloadCount: count, type: payloadType, timestamp: timestamp, marker: takeMarker(),
            destination, &workspace, send)
    }

    private mutating func sendSilence(
        _ destination: SocketAddressValue, _ workspace: inout LegWorkspace, _ send: PacketSend
    ) {
        let body = UnsafeMutableRawBufferPointer(
            rebasing: workspace.packet[
                RTPHeader.byteCount..<RTPHeader.byteCount + frameSamples])
        body.initializeMemory(as: UInt8.self, repeating: codec.silence)
        transmit(
            payloadCount: frameSamples, type: payloadType, timestamp: timestamp,
            marker: takeMarker(), destination, &workspace, send)
    }

    // MARK: digits

    private mutating func sendDigit(
        _ digit: DigitQueue.Output, _ now: Instant, _ destination: SocketAddressValue,
        _ recorder: inout LegRecorderTap?, _ workspace: inout LegWorkspace, _ send: PacketSend
    ) {
        switch digit {
        case .event:
            let body = UnsafeMutableRawBufferPointer(
                rebasing: workspace.packet[RTPHeader.byteCount...])
            if let step = digits.nextEvent(into: body), let type = telephoneEventPayloadType {
                transmit(
                    payloadCount: step.payloadCount, type: type, timestamp: step.timestamp,
                    marker: step.marker, destination, &workspace, send)
            }
            passTime()
        case .tone, .pause:
            while budget >= frameSamples {
                budget -= frameSamples
                let frame = UnsafeMutableBufferPointer(
                    rebasing: workspace.samples[0..<frameSamples])
                digits.fillTone(frame)
                sendAudio(frame, now, destination, &recorder, &workspace, send)
                advance(frameSamples)
            }
        }
    }

    // MARK: packets and time

    private mutating func transmit(
        payloadCount: Int, type: UInt8, timestamp: UInt32, marker: Bool,
        _ destination: SocketAddressValue, _ workspace: inout LegWorkspace, _ send: PacketSend
    ) {
        let header = RTPHeader(
            marker: marker, payloadType: type, sequence: sequence, timestamp: timestamp, ssrc: ssrc)
        var count = header.write(into: workspace.packet) + payloadCount
        sequence &+= 1
        if srtp != nil {
            guard let secured = protect(workspace.packet, count: count) else {
                workspace.counters.sendFailures += 1
                return
            }
            count = secured
        }
        guard send(UnsafeRawBufferPointer(rebasing: workspace.packet[0..<count]), destination, .rtp)
        else {
            workspace.counters.sendFailures += 1
            return
        }
        packets += 1
        packetsSinceReport += 1
        payloadBytes += payloadCount
        workspace.counters.packetsSent += 1
        workspace.counters.bytesSent += count
    }

    private mutating func protect(_ buffer: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        do throws(SRTPError) {
            return try srtp?.protect(buffer, count: count)
        } catch {
            return nil
        }
    }

    private mutating func takeMarker() -> Bool {
        defer { needsMarker = false }
        return needsMarker
    }

    private mutating func advance(_ samples: Int) {
        timestamp &+= UInt32(truncatingIfNeeded: samples)
        clock += Int64(samples)
    }

    /// The clock goes on while nothing is sent; the part frame is kept.
    private mutating func passTime() {
        let whole = budget / frameSamples * frameSamples
        budget -= whole
        advance(whole)
    }

    /// A worker that was stopped leaves out ticks: their media time is gone, not late.
    private mutating func skipMissedTicks(now: Instant) {
        if let lastTick {
            let ticks = (now - lastTick).nanoseconds / MediaLeg.tick.nanoseconds
            if ticks > 1 { advance(Int(min(ticks - 1, 3000)) * MediaLeg.tickSamples) }
        }
        lastTick = now
    }
}
