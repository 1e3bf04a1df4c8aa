internal import NIOCore
internal import Synchronization
internal import Telemetry

/// How many connections the door holds open, in all and of one source.
///
/// Half-open requests and resting connections cost a descriptor each, of which the calls need most. The
/// last places are for sources that hold next to nothing, so that neither one busy client nor a few of
/// them can keep a probe or an operator out.
struct ConnectionLimits: Sendable {
    /// Every subscriber of events (`EventBus.subscriberLimit`, 256) and as many for requests.
    var connections = 512
    /// Of one address; of IPv6 one /64, which is what one customer has. All clients may stand behind one
    /// proxy: its subscribers, and half as many for requests.
    var perSource = 384
    /// The last of `connections`, for sources that hold fewer than `few`.
    var reserve = 32
    var few = 4
    /// Refused ones that are told so at one time (`RefusedConnection`), beside `connections`; further
    /// ones are closed unanswered.
    var farewells = 16
}

/// Who has how many connections open; counts those that are refused or ended.
final class ConnectionBook: Sendable {
    /// Why a connection was refused or ended: label values of `trunkline_http_connections_dropped_total`.
    enum Drop: String, CaseIterable {
        /// All places are taken; the source has taken all of its own.
        case connections, source
        /// The head, or the body, did not come in time; the response was not taken.
        case head, body, stalled
    }

    /// What counts as one source.
    struct Source: Hashable, Sendable {
        private let network: [UInt8]

        init(_ address: SocketAddress?) {
            switch address {
            case .v4(let address):
                network = withUnsafeBytes(of: address.address.sin_addr.s_addr) { Array($0) }
            case .v6(let address):
                let bytes = withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
                // RFC 4291 2.5.5.2: IPv4 on a socket of both kinds.
                let isMapped = bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
                network = Array(isMapped ? bytes.suffix(4) : bytes.prefix(8))
            case .unixDomainSocket, nil: network = []
            }
        }
    }

    private struct State {
        var open = 0
        var farewells = 0
        var bySource: [Source: Int] = [:]
    }

    private let limits: ConnectionLimits
    private let state = Mutex(State())
    private let gauge: Gauge
    private let dropped: [Drop: Counter]

    init(_ limits: ConnectionLimits, metrics: MetricsRegistry) {
        self.limits = limits
        gauge = metrics.gauge(Catalogue.httpConnections)
        dropped = Dictionary(
            uniqueKeysWithValues: Drop.allCases.map {
                ($0, metrics.counter(Catalogue.httpConnectionsDropped, [$0.rawValue]))
            })
    }

    /// Takes a place for a connection of `source`, which `leave` gives back; false: there is none, and
    /// that has been counted.
    func enter(_ source: Source) -> Bool {
        let refusal: Drop? = state.withLock { state in
            let held = state.bySource[source] ?? 0
            if held >= limits.perSource { return .source }
            let places =
                held < limits.few ? limits.connections : limits.connections - limits.reserve
            if state.open >= places { return .connections }
            state.open += 1
            state.bySource[source] = held + 1
            gauge.set(Double(state.open))
            return nil
        }
        if let refusal { count(refusal) }
        return refusal == nil
    }

    func leave(_ source: Source) {
        state.withLock { state in
            guard let held = state.bySource[source] else { return }
            state.open -= 1
            state.bySource[source] = held > 1 ? held - 1 : nil
            gauge.set(Double(state.open))
        }
    }

    /// Takes a place for the answer to a refused connection, which `farewellIsOver` gives back.
    func mayBidFarewell() -> Bool {
        state.withLock { state in
            guard state.farewells < limits.farewells else { return false }
            state.farewells += 1
            return true
        }
    }

    func farewellIsOver() { state.withLock { $0.farewells -= 1 } }

    func count(_ drop: Drop) { dropped[drop]?.increment() }
}
