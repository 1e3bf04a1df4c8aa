internal import Telemetry

/// Why something a bot sent was ignored: the values of the metric label `reason`.
enum IgnoredReason: Int, CaseIterable {
    /// No JSON or not what its event needs; a record that reaches beyond its message.
    case malformed
    /// An event or record type we do not know.
    case unknown
    /// Binary in the text dialect.
    case binary
    /// Text in the binary dialect.
    case text
    case oversized
    /// More records in a message than the limit.
    case records
    /// A multiplexed message of another version.
    case version
    /// A record for a leg that is not on this connection (any more).
    case leg
    /// Audio in another encoding than the leg's.
    case encoding
    /// Too many marks outstanding.
    case marks
    /// Audio from a recogniser, which only listens.
    case listener
}

/// The instruments of this room, looked up once.
final class StreamMeters: Sendable {
    let connections: Gauge
    let messagesReceived: Counter
    let messagesSent: Counter
    let playoutDroppedMilliseconds: Counter
    let lateSamples: Counter
    let callMediaDropped: Counter
    let muxMediaDropped: Counter
    let muxConnections: Gauge
    let muxLegs: Gauge
    let muxReconnects: Counter
    let muxBytesSent: Counter
    let muxBytesReceived: Counter
    private let ignoredCounters: [Counter]
    private let results: [String: Counter]
    private let fallback: Counter

    init(_ metrics: MetricsRegistry) {
        connections = metrics.gauge(Catalogue.streamConnections)
        messagesReceived = metrics.counter(Catalogue.streamMessagesReceived)
        messagesSent = metrics.counter(Catalogue.streamMessagesSent)
        playoutDroppedMilliseconds = metrics.counter(Catalogue.streamPlayoutDroppedMilliseconds)
        lateSamples = metrics.counter(Catalogue.streamLateSamples)
        callMediaDropped = metrics.counter(Catalogue.streamMediaDropped, ["call"])
        muxMediaDropped = metrics.counter(Catalogue.streamMediaDropped, ["multiplexed"])
        muxConnections = metrics.gauge(Catalogue.streamMuxConnections)
        muxLegs = metrics.gauge(Catalogue.streamMuxLegs)
        muxReconnects = metrics.counter(Catalogue.streamMuxReconnects)
        muxBytesSent = metrics.counter(Catalogue.streamMuxBytesSent)
        muxBytesReceived = metrics.counter(Catalogue.streamMuxBytesReceived)
        ignoredCounters = IgnoredReason.allCases.map {
            metrics.counter(Catalogue.streamMessagesIgnored, ["\($0)"])
        }
        var results: [String: Counter] = [:]
        for name in ["ok", "timeout", "unreachable", "tls", "refused", "cancelled", "invalid"] {
            results[name] = metrics.counter(Catalogue.streamConnects, [name])
        }
        self.results = results
        fallback = metrics.counter(Catalogue.streamConnects, ["invalid"])
    }

    func connects(_ result: String) -> Counter { results[result] ?? fallback }

    func ignored(_ reason: IgnoredReason) { ignoredCounters[reason.rawValue].increment() }
}
