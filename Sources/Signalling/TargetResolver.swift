internal import Base
internal import NIOCore
internal import SIP

/// Addresses of a URI (RFC 3263): service records by our own client, names of machines by the
/// system's resolver, which knows /etc/hosts too. Lives on one event loop.
final class TargetResolver {
    private let hosts: HostResolver
    private let dns: DNSClient
    /// Servers were named: then addresses come from them too.
    private let asksForAddresses: Bool
    private let wantsIPv6: Bool
    private let transports: [SIPTransport]
    private var entropy: SeededGenerator

    init(
        hosts: HostResolver, dns: DNSClient, asksForAddresses: Bool, wantsIPv6: Bool,
        transports: [SIPTransport], entropy: SeededGenerator
    ) {
        self.hosts = hosts
        self.dns = dns
        self.asksForAddresses = asksForAddresses
        self.wantsIPv6 = wantsIPv6
        self.transports = transports
        self.entropy = entropy
    }

    /// Calls back on the loop with the addresses, best first; at once for numbers.
    func resolve(_ uri: SIPURI, _ body: @escaping ([SIPAddress]) -> Void) {
        var resolution = Resolution(
            uri, transports: transports, wantsIPv6: wantsIPv6,
            entropy: SeededGenerator(seed: entropy.next()))
        let step = resolution.start()
        follow(resolution, step, body)
    }

    private func follow(
        _ resolution: Resolution, _ step: Resolution.Step, _ body: @escaping ([SIPAddress]) -> Void
    ) {
        switch step {
        case .done(let addresses): body(addresses)
        case .ask(let question):
            ask(question) { [self] records in
                var resolution = resolution
                let step = resolution.receive(records)
                follow(resolution, step, body)
            }
        }
    }

    private func ask(_ question: DNSQuestion, _ body: @escaping ([DNSRecord]) -> Void) {
        let isAddress = question.type == .a || question.type == .aaaa
        guard isAddress, !asksForAddresses else {
            dns.ask(question, body)
            return
        }
        hosts.resolve(question.name) { addresses in
            body(
                addresses.map {
                    DNSRecord(name: question.name, content: .address($0), timeToLive: 60)
                })
        }
    }
}
