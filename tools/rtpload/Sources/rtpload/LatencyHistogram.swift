/// Counts of nanoseconds in buckets no wider than 1/64 of their value (as HdrHistogram does), in
/// fixed memory.
struct LatencyHistogram {
    private static let half = 64
    private var counts = [Int](repeating: 0, count: 58 * half)
    private(set) var count = 0
    private(set) var maximum: Int64 = 0
    private var sum: Double = 0

    mutating func add(_ nanoseconds: Int64) {
        let value = UInt64(max(0, nanoseconds))
        counts[Self.bucket(value)] += 1
        count += 1
        sum += Double(value)
        maximum = max(maximum, Int64(value))
    }

    /// Upper end of the bucket that holds the `fraction` quantile, in microseconds.
    func microseconds(at fraction: Double) -> Double {
        let wanted = Int((Double(count) * fraction).rounded(.up))
        var seen = 0
        for (bucket, number) in counts.enumerated() where number > 0 {
            seen += number
            if seen >= wanted { return min(Self.top(bucket), Double(maximum)) / 1000 }
        }
        return Double(maximum) / 1000
    }

    var meanMicroseconds: Double { count == 0 ? 0 : sum / Double(count) / 1000 }

    private static func bucket(_ value: UInt64) -> Int {
        let bits = UInt64.bitWidth - value.leadingZeroBitCount
        let exponent = max(0, bits - 7)
        // Values below 128 have buckets of their own; above, 64 to each power of two.
        return min(exponent * half + Int(value >> UInt64(exponent)), 58 * half - 1)
    }

    private static func top(_ bucket: Int) -> Double {
        if bucket < 2 * half { return Double(bucket) }
        let exponent = bucket / half - 1
        let mantissa = bucket - exponent * half
        return Double(UInt64(mantissa + 1) << UInt64(exponent))
    }
}
