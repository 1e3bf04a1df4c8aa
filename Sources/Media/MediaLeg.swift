internal import Audio
public import Base
internal import Detection
internal import RTP
public import SecureRTP

// One media leg, as a value. Packets and ticks go in with their time, packets leave through `send`,
// facts through `out`; no socket, no clock, no thread. A worker drives thousands of these, a test
// or the simulator one.
//
//   datagram ─► demux (RFC 7983) ─┬─► RTP: header ─► type ─► SourceRule ─► SRTP ─► SSRC ─┐
//                                 │      ┌──────────────────────────────────────────────┘
//                                 │      ├─► telephone-event ───────────────────────────► dtmf
//                                 │      ├─► echo mode: straight back, our header ───────► send
//                                 │      └─► InOrderTap ─► LegHearing: decode, conceal ┬► detectors
//                                 │                                                    ├► bridge
//                                 │                                                    └► recorder
//                                 ├─► RTCP: source, SRTCP ─► LegReports
//                                 └─► DTLS: LegDTLS ─► SRTP keys, flights ─► send
//   20 ms tick ─► LegSender: digit > clip > bridge + links > silence ─► codec ─► header ─► SRTP ─► send
//              └► tap deadline, stall, recorder, RTCP schedule, media timeout

/// What makes a leg different from every other on the wire. The edge draws these at random.
public struct LegIdentity: Sendable {
    /// Of what the leg sends, until a collision makes it choose another (RFC 3550 8.2).
    public var ssrc: UInt32
    /// First sequence number and timestamp (RFC 3550 5.1: random).
    public var sequence: UInt16
    /// Of the first frame, in units of the codec's RTP clock.
    public var timestamp: UInt32
    /// Seeds the randomisation of the RTCP interval.
    public var seed: UInt64
    /// RFC 7022: says nothing about the host or its user.
    public var cname: String
    /// Nanoseconds from 1970 to `Instant.zero`, for the NTP time of sender reports.
    public var ntpOrigin: Int64

    /// Without `ntpOrigin`: sender reports count from 1970 at `Instant.zero`.
    public init(
        ssrc: UInt32, sequence: UInt16, timestamp: UInt32, seed: UInt64, cname: String,
        ntpOrigin: Int64 = 0
    ) {
        self.ssrc = ssrc
        self.sequence = sequence
        self.timestamp = timestamp
        self.seed = seed
        self.cname = cname
        self.ntpOrigin = ntpOrigin
    }
}

/// The receiving, hearing, speaking and recording of one call's audio.
public struct MediaLeg: ~Copyable {
    /// How often `tick` is to be called.
    public static let tick = Interval.milliseconds(20)
    /// Frame lengths that can be sent, ms.
    public static let ptimes = [10, 20, 30, 40, 60]
    /// Rates of an `AudioBridge` that a leg can serve, Hz.
    public static let bridgeRates = [8000, 16_000, 24_000]
    /// Rates of clips that a leg plays, Hz.
    public static let clipRates = [8000, 16_000]
    /// Payload types beside the first that the far end may send.
    public static let alternativeLimit = 8
    /// Largest datagram that is looked at.
    public static let maximumDatagram = 1500
    /// Room that SRTP needs behind a packet (RFC 3711: tag and MKI).
    static let trailerLimit = 144
    /// Loss is added to the totals this often, ticks.
    static let lossPeriod = 50

