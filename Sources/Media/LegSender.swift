internal import Audio
internal import Base
internal import RTP
internal import SecureRTP

/// A frame of audio that was sent.
struct SaidFrame {
    var levelDBm0: Double
    /// `PureTone.coefficient` of a pure tone.
    var tone: Float?
    /// Of a digit that is sent as tones.
    var digit: Character?
}

/// The sending half of a leg: each tick it chooses what to say, encodes it, and sends it as RTP.
///
/// ```
/// digit being sent (RFC 4733, or tones) ─ first choice ─┐
/// clip ────────────────────────────────── second ───────┼► frame ► codec ► header ► SRTP ► send
/// bridge playout, links, mixed clip ───── third ────────┤  (added up; `LegLinks`)
/// silence (keeps NAT bindings and latches alive) ───────┘
/// ```
/// What is not chosen is not consumed: a clip waits for a digit to end. While we may not send
/// (hold) nothing is consumed at all. The media clock counts on regardless (RFC 3550 5.1); it counts
/// milliseconds, which are whole at every rate of samples and of RTP timestamps.
struct LegSender: ~Copyable {
    private static let tickMilliseconds = 20

    private(set) var ssrc: UInt32
    var sequence: UInt16
    /// RTP timestamp of the next frame.
    private(set) var timestamp: UInt32
    /// Media time of the next frame since the leg began, ms.
    private(set) var clock: Int64 = 0

    var mode: LegMode
    private var encoder = AudioEncoder()
    var payloadType: UInt8 = 0
    var telephoneEventPayloadType: UInt8?
    var telephoneEventClockRate = 8000
    var comfortNoisePayloadType: UInt8?
    var sends = false
    /// What is said is wanted (`takeSaid`).
    var metersSpeech = false
    private var said: SaidFrame?
    /// The last sample of the newest frame; 0 behind one that was left out.
    private(set) var lastSample: Int16 = 0
    var srtp: SRTPContext?
    var clip: ClipPlayback?
    var digits = DigitQueue()
    private(set) var frameMilliseconds = LegSender.tickMilliseconds
    /// Media time not sent yet, ms; a frame leaves when this reaches `frameMilliseconds`. Below 0 where a
    /// longer frame has said what is only now due.
    private var budget = 0
    private var needsMarker = true
    private var lastTick: Instant?
    /// What turns the far end's timestamps into ours, in echo mode.
    private var echoOffset: UInt32?
    /// Decodes what is echoed for the recorder; only in echo mode.
    private var echoDecoder: AudioDecoder?
    /// nil: everything is sent.
    private var noise: NoiseTransmission?
    private let discontinuous: Bool
    private let wantedComplexity: Int
    private let bitrate: Int
    private var complexity: Int
    private var expectedLoss = 0
    private var opusLimits: OpusLimits?

    private(set) var packets = 0
    private(set) var payloadBytes = 0
    /// What was sent under earlier SSRCs: a sender report counts its own source only (6.4.1).
    private var earlierPackets = 0
    private var earlierPayloadBytes = 0
    var streamPackets: Int { packets - earlierPackets }
    var streamPayloadBytes: Int { payloadBytes - earlierPayloadBytes }
    /// Packets sent since the sender last asked; RTCP says SR or RR by it.
    var packetsSinceReport = 0

    var codec: AudioCodec { encoder.codec }
    /// Of the samples, Hz.
    var rate: Int { encoder.codec.sampleRate }
    /// What the Opus encoder is set to; nil for any other codec.
    var opusSettings: (complexity: Int, expectedLossPercent: Int)? {
        mutating get { encoder.opusSettings }
    }
    private var frameSamples: Int { frameMilliseconds * rate / 1000 }

    init(identity: LegIdentity, options: LegOptions) {
        ssrc = identity.ssrc
        sequence = identity.sequence
        timestamp = identity.timestamp
        mode = options.mode
        discontinuous = options.discontinuous
        wantedComplexity = min(max(options.opusComplexity, 0), 10)
        complexity = wantedComplexity
        bitrate = options.opusBitrate
        if mode == .echo { echoDecoder = AudioDecoder() }
    }

