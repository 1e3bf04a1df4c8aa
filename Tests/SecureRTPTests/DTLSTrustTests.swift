import Base
import Testing

@testable import SecureRTP

@Suite struct DTLSTrustTests {
    private func pair(
        client: DTLSIdentity = DTLSParty.ann, clientExpects: [UInt8]? = nil,
        serverExpects: [UInt8]? = nil
    ) throws -> (DTLSEnd, DTLSEnd) {
        (
            try DTLSEnd(
                .client, me: client, peer: DTLSParty.bob, fingerprint: clientExpects),
            try DTLSEnd(.server, me: DTLSParty.bob, peer: client, fingerprint: serverExpects)
        )
    }

    /// Every datagram goes across until both are silent.
    private func exchange(_ a: DTLSEnd, _ b: DTLSEnd) {
        a.start(.zero)
        for _ in 0..<20 {
            for bytes in a.take() { b.receive(bytes, from: DTLSPair.client, .zero) }
            for bytes in b.take() { a.receive(bytes, from: DTLSPair.server, .zero) }
        }
    }

    @Test func wrongFingerprintEndsTheHandshakeOnEitherSide() throws {
        let wrong = DTLSParty.stranger.fingerprint(.sha256)
        let (a, b) = try pair(clientExpects: wrong)
        exchange(a, b)
        #expect(a.failure == .fingerprintMismatch)
        // bad_certificate (RFC 8122 6.2), which a server waits to hear nothing else behind.
        b.tick(Instant(milliseconds: 2000))
        #expect(b.failure == .alert(42))
        #expect(a.keys == nil)
        #expect(b.keys == nil)
        let (c, d) = try pair(serverExpects: wrong)
        exchange(c, d)
        #expect(d.failure == .fingerprintMismatch)
        #expect(d.keys == nil)
        #expect(c.failure == .alert(42))
        d.receive([22, 254, 253], from: DTLSPair.client, .zero)
        d.tick(Instant(milliseconds: 60_000))
        #expect(d.take().isEmpty)
    }

    @Test func everyBitOfTheFingerprintCounts() throws {
        let right = DTLSParty.bob.fingerprint(.sha256)
        for bit in stride(from: 0, to: 256, by: 17) {
            var wrong = right
            wrong[bit / 8] ^= UInt8(1) << UInt8(bit % 8)
            let (a, b) = try pair(clientExpects: wrong)
            exchange(a, b)
            #expect(a.failure == .fingerprintMismatch)
        }
    }

