import Audio
import Base
import RTP

/// One packet on its way into the buffer.
struct Arrival {
    /// Since the start.
    var at: Instant
    var sequence: UInt16
    var timestamp: UInt32
    var samples: [Int16]
}

/// Networks that can be made up: 20 ms packets of a voiced sound, 30 ms of path.
enum Network: String, CaseIterable {
    case clean, uniform, wifi, mobile, loss, drift

    /// ms on the path; nil for a packet that is lost.
    private func wait(_ index: Int, _ generator: inout SeededGenerator) -> Double? {
        func random(_ limit: Double) -> Double {
            limit * Double(generator.next() >> 11) / 9_007_199_254_740_992
        }
        switch self {
        case .clean, .drift: return 30
        case .uniform: return 30 + random(60)
        // Scans: every 5 s the radio is away for 120 ms, then sends what waited.
        case .wifi: return 30 + random(8) + max(0, 120 - Double(index % 250) * 20)
        // Slow swings of 80 ms, short jitter, 1 % loss.
        case .mobile:
            let swing = 40 * (1 + Elementary.sin(Double(index) / 200))
            return random(100) < 1 ? nil : 30 + swing + random(15)
        case .loss: return random(100) < 5 ? nil : 30 + random(5)
        }
    }

    func arrivals(seconds: Int, seed: UInt64) -> [Arrival] {
        var generator = SeededGenerator(seed: seed)
        let tone = (0..<40).map { index -> Int16 in
            let phase = Double(index) / 20 * Elementary.pi
            return Int16(8000 * Elementary.sin(phase) + 3000 * Elementary.sin(2 * phase))
        }
        let samples = (0..<160).map { tone[$0 % 40] }
        // 200 ppm fast.
        let pace = self == .drift ? 20 * (1 - 200e-6) : 20
        var all: [Arrival] = []
        for index in 0..<seconds * 50 {
            guard let wait = wait(index, &generator) else { continue }
            let at = Instant(nanoseconds: Int64((Double(index) * pace + wait) * 1e6))
            all.append(
                Arrival(
                    at: at, sequence: UInt16(truncatingIfNeeded: index),
                    timestamp: UInt32(truncatingIfNeeded: index * 160), samples: samples))
        }
        return all.sorted { $0.at < $1.at }
    }
}

/// The G.711 packets of the capture's largest stream, or of `ssrc`.
func arrivals(ofCapture bytes: [UInt8], ssrc: UInt32?) throws -> [Arrival] {
    let file = try PcapFile(parsing: bytes)
    let streams = file.rtpStreams().filter { ssrc == nil || $0.ssrc == ssrc }
    guard let stream = streams.max(by: { $0.packets.count < $1.packets.count }) else { return [] }
    let first = stream.packets.map(\.time).min() ?? .zero
    var samples = [Int16](repeating: 0, count: 2048)
    return stream.packets.compactMap { packet -> Arrival? in
        guard packet.payload.count <= samples.count else { return nil }
        let type = packet.header.payloadType
        guard type == 0 || type == 8 else { return nil }
        let count = packet.payload.count
        for (index, byte) in file.bytes[packet.payload].enumerated() {
            samples[index] = type == 0 ? G711.sample(muLaw: byte) : G711.sample(aLaw: byte)
        }
        return Arrival(
            at: .zero + (packet.time - first), sequence: packet.header.sequence,
            timestamp: packet.header.timestamp, samples: Array(samples[0..<count]))
    }.sorted { $0.at < $1.at }
}
