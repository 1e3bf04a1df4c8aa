import Base
import Media
import SIP
import Simulation
import Synchronization
import Testing

private let offer = Array("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n".utf8)
private let answer = Array("v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\n".utf8)

/// Two user agents on one network.
private struct Pair {
    let world: VirtualWorld
    let caller: AgentNode
    let callee: AgentNode

    /// - Parameter areStrangers: the callee does not know the caller's address.
    init(seed: UInt64, _ conditions: LinkConditions = .clean, areStrangers: Bool = false) {
        world = VirtualWorld(seed: seed, conditions: conditions)
        caller = AgentNode(
            address: SocketAddressValue(ipv4: 192, 0, 2, 1, port: 5060), seed: seed &* 2)
        callee = AgentNode(
            address: SocketAddressValue(ipv4: 192, 0, 2, 2, port: 5060), seed: seed &* 2 &+ 1,
            answer: answer, trunks: areStrangers ? [] : ["192.0.2.1"])
        world.add(caller)
        world.add(callee)
    }

    func place(_ number: UInt64 = 1, at ms: Int64 = 0, ringSeconds: Int64 = 5) throws {
        world.run(until: Instant(milliseconds: ms))
        try caller.place(
            .outbound(number), to: callee, offer: offer, ringTimeout: .seconds(ringSeconds),
            world: world)
    }

    func hangUp(_ number: UInt64 = 1, atMs ms: Double) {
        world.at(Instant(nanoseconds: Int64(ms * 1e6))) { [caller] world in
            caller.hangUp(.outbound(number), world: world)
        }
    }

    /// Ten minutes are more than any timer of SIP.
    func finish() -> Bool { world.runUntilIdle(limit: world.now + .seconds(600)) }

    /// The call's end on each side, each said once and last.
    func ends(_ number: UInt64 = 1) -> (caller: CallEnd, callee: CallEnd)? {
        guard let caller = end(caller, .outbound(number)),
            let call = callee.notices.first?.event.call, let callee = end(callee, call)
        else { return nil }
        return (caller, callee)
    }
}

/// nil unless `ended` came exactly once and last.
private func end(_ node: AgentNode, _ call: CallKey) -> CallEnd? {
    let notices = node.notices(of: call)
    let ends = notices.compactMap { if case .ended(let end) = $0 { end } else { nil } }
    guard ends.count == 1, let last = notices.last, case .ended = last else { return nil }
    return ends.first
}

private func wasAnswered(_ node: AgentNode, _ call: CallKey) -> Bool {
    node.notices(of: call).contains { if case .answered = $0 { true } else { false } }
}

private func expectSilence(_ pair: Pair, _ seed: UInt64) {
    for node in [pair.caller, pair.callee] {
        #expect(node.agent.isIdle, "seed \(seed)")
        #expect(node.agent.transactionCount == 0, "seed \(seed)")
        #expect(node.agent.activeCalls == 0, "seed \(seed)")
        #expect(node.nextDeadline == nil, "seed \(seed)")
    }
}

// MARK: any call, any network

/// Fifty seeds a case: two calls each, everything at random.
@Test(arguments: [0, 50, 100, 150] as [UInt64])
func everyCallEndsOnceAndLastAndLeavesNoTimer(_ first: UInt64) throws {
    var answered = 0
    for seed in first..<first + 50 {
        var random = SeededGenerator(seed: seed)
        let rough = LinkConditions(
            loss: Double(random.next() % 21) / 100, duplication: Double(random.next() % 11) / 100,
            reordering: Double(random.next() % 11) / 100, reorderingDelay: .milliseconds(700),
            latency: random.interval(below: .milliseconds(150)), jitter: .milliseconds(40))
        let pair = Pair(seed: seed, rough)
        for number in 1...2 as ClosedRange<UInt64> {
            let start = Int64(number) * 1500
            pair.callee.script = .random(&random)
            try pair.place(number, at: start)
            if random.next() % 2 == 0 {
                pair.hangUp(number, atMs: Double(start) + Double(random.next() % 8000))
            } else {
                pair.hangUp(number, atMs: Double(start) + 60_000)
            }
        }
        #expect(pair.finish(), "seed \(seed)")
        for number in 1...2 as ClosedRange<UInt64> {
            #expect(end(pair.caller, .outbound(number)) != nil, "seed \(seed) call \(number)")
            answered += wasAnswered(pair.caller, .outbound(number)) ? 1 : 0
        }
        for call in Set(pair.callee.notices.map(\.event.call)) {
            #expect(end(pair.callee, call) != nil, "seed \(seed) \(call)")
        }
        expectSilence(pair, seed)
    }
    // Of 100.
    #expect(answered > 25 && answered < 85)
}

