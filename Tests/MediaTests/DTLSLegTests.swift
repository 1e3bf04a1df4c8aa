import Audio
import Base
import RTP
import SecureRTP
import Testing

@testable import Media

@Suite struct DTLSLegTests {
    @Test(arguments: [true, false]) func audioGoesThroughIntactWithKeysFromTheHandshake(
        mux: Bool
    ) throws {
        let pair = try SecurePair(mux: mux)
        let bridge = AudioBridge()
        _ = pair.b.attach(bridge)
        pair.run(ticks: 3)
        #expect(pair.a.outputs.contains(.mediaSecured(.aeadAES256GCM, handshake: .zero)))
        #expect(pair.b.outputs.contains(.mediaSecured(.aeadAES256GCM, handshake: .zero)))
        _ = drained(bridge.received)
        pair.a.play(1, PlaybackClip(samples: [Int16](repeating: 8000, count: 1600)))
        pair.run(ticks: 10)
        #expect(drained(bridge.received) == [Int16](repeating: 7932, count: 1600))
        #expect(pair.a.summary.packetsRejected == 0)
        #expect(pair.b.summary.packetsRejected == 0)
        #expect(pair.a.counters.handshakes("established") == (mux ? 1 : 2))
        // Nothing left in the clear: 160 bytes of payload, 16 of tag.
        #expect(
            pair.a.sent.filter { $0.channel == .rtp && !isDTLS($0) }.allSatisfy {
                $0.bytes.count == 12 + 160 + 16 || $0.bytes[1] & 0x7F >= 72
            })
    }

    @Test(arguments: [true, false]) func reportsAreSecuredByTheRightAssociation(mux: Bool) throws {
        let pair = try SecurePair(mux: mux)
        pair.run(ticks: 1000)
        #expect(pair.a.roundTripMilliseconds != nil)
        #expect(pair.b.roundTripMilliseconds != nil)
        #expect(pair.b.rejected(.authentication) == 0)
        let reports = pair.a.sent.filter { !isDTLS($0) && (192...223).contains($0.bytes[1]) }
        #expect(!reports.isEmpty)
        #expect(reports.allSatisfy { $0.channel == (mux ? .rtp : .rtcp) })
    }

    @Test func nothingButDTLSIsSentOrTakenBeforeTheKeys() throws {
        let bench = try LegBench(configured: false, certificate: SecurePair.ann)
        try bench.leg.configure(
            SecurePair.media(
                .server, LegBench.peer, true, SecurePair.print(SecurePair.bob)), now: bench.now)
        bench.play(1, PlaybackClip(samples: [Int16](repeating: 8000, count: 480)))
        var far = FarEnd()
        bench.run(ticks: 300) { _ in bench.receive(far.audio()) }
        bench.receive([0x80, 200, 0, 1, 0, 0, 0, 1])
        #expect(bench.sent.isEmpty)
        #expect(bench.rejected(.noKeys) == 301)
        #expect(bench.outputs.isEmpty)
        let client = try LegBench(configured: false, certificate: SecurePair.ann)
        try client.leg.configure(
            SecurePair.media(.client, LegBench.peer, true, SecurePair.print(SecurePair.bob)),
            now: client.now)
        client.run(ticks: 300)
        #expect(client.sent.count == 5)
        #expect(client.sent.allSatisfy { isDTLS($0) && $0.to == LegBench.peer })
    }

    @Test func wrongFingerprintIsToldOnceAndTheLegStaysSilent() throws {
        for wrongAtA in [true, false] {
            let wrong = SecurePair.print(SecurePair.mallory)
            let pair = try SecurePair(
                mux: true, expectedByA: wrongAtA ? wrong : nil, expectedByB: wrongAtA ? nil : wrong)
            pair.run(ticks: 400)
            let (judge, judged) = wrongAtA ? (pair.a, pair.b) : (pair.b, pair.a)
            #expect(judge.outputs == [.mediaSecurityFailed(.fingerprintMismatch)])
            #expect(judged.outputs == [.mediaSecurityFailed(.alert(42))])
            #expect((pair.a.sent + pair.b.sent).allSatisfy(isDTLS))
            #expect(judge.counters.handshakes("fingerprint") >= 1)
        }
    }

    @Test func silentFarEndIsToldAfterThirtySeconds() throws {
        let bench = try LegBench(configured: false, certificate: SecurePair.ann)
        try bench.leg.configure(
            SecurePair.media(.server, LegBench.peer, true, SecurePair.print(SecurePair.bob)),
            now: bench.now)
        bench.run(ticks: 3000)
        #expect(bench.outputs.isEmpty)
        bench.leg.answered(now: bench.now)
        bench.run(ticks: 1500)
        #expect(bench.outputs.isEmpty)
        bench.run(ticks: 1)
        #expect(bench.outputs == [.mediaSecurityFailed(.timeout)])
    }

    /// Not so much as a cookie, even while the far end is silent.
    @Test func aStrangersHelloIsNotAnswered() throws {
        let pair = try SecurePair(mux: true)
        let attacker = try Stranger()
        attacker.start(pair.b)
        attacker.exchange(pair.b)
        #expect(pair.b.sent.isEmpty)
        #expect(pair.b.rejected(.foreignSource) == 1)
        pair.run(ticks: 5)
        #expect(pair.b.summary.packetsReceived == 4)
    }

    /// Some far ends shake hands from another port than they have signalled.
    @Test func anotherPortOfTheSignalledHostIsServed() throws {
        let pair = try SecurePair(mux: true)
        pair.sourceOfA = SecurePair.addressA.withPort(4444)
        pair.run(ticks: 10)
        #expect(pair.b.destination == pair.sourceOfA)
        #expect(pair.b.summary.packetsReceived == 9)
    }

    /// The client's SDP told a private address; its fingerprint vouches for it.
    @Test func clientBehindNATIsServedWhereItSpeaksFrom() throws {
        let pair = try SecurePair(mux: true, anyHost: true)
        pair.sourceOfA = SecurePair.stranger
        pair.run(ticks: 10)
        #expect(pair.b.destination == SecurePair.stranger)
        #expect(pair.a.summary.packetsReceived == 9)
        #expect(pair.b.summary.packetsReceived == 9)
    }

    @Test func strangersHandshakeYieldsToTheSignalledAddress() throws {
        let pair = try SecurePair(mux: true, anyHost: true)
        // A stranger with a certificate of his own gets as far as the cookie.
        let attacker = try Stranger()
        attacker.start(pair.b)
        attacker.exchange(pair.b)
        #expect(pair.b.counters.handshakes("fingerprint") == 1)
        #expect(pair.b.outputs.isEmpty)
        pair.run(ticks: 10)
        #expect(pair.b.outputs.contains(.mediaSecured(.aeadAES256GCM, handshake: .zero)))
        #expect(pair.b.destination == SecurePair.addressA)
        #expect(pair.b.summary.packetsReceived == 9)
    }

    @Test func stalledHandshakesOfStrangersAreFewAndDoNotBlock() throws {
        let pair = try SecurePair(mux: true, anyHost: true)
        for port in UInt16(1)...20 {
            let attacker = try Stranger(port: port)
            attacker.start(pair.b)
            attacker.exchange(pair.b, rounds: 1)
        }
        #expect(pair.b.rejected(.foreignSource) > 0)
        pair.run(ticks: 5)
        #expect(pair.b.summary.packetsReceived == 4)
    }

    @Test func strangersAttemptsEndAndTheSignalledAddressKeepsItsOwn() throws {
        let pair = try SecurePair(mux: true, anyHost: true)
        for port in UInt16(1)...20 {
            let attacker = try Stranger(port: port)
            attacker.start(pair.b)
            attacker.exchange(pair.b)
        }
        #expect(pair.b.counters.handshakes("fingerprint") == DTLSPort.attemptLimit)
        pair.run(ticks: 5)
        #expect(pair.b.summary.packetsReceived == 4)
    }

    /// A client behind a NAT that signals a private address is a stranger as well.
    @Test func attemptsComeBackWithTime() throws {
        let pair = try SecurePair(mux: true, anyHost: true)
        for port in UInt16(1)...20 {
            let attacker = try Stranger(port: port)
            attacker.start(pair.b)
            attacker.exchange(pair.b)
        }
        pair.loseWhatIsOnItsWay()
        pair.sourceOfA = SecurePair.stranger
        pair.b.now += .seconds(2)
        pair.a.now += .seconds(2)
        pair.run(ticks: 5)
        #expect(pair.b.isSecuredByDTLS)
        #expect(pair.b.destination == SecurePair.stranger)
        #expect(pair.b.summary.packetsReceived == 4)
    }

    /// Alerts are not protected before there are keys: anybody who knows the addresses can make one.
    @Test func aForgedAlertDelaysTheClientOnly() throws {
        let pair = try SecurePair(mux: true)
        pair.a.tick()
        pair.a.receive(Self.alert, from: SecurePair.addressB)
        #expect(pair.a.outputs == [.mediaSecurityFailed(.alert(40))])
        pair.run(ticks: 20)
        #expect(!pair.a.isSecuredByDTLS)
        pair.run(ticks: 20)
        #expect(pair.a.isSecuredByDTLS && pair.b.isSecuredByDTLS)
        #expect(pair.b.summary.packetsReceived > 0)
    }

    private static let alert: [UInt8] = [21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40]

    @Test func theClientTriesLessAndLessOftenUntilItsPatienceEnds() throws {
        let bench = try LegBench(configured: false, certificate: SecurePair.ann)
        let media = SecurePair.media(
            .client, LegBench.peer, true, SecurePair.print(SecurePair.bob))
        try bench.leg.configure(media, now: bench.now)
        bench.leg.answered(now: bench.now)
        func run(seconds: Int) {
            bench.run(ticks: seconds * 50) { _ in bench.receive(Self.alert) }
        }
        run(seconds: 30)
        // After 0.5, 1 and 2 s, then every 4.
        #expect(bench.counters.handshakes("alert") == 10)
        run(seconds: 60)
        #expect(bench.counters.handshakes("alert") == 10)
        #expect(bench.outputs == [.mediaSecurityFailed(.alert(40))])
        // The same description again is new hope.
        try bench.leg.configure(media, now: bench.now)
        run(seconds: 1)
        #expect(bench.counters.handshakes("alert") == 12)
    }

    @Test func aWrongCertificateIsJudgedOnceADescription() throws {
        let wrong = SecurePair.print(SecurePair.mallory)
        let pair = try SecurePair(mux: true, expectedByA: wrong)
        pair.run(ticks: 400)
        #expect(pair.a.counters.handshakes("fingerprint") == 1)
        try pair.configure(
            pair.a, SecurePair.media(.client, SecurePair.addressB, true, wrong))
        pair.run(ticks: 400)
        #expect(pair.a.counters.handshakes("fingerprint") == 2)
    }

    @Test func anotherAssociationIsAnotherStream() throws {
        let pair = try SecurePair(mux: true)
        pair.a.leg.sender.sequence = 65_000
        pair.run(ticks: 5)
        #expect(pair.a.ssrc == 0xA)
        for (bench, role, address, peer) in [
            (pair.a, DTLSParameters.Role.server, SecurePair.addressB, SecurePair.bob),
            (pair.b, .client, SecurePair.addressA, SecurePair.ann),
        ] {
            try pair.configure(
                bench, SecurePair.media(role, address, true, SecurePair.print(peer)))
        }
        pair.run(ticks: 10)
        #expect(pair.a.isSecuredByDTLS)
        #expect(pair.a.ssrc != 0xA && pair.b.ssrc != 0xB)
        let sequence = pair.a.leg.sender.sequence
        #expect(sequence < 0x8000 + 10)
        #expect(pair.b.rejected(.authentication) == 0)
    }

    @Test func injectionDuringAndAfterTheHandshakeChangesNothing() throws {
        let pair = try SecurePair(mux: true)
        var random = SeededGenerator(seed: 3)
        var heardFromA: [[UInt8]] = []
        pair.run(ticks: 50) { _ in
            heardFromA = pair.a.sent.suffix(4).map(\.bytes)
            for kind in [UInt8(20), 21, 22, 23, 0, 128] {
                var forged = heardFromA.first ?? [kind, 254, 253]
                forged[0] = kind
                let place = Int(random.next() % UInt64(forged.count))
                if place > 0 { forged[place] ^= UInt8(truncatingIfNeeded: random.next()) }
                pair.b.receive(forged, from: SecurePair.stranger)
                pair.a.receive(forged, from: SecurePair.stranger)
            }
        }
        #expect(pair.a.summary.packetsReceived == 49)
        #expect(pair.b.summary.packetsReceived == 49)
        #expect(pair.b.destination == SecurePair.addressA)
        #expect(pair.a.destination == SecurePair.addressB)
        let strays = (pair.a.sent + pair.b.sent).filter { $0.to == SecurePair.stranger }
        #expect(strays.isEmpty)
    }

    @Test func sameDescriptionAgainKeepsTheAssociationAndAnotherFingerprintMakesOne() throws {
        let pair = try SecurePair(mux: true)
        pair.run(ticks: 5)
        let before = pair.a.sent.filter(isDTLS).count
        try pair.configure(
            pair.a,
            SecurePair.media(
                .client, SecurePair.addressB, true, SecurePair.print(SecurePair.bob)))
        pair.run(ticks: 5)
        #expect(pair.a.sent.filter(isDTLS).count == before)
        // The other end is another machine now, and the roles have changed too.
        try pair.configure(
            pair.a,
            SecurePair.media(
                .server, SecurePair.addressB, true, SecurePair.print(SecurePair.bob)))
        try pair.configure(
            pair.b,
            SecurePair.media(
                .client, SecurePair.addressA, true, SecurePair.print(SecurePair.ann)))
        #expect(!pair.a.isSecuredByDTLS)
        pair.run(ticks: 10)
        #expect(pair.a.counters.handshakes("established") == 2)
        #expect(pair.a.isSecuredByDTLS)
        #expect(pair.a.summary.packetsReceived > 12)
    }

    @Test func legWithoutCertificateAndBadFingerprintsAreRefused() throws {
        let bench = try LegBench(configured: false)
        let right = SecurePair.print(SecurePair.bob)
        #expect(throws: MediaError.noCertificate) {
            try bench.leg.configure(
                SecurePair.media(.client, LegBench.peer, true, right), now: bench.now)
        }
        #expect(throws: MediaError.badKeys) {
            try SecurePair.media(.client, LegBench.peer, true, Array(right.dropLast())).validate()
        }
        // Nothing was agreed, so DTLS is no protocol of this leg; nor is STUN ever.
        bench.receive([22, 254, 253, 0])
        bench.receive([0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42] + [UInt8](repeating: 7, count: 12))
        #expect(bench.rejected(.otherProtocol) == 2)
        #expect(bench.sent.isEmpty)
    }

    @Test func closingSaysGoodbyeToTheAssociation() throws {
        let pair = try SecurePair(mux: true)
        pair.run(ticks: 5)
        let count = pair.a.sent.count
        _ = pair.a.close()
        let last = pair.a.sent[count...].map { $0.bytes[0] }
        // RTCP BYE, then the alert close_notify.
        #expect(last == [0x81, 21] || last == [0x80, 21])
    }
}

