/// Whether samples are one sine, and of which pitch: a sine obeys x[n] = 2 cos ω · x[n−1] − x[n−2], and
/// nothing else does.
public enum PureTone {
    /// What may be left of the power when that is taken away: 2 % of a second tone, or noise 30 dB below.
    private static let residue: Float = 0.004
    private static let minimumMeanSquare: Float = 1000
    private static let minimumCount = 40

    /// The Goertzel coefficient 2 cos ω of a pitch, ω at 8 kHz.
    public static func coefficient(hertz: Double) -> Float {
        Float(2 * Elementary.cos(2 * .pi * hertz / 8000))
    }

    /// Whether two coefficients are of one pitch, to 2 %.
    public static func isSame(_ one: Float, as other: Double) -> Bool {
        let (low, high) = (coefficient(hertz: other * 1.02), coefficient(hertz: other * 0.98))
        return (low...high).contains(one)
    }

    /// The coefficient at 8 kHz of the one sine that `samples` are, of a multiple of that rate; nil: they
    /// are silence, or more than one sine. Pitches below 4 kHz.
    public static func coefficient(of samples: UnsafeBufferPointer<Int16>, rate: Int) -> Float? {
        let step = max(rate / 8000, 1)
        let count = samples.count / step
        guard count >= minimumCount else { return nil }
        var cross: Float = 0
        var square: Float = 0
        var sums: Float = 0
        var (before, last) = (Float(samples[0]), Float(samples[step]))
        for index in 2..<count {
            let next = Float(samples[index * step])
            let sum = before + next
            cross += sum * last
            square += last * last
            sums += sum * sum
            (before, last) = (last, next)
        }
        guard square > minimumMeanSquare * Float(count) else { return nil }
        let coefficient = cross / square
        guard sums - coefficient * cross <= residue * square else { return nil }
        return coefficient
    }
}
