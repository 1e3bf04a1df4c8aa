internal import Audio
internal import CVector

/// The numbers that the recurrent nets hear with: each 10 ms hop becomes one row.
///
/// ```
///  0…17   level of 18 mel bands, 90…3800 Hz, triangular:   (dB − 30) / 30
/// 18…35   the same over a floor that falls fast and rises by 1.7 dB a second:   dB / 15
/// 36      frequency of the strongest component / 2000 Hz
/// 37, 38  its share of the power p, and log2(1 − p) / 6
/// 39, 40  frequency / 4000 Hz and share of the strongest component that is no harmonic of it
/// 41      log2(1 + change of the first frequency in Hz) / 6
/// 42, 43  level (dBm0 + 40) / 20, level over its floor / 20
/// 44, 45  share with the second and third harmonic, flatness of 156…1500 Hz
/// ```
/// tools/train makes the training rows with this very code, so training and calls cannot differ.
public struct EarFeatures: Sendable {
    /// Mel bands, and values of each of a row's first two parts.
    public static let bandCount = 18
    /// Values a row.
    public static let count = 46
    /// Samples a row.
    public static let hopCount = 80

    /// The floors start here, dB of the band's power.
    private static let initialFloor: Float = 25
    private static let levelRise: Float = 0.05

    /// In place, as `Spectrum` holds its own.
    private var last = InlineArray<46, Float>(repeating: 0)
    private var floors = InlineArray<18, Float>(repeating: EarFeatures.initialFloor)
    private var levelFloor: Float = -66
    private var lastPeakHz: Float = 0
    private var hops = 0

    /// Nothing heard; the floors begin at 25 dB of a band's power.
    public init() {}

    /// The last row; a copy.
    public var row: [Float] { last.span.withUnsafeBufferPointer { Array($0) } }

    /// The last row. (Mutating: what is lent to a function that is not is copied.)
    mutating func withRow<Result>(_ body: (UnsafeBufferPointer<Float>) -> Result) -> Result {
        last.span.withUnsafeBufferPointer(body)
    }

    /// Makes the row of a hop from its features and the 129 bins of its spectrum.
    mutating func advance(_ features: HopFeatures, power: UnsafeBufferPointer<Float>) {
        guard power.count == Spectrum.binCount, let bins = power.baseAddress else { return }
        let tables = EarTables.shared
        let shape = shape(of: features)
        let hops = hops
        Self.write(&last, &floors) { row, floors in
            // SAFETY: 129 bins, 18 floors, 46 values of which the first 36 are written.
            tl_ear_bands(
                bins, tables.constants, Int32(clamping: hops), floors, row, row + Self.bandCount)
            for index in 0..<Self.count - 2 * Self.bandCount {
                row[2 * Self.bandCount + index] = shape[index]
            }
        }
        self.hops = hops + 1
    }

    /// SAFETY: the pointers are valid during `body` only, for 46 and 18 values.
    @inline(__always)
    private static func write(
        _ row: inout InlineArray<46, Float>, _ floors: inout InlineArray<18, Float>,
        _ body: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
    ) {
        var row = row.mutableSpan
        var floors = floors.mutableSpan
        row.withUnsafeMutableBufferPointer { row in
            floors.withUnsafeMutableBufferPointer { floors in
                guard let row = row.baseAddress, let floors = floors.baseAddress else { return }
                body(row, floors)
            }
        }
    }

    /// The last ten values of the row.
    private mutating func shape(of features: HopFeatures) -> SIMD16<Float> {
        let level = max(features.levelDBm0, -80)
        levelFloor = hops == 0 || level < levelFloor ? level : levelFloor + Self.levelRise
        var shape = SIMD16<Float>.zero
        shape[0] = features.peakHz / 2000
        shape[1] = features.share
        shape[2] = fastLog2(1 - min(features.share, 0.9999)) / 6
        shape[3] = features.secondHz / 4000
        shape[4] = features.secondShare
        shape[5] = fastLog2(1 + (features.peakHz - lastPeakHz).magnitude) / 6
        shape[6] = (level + 40) / 20
        shape[7] = (level - levelFloor) / 20
        shape[8] = features.harmonicShare
        shape[9] = features.flatness
        lastPeakHz = features.peakHz
        return shape
    }

