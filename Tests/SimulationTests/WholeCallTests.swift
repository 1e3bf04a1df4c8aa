import Audio
import Base
import Detection
import Media
import SDP
import SIP
import Simulation
import Testing

/// Caller at 192.0.2.1, callee at 192.0.2.2.
private struct WholeCall {
    let world: VirtualWorld
    let caller: CallParty
    let callee: CallParty

    init(
        seed: UInt64, signalling: LinkConditions = .clean, media: LinkConditions = .clean,
        callerCodecs: AudioCapabilities = AudioCapabilities(),
        calleeCodecs: AudioCapabilities = AudioCapabilities(), detection: Bool = false
    ) {
        world = VirtualWorld(seed: seed, conditions: media)
        let options = LegOptions(detection: detection)
        caller = CallParty(
            host: 1, capabilities: callerCodecs, options: options, phase: .milliseconds(3),
            seed: seed, world: world)
        callee = CallParty(
            host: 2, capabilities: calleeCodecs, options: options, phase: .milliseconds(14),
            seed: seed, world: world)
        for (from, to) in [(caller, callee), (callee, caller)] {
            world.network.set(signalling, from: from.agent.address, to: to.agent.address)
        }
        callee.agent.script = .answering(after: .milliseconds(800))
    }

    func digits(_ party: CallParty) -> String {
        String(
            party.leg.outputs.compactMap {
                if case .dtmf(let digit, .rfc4733) = $0.event { digit } else { nil }
            })
    }

    /// Nothing of the call is left anywhere.
    func expectOver(sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(
            world.runUntilIdle(limit: world.now + .seconds(120)), sourceLocation: sourceLocation)
        for party in [caller, callee] {
            #expect(party.failure == nil, sourceLocation: sourceLocation)
            #expect(party.leg.isClosed, sourceLocation: sourceLocation)
            #expect(party.agent.agent.isIdle, sourceLocation: sourceLocation)
            #expect(party.agent.agent.transactionCount == 0, sourceLocation: sourceLocation)
        }
    }
}

private let lossy = LinkConditions(
    loss: 0.1, duplication: 0.03, reordering: 0.03, latency: .milliseconds(30),
    jitter: .milliseconds(25))

@Test(arguments: 500..<512 as Range<UInt64>)
func aWholeCallTalksDialsAndEnds(_ seed: UInt64) throws {
    let call = WholeCall(seed: seed, signalling: lossy, media: lossy)
    let word = Soundtrack.fingerprint(frames: 25, seed: seed)
    var rtpBeforeAnswer = 0
    call.caller.onAnswered = { world in
        rtpBeforeAnswer = call.caller.leg.currentSummary.packetsSent
        world.after(.milliseconds(500)) { world in
            call.caller.leg.play(id: 7, word.samples, world: world)
        }
        world.after(.milliseconds(1500)) { _ in
            call.caller.leg.press("4")
            call.caller.leg.press("2")
        }
        world.after(.milliseconds(1600)) { _ in call.callee.leg.press("#") }
        world.after(.seconds(3)) { call.caller.hangUp(world: $0) }
    }
    try call.caller.call(call.callee, world: call.world)
    call.expectOver()

    #expect(call.caller.end == CallEnd(.localBye, status: 200))
    #expect(call.callee.end == CallEnd(.remoteBye, status: 200))
    #expect(call.digits(call.callee) == "42")
    #expect(call.digits(call.caller) == "#")
    #expect(rtpBeforeAnswer == 0)
    for party in [call.caller, call.callee] {
        let agreed = try #require(party.negotiated)
        #expect(agreed.codec == .pcmu && agreed.telephoneEventPayloadType == 101)
        #expect(agreed.direction == .sendrecv)
        let summary = try #require(party.leg.summary)
        // Three seconds of talk are 150 packets; a tenth is lost.
        #expect(summary.packetsSent >= 145)
        #expect(summary.packetsReceived > 105)
        #expect(party.leg.outputs.filter { $0.event == .mediaStarted }.count == 1)
    }
    #expect(call.caller.leg.outputs.contains { $0.event == .playFinished(id: 7, completed: true) })
}

/// Nothing is lost: all numbers are exact.
@Test func onACleanLineEveryPacketOfTheCallArrives() throws {
    let call = WholeCall(seed: 1)
    call.caller.onAnswered = { world in
        world.after(.seconds(2)) { call.caller.hangUp(world: $0) }
    }
    try call.caller.call(call.callee, world: call.world)
    call.expectOver()
    #expect(call.caller.agent.sent.map(\.event) == ["INVITE", "ACK", "BYE"])
    #expect(
        call.callee.agent.sent.map(\.event) == [
            "180 INVITE", "200 INVITE", "200 BYE",
        ])
    #expect(call.caller.agent.notices.map(\.at.milliseconds) == [40, 40, 840, 2840])
    let (caller, callee) = (
        try #require(call.caller.leg.summary), try #require(call.callee.leg.summary)
    )
    // From its answer at 840 ms to its hang-up at 2840 ms: 843 … 2823 ms.
    #expect(caller.packetsSent == 100)
    #expect(callee.packetsReceived == 100)
    // From its 200 at 820 ms to the BYE at 2860 ms: 834 … 2854 ms. The last two get there late.
    #expect(callee.packetsSent == 102)
    #expect(caller.packetsReceived == 100)
    #expect(caller.packetsRejected == 0 && callee.packetsRejected == 0)
    #expect(caller.packetsLost == 0 && callee.packetsLost == 0)
}

