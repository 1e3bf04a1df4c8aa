internal import Base
internal import Detection
internal import Media
internal import Telemetry

/// One worker's parts of the process's counters. The worker counts in plain integers and publishes
/// totals every 100 ms.
struct WorkerMetrics {
    private let received: CounterShard
    private let sent: CounterShard
    private let lost: CounterShard
    private let rejected: [CounterShard]
    private let bytesReceived: CounterShard
    private let bytesSent: CounterShard
    private let concealed: CounterShard
    private let socketDrops: CounterShard
    private let recordingDrops: CounterShard
    private let handshakes: [CounterShard]
    private let dtlsRetransmissions: CounterShard
    private let handshakeTime: Histogram
    private let detections: [CounterShard]
    private var detectionCounts: [Int]
    private let sharedCollisions: CounterShard
    private let sharedOverruns: CounterShard
    let lateness: Histogram
    let playoutDelay: Histogram
    private let links: [(shard: CounterShard, total: (LinkCounters) -> Int)]

    private static let detectionNames = [
        "speech_start", "speech_end", "beep", "tone", "dtmf", "verdict", "greeting_end",
        "ready_for_message", "barge_in",
    ]

    init(_ metrics: MetricsRegistry) {
        received = metrics.counter(Catalogue.rtpPacketsReceived).shard()
        sent = metrics.counter(Catalogue.rtpPacketsSent).shard()
        lost = metrics.counter(Catalogue.rtpPacketsLost).shard()
        rejected = RejectReason.allCases.map {
            metrics.counter(Catalogue.rtpPacketsRejected, [$0.label]).shard()
        }
        bytesReceived = metrics.counter(Catalogue.rtpBytesReceived).shard()
        bytesSent = metrics.counter(Catalogue.rtpBytesSent).shard()
        concealed = metrics.counter(Catalogue.rtpConcealedFrames).shard()
        socketDrops = metrics.counter(Catalogue.rtpSocketDrops).shard()
        recordingDrops = metrics.counter(Catalogue.recordingDroppedSamples).shard()
        handshakes = MediaCounters.handshakeResults.map {
            metrics.counter(Catalogue.dtlsHandshakes, [$0]).shard()
        }
        dtlsRetransmissions = metrics.counter(Catalogue.dtlsRetransmissions).shard()
        handshakeTime = metrics.histogram(Catalogue.dtlsHandshakeSeconds)
        detections = Self.detectionNames.map {
            metrics.counter(Catalogue.detectionEvents, [$0]).shard()
        }
        detectionCounts = Array(repeating: 0, count: Self.detectionNames.count)
        sharedCollisions = metrics.counter(Catalogue.mediaSharedCollisions).shard()
        sharedOverruns = metrics.counter(Catalogue.mediaSharedOverruns).shard()
        lateness = metrics.histogram(Catalogue.mediaTickLatenessSeconds)
        playoutDelay = metrics.histogram(Catalogue.playoutDelaySeconds)
        let packets = { metrics.counter(Catalogue.playoutPackets, [$0]).shard() }
        let adjustments = { metrics.counter(Catalogue.playoutAdjustments, [$0]).shard() }
        links = [
            (packets("received"), { $0.playoutReceived }), (packets("late"), { $0.playoutLate }),
            (packets("early"), { $0.playoutEarly }), (packets("lost"), { $0.playoutLost }),
            (packets("unusable"), { $0.playoutUnusable }),
            (adjustments("expanded"), { $0.playoutExpansions }),
            (adjustments("compressed"), { $0.playoutCompressions }),
            (metrics.counter(Catalogue.playoutUnderruns).shard(), { $0.playoutUnderruns }),
            (metrics.counter(Catalogue.linkUnderruns).shard(), { $0.underruns }),
            (
                metrics.counter(Catalogue.linkDroppedSamples).shard(),
                {
                    $0.overrunSamples + $0.trimmedSamples
                }
            ),
        ]
    }

    mutating func count(_ output: LegOutput) {
        switch output {
        case .detection(let event):
            if let index = Self.index(event) { detectionCounts[index] += 1 }
        case .dtmf(_, .inband): detectionCounts[4] += 1
        case .mediaSecured(_, let time): handshakeTime.observe(time.seconds)
        default: break
        }
    }

    func publish(_ counters: MediaCounters, socketDrops drops: Int) {
        received.publish(total: counters.packetsReceived)
        sent.publish(total: counters.packetsSent)
        lost.publish(total: counters.packetsLost)
        for (reason, shard) in zip(RejectReason.allCases, rejected) {
            shard.publish(total: counters.rejected(reason))
        }
        bytesReceived.publish(total: counters.bytesReceived)
        bytesSent.publish(total: counters.bytesSent)
        concealed.publish(total: counters.concealedMicroseconds / 20_000)
        socketDrops.publish(total: drops)
        recordingDrops.publish(total: counters.recordingDroppedSamples)
        for (shard, total) in links { shard.publish(total: total(counters.links)) }
        for (result, shard) in zip(MediaCounters.handshakeResults, handshakes) {
            shard.publish(total: counters.handshakes(result))
        }
        dtlsRetransmissions.publish(total: counters.dtlsRetransmissions)
        for (count, shard) in zip(detectionCounts, detections) { shard.publish(total: count) }
    }

    func publishShared(collisions: Int, overruns: Int) {
        sharedCollisions.publish(total: collisions)
        sharedOverruns.publish(total: overruns)
    }

    /// nil: what only steers the call.
    private static func index(_ event: DetectionEvent) -> Int? {
        switch event {
        case .speechStart: 0
        case .speechEnd: 1
        case .beep: 2
        case .tone: 3
        case .dtmf: 4
        case .verdict: 5
        case .greetingEnd: 6
        case .readyForMessage: 7
        case .bargeIn: 8
        case .interrupter: nil
        }
    }
}
