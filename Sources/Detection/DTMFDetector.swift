internal import Audio

/// In-band DTMF after ITU-T Q.24: eight Goertzel filters over blocks of 102 samples (12.75 ms).
///
/// A digit needs two equal blocks in a row (a 40 ms tone always fills two) and is over after three
/// blocks without it, so a gap of one lost packet does not split it.
struct DTMFDetector: Sendable {
    static let blockCount = 102
    /// High group below low group by at most 8 dB, above it by at most 4 dB (Q.24), with 0.7 dB for
    /// the block's own error.
    private static let forwardTwist: Float = 7.4
    private static let reverseTwist: Float = 2.95
    /// The best of a group over every other of it, 8 dB.
    private static let groupMargin: Float = 6.3
    /// Least share of the block's energy that row and column hold together.
    private static let minimumShare: Float = 0.8
    /// Mean square of the weaker tone at −38 dBm0.
    private static let minimumMeanSquare: Float = 41_300
    private static let blocksToBegin = 2
    private static let blocksToEnd = 3

    /// A digit that has just been recognised.
    struct Hit: Sendable, Equatable {
        var digit: Character
        /// Sample at which its first full block began.
        var startSample: Int
    }

    private var s1 = SIMD8<Float>.zero
    private var s2 = SIMD8<Float>.zero
    private let coefficients: SIMD8<Float>
    /// Own copy: the first use of a static would allocate on the packet path.
    private let digits = DTMF.digits
    private var energy: Float = 0
    private var filled = 0
    private var position = 0

    private var lastIndex = -1
    private var run = 0
    private var misses = 0
    /// Index of the digit that is sounding, −1 when none is.
    private(set) var sounding = -1

    init() {
        var coefficients = SIMD8<Float>.zero
        for (index, hertz) in (DTMF.rows + DTMF.columns).enumerated() {
            let omega = 2 * Double.pi * hertz / Double(DetectorChain.sampleRate)
            coefficients[index] = Float(2 * Elementary.cos(omega))
        }
        self.coefficients = coefficients
    }

    /// Takes at most one block's worth of samples and returns a digit when one is recognised.
    /// (80 samples end at most one block of 102.)
    mutating func push(_ hop: UnsafeBufferPointer<Int16>) -> Hit? {
        var hit: Hit?
        var rest = hop
        while !rest.isEmpty {
            let count = min(rest.count, Self.blockCount - filled)
            filter(UnsafeBufferPointer(rebasing: rest.prefix(count)))
            filled += count
            position += count
            rest = UnsafeBufferPointer(rebasing: rest.dropFirst(count))
            if filled == Self.blockCount {
                if let found = endBlock() { hit = found }
            }
        }
        return hit
    }

    private mutating func filter(_ samples: UnsafeBufferPointer<Int16>) {
        var a = s1
        var b = s2
        var sum: Float = 0
        for sample in samples {
            let x = Float(sample)
            sum += x * x
            let next = coefficients * a - b + x
            b = a
            a = next
        }
        s1 = a
        s2 = b
        energy += sum
    }

    private mutating func endBlock() -> Hit? {
        let power = s1 * s1 + s2 * s2 - coefficients * s1 * s2
        let index = digitIndex(power, energy)
        s1 = .zero
        s2 = .zero
        energy = 0
        filled = 0
        run = index >= 0 && index == lastIndex ? run + 1 : (index >= 0 ? 1 : 0)
        lastIndex = index
        if sounding >= 0 {
            misses = index == sounding ? 0 : misses + 1
            if misses < Self.blocksToEnd, run < Self.blocksToBegin || index == sounding {
                return nil
            }
            sounding = -1
        }
        guard run >= Self.blocksToBegin, index >= 0 else { return nil }
        sounding = index
        misses = 0
        let start = position - run * Self.blockCount
        return Hit(digit: digits[index], startSample: start)
    }

    /// 0…15, or −1 when the block is no digit.
    private func digitIndex(_ power: SIMD8<Float>, _ energy: Float) -> Int {
        var row = 0
        var column = 4
        for index in 1..<4 where power[index] > power[row] { row = index }
        for index in 5..<8 where power[index] > power[column] { column = index }
        let low = power[row]
        let high = power[column]
        // A sine of mean square m gives power m N²/2.
        let half = Float(Self.blockCount * Self.blockCount) / 2
        guard min(low, high) > Self.minimumMeanSquare * half,
            low <= high * Self.forwardTwist, high <= low * Self.reverseTwist,
            low + high > Self.minimumShare * energy * Float(Self.blockCount) / 2
        else { return -1 }
        for index in 0..<4 where index != row {
            guard power[index] * Self.groupMargin < low else { return -1 }
        }
        for index in 4..<8 where index != column {
            guard power[index] * Self.groupMargin < high else { return -1 }
        }
        return row * 4 + column - 4
    }
}