@Test func theCalleesChoiceOfCodecIsSpokenBothWays() throws {
    let call = WholeCall(
        seed: 2, calleeCodecs: AudioCapabilities(codecs: [.pcma, .telephoneEvent]))
    let word = Soundtrack.fingerprint(frames: 5, seed: 2)
    call.caller.onAnswered = { world in
        call.caller.leg.play(id: 1, word.samples, world: world)
        world.after(.seconds(1)) { call.caller.hangUp(world: $0) }
    }
    try call.caller.call(call.callee, world: call.world)
    call.expectOver()
    #expect(call.caller.negotiated?.codec == .pcma && call.callee.negotiated?.codec == .pcma)
    #expect(call.caller.negotiated?.payloadType == 8)
    #expect(call.callee.leg.summary?.packetsRejected == 0)
    #expect((call.callee.leg.summary?.packetsReceived ?? 0) >= 48)
}

@Test func withoutACommonCodecThereIsNoCall() throws {
    let call = WholeCall(
        seed: 3, callerCodecs: AudioCapabilities(codecs: [.pcmu]),
        calleeCodecs: AudioCapabilities(codecs: [.pcma]))
    call.callee.agent.script = CalleeScript([(.zero, .reject(status: 488))])
    try call.caller.call(call.callee, world: call.world)
    #expect(call.world.runUntilIdle(limit: .init(milliseconds: 120_000)))
    #expect(call.callee.failure == "offer: noCommonCodec")
    #expect(call.caller.end == CallEnd(.rejected, status: 488))
    #expect(call.caller.leg.summary?.packetsSent == 0)
}

/// The trunk between them makes the 180 a 183 with SDP and sends ringback itself: early media.
@Test func ringbackFromTheTrunkIsHeardBeforeTheAnswer() throws {
    let call = WholeCall(seed: 4, detection: true)
    call.callee.agent.script = .answering(after: .milliseconds(3200))
    let trunk = PhoneNode(
        address: SocketAddressValue(ipv4: 192, 0, 2, 99, port: 40_000), seed: 4)
    call.world.add(trunk)
    let early = Array(
        try OfferAnswer.makeOffer(
            localAddress: "192.0.2.99", port: 40_000, capabilities: AudioCapabilities(),
            sessionID: 1
        ).serialised.utf8)
    call.world.network.box = { datagram, _ in
        guard AgentNode.label(datagram.bytes) == "180 INVITE",
            var message = try? SIPMessage(parsing: datagram.bytes)
        else { return datagram }
        message.start = .response(status: 183, reason: "Session Progress")
        message.headers.append(.contentType, "application/sdp")
        message.body = early
        return VirtualDatagram(from: datagram.from, to: datagram.to, bytes: message.serialised)
    }
    var ringback = Soundtrack()
    ringback.ringback(cycles: 1)
    trunk.say(ringback)
    call.world.after(.milliseconds(100)) { trunk.start(to: call.caller.leg.address, world: $0) }
    call.caller.onAnswered = { world in
        trunk.stop()
        world.after(.seconds(1)) { call.caller.hangUp(world: $0) }
    }
    try call.caller.call(call.callee, world: call.world)
    call.world.run(for: .milliseconds(6000))

    let notices = call.caller.agent.notices.map(\.event.notice)
    #expect(notices.prefix(2) == [.trying, .earlyMedia(sdp: early)])
    let tone = call.caller.leg.outputs.first {
        if case .detection(.tone(.ringback, _, _, _)) = $0.event { true } else { false }
    }
    let heardAt = try #require(tone?.at)
    let answeredAt = try #require(
        call.caller.agent.notices.first {
            if case .answered = $0.event.notice { true } else { false }
        }?.at)
    #expect(heardAt < answeredAt)
    #expect(call.caller.failure == nil)
    #expect(call.caller.end == CallEnd(.localBye, status: 200))
}

@Test func aWholeCallRepeatsItselfBitForBit() throws {
    func run(_ seed: UInt64) throws -> (UInt64, [Logged<LegOutput>], NetworkCounters) {
        let call = WholeCall(seed: seed, signalling: lossy, media: lossy)
        call.caller.onAnswered = { world in
            call.caller.leg.press("7")
            world.after(.seconds(1)) { call.caller.hangUp(world: $0) }
        }
        try call.caller.call(call.callee, world: call.world)
        call.expectOver()
        return (
            call.world.trace, call.caller.leg.outputs + call.callee.leg.outputs,
            call.world.network.counters
        )
    }
    let (first, second, other) = (try run(21), try run(21), try run(22))
    #expect(first.0 == second.0 && first.1 == second.1 && first.2 == second.2)
    #expect(first.0 != other.0)
}
