import Audio
import Base
import CAllocationCount
import CallModel
import Detection
import Media
import RTP
import SecureRTP

#if canImport(Glibc)
import Glibc
#endif

// Drives the real MediaLeg (receive + tick, detection on, bridge attached, recording on) in virtual
// time and counts heap allocations after a warm-up. Exits 1 unless RTP with every codec, SRTP of
// every suite, and SRTP whose keys came by DTLS, cost exactly none.
//
//   alloc [--trace N]     N: print the callers of the first N allocations of each part

/// A leg, its far end, and the packets between them, all in memory taken beforehand.
enum BenchError: Error { case link }

struct Bench: ~Copyable {
    var leg: MediaLeg
    var workspace = LegWorkspace()
    var out = Outbox<LegOutput>(reserving: 4096)
    var now = Instant(milliseconds: 1000)
    let bridge: AudioBridge
    let recording = SampleRing(capacity: 65_536)
    let codec: AudioCodec
    var encoder: AudioEncoder
    let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 16)
    let samples = UnsafeMutableBufferPointer<Int16>.allocate(capacity: 4096)
    let peer = SocketAddressValue(ipv4: 127, 0, 0, 2, port: 4000)
    var farProtection: SRTPContext?
    var sequence: UInt16 = 1
    var timestamp: UInt32 = 1
    var sent = 0
    var reports = 0
    var events = 0

    init(
        mode: LegMode, keys: SRTPKeys?, codec: AudioCodec = .pcmu, encoder: consuming AudioEncoder,
        discontinuous: Bool = false, certificate: DTLSIdentity? = nil, isLinked: Bool = false
    ) throws {
        self.codec = codec
        self.encoder = encoder
        bridge = AudioBridge(sampleRate: codec.sampleRate)
        leg = MediaLeg(
            LegOptions(mode: mode, detection: true, discontinuous: discontinuous),
            identity: LegIdentity(ssrc: 1, sequence: 1, timestamp: 1, seed: 1, cname: "bench"),
            mediaTimeout: .seconds(30), certificate: certificate, now: now)
        let dtls = certificate.map {
            DTLSParameters(
                role: .server, fingerprintHash: .sha256, fingerprint: $0.fingerprint(.sha256))
        }
        try leg.configure(
            RemoteMedia(
                address: "127.0.0.2", port: 4000, rtcpMux: dtls != nil, codec: codec,
                payloadType: codec.staticPayloadType ?? 96, comfortNoisePayloadType: 13,
                srtp: keys, dtls: dtls), now: now)
        leg.answered(now: now)
        leg.startRecording(into: recording, now: now)
        if mode == .normal { _ = leg.attach(bridge) }
        if isLinked {
            // Both ends at one leg, which so hears and says itself: playout buffer, ring and mixer.
            for (number, rate) in [(UInt32(1), 8000), (2, 16_000)] {
                let link = LegLink(
                    id: LinkID(number), from: LegID(1), to: LegID(2),
                    tap: number == 1 ? .received : .both, sampleRate: rate, gainDecibels: -20,
                    relaysDigits: true)
                guard leg.add(output: link), leg.add(input: link) else { throw BenchError.link }
            }
        }
        if let keys {
            farProtection = try SRTPContext(
                suite: keys.suite, key: keys.remote, direction: .outbound)
        }
        samples.initialize(repeating: 0)
        if let certificate { try shakeHands(certificate) }
    }

    /// Both ends present the same certificate.
    private mutating func shakeHands(_ certificate: DTLSIdentity) throws {
        let here = DTLSSource(low: 1, port: 1)
        var far = try DTLSAssociation(
            DTLSParameters(
                role: .client, fingerprintHash: .sha256,
                fingerprint: certificate.fingerprint(.sha256)), identity: certificate, source: here)
        var flight: [[UInt8]] = []
        far.start(now: now) { flight.append(Array($0)) }
        for _ in 0..<8 {
            var answer: [[UInt8]] = []
            for var bytes in flight {
                bytes.withUnsafeMutableBytes { datagram in
                    leg.receive(
                        packet: datagram, from: peer, on: .rtp, now: now, workspace: &workspace,
                        out: &out
                    ) { bytes, _, _ in
                        answer.append(Array(bytes))
                        return true
                    }
                }
            }
            flight = []
            for bytes in answer {
                bytes.withUnsafeBytes { datagram in
                    far.receive(datagram, from: here, now: now) { flight.append(Array($0)) }
                }
            }
        }
        farProtection = try far.exportKeys()?.makeContext(.outbound)
    }

    deinit {
        packet.deallocate()
        samples.deallocate()
    }

    /// 20 ms: one packet in (every 37th lost), one tick, the bridge and the recorder emptied.
    mutating func step(_ speech: UnsafeBufferPointer<Int16>) {
        let header = RTPHeader(
            payloadType: codec.staticPayloadType ?? 96, sequence: sequence, timestamp: timestamp,
            ssrc: 9)
        var count = header.write(into: packet)
        // At 16 kHz the same samples sound an octave higher.
        let length = codec.sampleRate / 50
        let frame = Int(sequence) % (speech.count / length)
        count += encoder.encode(
            UnsafeBufferPointer(rebasing: speech[frame * length..<(frame + 1) * length]),
            into: UnsafeMutableRawBufferPointer(rebasing: packet[count...]))
        sequence &+= 1
        timestamp &+= UInt32(codec.clockRate / 50)
        if farProtection != nil {
            count = (try? farProtection?.protect(packet, count: count)) ?? 0
        }
        var sentNow = 0
        var reportsNow = 0
        if sequence % 37 != 0 {
            leg.receive(
                packet: UnsafeMutableRawBufferPointer(rebasing: packet[0..<count]), from: peer,
                on: .rtp, now: now, workspace: &workspace, out: &out
            ) { _, _, _ in
                sentNow += 1
                return true
            }
        }
        leg.tick(now: now, workspace: &workspace, out: &out) { _, _, channel in
            sentNow += 1
            if channel == .rtcp { reportsNow += 1 }
            return true
        }
        sent += sentNow
        reports += reportsNow
        now += MediaLeg.tick
        events += out.count
        out.drain { _ in }
        // The stream side answers with what it heard; the recorder's thread empties its ring.
        let heard = bridge.received.read(into: samples)
        bridge.playout.write(UnsafeBufferPointer(rebasing: samples[0..<heard]))
        while recording.read(into: samples) > 0 {}
    }

    /// Allocations and frees of `packets` steps after 2000 of warm-up.
    mutating func measure(
        _ name: String, packets: Int, trace: Int, _ speech: UnsafeBufferPointer<Int16>
    ) -> Int {
        for _ in 0..<2000 { step(speech) }
        let sentBefore = sent
        let eventsBefore = events
        reports = 0
        let receivedBefore = workspace.counters.packetsReceived
        var allocations = 0
        var frees = 0
        allocation_count_start(Int32(trace))
        for _ in 0..<packets { step(speech) }
        allocation_count_stop(&allocations, &frees)
        print(
            "\(name): \(workspace.counters.packetsReceived - receivedBefore) packets in, "
                + "\(sent - sentBefore) out (\(reports) RTCP), \(events - eventsBefore) events, "
                + "\(allocations) allocations, \(frees) frees")
        return allocations
    }
}

