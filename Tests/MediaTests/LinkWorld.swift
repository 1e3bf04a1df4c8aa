import Audio
import Base
import CallModel
import Detection
import RTP

@testable import Media

/// Legs on one virtual clock that moves by 1 ms, each with a far end that talks and listens, and
/// links between them as the engine would make them.
final class LinkWorld {
    /// What a party says from `start` on, and how its packets come.
    struct Talk {
        /// Sample n at the codec's rate.
        var signal: (_ index: Int, _ rate: Int) -> Double
        var start = 0
        var end = Int.max
        /// How much faster its clock runs than ours: 0.0002 is 200 ppm.
        var skew = 0.0
        /// Network delay of packet n, ms; nil: lost.
        var delay: (Int) -> Double? = { _ in 0 }
    }

    final class Party {
        let id: LegID
        let codec: AudioCodec
        let phase: Int
        let address: SocketAddressValue
        var leg: MediaLeg
        var talk: Talk?
        /// Decoded, at the codec's rate, without holes.
        var heard: [Int16] = []
        /// ms of the first packet that came back.
        var firstHeard: Int?
        var outputs: [LegOutput] = []
        /// Payloads of telephone-events that came back.
        var events: [[UInt8]] = []
        var isOpen = true
        fileprivate var encoder: AudioEncoder
        fileprivate var decoder: AudioDecoder
        fileprivate var pending: [(at: Double, bytes: [UInt8])] = []
        fileprivate var packets = 0
        fileprivate var sequence: UInt16 = 65_000
        fileprivate var expected: UInt32?

        init(_ number: Int, _ codec: AudioCodec, phase: Int, ptime: Int, mode: LegMode) throws {
            id = LegID(UInt32(number))
            self.codec = codec
            self.phase = phase
            address = SocketAddressValue(ipv4: 127, 0, 1, UInt8(number % 250), port: 4000)
            encoder = try AudioEncoder(codec)
            decoder = try AudioDecoder(codec)
            leg = MediaLeg(
                LegOptions(mode: mode, detection: false),
                identity: LegIdentity(
                    ssrc: UInt32(number), sequence: 1, timestamp: 77, seed: UInt64(number),
                    cname: "c"), now: .zero)
            try leg.configure(
                RemoteMedia(
                    address: "127.0.1.\(number % 250)", port: 4000, codec: codec,
                    payloadType: codec.staticPayloadType ?? 96,
                    telephoneEventClockRate: codec.clockRate, ptimeMilliseconds: ptime),
                now: .zero)
            leg.answered(now: .zero)
        }

        /// Of the sample at `index` of `heard`: when its packet came back, ms.
        func time(of index: Int) -> Double {
            Double(firstHeard ?? 0) + Double(index) * 1000 / Double(codec.sampleRate)
        }

        var playoutDelay: Double? { leg.playoutDelayMilliseconds }
        var hasLinks: Bool { leg.hasLinks }
        var isHeld: Bool { leg.isHeld }
    }

    var workspace = LegWorkspace()
    var parties: [Party] = []
    private(set) var ms = 0
    private var nextLink: UInt32 = 1
    var counters: LinkCounters { workspace.counters.links }

    func join(
        _ codec: AudioCodec = .pcmu, phase: Int = 0, ptime: Int = 20, mode: LegMode = .normal,
        _ talk: Talk? = nil
    ) throws -> Party {
        let party = try Party(
            parties.count + 1, codec, phase: phase, ptime: ptime, mode: mode)
        party.talk = talk
        parties.append(party)
        return party
    }

    @discardableResult
    func link(
        _ from: Party, to: Party, _ tap: LinkTap = .received, gain: Double = 0,
        digits: Bool = false
    ) -> LegLink {
        let link = LegLink(
            id: LinkID(nextLink), from: from.id, to: to.id, tap: tap,
            sampleRate: min(from.codec.sampleRate, to.codec.sampleRate), gainDecibels: gain,
            relaysDigits: digits)
        nextLink += 1
        if !to.isOpen || !to.leg.add(input: link) { link.end(.targetClosed) }
        if !from.isOpen || !from.leg.add(output: link) { link.end(.sourceClosed) }
        return link
    }

    @discardableResult
    func bridge(_ a: Party, _ b: Party, digits: Bool = false) -> [LegLink] {
        [link(a, to: b, digits: digits), link(b, to: a, digits: digits)]
    }

    func run(milliseconds: Int) {
        for _ in 0..<milliseconds {
            for party in parties where party.isOpen {
                speak(party)
                if ms % 20 == party.phase { tick(party) }
            }
            ms += 1
        }
    }

    func close(_ party: Party) {
        party.isOpen = false
        var out = Outbox<LegOutput>()
        _ = party.leg.close(
            now: Instant(milliseconds: Int64(ms)), workspace: &workspace, out: &out
        ) { _, _, _ in true }
        party.outputs += out.takeAll()
    }

    func play(
        _ id: Int, _ clip: PlaybackClip, loops: Bool = false, mixed: Bool = false, on party: Party
    ) {
        var out = Outbox<LegOutput>()
        party.leg.play(id: id, clip: clip, loops: loops, mixed: mixed, out: &out)
        party.outputs += out.takeAll()
    }