@Test func twentyPercentLossIsOvercomeByRetransmission() throws {
    var (repeatedAnswers, repeatedAcks) = (0, 0)
    for seed in 1000..<1100 as Range<UInt64> {
        let pair = Pair(seed: seed, LinkConditions(loss: 0.2, latency: .milliseconds(40)))
        pair.callee.script = .answering(after: .seconds(2))
        try pair.place(ringSeconds: 30)
        pair.hangUp(atMs: 50_000)
        #expect(pair.finish())
        let call = try #require(pair.callee.notices.first?.event.call)
        #expect(wasAnswered(pair.caller, .outbound(1)), "seed \(seed)")
        #expect(wasAnswered(pair.callee, call), "seed \(seed)")
        let ends = try #require(pair.ends())
        #expect(ends.caller == CallEnd(.localBye, status: 200), "seed \(seed)")
        #expect(ends.callee == CallEnd(.remoteBye, status: 200), "seed \(seed)")
        let answers = pair.callee.count("200 INVITE")
        repeatedAnswers += answers > 1 ? 1 : 0
        repeatedAcks += pair.caller.count("ACK") > 1 ? 1 : 0
        // An ACK for each 200 that came, none without.
        #expect(pair.caller.count("ACK") <= answers)
        expectSilence(pair, seed)
    }
    // One in five 200s and one in five ACKs is lost: about 36 of 100 calls need a second 200.
    #expect((20...55).contains(repeatedAnswers))
    #expect((5...40).contains(repeatedAcks))
}

// MARK: crossings, on a clean line of 40 ms

/// The callee answers at 2000 ms; the hang-up falls from 60 ms before to 60 ms behind it. The
/// 200 arrives at 2040 ms: a hang-up before that is a CANCEL, one behind it a BYE.
@Test func aHangUpThatCrossesTheAnswerAlwaysEndsOnBothSides() throws {
    for offset in stride(from: -60.0, through: 60, by: 5) {
        let pair = Pair(seed: 7, LinkConditions(latency: .milliseconds(40)))
        // The INVITE takes 40 ms.
        pair.callee.script = .answering(after: .milliseconds(1960))
        try pair.place()
        pair.hangUp(atMs: 2000 + offset)
        #expect(pair.finish())
        let ends = try #require(pair.ends())
        let sent = pair.caller.sent.map(\.event)
        if offset < -40 {
            // The CANCEL is there first.
            #expect(sent == ["INVITE", "CANCEL", "ACK"])
            #expect(ends.caller == CallEnd(.cancelled, status: 487))
            #expect(ends.callee == CallEnd(.cancelled, status: 487))
            #expect(pair.callee.count("200 INVITE") == 0)
        } else if offset == -40 {
            // Both at once: the agenda, and with it the answer, comes first.
            #expect(sent == ["INVITE", "CANCEL", "ACK", "BYE"])
        } else if offset < 40 {
            // The late 200 is acknowledged and ended.
            #expect(sent == ["INVITE", "CANCEL", "ACK", "BYE"])
            #expect(ends.caller == CallEnd(.cancelled, status: 200))
            #expect(ends.callee == CallEnd(.remoteBye, status: 200))
            #expect(!wasAnswered(pair.caller, .outbound(1)))
            #expect(pair.callee.sent.map(\.event).contains("200 CANCEL"))
        } else if offset > 40 {
            #expect(sent == ["INVITE", "ACK", "BYE"])
            #expect(ends.caller == CallEnd(.localBye, status: 200))
            #expect(ends.callee == CallEnd(.remoteBye, status: 200))
        }
        #expect(pair.callee.count("200 INVITE") <= 1)
        expectSilence(pair, 7)
    }
}

