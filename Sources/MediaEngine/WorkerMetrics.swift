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
    private let detections: [CounterShard]
    private var detectionCounts: [Int]
    let lateness: Histogram

    private static let detectionNames = [
        "speech_start", "speech_end", "beep", "tone", "dtmf", "verdict", "greeting_end",
        "ready_for_message",
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
        detections = Self.detectionNames.map {
            metrics.counter(Catalogue.detectionEvents, [$0]).shard()
        }
        detectionCounts = Array(repeating: 0, count: Self.detectionNames.count)
        lateness = metrics.histogram(Catalogue.mediaTickLatenessSeconds)
    }

    mutating func count(_ output: LegOutput) {
        switch output {
        case .detection(let event): detectionCounts[Self.index(event)] += 1
        case .dtmf(_, .inband): detectionCounts[4] += 1
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
        concealed.publish(total: counters.concealedSamples / 160)
        socketDrops.publish(total: drops)
        recordingDrops.publish(total: counters.recordingDroppedSamples)
        for (count, shard) in zip(detectionCounts, detections) { shard.publish(total: count) }
    }

    private static func index(_ event: DetectionEvent) -> Int {
        switch event {
        case .speechStart: 0
        case .speechEnd: 1
        case .beep: 2
        case .tone: 3
        case .dtmf: 4
        case .verdict: 5
        case .greetingEnd: 6
        case .readyForMessage: 7
        }
    }
}
