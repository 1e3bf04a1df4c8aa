/// A gap whose other end is known: the sound behind it is carried backwards as the sound before it
/// is carried forwards, and one fades into the other.
///
/// ```
/// before ▶▶▶▶▶▶▶▶▶▷▷▷▷
///              ◁◁◁◁◀◀◀◀◀◀◀◀ following
/// ```
extension LossConcealer {
    /// Fills a gap of any length whose following audio is there already; hand that audio to `good`
    /// afterwards, which then has nothing left to join.
    ///
    /// - Parameter following: at least 10 ms, else the past alone is used.
    public mutating func conceal(
        into gap: UnsafeMutableBufferPointer<Int16>, before following: UnsafeBufferPointer<Int16>
    ) {
        conceal(into: gap)
        guard hasHeard, gap.count > 0, following.count >= 10 * perMillisecond else { return }
        let match = Self.matchCount * scale
        let count = min(following.count, leaving.count + match)
        let lag = Self.bestLag(following, count: count, match: match, scale)
        // The first cycle of what follows; its first quarter turns into what stands behind its
        // last, so that it can be repeated backwards.
        let blend = lag / 4
        for index in 0..<lag {
            var value = Float(following[index])
            if index < blend, lag + index < count {
                let share = (Float(index) + 0.5) / Float(blend)
                value = Float(following[lag + index]) * (1 - share) + value * share
            }
            leaving[index] = value
        }
        let step = Float(following[0]) - Float(following[min(lag, count - 1)])
        let total = Float(gap.count)
        for back in 0..<gap.count {
            let index = gap.count - 1 - back
            var value = leaving[lag - 1 - back % lag]
            if back < stepCount { value += step * Float(stepCount - back) / Float(stepCount) }
            value *= max(0, Float(fadeOutCount - back) / Float(fadeOutCount))
            let share = (Float(index) + 0.5) / total
            gap[index] = Self.sample(Float(gap[index]) * (1 - share) + value * share)
        }
        replaceNewest(UnsafeBufferPointer(gap))
    }

    /// The lag at which the first samples resemble later ones most.
    private static func bestLag(
        _ samples: UnsafeBufferPointer<Int16>, count: Int, match: Int, _ scale: Int
    ) -> Int {
        var best = (lag: lags.lowerBound * scale, likeness: -Float.infinity)
        for lag in lags.lowerBound * scale...max(lags.lowerBound * scale, count - match) {
            var product: Float = 0
            var newer: Float = 1
            var older: Float = 1
            for index in 0..<match where index + lag < count {
                let a = Float(samples[index])
                let b = Float(samples[index + lag])
                product += a * b
                newer += a * a
                older += b * b
            }
            let likeness = product / (newer * older).squareRoot()
            if likeness > best.likeness { best = (lag, likeness) }
        }
        return best.lag
    }
}
