import Media
import Telemetry
import Testing

@testable import MediaEngine

/// Whatever the rates of the legs: 45 ms are two whole frames of 20 ms.
@Test func concealedAudioIsCountedInFramesOfTwentyMilliseconds() {
    let metrics = MetricsRegistry()
    let worker = WorkerMetrics(metrics)
    var counters = MediaCounters()
    counters.concealedMicroseconds = 45_000
    worker.publish(counters, socketDrops: 0)
    #expect(metrics.counter(Catalogue.rtpConcealedFrames).value == 2)
    counters.concealedMicroseconds = 60_000
    worker.publish(counters, socketDrops: 0)
    #expect(metrics.counter(Catalogue.rtpConcealedFrames).value == 3)
}