    @Test func fingerprintOfTheWrongLengthIsRefusedAtOnce() {
        #expect(throws: SRTPError.badKey(expected: 32, have: 31)) {
            _ = try DTLSEnd(
                .client, me: DTLSParty.ann, peer: DTLSParty.bob,
                fingerprint: Array(DTLSParty.bob.fingerprint(.sha256).dropLast()))
        }
    }

    /// Trust comes from the fingerprint; whoever told it vouches for the certificate (RFC 8122 5).
    @Test func expiredCertificateWithTheRightFingerprintIsTaken() throws {
        let old = try DTLSIdentity(
            notBefore: WallTime(seconds: 1_000_000_000), notAfter: WallTime(seconds: 1_000_086_400),
            padding: 0)
        let (a, b) = try pair(client: old)
        exchange(a, b)
        #expect(b.suite == .aeadAES256GCM)
    }

    @Test func oversizedCertificateIsRefused() throws {
        for (padding, isTaken) in [(100, true), (400, false)] {
            let long = try DTLSIdentity(
                notBefore: DTLSParty.day, notAfter: DTLSParty.day + .seconds(86_400),
                padding: padding)
            let (a, b) = try pair(client: long)
            exchange(a, b)
            #expect((b.suite != nil) == isTaken)
            if !isTaken {
                guard case .handshake = b.failure else {
                    Issue.record("\(String(describing: b.failure))")
                    continue
                }
            }
        }
    }

    @Test func fingerprintsAreOfTheWholeCertificateAndDifferEachTime() throws {
        #expect(DTLSParty.ann.fingerprint(.sha256).count == 32)
        #expect(DTLSParty.ann.fingerprint(.sha384).count == 48)
        #expect(DTLSParty.ann.fingerprint(.sha512).count == 64)
        #expect(DTLSParty.ann.fingerprint(.sha256) != DTLSParty.bob.fingerprint(.sha256))
    }

    /// RFC 6347 4.2.1: a forged source costs us less than it sent, and no state.
    @Test func unverifiedSourceGetsLessThanItSent() throws {
        let server = try DTLSEnd(.server, me: DTLSParty.bob, peer: DTLSParty.ann)
        let client = try DTLSEnd(.client, me: DTLSParty.ann, peer: DTLSParty.bob)
        client.start(.zero)
        let hello = client.take()[0]
        for port in UInt16(1)...500 {
            server.receive(hello, from: DTLSSource(low: 9, port: port), .zero)
            let answer = server.take()
            #expect(answer.count == 1)
            #expect(answer.reduce(0) { $0 + $1.count } < hello.count)
            // HelloVerifyRequest.
            #expect(answer.first?[13] == 3)
        }
        #expect(server.state == .waiting)
    }

    @Test func cookieIsGoodForItsOwnSourceOnly() throws {
        let (a, b) = try pair()
        a.start(.zero)
        for bytes in a.take() { b.receive(bytes, from: DTLSPair.client, .zero) }
        for bytes in b.take() { a.receive(bytes, from: DTLSPair.server, .zero) }
        let withCookie = a.take()[0]
        b.receive(withCookie, from: DTLSSource(low: 9, port: 9), .zero)
        #expect(b.state == .waiting)
        _ = b.take()
        b.receive(withCookie, from: DTLSPair.client, .zero)
        #expect(b.state == .handshaking)
        #expect(b.association.source == DTLSPair.client)
    }

    @Test func otherSourcesAreIgnoredDuringAndAfterTheHandshake() throws {
        let pair = try DTLSPair()
        let mallory = DTLSSource(low: 0x0A00_0001, port: 4000)
        var injected = 0
        pair.run { bytes, _ in
            for kind in [UInt8(20), 21, 22, 23] {
                var forged = bytes
                forged[0] = kind
                pair.a.receive(forged, from: mallory, pair.now)
                if pair.b.state != .waiting { pair.b.receive(forged, from: mallory, pair.now) }
                injected += 1
            }
            return [(bytes, .zero)]
        }
        #expect(pair.agrees)
        #expect(pair.a.ignored == injected)
        let before = pair.b.keys?.local
        pair.b.receive(
            [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40], from: mallory, pair.now)
        #expect(pair.b.keys?.local == before)
        #expect(pair.b.take().isEmpty)
    }

    /// The flight of a server whose client is about to answer.
    private func serverInMidHandshake() throws -> (DTLSEnd, DTLSEnd, flight: [[UInt8]]) {
        let (a, b) = try pair()
        a.start(.zero)
        for _ in 0..<2 {
            for bytes in a.take() { b.receive(bytes, from: DTLSPair.client, .zero) }
            if b.state == .handshaking { break }
            for bytes in b.take() { a.receive(bytes, from: DTLSPair.server, .zero) }
        }
        #expect(b.state == .handshaking)
        return (a, b, b.take())
    }

    private static let handshakeFailure: [UInt8] = [
        21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 50, 0, 2, 2, 40,
    ]

    /// Nothing protects an alert before there are keys, and a client that gave nothing up does not begin
    /// again: a server that believed it would never have keys.
    @Test func forgedPlainAlertDoesNotEndTheServersHandshake() throws {
        let (a, b, flight) = try serverInMidHandshake()
        for alert in [Self.handshakeFailure, Self.handshakeFailure + Self.handshakeFailure] {
            b.receive(alert, from: DTLSPair.client, .zero)
            #expect(b.state == .handshaking)
        }
        // Behind a record of the client's, too; and a warning, close_notify.
        for bytes in flight { a.receive(bytes, from: DTLSPair.server, Instant(milliseconds: 40)) }
        var answer = a.take()
        answer[0] += Self.handshakeFailure
        b.receive(
            [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 51, 0, 2, 1, 0], from: DTLSPair.client,
            Instant(milliseconds: 50))
        for bytes in answer { b.receive(bytes, from: DTLSPair.client, Instant(milliseconds: 50)) }
        for bytes in b.take() { a.receive(bytes, from: DTLSPair.server, Instant(milliseconds: 90)) }
        #expect(a.suite != nil && b.suite == a.suite)
        b.tick(Instant(milliseconds: 10_000))
        #expect(b.suite != nil)
    }

    /// One that nothing follows is true: it names the reason, two seconds later.
    @Test func plainAlertThatNothingFollowsEndsTheServersHandshake() throws {
        let (_, b, _) = try serverInMidHandshake()
        b.receive(Self.handshakeFailure, from: DTLSPair.client, Instant(milliseconds: 100))
        var now = Instant.zero
        while b.failure == nil, now < Instant(milliseconds: 5000) {
            now = b.deadline
            b.tick(now)
        }
        #expect(b.failure == .alert(40))
        #expect(now == Instant(milliseconds: 2100))
    }

    /// A plain alert is one that anybody could have sent: after the handshake it says nothing.
    @Test func plainAlertFromThePeersAddressDoesNotEndWhatIsEstablished() throws {
        let pair = try DTLSPair()
        pair.run()
        pair.b.receive(
            [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 99, 0, 2, 2, 40], from: DTLSPair.client, pair.now)
        #expect(!pair.b.isClosed)
        #expect(pair.agrees)
    }

    @Test func closeNotifyIsSaidAndHeardAndTheStateStays() throws {
        let pair = try DTLSPair()
        pair.run()
        pair.a.close()
        let goodbye = pair.a.take()
        #expect(goodbye.count == 1)
        #expect(goodbye.first?[0] == 21)
        for bytes in goodbye { pair.b.receive(bytes, from: DTLSPair.client, pair.now) }
        #expect(pair.b.isClosed)
        #expect(pair.b.suite == .aeadAES256GCM)
    }

    @Test func lingerEndsByItself() throws {
        let pair = try DTLSPair()
        pair.run()
        #expect(pair.b.keys != nil)
        pair.now += .seconds(31)
        pair.b.tick(pair.now)
        #expect(pair.b.keys == nil)
        #expect(pair.b.suite == .aeadAES256GCM)
        #expect(pair.b.deadline == .distantFuture)
        pair.b.receive([22, 254, 253, 0], from: DTLSPair.client, pair.now)
        #expect(pair.b.take().isEmpty)
    }
}
