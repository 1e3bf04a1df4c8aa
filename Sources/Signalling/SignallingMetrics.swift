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
    private let overloads: CounterShard
    private let ignoredDescriptions: CounterShard
    private let refusedOffers: CounterShard
    private let connections: Gauge
    private let dropped: [(StreamTransports.Drop, CounterShard)]
    private let denied: CounterShard
    private let limited: CounterShard
    /// One a trunk.
    private let trunks: [(up: Gauge, calls: Gauge, registered: Gauge?)]

    private static let classKinds: [MessageKind] = [
        .provisional, .success, .redirection, .clientError, .serverError, .globalError,
    ]
    /// Methods by name; responses share one label.
    private static let labels =
        MessageKind.allCases.filter { !$0.isResponse }.map(\.label) + ["response"]

    init(_ registry: MetricsRegistry, trunks: [TrunkConfiguration]) {
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
        overloads = registry.counter(Catalogue.sipOverloads).shard()
        ignoredDescriptions = registry.counter(Catalogue.sipEarlyMediaIgnored).shard()
        refusedOffers = registry.counter(Catalogue.sipOffersRefused).shard()
        connections = registry.gauge(Catalogue.sipConnections)
        dropped = StreamTransports.Drop.allCases.map {
            ($0, registry.counter(Catalogue.sipConnectionsDropped, [$0.rawValue]).shard())
        }
        denied = registry.counter(Catalogue.sipSourcesRefused, ["denied"]).shard()
        limited = registry.counter(Catalogue.sipSourcesRefused, ["limited"]).shard()
        self.trunks = trunks.map {
            (
                registry.gauge(Catalogue.sipTrunkUp, [$0.name]),
                registry.gauge(Catalogue.sipTrunkCalls, [$0.name]),
                $0.registration == nil
                    ? nil : registry.gauge(Catalogue.sipRegistered, [$0.name])
            )
        }
    }

    /// Once a second: connections, sources and trunks.
    func publish(
        _ streams: StreamTransports, _ gate: SourceGate, _ states: [TrunkState],
        isRegistered: (Int) -> Bool
    ) {
        connections.set(Double(streams.connectionCount))
        for (drop, shard) in dropped { shard.publish(total: streams.drops[drop] ?? 0) }
        denied.publish(total: gate.denied)
        limited.publish(total: gate.limited)
        for (index, (gauges, state)) in zip(trunks, states).enumerated() {
            gauges.up.set(state.isUp ? 1 : 0)
            gauges.calls.set(Double(state.calls))
            gauges.registered?.set(isRegistered(index) ? 1 : 0)
        }
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
        overloads.publish(total: counters.overloads)
        ignoredDescriptions.publish(total: counters.ignoredDescriptions)
        refusedOffers.publish(total: counters.refusedOffers)
    }

    private func publish(_ shards: [CounterShard], _ value: (MessageKind) -> Int) {
        let methods = MessageKind.allCases.filter { !$0.isResponse }
        for (shard, kind) in zip(shards, methods) { shard.publish(total: value(kind)) }
        shards.last?.publish(total: Self.classKinds.reduce(0) { $0 + value($1) })
    }
}