    /// Encodes with another codec from the next frame on.
    mutating func use(_ codec: AudioCodec) throws(AudioError) {
        guard codec != encoder.codec else { return }
        let made = try AudioEncoder(codec, bitrate: bitrate, complexity: complexity)
        if mode == .echo { echoDecoder = try AudioDecoder(codec) }
        encoder = made
        setOpus()
        restart()
    }

    /// What the far end says about Opus (RFC 7587 7.1): from the next frame on it bounds what our own
    /// settings ask for.
    mutating func limitOpus(_ limits: OpusLimits?) {
        guard limits != opusLimits else { return }
        opusLimits = limits
        setOpus()
    }

    private mutating func setOpus() {
        guard codec == .opus else { return }
        encoder.setBitrate(min(bitrate, opusLimits?.bitrate ?? bitrate))
        encoder.setMaximumBandwidth(opusLimits?.bandwidth ?? .full)
        // A limit of the far end's is one: a variable rate goes a third above its target in loud speech.
        let isBound = opusLimits?.bitrate.map { $0 < bitrate * 3 / 2 } ?? false
        encoder.setConstantBitrate(isBound || opusLimits?.isConstant ?? false)
        encoder.setDiscontinuous(discontinuous && opusLimits?.usesDTX ?? true)
        setExpectedLoss()
    }

    private mutating func setExpectedLoss() {
        encoder.setExpectedLoss(
            percent: expectedLoss, copies: opusLimits?.usesInbandFEC ?? true)
    }

    /// Silence suppression with RFC 3389, where it was wished for and agreed to. Opus has its own.
    ///
    /// - Parameter isHeardAnew: somebody else hears it, or again: first comes audio.
    mutating func setComfortNoise(payloadType: UInt8?, isHeardAnew: Bool) {
        comfortNoisePayloadType = payloadType
        let isOn = discontinuous && payloadType != nil && codec != .opus && mode != .echo
        // A description that changes nothing of it does not end a pause.
        if !isOn {
            noise = nil
        } else if noise?.rate != rate || isHeardAnew {
            noise = NoiseTransmission(rate: rate)
        }
    }

    mutating func setPtime(milliseconds: Int) {
        let milliseconds = codec.frameMilliseconds(for: milliseconds)
        guard milliseconds != frameMilliseconds || lastTick == nil else { return }
        // The first frame leaves on the first tick, and later ones keep to that: what the last frame of
        // the old length was longer than a tick has been said already.
        budget =
            lastTick == nil
            ? Self.lead(milliseconds)
            : budget + Self.lead(milliseconds) - Self.lead(frameMilliseconds)
        frameMilliseconds = milliseconds
    }

    /// Media time that a frame carries beyond the tick on which it leaves, ms.
    private static func lead(_ milliseconds: Int) -> Int { max(0, milliseconds - tickMilliseconds) }

    /// What the far end lost of ours (RTCP, 0…1): Opus prepares for it, and for a while for more
    /// than the newest report says.
    mutating func noteRemoteLoss(_ fraction: Double) {
        let percent = Int((min(max(fraction, 0), 1) * 100).rounded(.up))
        let expected = max(percent, expectedLoss * 3 / 4)
        guard expected != expectedLoss else { return }
        expectedLoss = expected
        setExpectedLoss()
    }

    /// A new talkspurt, or a new far end: the next packet carries the marker, echo aligns anew.
    mutating func restart() {
        needsMarker = true
        echoOffset = nil
    }

    /// Goes on as another source (RFC 3550 8.2).
    ///
    /// - Parameter sequence: of its first packet; nil: the numbers go on.
    mutating func changeSource(to ssrc: UInt32, sequence: UInt16? = nil) {
        self.ssrc = ssrc
        if let sequence { self.sequence = sequence }
        earlierPackets = packets
        earlierPayloadBytes = payloadBytes
        needsMarker = true
    }

