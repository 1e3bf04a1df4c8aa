import Audio
import Base
import Testing

private func le16(_ v: Int) -> [UInt8] { [UInt8(v & 255), UInt8(v >> 8 & 255)] }
private func le32(_ v: Int) -> [UInt8] { le16(v & 0xFFFF) + le16(v >> 16 & 0xFFFF) }

private func chunk(_ name: String, _ body: [UInt8], size: Int? = nil) -> [UInt8] {
    Array(name.utf8) + le32(size ?? body.count) + body + (body.count % 2 == 1 ? [0] : [])
}

private func format(_ tag: Int, _ channels: Int, _ rate: Int, _ bits: Int) -> [UInt8] {
    le16(tag) + le16(channels) + le32(rate) + le32(rate * channels * bits / 8)
        + le16(channels * bits / 8) + le16(bits)
}

private func riff(_ chunks: [UInt8]..., size: Int? = nil) -> [UInt8] {
    let body = chunks.flatMap { $0 }
    return Array("RIFF".utf8) + le32(size ?? body.count + 4) + Array("WAVE".utf8) + body
}

@Test func sixteenBitPCMIsRead() throws {
    let bytes = riff(
        chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", [1, 0, 255, 127, 0, 128]))
    let file = try WAVFile(parsing: bytes)
    #expect(file == WAVFile(sampleRate: 8000, channels: 1, samples: [1, 32767, -32768]))
    #expect(file.frameCount == 3)
}

@Test func muLawALawAndEightBitAreDecoded() throws {
    let mu = try WAVFile(
        parsing: riff(chunk("fmt ", format(7, 1, 8000, 8)), chunk("data", [0xFF, 0x80, 0x00])))
    #expect(mu.samples == [0, 32124, -32124])
    let a = try WAVFile(
        parsing: riff(chunk("fmt ", format(6, 1, 8000, 8)), chunk("data", [0xD5, 0xAA])))
    #expect(a.samples == [8, 32256])
    let eight = try WAVFile(
        parsing: riff(chunk("fmt ", format(1, 1, 8000, 8)), chunk("data", [128, 0, 255])))
    #expect(eight.samples == [0, -32768, 32512])
}

@Test func extensibleFormatTakesTheSubFormatsTag() throws {
    let guidTail: [UInt8] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
    let body = format(0xFFFE, 2, 16_000, 16) + le16(22) + le16(16) + le32(3) + le16(1) + guidTail
    let file = try WAVFile(
        parsing: riff(chunk("fmt ", body), chunk("data", [1, 0, 2, 0, 3, 0, 4, 0])))
    #expect(file.sampleRate == 16_000)
    #expect(file.channel(0) == [1, 3])
    #expect(file.channel(1) == [2, 4])
    #expect(file.channel(2) == [])
    #expect(file.channel(-1) == [])
}

@Test func oddChunksArePaddedAndUnknownOnesSkipped() throws {
    let bytes = riff(
        chunk("LIST", [1, 2, 3]), chunk("fmt ", format(1, 1, 8000, 16) + [0, 0]),
        chunk("fact", [9, 9, 9, 9]), chunk("data", [5, 0]), chunk("id3 ", [1]))
    #expect(try WAVFile(parsing: bytes).samples == [5])
}

@Test func lyingDataSizesMeanToTheEnd() throws {
    let pcm: [UInt8] = [1, 0, 2, 0, 3]
    for size in [0, 6, 100, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF] {
        let bytes = riff(chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", pcm, size: size))
        #expect(Array(try WAVFile(parsing: bytes).samples.prefix(2)) == [1, 2], "size \(size)")
    }
    // A size that is smaller than the file is believed.
    let short = riff(chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", pcm, size: 2))
    #expect(try WAVFile(parsing: short).samples == [1])
    // A RIFF size of nonsense is not looked at.
    let nonsense = riff(
        chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", [7, 0]), size: 0xFFFF_FFFF)
    #expect(try WAVFile(parsing: nonsense).samples == [7])
}

@Test func longerSamplesAndFloatingPointAreRounded() throws {
    func read(_ tag: Int, _ bits: Int, _ bytes: [UInt8]) throws -> [Int16] {
        let file = riff(chunk("fmt ", format(tag, 1, 8000, bits)), chunk("data", bytes))
        return try WAVFile(parsing: file).samples
    }
    func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }
    let pcm24: [Int64] = [0, 127, 128, -128, -129, 0x7FFFFF, -0x800000]
    #expect(
        try read(1, 24, pcm24.flatMap { bytes(UInt64(bitPattern: $0), 3) })
            == [0, 0, 1, 0, -1, 32_767, -32_768])
    let pcm32: [Int64] = [0, 0x7FFF, 0x8000, -0x8000, -0x8001, 0x7FFF_FFFF, -0x8000_0000]
    #expect(
        try read(1, 32, pcm32.flatMap { bytes(UInt64(bitPattern: $0), 4) })
            == [0, 0, 1, 0, -1, 32_767, -32_768])
    let values = [0, 0.5, -0.5, 1, -1, 7, -7, Double.nan, .infinity, -.infinity]
    let expected: [Int16] = [
        0, 16_384, -16_384, 32_767, -32_768, 32_767, -32_768, 0, 32_767, -32_768,
    ]
    #expect(try read(3, 64, values.flatMap { bytes($0.bitPattern, 8) }) == expected)
    #expect(
        try read(3, 32, values.flatMap { bytes(UInt64(Float($0).bitPattern), 4) }) == expected)
}

