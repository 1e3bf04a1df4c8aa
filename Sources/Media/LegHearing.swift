internal import Audio
internal import Base
internal import CallModel
internal import Detection
internal import RTP

/// What happens to received audio once it is in order: decode, conceal, then the detectors, the
/// bridge and the recorder, all on one timeline without holes.
///
/// ```
/// gap ─────► owed until the packet behind it is there ─┐
/// payload ─► decode ───────────────────────────────────┴► fill the gap from both sides, join
/// comfort noise ─► describes what fills the gaps until somebody talks again
/// ```
/// The timeline follows the sender's timestamps. When nothing comes for a while it follows the
/// clock with silence instead (a callee who sends no packets is a silent callee, and the detectors
/// must learn that), and a gap that the tap reports afterwards is shortened by what was filled
/// already. Clocks drift apart, so the moment from which the filling counts goes with the packets. The
/// timeline counts samples at the rate of the codec; the tap counts RTP clock units.
struct LegHearing: ~Copyable {
    /// Nothing for this long: silence is filled in. Above any ptime plus the tap's wait.
    static let stallAfter = Interval.milliseconds(400)
    /// How far behind the clock the filling stays, so that what is only late still finds its place.
    static let fillLag = Interval.milliseconds(300)
    /// The same while the far end has said that it is silent (comfort noise): the end of speech is
    /// not learned of by waiting.
    static let quietAfter = Interval.milliseconds(120)
    static let quietLag = Interval.milliseconds(80)
    /// Longest silence filled in at once, seconds: a worker that was stopped longer skips.
    static let maximumFillSeconds = 10
    /// The packets move the clock's zero by this part of the time that passes: 2000 ppm, more than
    /// clocks drift and too little for jitter to show.
    static let drift: Int64 = 500
    /// The timeline is not further ahead of the clock than this: silence after it would come as late.
    static let maximumLead = Interval.milliseconds(500)
    /// The same digit heard by both ways within this time is one press.
    static let samePress = Interval.milliseconds(600)
    /// Longest gap that is filled from both sides, ms.
    static let twoSidedMilliseconds = 60

    var formats = ReceiveFormats()
    /// Gets what only decodes in order (`LegPlayout`).
    var links: LegLinks?
    var detectors: DetectorChain?
    /// Of samples of the timeline, Hz.
    private(set) var rate = AudioCodec.pcmu.sampleRate
    private(set) var decoder = AudioDecoder()
    /// nil while the codec conceals by itself.
    private var concealer: LossConcealer? = LossConcealer()
    private var noise: ComfortNoiseGenerator?
    private let noiseSeed: UInt64
    /// Comfort noise came after the last audio.
    private var isQuiet = false
    /// From `rate` to that of the detectors; nil between equal ones.
    private var narrowing: Resampler?
    /// When the timeline's sample 0 was, by what has come lately.
    private var start: Instant?
    private var delivered: Int64 = 0
    /// A packet has come.
    private var hasHeard = false
    private var lastDelivery = Instant.zero
    /// Silence filled in by the clock that a later gap must not repeat.
    private var filled = 0
    /// Samples of a gap whose following packet has not been seen yet.
    private var owed = 0
    /// Part of a sample that gaps have left over, in clock units times `rate`.
    private var remainder = 0
    /// Of those units, Hz.
    private var gapClockRate = AudioCodec.pcmu.clockRate
    private var lastDigit: (digit: Character, source: DTMFSource, at: Instant)?
    private var presses = PressBudget()

    init(detectors: consuming DetectorChain?, noiseSeed: UInt64) {
        self.detectors = detectors
        self.noiseSeed = noiseSeed
    }

    /// The timeline begins at the latest with the answer.
    mutating func answered(now: Instant) {
        if start == nil {
            start = now
            lastDelivery = now
        }
        let ahead = behind(now) * DetectorChain.sampleRate / rate
        detectors?.answered(ahead: ahead)
    }

    /// Samples by which the timeline is behind the clock: early media has paused, and nobody knows yet
    /// whether its next packet is only late.
    private func behind(_ now: Instant) -> Int {
        guard let start else { return 0 }
        let place = MediaLeg.samples(in: now - start, rate: rate)
        let most = MediaLeg.samples(in: Self.stallAfter, rate: rate)
        return Int(min(max(0, place - delivered - Int64(owed)), most))
    }

    mutating func expectTranscript(_ isExpected: Bool) {
        detectors?.expectsTranscript = isExpected
    }

    /// The verdict was wrong: a machine it is, and it has beeped.
    mutating func isVoicemail() { detectors?.isVoicemail() }

