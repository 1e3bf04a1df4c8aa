import Audio
import Base
import CallModel
import Detection
import RTP
import SecureRTP

@testable import Media

/// One leg on a virtual clock: packets go in, what leaves is kept.
final class LegBench {
    struct Sent: Equatable {
        var bytes: [UInt8]
        var to: SocketAddressValue
        var channel: LegChannel
        var at: Instant
    }

    static let peer = SocketAddressValue(ipv4: 127, 0, 0, 2, port: 4000)
    static let stranger = SocketAddressValue(ipv4: 127, 0, 0, 66, port: 6666)

    var leg: MediaLeg
    var workspace = LegWorkspace()
    var now = Instant(milliseconds: 1000)
    var sent: [Sent] = []
    var outputs: [LegOutput] = []

    init(
        mode: LegMode = .normal, detection: Bool = false, mediaTimeout: Interval? = nil,
        configured: Bool = true, options: LegOptions? = nil, remote: RemoteMedia? = nil,
        certificate: DTLSIdentity? = nil, ssrc: UInt32 = 0x1111_2222,
        learnsAnyHost: Bool = false
    ) throws {
        var options = options ?? LegOptions(mode: mode, detection: detection)
        options.learnsAnyHost = learnsAnyHost
        leg = MediaLeg(
            options,
            identity: LegIdentity(
                ssrc: ssrc, sequence: 1000, timestamp: 50_000, seed: 7, cname: "c"),
            mediaTimeout: mediaTimeout, certificate: certificate,
            now: Instant(milliseconds: 1000))
        if configured { try leg.configure(remote ?? Self.remote(), now: now) }
    }

    static func remote(
        codec: AudioCodec = .pcmu, ptime: Int = 20, srtp: SRTPKeys? = nil, port: Int = 4000,
        events: UInt8? = 101, sends: Bool = true, receives: Bool = true
    ) -> RemoteMedia {
        RemoteMedia(
            address: "127.0.0.2", port: port, codec: codec,
            payloadType: codec.staticPayloadType ?? 96,
            telephoneEventPayloadType: events, ptimeMilliseconds: ptime, srtp: srtp, sends: sends,
            receives: receives)
    }

    /// RTP packets sent so far, parsed, RTCP left out.
    var rtp: [(header: RTPHeader, payload: [UInt8], at: Instant)] {
        sent.compactMap { item in
            guard item.channel == .rtp else { return nil }
            return item.bytes.withUnsafeBytes { bytes in
                guard let packet = try? RTPPacket(parsing: bytes) else { return nil }
                return (packet.header, Array(packet.payload(of: bytes)), item.at)
            }
        }
    }

    func receive(
        _ bytes: [UInt8], from: SocketAddressValue = LegBench.peer, on channel: LegChannel = .rtp
    ) {
        var bytes = bytes
        var new: [Sent] = []
        var out = Outbox<LegOutput>()
        let now = now
        bytes.withUnsafeMutableBytes { buffer in
            leg.receive(
                packet: buffer, from: from, on: channel, now: now, workspace: &workspace, out: &out
            ) { bytes, to, channel in
                new.append(Sent(bytes: Array(bytes), to: to, channel: channel, at: now))
                return true
            }
        }
        sent += new
        outputs += out.takeAll()
    }

    func tick() {
        var new: [Sent] = []
        var out = Outbox<LegOutput>()
        let now = now
        leg.tick(now: now, workspace: &workspace, out: &out) { bytes, to, channel in
            new.append(Sent(bytes: Array(bytes), to: to, channel: channel, at: now))
            return true
        }
        sent += new
        outputs += out.takeAll()
    }

    /// Ticks, then the clock moves on by 20 ms; `before` runs between.
    func run(ticks: Int, _ before: (Int) -> Void = { _ in }) {
        for index in 0..<ticks {
            before(index)
            tick()
            now += MediaLeg.tick
        }
    }

