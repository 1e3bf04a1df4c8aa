import Base
import Testing

@testable import SIP

/// Lets `#expect` call what changes a value.
private final class Held<Value> {
    var value: Value
    init(_ value: Value) { self.value = value }
    func run<T>(_ body: (inout Value) -> T) -> T { body(&value) }
}

private func at(_ seconds: Double) -> Instant {
    Instant(nanoseconds: Int64(seconds * 1e9))
}

@Test func bucketGivesItsRateAndItsBurst() {
    let bucket = Held(TokenBucket(rate: 2, burst: 3))
    #expect((0..<4).map { _ in bucket.run { $0.take(now: at(10)) } } == [true, true, true, false])
    #expect(bucket.run { $0.wait(now: at(10)) } == .milliseconds(500))
    #expect(!bucket.run { $0.take(now: at(10.4)) })
    #expect(bucket.run { $0.take(now: at(10.5)) })
    // A clock that steps back gives nothing away.
    #expect(!bucket.run { $0.take(now: at(3)) })
    var taken = 0
    for step in 0..<1_000 where bucket.run({ $0.take(now: at(100 + Double(step) / 100)) }) {
        taken += 1
    }
    #expect((22...23).contains(taken))
    let never = Held(TokenBucket(rate: 0))
    #expect(never.run { $0.take(now: .zero) })
    #expect(never.run { $0.wait(now: at(1e6)) } == nil)
}

@Test func trunkKeepsItsCallsASecond() {
    let trunk = Held(TrunkState(TrunkState.Limits(callsPerSecond: 1)))
    #expect(trunk.run { $0.take(now: at(0)) } == nil)
    #expect(trunk.run { $0.take(now: at(0.25)) } == .rate(wait: .milliseconds(750)))
    #expect(trunk.run { $0.take(now: at(1)) } == nil)
    #expect(trunk.value.calls == 2)
}

@Test func trunkKeepsItsConcurrentCalls() {
    let trunk = Held(TrunkState(TrunkState.Limits(maximumCalls: 2)))
    #expect(trunk.run { $0.take(now: at(0)) } == nil)
    #expect(trunk.run { $0.take(now: at(0)) } == nil)
    #expect(trunk.run { $0.take(now: at(0)) } == .full)
    trunk.value.callEnded()
    #expect(trunk.run { $0.take(now: at(0)) } == nil)
    for _ in 0..<9 { trunk.value.callEnded() }
    #expect(trunk.value.calls == 0)
}

@Test func retryAfterIsHonouredAndBounded() {
    let trunk = Held(TrunkState(TrunkState.Limits()))
    trunk.value.heard(status: 503, retryAfter: 20, now: at(100))
    #expect(trunk.run { $0.take(now: at(119)) } == .paused(until: at(120)))
    #expect(trunk.run { $0.take(now: at(120)) } == nil)
    trunk.value.heard(status: 503, retryAfter: nil, now: at(200))
    #expect(trunk.run { $0.take(now: at(204)) } == .paused(until: at(205)))
    trunk.value.heard(status: 503, retryAfter: 1_000_000, now: at(300))
    #expect(trunk.run { $0.take(now: at(301)) } == .paused(until: at(600)))
    // It answers calls again.
    trunk.value.heard(status: 486, retryAfter: nil, now: at(302))
    #expect(trunk.run { $0.take(now: at(303)) } == nil)
}

@Test func trunkGoesDownAndComesBackWithItsProbes() {
    let trunk = Held(TrunkState(TrunkState.Limits(probeInterval: .seconds(30))))
    #expect(trunk.value.probeDue == .zero)
    trunk.value.probeSent()
    #expect(trunk.value.probeDue == nil)
    trunk.value.probeAnswered(status: 405, retryAfter: nil, now: at(0))
    #expect(trunk.value.probeDue == at(30))
    var now = 30.0
    for failure in 1...3 {
        trunk.value.probeSent()
        trunk.value.probeAnswered(status: nil, retryAfter: nil, now: at(now))
        #expect(trunk.value.isUp == (failure < 3))
        // Asked again soon: 2 s, then 2 s doubled with each failure once it is down.
        #expect(trunk.value.probeDue == at(now + 2))
        now += 2
    }
    #expect(trunk.run { $0.take(now: at(now)) } == .down)
    #expect(trunk.value.outages == 1)
    var pauses: [Double] = []
    for _ in 0..<7 {
        trunk.value.probeSent()
        trunk.value.probeAnswered(status: 408, retryAfter: nil, now: at(now))
        let due = trunk.value.probeDue?.nanoseconds ?? 0
        pauses.append(Double(due) / 1e9 - now)
        now += 100
    }
    #expect(pauses == [4, 8, 16, 32, 64, 64, 64])
    trunk.value.probeSent()
    trunk.value.probeAnswered(status: 200, retryAfter: nil, now: at(now))
    #expect(trunk.value.isUp)
    #expect(trunk.run { $0.take(now: at(now)) } == nil)
    #expect(trunk.value.probeDue == at(now + 30))
}