    /// What a transcript says about who answered.
    mutating func hint(
        _ verdict: AnswerVerdict?, now: Instant, workspace: inout LegWorkspace,
        out: inout Outbox<LegOutput>
    ) {
        detectors?.hint(verdict, out: &workspace.detections)
        drainDetections(now, &workspace, &out)
    }

    /// A frame of ours went out.
    mutating func said(_ frame: SaidFrame) {
        detectors?.said(levelDBm0: frame.levelDBm0, tone: frame.tone, digit: frame.digit)
    }

    /// Decodes another codec from the next packet on. Allocates; not on the way of a call that
    /// keeps its codec.
    mutating func use(_ codec: AudioCodec) throws(AudioError) {
        guard codec != decoder.codec else { return }
        decoder = try AudioDecoder(codec)
        let rate = codec.sampleRate
        if decoder.concealsLoss {
            concealer = nil
        } else if concealer?.sampleRate != rate {
            concealer = LossConcealer(sampleRate: rate)
        }
        remainder = 0
        guard rate != self.rate else { return }
        delivered = delivered * Int64(rate) / Int64(self.rate)
        filled = filled * rate / self.rate
        owed = owed * rate / self.rate
        self.rate = rate
        narrowing =
            rate == DetectorChain.sampleRate || detectors == nil
            ? nil : try Resampler(from: rate, to: DetectorChain.sampleRate)
    }

    /// One piece from the tap. `clockRate`: the tap's, Hz. At a change of clock it is not yet the
    /// decoder's: the gap before the first packet of the new codec comes ahead of it (RFC 7160 4.1).
    mutating func take(
        _ piece: TapOutput, clockRate: Int, now: Instant, bridge: inout LegBridge?,
        recorder: inout LegRecorderTap?, workspace: inout LegWorkspace,
        out: inout Outbox<LegOutput>
    ) {
        let elapsed = now - lastDelivery
        begin(now, &recorder, &workspace, &out)
        switch piece {
        case .gap(let units, let packets, _):
            if clockRate != gapClockRate {
                gapClockRate = clockRate
                remainder = 0
            }
            let total = units * rate + remainder
            remainder = total % clockRate
            let missing = total / clockRate
            let unheard = missing - min(missing, filled)
            let rest = min(unheard, Self.maximumFillSeconds * rate)
            delivered += Int64(unheard - rest)
            filled = 0
            if packets > 0 { workspace.counters.concealedMicroseconds += rest * 1_000_000 / rate }
            owed += rest
            if let links, links.listens, !LegPlayout.decodesAlone(decoder.codec) {
                links.missedInOrder(packets)
            }
        case .payload(let payload, let type, let timestamp):
            filled = 0
            follow(now, elapsed)
            if formats.describesNoise(type) {
                settle(now, &bridge, &recorder, &workspace, &out)
                describe(payload)
            } else {
                hear(payload, type, timestamp, now, &bridge, &recorder, &workspace, &out)
            }
        }
    }

    /// Fills in silence when the far end has gone quiet. Call each tick.
    mutating func tick(
        now: Instant, bridge: inout LegBridge?, recorder: inout LegRecorderTap?,
        workspace: inout LegWorkspace, out: inout Outbox<LegOutput>
    ) {
        guard let start,
            now - lastDelivery >= (isQuiet ? Self.quietAfter : Self.stallAfter)
        else { return }
        let lag = isQuiet ? Self.quietLag : Self.fillLag
        let due = MediaLeg.samples(in: now - start - lag, rate: rate) - delivered
        guard due > 0 else { return }
        let limit = Int64(Self.maximumFillSeconds * rate)
        if due > limit { delivered += due - limit }
        filled = Int(clamping: Int64(filled) + due)
        let count = Int(min(due, limit))
        fill(count, now, &bridge, &recorder, &workspace, &out)
    }

    /// On hold: this time is nobody's silence.
    mutating func skip(now: Instant) {
        guard let start else { return }
        let moment = MediaLeg.samples(in: now - start, rate: rate)
        // Held time is over when media comes back: the gap it then reports is not heard again.
        filled = Int(clamping: Int64(filled) + max(0, moment - delivered))
        delivered = moment
        lastDelivery = now
    }

    /// A telephone-event press began. False when there were too many of them.
    mutating func pressed(
        _ digit: Character, now: Instant, counters: inout MediaCounters,
        out: inout Outbox<LegOutput>
    ) -> Bool {
        report(digit, .rfc4733, now, &counters, &out)
    }

    mutating func finish(
        now: Instant, workspace: inout LegWorkspace, out: inout Outbox<LegOutput>
    ) {
        detectors?.finish(out: &workspace.detections)
        drainDetections(now, &workspace, &out)
    }

