/// L16: 16-bit samples as they are, high byte first (RFC 3551 4.5.11).
public enum L16 {
    /// Decodes as many whole samples as both have; returns their number.
    @discardableResult
    public static func decode(
        _ payload: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Int {
        let count = min(payload.count / 2, samples.count)
        for index in 0..<count {
            samples[index] = Int16(
                bigEndian: payload.loadUnaligned(fromByteOffset: 2 * index, as: Int16.self))
        }
        return count
    }

    /// Encodes as many samples as fit; returns the number of bytes written.
    @discardableResult
    public static func encode(
        _ samples: UnsafeBufferPointer<Int16>, into payload: UnsafeMutableRawBufferPointer
    ) -> Int {
        let count = min(samples.count, payload.count / 2)
        for index in 0..<count {
            payload.storeBytes(
                of: samples[index].bigEndian, toByteOffset: 2 * index, as: Int16.self)
        }
        return 2 * count
    }
}
