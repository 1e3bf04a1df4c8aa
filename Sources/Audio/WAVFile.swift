import Base

/// A WAV file in memory, as 16-bit samples.
///
/// Reads PCM of 8, 16, 24 and 32 bits, floating point of 32 and 64, µ-law and A-law, plain or
/// WAVE_FORMAT_EXTENSIBLE, RIFF or RF64 (EBU Tech 3306), any chunk order that has `fmt ` before `data`.
/// Tolerant where recorders are sloppy: a `data` size that is larger than the file, or 0 because the
/// recorder was killed, means "to the end"; a last half frame is dropped.
public struct WAVFile: Sendable, Equatable {
    /// Rates that are believed, Hz.
    public static let sampleRates = 1000...384_000
    /// Channels of a file that are believed; more are `badChannelCount`.
    public static let maximumChannels = 16
    /// Two hours of stereo at 48 kHz.
    public static let maximumSamples = 2 * 3600 * 2 * 48_000
    /// More chunks than that before `data` is not a recording.
    static let maximumChunks = 1024

    /// Hz, for each channel.
    public var sampleRate: Int
    /// Samples of a frame, at least 1.
    public let channels: Int
    /// Interleaved.
    public var samples: [Int16]

    /// The rate is not checked; fewer than one channel count as one.
    public init(sampleRate: Int, channels: Int = 1, samples: [Int16]) {
        self.sampleRate = sampleRate
        self.channels = max(channels, 1)
        self.samples = samples
    }

    /// Frames: samples of one channel.
    public var frameCount: Int { samples.count / channels }
    /// Whole milliseconds, rounded down.
    public var durationMilliseconds: Int { frameCount * 1000 / max(sampleRate, 1) }

    /// One channel (0 = left); empty when there is no such channel.
    public func channel(_ index: Int) -> [Int16] {
        guard index >= 0, index < channels else { return [] }
        guard channels > 1 else { return samples }
        return stride(from: index, to: frameCount * channels, by: channels).map { samples[$0] }
    }

    /// One channel at `rate`, resampled when the file has another.
    public func channel(_ index: Int, at rate: Int) throws(AudioError) -> [Int16] {
        try Resampler.convert(channel(index), from: sampleRate, to: rate)
    }

    /// All channels as one at `rate` Hz: each sample is the mean of its frame, so nothing clips, what
    /// all channels say keeps its level, and what one of n says is heard at an n-th of it. Resampled
    /// when the file has another rate.
    public func mono(at rate: Int) throws(AudioError) -> [Int16] {
        try Resampler.convert(mono, from: sampleRate, to: rate)
    }

    private var mono: [Int16] {
        guard channels > 1 else { return samples }
        return samples.withUnsafeBufferPointer { samples in
            (0..<frameCount).map { frame in
                var sum = 0
                for index in frame * channels..<(frame + 1) * channels {
                    sum += Int(samples[index])
                }
                return Int16(sum / channels)
            }
        }
    }

    // MARK: reading

    /// Whether these bytes begin as a WAV file does, RIFF or RF64; what follows may still be bad.
    public static func isBegun(by bytes: [UInt8]) -> Bool {
        bytes.starts(with: "RIFF".utf8) || bytes.starts(with: "RF64".utf8)
    }

    /// Reads a whole file in memory.
    ///
    /// - Throws: `notWAV`, `missingChunk`, `truncated`, `unsupportedFormat`, `badChannelCount`,
    ///   `badSampleRate`, `tooLong`.
    public init(parsing bytes: [UInt8]) throws(AudioError) {
        do {
            self = try Self.parse(bytes)
        } catch let error as AudioError {
            throw error
        } catch ByteError.truncated(let needed, let have) {
            throw .truncated(needed: needed, have: have)
        } catch {
            throw .notWAV
        }
    }