    let options: LegOptions
    let mediaTimeout: Interval?
    var remote: RemoteMedia?
    var remoteRTCP: SocketAddressValue?
    var source: SourceRule
    var receiver = LegReceiver()
    var hearing: LegHearing
    var sender: LegSender
    var reports: LegReports
    var collision: SourceCollision
    var srtcpSource: SocketAddressValue?
    /// Whose SRTCP said so.
    var srtcpStream: UInt32?
    /// SDES keys of the contexts that `sender` and `receiver` have; nil: there are none, or DTLS's.
    var liveKeys: SRTPKeys?
    /// Contexts of SDES keys that were in use before, or that the far end may change to.
    var keyring: SRTPKeyring
    /// Newest index of the far end's stream under an earlier key.
    var formerIndex: UInt64?
    let certificate: DTLSIdentity?
    var dtls: LegDTLS?
    /// SRTCP of a port of its own, with the keys of its own association (RFC 5764 3).
    var srtcpOut: SRTPContext?
    var srtcpIn: SRTPContext?
    var bridge: LegBridge?
    /// Nil while no other leg is linked to this one.
    var links: LegLinks?
    var recorder: LegRecorderTap?
    var answeredAt: Instant?
    /// When the far end was last allowed to send after it was not: nobody was missed before.
    var receivesSince: Instant?
    var saidTimeout = false
    private var ticks = 0
    /// What is not taken is counted by whoever tries it on several legs.
    var isTrial = false

    /// - Parameters:
    ///   - mediaTimeout: silence of RTP and RTCP after the answer that is reported.
    ///   - certificate: for DTLS-SRTP; without one a leg refuses `RemoteMedia.dtls`.
    public init(
        _ options: LegOptions, identity: LegIdentity, mediaTimeout: Interval? = nil,
        certificate: DTLSIdentity? = nil, now: Instant
    ) {
        self.options = options
        self.mediaTimeout = mediaTimeout
        self.certificate = certificate
        hearing = LegHearing(
            detectors: options.detection ? DetectorChain(policy: options.policy) : nil,
            noiseSeed: identity.seed)
        hearing.expectTranscript(options.expectsTranscript)
        keyring = SRTPKeyring(backend: options.srtpBackend)
        source = SourceRule(learnsAnyHost: options.learnsAnyHost)
        sender = LegSender(identity: identity, options: options)
        sender.metersSpeech = options.detection
        reports = LegReports(identity: identity, now: now)
        collision = SourceCollision(seed: identity.seed)
    }

    /// The SDP has come. Not `remote != nil`, which copies both sides to compare them: 0.3 µs a packet.
    @inline(__always) var isConfigured: Bool {
        if case .none = remote { false } else { true }
    }
    /// Of what is sent now; a collision changes it (RFC 3550 8.2).
    public var ssrc: UInt32 { sender.ssrc }
    /// Rate of what is said, and so of a recording that begins now: 8000 or 16000 Hz.
    public var sampleRate: Int { sender.rate }
    /// Between `startRecording` and `stopRecording`.
    public var isRecording: Bool { recorder != nil }
    /// Where RTP goes now: the proven source, before that the SDP's address.
    public var destination: SocketAddressValue? { source.destination }
    /// From the far end's RTCP; nil before its first usable report.
    public var roundTripMilliseconds: Double? { reports.roundTripMilliseconds }
    /// What the far end lost of ours since its previous report, 0…1.
    public var remoteFractionLost: Double? { reports.remoteFractionLost }

    /// Whole samples of `rate` Hz in `interval`.
    static func samples(in interval: Interval, rate: Int) -> Int64 {
        let seconds = interval.nanoseconds / 1_000_000_000
        let rest = interval.nanoseconds % 1_000_000_000
        return seconds &* Int64(rate) &+ rest &* Int64(rate) / 1_000_000_000
    }

    // MARK: the tick

