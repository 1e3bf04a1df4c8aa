import Foundation
import Testing

@testable import Telemetry

@Test func counterAddsUpAndIgnoresWhatWouldLowerIt() {
    let counter = Counter()
    counter.increment()
    counter.increment(by: 41)
    counter.increment(by: 0)
    counter.increment(by: -5)
    #expect(counter.value == 42)
}

@Test func publishedTotalReplacesTheEarlierOneAndNeverFalls() {
    let counter = Counter()
    counter.publish(total: 10)
    counter.publish(total: 25)
    counter.publish(total: 7)
    #expect(counter.value == 25)
    counter.increment(by: 5)
    #expect(counter.value == 30)
}

@Test func shardsOfSeveralOwnersAddUp() {
    let counter = Counter()
    let first = counter.shard()
    let second = counter.shard()
    first.publish(total: 100)
    second.publish(total: 11)
    first.publish(total: 150)
    second.publish(total: 3)
    #expect(first.value == 150)
    #expect(counter.value == 161)
}

@Test func gaugeIsSetAndMoved() {
    let gauge = Gauge()
    #expect(gauge.value == 0)
    gauge.set(2.5)
    gauge.add(-4)
    #expect(gauge.value == -1.5)
}

/// Bounds are inclusive; what exceeds the last bound goes to +Inf; NaN goes nowhere.
@Test func histogramPutsEachObservationIntoOneBucket() {
    let histogram = Histogram(buckets: [0.1, 1])
    for value in [0, 0.1, 0.100001, 1, 5, -3, .infinity] { histogram.observe(value) }
    histogram.observe(.nan)
    #expect(histogram.bucketCounts == [3, 2, 2])
    #expect(histogram.count == 7)
    #expect(histogram.sum == .infinity)
}

@Test func histogramWithoutBoundsHasOneBucket() {
    let histogram = Histogram(buckets: [])
    histogram.observe(3)
    #expect(histogram.bucketCounts == [1])
    #expect(histogram.sum == 3)
}

@Test func countingFromManyThreadsLosesNothing() {
    let registry = MetricsRegistry()
    let counter = registry.counter(Catalogue.rtpPacketsReceived)
    let gauge = registry.gauge(Catalogue.mediaLegs)
    let histogram = registry.histogram(Catalogue.callSetupSeconds)
    DispatchQueue.concurrentPerform(iterations: 8) { worker in
        let shard = counter.shard()
        for step in 1...1000 {
            counter.increment()
            shard.publish(total: step * 2)
            gauge.add(1)
            histogram.observe(0.5)
            if step % 100 == 0 {
                registry.counter(Catalogue.detectionEvents, ["e\(worker)"]).increment()
            }
        }
    }
    #expect(counter.value == 8 * 1000 + 8 * 2000)
    #expect(gauge.value == 8000)
    #expect(histogram.count == 8000)
    #expect(histogram.sum == 4000)
    for worker in 0..<8 {
        #expect(registry.counter(Catalogue.detectionEvents, ["e\(worker)"]).value == 10)
    }
}
