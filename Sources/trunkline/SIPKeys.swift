internal import Base
internal import Configuration
internal import Orchestrator
internal import SIP
internal import Signalling

/// The keys of SIP's transports, limits, trunks and traces.
enum SIPKeys {
    typealias Invalid = PlatformConfiguration.Invalid

    /// `trunk` and, in the order they are tried, the further ones.
    static let trunkSections = ["trunk"] + (2...8).map { "trunk_\($0)" }
    static let trunkKeys: Set<String> = CallControlKeys.trunkKeys.union([
        "address", "username", "password", "domain", "transport", "calls_per_second", "burst",
        "maximum_calls", "probe_seconds", "sources",
    ])
    /// Of `trunk` alone: a call has made its offer, and has its port, before a trunk is chosen.
    static let offerKeys: Set<String> = ["codecs", "srtp", "shared_port"]

    /// Every key beside those of trunks, by section.
    static let keys: [String: Set<String>] = [
        "sip_tcp": [],
        "sip_tls": [
            "port", "certificate", "key", "trust", "client_certificates", "wildcards",
            "reload_seconds",
        ],
        "sip_websocket": ["port", "secure_port", "origins"],
        "sip_limits": [
            "sources", "messages_per_source", "calls_per_second", "failover_milliseconds",
            "connections", "connections_per_source",
        ],
        "sip_trace": ["calls", "hep", "hep_password", "hep_agent"],
        "dns": ["servers"],
    ].merging(CallControlKeys.keys) { a, _ in a }

    static func apply(_ reader: ConfigReader, to sip: inout SignallingConfiguration) throws {
        sip.transports.tcpPort = reader.bool(forKey: "sip_tcp") ?? true ? 0 : nil
        let tls = reader.scoped(to: "sip_tls")
        sip.transports.tlsPort = tls.int(forKey: "port")
        sip.transports.tls.certificateFile = tls.string(forKey: "certificate")
        sip.transports.tls.keyFile = tls.string(forKey: "key")
        sip.transports.tls.trustFile = tls.string(forKey: "trust")
        sip.transports.tls.requiresClientCertificate =
            tls.bool(forKey: "client_certificates") ?? false
        sip.transports.tls.allowsWildcards = tls.bool(forKey: "wildcards") ?? false
        if let seconds = tls.int(forKey: "reload_seconds") {
            sip.transports.tls.reloadInterval = .seconds(Int64(max(seconds, 1)))
        }
        let web = reader.scoped(to: "sip_websocket")
        sip.transports.webSocketPort = web.int(forKey: "port")
        sip.transports.secureWebSocketPort = web.int(forKey: "secure_port")
        sip.transports.webSocketOrigins = web.stringArray(forKey: "origins") ?? []
        for (name, port) in [
            ("sip_tls.port", sip.transports.tlsPort),
            ("sip_websocket.port", sip.transports.webSocketPort),
            ("sip_websocket.secure_port", sip.transports.secureWebSocketPort),
        ] {
            if let port, !(0...65_535).contains(port) {
                throw Invalid("\(name): \(port) is no port")
            }
        }
        try limits(reader.scoped(to: "sip_limits"), &sip)
        try trace(reader.scoped(to: "sip_trace"), &sip)
        try CallControlKeys.apply(reader, to: &sip)
        for entry in reader.stringArray(forKey: "dns.servers") ?? [] {
            let server = try Parse.endpoint(
                "dns.servers", hasPort(entry) ? entry : entry + ":53")
            sip.dnsServers.append((server.host, server.port))
        }
        for section in trunkSections {
            if let trunk = try trunk(reader.scoped(to: ConfigKey([section])), section) {
                sip.trunks.append(trunk)
            }
        }
    }

    private static func limits(
        _ reader: ConfigReader, _ sip: inout SignallingConfiguration
    ) throws {
        sip.allowedSources = try ranges("sip_limits.sources", reader.stringArray(forKey: "sources"))
        sip.messagesPerSource = reader.double(forKey: "messages_per_source")
        sip.inboundCallsPerSecond = reader.double(forKey: "calls_per_second")
        if let time = reader.int(forKey: "failover_milliseconds") {
            sip.failoverAfter = .milliseconds(Int64(max(time, 1)))
        }
        if let count = reader.int(forKey: "connections") {
            sip.transports.limits.connections = max(count, 1)
        }
        if let count = reader.int(forKey: "connections_per_source") {
            sip.transports.limits.perSource = max(count, 1)
        }
    }

    private static func trace(
        _ reader: ConfigReader, _ sip: inout SignallingConfiguration
    ) throws {
        if let calls = reader.int(forKey: "calls") { sip.trace.calls = max(calls, 0) }
        guard let text = reader.string(forKey: "hep") else { return }
        let endpoint = try Parse.endpoint("sip_trace.hep", text)
        sip.hep = HEPSettings(
            host: endpoint.host, port: endpoint.port,
            agent: UInt32(clamping: reader.int(forKey: "hep_agent") ?? 1),
            password: reader.string(forKey: "hep_password", isSecret: true).map(Redacted.init))
    }

    private static func trunk(
        _ reader: ConfigReader, _ section: String
    ) throws -> TrunkConfiguration? {
        guard let text = reader.string(forKey: "address") else {
            for key in ["username", "password", "domain", "transport", "outbound_proxy"]
            where reader.string(forKey: ConfigKey([key]), isSecret: key == "password") != nil {
                throw Invalid("\(section).\(key) is for a trunk without \(section).address")
            }
            return nil
        }
        let address = try Parse.endpoint(section + ".address", hasPort(text) ? text : text + ":1")
        var trunk = TrunkConfiguration(
            name: section, host: address.host, port: hasPort(text) ? address.port : nil,
            username: reader.string(forKey: "username"),
            password: reader.string(forKey: "password", isSecret: true).map(Redacted.init),
            domain: reader.string(forKey: "domain"))
        if let word = reader.string(forKey: "transport") {
            guard let transport = SIPTransport(rawValue: word) else {
                throw Invalid("\(section).transport: \(word) is not udp, tcp, tls, ws or wss")
            }
            trunk.transport = transport
        }
        trunk.limits.callsPerSecond = reader.double(forKey: "calls_per_second")
        if let burst = reader.double(forKey: "burst") { trunk.limits.burst = max(burst, 1) }
        trunk.limits.maximumCalls = reader.int(forKey: "maximum_calls")
        if let seconds = reader.int(forKey: "probe_seconds"), seconds > 0 {
            trunk.limits.probeInterval = .seconds(Int64(seconds))
        }
        trunk.sources = try ranges(section + ".sources", reader.stringArray(forKey: "sources"))
        try CallControlKeys.apply(reader, section, to: &trunk)
        return trunk
    }

    /// `host:port`, `[::1]:port`; without a port DNS says it.
    static func hasPort(_ text: String) -> Bool {
        guard let colon = text.lastIndex(of: ":") else { return false }
        return text.hasPrefix("[") ? text[..<colon].hasSuffix("]") : true
    }

    private static func ranges(_ name: String, _ entries: [String]?) throws -> [AddressRange] {
        try (entries ?? []).map { entry in
            guard let range = AddressRange(entry) else {
                throw Invalid("\(name): \(entry) is no address and no range like 192.0.2.0/24")
            }
            return range
        }
    }
}