    /// Call every 20 ms with the *nominal* time of the tick: media time is counted by it.
    public mutating func tick(
        now: Instant, workspace: inout LegWorkspace, out: inout Outbox<LegOutput>,
        send: PacketSend
    ) {
        if dtls != nil { tickDTLS(now: now, &workspace, &out, send) }
        if collision.isPending { leaveSource(now: now, &workspace, send) }
        if receiver.tap.isDue(now: now) { drainTap(now: now, &workspace, &out) }
        if receiver.receives {
            // Packets that the tap holds will say themselves how long the gap before them is.
            if receiver.tap.heldPackets == 0 {
                hearing.tick(
                    now: now, bridge: &bridge, recorder: &recorder, workspace: &workspace,
                    out: &out)
            }
        } else {
            hearing.skip(now: now)
        }
        if links != nil { takeLinkedDigits(&workspace) }
        sender.tick(
            now: now, destination: awaitsKeys ? nil : source.destination, bridge: &bridge,
            links: links, recorder: &recorder, workspace: &workspace, out: &out, send: send)
        if let frame = sender.takeSaid() { hearing.said(frame) }
        if links != nil { tickLinks(now: now, &workspace, &out) }
        recorder?.advance(now: now)
        if isConfigured, reports.isDue(now: now, lastMedia: receiver.lastReceived) {
            sendReport(bye: false, now: now, &workspace, send)
        }
        checkTimeout(now: now, &out)
        ticks &+= 1
        if ticks % Self.lossPeriod == 0 {
            workspace.counters.packetsLost += receiver.takeNewLoss()
        }
    }

    private mutating func checkTimeout(now: Instant, _ out: inout Outbox<LegOutput>) {
        guard let mediaTimeout, let answeredAt, !saidTimeout, receiver.receives else { return }
        var last = answeredAt
        if let receivesSince { last = max(last, receivesSince) }
        if let received = receiver.lastReceived { last = max(last, received) }
        if let received = reports.lastReceived { last = max(last, received) }
        guard now - last >= mediaTimeout else { return }
        saidTimeout = true
        out.push(.mediaTimeout)
    }

    func reportDestination() -> (address: SocketAddressValue, channel: LegChannel)? {
        guard let remote, let rtp = source.destination else { return nil }
        if remote.rtcpMux { return (rtp, .rtp) }
        if let srtcpSource { return (srtcpSource, .rtcp) }
        // Behind a NAT the signalled address leads nowhere: try the port above the RTP source's.
        if let remoteRTCP, source.isAtSignalledHost || rtp.hasSameHost(as: remoteRTCP) {
            return (remoteRTCP, .rtcp)
        }
        return (rtp.withPort(rtp.port &+ 1), .rtcp)
    }

    mutating func sendReport(
        bye: Bool, now: Instant, _ workspace: inout LegWorkspace, _ send: PacketSend
    ) {
        guard !awaitsKeys, let target = reportDestination() else { return }
        let since = sender.packetsSinceReport
        sender.packetsSinceReport = 0
        let metrics = reports.usesExtendedReports ? voipMetrics : nil
        var count = reports.write(
            into: workspace.packet, sender: sender, packetsSinceLast: since,
            statistics: &receiver.statistics, theirSSRC: receiver.stream?.ssrc,
            heard: receiver.heard, metrics: metrics, bye: bye, now: now)
        if receiver.isSecure {
            guard let secured = protectRTCP(workspace.packet, count: count) else { return }
            count = secured
        }
        _ = send(
            UnsafeRawBufferPointer(rebasing: workspace.packet[0..<count]), target.address,
            target.channel)
    }

    // MARK: parts

    mutating func drainTap(
        now: Instant, at moment: Instant? = nil, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>
    ) {
        let clockRate = receiver.clockRate
        Self.drain(
            &receiver.tap, clockRate, until: now, at: moment ?? now, &hearing, &bridge, &recorder,
            &workspace, &out)
    }

    /// A function of disjoint parts, so that the tap may call into the others.
    private static func drain(
        _ tap: inout InOrderTap, _ clockRate: Int, until deadline: Instant, at now: Instant,
        _ hearing: inout LegHearing, _ bridge: inout LegBridge?,
        _ recorder: inout LegRecorderTap?, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>
    ) {
        while tap.next(
            now: deadline,
            { piece in
                hearing.take(
                    piece, clockRate: clockRate, now: now, bridge: &bridge, recorder: &recorder,
                    workspace: &workspace, out: &out)
            })
        {}
    }

    mutating func reject(_ reason: RejectReason, _ workspace: inout LegWorkspace) {
        guard !isTrial else { return }
        receiver.rejected += 1
        workspace.counters.reject(reason)
    }
}
