import Base
import Testing

@testable import SecureRTP

/// What every test presents; made once, because a key pair costs a millisecond.
enum DTLSParty {
    static let day = WallTime(seconds: 1_780_000_000)
    static let ann = identity(day)
    static let bob = identity(day)
    static let stranger = identity(day)

    private static func identity(_ day: WallTime) -> DTLSIdentity {
        do throws(SRTPError) {
            return try DTLSIdentity(now: day)
        } catch {
            fatalError("no identity: \(error)")
        }
    }
}

/// One association, and what it sent.
final class DTLSEnd {
    var association: DTLSAssociation
    private(set) var sent: [[UInt8]] = []

    init(
        _ role: DTLSParameters.Role, me: DTLSIdentity, peer: DTLSIdentity,
        hash: DTLSParameters.FingerprintHash = .sha256, mtu: Int = DTLSAssociation.mtu,
        fingerprint: [UInt8]? = nil
    ) throws {
        association = try DTLSAssociation(
            DTLSParameters(
                role: role, fingerprintHash: hash,
                fingerprint: fingerprint ?? peer.fingerprint(hash)),
            identity: me, source: DTLSPair.server, mtu: mtu)
    }

    func start(_ now: Instant) { association.start(now: now) { sent.append(Array($0)) } }
    func tick(_ now: Instant) { association.tick(now: now) { sent.append(Array($0)) } }
    func close() { association.close { sent.append(Array($0)) } }
    func receive(_ bytes: [UInt8], from source: DTLSSource, _ now: Instant) {
        bytes.withUnsafeBytes { datagram in
            association.receive(datagram, from: source, now: now) { sent.append(Array($0)) }
        }
    }

    func take() -> [[UInt8]] {
        defer { sent = [] }
        return sent
    }

    // `#expect` refuses ~Copyable operands: read through here.
    var state: DTLSAssociation.State { association.state }
    var suite: SRTPSuite? {
        if case .established(let suite) = association.state { suite } else { nil }
    }
    var failure: DTLSFailure? {
        if case .failed(let failure) = association.state { failure } else { nil }
    }
    var deadline: Instant { association.deadline }
    var ignored: Int { association.ignored }
    var isClosed: Bool { association.isClosed }
    var retransmissions: Int { association.retransmissions }
    var keys: (local: [UInt8], remote: [UInt8])? {
        guard let keys = association.exportKeys() else { return nil }
        return (keys.copyLocal(), keys.copyRemote())
    }
}

/// A client and a server with a network between them that a test may spoil; time is virtual.
final class DTLSPair {
    static let client = DTLSSource(low: 0x7F00_0001, port: 4000)
    static let server = DTLSSource(low: 0x7F00_0002, port: 5000)

    /// What becomes of one datagram: the copies that arrive, each so much later.
    typealias Network = (_ bytes: [UInt8], _ toServer: Bool) -> [(bytes: [UInt8], delay: Interval)]

    let a: DTLSEnd
    let b: DTLSEnd
    var now = Instant(milliseconds: 1000)
    private var flying: [(at: Instant, order: Int, toServer: Bool, bytes: [UInt8])] = []
    private var sentCount = 0

    init(
        hash: DTLSParameters.FingerprintHash = .sha256, mtu: Int = DTLSAssociation.mtu,
        client: DTLSIdentity = DTLSParty.ann, server: DTLSIdentity = DTLSParty.bob
    ) throws {
        a = try DTLSEnd(.client, me: client, peer: server, hash: hash, mtu: mtu)
        b = try DTLSEnd(.server, me: server, peer: client, hash: hash, mtu: mtu)
    }

    /// Until nothing is in the air and no handshake waits, or `limit` has passed.
    func run(limit: Interval = .seconds(40), _ network: Network = { b, _ in [(b, .zero)] }) {
        let end = now + limit
        a.start(now)
        while now < end {
            for (end, toServer) in [(a, true), (b, false)] {
                for bytes in end.take() {
                    for copy in network(bytes, toServer) {
                        sentCount += 1
                        flying.append(
                            (now + .milliseconds(10) + copy.delay, sentCount, toServer, copy.bytes))
                    }
                }
            }
            let next = flying.map(\.at).min() ?? .distantFuture
            let waiting = [a, b].map { $0.state == .handshaking ? $0.deadline : .distantFuture }
            let wake = min(next, waiting.min() ?? .distantFuture)
            guard wake < .distantFuture else { return }
            now = max(now, wake)
            for item in flying.filter({ $0.at <= now }).sorted(by: { $0.order < $1.order }) {
                if item.toServer {
                    b.receive(item.bytes, from: Self.client, now)
                } else {
                    a.receive(item.bytes, from: Self.server, now)
                }
            }
            flying.removeAll { $0.at <= now }
            for end in [a, b] where end.state == .handshaking { end.tick(now) }
        }
    }

    /// Both have keys, and each one's sending key is the other's receiving key.
    var agrees: Bool {
        guard let a = a.keys, let b = b.keys else { return false }
        return a.local == b.remote && a.remote == b.local && a.local != a.remote
    }
}