    /// One 20 ms tick. `destination` nil: the far end is not known, time passes in silence.
    mutating func tick(
        now: Instant, destination: SocketAddressValue?, bridge: inout LegBridge?,
        links: LegLinks?, recorder: inout LegRecorderTap?, workspace: inout LegWorkspace,
        out: inout Outbox<LegOutput>, send: PacketSend
    ) {
        skipMissedTicks(now: now)
        budget += Self.tickMilliseconds
        guard let destination, sends else {
            lastSample = 0
            passTime()
            bridge?.obeyClear(workspace: &workspace)
            links?.passOver()
            return
        }
        if let digit = digits.begin(
            timestamp: timestamp,
            eventClockRate: telephoneEventPayloadType == nil ? nil : telephoneEventClockRate,
            rate: rate)
        {
            echoOffset = nil
            bridge?.obeyClear(workspace: &workspace)
            sendDigit(digit, now, destination, links, &recorder, &workspace, send)
            return
        }
        while budget >= frameMilliseconds {
            budget -= frameMilliseconds
            sendFrame(now, destination, &bridge, links, &recorder, &workspace, &out, send)
            advance(frameMilliseconds)
        }
    }

    /// Sends a received payload of our own codec back under our header, at once.
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
            let count = echoDecoder?.decode(payload, into: workspace.samples) ?? 0
            recorder?.sent(
                UnsafeBufferPointer(rebasing: workspace.samples[0..<count]), rate: rate,
                milliseconds: clock, ahead: Int64(Int32(bitPattern: stamp &- timestamp)),
                clockRate: codec.clockRate, now: now, workspace: &workspace)
        }
        transmit(
            payloadCount: payload.count, type: payloadType, timestamp: stamp,
            marker: header.marker, destination, &workspace, send)
    }

    /// The timestamp that media sampled at `now` would carry, for sender reports (RFC 3550 6.4.1): that
    /// of the next frame, and what has already been sampled of a frame longer than a tick.
    func timestamp(at now: Instant) -> UInt32 {
        guard let lastTick else { return timestamp }
        let sampled = Interval.milliseconds(Int64(budget)) + (now - lastTick)
        return timestamp
            &+ UInt32(truncatingIfNeeded: MediaLeg.samples(in: sampled, rate: codec.clockRate))
    }

    // MARK: one tick's choice

    private mutating func sendFrame(
        _ now: Instant, _ destination: SocketAddressValue, _ bridge: inout LegBridge?,
        _ links: LegLinks?, _ recorder: inout LegRecorderTap?, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>, _ send: PacketSend
    ) {
        let frame = UnsafeMutableBufferPointer(rebasing: workspace.samples[0..<frameSamples])
        if let links, mode == .normal {
            sendLinked(
                links, frame, now, destination, &bridge, &recorder, &workspace, &out, send)
        } else if clip != nil {
            let rate = rate
            clip?.fill(frame, rate: rate)
            bridge?.obeyClear(workspace: &workspace)
            sendAudio(frame, now, destination, &recorder, &workspace, send)
            reportClip(&out)
        } else if mode == .echo {
            bridge?.obeyClear(workspace: &workspace)
        } else if bridge?.take(into: frame, rate: encoder.codec.sampleRate, workspace: &workspace)
            == true
        {
            sendAudio(frame, now, destination, &recorder, &workspace, send)
            // After the packet has gone to the socket: a mark means sent.
            bridge?.confirmSent(workspace: &workspace)
        } else {
            bridge?.confirmSent(workspace: &workspace)
            sendSilence(frame, destination, &workspace, send)
        }
    }

    mutating func reportClip(_ out: inout Outbox<LegOutput>) {
        guard let id = clip?.id, let isFirst = clip?.isFirstFrame, let isLast = clip?.isFinished
        else { return }
        if isFirst { out.push(.playStarted(id: id, atSample: Int(clock) * 8)) }
        if isLast {
            clip = nil
            echoOffset = nil
            out.push(.playFinished(id: id, completed: true))
        } else {
            clip?.isFirstFrame = false
        }
    }

    mutating func sendAudio(
        _ frame: UnsafeMutableBufferPointer<Int16>, _ now: Instant,
        _ destination: SocketAddressValue, _ recorder: inout LegRecorderTap?,
        _ workspace: inout LegWorkspace, _ send: PacketSend
    ) {
        lastSample = frame.isEmpty ? 0 : frame[frame.count - 1]
        recorder?.sent(
            UnsafeBufferPointer(frame), rate: rate, milliseconds: clock, now: now,
            workspace: &workspace)
        if metersSpeech {
            let level = Level.dBm0(UnsafeBufferPointer(frame))
            if level >= said?.levelDBm0 ?? Level.silenceDBm0 {
                said = SaidFrame(
                    levelDBm0: level,
                    tone: PureTone.coefficient(of: UnsafeBufferPointer(frame), rate: rate))
            }
        }
        encode(frame, destination, &workspace, send)
    }

    /// The loudest frame of audio since the last call; nil: there was none.
    mutating func takeSaid() -> SaidFrame? {
        defer { said = nil }
        return said
    }

    mutating func sendSilence(
        _ frame: UnsafeMutableBufferPointer<Int16>, _ destination: SocketAddressValue,
        _ workspace: inout LegWorkspace, _ send: PacketSend
    ) {
        lastSample = 0
        guard let silence = codec.silence, noise == nil else {
            frame.update(repeating: 0)
            encode(frame, destination, &workspace, send)
            return
        }
        let count = codec == .pcmu || codec == .pcma ? frame.count : frame.count * 2
        let body = UnsafeMutableRawBufferPointer(
            rebasing: workspace.packet[RTPHeader.byteCount..<RTPHeader.byteCount + count])
        body.initializeMemory(as: UInt8.self, repeating: silence)
        transmit(
            payloadCount: count, type: payloadType, timestamp: timestamp, marker: takeMarker(),
            destination, &workspace, send)
    }

    /// One frame as a packet: audio, a description of the background, or nothing.
    private mutating func encode(
        _ frame: UnsafeMutableBufferPointer<Int16>, _ destination: SocketAddressValue,
        _ workspace: inout LegWorkspace, _ send: PacketSend
    ) {
        let body = UnsafeMutableRawBufferPointer(
            rebasing: workspace.packet[RTPHeader.byteCount...])
        let samples = UnsafeBufferPointer(frame)
        let decision = noise?.decide(samples, milliseconds: frameMilliseconds) ?? .speech
        guard decision == .speech else {
            needsMarker = true
            if decision == .describe, let type = comfortNoisePayloadType,
                let count = noise?.write(into: body), count > 0
            {
                transmit(
                    payloadCount: count, type: type, timestamp: timestamp, marker: false,
                    destination, &workspace, send)
            }
            return
        }
        let allowed = min(wantedComplexity, workspace.opusComplexityLimit)
        if allowed != complexity {
            complexity = allowed
            encoder.setComplexity(allowed)
        }
        let count = encoder.encode(samples, into: body)
        // Opus: two octets or fewer say only "still silent" and need not be sent.
        guard count > (codec == .opus ? OpusEncoder.silentPacket : 0) else {
            needsMarker = true
            return
        }
        transmit(
            payloadCount: count, type: payloadType, timestamp: timestamp, marker: takeMarker(),
            destination, &workspace, send)
    }

    // MARK: digits

    private mutating func sendDigit(
        _ digit: DigitQueue.Output, _ now: Instant, _ destination: SocketAddressValue,
        _ links: LegLinks?, _ recorder: inout LegRecorderTap?, _ workspace: inout LegWorkspace,
        _ send: PacketSend
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
            lastSample = 0
            passTime()
            links?.passOver()
        case .tone, .pause:
            while budget >= frameMilliseconds {
                budget -= frameMilliseconds
                let frame = UnsafeMutableBufferPointer(
                    rebasing: workspace.samples[0..<frameSamples])
                let digit = digits.sounding
                digits.fillTone(frame, rate: rate)
                links?.saidInstead(frame, by: .tone)
                sendAudio(frame, now, destination, &recorder, &workspace, send)
                if let digit { said?.digit = digit }
                advance(frameMilliseconds)
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

    private mutating func advance(_ milliseconds: Int) {
        timestamp &+= UInt32(truncatingIfNeeded: milliseconds * codec.clockRate / 1000)
        clock += Int64(milliseconds)
    }

    /// The clock goes on while nothing is sent; the part frame is kept.
    private mutating func passTime() {
        let whole = max(0, budget) / frameMilliseconds * frameMilliseconds
        budget -= whole
        advance(whole)
    }

    /// A worker that was stopped leaves out ticks: their media time is gone, not late.
    private mutating func skipMissedTicks(now: Instant) {
        if let lastTick {
            let ticks = (now - lastTick).nanoseconds / MediaLeg.tick.nanoseconds
            if ticks > 1 { advance(Int(min(ticks - 1, 3000)) * Self.tickMilliseconds) }
        }
        lastTick = now
    }
}