let trace =
    CommandLine.arguments.firstIndex(of: "--trace").flatMap { index in
        index + 1 < CommandLine.arguments.count ? Int(CommandLine.arguments[index + 1]) : nil
    } ?? 0
let packets = 10_000

// Two seconds of a syllable-like sound (a tone whose level rises and falls four times a second),
// one second of silence, half a second of a 1000 Hz beep, silence: every detector has something to
// do.
var speech = [Int16](repeating: 0, count: 160 * 200)
var voice = ToneGenerator(frequencies: [180, 360, 540, 720, 900], levelDBm0: -22)
for index in 0..<16_000 {
    let level = max(0.0, 1 - abs(Double(index % 2000) / 1000 - 1) * 1.2)
    speech[index] = Int16(max(-32_000, min(32_000, voice.nextValue() * level)))
}
var beep = ToneGenerator(frequencies: [1000], levelDBm0: -12)
for index in 24_000..<28_000 { speech[index] = Int16(beep.nextValue()) }

// What a leg takes: the value itself and what it holds on the heap.
for codec in [AudioCodec.pcmu, .g722, .opus] {
    for detection in [true, false] {
        let before = allocation_heap_bytes()
        var leg = MediaLeg(
            LegOptions(detection: detection),
            identity: LegIdentity(ssrc: 1, sequence: 1, timestamp: 1, seed: 1, cname: "bench"),
            now: Instant(milliseconds: 1000))
        try leg.configure(
            RemoteMedia(
                address: "127.0.0.2", port: 4000, codec: codec,
                payloadType: codec.staticPayloadType ?? 96), now: Instant(milliseconds: 1000))
        let heap = allocation_heap_bytes() - before
        leg.answered(now: Instant(milliseconds: 1000))
        let bridge = AudioBridge(sampleRate: codec.sampleRate)
        _ = leg.attach(bridge)
        let bridged = allocation_heap_bytes() - before - heap
        let ring = SampleRing(capacity: 16)
        let beforeRecording = allocation_heap_bytes()
        leg.startRecording(into: ring, now: Instant(milliseconds: 1000))
        let recording = allocation_heap_bytes() - beforeRecording
        print(
            "\(codec.rawValue), detectors \(detection ? "on" : "off"): "
                + "\(MemoryLayout<MediaLeg>.size) bytes inline, \(heap) on the heap, "
                + "bridge \(bridged), recording window \(recording)")
    }
}

