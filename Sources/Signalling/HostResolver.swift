internal import Base
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import SIP

/// Turns the name of a first hop into an address: `getaddrinfo` on NIO's thread pool, because it
/// blocks, with a short memory, because a campaign asks for the same trunk again and again.
///
/// Lives on one event loop.
final class HostResolver {
    /// How long an answer is used. The system's resolver keeps no time to live for us.
    static let memory: Interval = .seconds(60)
    static let maximumNames = 256

    private let loop: any EventLoop
    private let wantsIPv6: Bool
    private var known: [String: (address: String, until: Instant)] = [:]

    init(loop: any EventLoop, wantsIPv6: Bool) {
        self.loop = loop
        self.wantsIPv6 = wantsIPv6
    }

    /// Calls back on the loop with the numeric address, nil when the name has none; at once for
    /// numbers and names that are known.
    func resolve(
        _ host: String, now: Instant, _ body: @escaping (String?) -> Void
    ) {
        if SIPAddress(host: host, port: 0).isNumeric {
            body(host)
            return
        }
        if let entry = known[host], entry.until > now {
            body(entry.address)
            return
        }
        let family = wantsIPv6 ? AF_INET6 : AF_INET
        let lookup = NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            Self.lookUp(host, family: family)
        }
        let completion = NIOLoopBound(
            { (address: String?) in
                if let address { self.remember(host, address, until: now + Self.memory) }
                body(address)
            }, eventLoop: loop)
        lookup.whenComplete { result in
            completion.value((try? result.get()) ?? nil)
        }
    }

    private func remember(_ host: String, _ address: String, until: Instant) {
        if known.count >= Self.maximumNames { known.removeAll() }
        known[host] = (address, until)
    }

    /// The first address of `family`; blocks.
    private static func lookUp(_ host: String, family: CInt) -> String? {
        var hints = addrinfo()
        hints.ai_family = family
        hints.ai_socktype = CInt(SOCK_DGRAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0, let first = list else { return nil }
        defer { freeaddrinfo(list) }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        // SAFETY: `first` is a node of the list that getaddrinfo filled and lives until the defer.
        guard
            getnameinfo(
                first.pointee.ai_addr, first.pointee.ai_addrlen, &text,
                socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
        else { return nil }
        return String(
            decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