@Test func trunkWithoutProbesNeverGoesDown() {
    let trunk = Held(TrunkState(TrunkState.Limits()))
    for _ in 0..<10 { trunk.value.failed(now: at(0)) }
    #expect(trunk.value.isUp)
    #expect(trunk.value.probeDue == nil)
}

// MARK: sources

@Test(arguments: [
    ("192.0.2.0/24", "192.0.2.255", true), ("192.0.2.0/24", "192.0.3.0", false),
    ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.8", false),
    ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false), ("10.0.0.0/9", "10.127.0.1", true),
    ("10.0.0.0/9", "10.128.0.1", false), ("2001:db8::/32", "2001:db8:1::9", true),
    ("2001:db8::/33", "2001:db8:8000::", false), ("::1", "0:0:0:0:0:0:0:1", true),
    ("192.0.2.0/24", "::ffff:192.0.2.9", true),
])
func rangesHoldTheirAddresses(range: String, host: String, holds: Bool) throws {
    #expect(try #require(AddressRange(range)).contains(host) == holds)
}

@Test(arguments: [
    "", "/", "192.0.2.0/33", "192.0.2/24", "192.0.2.256", "::1/129", "a.example", ":", ":::",
    "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", "192.0.2.0/24/1", "1:2:3:4:5:6:7", "::1:",
    "192.0.2.0/-1",
])
func whatIsNoRangeIsRefused(text: String) { #expect(AddressRange(text) == nil) }

@Test func accessListAndRateHoldStrangersOnly() throws {
    let gate = Held(
        SourceGate(
            allowed: [try #require(AddressRange("192.0.2.0/24"))],
            exempt: [try #require(AddressRange("192.0.2.1"))], rate: 2, burst: 2))
    #expect(gate.run { $0.admit("198.51.100.1", now: .zero) } == .denied)
    #expect(
        (0..<3).map { _ in gate.run { $0.admit("192.0.2.9", now: .zero) } } == [
            .pass, .pass, .limited,
        ])
    #expect((0..<9).allSatisfy { _ in gate.run { $0.admit("192.0.2.1", now: .zero) } == .pass })
    #expect(gate.run { $0.admit("192.0.2.9", now: at(1)) } == .pass)
    // A host that we call ourselves may answer.
    gate.value.expect("198.51.100.1")
    #expect((0..<9).allSatisfy { _ in gate.run { $0.admit("198.51.100.1", now: .zero) } == .pass })
    #expect(gate.value.denied == 1)
    #expect(gate.value.limited == 1)
}

@Test func memoryOfSourcesIsBounded() {
    let gate = Held(SourceGate(rate: 1))
    for number in 0..<50_000 {
        _ = gate.run {
            $0.admit("10.\(number >> 16).\(number >> 8 & 255).\(number & 255)", now: .zero)
        }
    }
    #expect(gate.value.sourceCount <= SourceGate.maximumSources)
    #expect(gate.value.limited == 0)
}

// MARK: probes

@Test func probeIsAnOptionsThatIsRepeatedAndGivenUp() throws {
    var random = SeededGenerator(seed: 2)
    var out = Outbox<TransactionOutput>()
    let peer = SIPAddress(host: "192.0.2.20", port: 5060)
    var probe = OptionsProbe(
        to: try SIPURI("sip:trunk.example"), at: peer,
        party: LocalParty(host: "192.0.2.10", port: 5060, product: "T"), timing: SIPTimers(),
        entropy: &random, now: .zero, out: &out)
    guard case .transmit(let bytes)? = out.takeAll().first else {
        Issue.record("nothing sent")
        return
    }
    let request = try SIPMessage(parsing: bytes)
    #expect(request.method == .options)
    #expect(request.requestURI == "sip:trunk.example")
    #expect(try MessageEssentials(request).topVia.branch == probe.branch)
    probe.handleTimers(now: at(0.5), out: &out)
    #expect(out.takeAll() == [.retransmit(bytes)])
    #expect(request.makeResponse(200).probeBranch == probe.branch)
    #expect(request.probeBranch == nil)
    probe.handleTimers(now: at(32), out: &out)
    #expect(out.takeAll().last == .timedOut)
    #expect(!probe.isOpen)
}
