internal import SIP
internal import Telemetry

/// Publishes the user agent's plain totals under the names of the catalogue. One event loop writes;
/// each counter is a shard, so that several agents of one process add up.
struct SignallingMetrics {
    private let received: [CounterShard]
    private let sent: [CounterShard]
    private let parseErrors: [CounterShard]
    private let classes: [CounterShard]
    private let retransmissions: CounterShard
    private let transactions: Gauge

    private static let classKinds: [MessageKind] = [
        .provisional, .success, .redirection, .clientError, .serverError, .globalError,
    ]
    /// Methods by name; responses share one label.
    private static let labels =
        MessageKind.allCases.filter { !$0.isResponse }.map(\.label) + ["response"]

    init(_ registry: MetricsRegistry) {
        received = Self.labels.map {
            registry.counter(Catalogue.sipMessagesReceived, [$0]).shard()
        }
        sent = Self.labels.map { registry.counter(Catalogue.sipMessagesSent, [$0]).shard() }
        parseErrors = SIPError.labels.map {
            registry.counter(Catalogue.sipParseErrors, [$0]).shard()
        }
        classes = Self.classKinds.map {
            registry.counter(Catalogue.sipResponses, [$0.label]).shard()
        }
        retransmissions = registry.counter(Catalogue.sipRetransmissions).shard()
        transactions = registry.gauge(Catalogue.sipTransactions)
    }

    func publish(_ agent: UserAgent) {
        let counters = agent.counters
        publish(received) { counters.received($0) }
        publish(sent) { counters.sent($0) }
        for (shard, label) in zip(parseErrors, SIPError.labels) {
            shard.publish(total: counters.parseErrors(label))
        }
        for (shard, kind) in zip(classes, Self.classKinds) {
            shard.publish(total: counters.received(kind))
        }
        retransmissions.publish(total: counters.retransmissions)
        transactions.set(Double(agent.transactionCount))
    }

    private func publish(_ shards: [CounterShard], _ value: (MessageKind) -> Int) {
        let methods = MessageKind.allCases.filter { !$0.isResponse }
        for (shard, kind) in zip(shards, methods) { shard.publish(total: value(kind)) }
        shards.last?.publish(total: Self.classKinds.reduce(0) { $0 + value($1) })
    }
}
