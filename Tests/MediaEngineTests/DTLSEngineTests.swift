import Audio
import Base
import CallModel
import Detection
import Media
import SecureRTP
import Telemetry
import Testing

@testable import MediaEngine

@Suite(.serialized) struct DTLSEngineTests {
    /// Two legs of one engine, over the loopback: each the other's far end.
    @Test(arguments: [true, false]) func twoLegsAgreeOnKeysAndHearEachOther(mux: Bool) throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(
            MediaEngineConfiguration(ports: 24_200...24_219, workers: 1, realtime: false),
            metrics: metrics
        ) { log.add($0) }
        defer { engine.shutdown() }
        #expect(engine.dtlsFingerprint().count == 32)
        #expect(engine.dtlsFingerprint(.sha512).count == 64)
        let legs = try (0..<2).map { _ in try engine.createLeg(LegOptions(detection: false)) }
        for (index, role) in [DTLSParameters.Role.client, .server].enumerated() {
            let remote = RemoteMedia(
                address: "127.0.0.1", port: legs[1 - index].port, rtcpMux: mux,
                dtls: DTLSParameters(
                    role: role, fingerprintHash: .sha256, fingerprint: engine.dtlsFingerprint()))
            #expect(engine.send(.configure(remote), to: legs[index].id))
        }
        let isSecured = { (leg: LegID) -> Bool in
            log.kinds(leg).contains {
                if case .mediaSecured(.aeadAES256GCM, let time) = $0 { time > .zero } else { false }
            }
        }
        #expect(log.wait { legs.allSatisfy { isSecured($0.id) } })
        #expect(log.wait { legs.allSatisfy { log.kinds($0.id).contains(.mediaStarted) } })
        for leg in legs {
            engine.removeLeg(leg.id)
            let summary = try #require(log.waitForClosed(leg.id))
            #expect(summary.packetsReceived > 0)
        }
        engine.shutdown()
        let text = metrics.render()
        #expect(
            text.contains(
                "trunkline_dtls_handshakes_total{result=\"established\"} \(mux ? 2 : 4)"))
        #expect(text.contains("trunkline_dtls_handshake_seconds_count 2"))
    }

    @Test func wrongFingerprintIsAFactAndTheLegGoesOn() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try MediaEngine(
            MediaEngineConfiguration(ports: 24_220...24_239, workers: 1, realtime: false),
            metrics: metrics
        ) { log.add($0) }
        defer { engine.shutdown() }
        let legs = try (0..<2).map { _ in try engine.createLeg(LegOptions(detection: false)) }
        var wrong = engine.dtlsFingerprint()
        wrong[31] ^= 1
        for (index, role) in [DTLSParameters.Role.client, .server].enumerated() {
            let remote = RemoteMedia(
                address: "127.0.0.1", port: legs[1 - index].port, rtcpMux: true,
                dtls: DTLSParameters(
                    role: role, fingerprintHash: .sha256,
                    fingerprint: index == 0 ? wrong : engine.dtlsFingerprint()))
            #expect(engine.send(.configure(remote), to: legs[index].id))
        }
        #expect(
            log.wait {
                log.kinds(legs[0].id).contains(.mediaSecurityFailed(.fingerprintMismatch))
            })
        #expect(engine.legCount == 2)
        engine.removeLeg(legs[0].id)
        let summary = try #require(log.waitForClosed(legs[0].id))
        #expect(summary.packetsSent == 0)
        #expect(summary.packetsReceived == 0)
    }
}