    private static func parse(_ bytes: [UInt8]) throws -> WAVFile {
        var reader = ByteReader(bytes)
        let riff = try reader.readBytes(4)
        let isLong = riff.elementsEqual("RF64".utf8)
        guard isLong || riff.elementsEqual("RIFF".utf8) else { throw AudioError.notWAV }
        try reader.skip(4)
        guard try reader.readBytes(4).elementsEqual("WAVE".utf8) else { throw AudioError.notWAV }
        var format: SampleFormat?
        var longData: Int?
        for _ in 0..<maximumChunks {
            guard reader.remaining >= 8 else { break }
            let name = try reader.readBytes(4)
            let size = Int(try reader.readUInt32LE())
            if name.elementsEqual("fmt ".utf8) {
                format = try SampleFormat(chunk: try reader.readBytes(size))
            } else if name.elementsEqual("data".utf8) {
                guard let format else { throw AudioError.missingChunk(name: "fmt ") }
                let wanted = isLong && size == 0xFFFF_FFFF ? longData ?? size : size
                // 0 with bytes behind it: the header was never patched, unless a chunk is what follows.
                let isOpen = wanted == 0 && !Self.beginsWithChunk(reader)
                let count = isOpen ? reader.remaining : min(wanted, reader.remaining)
                return try format.file(try reader.readBytes(count))
            } else if isLong, name.elementsEqual("ds64".utf8) {
                var sizes = ByteReader(Array(try reader.readBytes(size)))
                try sizes.skip(8)
                let low = Int(try sizes.readUInt32LE())
                let high = Int(try sizes.readUInt32LE() & 0x7FFF_FFFF)
                longData = high << 32 | low
            } else {
                try reader.skip(min(size, reader.remaining))
            }
            if size % 2 == 1, reader.remaining > 0 { try reader.skip(1) }
        }
        throw AudioError.missingChunk(name: format == nil ? "fmt " : "data")
    }

    /// What may stand behind the samples of a file.
    private static let trailers = [
        "LIST", "INFO", "fact", "cue ", "id3 ", "ID3 ", "bext", "iXML", "smpl", "JUNK", "junk",
        "PAD ", "FLLR",
        "axml", "_PMX",
    ]

    /// A chunk that is known and fits what is left.
    private static func beginsWithChunk(_ reader: ByteReader) -> Bool {
        var ahead = reader
        guard let name = try? ahead.readBytes(4), let size = try? ahead.readUInt32LE() else {
            return false
        }
        return Int(size) <= ahead.remaining && trailers.contains { name.elementsEqual($0.utf8) }
    }

    // MARK: writing

    /// The file as PCM 16 bit.
    public var serialised: [UInt8] {
        let header = WAVHeader(sampleRate: sampleRate, channels: channels)
        var bytes = header.bytes(dataBytes: samples.count * 2)
        bytes.reserveCapacity(bytes.count + samples.count * 2)
        for sample in samples {
            bytes.append(UInt8(truncatingIfNeeded: sample))
            bytes.append(UInt8(truncatingIfNeeded: sample >> 8))
        }
        return bytes
    }
}

/// What a `fmt ` chunk says, checked.
private struct SampleFormat {
    enum Encoding {
        case pcm8, pcm16, pcm24, pcm32, float32, float64, muLaw, aLaw

        /// Bytes of a sample.
        var width: Int {
            switch self {
            case .pcm8, .muLaw, .aLaw: 1
            case .pcm16: 2
            case .pcm24: 3
            case .pcm32, .float32: 4
            case .float64: 8
            }
        }
    }

    var encoding: Encoding
    var channels: Int
    var sampleRate: Int

    /// Extensible puts the real tag into the first two bytes of the sub-format GUID.
    private static let extensible = 0xFFFE

    init(chunk: ArraySlice<UInt8>) throws {
        var reader = ByteReader(Array(chunk))
        var tag = Int(try reader.readUInt16LE())
        channels = Int(try reader.readUInt16LE())
        sampleRate = Int(try reader.readUInt32LE())
        // Byte rate and block alignment follow from the rest and are often wrong: not read.
        try reader.skip(6)
        let bits = Int(try reader.readUInt16LE())
        if tag == Self.extensible {
            // cbSize, valid bits, channel mask
            try reader.skip(8)
            tag = Int(try reader.readUInt16LE())
        }
        guard (1...WAVFile.maximumChannels).contains(channels) else {
            throw AudioError.badChannelCount(channels)
        }
        guard WAVFile.sampleRates.contains(sampleRate) else {
            throw AudioError.badSampleRate(sampleRate)
        }
        switch (tag, bits) {
        case (1, 8): encoding = .pcm8
        case (1, 16): encoding = .pcm16
        case (1, 24): encoding = .pcm24
        case (1, 32): encoding = .pcm32
        case (3, 32): encoding = .float32
        case (3, 64): encoding = .float64
        case (6, 8): encoding = .aLaw
        case (7, 8): encoding = .muLaw
        default: throw AudioError.unsupportedFormat(tag: tag, bitsPerSample: bits)
        }
    }

