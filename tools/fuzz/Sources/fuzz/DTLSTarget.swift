import Base
import SecureRTP

extension FuzzTarget {
    /// Two ends of a DTLS handshake and a network that does what the input says.
    static let dtls = FuzzTarget(name: "dtls", maximumInput: 1024) { bytes in
        var script = Script(bytes)
        var story = DTLSStory.make(&script)
        story?.run(&script)
        expect(story != nil, "no association")
    }
}

/// A client, a server, and everything that may happen to the datagrams between them.
private struct DTLSStory: ~Copyable {
    private static let ann = identity()
    private static let bob = identity()
    private static let client = DTLSSource(low: 1, port: 1)
    private static let server = DTLSSource(low: 2, port: 2)
    private static let stepLimit = 200

    private var a: DTLSAssociation
    private var b: DTLSAssociation
    private var toServer: [[UInt8]] = []
    private var toClient: [[UInt8]] = []
    private var now = Instant.zero
    /// The server expects somebody else.
    private let isWrong: Bool

    private static func identity() -> DTLSIdentity? {
        try? DTLSIdentity(now: WallTime(seconds: 1_780_000_000))
    }

    static func make(_ script: inout Script) -> DTLSStory? {
        guard let ann, let bob else { return nil }
        let isWrong = script.choice(8) == 0
        let expected = isWrong ? bob : ann
        do {
            let a = try DTLSAssociation(
                DTLSParameters(
                    role: .client, fingerprintHash: .sha256, fingerprint: bob.fingerprint(.sha256)),
                identity: ann, source: server)
            let b = try DTLSAssociation(
                DTLSParameters(
                    role: .server, fingerprintHash: .sha384,
                    fingerprint: expected.fingerprint(.sha384)),
                identity: bob)
            return DTLSStory(a: a, b: b, isWrong: isWrong)
        } catch {
            return nil
        }
    }

    private init(a: consuming DTLSAssociation, b: consuming DTLSAssociation, isWrong: Bool) {
        self.a = a
        self.b = b
        self.isWrong = isWrong
    }

    mutating func run(_ script: inout Script) {
        a.start(now: now) { toServer.append(Array($0)) }
        for _ in 0..<Self.stepLimit {
            if toServer.isEmpty, toClient.isEmpty {
                let next = min(a.deadline, b.deadline)
                guard next < .distantFuture, !script.isAtEnd else { break }
                advance(to: next)
            }
            let up = !toServer.isEmpty && (toClient.isEmpty || script.flag())
            guard var datagram = up ? toServer.first : toClient.first else { continue }
            switch script.choice(8) {
            case 1: datagram = []
            case 2:
                for _ in 0...script.choice(3) {
                    datagram[Int(script.word()) % datagram.count] ^= UInt8(1 + script.choice(255))
                }
            case 3: datagram = Array(datagram.prefix(Int(script.word()) % datagram.count))
            case 4:
                let length = script.choice(64)
                datagram = script.take(length)
            case 5: deliver(datagram, up)
            case 6:
                // Later: behind what waits.
                if up { toServer.append(datagram) } else { toClient.append(datagram) }
                datagram = []
            case 7: advance(to: now + .milliseconds(Int64(script.word())))
            default: break
            }
            if up { toServer.removeFirst() } else { toClient.removeFirst() }
            deliver(datagram, up)
        }
        judge()
    }

    private mutating func advance(to time: Instant) {
        now = time
        a.tick(now: now) { toServer.append(Array($0)) }
        b.tick(now: now) { toClient.append(Array($0)) }
        expect(a.deadline > now, "the client's deadline stays")
        expect(b.deadline > now, "the server's deadline stays")
    }

    private mutating func deliver(_ datagram: [UInt8], _ up: Bool) {
        let wasWaiting = b.state == .waiting
        let before = toClient.count
        datagram.withUnsafeBytes { bytes in
            if up {
                b.receive(bytes, from: Self.client, now: now) { toClient.append(Array($0)) }
            } else {
                a.receive(bytes, from: Self.server, now: now) { toServer.append(Array($0)) }
            }
        }
        guard up, wasWaiting, b.state == .waiting else { return }
        let answer = toClient[before...].reduce(0) { $0 + $1.count }
        expect(answer <= datagram.count, "an unverified source got more than it sent")
    }

    private func judge() {
        for datagram in toServer + toClient {
            expect(datagram.count <= DTLSAssociation.mtu, "a datagram beyond the MTU")
        }
        if case .established = b.state { expect(!isWrong, "a stranger has keys") }
        guard let ours = a.exportKeys(), let theirs = b.exportKeys() else { return }
        expect(ours.copyLocal() == theirs.copyRemote(), "keys differ")
        expect(ours.copyRemote() == theirs.copyLocal(), "keys differ")
    }
}