/// The same crossing when a fifth of everything is lost.
@Test func lateAnswersAreAcknowledgedAndEndedUnderLossToo() throws {
    var crossings = 0
    for seed in 2000..<2100 as Range<UInt64> {
        let pair = Pair(seed: seed, LinkConditions(loss: 0.2, latency: .milliseconds(40)))
        pair.callee.script = .answering(after: .milliseconds(1960))
        try pair.place()
        pair.hangUp(atMs: 1990)
        #expect(pair.finish())
        let ends = try #require(pair.ends())
        expectSilence(pair, seed)
        guard pair.callee.count("200 INVITE") > 0 else { continue }
        crossings += 1
        #expect(pair.caller.count("ACK") > 0, "seed \(seed)")
        #expect(pair.caller.count("BYE") > 0, "seed \(seed)")
        #expect(ends.callee == CallEnd(.remoteBye, status: 200), "seed \(seed)")
        #expect(ends.caller.status == 200, "seed \(seed)")
    }
    #expect(crossings > 60)
}

@Test func byesThatCrossAreBothAnswered() throws {
    let pair = Pair(seed: 3, LinkConditions(latency: .milliseconds(40)))
    pair.callee.script = CalleeScript([
        (.zero, .ring), (.seconds(1), .answer), (.seconds(3), .hangUp),
    ])
    try pair.place()
    pair.hangUp(atMs: 3050)
    #expect(pair.finish())
    let ends = try #require(pair.ends())
    #expect(ends.caller == CallEnd(.localBye, status: 200))
    #expect(ends.callee == CallEnd(.localBye, status: 200))
    #expect(pair.caller.count("200 BYE") == 1 && pair.callee.count("200 BYE") == 1)
    expectSilence(pair, 3)
}

/// Timer B of the caller: 64·T1.
@Test func aDeadLineTimesOutAfterThirtyTwoSeconds() throws {
    let pair = Pair(seed: 3, LinkConditions(loss: 1))
    try pair.place()
    #expect(pair.finish())
    let notices = pair.caller.notices
    #expect(notices.map(\.event.notice) == [.ended(CallEnd(.timeout, status: 408))])
    #expect(notices.first?.at == Instant(milliseconds: 32_000))
    // 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s.
    #expect(pair.caller.sent.map(\.at.milliseconds) == [0, 500, 1500, 3500, 7500, 15_500, 31_500])
    expectSilence(pair, 3)
}

/// Nobody may have the callee send a dozen messages to an address that is made up: one goes there, and
/// no BYE when nothing ever came back.
@Test func aStrangerWhoIsNotThereGetsOneMessage() throws {
    let pair = Pair(seed: 3, areStrangers: true)
    pair.world.network.box = { datagram, _ in
        ["ACK", "BYE"].contains(AgentNode.label(datagram.bytes)) ? nil : datagram
    }
    pair.callee.script = CalleeScript([(.milliseconds(900), .answer)])
    try pair.place()
    pair.world.run(until: Instant(milliseconds: 1_400))
    // He has asked at 0 and 0.5 s; the answer of 0.9 s came before his next copy.
    #expect(pair.callee.sent.map(\.event) == ["200 INVITE"])
    pair.world.run(until: Instant(milliseconds: 60_000))
    #expect(pair.callee.sent.count == 1)
    #expect(
        pair.callee.notices.map(\.event.notice)
            == [.ended(CallEnd(.notAcknowledged, status: 200))])
    #expect(pair.callee.agent.isIdle)
}