/// EBU Tech 3306: sizes of 64 bits in a chunk of their own.
@Test func filesOfMoreThanFourGibibytesAreReadByTheirOwnSizes() throws {
    let ds64 =
        [UInt8](repeating: 0, count: 8) + le32(4) + le32(0) + [UInt8](repeating: 0, count: 12)
    let plain = riff(
        chunk("ds64", ds64), chunk("fmt ", format(1, 1, 8000, 16)),
        chunk("data", [1, 0, 2, 0, 9, 9], size: 0xFFFF_FFFF))
    let long = Array("RF64".utf8) + plain.dropFirst(4)
    #expect(WAVFile.isBegun(by: long) && WAVFile.isBegun(by: plain))
    #expect(!WAVFile.isBegun(by: Array("RIF".utf8)) && !WAVFile.isBegun(by: Array("RIFX".utf8)))
    #expect(try WAVFile(parsing: long).samples == [1, 2])
    // Without that chunk: to the end.
    let bare = riff(
        chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", [1, 0, 2, 0], size: 0xFFFF_FFFF))
    #expect(try WAVFile(parsing: Array("RF64".utf8) + bare.dropFirst(4)).samples == [1, 2])
    // A writer that was killed, or wrote into a pipe, has left both sizes open (FFmpeg's -rf64 always).
    let open = riff(
        chunk("ds64", [UInt8](repeating: 0, count: 28)), chunk("fmt ", format(1, 1, 8000, 16)),
        chunk("data", [1, 0, 2, 0], size: 0xFFFF_FFFF))
    #expect(try WAVFile(parsing: Array("RF64".utf8) + open.dropFirst(4)).samples == [1, 2])
    // One that is too short for its sizes is an error and no trap.
    let cut = riff(chunk("ds64", [1, 2, 3]), chunk("fmt ", format(1, 1, 8000, 16)))
    #expect(throws: AudioError.self) {
        try WAVFile(parsing: Array("RF64".utf8) + cut.dropFirst(4))
    }
}

@Test func anEmptyRecordingWithNotesBehindItIsEmpty() throws {
    let empty = riff(
        chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", []), chunk("LIST", [1, 2, 3, 4]))
    #expect(try WAVFile(parsing: empty).samples == [])
}

@Test func unusableFilesAreTypedErrors() {
    #expect(throws: AudioError.truncated(needed: 4, have: 0)) { try WAVFile(parsing: []) }
    #expect(throws: AudioError.notWAV) {
        try WAVFile(parsing: Array("OggS and a lot more bytes".utf8))
    }
    #expect(throws: AudioError.missingChunk(name: "fmt ")) {
        try WAVFile(parsing: riff(chunk("data", [1, 0])))
    }
    #expect(throws: AudioError.missingChunk(name: "data")) {
        try WAVFile(parsing: riff(chunk("fmt ", format(1, 1, 8000, 16))))
    }
    #expect(throws: AudioError.unsupportedFormat(tag: 85, bitsPerSample: 0)) {
        try WAVFile(parsing: riff(chunk("fmt ", format(85, 1, 8000, 0)), chunk("data", [])))
    }
    #expect(throws: AudioError.badChannelCount(0)) {
        try WAVFile(parsing: riff(chunk("fmt ", format(1, 0, 8000, 16)), chunk("data", [])))
    }
    #expect(throws: AudioError.badSampleRate(0)) {
        try WAVFile(parsing: riff(chunk("fmt ", format(1, 1, 0, 16)), chunk("data", [])))
    }
    #expect(AudioError.notWAV.description == "not a WAV file (no RIFF/WAVE header)")
}

