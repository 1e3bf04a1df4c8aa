internal import Audio

/// G.711 µ-law by table, bit exact with `G711`: a look-up a sample, where the arithmetic costs four
/// times as much.
enum MuLawTable {
    private struct Tables: @unchecked Sendable {
        // @unchecked: written once, before anybody sees them. Never freed.
        /// By the 14 upper bits of a sample, which are all that µ-law looks at.
        let codes: UnsafePointer<UInt8>
        let samples: UnsafePointer<Int16>

        init() {
            let codes = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << 14)
            for index in 0..<1 << 14 {
                let sample = Int16(truncatingIfNeeded: index << 2)
                (codes + index).initialize(to: G711.muLaw(sample))
            }
            let samples = UnsafeMutablePointer<Int16>.allocate(capacity: 256)
            for code in 0...255 {
                (samples + code).initialize(to: G711.sample(muLaw: UInt8(code)))
            }
            self.codes = UnsafePointer(codes)
            self.samples = UnsafePointer(samples)
        }
    }

    private static let tables = Tables()

    /// Encodes as many samples as fit and returns how many bytes were written.
    @discardableResult
    static func encode(
        _ samples: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        let count = min(samples.count, bytes.count)
        guard let source = samples.baseAddress, let target = bytes.baseAddress else { return 0 }
        let codes = tables.codes
        // SAFETY: index < both counts; a UInt16 without its two lowest bits is below 2^14.
        for index in 0..<count {
            let code = codes[Int(UInt16(bitPattern: source[index]) >> 2)]
            target.storeBytes(of: code, toByteOffset: index, as: UInt8.self)
        }
        return count
    }

    /// Decodes as many bytes as fit and returns how many samples were written.
    @discardableResult
    static func decode(
        _ bytes: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Int {
        let count = min(samples.count, bytes.count)
        guard let source = bytes.baseAddress, let target = samples.baseAddress else { return 0 }
        let values = tables.samples
        // SAFETY: index < both counts; a byte is below 256.
        for index in 0..<count {
            target[index] = values[Int(source.load(fromByteOffset: index, as: UInt8.self))]
        }
        return count
    }
}
