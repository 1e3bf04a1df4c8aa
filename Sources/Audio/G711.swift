/// ITU-T G.711: 64 kbit/s companded PCM, bit exact with the decision and output values of its
/// tables 1a/1b (A-law) and 2a/2b (µ-law).
///
/// 16-bit samples stand for G.711's 14-bit (µ) and 13-bit (A) uniform scale, left aligned. Where a
/// sample lies exactly on a decision value the rule of ITU-T G.191 `g711.c` holds: upwards for
/// positive samples, towards zero for negative ones.
public enum G711 {
    /// The byte that encodes (positive) zero.
    public static let muLawSilence: UInt8 = 0xFF
    /// The byte that encodes (positive) zero, even bits inverted as on the line; it decodes to +8.
    public static let aLawSilence: UInt8 = 0xD5

    // MARK: one sample

    /// One sample to µ-law.
    @inlinable public static func muLaw(_ sample: Int16) -> UInt8 {
        let value = Int32(sample)
        // ~value is −value − 1: the one's complement that G.191 uses for negative samples.
        let magnitude = min(((value ^ (value >> 31)) >> 2) + 33, 0x1FFF)
        // 33…8191 has 6…13 significant bits: segment 1…8. As a Float its exponent is 127 + 4 +
        // segment, and the mantissa begins with the four bits below the first one.
        let segmentAndBits = Int32(bitPattern: Float(magnitude).bitPattern >> 19) &- (131 << 4)
        let code = 0x8F &- segmentAndBits
        return UInt8(truncatingIfNeeded: code | (~value >> 31 & 0x80))
    }

    /// One sample to A-law.
    @inlinable public static func aLaw(_ sample: Int16) -> UInt8 {
        let value = Int32(sample)
        let magnitude = (value ^ (value >> 31)) >> 4
        // 16…2047 has 5…11 significant bits: segment 1…7. As a Float its exponent is 127 + 3 +
        // segment, and the mantissa begins with the four bits below the first one.
        let segmentAndBits = Int32(bitPattern: Float(magnitude).bitPattern >> 19) &- (130 << 4)
        let code = magnitude > 15 ? segmentAndBits : magnitude
        return UInt8(truncatingIfNeeded: (code | (~value >> 31 & 0x80)) ^ 0x55)
    }

    /// The sample that a µ-law byte stands for: −32124…32124.
    @inlinable public static func sample(muLaw code: UInt8) -> Int16 {
        let bits = Int32(~code)
        let magnitude = (((bits & 0xF) << 3) + 0x84) << ((bits >> 4) & 7)
        return Int16(truncatingIfNeeded: bits & 0x80 == 0 ? magnitude - 0x84 : 0x84 - magnitude)
    }

    /// The sample that an A-law byte stands for: −32256…32256, never 0.
    @inlinable public static func sample(aLaw code: UInt8) -> Int16 {
        let bits = Int32(code ^ 0x55)
        let segment = (bits >> 4) & 7
        let mantissa = ((bits & 0xF) << 4) + 8
        let magnitude = segment == 0 ? mantissa : (mantissa + 0x100) << (segment - 1)
        return Int16(truncatingIfNeeded: bits & 0x80 != 0 ? magnitude : -magnitude)
    }

    // MARK: buffers

    // SAFETY (all four): `count` is the smaller of both counts, so every index lies inside both.

    /// Decodes as many bytes as fit and returns how many samples were written.
    @discardableResult
    public static func decodeMuLaw(
        _ bytes: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Int {
        let count = min(bytes.count, samples.count)
        guard let source = bytes.baseAddress, let target = samples.baseAddress else { return 0 }
        for index in 0..<count {
            target[index] = sample(
                muLaw: source.load(fromByteOffset: index, as: UInt8.self))
        }
        return count
    }

    /// Decodes as many bytes as fit and returns how many samples were written.
    @discardableResult
    public static func decodeALaw(
        _ bytes: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Int {
        let count = min(bytes.count, samples.count)
        guard let source = bytes.baseAddress, let target = samples.baseAddress else { return 0 }
        for index in 0..<count {
            target[index] = sample(aLaw: source.load(fromByteOffset: index, as: UInt8.self))
        }
        return count
    }

    /// Encodes as many samples as fit and returns how many bytes were written.
    @discardableResult
    public static func encodeMuLaw(
        _ samples: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        let count = min(samples.count, bytes.count)
        guard let source = samples.baseAddress, let target = bytes.baseAddress else { return 0 }
        for index in 0..<count {
            target.storeBytes(of: muLaw(source[index]), toByteOffset: index, as: UInt8.self)
        }
        return count
    }

    /// Encodes as many samples as fit and returns how many bytes were written.
    @discardableResult
    public static func encodeALaw(
        _ samples: UnsafeBufferPointer<Int16>, into bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        let count = min(samples.count, bytes.count)
        guard let source = samples.baseAddress, let target = bytes.baseAddress else { return 0 }
        for index in 0..<count {
            target.storeBytes(of: aLaw(source[index]), toByteOffset: index, as: UInt8.self)
        }
        return count
    }
}
