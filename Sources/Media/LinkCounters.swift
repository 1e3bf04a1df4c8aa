/// What links and playout buffers count, of every leg that used a workspace.
public struct LinkCounters: Sendable, Equatable {
    /// Samples that found a link's ring full: the reading leg's worker stood still.
    public var overrunSamples = 0
    /// Times that a link ran dry: the writing leg's worker was late or stood still.
    public var underruns = 0
    /// Samples given up to bring a link's delay back.
    public var trimmedSamples = 0
    /// Presses handed to a link, one for each link that takes them.
    public var digitsPassed = 0
    /// Packets of a stream that somebody listens to, without duplicates and implausible ones.
    public var playoutReceived = 0
    /// Packets whose time had been played.
    public var playoutLate = 0
    /// Packets too far ahead of what was being played.
    public var playoutEarly = 0
    /// Packets that never came, as far as a playout buffer knows.
    public var playoutLost = 0
    /// Longer than a playout buffer takes.
    public var playoutUnusable = 0
    /// Times that a playout buffer ran dry while the far end spoke.
    public var playoutUnderruns = 0
    /// 20 ms frames that were stretched to gain time.
    public var playoutExpansions = 0
    /// 20 ms frames that were shortened to lose time.
    public var playoutCompressions = 0

    /// All 0.
    public init() {}

    mutating func add(_ other: LinkCounters) {
        overrunSamples += other.overrunSamples
        underruns += other.underruns
        trimmedSamples += other.trimmedSamples
        digitsPassed += other.digitsPassed
        playoutReceived += other.playoutReceived
        playoutLate += other.playoutLate
        playoutEarly += other.playoutEarly
        playoutLost += other.playoutLost
        playoutUnusable += other.playoutUnusable
        playoutUnderruns += other.playoutUnderruns
        playoutExpansions += other.playoutExpansions
        playoutCompressions += other.playoutCompressions
    }
}