/// He repeats his INVITE until the answer gets through, on a line that loses half of what it carries.
@Test func aStrangerWhoIsThereIsAnsweredOverALossyLine() throws {
    var up = 0
    for seed in 1...40 as ClosedRange<UInt64> {
        let pair = Pair(seed: seed, areStrangers: true)
        let losses = Mutex(SeededGenerator(seed: seed))
        pair.world.network.box = { datagram, _ in
            let label = AgentNode.label(datagram.bytes)
            guard label == "INVITE" || label == "200 INVITE" else { return datagram }
            return losses.withLock { $0.next() } & 1 == 0 ? nil : datagram
        }
        pair.callee.script = CalleeScript([(.zero, .answer)])
        try pair.place()
        pair.world.run(until: Instant(milliseconds: 31_900))
        let asked = pair.caller.sent.count { $0.event == "INVITE" }
        let answered = pair.callee.sent.count { $0.event == "200 INVITE" }
        #expect(answered <= asked, "seed \(seed)")
        let isUp = pair.callee.notices.contains { $0.event.notice == .answered(sdp: []) }
        #expect(isUp == pair.caller.sent.contains { $0.event == "ACK" }, "seed \(seed)")
        up += isUp ? 1 : 0
    }
    // Of seven copies each finds its way there and back once in four: 1 - (3/4)^7 = 87 % of the calls.
    #expect(up >= 30)
}

/// RFC 3261 13.3.1.4: the 200 is sent again at T1, doubling to T2, until the ACK or for 64·T1; then
/// the callee says BYE.
@Test func anAnswerThatIsNeverAcknowledgedIsRepeatedAndThenEnded() throws {
    let pair = Pair(seed: 3)
    pair.world.network.box = { datagram, _ in
        AgentNode.label(datagram.bytes) == "ACK" ? nil : datagram
    }
    pair.callee.script = CalleeScript([(.zero, .answer)])
    try pair.place()
    #expect(pair.finish())
    let ends = try #require(pair.ends())
    #expect(ends.callee == CallEnd(.notAcknowledged, status: 200))
    #expect(ends.caller == CallEnd(.remoteBye, status: 200))
    let answers = pair.callee.sent.filter { $0.event == "200 INVITE" }.map(\.at.milliseconds)
    #expect(
        answers == [
            20, 520, 1520, 3520, 7520, 11_520, 15_520, 19_520, 23_520, 27_520, 31_520,
        ])
    #expect(pair.caller.count("ACK") == 11)
    #expect(pair.callee.sent.first { $0.event == "BYE" }?.at.milliseconds == 32_020)
    expectSilence(pair, 3)
}

@Test func nobodyAnsweringIsCancelledAfterTheRingTime() throws {
    let pair = Pair(seed: 3)
    pair.callee.script = CalleeScript([(.milliseconds(100), .ring)])
    try pair.place()
    #expect(pair.finish())
    let ends = try #require(pair.ends())
    #expect(ends.caller == CallEnd(.noAnswer, status: 487))
    #expect(ends.callee == CallEnd(.cancelled, status: 487))
    // 180 arrives at 140 ms; 5 s of ringing.
    #expect(pair.caller.sent.first { $0.event == "CANCEL" }?.at.milliseconds == 5140)
    expectSilence(pair, 3)
}

@Test func aRunOfSignallingRepeatsItselfBitForBit() throws {
    func run(_ seed: UInt64) throws -> (UInt64, [Logged<AgentNode.KeyedNotice>], [Logged<String>]) {
        let pair = Pair(
            seed: seed, LinkConditions(loss: 0.2, duplication: 0.1, jitter: .milliseconds(50)))
        var random = SeededGenerator(seed: seed)
        for number in 1...5 as ClosedRange<UInt64> {
            pair.callee.script = .random(&random)
            try pair.place(number, at: Int64(number) * 500)
            pair.hangUp(number, atMs: 20_000)
        }
        #expect(pair.finish())
        return (
            pair.world.trace, pair.caller.notices + pair.callee.notices,
            pair.caller.sent + pair.callee.sent
        )
    }
    let (first, second, other) = (try run(11), try run(11), try run(12))
    #expect(first.0 == second.0)
    #expect(first.1 == second.1)
    #expect(first.2 == second.2)
    #expect(first.0 != other.0)
}
