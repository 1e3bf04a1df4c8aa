/// How long packets take relative to the fastest of late, and the delay that waits for enough of
/// them.
///
/// ```
/// arrival − timestamp ─┬─► minimum of the last 200 packets = base
///                      └─► − base ─► histogram of 2 ms bins, forgetting ─► 97 % ─► needed
/// ```
/// The base follows clock drift, because its window does; the histogram forgets with a time
/// constant of 500 packets by growing the weight of the new instead of touching the old.
struct PlayoutDelay {
    static let bins = 128
    static let buckets = 8
    static let bucketPackets = 25
    /// Packets before the histogram is believed.
    static let minimumPackets = 16
    /// 1 / 0.998.
    private static let growth: Float = 1.002_004
    private static let weightLimit: Float = 1e6

    private let binSamples: Int64
    private let levelShift: Int64
    private let uncovered: Float
    private let initial: Int
    private var histogram = [Float](repeating: 0, count: bins)
    private var total: Float = 0
    private var weight: Float = 1
    private var minima = [Int64](repeating: .max, count: buckets)
    private var bucket = 0
    private var inBucket = 0
    private var seen = 0

    /// Arrival − timestamp of the fastest packet in the window, samples; nil before the first.
    private(set) var base: Int64?
    /// Of the newest packet against the base, samples.
    private(set) var lateness: Int64 = 0
    /// What `coverage` of the packets stay within, samples.
    private(set) var needed: Int

    init(_ configuration: PlayoutConfiguration) {
        binSamples = Int64(configuration.clockRate / 500)
        levelShift = Int64(configuration.clockRate / 25)
        uncovered = Float(1 - configuration.coverage)
        initial = max(
            0, configuration.samples(configuration.initialDelay) - configuration.frameSamples)
        needed = initial
    }

    /// Takes one packet's arrival − timestamp, samples.
    mutating func note(_ transit: Int64) {
        let before = base
        minima[bucket] = min(minima[bucket], transit)
        var lowest = Int64.max
        for index in 0..<Self.buckets { lowest = min(lowest, minima[index]) }
        base = lowest
        // The path itself has become longer: what was measured against the old base is void.
        if let before, lowest - before > levelShift { forget() }
        inBucket += 1
        if inBucket == Self.bucketPackets {
            inBucket = 0
            bucket = (bucket + 1) % Self.buckets
            minima[bucket] = .max
        }
        lateness = transit - lowest
        count(lateness)
        seen += 1
        needed = seen < Self.minimumPackets ? max(initial, quantile()) : quantile()
    }

    /// The jitter that another buffer of the same path has seen, at whatever rate: bins are times.
    mutating func learn(from other: PlayoutDelay) {
        histogram = other.histogram
        total = other.total
        weight = other.weight
        seen = other.seen
        if seen > 0 { needed = quantile() }
    }

    /// The path has a new length: only `transit` is known about it.
    mutating func rebase(to transit: Int64) {
        for index in 0..<Self.buckets { minima[index] = .max }
        minima[bucket] = transit
        inBucket = 0
        base = transit
        lateness = 0
    }

    private mutating func forget() {
        for index in 0..<Self.bins { histogram[index] = 0 }
        total = 0
        weight = 1
    }

    private mutating func count(_ lateness: Int64) {
        let rounded = (lateness + binSamples - 1) / binSamples
        let bin = Int(max(0, min(Int64(Self.bins - 1), rounded)))
        histogram[bin] += weight
        total += weight
        weight *= Self.growth
        guard weight > Self.weightLimit else { return }
        for index in 0..<Self.bins { histogram[index] /= weight }
        total /= weight
        weight = 1
    }

    private func quantile() -> Int {
        let allowed = total * uncovered
        var above: Float = 0
        var bin = Self.bins - 1
        while bin > 0 {
            above += histogram[bin]
            if above > allowed { break }
            bin -= 1
        }
        return bin * Int(binSamples)
    }
}
