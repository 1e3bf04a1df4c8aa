import Audio
import Base
import CallModel
import Testing

@testable import Media

/// A leg that another one hears: packets in, what comes out of its link.
private final class Overheard {
    let bench: LegBench
    let far: CodecFarEnd
    let link: LegLink
    var heard: [Int16] = []

    init(_ codec: AudioCodec) throws {
        bench = try LegBench(remote: media(codec, comfortNoise: 13))
        far = try CodecFarEnd(codec)
        link = LegLink(
            id: LinkID(1), from: LegID(1), to: LegID(2), sampleRate: codec.sampleRate)
        _ = bench.leg.add(output: link)
    }

    /// A packet, then time in ticks.
    func run(_ packet: [UInt8]?, milliseconds: Int = 20) {
        if let packet { bench.receive(packet) }
        for _ in 0..<milliseconds / 20 {
            bench.tick()
            bench.now += MediaLeg.tick
            heard += drained(link.ring)
        }
    }

    /// Lets counters be published.
    func settle() { for _ in 0..<60 { run(nil) } }

    var counters: LinkCounters { bench.counters.links }
}

/// Opus may carry 120 ms in a packet (RFC 6716), and whoever is linked to such a caller hears him.
@Test(arguments: [(AudioCodec.opus, 100), (.opus, 120), (.l16, 80)])
func longPacketsAreHeardOverALink(codec: AudioCodec, milliseconds: Int) throws {
    let leg = try Overheard(codec)
    for _ in 0..<30 {
        let packet = leg.far.packet(milliseconds)
        #expect(packet.count > 20)
        leg.run(packet, milliseconds: milliseconds)
    }
    let frame = codec.sampleRate / 50
    let steady = leg.heard[(50 * frame)..<(100 * frame)]
    for place in stride(from: steady.startIndex, to: steady.endIndex, by: frame) {
        #expect(abs(Level.dBm0(Array(steady[place..<place + frame])) + 10) < 2)
    }
    leg.settle()
    #expect(leg.counters.playoutReceived == 30)
    #expect(leg.counters.playoutUnusable == 0 && leg.counters.playoutLost == 0)
}

/// Some far ends keep a NAT's binding open in their pauses by packets of their codec that hold nothing.
@Test func emptyPacketsInAPauseAreNoLoss() throws {
    let leg = try Overheard(.pcmu)
    for _ in 0..<50 { leg.run(leg.far.packet()) }
    for _ in 0..<5 {
        leg.far.skip(500)
        leg.run(nil, milliseconds: 500)
        leg.run(leg.far.packet(0), milliseconds: 0)
        leg.far.skip(500)
        leg.run(nil, milliseconds: 500)
        for _ in 0..<50 { leg.run(leg.far.packet()) }
    }
    leg.settle()
    #expect(leg.counters.playoutLost == 0)
    #expect(leg.counters.playoutUnderruns == 0)
    #expect(leg.bench.summary.packetsLost == 0)
}

/// The longest G.711 in a datagram is more than any buffer takes: counted, not passed over.
@Test func packetsThatAreTooLongAreCounted() throws {
    let leg = try Overheard(.pcmu)
    for _ in 0..<5 { leg.run(leg.far.packet(160), milliseconds: 160) }
    leg.settle()
    #expect(leg.counters.playoutUnusable == 5)
}

/// Codecs that decode in order: a pause is none of the buffer's losses, a burst is as many as it was.
@Test(arguments: [AudioCodec.g722, .opus, .pcmu])
func pausesAreNotLostAndBurstsAreCounted(codec: AudioCodec) throws {
    let leg = try Overheard(codec)
    for _ in 0..<50 { leg.run(leg.far.packet()) }
    for _ in 0..<3 {
        // 800 ms in which nothing is sent.
        leg.far.skip(800)
        leg.run(nil, milliseconds: 800)
        for _ in 0..<50 { leg.run(leg.far.packet()) }
    }
    leg.settle()
    #expect(leg.counters.playoutLost == 0)
    #expect(leg.counters.playoutEarly == 0)
    #expect(leg.counters.playoutUnderruns == 0)
    // The time that passed meanwhile was another pause.
    leg.far.skip(1200)
    for _ in 0..<50 { leg.run(leg.far.packet()) }
    for _ in 0..<4 {
        _ = leg.far.packet()
        leg.run(nil)
    }
    for _ in 0..<50 { leg.run(leg.far.packet()) }
    leg.settle()
    #expect(leg.counters.playoutLost == 4)
    #expect(leg.counters.playoutUnderruns == 1)
}
