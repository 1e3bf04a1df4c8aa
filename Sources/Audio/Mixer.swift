/// Adds the voices of a bridge and hands each listener the sum without its own.
///
/// ```
/// add(leg 1) ─┐                ┌► sum − leg 1 ──► Limiter of leg 1 ──► samples
/// add(leg 2) ─┼─► Int32 sums ──┼► sum − leg 2 ──► Limiter of leg 2 ──► samples
/// add(leg 3) ─┘                └► sum         ──► Limiter ──► who only listens
/// ```
/// 65,536 legs at full scale still fit the 32-bit sums. Allocates nothing after `init`.
public struct Mixer: Sendable {
    private var sums: [Int32]
    private var scratch: [Int32]
    /// Samples of the frame at hand.
    public private(set) var count = 0

    /// - Parameter capacity: longest frame, samples.
    public init(capacity: Int) {
        sums = [Int32](repeating: 0, count: max(capacity, 1))
        scratch = sums
    }

    /// Begins a frame of `count` samples (at most the capacity) of silence.
    public mutating func begin(_ count: Int) {
        self.count = min(max(count, 0), sums.count)
        for index in 0..<self.count { sums[index] = 0 }
    }

    /// Adds one voice; what is beyond the frame is left out.
    public mutating func add(_ samples: UnsafeBufferPointer<Int16>) {
        let shared = min(samples.count, count)
        sums.withUnsafeMutableBufferPointer { sums in
            for index in 0..<shared { sums[index] &+= Int32(samples[index]) }
        }
    }

    /// Writes the sum, less `own` (what this listener added himself), through his limiter. Returns
    /// the number of samples written.
    @discardableResult
    public mutating func write(
        without own: UnsafeBufferPointer<Int16>? = nil, limiter: inout Limiter,
        into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Int {
        let count = min(self.count, samples.count)
        scratch.withUnsafeMutableBufferPointer { scratch in
            sums.withUnsafeBufferPointer { sums in
                for index in 0..<count { scratch[index] = sums[index] }
            }
            if let own {
                for index in 0..<min(count, own.count) { scratch[index] &-= Int32(own[index]) }
            }
            limiter.limit(UnsafeBufferPointer(rebasing: scratch[0..<count]), into: samples)
        }
        return count
    }
}

/// Brings sums into 16 bits by turning the level down for a moment instead of cutting peaks off.
///
/// The gain is straight between the borders of 16-sample blocks and at each border no higher than
/// both neighbouring blocks allow, so nothing clips; it comes back over about 50 ms at 8 kHz. Only
/// when a frame *begins* with a peak is there no time to turn down: there the samples bend softly
/// towards full scale. No delay, and sound below full scale passes bit for bit.
public struct Limiter: Sendable {
    static let blockCount = 16
    /// Peaks are brought down to this (−0.35 dB of full scale); above it samples bend.
    static let ceiling: Float = 31_500
    /// Highest step up a block: from 0.5 back to 1 in 400 samples.
    static let release: Float = 0.02

    /// Gain at the end of the last frame, 1 when nothing is turned down.
    public private(set) var gain: Float = 1

    /// Nothing turned down.
    public init() {}

    /// `sums` to as many `samples`; the shorter count.
    public mutating func limit(
        _ sums: UnsafeBufferPointer<Int32>, into samples: UnsafeMutableBufferPointer<Int16>
    ) {
        let count = min(sums.count, samples.count)
        var start = 0
        var allowed = Self.allowed(sums, 0, count)
        while start < count {
            let end = min(start + Self.blockCount, count)
            let next = end < count ? Self.allowed(sums, end, count) : 1
            let target = min(allowed, next, gain + Self.release)
            if gain == 1, target == 1, allowed == 1 {
                for index in start..<end {
                    samples[index] = Int16(truncatingIfNeeded: sums[index])
                }
            } else {
                let step = (target - gain) / Float(end - start)
                for index in start..<end {
                    let turned = Float(sums[index]) * (gain + step * Float(index - start + 1))
                    samples[index] = Int16(Self.bent(turned))
                }
            }
            gain = target
            allowed = next
            start = end
        }
    }

    /// The gain that keeps the block at `start` below the ceiling; 1 when it fits 16 bits anyway.
    private static func allowed(
        _ sums: UnsafeBufferPointer<Int32>, _ start: Int, _ count: Int
    ) -> Float {
        var high: Int32 = 0
        var low: Int32 = 0
        for index in start..<min(start + blockCount, count) {
            high = max(high, sums[index])
            low = min(low, sums[index])
        }
        if high <= 32_767, low >= -32_768 { return 1 }
        return ceiling / Float(max(high.magnitude, low.magnitude))
    }

    /// Soft saturation: the identity to the ceiling, from there smoothly towards full scale.
    static func bent(_ value: Float) -> Float {
        let magnitude = value.magnitude
        guard magnitude > ceiling else { return value }
        let headroom = 32_767 - ceiling
        let over = magnitude - ceiling
        let bent = ceiling + headroom * over / (over + headroom)
        return value < 0 ? -bent : bent
    }
}