var failed = false
try speech.withUnsafeBufferPointer { speech in
    for (name, mode) in [("plain RTP, bridge", LegMode.normal), ("plain RTP, echo", .echo)] {
        var bench = try Bench(mode: mode, keys: nil, encoder: AudioEncoder())
        let count = bench.measure(name, packets: packets, trace: trace, speech)
        if count != 0 { failed = true }
    }
    for codec in [AudioCodec.pcmu, .g722, .opus] {
        var bench = try Bench(
            mode: .normal, keys: nil, codec: codec, encoder: try AudioEncoder(codec),
            isLinked: true)
        let name = "\(codec.rawValue), two links out and in"
        if bench.measure(name, packets: packets, trace: trace, speech) != 0 { failed = true }
    }
    // The far end's encoder is counted with ours.
    for codec in AudioCodec.allCases where codec != .pcmu {
        for discontinuous in [false, true] {
            var bench = try Bench(
                mode: .normal, keys: nil, codec: codec, encoder: try AudioEncoder(codec),
                discontinuous: discontinuous)
            let name = codec.rawValue + (discontinuous ? ", discontinuous" : "")
            if bench.measure(name, packets: packets, trace: trace, speech) != 0 { failed = true }
        }
    }
    // The far end's protect is counted with ours.
    for suite in SRTPSuite.allCases {
        let keys = SRTPKeys(
            suite: suite, local: (0..<suite.keyAndSaltCount).map { UInt8($0) },
            remote: (0..<suite.keyAndSaltCount).map { UInt8(99 - $0) })
        var bench = try Bench(mode: .normal, keys: keys, encoder: AudioEncoder())
        let name = "\(suite.sdpName) both ways, bridge"
        let count = bench.measure(name, packets: packets, trace: trace, speech)
        if count != 0 { failed = true }
    }
    var bench = try Bench(
        mode: .normal, keys: nil, encoder: AudioEncoder(),
        certificate: DTLSIdentity(now: WallTime(seconds: 1_780_000_000)))
    let count = bench.measure("DTLS-SRTP, bridge", packets: packets, trace: trace, speech)
    if count != 0 || bench.sent == 0 { failed = true }
}

if failed {
    print("FAILED: the packet path allocates (run with --trace 5 to see where)")
    exit(1)
}
print("ok: no allocation on the packet path")
