public import Base

//   URI ─▶ transport said, numeric, or port said? ── yes ─▶ SRV or address (4.2)
//              │ no (4.1)
//              ▼
//           NAPTR ─▶ SRV of each service in its order ─▶ A/AAAA of each target ─▶ addresses
//              │ none
//              ▼
//           SRV of each transport we have ── none ─▶ A/AAAA of the name, UDP
//
// The owner asks the questions, one at a time, and hands the answers in.

/// Where a SIP URI is reached, in the order to try (RFC 3263 4).
public struct Resolution: Sendable {
    /// What its owner is to do next.
    public enum Step: Equatable, Sendable {
        case ask(DNSQuestion)
        /// Best first; empty: nowhere.
        case done([SIPAddress])
    }

    /// Addresses in all: trying more helps nobody who waits for the call.
    public static let addressLimit = 16
    /// SRV sets and targets looked at.
    public static let serviceLimit = 16

    private struct Service: Sendable {
        var name: String
        var transport: SIPTransport
    }
    private struct Target: Sendable {
        var host: String
        var port: Int
        var transport: SIPTransport
    }
    private enum Phase: Sendable {
        case pointers
        case services
        case addresses
        case finished
    }

    private let domain: String
    private let isSecure: Bool
    private let transports: [SIPTransport]
    private let wantsIPv6: Bool
    private var entropy: SeededGenerator
    private var phase: Phase
    private var services: [Service] = []
    private var targets: [Target] = []
    private var found: [SIPAddress] = []
    /// What to do when no service is found.
    private var plain: Target

    /// - Parameters:
    ///   - transports: those we have, best first.
    ///   - wantsIPv6: the family of our own address.
    public init(
        _ uri: SIPURI, transports: [SIPTransport], wantsIPv6: Bool, entropy: SeededGenerator
    ) {
        domain = uri.host.asciiLowercased
        isSecure = uri.isSecure
        self.wantsIPv6 = wantsIPv6
        self.entropy = entropy
        self.transports = transports.filter { !uri.isSecure || $0.isSecure }
        let said = uri.parameters["transport"] != nil
        let transport = SIPTransport(of: uri)
        plain = Target(
            host: domain, port: uri.port ?? transport.defaultPort, transport: transport)
        let isNumeric = SIPAddress(host: domain, port: 0).isNumeric
        // A name without a dot is of this machine or its neighbours: no service records there.
        if isNumeric || uri.port != nil || !domain.utf8.contains(UInt8(ascii: ".")) {
            targets = [plain]
            phase = .addresses
        } else if said {
            services = [Service(name: Self.serviceName(transport, domain), transport: transport)]
            phase = .services
        } else {
            phase = .pointers
        }
    }

    private static func serviceName(_ transport: SIPTransport, _ domain: String) -> String {
        switch transport {
        case .udp: "_sip._udp." + domain
        case .tcp: "_sip._tcp." + domain
        case .tls: "_sips._tcp." + domain
        case .ws: "_sip._ws." + domain
        case .wss: "_sips._ws." + domain
        }
    }

    /// The first step.
    public mutating func start() -> Step { next() }

    /// The answer to the question last asked; empty for none and for failure.
    public mutating func receive(_ records: [DNSRecord]) -> Step {
        switch phase {
        case .pointers: takePointers(records)
        case .services: takeServices(records)
        case .addresses: takeAddresses(records)
        case .finished: break
        }
        return next()
    }

    private mutating func next() -> Step {
        while true {
            switch phase {
            case .pointers:
                if let question = DNSQuestion(domain, .naptr) { return .ask(question) }
                targets = [plain]
                phase = .addresses
            case .services:
                if let service = services.first {
                    if let question = DNSQuestion(service.name, .srv) { return .ask(question) }
                    services.removeFirst()
                    continue
                }
                if targets.isEmpty { targets = [plain] }
                phase = .addresses
            case .addresses:
                guard let target = targets.first, found.count < Self.addressLimit else {
                    phase = .finished
                    continue
                }
                if SIPAddress(host: target.host, port: 0).isNumeric {
                    add(target.host, target)
                    targets.removeFirst()
                    continue
                }
                let type = wantsIPv6 ? DNSType.aaaa : .a
                if let question = DNSQuestion(target.host, type) { return .ask(question) }
                targets.removeFirst()
            case .finished: return .done(found)
            }
        }
    }

