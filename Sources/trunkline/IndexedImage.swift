/// A picture of at most 16 colours, and its PNG (ISO/IEC 15948): 4 bits a pixel, stored without
/// compression, which no decoder minds.
struct IndexedImage {
    let width: Int
    let height: Int
    private let palette: [(UInt8, UInt8, UInt8)]
    private var pixels: [UInt8]

    /// - Parameter palette: red, green and blue of 1 to 16 colours; pixels begin with the first.
    init(width: Int, height: Int, palette: [(UInt8, UInt8, UInt8)]) {
        precondition(width > 0 && height > 0 && (1...16).contains(palette.count))
        self.width = width
        self.height = height
        self.palette = palette
        pixels = [UInt8](repeating: 0, count: width * height)
    }

    subscript(x: Int, y: Int) -> UInt8 {
        get { pixels[y * width + x] }
        set { pixels[y * width + x] = min(newValue, UInt8(palette.count - 1)) }
    }

    func png() -> [UInt8] {
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        // Depth 4, colour type 3 (palette), deflate, no filter method but 0, not interlaced.
        Self.chunk("IHDR", Self.big(width) + Self.big(height) + [4, 3, 0, 0, 0], to: &file)
        Self.chunk("PLTE", palette.flatMap { [$0.0, $0.1, $0.2] }, to: &file)
        Self.chunk("IDAT", Self.stored(rows()), to: &file)
        Self.chunk("IEND", [], to: &file)
        return file
    }

    /// Each row: filter type 0, then two pixels an octet, the left one in the high half.
    private func rows() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(height * (1 + (width + 1) / 2))
        for y in 0..<height {
            bytes.append(0)
            for x in stride(from: 0, to: width, by: 2) {
                let right = x + 1 < width ? pixels[y * width + x + 1] : 0
                bytes.append(pixels[y * width + x] << 4 | right)
            }
        }
        return bytes
    }

    /// A zlib stream (RFC 1950) of stored blocks (RFC 1951 3.2.4).
    private static func stored(_ bytes: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var start = 0
        repeat {
            let count = min(65_535, bytes.count - start)
            let isLast: UInt8 = start + count == bytes.count ? 1 : 0
            let low = UInt8(count & 0xFF)
            let high = UInt8(count >> 8)
            stream += [isLast, low, high, ~low, ~high]
            stream += bytes[start..<start + count]
            start += count
        } while start < bytes.count
        var a: UInt32 = 1
        var b: UInt32 = 0
        for byte in bytes {
            a = (a + UInt32(byte)) % 65_521
            b = (b + a) % 65_521
        }
        return stream + big(Int(b << 16 | a))
    }

    private static func chunk(_ name: String, _ content: [UInt8], to file: inout [UInt8]) {
        let body = Array(name.utf8) + content
        file += big(content.count) + body + big(Int(checksum(body)))
    }

    /// CRC-32 of ISO 3309, as PNG's annex D has it.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var value: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
        }
        return ~value
    }

    private static func big(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
}
