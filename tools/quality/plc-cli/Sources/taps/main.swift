import Audio
import Base
import Foundation
import Media
import RTP

// What the two taps of docs/ARCHITECTURE.md make of a network: 20 ms packets of a sound, each lost or
// after its own time on the way.
//
//   taps JOBS   each line: INPUT DELAYS ANALYSIS PLAYOUT [g722]. INPUT is raw 16-bit audio at 8 kHz (16
//               kHz for g722), DELAYS a file with a number of ms or "-" for each packet. ANALYSIS gets
//               what a whole media leg hands to its bridge (µ-law; not for g722), PLAYOUT what a
//               PlayoutBuffer plays to a human.

/// A packet that arrives.
struct Arrival {
    var number: Int
    var at: Instant
}

let beginning = Instant(milliseconds: 1000)
let tick = Interval.milliseconds(20)

func arrivals(_ path: String) throws -> [Arrival] {
    let words = try String(contentsOfFile: path, encoding: .utf8).split(
        whereSeparator: \.isWhitespace)
    let all = words.enumerated().compactMap { number, word -> Arrival? in
        guard let delay = Double(word), delay >= 0 else { return nil }
        return Arrival(
            number: number,
            at: beginning + Interval.milliseconds(Int64(number) * 20)
                + Interval.microseconds(Int64(delay * 1000)))
    }
    return all.sorted { ($0.at, $0.number) < ($1.at, $1.number) }
}

/// The analysis tap, as a bot hears it.
func analysed(_ samples: [Int16], _ arrivals: [Arrival]) throws -> [Int16] {
    var leg = MediaLeg(
        LegOptions(detection: false),
        identity: LegIdentity(ssrc: 1, sequence: 1, timestamp: 1, seed: 1, cname: "taps"),
        mediaTimeout: nil, now: beginning)
    var workspace = LegWorkspace()
    var out = Outbox<LegOutput>()
    let bridge = AudioBridge()
    let far = SocketAddressValue(ipv4: 127, 0, 0, 1, port: 4000)
    try leg.configure(RemoteMedia(address: "127.0.0.1", port: 4000), now: beginning)
    _ = leg.attach(bridge)
    var heard: [Int16] = []
    var piece = [Int16](repeating: 0, count: 4096)
    func drain() {
        while true {
            let count = piece.withUnsafeMutableBufferPointer { bridge.received.read(into: $0) }
            guard count > 0 else { return }
            heard += piece[0..<count]
        }
    }
    var next = 0
    let ticks = samples.count / 160 + 50
    for index in 0..<ticks {
        let now = beginning + Interval.milliseconds(Int64(index) * 20)
        while next < arrivals.count, arrivals[next].at <= now {
            let number = arrivals[next].number
            let header = RTPHeader(
                payloadType: 0, sequence: UInt16(truncatingIfNeeded: number),
                timestamp: UInt32(truncatingIfNeeded: number * 160), ssrc: 7)
            var packet = [UInt8](repeating: 0, count: 172)
            packet.withUnsafeMutableBytes { bytes in
                _ = header.write(into: bytes)
                for sample in 0..<160 where number * 160 + sample < samples.count {
                    bytes[12 + sample] = G711.muLaw(samples[number * 160 + sample])
                }
                leg.receive(
                    packet: bytes, from: far, on: .rtp, now: arrivals[next].at,
                    workspace: &workspace, out: &out
                ) { _, _, _ in true }
            }
            drain()
            next += 1
        }
        leg.tick(now: now, workspace: &workspace, out: &out) { _, _, _ in true }
        out.drain { _ in }
        drain()
    }
    return heard
}

/// The playout tap, as a human hears it.
func played(_ samples: [Int16], _ arrivals: [Arrival], wide: Bool) -> [Int16] {
    let frame = wide ? 320 : 160
    var configuration = PlayoutConfiguration()
    configuration.clockRate = wide ? 16_000 : 8000
    configuration.frameSamples = frame
    var buffer = PlayoutBuffer(configuration)
    let packets = coded(samples, frame: frame, wide: wide)
    var decoder = G722Decoder()
    var heard: [Int16] = []
    var piece = [Int16](repeating: 0, count: frame)
    var next = 0
    for index in 0..<packets.count + 50 {
        let now = beginning + Interval.milliseconds(Int64(index) * 20)
        while next < arrivals.count, arrivals[next].at <= now {
            let number = arrivals[next].number
            if number < packets.count {
                let decoded = decode(packets[number], &decoder, frame: frame, wide: wide)
                _ = decoded.withUnsafeBufferPointer {
                    buffer.insert(
                        sequence: UInt16(truncatingIfNeeded: number),
                        timestamp: UInt32(truncatingIfNeeded: number * frame), samples: $0,
                        now: arrivals[next].at)
                }
            }
            next += 1
        }
        _ = piece.withUnsafeMutableBufferPointer { buffer.pull(into: $0, now: now) }
        heard += piece
    }
    return heard
}

func coded(_ samples: [Int16], frame: Int, wide: Bool) -> [[UInt8]] {
    var encoder = G722Encoder()
    return (0..<samples.count / frame).map { number in
        let slice = samples[number * frame..<(number + 1) * frame]
        guard wide else { return slice.map { G711.muLaw($0) } }
        var bytes = [UInt8](repeating: 0, count: 160)
        slice.withUnsafeBufferPointer { slice in
            bytes.withUnsafeMutableBytes { _ = encoder.encode(slice, into: $0) }
        }
        return bytes
    }
}

func decode(_ packet: [UInt8], _ decoder: inout G722Decoder, frame: Int, wide: Bool) -> [Int16] {
    guard wide else { return packet.map { G711.sample(muLaw: $0) } }
    var samples = [Int16](repeating: 0, count: frame)
    packet.withUnsafeBytes { packet in
        samples.withUnsafeMutableBufferPointer { _ = decoder.decode(packet, into: $0) }
    }
    return samples
}

func write(_ samples: [Int16], _ path: String) throws {
    try samples.withUnsafeBytes { Data($0) }.write(to: URL(filePath: path))
}

guard CommandLine.arguments.count == 2 else {
    print("usage: taps JOBS")
    exit(2)
}
for line in try String(contentsOfFile: CommandLine.arguments[1], encoding: .utf8).split(
    separator: "\n")
{
    let words = line.split(separator: " ").map(String.init)
    guard words.count >= 4 else { continue }
    let input = try Data(contentsOf: URL(filePath: words[0]))
    let samples = input.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) }
    let wide = words.count > 4 && words[4] == "g722"
    let order = try arrivals(words[1])
    if !wide { try write(try analysed(samples, order), words[2]) }
    try write(played(samples, order, wide: wide), words[3])
}
