/// Writes metric families in the Prometheus text exposition format 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/).
struct PrometheusText {
    private(set) var string = ""

    mutating func write(_ family: MetricsRegistry.Family) {
        let definition = family.definition
        string += "# HELP \(definition.name) \(Self.escapedHelp(definition.help))\n"
        string += "# TYPE \(definition.name) \(definition.kind.name)\n"
        var sets = family.instruments.map { (values: $0.key, sum: [$0.value]) }
        if let overflow = family.overflow {
            let others = definition.labels.map { _ in "other" }
            // A caller may have used "other" itself; the two must not appear as one series twice.
            if let own = sets.firstIndex(where: { $0.values == others }) {
                sets[own].sum.append(overflow)
            } else {
                sets.append((values: others, sum: [overflow]))
            }
        }
        sets.sort { $0.values.lexicographicallyPrecedes($1.values) }
        for set in sets { write(definition, set.values, sum: set.sum) }
    }

    private mutating func write(
        _ definition: MetricDefinition, _ values: [String], sum: [MetricsRegistry.Instrument]
    ) {
        let labels = zip(definition.labels, values).map { name, value in
            "\(name)=\"\(Self.escapedLabel(value))\""
        }
        var count = 0
        var level = 0.0
        var histogram: (bounds: [Double], counts: [Int], sum: Double)?
        for instrument in sum {
            switch instrument {
            case .counter(let counter): count &+= counter.value
            case .gauge(let gauge): level += gauge.value
            case .histogram(let one):
                let counts = one.bucketCounts
                let before = histogram?.counts ?? counts.map { _ in 0 }
                histogram = (
                    one.bounds, zip(before, counts).map { $0 &+ $1 },
                    (histogram?.sum ?? 0) + one.sum
                )
            }
        }
        switch definition.kind {
        case .counter: line(definition.name, labels, String(count))
        case .gauge: line(definition.name, labels, Self.number(level))
        case .histogram:
            guard let histogram else { return }
            var cumulative = 0
            for (bound, count) in zip(histogram.bounds + [.infinity], histogram.counts) {
                cumulative &+= count
                line(
                    definition.name + "_bucket", labels + ["le=\"\(Self.number(bound))\""],
                    String(cumulative))
            }
            line(definition.name + "_sum", labels, Self.number(histogram.sum))
            line(definition.name + "_count", labels, String(cumulative))
        }
    }

    private mutating func line(_ name: String, _ labels: [String], _ value: String) {
        string += name
        if !labels.isEmpty { string += "{" + labels.joined(separator: ",") + "}" }
        string += " " + value + "\n"
    }

    /// Shortest decimal that reads back as `value`; whole numbers without a point.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), value.magnitude < 1e15 { return String(Int64(value)) }
        return "\(value)"
    }

    /// Backslash and line feed.
    static func escapedHelp(_ text: String) -> String { escaped(text, quotes: false) }

    /// Backslash, line feed and double quote.
    static func escapedLabel(_ text: String) -> String { escaped(text, quotes: true) }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\"") where quotes: bytes.append(contentsOf: "\\\"".utf8)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
