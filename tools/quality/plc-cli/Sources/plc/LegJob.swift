import Audio
import Base
import Media
import RTP

/// What a whole media leg makes of a sound with losses: µ-law packets of 20 ms on a clean network but
/// for the lost ones, heard at the bridge.
final class LegJob {
    private static let start = Instant(milliseconds: 1000)
    private var leg = MediaLeg(
        LegOptions(detection: false),
        identity: LegIdentity(ssrc: 1, sequence: 1, timestamp: 1, seed: 1, cname: "plc"), now: start
    )
    private var workspace = LegWorkspace()
    private var out = Outbox<LegOutput>()
    private let bridge = AudioBridge()
    private let codec: AudioCodec
    private var encoder: AudioEncoder
    private let frameCount: Int
    private var now = start
    private var heard: [Int16] = []

    init(_ codec: AudioCodec) throws {
        self.codec = codec
        encoder = try AudioEncoder(codec)
        frameCount = codec.sampleRate / 50
        try leg.configure(
            RemoteMedia(
                address: "127.0.0.1", port: 4000, codec: codec,
                payloadType: codec.staticPayloadType ?? 96), now: Self.start)
        _ = leg.attach(bridge)
    }

    /// `lost[n]`: the n-th packet does not come. The first one must.
    func run(_ samples: [Int16], lost: [Bool]) -> [Int16] {
        for (index, isLost) in lost.enumerated() {
            let range = index * frameCount..<min((index + 1) * frameCount, samples.count)
            guard range.count == frameCount else { break }
            var packet = [UInt8](repeating: 0, count: 1500)
            let header = RTPHeader(
                payloadType: codec.staticPayloadType ?? 96, sequence: UInt16(index),
                timestamp: UInt32(index * codec.clockRate / 50), ssrc: 7)
            var count = packet.withUnsafeMutableBytes { header.write(into: $0) }
            count += samples[range].withUnsafeBufferPointer { frame in
                packet.withUnsafeMutableBytes {
                    encoder.encode(frame, into: UnsafeMutableRawBufferPointer(rebasing: $0[12...]))
                }
            }
            if !isLost { receive(&packet, count) }
            leg.tick(now: now, workspace: &workspace, out: &out) { _, _, _ in true }
            now += MediaLeg.tick
            drain()
        }
        // What waits for a packet that never comes.
        _ = leg.close(now: now, workspace: &workspace, out: &out) { _, _, _ in true }
        drain()
        return heard + [Int16](repeating: 0, count: max(0, samples.count - heard.count))
    }

    private func receive(_ packet: inout [UInt8], _ count: Int) {
        packet.withUnsafeMutableBytes {
            leg.receive(
                packet: UnsafeMutableRawBufferPointer(rebasing: $0[..<count]),
                from: SocketAddressValue(ipv4: 127, 0, 0, 1, port: 4000), on: .rtp, now: now,
                workspace: &workspace, out: &out
            ) { _, _, _ in true }
        }
    }

    private func drain() {
        var piece = [Int16](repeating: 0, count: bridge.received.count)
        _ = piece.withUnsafeMutableBufferPointer { bridge.received.read(into: $0) }
        heard += piece
    }
}