    func file(_ bytes: ArraySlice<UInt8>) throws -> WAVFile {
        let width = encoding.width
        let frames = bytes.count / width / channels
        let count = frames * channels
        guard count <= WAVFile.maximumSamples else {
            throw AudioError.tooLong(samples: count, limit: WAVFile.maximumSamples)
        }
        var samples = [Int16](repeating: 0, count: count)
        bytes.withUnsafeBytes { source in
            samples.withUnsafeMutableBufferPointer { target in
                switch encoding {
                case .muLaw: G711.decodeMuLaw(source, into: target)
                case .aLaw: G711.decodeALaw(source, into: target)
                case .pcm8:
                    for index in 0..<count { target[index] = (Int16(source[index]) - 128) << 8 }
                case .pcm16:
                    for index in 0..<count {
                        target[index] = Int16(
                            truncatingIfNeeded: UInt16(source[2 * index])
                                | UInt16(source[2 * index + 1]) << 8)
                    }
                // Longer ones are rounded.
                case .pcm24, .pcm32:
                    for index in 0..<count {
                        let top = Self.littleEndian(source, at: width * index, count: width)
                        let value = Int32(truncatingIfNeeded: top << UInt64(32 - 8 * width))
                        target[index] = Int16(clamping: (Int64(value) + 0x8000) >> 16)
                    }
                case .float32:
                    for index in 0..<count {
                        let bits = Self.littleEndian(source, at: 4 * index, count: 4)
                        let value = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
                        target[index] = Self.sample(Double(value))
                    }
                case .float64:
                    for index in 0..<count {
                        let bits = Self.littleEndian(source, at: 8 * index, count: 8)
                        target[index] = Self.sample(Double(bitPattern: bits))
                    }
                }
            }
        }
        return WAVFile(sampleRate: sampleRate, channels: channels, samples: samples)
    }

    /// `place + count` must not lie behind the end.
    private static func littleEndian(_ bytes: UnsafeRawBufferPointer, at place: Int, count: Int)
        -> UInt64
    {
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(bytes[place + index]) << UInt64(8 * index) }
        return value
    }

    /// Of −1…1; what is no number is silence.
    private static func sample(_ value: Double) -> Int16 {
        value.isNaN ? 0 : Int16(min(max(value * 32_768, -32_768), 32_767).rounded())
    }
}

/// The 44 bytes before 16-bit PCM. A streaming writer puts `bytes(dataBytes: 0)` at the beginning
/// and overwrites it with the true size after each block it has written, so that the file is a
/// valid WAV at any moment.
public struct WAVHeader: Sendable, Equatable {
    /// Bytes of the header.
    public static let count = 44
    /// RIFF sizes are 32 bits: what lies beyond cannot be described.
    public static let maximumDataBytes = Int(UInt32.max) - 36 - 15

    /// Hz, 1…384 000.
    public let sampleRate: Int
    /// 1…`WAVFile.maximumChannels`.
    public let channels: Int

    /// Clamps both to their ranges.
    public init(sampleRate: Int, channels: Int) {
        self.sampleRate = min(max(sampleRate, 1), 384_000)
        self.channels = min(max(channels, 1), WAVFile.maximumChannels)
    }

    /// The header of a file with `dataBytes` bytes of samples (clamped to what fits).
    public func bytes(dataBytes: Int) -> [UInt8] {
        let size = UInt32(min(max(dataBytes, 0), Self.maximumDataBytes))
        var writer = ByteWriter(reserving: Self.count)
        writer.write(ascii: "RIFF")
        writer.writeLE(size + 36)
        writer.write(ascii: "WAVEfmt ")
        writer.writeLE(UInt32(16))
        writer.writeLE(UInt16(1))
        writer.writeLE(UInt16(channels))
        writer.writeLE(UInt32(sampleRate))
        writer.writeLE(UInt32(sampleRate * channels * 2))
        writer.writeLE(UInt16(channels * 2))
        writer.writeLE(UInt16(16))
        writer.write(ascii: "data")
        writer.writeLE(size)
        return writer.bytes
    }
}
