import CLinux
import CallModel
import Media
import RTP
import SecureRTP
import Telemetry
import Testing

@testable import MediaEngine

private func key(_ first: UInt8, _ suite: SRTPSuite) -> [UInt8] {
    (0..<suite.keyAndSaltCount).map { first &+ UInt8($0) }
}

/// `MediaEngineConfiguration.srtpBackend`, over real sockets.
@Suite(.serialized) struct BackendEngineTests {
    private struct End {
        let engine: MediaEngine
        let log: EventLog
        let leg: LegHandle

        init(ports: ClosedRange<Int>, _ backend: SRTPBackend) throws {
            let log = try EventLog()
            var settings = configuration(ports: ports)
            settings.srtpBackend = backend
            engine = try MediaEngine(settings, metrics: MetricsRegistry()) { log.add($0) }
            leg = try engine.createLeg(LegOptions(detection: false))
            self.log = log
        }

        func configure(_ far: End, _ keys: SRTPKeys) -> Bool {
            engine.send(
                .configure(
                    RemoteMedia(
                        address: "127.0.0.1", port: far.leg.port, telephoneEventPayloadType: 101,
                        srtp: keys)), to: leg.id)
                && log.settle(engine, leg.id)
        }

        func hears(_ digit: Character) -> Bool {
            log.wait { log.kinds(leg.id).contains(.dtmf(digit, source: .rfc4733)) }
        }

        func close() -> MediaSummary? {
            engine.removeLeg(leg.id)
            return log.waitForClosed(leg.id)
        }
    }

    /// A call between libsrtp2 and our own code: digits both ways, under the first keys, under another name
    /// for them, and under the keys of a re-offer with another suite.
    @Test func aCallBetweenBothBackendsGoesOnOverReOffers() throws {
        let theirs = try End(ports: 27000...27019, .libsrtp2)
        defer { theirs.engine.shutdown() }
        let ours = try End(ports: 27020...27039, .libcrypto)
        defer { ours.engine.shutdown() }
        let offers: [(suite: SRTPSuite, first: UInt8, mki: [UInt8], digits: (Character, Character))]
        offers = [
            (.aesCM128HMACSHA1_80, 0, [0, 1], ("1", "2")),
            (.aesCM128HMACSHA1_80, 0, [7], ("3", "4")),
            (.aesCM128HMACSHA1_80, 100, [], ("5", "6")),
            (.aeadAES256GCM, 9, [0, 0, 0, 1], ("7", "8")),
        ]
        for offer in offers {
            let near = key(offer.first, offer.suite)
            let far = key(offer.first &+ 77, offer.suite)
            for (end, peer, local, remote) in [
                (theirs, ours, near, far), (ours, theirs, far, near),
            ] {
                #expect(
                    end.configure(
                        peer,
                        SRTPKeys(
                            suite: offer.suite, local: local, remote: remote, localMKI: offer.mki,
                            remoteMKI: offer.mki)))
            }
            let orders = [(theirs, offer.digits.0), (ours, offer.digits.1)]
            for (end, digit) in orders {
                #expect(end.engine.send(.sendDTMF(digit, durationMs: 60), to: end.leg.id))
            }
            #expect(ours.hears(offer.digits.0))
            #expect(theirs.hears(offer.digits.1))
        }
        for end in [theirs, ours] {
            let summary = try #require(end.close())
            #expect(summary.packetsReceived > 0 && summary.packetsSent > 0)
        }
    }

    /// Which of the two an engine's legs run on shows where they differ: libsrtp2 does not find a stream
    /// whose first counter was lost.
    @Test(arguments: SRTPBackend.allCases)
    func everyLegRunsOnTheEnginesBackend(backend: SRTPBackend) throws {
        let suite = SRTPSuite.aesCM128HMACSHA1_80
        var settings = configuration(ports: 27040...27059)
        settings.srtpBackend = backend
        let engine = try MediaEngine(settings, metrics: MetricsRegistry()) { _ in }
        defer { engine.shutdown() }
        for counter in [UInt32(0), 1] {
            let phone = try Phone()
            let leg = try engine.createLeg(LegOptions(mode: .echo, detection: false))
            var remote = phone.remote
            remote.srtp = SRTPKeys(suite: suite, local: key(1, suite), remote: key(50, suite))
            engine.send(.configure(remote), to: leg.id)
            var context = try SRTPContext(
                suite: suite, key: key(50, suite), direction: .outbound, rolloverCounter: counter)
            var isEchoed = false
            for _ in 1..<20 where !isEchoed {
                try phone.send(
                    [UInt8](repeating: 0xFF, count: 160), to: leg.port, under: &context)
                isEchoed = phone.receive(milliseconds: 100)?.count == 170
            }
            #expect(isEchoed == (counter == 0 || backend == .libcrypto))
        }
    }
}