    /// One press of 100 ms, as packets of the far end from now on.
    func press(_ digit: Character, by party: Party) {
        let rate = party.codec.clockRate
        guard
            var sender = TelephoneEventSender(
                digit: digit, durationSamples: rate / 10,
                startTimestamp: UInt32(ms * rate / 1000), clockRate: rate)
        else { return }
        var payload = [UInt8](repeating: 0, count: 4)
        while let step = payload.withUnsafeMutableBytes({ sender.next(into: $0) }) {
            let header = RTPHeader(
                marker: step.marker, payloadType: 101, sequence: party.sequence,
                timestamp: step.timestamp, ssrc: 0xA000 + party.id.value)
            party.sequence &+= 1
            deliver(rtp(header, payload), to: party)
        }
    }

    private func tick(_ party: Party) {
        var out = Outbox<LegOutput>()
        party.leg.tick(
            now: Instant(milliseconds: Int64(ms)), workspace: &workspace, out: &out
        ) { bytes, _, channel in
            if channel == .rtp { hear(bytes, party) }
            return true
        }
        party.outputs += out.takeAll()
    }

    private func hear(_ bytes: UnsafeRawBufferPointer, _ party: Party) {
        guard let packet = try? RTPPacket(parsing: bytes) else { return }
        guard packet.header.payloadType != 101 else {
            party.events.append(Array(packet.payload(of: bytes)))
            return
        }
        if party.firstHeard == nil { party.firstHeard = ms }
        if let expected = party.expected {
            // A telephone-event was sent instead.
            let hole = Int(Int32(bitPattern: packet.header.timestamp &- expected))
            party.heard += [Int16](
                repeating: 0,
                count: max(0, hole) * party.codec.sampleRate / party.codec.clockRate)
        }
        var samples = [Int16](repeating: 0, count: 2048)
        let count = samples.withUnsafeMutableBufferPointer {
            party.decoder.decode(packet.payload(of: bytes), into: $0)
        }
        party.heard += samples[0..<count]
        party.expected =
            packet.header.timestamp
            &+ UInt32(count * party.codec.clockRate / party.codec.sampleRate)
    }

    private func speak(_ party: Party) {
        while let talk = party.talk {
            let sent =
                Double(talk.start) + Double(party.packets) * 20 * (1 - talk.skew)
            guard sent <= Double(ms), sent < Double(talk.end) else { break }
            let bytes = packet(of: party, talk)
            if let delay = talk.delay(party.packets) {
                party.pending.append((sent + delay, bytes))
            }
            party.packets += 1
        }
        guard party.pending.contains(where: { $0.at <= Double(ms) }) else { return }
        let due = party.pending.filter { $0.at <= Double(ms) }.sorted { $0.at < $1.at }
        party.pending.removeAll { $0.at <= Double(ms) }
        for packet in due { deliver(packet.bytes, to: party) }
    }

    private func packet(of party: Party, _ talk: Talk) -> [UInt8] {
        let rate = party.codec.sampleRate
        let first = party.packets * rate / 50
        let frame = (0..<rate / 50).map { index in
            Int16(max(-32_000, min(32_000, talk.signal(first + index, rate))))
        }
        var payload = [UInt8](repeating: 0, count: 1200)
        let count = frame.withUnsafeBufferPointer { frame in
            payload.withUnsafeMutableBytes { party.encoder.encode(frame, into: $0) }
        }
        let header = RTPHeader(
            payloadType: party.codec.staticPayloadType ?? 96, sequence: party.sequence,
            timestamp: 1000 &+ UInt32(party.packets * party.codec.clockRate / 50),
            ssrc: 0xA000 + party.id.value)
        party.sequence &+= 1
        return rtp(header, Array(payload[0..<count]))
    }

    private func deliver(_ bytes: [UInt8], to party: Party) {
        var bytes = bytes
        var out = Outbox<LegOutput>()
        bytes.withUnsafeMutableBytes { buffer in
            party.leg.receive(
                packet: buffer, from: party.address, on: .rtp,
                now: Instant(milliseconds: Int64(ms)), workspace: &workspace, out: &out
            ) { _, _, _ in true }
        }
        party.outputs += out.takeAll()
    }
}

// MARK: signals and how they are found again

/// A steady tone, −12 dB of full scale.
func tone(_ frequency: Double) -> (Int, Int) -> Double {
    { index, rate in
        8000 * Elementary.sin(2 * Double.pi * frequency * Double(index) / Double(rate))
    }
}