    // MARK: audio

    private mutating func begin(
        _ now: Instant, _ recorder: inout LegRecorderTap?,
        _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>
    ) {
        if start == nil { start = now }
        lastDelivery = now
        guard !hasHeard, let start else { return }
        // Between the answer and the first packet there was silence, however short.
        hasHeard = true
        let before = MediaLeg.samples(in: now - start, rate: rate) - delivered
        let count = Int(min(max(0, before), Int64(Self.maximumFillSeconds * rate)))
        // Not to the stream: a bot that answers what it hears as it comes would be late by so much from
        // its first word to its last.
        var nobody: LegBridge?
        fill(count, now, &nobody, &recorder, &workspace, &out)
    }

    /// A packet was handed on, `elapsed` after the piece before it: what its place differs from the
    /// clock moves the clock's zero a little, so that it stays at what is usual on this path.
    private mutating func follow(_ now: Instant, _ elapsed: Interval) {
        guard let start else { return }
        let place = delivered + Int64(owed)
        let rate = Int64(rate)
        let lead =
            Interval.nanoseconds(
                place / rate * 1_000_000_000 + place % rate * 1_000_000_000 / rate) - (now - start)
        let pull = elapsed / Self.drift
        let move = max(lead - Self.maximumLead, max(.zero - pull, min(lead, pull)))
        self.start = start - move
    }

    private mutating func hear(
        _ payload: UnsafeRawBufferPointer, _ type: UInt8, _ timestamp: Int64, _ now: Instant,
        _ bridge: inout LegBridge?, _ recorder: inout LegRecorderTap?,
        _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>
    ) {
        if let codec = formats.codec(of: type), codec != decoder.codec {
            settle(now, &bridge, &recorder, &workspace, &out)
            do throws(AudioError) { try use(codec) } catch { return }
        }
        if decoder.concealsLoss {
            recover(from: payload, timestamp, now, &bridge, &recorder, &workspace, &out)
        }
        let count = decoder.decode(payload, into: workspace.samples)
        if count == 0, let units = decoder.codec.clockUnits(of: payload) {
            // It looked like audio and is not: its time is a gap.
            owed += units * rate / decoder.codec.clockRate
        }
        let frame = UnsafeMutableBufferPointer(rebasing: workspace.samples[0..<count])
        if owed > 0, !isQuiet, count > 0, concealer != nil,
            owed <= Self.twoSidedMilliseconds * rate / 1000
        {
            let gap = UnsafeMutableBufferPointer(rebasing: workspace.gap[0..<owed])
            owed = 0
            concealer?.conceal(into: gap, before: UnsafeBufferPointer(frame))
            bridge?.noteConcealed(gap.count, rate: rate)
            deliver(UnsafeBufferPointer(gap), at: nil, now, &bridge, &recorder, &workspace, &out)
        }
        settle(now, &bridge, &recorder, &workspace, &out)
        guard count > 0 else { return }
        isQuiet = false
        concealer?.good(frame)
        share(UnsafeBufferPointer(frame), timestamp, now)
        deliver(
            UnsafeBufferPointer(frame), at: timestamp, now, &bridge, &recorder, &workspace, &out)
    }

    /// Opus: what is lost before `payload`, the last packet of it from the copy in `payload`.
    private mutating func recover(
        from payload: UnsafeRawBufferPointer, _ timestamp: Int64, _ now: Instant,
        _ bridge: inout LegBridge?, _ recorder: inout LegRecorderTap?,
        _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>
    ) {
        guard owed > 0, let units = decoder.codec.clockUnits(of: payload) else { return }
        let packet = units * rate / decoder.codec.clockRate
        guard packet > 0, packet <= owed, packet <= workspace.gap.count else { return }
        owed -= packet
        settle(now, &bridge, &recorder, &workspace, &out)
        let gap = UnsafeMutableBufferPointer(rebasing: workspace.gap[0..<packet])
        if decoder.recover(from: payload, into: gap) {
            share(UnsafeBufferPointer(gap), timestamp - Int64(units), now)
            if !decoder.codec.carriesCopy(payload) { bridge?.noteConcealed(packet, rate: rate) }
            deliver(UnsafeBufferPointer(gap), at: nil, now, &bridge, &recorder, &workspace, &out)
        } else {
            owed = packet
        }
    }

    /// Gives linked legs what a codec with state decoded. (Mutating: to a function that is not, the
    /// compiler lends a copy of the whole leg's hearing, each packet.)
    private mutating func share(
        _ samples: UnsafeBufferPointer<Int16>, _ timestamp: Int64, _ now: Instant
    ) {
        guard let links, links.listens, !LegPlayout.decodesAlone(decoder.codec) else { return }
        links.heardInOrder(samples, decoder.codec, timestamp: timestamp, now: now)
    }

