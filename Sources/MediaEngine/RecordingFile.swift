internal import Audio

/// One file being recorded: what it has is playable at every moment. Used by the recorder's thread
/// alone.
///
/// ```
/// init ───► path.XXXXXXXX.part with its header ─► renamed to path, which nothing must have
/// WAV ────► samples behind what is there ─► header says so many  (never more than there are)
/// Ogg ────► packets of 20 ms ─► whole pages, at least one each time `save` is called
/// failure ► cut back to the last whole sample or page; what was recorded stays
/// ```
final class RecordingFile {
    private enum Body {
        case wav(WAVHeader)
        case opus(OpusRecordingBody)
    }

    private let disk: RecordingDisk
    private let descriptor: Int32
    private let body: Body
    /// Bytes that are whole: the header and samples, or pages.
    private var size: Int

    /// - Parameter serial: random; of the Ogg stream, and in the draft's name.
    init(
        _ location: String, format: RecordingFormat, sampleRate: Int, serial: UInt32,
        opus: OpusRecordingOptions, disk: RecordingDisk
    ) throws(RecordingFailure) {
        let start: [UInt8]
        let body: Body
        switch format {
        case .wav:
            let header = WAVHeader(sampleRate: sampleRate, channels: 2)
            start = header.bytes(dataBytes: 0)
            body = .wav(header)
        case .opus:
            let made = try OpusRecordingBody(
                sampleRate: sampleRate, serial: serial, options: opus)
            start = made.headers
            body = .opus(made)
        }
        // Under its own name only when it is a recording: a process killed in between leaves a draft
        // that is in nobody's way, because each draft has a name of its own.
        let draft = Self.draft(of: location, serial)
        let descriptor = disk.create(draft)
        guard descriptor >= 0 else { throw RecordingFailure(creating: -descriptor) }
        let written = start.withUnsafeBytes { disk.write(descriptor, $0, 0) }
        let renamed = written < 0 ? written : disk.rename(draft, location)
        guard renamed >= 0 else {
            disk.close(descriptor)
            disk.remove(draft)
            if written < 0 { throw RecordingFailure(writing: -written) }
            throw RecordingFailure(creating: -renamed)
        }
        self.disk = disk
        self.descriptor = descriptor
        self.body = body
        size = start.count
    }

    deinit { disk.close(descriptor) }

    /// `location` with a number, short enough for a file system (Linux NAME_MAX, 255 bytes) whenever
    /// `location` is.
    private static func draft(of location: String, _ serial: UInt32) -> String {
        let suffix = ".\(String(serial, radix: 16)).part"
        let start = location.lastIndex(of: "/").map(location.index(after:)) ?? location.startIndex
        var name = location[start...]
        while name.utf8.count + suffix.utf8.count > 255 { name.removeLast() }
        return location[..<start] + name + suffix
    }

    /// - Parameter samples: interleaved, whole frames.
    func append(_ samples: UnsafeBufferPointer<Int16>) throws(RecordingFailure) {
        switch body {
        case .wav:
            let bytes = UnsafeRawBufferPointer(samples)
            guard size - WAVHeader.count + bytes.count <= WAVHeader.maximumDataBytes else {
                throw .formatFull
            }
            // WAV is little-endian, and so is every machine this runs on (x86-64, AArch64).
            try put(bytes)
        case .opus(let opus): try put(try opus.take(samples))
        }
    }

    /// Makes everything appended part of the file. Call after each round.
    func save() throws(RecordingFailure) {
        guard disk.exists(descriptor) else { throw .vanished }
        switch body {
        case .wav(let header): try write(header)
        case .opus(let opus): try put(opus.page())
        }
    }

    /// Ends the file.
    func finish() throws(RecordingFailure) {
        if case .opus(let opus) = body { try put(try opus.finish()) }
        try save()
    }

    /// After a failure: takes half a sample or half a page away again. What is whole stays.
    func salvage() {
        disk.truncate(descriptor, size)
        // The header lies in bytes that the file has already: this works on a full disk. Should it
        // fail all the same, the failure that led here is the one to be told.
        if case .wav(let header) = body {
            do throws(RecordingFailure) { try write(header) } catch {}
        }
    }

