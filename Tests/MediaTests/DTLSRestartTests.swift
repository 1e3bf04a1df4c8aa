import Base
import SecureRTP
import Testing

@testable import Media

/// A client that has lost its handshake and begins another one from the same address (RFC 6347 4.2.8).
@Suite struct DTLSRestartTests {
    private static let alert: [UInt8] = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 50, 0, 2, 2, 40]

    /// What is on its way is lost, and forged alerts end the client's handshake.
    private static func beginAnew(_ pair: SecurePair, _ mux: Bool) {
        pair.loseWhatIsOnItsWay()
        pair.a.receive(alert, from: SecurePair.addressB)
        if !mux { pair.a.receive(alert, from: SecurePair.addressB.withPort(5001), on: .rtcp) }
        pair.run(ticks: 100)
        #expect(pair.a.isSecuredByDTLS && pair.b.isSecuredByDTLS)
    }

    /// The alert is forged when the server has begun already: it must not wait for the handshake that
    /// its client has given up.
    @Test(arguments: [true, false]) func aClientThatBeginsAnewInMidHandshakeIsServed(
        mux: Bool
    ) throws {
        let pair = try SecurePair(mux: mux)
        pair.a.tick()
        // ClientHello, cookie, ClientHello; the server's flight is lost.
        #expect(pair.deliverFromA() && pair.deliverFromB() && pair.deliverFromA())
        Self.beginAnew(pair, mux)
        #expect(pair.b.summary.packetsReceived > 0)
    }

    /// The server has its keys, and its last flight was lost before its client gave up.
    @Test(arguments: [true, false]) func aClientThatBeginsAnewBehindTheHandshakeIsServed(
        mux: Bool
    ) throws {
        let pair = try SecurePair(mux: mux)
        pair.a.tick()
        #expect(pair.deliverFromA() && pair.deliverFromB() && pair.deliverFromA())
        #expect(pair.deliverFromB() && pair.deliverFromA())
        #expect(pair.b.isSecuredByDTLS && !pair.a.isSecuredByDTLS)
        Self.beginAnew(pair, mux)
        let heard = (pair.a.summary.packetsReceived, pair.b.summary.packetsReceived)
        #expect(heard.0 > 0 && heard.1 > 0)
    }
}