    /// Rows of a whole recording of 8 kHz, one after the other: for training.
    public static func rows(of samples: [Int16]) -> [Float] {
        var spectrum = Spectrum()
        var features = EarFeatures()
        var rows: [Float] = []
        rows.reserveCapacity(samples.count / hopCount * count)
        samples.withUnsafeBufferPointer { samples in
            for start in stride(from: 0, to: samples.count - hopCount + 1, by: hopCount) {
                let hop = UnsafeBufferPointer(rebasing: samples[start..<start + hopCount])
                spectrum.advance(hop)
                let offset = spectrum.offset
                spectrum.withPower {
                    let measured = HopFeatures(hop: hop, power: $0, offset: offset)
                    features.advance(measured, power: $0)
                }
                rows.append(contentsOf: features.row)
            }
        }
        return rows
    }
}

/// Which bands a bin of the spectrum belongs to, and how the bands' floors move.
final class EarTables: @unchecked Sendable {
    // @unchecked: written in init only.
    static let firstBin = 3
    static let lastBin = 121
    /// Bins that a part may have.
    private static let partCount = 16
    static let shared = EarTables()

    let constants: UnsafePointer<tl_ear_tables>

    private init() {
        // 20 edges, equally wide in mel; band b rises from edge b to b + 1 and falls to b + 2.
        func mel(_ hertz: Double) -> Double { 1127 * Elementary.log(1 + hertz / 700) }
        func hertz(_ mel: Double) -> Double { 700 * (Elementary.exp(mel / 1127) - 1) }
        let low = mel(90), high = mel(3800)
        let edges = (0..<EarFeatures.bandCount + 2).map {
            hertz(low + (high - low) * Double($0) / Double(EarFeatures.bandCount + 1))
        }
        let made = UnsafeMutablePointer<tl_ear_tables>.allocate(capacity: 1)
        made.initialize(to: tl_ear_tables())
        made.pointee.fall = 0.3
        made.pointee.rise = 0.017
        made.pointee.settling = 10
        // Part p lies between the edges p and p + 1: band p rises there, the one before falls.
        var starts = [Int32](repeating: 0, count: Int(TL_EAR_PARTS))
        var falling = [Float](repeating: 0, count: Int(TL_EAR_PARTS) * Self.partCount)
        var rising = falling
        for part in 0...EarFeatures.bandCount {
            let bins = (Self.firstBin...Self.lastBin).filter {
                let frequency = Double($0) * Double(Spectrum.binHz)
                return frequency >= edges[part] && frequency < edges[part + 1]
            }
            let start = min(bins.first ?? 0, Spectrum.binCount - Self.partCount)
            starts[part] = Int32(start)
            for bin in bins where bin - start < Self.partCount {
                let below = edges[part], above = edges[part + 1]
                let share = (above - Double(bin) * Double(Spectrum.binHz)) / (above - below)
                let place = part * Self.partCount + bin - start
                falling[place] = Float(share)
                rising[place] = Float(1 - share)
            }
        }
        func copy<Value>(_ values: [Value], _ bytes: UnsafeMutableRawBufferPointer) {
            values.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
        withUnsafeMutableBytes(of: &made.pointee.starts) { copy(starts, $0) }
        withUnsafeMutableBytes(of: &made.pointee.falling) { copy(falling, $0) }
        withUnsafeMutableBytes(of: &made.pointee.rising) { copy(rising, $0) }
        constants = UnsafePointer(made)
    }

    deinit { constants.deallocate() }
}
