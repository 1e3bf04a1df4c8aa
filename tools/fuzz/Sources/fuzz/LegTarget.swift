import Audio
import Base
import CallModel
import Media
import RTP
import SecureRTP

extension FuzzTarget {
    /// A whole media leg: any datagrams from any address, ticks, commands.
    static let leg = FuzzTarget(name: "leg", maximumInput: 1024) { bytes in
        expect(KeptOpen.shared != nil, "no context at all")
        var script = Script(bytes)
        var story = LegStory(&script)
        while !script.isAtEnd { story.step(&script) }
        story.finish()
    }
}

/// A leg, its far end and strangers. `Destinations` knows, by its own reading of the rules, where the
/// leg may send.
private struct LegStory: ~Copyable {
    static let sources = [
        SocketAddressValue(ipv4: 192, 0, 2, 20, port: 4000),
        SocketAddressValue(ipv4: 192, 0, 2, 20, port: 4001),
        SocketAddressValue(ipv4: 192, 0, 2, 21, port: 5000),
        SocketAddressValue(ipv4: 198, 51, 100, 66, port: 6666),
    ]
    static let payloadTypes: [UInt8] = [0, 0, 0, 101, 13, 8, 96, 9, 97, 9, 96]
    static let formats = [
        ReceiveFormat(payloadType: 0, codec: .pcmu), ReceiveFormat(payloadType: 9, codec: .g722),
        ReceiveFormat(payloadType: 96, codec: .opus),
        ReceiveFormat(payloadType: 97, codec: .l16Wide),
    ]
    /// Ticks one input may ask for: eight seconds, longer than the learning window.
    static let tickLimit = 400

    private var leg: MediaLeg
    private var workspace = LegWorkspace()
    private var out = Outbox<LegOutput>()
    private var now = Instant(milliseconds: 20)
    private var allowed = Destinations()
    private var key: SRTPContext?
    private var remote: RemoteMedia?
    private var sequence: UInt16 = 100
    private var timestamp: UInt32 = 1000
    private let bridge = AudioBridge(sampleRate: 8000)
    private let sink = SampleRing(capacity: 16_384)
    private let clip = PlaybackClip(samples: [Int16](repeating: 500, count: 700))
    private var plays = 0
    private var finished = 0
    private var startedMedia = 0
    private var ticks = 0
    private var sentRTP = 0

    init(_ script: inout Script) {
        let options = LegOptions(
            mode: LegMode.allCases[script.choice(LegMode.allCases.count)],
            detection: script.flag(), discontinuous: script.flag())
        leg = MediaLeg(
            options,
            identity: LegIdentity(
                ssrc: 0xABCD, sequence: script.word(), timestamp: script.long(), seed: 5,
                cname: "fuzz"),
            mediaTimeout: script.flag() ? .seconds(1) : nil, now: now)
    }

    mutating func step(_ script: inout Script) {
        switch script.choice(16) {
        case 0: configure(&script)
        case 1...6: receiveRTP(&script)
        case 7: receiveRaw(&script)
        case 8: receiveReport(&script)
        case 9...11: tick(1 + script.choice(4))
        case 12: tick(script.choice(32))
        case 13: command(&script)
        case 14: now += .microseconds(Int64(script.word()))
        default:
            leg.answered(now: now)
            allowed.windowOpens(now)
        }
        collect()
    }

    // MARK: owner

    private mutating func configure(_ script: inout Script) {
        let address = Self.sources[[0, 0, 0, 2][script.choice(4)]]
        let suite: SRTPSuite? =
            script.choice(3) == 0
            ? SRTPSuite.allCases[script.choice(SRTPSuite.allCases.count)] : nil
        let keys = suite.map { suite in
            SRTPKeys(
                suite: suite, local: [UInt8](repeating: 1, count: suite.keyAndSaltCount),
                remote: [UInt8](repeating: 2, count: suite.keyAndSaltCount))
        }
        let format = Self.formats[script.choice(Self.formats.count)]
        var media = RemoteMedia(
            address: address.low == Self.sources[0].low ? "192.0.2.20" : "192.0.2.21",
            port: Int(address.port), rtcpPort: script.flag() ? nil : 4010, rtcpMux: script.flag(),
            codec: format.codec, payloadType: format.payloadType,
            telephoneEventPayloadType: script.flag() ? 101 : nil,
            telephoneEventClockRate: script.flag() ? 48_000 : 8000,
            comfortNoisePayloadType: script.flag() ? 13 : nil,
            alternatives: script.flag() ? Self.formats : [],
            ptimeMilliseconds: [10, 20, 30, 40, 60, 25][script.choice(6)], srtp: keys,
            sends: script.choice(8) != 0, receives: script.choice(8) != 0)
        if script.choice(16) == 0 { media.address = "0.0.0.0" }
        guard (try? leg.configure(media, now: now)) != nil else { return }
        if keys != remote?.srtp {
            key = keys.flatMap {
                try? SRTPContext(suite: $0.suite, key: $0.remote, direction: .outbound)
            }
        }
        remote = media
        allowed.configure(address, media, now)
    }