/// Speech-like: harmonics of a pitch that glides, in syllables of ever other length, so that no
/// stretch of it resembles another. Below 2 kHz, so every codec carries all of it.
func chatter(_ seed: Int) -> (Int, Int) -> Double {
    { index, rate in
        let time = Double(index) / Double(rate)
        let turn = 2 * Double.pi
        let glide = 2.1 + Double(seed % 5) * 0.3
        // The integral of 150 + 40 sin(glide t) + 25 sin(0.9 t) Hz.
        let phase =
            turn
            * ((130 + Double(seed) * 11) * time
                + 40 * (1 - Elementary.cos(glide * time)) / glide
                + 25 * (1 - Elementary.cos(0.9 * time)) / 0.9)
        let loud =
            0.55 + 0.45 * Elementary.sin(turn * (3.1 + Double(seed) * 0.37) * time + Double(seed))
        var sum = 0.0
        for harmonic in 1...9 {
            let wander = 1 + 0.8 * Elementary.sin(time * (1.3 + 0.41 * Double(harmonic)))
            sum += wander / Double(harmonic) * Elementary.sin(phase * Double(harmonic))
        }
        return 4500 * loud * sum
    }
}

/// Level of a frequency in `samples`, dBm0; below −60 there is nothing.
func level(of frequency: Double, in samples: ArraySlice<Int16>, rate: Int) -> Double {
    var (s, c) = (0.0, 0.0)
    let step = 2 * Double.pi * frequency / Double(rate)
    let count = Double(max(1, samples.count))
    for (index, sample) in samples.enumerated() {
        // A Hann window keeps neighbours out.
        let window = 1 - Elementary.cos(2 * Double.pi * Double(index) / count)
        s += window * Double(sample) * Elementary.sin(Double(index) * step)
        c += window * Double(sample) * Elementary.cos(Double(index) * step)
    }
    let amplitude = 2 * (s * s + c * c).squareRoot() / count
    // 0 dBm0 is a sine of 3.14 dB below full scale.
    return Elementary.decibels(power: amplitude * amplitude / (32_768 * 32_768)) + 3.14
}

/// What `said` (from sample `range` of it on) is in `heard`, both at 8 kHz: the lag at which they
/// agree best, and how well (−1…1).
func found(
    _ said: [Int16], _ range: Range<Int>, in heard: [Int16], lags: Range<Int>
) -> (lag: Int, correlation: Double) {
    var best = (lag: 0, correlation: -1.0)
    func correlation(_ lag: Int, step: Int) -> Double {
        var (cross, a, b) = (0.0, 0.0, 0.0)
        for index in stride(from: range.lowerBound, to: range.upperBound, by: step) {
            guard index + lag >= 0, index + lag < heard.count, index < said.count else { continue }
            let x = Double(said[index])
            let y = Double(heard[index + lag])
            cross += x * y
            a += x * x
            b += y * y
        }
        return a > 0 && b > 0 ? cross / (a * b).squareRoot() : 0
    }
    for lag in lags {
        let here = correlation(lag, step: 23)
        if here > best.correlation { best = (lag, here) }
    }
    return (best.lag, correlation(best.lag, step: 1))
}

/// `count` samples of a party's signal at 8 kHz.
func said(_ signal: (Int, Int) -> Double, _ count: Int) -> [Int16] {
    (0..<count).map { Int16(max(-32_000, min(32_000, signal($0, 8000)))) }
}

extension LinkWorld.Party {
    /// What came back, at 8 kHz.
    var heardNarrow: [Int16] {
        (try? Resampler.convert(heard, from: codec.sampleRate, to: 8000)) ?? []
    }

    /// Level of a tone in what came back between two moments of the world, ms.
    func level(of frequency: Double, from: Int, to: Int) -> Double {
        let rate = codec.sampleRate
        let first = firstHeard ?? 0
        let range = max(0, from - first) * rate / 1000..<max(0, to - first) * rate / 1000
        guard range.upperBound <= heard.count else { return -200 }
        return MediaTests.level(of: frequency, in: heard[range], rate: rate)
    }
}

/// `signal` at 8 kHz behind the same codecs without any leg between them: what Opus does to a
/// waveform is not the bridge's doing.
func throughCodecs(
    _ signal: (Int, Int) -> Double, _ codecs: [AudioCodec], milliseconds: Int
) throws -> [Int16] {
    let rate = codecs[0].sampleRate
    var samples = (0..<milliseconds * rate / 1000).map { Int16(signal($0, rate)) }
    var at = rate
    for codec in codecs {
        samples = try Resampler.convert(samples, from: at, to: codec.sampleRate)
        at = codec.sampleRate
        var encoder = try AudioEncoder(codec)
        var decoder = try AudioDecoder(codec)
        var payload = [UInt8](repeating: 0, count: 1200)
        var frame = [Int16](repeating: 0, count: 2048)
        var decoded: [Int16] = []
        for start in stride(from: 0, to: samples.count - at / 50 + 1, by: at / 50) {
            let size = samples[start..<start + at / 50].withUnsafeBufferPointer { part in
                payload.withUnsafeMutableBytes { encoder.encode(part, into: $0) }
            }
            let count = payload.withUnsafeBytes { bytes in
                frame.withUnsafeMutableBufferPointer {
                    decoder.decode(UnsafeRawBufferPointer(rebasing: bytes[0..<size]), into: $0)
                }
            }
            decoded += frame[0..<count]
        }
        samples = decoded
    }
    return try Resampler.convert(samples, from: at, to: 8000)
}
