internal import Audio
internal import Base
internal import Detection
internal import Media
internal import RTP

/// One RTP stream of a capture, played through a real media leg in virtual time: what a live leg
/// would have heard, loss concealed and packets put in order, with its telephone-event digits.
struct CaptureAudio {
    /// 8 kHz, from the first packet on.
    private(set) var samples: [Int16] = []
    private(set) var digits: [DetectionEvent] = []
    let secondsCut: Int

    /// nil when the stream carries neither PCMU nor PCMA.
    init?(_ stream: PcapRTPStream, in capture: PcapFile) {
        guard let codec = Self.codec(of: stream), !stream.packets.isEmpty,
            let source = SocketAddressValue(address: "127.0.0.1", port: 4000)
        else { return nil }
        let eventType = Self.eventType(of: stream, in: capture)
        let origin = Instant.zero + .seconds(1)
        var leg = MediaLeg(
            LegOptions(detection: false),
            identity: LegIdentity(ssrc: 1, sequence: 1, timestamp: 1, seed: 1, cname: "capture"),
            now: origin)
        var workspace = LegWorkspace()
        var out = Outbox<LegOutput>()
        let bridge = AudioBridge()
        do {
            try leg.configure(
                RemoteMedia(
                    address: "127.0.0.1", port: 4000, codec: codec,
                    payloadType: codec.staticPayloadType ?? 0, telephoneEventPayloadType: eventType,
                    // The far end may have changed between the laws in mid-call.
                    alternatives: [
                        ReceiveFormat(payloadType: 0, codec: .pcmu),
                        ReceiveFormat(payloadType: 8, codec: .pcma),
                    ]),
                now: origin)
        } catch { return nil }
        guard leg.attach(bridge) else { return nil }
        let ignore: PacketSend = { _, _, _ in true }
        var nextTick = origin
        var frame = [Int16](repeating: 0, count: 4096)
        let times = CaptureTimes(stream)
        let packetTimes = times.sinceFirst.map { origin + $0 }
        secondsCut = Int(times.cut.milliseconds / 1000)
        // One second of ticks after the last packet drains what waits for a gap.
        let end = (packetTimes.last ?? origin) + .milliseconds(100)
        var index = 0
        while nextTick <= end || index < packetTimes.count {
            if index < packetTimes.count, packetTimes[index] <= nextTick {
                let now = packetTimes[index]
                var datagram = Array(capture.bytes[stream.packets[index].datagram])
                datagram.withUnsafeMutableBytes { bytes in
                    leg.receive(
                        packet: bytes, from: source, on: .rtp, now: now, workspace: &workspace,
                        out: &out, send: ignore)
                }
                index += 1
                note(&out, at: now - origin)
            } else {
                leg.tick(now: nextTick, workspace: &workspace, out: &out, send: ignore)
                note(&out, at: nextTick - origin)
                nextTick += MediaLeg.tick
            }
            drain(bridge, &frame)
        }
    }

    private mutating func note(_ out: inout Outbox<LegOutput>, at time: Interval) {
        let ms = Int(time.milliseconds)
        out.drain { output in
            if case .dtmf(let digit, .rfc4733) = output {
                digits.append(.dtmf(digit, startMs: ms, knownAtMs: ms))
            }
        }
    }

    private mutating func drain(_ bridge: AudioBridge, _ frame: inout [Int16]) {
        frame.withUnsafeMutableBufferPointer { frame in
            while true {
                let count = bridge.received.read(into: frame)
                guard count > 0 else { return }
                samples.append(contentsOf: frame[0..<count])
            }
        }
    }

    /// The dynamic payload type whose packets look like presses of keys (RFC 4733 2.3); a capture has no SDP
    /// that would name it, and other dynamic types, say of comfort noise or redundancy, may come first.
    private static func eventType(of stream: PcapRTPStream, in capture: PcapFile) -> UInt8? {
        let presses = stream.payloadTypes.filter { $0 >= 96 }.map { type in
            let all = stream.packets.filter { $0.header.payloadType == type }
            return (type, all.count { isPress($0.payload, in: capture) }, all.count)
        }
        return presses.filter { $0.1 > 0 && $0.1 * 2 > $0.2 }.max { $0.1 < $1.1 }?.0
    }

    private static func isPress(_ payload: Range<Int>, in capture: PcapFile) -> Bool {
        guard payload.count == TelephoneEvent.byteCount else { return false }
        let isReservedClear = capture.bytes[payload.lowerBound + 1] & 0x40 == 0
        return isReservedClear && TelephoneEvent.digit(capture.bytes[payload.lowerBound]) != nil
    }

    private static func codec(of stream: PcapRTPStream) -> AudioCodec? {
        let mu = stream.packets.count { $0.header.payloadType == 0 }
        let a = stream.packets.count { $0.header.payloadType == 8 }
        if mu == 0, a == 0 { return nil }
        return mu >= a ? .pcmu : .pcma
    }
}

/// When the packets of a stream came, without what a capture's clock makes up: a pause is at most
/// `longestPause`, and a clock that goes back goes on from there.
struct CaptureTimes {
    /// Longer ones are a call on hold or a clock that was set; a file of a few packets must not become
    /// days of silence.
    static let longestPause = Interval.seconds(60)
    /// Packets may stand in a file in a wrong order by this much: their clock did not go back.
    private static let disorder = Interval.seconds(1)

    private(set) var sinceFirst: [Interval] = []
    /// What the pauses were longer, in all.
    private(set) var cut = Interval.zero
    var length: Interval { sinceFirst.last ?? .zero }

    init(_ stream: PcapRTPStream) {
        guard var origin = stream.packets.first?.time else { return }
        var last = Interval.zero
        for packet in stream.packets {
            let excess = packet.time - origin - (last + Self.longestPause)
            if excess > .zero {
                origin = origin + excess
                cut = cut + excess
            } else if packet.time - origin < last - Self.disorder {
                origin = packet.time - last
            }
            last = max(last, packet.time - origin)
            sinceFirst.append(last)
        }
    }
}