    private mutating func command(_ script: inout Script) {
        switch script.choice(8) {
        case 0:
            plays += 1
            leg.play(id: plays, clip: clip, out: &out)
        case 1: leg.stopPlaying(out: &out)
        case 2:
            let digits: [Character] = ["0", "5", "#", "*", "D", "x"]
            leg.sendDigit(
                digits[script.choice(digits.count)], milliseconds: Int(script.word()),
                workspace: &workspace)
        case 3: _ = leg.attach(bridge)
        case 4: leg.detach()
        case 5: leg.startRecording(into: sink, now: now)
        case 6: leg.stopRecording(now: now, workspace: &workspace)
        default:
            let samples = [Int16](repeating: 900, count: Int(script.byte()))
            _ = samples.withUnsafeBufferPointer { bridge.playout.write($0) }
        }
    }

    // MARK: network

    private mutating func receiveRTP(_ script: inout Script) {
        let source = script.choice(Self.sources.count)
        let isOdd = script.choice(4) == 0
        sequence &+= isOdd ? UInt16(script.choice(8)) &- 3 : 1
        timestamp &+= isOdd ? script.long() : 160
        // Strangers do not know the stream's SSRC, unless the script lets them.
        let ssrc: UInt32 =
            source == 3 && script.choice(4) != 0 ? 66 : [7, 7, 7, 8][script.choice(4)]
        let type = Self.payloadTypes[script.choice(Self.payloadTypes.count)]
        let payload: [UInt8] =
            switch type {
            case 101: script.take(4)
            case 13, 96: script.take(script.choice(64))
            default: [UInt8](repeating: script.byte(), count: 160)
            }
        let header = RTPHeader(
            marker: script.flag(), payloadType: type, sequence: sequence, timestamp: timestamp,
            ssrc: ssrc)
        var packet = [UInt8](repeating: 0, count: 400)
        let plain = packet.withUnsafeMutableBytes { buffer in
            payload.withUnsafeBytes {
                (try? RTPPacket.write(header, payload: $0, into: buffer)) ?? 0
            }
        }
        var count = plain
        var isAuthentic = false
        if key != nil, script.choice(4) != 0 {
            let protected = packet.withUnsafeMutableBytes {
                try? key?.protect($0, count: plain)
            }
            if let protected {
                count = protected
                isAuthentic = true
            }
        }
        allowed.rtp(header, from: Self.sources[source], now, isAuthentic: isAuthentic)
        deliver(Array(packet[0..<count]), source, .rtp)
    }

    private mutating func receiveRaw(_ script: inout Script) {
        let source = script.choice(Self.sources.count)
        let channel = script.flag() ? LegChannel.rtp : .rtcp
        let bytes = script.take([8, 64, 255][script.choice(3)])
        let header = bytes.withUnsafeBytes { try? RTPPacket(parsing: $0).header }
        if let header, channel == .rtp {
            allowed.rtp(header, from: Self.sources[source], now, isAuthentic: false)
        }
        deliver(bytes, source, channel)
    }

    private mutating func receiveReport(_ script: inout Script) {
        let source = script.choice(Self.sources.count)
        let block = ReportBlock(
            ssrc: script.flag() ? 0xABCD : 3, fractionLost: script.byte(),
            cumulativeLost: Int32(script.word()), extendedHighestSequence: script.long(),
            jitter: script.long(), lastSenderReport: script.long(),
            delaySinceLastSenderReport: script.long())
        let report = SenderReport(
            ssrc: 7, ntpTimestamp: UInt64(script.long()) << 32, rtpTimestamp: script.long(),
            packetCount: script.long(), octetCount: script.long(), blocks: [block])
        guard
            var packet = try? RTCPPacket.report(
                sender: report, ssrc: 7, blocks: [block], cname: "x", bye: script.flag())
        else { return }
        if key != nil, script.flag() {
            let plain = packet.count
            packet += [UInt8](repeating: 0, count: 64)
            let count = packet.withUnsafeMutableBytes { try? key?.protectRTCP($0, count: plain) }
            packet = Array(packet[0..<(count ?? plain)])
            if count != nil { allowed.authenticReport(from: Self.sources[source]) }
        }
        deliver(packet, source, script.flag() ? .rtp : .rtcp)
    }

    private mutating func deliver(_ bytes: [UInt8], _ source: Int, _ channel: LegChannel) {
        var packet = bytes
        let before = workspace.counters
        let rejectedBefore = leg.summary.packetsRejected
        let echoes = Recorder(allowed)
        packet.withUnsafeMutableBytes {
            leg.receive(
                packet: $0, from: Self.sources[source], on: channel, now: now,
                workspace: &workspace, out: &out, send: echoes.send)
        }
        let accepted = workspace.counters.packetsReceived - before.packetsReceived
        let rejected = workspace.counters.rejectedTotal - before.rejectedTotal
        expect((0...1).contains(accepted) && (0...1).contains(rejected), "counted twice")
        expect(
            leg.summary.packetsRejected - rejectedBefore == rejected, "leg and worker disagree")
        let isReport = bytes.count > 1 && bytes[1] & 0xE0 == 0xC0 && bytes[0] >> 6 == 2
        expect(accepted + rejected >= 1 || isReport, "a datagram that nobody counted")
        count(echoes)
    }