@Test func truncationAtEveryByteIsAnErrorOrTruncatedSamples() throws {
    let samples: [Int16] = [100, -200, 300, -400]
    let whole = WAVFile(sampleRate: 8000, channels: 2, samples: samples).serialised
    for length in 0..<whole.count {
        let cut = Array(whole[0..<length])
        if let file = try? WAVFile(parsing: cut) {
            #expect(length >= WAVHeader.count)
            #expect(file.samples == Array(samples.prefix((length - 44) / 4 * 2)))
        } else {
            #expect(length < WAVHeader.count)
        }
    }
}

@Test func mutatedFilesNeverTrap() {
    var generator = SeededGenerator(seed: 20_261_123)
    let guidTail: [UInt8] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
    let body = format(0xFFFE, 1, 8000, 16) + le16(22) + le16(16) + le32(1) + le16(1) + guidTail
    let whole = riff(chunk("LIST", [1, 2, 3]), chunk("fmt ", body), chunk("data", [1, 0, 2, 0]))
    var readable = 0
    for _ in 0..<20_000 {
        var bytes = whole
        for _ in 0...Int(generator.next() % 4) {
            let index = Int(generator.next() % UInt64(bytes.count))
            bytes[index] = UInt8(truncatingIfNeeded: generator.next())
        }
        bytes.removeLast(Int(generator.next() % 8))
        if (try? WAVFile(parsing: bytes)) != nil { readable += 1 }
    }
    #expect(readable > 1000 && readable < 19_500)
}

@Test func whatIsWrittenIsReadBack() throws {
    var generator = SeededGenerator(seed: 7)
    let samples = (0..<998).map { _ in Int16(truncatingIfNeeded: generator.next()) }
    for (rate, channels) in [(8000, 1), (8000, 2), (16_000, 1), (48_000, 2)] {
        let file = WAVFile(sampleRate: rate, channels: channels, samples: samples)
        #expect(try WAVFile(parsing: file.serialised) == file)
    }
}

@Test func streamingHeaderIsValidAtEveryMoment() throws {
    let header = WAVHeader(sampleRate: 8000, channels: 2)
    // Byte for byte: RIFF, size, WAVE, fmt 16, PCM, 2 channels, 8000 Hz, 32000 B/s, 4, 16, data.
    #expect(
        header.bytes(dataBytes: 400) == [
            0x52, 0x49, 0x46, 0x46, 0xB4, 0x01, 0, 0, 0x57, 0x41, 0x56, 0x45,
            0x66, 0x6D, 0x74, 0x20, 16, 0, 0, 0, 1, 0, 2, 0, 0x40, 0x1F, 0, 0,
            0x00, 0x7D, 0, 0, 4, 0, 16, 0, 0x64, 0x61, 0x74, 0x61, 0x90, 0x01, 0, 0,
        ])
    var pcm: [UInt8] = []
    for block in 0..<5 {
        pcm += [UInt8](repeating: UInt8(block), count: 640)
        let onDisk = header.bytes(dataBytes: pcm.count) + pcm
        #expect(try WAVFile(parsing: onDisk).frameCount == pcm.count / 4)
    }
    // Killed between a block and its patch: the old size still describes a valid file.
    #expect(try WAVFile(parsing: header.bytes(dataBytes: 640) + pcm).frameCount == 160)
    // More than 4 GB cannot be described; the size stops there and stays a whole frame count.
    let huge = header.bytes(dataBytes: 1 << 40)
    #expect(huge.count == 44)
    #expect(WAVHeader.maximumDataBytes % 4 == 0)
    #expect(header.bytes(dataBytes: -1) == header.bytes(dataBytes: 0))
}
