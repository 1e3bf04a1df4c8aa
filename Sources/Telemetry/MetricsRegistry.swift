internal import Synchronization

// worker counters ──publish every 100 ms──▶ CounterShard ─┐
// Counter.increment, Gauge.set, Histogram.observe ────────┼─▶ render() ─▶ GET /metrics
// onScrape { gauge.set(table.count) } ──called first──────┘
//
// Counting is lock-free. The registry's lock guards only the table of label sets.

/// Every metric of the process, and their Prometheus text.
public final class MetricsRegistry: Sendable {
    /// Label sets a metric may have. What comes after is counted under `other` in every label, so
    /// that no peer can grow the table or the scrape.
    public static let maximumLabelSets = 64
    /// Characters kept of a label value.
    public static let maximumLabelLength = 64

    enum Instrument: Sendable {
        case counter(Counter)
        case gauge(Gauge)
        case histogram(Histogram)
    }

    struct Family: Sendable {
        let definition: MetricDefinition
        var instruments: [[String]: Instrument] = [:]
        /// Takes what does not fit in `instruments`.
        var overflow: Instrument?
    }

    private struct State: Sendable {
        var families: [Family] = []
        var indices: [String: Int] = [:]
        var refreshers: [@Sendable () -> Void] = []
    }

    private let state: Mutex<State>
    private let overflows: Counter

    /// Every metric of the catalogue that has no labels is present, at 0, from the start.
    public convenience init() { self.init(definitions: Catalogue.all) }

    init(definitions: [MetricDefinition]) {
        var state = State()
        var overflows = Counter()
        for definition in definitions where state.indices[definition.name] == nil {
            var family = Family(definition: definition)
            if definition.labels.isEmpty {
                let instrument = Self.makeInstrument(definition)
                family.instruments[[]] = instrument
                if definition == Catalogue.metricsLabelOverflow,
                    case .counter(let counter) = instrument
                {
                    overflows = counter
                }
            }
            state.indices[definition.name] = state.families.count
            state.families.append(family)
        }
        self.overflows = overflows
        self.state = Mutex(state)
    }

    /// The counter of `definition` with these label values, in the order of `definition.labels`.
    /// The same values give the same counter. Takes a lock: look up once, keep the result.
    public func counter(_ definition: MetricDefinition, _ labels: [String] = []) -> Counter {
        guard case .counter(let counter) = instrument(definition, labels) else {
            preconditionFailure("\(definition.name) is no counter")
        }
        return counter
    }

    /// As `counter`, for a gauge.
    public func gauge(_ definition: MetricDefinition, _ labels: [String] = []) -> Gauge {
        guard case .gauge(let gauge) = instrument(definition, labels) else {
            preconditionFailure("\(definition.name) is no gauge")
        }
        return gauge
    }

    /// As `counter`, for a histogram.
    public func histogram(_ definition: MetricDefinition, _ labels: [String] = []) -> Histogram {
        guard case .histogram(let histogram) = instrument(definition, labels) else {
            preconditionFailure("\(definition.name) is no histogram")
        }
        return histogram
    }

    /// Calls `refresh` at the start of each `render()`, outside the registry's lock, to set gauges
    /// whose truth lives elsewhere.
    public func onScrape(_ refresh: @escaping @Sendable () -> Void) {
        state.withLock { $0.refreshers.append(refresh) }
    }

    /// Everything, as Prometheus text format 0.0.4: families in the order of the catalogue, label
    /// sets in the order of their values. A family without a label set yet has only its header.
    public func render() -> String {
        let refreshers = state.withLock { $0.refreshers }
        for refresh in refreshers { refresh() }
        let families = state.withLock { $0.families }
        var text = PrometheusText()
        for family in families { text.write(family) }
        return text.string
    }

    private func instrument(_ definition: MetricDefinition, _ labels: [String]) -> Instrument {
        precondition(
            labels.count == definition.labels.count,
            "\(definition.name) takes \(definition.labels.count) label values")
        let values = labels.map(Self.safeLabelValue)
        let (instrument, overflowed) = state.withLock { state in
            guard let index = state.indices[definition.name] else {
                preconditionFailure("\(definition.name) is not in the catalogue")
            }
            return state.families[index].instrument(values)
        }
        if overflowed { overflows.increment() }
        return instrument
    }

    static func makeInstrument(_ definition: MetricDefinition) -> Instrument {
        switch definition.kind {
        case .counter: .counter(Counter())
        case .gauge: .gauge(Gauge())
        case .histogram(let buckets): .histogram(Histogram(buckets: buckets))
        }
    }

    /// `value` cut to `maximumLabelLength`. A value that is a telephone number (seven digits or
    /// more, nothing else but a plus sign) becomes `redacted`: metrics leave the house.
    static func safeLabelValue(_ value: String) -> String {
        let bytes = Array(value.utf8)
        let digits = bytes.first == UInt8(ascii: "+") ? bytes.dropFirst() : bytes[...]
        let isNumber =
            digits.count >= 7
            && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return isNumber ? "redacted" : String(value.prefix(maximumLabelLength))
    }
}

extension MetricsRegistry.Family {
    /// The instrument of `values`, and whether it is the one that takes the overflow.
    fileprivate mutating func instrument(
        _ values: [String]
    ) -> (instrument: MetricsRegistry.Instrument, overflowed: Bool) {
        if let known = instruments[values] { return (known, false) }
        if instruments.count < MetricsRegistry.maximumLabelSets {
            let made = MetricsRegistry.makeInstrument(definition)
            instruments[values] = made
            return (made, false)
        }
        let made = overflow ?? MetricsRegistry.makeInstrument(definition)
        overflow = made
        return (made, true)
    }
}