    private mutating func tick(_ count: Int) {
        for _ in 0..<count where ticks < Self.tickLimit {
            ticks += 1
            now += MediaLeg.tick
            let sends = Recorder(allowed)
            leg.tick(now: now, workspace: &workspace, out: &out, send: sends.send)
            // 20 ms of audio: two packets of 10 ms, a report, a last event packet.
            expect(sends.packets + sends.reports <= 6, "\(sends.packets) packets in one tick")
            self.count(sends)
        }
    }

    private mutating func count(_ sends: Recorder) {
        sentRTP += sends.packets
        expect(leg.summary.packetsSent == sentRTP, "packets sent miscounted")
        expect(workspace.counters.packetsSent == sentRTP, "the worker's count differs")
    }

    private mutating func collect() {
        out.drain { output in
            switch output {
            case .mediaStarted: startedMedia += 1
            case .playFinished: finished += 1
            default: break
            }
        }
        expect(startedMedia <= 1, "media started twice")
        expect(finished <= plays, "a clip ended twice")
    }

    mutating func finish() {
        let last = Recorder(allowed)
        let summary = leg.close(now: now, workspace: &workspace, out: &out, send: last.send)
        collect()
        expect(finished == plays, "a clip never ended")
        expect(summary.packetsReceived == workspace.counters.packetsReceived, "received")
        expect(summary.packetsRejected == workspace.counters.rejectedTotal, "rejected")
        expect(summary.packetsLost >= 0, "lost")
        expect(last.packets == 0, "audio after the end")
    }
}

/// Takes what a leg sends, and looks where it goes.
private final class Recorder {
    let allowed: Destinations
    var packets = 0
    var reports = 0

    init(_ allowed: Destinations) { self.allowed = allowed }

    func send(
        _ bytes: UnsafeRawBufferPointer, _ address: SocketAddressValue, _ channel: LegChannel
    ) -> Bool {
        let kind = PacketKind(bytes)
        expect(kind == .rtp || kind == .rtcp, "sent something else")
        expect(bytes.count <= MediaLeg.maximumDatagram, "sent \(bytes.count) bytes")
        if kind == .rtcp { reports += 1 } else { packets += 1 }
        expect(
            kind == .rtcp ? allowed.permitsReport(address) : allowed.permits(address),
            "sent \(kind) to \(address), which is neither configured nor proven")
        return true
    }
}

/// Where a leg may send, told apart from the leg's own code: the SDP's address; an address with
/// the right key; within five seconds, one that continues the stream, or another port of the SDP's
/// host that sent four in a row.
private struct Destinations {
    private var signalled: SocketAddressValue?
    private var reports: [SocketAddressValue] = []
    private var proven: [SocketAddressValue] = []
    private var isSecure = false
    private var receives = false
    private var types: [UInt8] = []
    private var windowEnd = Instant.zero
    private var known: [(ssrc: UInt32, type: UInt8)] = []
    private var tries: [SocketAddressValue: Int] = [:]

    mutating func configure(_ address: SocketAddressValue, _ media: RemoteMedia, _ now: Instant) {
        if address != signalled {
            proven = []
            tries = [:]
            windowEnd = max(windowEnd, now + .seconds(5))
            reports = []
        }
        signalled = address
        reports.append(address.withPort(UInt16(truncatingIfNeeded: media.rtcpPort)))
        isSecure = media.srtp != nil
        receives = media.receives
        types =
            [media.payloadType, 13] + media.alternatives.map(\.payloadType)
            + (media.telephoneEventPayloadType.map { [$0] } ?? [])
    }

    mutating func windowOpens(_ now: Instant) { windowEnd = max(windowEnd, now + .seconds(5)) }

    mutating func rtp(
        _ header: RTPHeader, from source: SocketAddressValue, _ now: Instant, isAuthentic: Bool
    ) {
        guard signalled != nil, receives, types.contains(header.payloadType) else { return }
        if isSecure {
            if isAuthentic { prove(source, header) }
            return
        }
        if permits(source) { return known.append((header.ssrc, header.payloadType)) }
        guard now < windowEnd else { return }
        tries[source, default: 0] += 1
        let continues = known.contains {
            $0.ssrc == header.ssrc && $0.type == header.payloadType
        }
        let isNeighbour = source.withPort(0) == signalled?.withPort(0)
        if continues || isNeighbour && tries[source, default: 0] >= 4 { prove(source, header) }
    }

    mutating func authenticReport(from source: SocketAddressValue) {
        if isSecure { reports.append(source) }
    }

    private mutating func prove(_ source: SocketAddressValue, _ header: RTPHeader) {
        proven.append(source)
        known.append((header.ssrc, header.payloadType))
    }

    func permits(_ address: SocketAddressValue) -> Bool {
        address == signalled || proven.contains(address)
    }

    func permitsReport(_ address: SocketAddressValue) -> Bool {
        permits(address) || reports.contains(address)
            || permits(address.withPort(address.port &- 1))
    }
}
