internal import Audio
internal import Base
internal import Detection
internal import RTP

/// What happens to received audio once it is in order: decode, conceal, then the detectors, the
/// bridge and the recorder, all on one timeline without holes.
///
/// The timeline follows the sender's timestamps. When nothing comes for a while it follows the
/// clock with silence instead (a callee who sends no packets is a silent callee, and the detectors
/// must learn that), and a gap that the tap reports afterwards is shortened by what was filled
/// already.
struct LegHearing: ~Copyable {
    /// Nothing for this long: silence is filled in. Above any ptime plus the tap's wait.
    static let stallAfter = Interval.milliseconds(400)
    /// How far behind the clock the filling stays, so that what is only late still finds its place.
    static let fillLag = Interval.milliseconds(300)
    /// Longest silence filled in at once, samples (10 s): a worker that was stopped longer skips.
    static let maximumFill = 80_000
    /// The same digit heard by both ways within this time is one press.
    static let samePress = Interval.milliseconds(600)

    var codec = AudioCodec.pcmu
    var detectors: DetectorChain?
    private var concealer = LossConcealer()
    /// When the timeline's sample 0 was.
    private var start: Instant?
    private var delivered: Int64 = 0
    /// A packet has come.
    private var hasHeard = false
    private var lastDelivery = Instant.zero
    /// Silence filled in by the clock that a later gap must not repeat.
    private var filled = 0
    private var lastDigit: (digit: Character, source: DTMFSource, at: Instant)?

    init(detectors: consuming DetectorChain?) { self.detectors = detectors }

    /// The timeline begins at the latest with the answer.
    mutating func answered(now: Instant) {
        if start == nil {
            start = now
            lastDelivery = now
        }
        detectors?.answered()
    }

    /// One piece from the tap.
    mutating func take(
        _ piece: TapOutput, now: Instant, bridge: inout LegBridge?,
        recorder: inout LegRecorderTap?, workspace: inout LegWorkspace,
        out: inout Outbox<LegOutput>
    ) {
        if start == nil { start = now }
        lastDelivery = now
        if !hasHeard, let start {
            // Between the answer and the first packet there was silence, however short.
            hasHeard = true
            let before = MediaLeg.samples(in: now - start) - delivered
            let count = Int(min(max(0, before), Int64(Self.maximumFill)))
            fill(count, now, &bridge, &recorder, &workspace, &out)
        }
        switch piece {
        case .payload(let payload, _, _):
            let count = codec.decode(payload, into: workspace.samples)
            let samples = UnsafeBufferPointer(rebasing: workspace.samples[0..<count])
            concealer.good(samples)
            filled = 0
            deliver(samples, now, &bridge, &recorder, &workspace, &out)
        case .gap(let samples, _):
            let rest = samples - min(samples, filled)
            filled = 0
            workspace.counters.concealedSamples += rest
            fill(rest, now, &bridge, &recorder, &workspace, &out)
        }
    }

    /// Fills in silence when the far end has gone quiet. Call each tick.
    mutating func tick(
        now: Instant, bridge: inout LegBridge?, recorder: inout LegRecorderTap?,
        workspace: inout LegWorkspace, out: inout Outbox<LegOutput>
    ) {
        guard let start, now - lastDelivery >= Self.stallAfter else { return }
        let due = MediaLeg.samples(in: now - start - Self.fillLag) - delivered
        guard due > 0 else { return }
        if due > Int64(Self.maximumFill) { delivered += due - Int64(Self.maximumFill) }
        let count = Int(min(due, Int64(Self.maximumFill)))
        filled += count
        fill(count, now, &bridge, &recorder, &workspace, &out)
    }

    /// On hold: this time is nobody's silence.
    mutating func skip(now: Instant) {
        guard let start else { return }
        delivered = MediaLeg.samples(in: now - start)
        lastDelivery = now
    }

    /// A telephone-event press began.
    mutating func pressed(_ digit: Character, now: Instant, out: inout Outbox<LegOutput>) {
        report(digit, .rfc4733, now, &out)
    }

    mutating func finish(
        now: Instant, workspace: inout LegWorkspace, out: inout Outbox<LegOutput>
    ) {
        detectors?.finish(out: &workspace.detections)
        drainDetections(now, &workspace, &out)
    }

    private mutating func fill(
        _ count: Int, _ now: Instant, _ bridge: inout LegBridge?,
        _ recorder: inout LegRecorderTap?, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>
    ) {
        var left = count
        while left > 0 {
            let frame = UnsafeMutableBufferPointer(
                rebasing: workspace.samples[0..<min(left, MediaLeg.tickSamples)])
            concealer.conceal(into: frame)
            deliver(UnsafeBufferPointer(frame), now, &bridge, &recorder, &workspace, &out)
            left -= frame.count
        }
    }

    private mutating func deliver(
        _ samples: UnsafeBufferPointer<Int16>, _ now: Instant, _ bridge: inout LegBridge?,
        _ recorder: inout LegRecorderTap?, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>
    ) {
        delivered += Int64(samples.count)
        bridge?.offer(samples, workspace: &workspace)
        recorder?.received(samples, now: now)
        guard detectors != nil else { return }
        detectors?.push(samples, out: &workspace.detections)
        if !workspace.detections.isEmpty { drainDetections(now, &workspace, &out) }
    }

    private mutating func drainDetections(
        _ now: Instant, _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>
    ) {
        for index in 0..<workspace.detections.count {
            let event = workspace.detections[index]
            if case .dtmf(let digit, _, _) = event {
                report(digit, .inband, now, &out)
            } else {
                out.push(.detection(event))
            }
        }
        workspace.detections.drain { _ in }
    }

    /// Gateways leave remnants of a tone beside its telephone-event: one press is said once.
    private mutating func report(
        _ digit: Character, _ source: DTMFSource, _ now: Instant, _ out: inout Outbox<LegOutput>
    ) {
        defer { lastDigit = (digit, source, now) }
        if let lastDigit, lastDigit.digit == digit, lastDigit.source != source,
            now - lastDigit.at < Self.samePress
        {
            return
        }
        out.push(.dtmf(digit, source: source))
    }
}