    // MARK: answers

    /// 4.1: by order and preference; of each service that we have.
    private mutating func takePointers(_ records: [DNSRecord]) {
        var pointers: [DNSPointer] = []
        for case .pointer(let pointer) in records.map(\.content) { pointers.append(pointer) }
        pointers.sort { ($0.order, $0.preference) < ($1.order, $1.preference) }
        for pointer in pointers where pointer.flags.asciiLowercased == "s" {
            guard let transport = Self.transport(of: pointer.service),
                transports.contains(transport), services.count < Self.serviceLimit
            else { continue }
            services.append(Service(name: pointer.replacement, transport: transport))
        }
        if services.isEmpty {
            services = transports.map {
                Service(name: Self.serviceName($0, domain), transport: $0)
            }
        }
        phase = .services
    }

    private static func transport(of service: String) -> SIPTransport? {
        switch service.asciiLowercased {
        case "sip+d2u": .udp
        case "sip+d2t": .tcp
        case "sips+d2t": .tls
        case "sip+d2w": .ws
        case "sips+d2w": .wss
        default: nil
        }
    }

    private mutating func takeServices(_ records: [DNSRecord]) {
        guard !services.isEmpty else { return }
        let service = services.removeFirst()
        // All of them are ordered before any is left out: the best may come last.
        let answers = records.compactMap { record -> DNSService? in
            if case .service(let answer) = record.content { answer } else { nil }
        }
        for answer in ServiceSelector.order(answers, entropy: &entropy)
        where targets.count < Self.serviceLimit {
            targets.append(
                Target(host: answer.target, port: answer.port, transport: service.transport))
        }
    }

    private mutating func takeAddresses(_ records: [DNSRecord]) {
        guard !targets.isEmpty else { return }
        let target = targets.removeFirst()
        for case .address(let text) in records.map(\.content) { add(text, target) }
    }

    private mutating func add(_ host: String, _ target: Target) {
        let address = SIPAddress(
            host: host, port: target.port, transport: target.transport,
            // RFC 5922 4: the certificate is that of the domain asked for, not of the SRV target.
            name: target.transport.isSecure ? domain : nil)
        guard found.count < Self.addressLimit, address.isUnicast, !found.contains(address)
        else { return }
        found.append(address)
    }
}

/// The order of RFC 2782: priorities up, within one by chance in proportion to weight.
public enum ServiceSelector {
    /// All that can be used, in the order to try: no empty target, no port 0.
    ///
    /// - Parameter entropy: draws among those of one priority.
    public static func order(
        _ services: [DNSService], entropy: inout SeededGenerator
    ) -> [DNSService] {
        var ordered: [DNSService] = []
        let usable = services.filter { !$0.target.isEmpty && $0.port > 0 }
        for priority in Set(usable.map(\.priority)).sorted() {
            // Weight 0 first, so that it is drawn only when the number is 0.
            var left = usable.filter { $0.priority == priority }.sorted {
                ($0.weight, $0.target, $0.port) < ($1.weight, $1.target, $1.port)
            }
            while !left.isEmpty {
                let total = left.reduce(0) { $0 + $1.weight }
                let drawn = Int(entropy.next() % UInt64(total + 1))
                var sum = 0
                var chosen = left.count - 1
                for (index, service) in left.enumerated() {
                    sum += service.weight
                    if sum >= drawn {
                        chosen = index
                        break
                    }
                }
                ordered.append(left.remove(at: chosen))
            }
        }
        return ordered
    }
}
