/// What was counted between the start and the end of the measurement.
struct Tally {
    var sent = 0
    var received = 0
    var duplicates = 0
    var reordered = 0
    /// Replies later than one packet interval.
    var late = 0
    var notAuthentic = 0
    var sendFailures = 0
    var unknown = 0
    /// Legs whose replies' timestamps do not say for certain which packet they answer.
    var guessedOffsets = 0
    var latency = LatencyHistogram()
    /// Of legs whose replies are told by their audio: sent, come back, and after how long.
    var audioSent = 0
    var audioReceived = 0
    var audioLatency = LatencyHistogram()
    /// Their replies that came more than one packet interval behind their own pace.
    var audioLate = 0
    /// All replies, and those that their sequence numbers say are missing.
    var replies = 0
    var repliesMissing = 0
    /// What `Impairment` did.
    var dropped = 0
    var delayed = 0
    var copied = 0
    /// Packets that left more than a millisecond after they were due: the generator itself was not
    /// served.
    var lateSends = 0
    /// What the generator itself used in the measured time.
    var cpuNanoseconds: Int64 = 0
}
