internal import Audio

/// How loud each frequency of 0–4 kHz was, in columns of time: for the page of `detect --plot`.
struct Spectrogram {
    /// Samples of one Hann window (32 ms) and of the power spectrum's double.
    static let window = 256
    static let rows = window / 2
    /// Columns of a picture: wider ones only make the page heavy.
    static let maximumColumns = 6000
    /// Decibels below a full-scale sine that are drawn; quieter is black.
    static let rangeDecibels: Float = 90

    private(set) var columns = 0
    /// Samples from one column to the next.
    private(set) var step = 80
    /// `columns` × `rows` levels from 0 (silent) to 15, column by column, low frequencies first.
    private(set) var levels: [UInt8] = []

    /// - Parameter samples: 8 kHz.
    init(_ samples: [Int16]) {
        step = max(80, (samples.count + Self.maximumColumns - 1) / Self.maximumColumns)
        columns = max(1, samples.count / step)
        levels.reserveCapacity(columns * Self.rows)
        let transform = FourierTransform(count: Self.window)
        let shape = (0..<Self.window).map { index in
            Float(
                0.5 - 0.5 * Elementary.cos(2 * Double.pi * Double(index) / Double(Self.window)))
        }
        // A full-scale sine in a Hann window: amplitude 32768 × 256 / 4.
        let full = Float(32768 * Self.window / 4)
        var frame = [Float](repeating: 0, count: Self.window)
        for column in 0..<columns {
            let first = column * step + step / 2 - Self.window / 2
            for index in 0..<Self.window {
                let place = first + index
                let inside = place >= 0 && place < samples.count
                frame[index] = inside ? Float(samples[place]) * shape[index] : 0
            }
            for power in transform.power(frame) {
                let decibels = Float(Elementary.decibels(power: Double(power / (full * full))))
                let level = (decibels + Self.rangeDecibels) / Self.rangeDecibels * 16
                levels.append(UInt8(min(max(level, 0), 15)))
            }
        }
    }

    /// The picture as a PNG, high frequencies at the top.
    func png() -> [UInt8] {
        var image = IndexedImage(width: columns, height: Self.rows, palette: Self.palette)
        for column in 0..<columns {
            for row in 0..<Self.rows {
                image[column, Self.rows - 1 - row] = levels[column * Self.rows + row]
            }
        }
        return image.png()
    }

    /// Black over violet and orange to pale yellow, even steps of lightness.
    private static let palette: [(UInt8, UInt8, UInt8)] = [
        (0, 0, 4), (9, 7, 30), (22, 11, 57), (41, 11, 84), (60, 9, 101), (80, 18, 110),
        (101, 26, 110), (122, 34, 106), (143, 43, 98), (165, 52, 86), (187, 62, 71),
        (208, 76, 53), (227, 98, 33), (241, 128, 16), (249, 167, 36), (248, 225, 128),
    ]
}

/// Radix-2 transform of real frames; `count` is a power of two.
private struct FourierTransform {
    private let count: Int
    private let turns: [(Float, Float)]

    init(count: Int) {
        self.count = count
        turns = (0..<count / 2).map { index in
            let angle = -2 * Double.pi * Double(index) / Double(count)
            return (Float(Elementary.cos(angle)), Float(Elementary.sin(angle)))
        }
    }

    /// Power of the bins 0 ..< count / 2.
    func power(_ frame: [Float]) -> [Float] {
        var real = [Float](repeating: 0, count: count)
        var imaginary = real
        let bits = count.trailingZeroBitCount
        for index in 0..<count {
            var reversed = 0
            for bit in 0..<bits where index >> bit & 1 == 1 { reversed |= 1 << (bits - 1 - bit) }
            real[reversed] = frame[index]
        }
        var half = 1
        while half < count {
            for block in stride(from: 0, to: count, by: 2 * half) {
                for index in 0..<half {
                    let (c, s) = turns[index * (count / 2 / half)]
                    let a = block + index
                    let b = a + half
                    let x = real[b] * c - imaginary[b] * s
                    let y = real[b] * s + imaginary[b] * c
                    real[b] = real[a] - x
                    imaginary[b] = imaginary[a] - y
                    real[a] += x
                    imaginary[a] += y
                }
            }
            half *= 2
        }
        return (0..<count / 2).map { real[$0] * real[$0] + imaginary[$0] * imaginary[$0] }
    }
}
