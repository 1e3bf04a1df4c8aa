/// What a description says about Opus (RFC 7587 6.1). Each side states what it likes to receive;
/// `sprop-` values tell what it sends.
public struct OpusParameters: Equatable, Sendable {
    /// Shortest packets it wants, milliseconds.
    public var minimumPtime: Int?
    /// It can make use of forward error correction.
    public var usesInbandFEC = false
    /// It likes discontinuous transmission.
    public var usesDTX = false
    /// It prefers two channels; mono is always allowed.
    public var prefersStereo = false
    /// Bits a second, 6000…510000.
    public var maximumAverageBitrate: Int?
    /// Highest rate it plays, Hz: more bandwidth is wasted on it.
    public var maximumPlaybackRate: Int?
    /// It likes a constant bit rate.
    public var wantsConstantBitrate = false
    /// Highest rate that it captures, Hz.
    public var captureRate: Int?

    /// Nothing stated: as an fmtp without parameters.
    public init() {}

    /// Ours: mono of 16 kHz, with error correction, without DTX: a pause of ours is audio too.
    public static let ours: OpusParameters = {
        var parameters = OpusParameters()
        parameters.minimumPtime = 10
        parameters.usesInbandFEC = true
        parameters.maximumPlaybackRate = 16_000
        parameters.captureRate = 16_000
        return parameters
    }()

    /// Reads a fmtp text; what is unknown, repeated or out of range is passed over.
    public init(parsing text: String?) {
        for parameter in (text ?? "").split(separator: ";").prefix(Self.parameterLimit) {
            let parts = parameter.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = Int(String(parts[1]).trimmed) else { continue }
            switch String(parts[0]).trimmed.lowercased() {
            case "minptime": minimumPtime = (3...120).contains(value) ? value : nil
            case "useinbandfec": usesInbandFEC = value == 1
            case "usedtx": usesDTX = value == 1
            case "stereo": prefersStereo = value == 1
            case "cbr": wantsConstantBitrate = value == 1
            case "maxaveragebitrate":
                maximumAverageBitrate = (6000...510_000).contains(value) ? value : nil
            case "maxplaybackrate":
                maximumPlaybackRate = (8000...48_000).contains(value) ? value : nil
            case "sprop-maxcapturerate":
                captureRate = (8000...48_000).contains(value) ? value : nil
            default: break
            }
        }
    }

    /// Parameters read of one fmtp line; RFC 7587 knows ten.
    static let parameterLimit = 32

    /// The fmtp text.
    var serialised: String {
        var parts: [String] = []
        if let minimumPtime { parts.append("minptime=\(minimumPtime)") }
        parts.append("useinbandfec=\(usesInbandFEC ? 1 : 0)")
        parts.append("usedtx=\(usesDTX ? 1 : 0)")
        parts.append("stereo=\(prefersStereo ? 1 : 0)")
        parts.append("sprop-stereo=0")
        if let maximumAverageBitrate { parts.append("maxaveragebitrate=\(maximumAverageBitrate)") }
        if let maximumPlaybackRate { parts.append("maxplaybackrate=\(maximumPlaybackRate)") }
        if let captureRate { parts.append("sprop-maxcapturerate=\(captureRate)") }
        if wantsConstantBitrate { parts.append("cbr=1") }
        return parts.joined(separator: ";")
    }
}
