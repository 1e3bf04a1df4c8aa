import Audio
import Base
import Foundation
import RTP

/// What every leg sends, over and over: packets with their own times. Each leg begins at another
/// packet of it.
struct Track {
    struct Packet {
        /// Since the track's first packet, ns.
        var time: Int64
        /// RTP timestamp since the first packet's.
        var ticks: UInt32
        /// Within `bytes`.
        var payload: Range<Int>
        var payloadType: UInt8
        var marker = false
    }

    private(set) var bytes: [UInt8]
    let packets: [Packet]
    /// From the first packet to the first of the next time round.
    let duration: Int64
    let ticks: UInt32
    /// Usual time between packets, ns.
    let interval: Int64
    let codec: LoadCodec
    /// Samples of audio at `codec`'s rate in a usual packet.
    var frameSamples: Int { Int(interval * Int64(LoadCodec.clockRate) / 1_000_000_000) }

    /// Equal packets of `ptime` ms: from a WAV file of any rate, or of a made-up voice (syllables,
    /// pauses, a beep every ten seconds).
    init(wav path: String?, codec: LoadCodec, payloadType: UInt8?, ptime: Int) throws {
        let samples = try path.map { try Self.samples(of: $0) } ?? Self.voice()
        let frame = ptime * 8
        let count = samples.count / frame
        guard count > 0 else { throw UsageError("the audio is shorter than a packet") }
        bytes = codec.encode(samples[0..<count * frame])
        interval = Int64(ptime) * 1_000_000
        duration = interval * Int64(count)
        ticks = UInt32(truncatingIfNeeded: count * frame)
        self.codec = codec
        let type = payloadType ?? codec.staticPayloadType
        let step = interval
        packets = (0..<count).map {
            Packet(
                time: Int64($0) * step, ticks: UInt32(truncatingIfNeeded: $0 * frame),
                payload: $0 * frame..<($0 + 1) * frame, payloadType: type, marker: $0 == 0)
        }
    }

    /// The longest RTP stream of a capture, or that of `ssrc`, at the times it was captured, marker
    /// bits and payload types as they were; sequence numbers are made anew.
    init(pcap path: String, ssrc: UInt32?, payloadType: UInt8?) throws {
        guard let content = FileManager.default.contents(atPath: path) else {
            throw UsageError("cannot read \(path)")
        }
        let file: PcapFile
        do { file = try PcapFile(parsing: Array(content)) } catch {
            throw UsageError("\(path): \(error)")
        }
        let streams = file.rtpStreams().filter { ssrc == nil || $0.ssrc == ssrc }
        guard let stream = streams.max(by: { $0.packets.count < $1.packets.count }),
            let first = stream.packets.first
        else { throw UsageError("\(path): no such RTP stream") }
        // By time: a capture of two interfaces may hold them out of order.
        let sorted = stream.packets.sorted { $0.time < $1.time }
        let zero = sorted.first?.time ?? first.time
        guard sorted.allSatisfy({ $0.payload.count + 64 <= Generator.packetLimit }) else {
            throw UsageError("\(path): a packet has more than \(Generator.packetLimit) bytes")
        }
        bytes = file.bytes
        packets = sorted.map {
            Packet(
                time: ($0.time - zero).nanoseconds,
                ticks: $0.header.timestamp &- first.header.timestamp, payload: $0.payload,
                payloadType: payloadType ?? $0.header.payloadType, marker: $0.header.marker)
        }
        codec = first.header.payloadType == 8 ? .pcma : .pcmu
        let steps = zip(packets, packets.dropFirst()).map { $1.ticks &- $0.ticks }.sorted()
        let step = steps.isEmpty ? 160 : max(1, steps[steps.count / 2])
        guard step < 8 * 1000 else { throw UsageError("\(path): timestamps too far apart") }
        interval = Int64(step) * 125_000
        duration = (packets.last?.time ?? 0) + interval
        ticks = (packets.last?.ticks ?? 0) &+ step
    }

    /// Due time of packet `number` for a leg that began with packet `start`, since its first; ns.
    func time(_ number: Int64, from start: Int) -> Int64 {
        let place = self.place(number, from: start)
        return packets[place.index].time + place.round * duration - packets[start].time
    }

    func timestamp(_ number: Int64, from start: Int) -> UInt32 {
        let place = self.place(number, from: start)
        return packets[place.index].ticks &+ UInt32(truncatingIfNeeded: place.round) &* ticks
            &- packets[start].ticks
    }

    func place(_ number: Int64, from start: Int) -> (index: Int, round: Int64) {
        let sum = number + Int64(start)
        let count = Int64(packets.count)
        return (Int(sum % count), sum / count)
    }

    /// Writes each packet's number into its first samples (`AudioMark`), so that a reply says by its
    /// sound which packet it is.
    mutating func mark() throws {
        guard packets.count <= AudioMark.limit else {
            throw UsageError("--match audio knows \(AudioMark.limit) packets, the audio has more")
        }
        for (number, packet) in packets.enumerated() {
            guard packet.payload.count >= AudioMark.count else {
                throw UsageError("--match audio needs packets of \(AudioMark.count) samples")
            }
            for (place, byte) in AudioMark.bytes(number, codec).enumerated() {
                bytes[packet.payload.lowerBound + place] = byte
            }
        }
    }

    private static func samples(of path: String) throws -> [Int16] {
        guard let content = FileManager.default.contents(atPath: path) else {
            throw UsageError("cannot read \(path)")
        }
        do { return try WAVFile(parsing: Array(content)).channel(0, at: 8000) } catch {
            throw UsageError("\(path): \(error)")
        }
    }

    private static func voice() -> [Int16] {
        var samples: [Int16] = []
        var voice = ToneGenerator(frequencies: [180, 360, 540, 720, 900, 1440], levelDBm0: -24)
        for index in 0..<80_000 {
            let level = max(0, 1 - abs(Double(index % 2400) / 1200 - 1) * 1.3)
            samples.append(index < 64_000 ? Int16(voice.nextValue() * level) : 0)
        }
        var beep = ToneGenerator(frequencies: [1000], levelDBm0: -14)
        for index in 70_000..<73_200 { samples[index] = Int16(beep.nextValue()) }
        return samples
    }
}

/// A number in 24 samples of ±8, which no voice says: 8 that are always the same, then 16 bits. It
/// comes through any G.711 and any cutting of the audio, not through another rate or volume.
enum AudioMark {
    static let count = 24
    static let limit = 65_536
    private static let head: UInt32 = 0b1101_0010

    static func bytes(_ number: Int, _ codec: LoadCodec) -> [UInt8] {
        let word = head << 16 | UInt32(truncatingIfNeeded: number & 0xFFFF)
        let (low, high) = codes(codec)
        return (0..<count).map { word >> UInt32(count - 1 - $0) & 1 == 0 ? low : high }
    }

    /// The number that begins at `place`, if one does.
    static func number(
        in bytes: UnsafeRawBufferPointer, at place: Int, _ codec: LoadCodec
    ) -> Int? {
        guard place >= 0, place + count <= bytes.count else { return nil }
        let (low, high) = codes(codec)
        var word: UInt32 = 0
        for bit in 0..<count {
            let byte = bytes[place + bit]
            guard byte == low || byte == high else { return nil }
            word = word << 1 | (byte == high ? 1 : 0)
        }
        return word >> 16 == head ? Int(word & 0xFFFF) : nil
    }

    /// −8 and +8.
    private static func codes(_ codec: LoadCodec) -> (low: UInt8, high: UInt8) {
        codec == .pcma ? (0x55, 0xD5) : (0x7E, 0xFE)
    }
}