/// Somebody with a certificate that nobody has signalled.
private final class Stranger {
    private var association: DTLSAssociation
    private var waiting: [[UInt8]] = []
    private var seen: Int
    private let address: SocketAddressValue

    init(port: UInt16 = 6666) throws {
        address = SecurePair.stranger.withPort(port)
        association = try DTLSAssociation(
            DTLSParameters(
                role: .client, fingerprintHash: .sha256,
                fingerprint: SecurePair.print(SecurePair.bob)),
            identity: SecurePair.mallory, source: SecurePair.addressB.dtlsSource)
        seen = 0
    }

    func start(_ leg: LegBench) {
        seen = leg.sent.count
        association.start(now: leg.now) { waiting.append(Array($0)) }
    }

    func exchange(_ leg: LegBench, rounds: Int = 6) {
        for _ in 0..<rounds {
            for bytes in waiting { leg.receive(bytes, from: address) }
            waiting = []
            while seen < leg.sent.count {
                leg.sent[seen].bytes.withUnsafeBytes { bytes in
                    association.receive(
                        bytes, from: SecurePair.addressB.dtlsSource, now: leg.now
                    ) { waiting.append(Array($0)) }
                }
                seen += 1
            }
        }
        for bytes in waiting where rounds == 1 { leg.receive(bytes, from: address) }
    }
}
