/// The protection profiles of RFC 4568 6.2 and RFC 6188 that this room can run.
public enum SRTPSuite: String, Sendable, CaseIterable {
    case aesCM128HMACSHA1_80 = "AES_CM_128_HMAC_SHA1_80"
    case aesCM128HMACSHA1_32 = "AES_CM_128_HMAC_SHA1_32"

    /// The name in an SDP crypto attribute.
    public var sdpName: String { rawValue }

    /// The suite of an SDP crypto attribute's name, which is compared without regard to case.
    public init?(sdpName: String) {
        self.init(rawValue: sdpName.uppercased())
    }

    /// Bytes of master key.
    public var keyCount: Int { 16 }
    /// Bytes of master salt.
    public var saltCount: Int { 14 }
    /// Bytes of master key and salt together.
    public var keyAndSaltCount: Int { keyCount + saltCount }
    /// Bytes of authentication tag on RTP; RTCP always has 10 (RFC 3711 5.2, RFC 4568 6.2.2).
    public var tagCount: Int { self == .aesCM128HMACSHA1_32 ? 4 : 10 }
    /// Bytes that `protect` appends.
    public var overhead: Int { tagCount }
    /// Bytes that `protectRTCP` appends: E and index, then the tag.
    public var rtcpOverhead: Int { 4 + 10 }
}
