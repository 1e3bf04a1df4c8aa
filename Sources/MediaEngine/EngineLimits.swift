internal import CLinux
internal import Media
internal import Telemetry

/// Legs refused, by reason.
struct LegRefusals: Sendable {
    private let counters: [Counter]
    /// Label values of `trunkline_media_legs_refused_total`.
    static let reasons = ["overload", "legs", "ports", "descriptors", "shutdown", "other"]

    init(_ metrics: MetricsRegistry) {
        counters = Self.reasons.map { metrics.counter(Catalogue.mediaLegsRefused, [$0]) }
    }

    func count(_ error: EngineError) { counters[Self.place(of: error)].increment() }

    private static func place(of error: EngineError) -> Int {
        switch error {
        case .overloaded: 0
        case .tooManyLegs: 1
        case .portsExhausted, .portInUse: 2
        case .system(_, let errno) where EngineError.isDescriptorLimit(errno): 3
        case .shutDown: 4
        default: 5
        }
    }
}

extension EngineError {
    /// EMFILE or ENFILE.
    static func isDescriptorLimit(_ errno: Int32) -> Bool { errno == 24 || errno == 23 }

    /// What an operator does about a refused system call; empty when there is nothing general.
    static func remedy(errno: Int32) -> String {
        guard isDescriptorLimit(errno) else { return "" }
        return ": a leg needs two open files; raise `ulimit -n` (systemd: LimitNOFILE=) to three "
            + "times the number of calls or more"
    }
}

/// The receive buffer of media sockets: what was asked for against what the kernel grants.
enum ReceiveBuffer {
    /// Warns when the kernel grants less than the configuration asks for. Without it a socket holds
    /// the kernel's default, some 200 packets.
    static func check(_ configuration: MediaEngineConfiguration, host: SocketAddressValue) {
        let asked = configuration.receiveBuffer
        guard asked > 0 else { return }
        var address = host.withPort(0).system
        let socket = tl_udp_bind(&address, Int32(clamping: asked))
        guard socket >= 0 else { return }
        defer { _ = tl_close(socket) }
        let granted = Int(tl_udp_receive_buffer(socket))
        if granted < asked { configuration.warn(warning(asked: asked, granted: granted)) }
    }

    static func warning(asked: Int, granted: Int) -> String {
        "media sockets get a receive buffer of \(granted) bytes, not the \(asked) asked for: raise "
            + "the kernel's limit with `sysctl -w net.core.rmem_max=\(asked)`, or lower "
            + "rtp.receive_buffer"
    }
}
