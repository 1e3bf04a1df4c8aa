/// What can be wrong with bytes that claim to be RTP, RTCP or a capture of them. Cases carry facts,
/// never payload.
public enum RTPError: Error, Equatable, Sendable {
    /// Fewer bytes than the shortest thing that could stand here.
    case truncated(needed: Int, have: Int)
    /// The two version bits are not 2 (RFC 3550 5.1).
    case badVersion(UInt8)
    /// P is set but the last byte is 0 or larger than what is left (RFC 3550 5.1).
    case badPadding(count: Int, have: Int)
    /// X is set but the extension does not fit (RFC 3550 5.3.1).
    case badExtension(needed: Int, have: Int)
    /// A packet to be written breaks a rule of its format: more than 15 sources, padding over 255,
    /// an extension that is not whole words.
    case badShape
    /// The caller's buffer is too small to write into.
    case noRoom(needed: Int, have: Int)
    /// An RTCP packet type outside 192…223 at the start of a compound (RFC 5761 4).
    case notRTCP(UInt8)
    /// The first bytes are not one of the four libpcap magic numbers.
    case notPcap
    /// A pcapng file: convert it with `editcap -F pcap`.
    case pcapng
    /// A capture whose link layer this reader does not know.
    case unsupportedLinkType(UInt32)
    /// A capture larger than `PcapFile.maximumPackets`.
    case tooManyPackets(limit: Int)
}
