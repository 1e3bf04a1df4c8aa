import Audio
import Base
import RTP
import Testing

@testable import Media

/// A change of the RTP clock, with time in which nothing was sent before it: the gap counts by the new clock
/// while the old codec still decodes (RFC 7160 4.1).
@Test(
    arguments: [
        [AudioCodec.pcmu, .opus], [.opus, .pcmu], [.opus, .g722], [.l16Wide, .pcma],
        [.pcmu, .l16Wide],
    ], [200, 3000])
func aPauseAtAChangeOfClockKeepsItsLength(codecs: [AudioCodec], milliseconds: Int) throws {
    let bench = try LegBench(remote: media(codecs[0], alternatives: [codecs[1]]))
    let bridge = AudioBridge(sampleRate: 16_000, receivedMilliseconds: 8000)
    _ = bench.attach(bridge)
    let before = try CodecFarEnd(codecs[0])
    let after = try CodecFarEnd(codecs[1])
    bench.run(ticks: 25) { _ in bench.receive(before.packet()) }
    bench.run(ticks: milliseconds / 20)
    after.sequence = before.sequence
    bench.run(ticks: 25) { _ in bench.receive(after.packet()) }
    let heard = drained(bridge.received)
    try #require(abs(heard.count - (1000 + milliseconds) * 16) < 50, "\(heard.count / 16) ms")
    // The tone behind the pause is where it belongs.
    let late = (500 + milliseconds + 60) * 16
    #expect(abs(Level.dBm0(Array(heard[late..<late + 3200])) + 10) < 1.5)
}

// MARK: digits of several clocks

/// RFC 4733 2.1: digits beside PCMU count by 8000, whatever those beside Opus do.
@Test func digitsOfEveryAgreedTypeAreHeardByItsClock() throws {
    var remote = media(.opus, events: 110, eventClock: 48_000, alternatives: [.pcmu])
    remote.alternativeEvents = [ReceiveEventFormat(payloadType: 101, clockRate: 8000)]
    let bench = try LegBench(remote: remote)
    let wide = try CodecFarEnd(.opus)
    let narrow = try CodecFarEnd(.pcmu)
    func press(_ digit: Character, _ type: UInt8, _ rate: Int, _ far: CodecFarEnd) throws {
        var sender = try #require(
            TelephoneEventSender(
                digit: digit, durationSamples: rate / 10, startTimestamp: far.timestamp,
                clockRate: rate))
        var payload = [UInt8](repeating: 0, count: 4)
        while let step = payload.withUnsafeMutableBytes({ sender.next(into: $0) }) {
            let header = RTPHeader(
                marker: step.marker, payloadType: type, sequence: far.sequence,
                timestamp: step.timestamp, ssrc: far.ssrc)
            bench.receive(rtp(header, payload))
            far.sequence &+= 1
            far.skip(20)
            bench.run(ticks: 1)
        }
    }
    bench.run(ticks: 5) { _ in bench.receive(wide.packet()) }
    try press("1", 110, 48_000, wide)
    narrow.sequence = wide.sequence
    bench.run(ticks: 5) { _ in bench.receive(narrow.packet()) }
    try press("2", 101, 8000, narrow)
    // Two presses whose ends were lost, 55 ms between them: at 48 kHz it would be 9.
    for step in 0..<2 {
        let header = RTPHeader(
            payloadType: 101, sequence: narrow.sequence,
            timestamp: narrow.timestamp &+ UInt32(step) * 600, ssrc: narrow.ssrc)
        bench.receive(rtp(header, [3, 10, 0, 160 + UInt8(step)]))
        narrow.sequence &+= 1
        bench.run(ticks: 4)
    }
    #expect(
        bench.outputs
            == [.mediaStarted] + "1233".map { LegOutput.dtmf($0, source: .rfc4733) })
    #expect(bench.rejected(.payloadType) == 0)
    #expect(bench.summary.packetsLost == 0)
}

@Test func eventTypesThatCannotBeAreRefused() throws {
    var remote = media(.opus, events: 110, eventClock: 48_000)
    remote.alternativeEvents = [ReceiveEventFormat(payloadType: 101, clockRate: 0)]
    #expect(throws: MediaError.unsupportedEventRate(0)) { try remote.validate() }
    remote.alternativeEvents = [ReceiveEventFormat](
        repeating: ReceiveEventFormat(payloadType: 101, clockRate: 8000), count: 9)
    #expect(throws: MediaError.tooManyFormats(limit: 8)) { try remote.validate() }
}

// MARK: jitter

/// All packets of a press say when it began: no jitter of the network.
@Test func aPressIsNoJitter() throws {
    let bench = try LegBench()
    var far = FarEnd()
    bench.run(ticks: 50) { _ in bench.receive(far.audio()) }
    let start = far.timestamp
    bench.run(ticks: 40) { index in
        var header = RTPHeader(
            payloadType: 101, sequence: far.sequence, timestamp: start, ssrc: far.ssrc)
        header.marker = index == 0
        let duration = UInt16(index + 1) * 160
        bench.receive(rtp(header, [5, 10, UInt8(duration >> 8), UInt8(duration & 255)]))
        far.sequence &+= 1
        far.timestamp &+= 160
    }
    bench.run(ticks: 5) { _ in bench.receive(far.audio()) }
    #expect(bench.summary.jitterMilliseconds == 0)
    #expect(bench.summary.packetsLost == 0 && bench.summary.packetsReceived == 95)
}

// MARK: the second tap

/// The pitch of a man at 16 kHz, 200 samples, which a concealer of 8 kHz does not look for.
@Test func widebandLossIsConcealedAtItsOwnRate() {
    func sample(_ index: Int) -> Int16 {
        let phase: Double = Double(index % 200) / 100 * Double.pi
        let third: Double = 4000 * Elementary.sin(3 * phase)
        return Int16(6000 * Elementary.sin(phase) + third)
    }
    var configuration = PlayoutConfiguration()
    configuration.clockRate = 16_000
    configuration.frameSamples = 320
    var bench = PlayoutBench(configuration)
    var packets: [PlayoutBench.Arrival] = []
    for index in 0..<200 where index % 25 != 24 {
        let samples: [Int16] = (0..<320).map { sample(index * 320 + $0) }
        packets.append(
            PlayoutBench.Arrival(
                at: Double(index * 20 + 50), sequence: UInt16(index),
                timestamp: UInt32(index * 320), samples: samples))
    }
    bench.run(packets, until: 4000)
    #expect(bench.total.concealed > 0)
    // What follows is what came a period before, in the losses too.
    var error = 0.0
    var energy = 0.0
    for index in 4000..<60_000 {
        let value = Double(bench.output[index])
        let difference = value - Double(bench.output[index - 200])
        energy += value * value
        error += difference * difference
    }
    #expect(error < 0.01 * energy, "\(error / energy)")
}
