/// Why a session description could not be read, or why offer and answer do not meet. Cases carry
/// places and names of the format, never user names or keys.
public enum SDPError: Error, Equatable, Sendable {
    // Reading
    /// Octets of the body.
    case tooLong(limit: Int, have: Int)
    /// All lines of the body.
    case tooManyLines(limit: Int)
    /// Octets of one line. Lines count from 1.
    case lineTooLong(limit: Int, line: Int)
    /// m= lines.
    case tooManyMedia(limit: Int)
    /// Attributes and lines without a place of their own, of the session or of one m= line.
    case tooManyAttributes(limit: Int)
    /// Formats of one m= line.
    case tooManyFormats(limit: Int)
    /// No line reads `v=0`.
    case notSDP
    /// A line that the rest depends on (m=, c= in use) cannot be read. Lines count from 1.
    case badLine(line: Int)
    // Offer and answer
    /// No audio line with a port.
    case noAudio
    /// Audio lines, but no transport that we speak (RTP/AVP, RTP/SAVP, UDP/TLS/RTP/SAVP
    /// and their F forms).
    case unsupportedTransport(String)
    /// Audio lines, but no common codec.
    case noCommonCodec
    /// No address stands for the audio line.
    case noConnection
    /// The peer wants SRTP and we have none: never answered plain.
    case srtpNotSupported
    /// We want SRTP and the peer offers none.
    case srtpRequired
    /// RTP/SAVP without a crypto line that we can use.
    case noUsableCrypto
    /// The peer wants DTLS-SRTP and we have none, or not here.
    case dtlsNotSupported
    /// DTLS-SRTP without a fingerprint of SHA-256, -384 or -512 that can be read.
    case noUsableFingerprint
    /// A setup that leads to no association: holdconn, or no word of RFC 4145.
    case unusableSetup(String)
    /// We are to offer DTLS-SRTP and the caller gave no certificate's fingerprint.
    case missingCertificate
    /// SRTP is to be used and the caller gave no key, or one of the wrong length.
    case missingKey(expected: Int, have: Int)
    /// The answer rejected our audio line with port 0.
    case mediaRejected
    /// The answer does not match the offer: other transport or media kind, fewer lines, a crypto
    /// tag or suite that was not offered, a setup that leaves no roles.
    case answerMismatch(String)
}

/// Limits on what a peer may send; each is tested.
public enum SDPLimits {
    /// A body of one datagram.
    public static let bodyBytes = 65_535
    /// rtpengine's answers with ICE and many suites stay below 100.
    public static let lines = 1000
    /// Octets of one line, without its end.
    public static let lineBytes = 8192
    /// m= lines.
    public static let media = 32
    /// Of the session and of each media line.
    public static let attributes = 256
    /// On one m= line.
    public static let formats = 128
}
