internal import Media
internal import Telemetry

/// One worker's counts of what it gave up: what an operator looks at first.
struct WorkerLosses {
    private let sendFailures: CounterShard
    private let digitsRefused: CounterShard
    private let digitsIgnored: CounterShard
    private let ticksSkipped: CounterShard
    private let eventsDropped: CounterShard
    private let sheddings: CounterShard
    private let streamTurns: CounterShard
    private let backlogs: CounterShard

    init(_ metrics: MetricsRegistry) {
        sendFailures = metrics.counter(Catalogue.rtpSendFailures).shard()
        digitsRefused = metrics.counter(Catalogue.mediaDigitsRefused).shard()
        digitsIgnored = metrics.counter(Catalogue.mediaDigitsIgnored).shard()
        ticksSkipped = metrics.counter(Catalogue.mediaTicksSkipped).shard()
        eventsDropped = metrics.counter(Catalogue.mediaEventsDropped).shard()
        sheddings = metrics.counter(Catalogue.mediaSheddings).shard()
        streamTurns = metrics.counter(Catalogue.mediaStreamTurns).shard()
        backlogs = metrics.counter(Catalogue.mediaReceiveBacklogs).shard()
    }

    func publish(
        _ counters: MediaCounters, sharedFailures: Int, skippedTicks: Int, droppedEvents: Int,
        sheddings begun: Int, streamTurns turns: Int, backlogs held: Int
    ) {
        sendFailures.publish(total: counters.sendFailures + sharedFailures)
        digitsRefused.publish(total: counters.digitsRefused)
        digitsIgnored.publish(total: counters.digitsIgnored)
        ticksSkipped.publish(total: skippedTicks)
        eventsDropped.publish(total: droppedEvents)
        sheddings.publish(total: begun)
        streamTurns.publish(total: turns)
        backlogs.publish(total: held)
    }
}
