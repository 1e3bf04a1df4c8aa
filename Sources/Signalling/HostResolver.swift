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
    private var known: [String: (addresses: [String], until: Instant)] = [:]

    init(loop: any EventLoop, wantsIPv6: Bool) {
        self.loop = loop
        self.wantsIPv6 = wantsIPv6
    }

    /// Calls back on the loop with the numeric addresses, none when the name has none; at once for
    /// numbers and names that are known.
    func resolve(_ host: String, _ body: @escaping ([String]) -> Void) {
        let now = Instant(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
        if SIPAddress(host: host, port: 0).isNumeric {
            body([host])
            return
        }
        if let entry = known[host], entry.until > now {
            body(entry.addresses)
            return
        }
        let family = wantsIPv6 ? AF_INET6 : AF_INET
        let lookup = NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            Self.lookUp(host, family: family)
        }
        let completion = NIOLoopBound(
            { (addresses: [String]) in
                if !addresses.isEmpty { self.remember(host, addresses, until: now + Self.memory) }
                body(addresses)
            }, eventLoop: loop)
        lookup.whenComplete { completion.value((try? $0.get()) ?? []) }
    }

    private func remember(_ host: String, _ addresses: [String], until: Instant) {
        if known.count >= Self.maximumNames { known.removeAll() }
        known[host] = (addresses, until)
    }

    /// The addresses of `family`, at most eight; blocks.
    private static func lookUp(_ host: String, family: CInt) -> [String] {
        var hints = addrinfo()
        hints.ai_family = family
        hints.ai_socktype = CInt(SOCK_DGRAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [String] = []
        var node = list
        while let entry = node, found.count < 8 {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            // SAFETY: `entry` is a node of the list that getaddrinfo filled and lives until the defer.
            if getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text,
                socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            {
                let address = String(
                    decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
                    as: UTF8.self)
                if !found.contains(address) { found.append(address) }
            }
            node = entry.pointee.ai_next
        }
        return found
    }
}