    private func write(_ header: WAVHeader) throws(RecordingFailure) {
        let bytes = header.bytes(dataBytes: size - WAVHeader.count)
        let result = bytes.withUnsafeBytes { disk.write(descriptor, $0, 0) }
        guard result >= 0 else { throw RecordingFailure(writing: -result) }
    }

    private func put(_ bytes: [UInt8]) throws(RecordingFailure) {
        // The closure's error must be typed: the result is carried out instead.
        let result = bytes.withUnsafeBytes { write($0) }
        if let failure = result { throw failure }
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws(RecordingFailure) {
        if let failure = write(bytes) { throw failure }
    }

    private func write(_ bytes: UnsafeRawBufferPointer) -> RecordingFailure? {
        guard !bytes.isEmpty else { return nil }
        let result = disk.write(descriptor, bytes, size)
        guard result >= 0 else { return RecordingFailure(writing: -result) }
        size += bytes.count
        return nil
    }
}

/// The encoder of one Ogg recording and what it has not written yet.
final class OpusRecordingBody {
    let headers: [UInt8]
    private var encoder: OpusPairEncoder
    private var ogg: OggOpusWriter
    /// One frame of both sides, filled from the front.
    private let frame: UnsafeMutableBufferPointer<Int16>
    private var filled = 0
    private let packet: UnsafeMutableRawBufferPointer
    /// Samples of one side taken, and encoded.
    private var samples = 0
    private var encoded = 0

    init(
        sampleRate: Int, serial: UInt32, options: OpusRecordingOptions
    ) throws(RecordingFailure) {
        do throws(AudioError) {
            encoder = try OpusPairEncoder(
                sampleRate: sampleRate, bitrate: options.bitrate, complexity: options.complexity)
        } catch {
            throw RecordingFailure(encoding: error)
        }
        ogg = OggOpusWriter(
            serial: serial, sampleRate: sampleRate, lookahead: encoder.lookahead)
        headers = ogg.headers(vendor: "trunkline")
        frame = .allocate(capacity: encoder.frameSamples * 2)
        frame.initialize(repeating: 0)
        packet = .allocate(byteCount: OpusPairEncoder.maximumPacket, alignment: 16)
    }

    deinit {
        frame.deallocate()
        packet.deallocate()
    }

    /// Encodes and returns the pages that became full.
    func take(_ input: UnsafeBufferPointer<Int16>) throws(RecordingFailure) -> [UInt8] {
        var pages: [UInt8] = []
        samples += input.count / 2
        for sample in input {
            frame[filled] = sample
            filled += 1
            if filled == frame.count { try encode(&pages) }
        }
        return pages
    }

    /// What there is of a page; may be empty.
    func page() -> [UInt8] { ogg.page() }

    /// The rest, padded to a frame and to what the encoder holds back, and the last page.
    func finish() throws(RecordingFailure) -> [UInt8] {
        var pages: [UInt8] = []
        while encoded < samples + encoder.lookahead {
            for index in filled..<frame.count { frame[index] = 0 }
            try encode(&pages)
        }
        return pages + ogg.finish(samples: samples)
    }

    private func encode(_ pages: inout [UInt8]) throws(RecordingFailure) {
        filled = 0
        encoded += frame.count / 2
        let count: Int
        do throws(AudioError) {
            count = try encoder.encode(UnsafeBufferPointer(frame), into: packet)
        } catch {
            throw RecordingFailure(encoding: error)
        }
        let bytes = UnsafeRawBufferPointer(rebasing: packet[0..<count])
        guard !ogg.add(bytes) else { return }
        pages += ogg.page()
        // An empty page has room for the largest packet.
        _ = ogg.add(bytes)
    }
}

extension RecordingFailure {
    fileprivate init(encoding error: AudioError) {
        if case .library(_, let code) = error {
            self = .encoder(code: code)
        } else {
            self = .encoder(code: 0)
        }
    }
}
