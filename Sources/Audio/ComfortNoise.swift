internal import Base

/// Comfort noise of RFC 3389: what the background sounds like, in a few octets, while nobody talks.
///
/// Octet 0 is the level, 0…127 in −dBov (0 dBov = a full-scale square wave). Each further octet is
/// a reflection coefficient, k = 258 · (octet − 127) / 32768. The sign is that of a model
/// A(z) = 1 + a₁z⁻¹ + …: low-pass noise has a negative first coefficient.
public enum ComfortNoise {
    /// RFC 3551 table 4.
    public static let staticPayloadType: UInt8 = 13
    /// Highest model order sent and used; further octets of a payload are passed over (RFC 3389 3).
    public static let maximumOrder = 10
    /// Octets of the longest payload that we send: the level and `maximumOrder` coefficients.
    public static let maximumPayload = 1 + maximumOrder

    /// Level of a mean square of 16-bit samples in −dBov, 0…127.
    static func level(meanSquare: Double) -> Int {
        let level = -Elementary.decibels(power: meanSquare / 1_073_741_824)
        return Int(min(max(level.rounded(), 0), 127))
    }

    static func octet(reflection: Double) -> UInt8 {
        UInt8(min(max((reflection * 32768 / 258).rounded(), -127), 127) + 127)
    }

    static func reflection(octet: UInt8) -> Double {
        // 255 is no value of the encoder; it and everything else stay inside the unit circle.
        min(max(258 * (Double(octet) - 127) / 32768, -0.999), 0.999)
    }
}

/// Learns the background and writes it as a payload. Feed it frames without speech only.
public struct ComfortNoiseEncoder: Sendable {
    /// Reflection coefficients of a payload, 0…`ComfortNoise.maximumOrder`; it has one octet more.
    public let order: Int
    /// Share of a new frame in the running model: about 8 frames, 160 ms.
    static let share = 0.125

    private var correlation: [Double]
    private var window: [Double]
    private var model: [Double]
    private var hasHeard = false

    /// - Parameters:
    ///   - order: 0 (level only) … 10.
    ///   - capacity: longest frame, samples.
    public init(order: Int = 8, capacity: Int = 480) {
        self.order = min(max(order, 0), ComfortNoise.maximumOrder)
        correlation = [Double](repeating: 0, count: self.order + 1)
        window = [Double](repeating: 0, count: max(capacity, 1))
        model = [Double](repeating: 0, count: 2 * (self.order + 1))
    }

    /// A frame of background noise; what is longer than the capacity is left out.
    public mutating func hear(_ frame: UnsafeBufferPointer<Int16>) {
        let count = min(frame.count, window.count)
        guard count > order else { return }
        for index in 0..<count { window[index] = Double(frame[index]) }
        for lag in 0...order {
            var sum = 0.0
            for index in lag..<count { sum += window[index] * window[index - lag] }
            sum /= Double(count)
            correlation[lag] += hasHeard ? (sum - correlation[lag]) * Self.share : sum
        }
        hasHeard = true
    }

    /// Writes the payload; returns its octets, 0 when nothing was heard or it does not fit.
    public mutating func write(into payload: UnsafeMutableRawBufferPointer) -> Int {
        guard hasHeard, payload.count >= 1 + order else { return 0 }
        payload[0] = UInt8(ComfortNoise.level(meanSquare: correlation[0]))
        // Levinson and Durbin, with a little white noise so that a pure tone stays solvable.
        let width = order + 1
        var error = correlation[0] * 1.0001 + 0.01
        model[0] = 1
        for m in 0..<order {
            var sum = correlation[m + 1]
            for j in 0..<m { sum += model[j + 1] * correlation[m - j] }
            let k = min(max(-sum / error, -0.999), 0.999)
            for j in 0..<m { model[width + j + 1] = model[j + 1] + k * model[m - j] }
            for j in 0..<m { model[j + 1] = model[width + j + 1] }
            model[m + 1] = k
            error *= 1 - k * k
            payload[m + 1] = ComfortNoise.octet(reflection: k)
        }
        return 1 + order
    }
}

/// Makes noise of the described level and colour: white noise through a lattice.
public struct ComfortNoiseGenerator: Sendable {
    /// Samples over which a new description is faded in (20 ms at 8 kHz).
    static let fadeCount = 160

    private var coefficients = [Double](repeating: 0, count: ComfortNoise.maximumOrder)
    private var memory = [Double](repeating: 0, count: ComfortNoise.maximumOrder + 1)
    private var order = 0
    private var amplitude = 0.0
    private var target = 0.0
    private var step = 0.0
    /// Nothing louder than this leaves: a filter in change rings.
    private var peak = 0.0
    /// Highest peak over the root mean square; noise in rest practically never gets there.
    static let crest = 5.0
    private var generator: SeededGenerator
    /// A payload was taken; until then `fill` writes silence.
    public private(set) var hasDescription = false

    /// The same seed and payloads give the same noise.
    public init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    /// Takes a received payload. An empty one is refused (false) and changes nothing.
    @discardableResult
    public mutating func describe(_ payload: UnsafeRawBufferPointer) -> Bool {
        guard let first = payload.first else { return false }
        order = min(payload.count - 1, ComfortNoise.maximumOrder)
        var power = 1.0
        for index in 0..<order {
            let k = ComfortNoise.reflection(octet: payload[index + 1])
            coefficients[index] = k
            power *= 1 - k * k
        }
        for index in order..<ComfortNoise.maximumOrder { coefficients[index] = 0 }
        let rms = 32768 * Elementary.amplitude(decibels: -Double(first & 0x7F))
        // A lattice amplifies white noise by 1/Π(1 − k²).
        target = rms * power.squareRoot()
        peak = rms * Self.crest
        if !hasDescription { amplitude = 0 }
        step = (target - amplitude) / Double(Self.fadeCount)
        hasDescription = true
        return true
    }

    /// Writes noise; silence as long as nothing was described.
    public mutating func fill(into samples: UnsafeMutableBufferPointer<Int16>) {
        guard hasDescription else {
            for index in samples.indices { samples[index] = 0 }
            return
        }
        for index in samples.indices {
            if amplitude != target {
                amplitude += step
                if (target - amplitude) * step <= 0 { amplitude = target }
            }
            let value = filtered(white() * amplitude)
            samples[index] = clippedSample(min(max(value, -peak), peak))
        }
    }

    /// Variance 1: four uniform 16-bit numbers added are near enough to a bell.
    private mutating func white() -> Double {
        let bits = generator.next()
        let sum =
            Int(bits & 0xFFFF) + Int(bits >> 16 & 0xFFFF) + Int(bits >> 32 & 0xFFFF)
            + Int(bits >> 48)
        // Four uniforms over 65536 have a standard deviation of 65536 / √3.
        return (Double(sum) - 131_070) * (1.732_050_807_568_877_2 / 65_536)
    }

    /// The all-pole lattice: 1/A(z) from the reflection coefficients.
    private mutating func filtered(_ input: Double) -> Double {
        var forward = input
        var m = order
        while m > 0 {
            let k = coefficients[m - 1]
            forward -= k * memory[m - 1]
            memory[m] = memory[m - 1] + k * forward
            m -= 1
        }
        memory[0] = forward
        return forward
    }
}
