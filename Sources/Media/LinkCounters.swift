/// What links and playout buffers count, of every leg that used a workspace.
public struct LinkCounters: Sendable, Equatable {
    /// Samples that found a link's ring full: the reading leg's worker stood still.
    public var overrunSamples = 0
    /// Times that a link ran dry: the writing leg's worker was late or stood still.
    public var underruns = 0
    /// Samples given up to bring a link's delay back.
    public var trimmedSamples = 0
    public var digitsPassed = 0
    public var playoutReceived = 0
    public var playoutLate = 0
    public var playoutEarly = 0
    public var playoutLost = 0
    /// Longer than a playout buffer takes.
    public var playoutUnusable = 0
    public var playoutUnderruns = 0
    public var playoutExpansions = 0
    public var playoutCompressions = 0

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
