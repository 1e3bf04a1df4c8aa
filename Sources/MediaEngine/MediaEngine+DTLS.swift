internal import Base
internal import CLinux
public import SecureRTP

extension MediaEngine {
    /// Of the certificate that every leg presents in DTLS, for the SDP (RFC 8122 5).
    public func dtlsFingerprint(_ hash: DTLSParameters.FingerprintHash = .sha256) -> [UInt8] {
        certificate.fingerprint(hash)
    }

    /// Before the first leg: a worker has no time for what a library does when it starts.
    static func load(_ backend: SRTPBackend) throws(EngineError) {
        do throws(SRTPError) {
            try backend.load()
        } catch {
            throw .badConfiguration("srtp.backend \(backend.rawValue) does not start: \(error)")
        }
    }

    static func makeCertificate() throws(EngineError) -> DTLSIdentity {
        do throws(SRTPError) {
            return try DTLSIdentity(now: WallTime(milliseconds: tl_realtime_ns() / 1_000_000))
        } catch {
            throw .badConfiguration("libcrypto makes no certificate for DTLS-SRTP: \(error)")
        }
    }
}
