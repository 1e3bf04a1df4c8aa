/// What one metric is: its name on the wire, its help text, its kind, unit and label names.
///
/// Definitions live in `Catalogue` and nowhere else, so that docs/METRICS.md can be checked against
/// one list.
public struct MetricDefinition: Sendable, Equatable {
    /// What its value does, and how it is written.
    public enum Kind: Sendable, Equatable {
        /// Only grows; the name ends in `_total`.
        case counter
        /// Goes up and down.
        case gauge
        /// Distribution over `buckets`: inclusive upper bounds, strictly increasing, without +Inf
        /// (which every histogram has anyway).
        case histogram(buckets: [Double])

        /// The word after `# TYPE name`.
        public var name: String {
            switch self {
            case .counter: "counter"
            case .gauge: "gauge"
            case .histogram: "histogram"
            }
        }
    }

    /// Starts with `trunkline_`.
    public let name: String
    /// One sentence for operators.
    public let help: String
    /// Which of the registry's functions gives its instrument.
    public let kind: Kind
    /// What one step of the value is: `packets`, `seconds`, `calls`…
    public let unit: String
    /// Label names in the order in which their values are given.
    public let labels: [String]

    /// The parts as they are; a test checks the catalogue's names and labels.
    public init(
        _ name: String, _ kind: Kind, unit: String, labels: [String] = [], help: String
    ) {
        self.name = name
        self.help = help
        self.kind = kind
        self.unit = unit
        self.labels = labels
    }

    /// True when `text` may name a metric: `[a-zA-Z_:][a-zA-Z0-9_:]*` (Prometheus data model).
    public static func isValidName(_ text: String) -> Bool {
        isWord(text, extra: UInt8(ascii: ":"))
    }

    /// True when `text` may name a label: `[a-zA-Z_][a-zA-Z0-9_]*`, not starting with the reserved
    /// `__`, and not `le`, which belongs to histograms.
    public static func isValidLabel(_ text: String) -> Bool {
        isWord(text, extra: nil) && !text.hasPrefix("__") && text != "le"
    }

    private static func isWord(_ text: String, extra: UInt8?) -> Bool {
        guard !text.isEmpty else { return false }
        for (offset, byte) in text.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "_"):
                continue
            case UInt8(ascii: "0")...UInt8(ascii: "9") where offset > 0: continue
            default: guard byte == extra else { return false }
            }
        }
        return true
    }
}
