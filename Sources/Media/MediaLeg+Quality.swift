internal import Audio
internal import Base
public import CallModel
public import RTP

/// How good a leg sounds, by what was measured on it.
public struct LegQuality: Equatable, Sendable {
    /// The E-model's rating of what we hear, 0…100 (ITU-T G.107).
    public var rFactor: Double
    /// Conversational MOS from it, 1…4.5.
    public var mos: Double
    /// Without the delay, 1…4.5.
    public var listeningMOS: Double
    /// Round trip on the network; nil before RTCP told it.
    public var roundTripMilliseconds: Double?
    /// RFC 3550 A.8.
    public var jitterMilliseconds: Double
    /// Bursts, gaps, losses and discards of the received audio.
    public var losses: LossPattern.Summary
}

extension MediaLeg {
    /// What a record keeps of the leg. Costs as much as `quality`.
    public var summary: MediaSummary {
        var summary = MediaSummary(
            packetsReceived: receiver.accepted, packetsSent: sender.packets,
            packetsLost: receiver.lost, packetsRejected: receiver.rejected,
            jitterMilliseconds: receiver.statistics.jitterMilliseconds)
        summary.roundTripMilliseconds = reports.roundTripMilliseconds
        summary.remotePacketsLost = reports.remotePacketsLost
        summary.remoteJitterMilliseconds = remoteJitterMilliseconds
        summary.remoteMOS = remoteMetrics?.meanOpinionScore
        // A rating of nothing would be the best there is.
        let quality = quality
        if quality.losses.expected > 0 {
            summary.rFactor = quality.rFactor
            summary.mos = quality.mos
        }
        return summary
    }

    /// Delay at both ends that the network does not show: one packet to fill, one tick to wait.
    static let endSystemMilliseconds = 40
    /// The longest wait of `InOrderTap`, ms.
    static let tapWaitMilliseconds = 60

    /// From what was received so far. Costs about a microsecond; not meant for every packet.
    public var quality: LegQuality {
        let losses = receiver.losses.summary
        let roundTrip = reports.roundTripMilliseconds
        let model = QualityModel(
            equipment: .g711,
            oneWayDelay: (roundTrip ?? 0) / 2 + Double(Self.endSystemMilliseconds),
            lossFraction: losses.unusableFraction, burstRatio: losses.burstRatio)
        return LegQuality(
            rFactor: model.rFactor, mos: model.mos,
            listeningMOS: QualityModel.mos(rFactor: model.listeningRFactor),
            roundTripMilliseconds: roundTrip,
            jitterMilliseconds: receiver.statistics.jitterMilliseconds, losses: losses)
    }

    /// What the far end says about our audio (RFC 3611 4.7); nil before its first such report.
    public var remoteMetrics: VoIPMetrics? { reports.remoteMetrics }

    /// Jitter of our audio at the far end, from its report blocks.
    public var remoteJitterMilliseconds: Double? { reports.remoteJitterMilliseconds }

    /// Send RTCP extended reports even before the far end does (SDP `a=rtcp-xr`).
    public var offersExtendedReports: Bool {
        get { reports.offersExtendedReports }
        set { reports.offersExtendedReports = newValue }
    }

    /// SSRCs of ours that were given up because the far end used them too (RFC 3550 8.2).
    public var sourceCollisions: Int { collision.changes }

    /// Packets of ours that came back to us.
    public var sourceLoops: Int { collision.loops }

    /// The VoIP metrics block about what we receive.
    var voipMetrics: VoIPMetrics {
        let quality = quality
        var metrics = VoIPMetrics(ssrc: receiver.stream?.ssrc ?? 0)
        quality.losses.apply(to: &metrics, packetMilliseconds: receiver.packetMilliseconds)
        if let roundTrip = quality.roundTripMilliseconds {
            metrics.roundTripDelay = UInt16(max(0, min(65_535, roundTrip)))
        }
        metrics.endSystemDelay = UInt16(Self.endSystemMilliseconds)
        metrics.rFactor = UInt8(max(0, min(100, quality.rFactor.rounded())))
        metrics.listeningMOS = UInt8(max(10, min(50, (quality.listeningMOS * 10).rounded())))
        metrics.conversationalMOS = UInt8(max(10, min(50, (quality.mos * 10).rounded())))
        // Standard concealment, a jitter buffer of fixed size (4.7.6).
        metrics.receiverConfiguration = 0b11_10_0000
        metrics.jitterBufferMaximum = UInt16(Self.tapWaitMilliseconds)
        metrics.jitterBufferAbsoluteMaximum = UInt16(Self.tapWaitMilliseconds)
        return metrics
    }

    /// Says BYE for our SSRC and goes on with another (RFC 3550 8.2).
    mutating func leaveSource(
        now: Instant, _ workspace: inout LegWorkspace, _ send: PacketSend
    ) {
        sendReport(bye: true, now: now, &workspace, send)
        let next = collision.next(besides: sender.ssrc, receiver.stream?.ssrc)
        sender.changeSource(to: next.ssrc, sequence: receiver.isSecure ? next.sequence : nil)
    }
}

extension VoIPMetrics {
    /// What the far end gives as conversational MOS (RFC 3611 4.7.5); nil for 127, "unavailable", and
    /// for what is not on the scale of 1 to 5.
    fileprivate var meanOpinionScore: Double? {
        (10...50).contains(conversationalMOS) ? Double(conversationalMOS) / 10 : nil
    }
}
