import Base
import SecureRTP

@testable import Media

/// Two legs that get their keys from each other, on one virtual clock.
final class SecurePair {
    static let ann = identity()
    static let bob = identity()
    static let mallory = identity()
    static let addressA = SocketAddressValue(ipv4: 127, 0, 0, 1, port: 4000)
    static let addressB = SocketAddressValue(ipv4: 127, 0, 0, 2, port: 5000)
    static let stranger = SocketAddressValue(ipv4: 127, 0, 0, 66, port: 6666)

    let a: LegBench
    let b: LegBench
    /// Where A's packets seem to come from.
    var sourceOfA = SecurePair.addressA
    private var seenA = 0
    private var seenB = 0

    /// A is the client.
    init(
        mux: Bool, expectedByA: [UInt8]? = nil, expectedByB: [UInt8]? = nil,
        anyHost: Bool = false
    ) throws {
        a = try LegBench(configured: false, certificate: Self.ann, ssrc: 0xA)
        b = try LegBench(
            configured: false, certificate: Self.bob, ssrc: 0xB, learnsAnyHost: anyHost)
        try configure(
            a, Self.media(.client, Self.addressB, mux, expectedByA ?? Self.print(Self.bob)))
        try configure(
            b, Self.media(.server, Self.addressA, mux, expectedByB ?? Self.print(Self.ann)))
    }

    func configure(_ bench: LegBench, _ media: RemoteMedia) throws {
        try bench.leg.configure(media, now: bench.now)
    }

    static func identity() -> DTLSIdentity {
        do throws(SRTPError) {
            return try DTLSIdentity(now: WallTime(seconds: 1_780_000_000))
        } catch {
            fatalError("\(error)")
        }
    }

    static func print(_ identity: DTLSIdentity) -> [UInt8] { identity.fingerprint(.sha256) }

    static func media(
        _ role: DTLSParameters.Role, _ address: SocketAddressValue, _ mux: Bool,
        _ fingerprint: [UInt8]
    ) -> RemoteMedia {
        RemoteMedia(
            address: "127.0.0.\(address.low & 255)", port: Int(address.port), rtcpMux: mux,
            dtls: DTLSParameters(role: role, fingerprintHash: .sha256, fingerprint: fingerprint))
    }

    /// What was sent until now reaches nobody.
    func loseWhatIsOnItsWay() {
        seenA = a.sent.count
        seenB = b.sent.count
    }

    /// Hands over what A has sent; true when there was something.
    func deliverFromA() -> Bool {
        let start = seenA
        seenA = a.sent.count
        for item in a.sent[start..<seenA] where item.to.hasSameHost(as: Self.addressB) {
            b.receive(
                item.bytes,
                from: sourceOfA.withPort(sourceOfA.port + (item.channel == .rtp ? 0 : 1)),
                on: item.channel)
        }
        return seenA > start
    }

    /// The same of B.
    func deliverFromB() -> Bool {
        let start = seenB
        seenB = b.sent.count
        for item in b.sent[start..<seenB] where item.to.hasSameHost(as: sourceOfA) {
            a.receive(
                item.bytes,
                from: Self.addressB.withPort(Self.addressB.port + (item.channel == .rtp ? 0 : 1)),
                on: item.channel)
        }
        return seenB > start
    }

    private func deliver() -> Bool {
        let fromA = deliverFromA()
        return deliverFromB() || fromA
    }

    func run(ticks: Int, _ before: (Int) -> Void = { _ in }) {
        for index in 0..<ticks {
            before(index)
            a.tick()
            b.tick()
            while deliver() {}
            a.now += MediaLeg.tick
            b.now += MediaLeg.tick
        }
    }
}

func isDTLS(_ sent: LegBench.Sent) -> Bool { (20...63).contains(sent.bytes[0]) }