    func play(_ id: Int, _ clip: PlaybackClip) {
        var out = Outbox<LegOutput>()
        leg.play(id: id, clip: clip, out: &out)
        outputs += out.takeAll()
    }

    func hint(_ verdict: AnswerVerdict?) {
        var out = Outbox<LegOutput>()
        leg.hint(verdict, now: now, workspace: &workspace, out: &out)
        outputs += out.takeAll()
    }

    func stopPlaying() {
        var out = Outbox<LegOutput>()
        leg.stopPlaying(out: &out)
        outputs += out.takeAll()
    }

    func close() -> MediaSummary {
        var new: [Sent] = []
        var out = Outbox<LegOutput>()
        let now = now
        let summary = leg.close(now: now, workspace: &workspace, out: &out) { bytes, to, channel in
            new.append(Sent(bytes: Array(bytes), to: to, channel: channel, at: now))
            return true
        }
        sent += new
        outputs += out.takeAll()
        return summary
    }

    // `#expect` refuses ~Copyable operands: read through here.
    var summary: MediaSummary { leg.summary }
    var destination: SocketAddressValue? { leg.destination }
    var mos: Double { leg.quality.mos }
    var counters: MediaCounters { workspace.counters }
    var isSecuredByDTLS: Bool { leg.isSecuredByDTLS }
    var touchedBridge: Bool { workspace.touchedBridge }
    var bridgeIsBehind: Bool { workspace.bridgeIsBehind }
    var roundTripMilliseconds: Double? { leg.roundTripMilliseconds }
    var remoteFractionLost: Double? { leg.remoteFractionLost }
    var opusSettings: (complexity: Int, expectedLossPercent: Int)? { leg.sender.opusSettings }
    func attach(_ bridge: AudioBridge) -> Bool { leg.attach(bridge) }

    func rejected(_ reason: RejectReason) -> Int { workspace.counters.rejected(reason) }

    /// A recorder's ring, emptied: left and right.
    static func split(_ ring: SampleRing) -> (left: [Int16], right: [Int16]) {
        var all = [Int16](repeating: 0, count: ring.count)
        let count = all.withUnsafeMutableBufferPointer { ring.read(into: $0) }
        let frames = stride(from: 0, to: count, by: 2)
        return (frames.map { all[$0] }, frames.map { all[$0 + 1] })
    }
}

/// The far end's packets.
struct FarEnd {
    var ssrc: UInt32 = 0xAAAA_0001
    var sequence: UInt16 = 65_534
    var timestamp: UInt32 = 0xFFFF_FF00
    var payloadType: UInt8 = 0
    var isFirst = true

    /// 20 ms of one repeated code word.
    mutating func audio(code: UInt8 = 0xFF, samples: Int = 160) -> [UInt8] {
        packet(payload: [UInt8](repeating: code, count: samples), advance: UInt32(samples))
    }

    mutating func packet(payload: [UInt8], type: UInt8? = nil, advance: UInt32) -> [UInt8] {
        let bytes = rtp(
            RTPHeader(
                marker: isFirst, payloadType: type ?? payloadType, sequence: sequence,
                timestamp: timestamp, ssrc: ssrc), payload)
        isFirst = false
        sequence &+= 1
        timestamp &+= advance
        return bytes
    }
}

func rtp(_ header: RTPHeader, _ payload: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 12 + payload.count)
    bytes.withUnsafeMutableBytes { buffer in
        _ = header.write(into: buffer)
        buffer[12...].copyBytes(from: payload)
    }
    return bytes
}

/// Everything in a bridge's received ring.
func drained(_ ring: SampleRing) -> [Int16] {
    var samples = [Int16](repeating: 0, count: ring.count)
    _ = samples.withUnsafeMutableBufferPointer { ring.read(into: $0) }
    return samples
}

func write(_ samples: [Int16], to ring: SampleRing) {
    _ = samples.withUnsafeBufferPointer { ring.write($0) }
}