    /// RFC 3389: what the background sounds like until audio comes again.
    private mutating func describe(_ payload: UnsafeRawBufferPointer) {
        if noise == nil { noise = ComfortNoiseGenerator(seed: noiseSeed) }
        if noise?.describe(payload) == true { isQuiet = true }
    }

    /// Fills what is owed, from the past alone.
    private mutating func settle(
        _ now: Instant, _ bridge: inout LegBridge?, _ recorder: inout LegRecorderTap?,
        _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>
    ) {
        guard owed > 0 else { return }
        let count = owed
        owed = 0
        fill(count, now, &bridge, &recorder, &workspace, &out)
    }

    private mutating func fill(
        _ count: Int, _ now: Instant, _ bridge: inout LegBridge?,
        _ recorder: inout LegRecorderTap?, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>
    ) {
        let most = rate / 50
        var left = count
        while left > 0 {
            let wanted = min(left, most)
            substitute(UnsafeMutableBufferPointer(rebasing: workspace.gap[0..<most]), wanted)
            let frame = UnsafeBufferPointer(rebasing: workspace.gap[0..<wanted])
            bridge?.noteConcealed(wanted, rate: rate)
            deliver(frame, at: nil, now, &bridge, &recorder, &workspace, &out)
            left -= wanted
        }
    }

    /// Writes `wanted` samples (at most 20 ms, the size of `room`) of what stands for audio that is
    /// not there.
    private mutating func substitute(_ room: UnsafeMutableBufferPointer<Int16>, _ wanted: Int) {
        let frame = UnsafeMutableBufferPointer(rebasing: room[0..<wanted])
        if isQuiet {
            noise?.fill(into: frame)
            concealer?.good(UnsafeBufferPointer(frame))
        } else if decoder.concealsLoss {
            // libopus conceals whole 2.5 ms; what is too much of the last is left out.
            let step = rate / 400
            let whole = min((wanted + step - 1) / step * step, room.count)
            if !decoder.conceal(into: UnsafeMutableBufferPointer(rebasing: room[0..<whole])) {
                frame.update(repeating: 0)
            }
        } else {
            concealer?.conceal(into: frame)
        }
    }

    /// - Parameter position: on the tap's timeline, RTP clock units; nil: made up here, behind what
    ///   came before.
    private mutating func deliver(
        _ samples: UnsafeBufferPointer<Int16>, at position: Int64?, _ now: Instant,
        _ bridge: inout LegBridge?, _ recorder: inout LegRecorderTap?,
        _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>
    ) {
        delivered += Int64(samples.count)
        bridge?.offer(samples, rate: rate, workspace: &workspace)
        recorder?.received(
            samples, rate: rate, at: position, clockRate: decoder.codec.clockRate, now: now,
            workspace: &workspace)
        guard detectors != nil else { return }
        detectors?.isEconomical = workspace.shedsDetection
        if narrowing == nil {
            detectors?.push(samples, out: &workspace.detections)
        } else if let result = narrowing?.process(samples, into: workspace.resampled) {
            detectors?.push(
                UnsafeBufferPointer(rebasing: workspace.resampled[0..<result.written]),
                out: &workspace.detections)
        }
        if !workspace.detections.isEmpty { drainDetections(now, &workspace, &out) }
    }

    // MARK: detections

    private mutating func drainDetections(
        _ now: Instant, _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>
    ) {
        for index in 0..<workspace.detections.count {
            let event = workspace.detections[index]
            if case .dtmf(let digit, _, _) = event {
                _ = report(digit, .inband, now, &workspace.counters, &out)
            } else {
                out.push(.detection(event))
            }
        }
        workspace.detections.drain { _ in }
    }

    /// Gateways leave remnants of a tone beside its telephone-event: one press is said once, and the other
    /// sign of it is not a press that the next one would be compared with. False for one too many.
    private mutating func report(
        _ digit: Character, _ source: DTMFSource, _ now: Instant,
        _ counters: inout MediaCounters, _ out: inout Outbox<LegOutput>
    ) -> Bool {
        if let lastDigit, lastDigit.digit == digit, lastDigit.source != source,
            now - lastDigit.at < Self.samePress
        {
            return true
        }
        lastDigit = (digit, source, now)
        guard presses.take(now: now) else {
            counters.digitsIgnored += 1
            return false
        }
        out.push(.dtmf(digit, source: source))
        return true
    }
}
