import Audio

/// What rtpload says and understands: G.711.
enum LoadCodec: String {
    case pcmu = "PCMU"
    case pcma = "PCMA"

    static let clockRate = 8000

    var staticPayloadType: UInt8 { self == .pcmu ? 0 : 8 }

    func encode(_ samples: ArraySlice<Int16>) -> [UInt8] {
        self == .pcmu ? samples.map { G711.muLaw($0) } : samples.map { G711.aLaw($0) }
    }

    /// Writes a sample a byte; returns how many.
    func decode(_ bytes: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>)
        -> Int
    {
        let count = min(bytes.count, samples.count)
        for index in 0..<count {
            samples[index] =
                self == .pcmu
                ? G711.sample(muLaw: bytes[index]) : G711.sample(aLaw: bytes[index])
        }
        return count
    }
}
