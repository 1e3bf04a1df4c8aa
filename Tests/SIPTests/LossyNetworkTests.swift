import Base
import SIP
import Testing

/// Two user agents and a network that loses, doubles, delays, reorders and corrupts; calls that are
/// placed, rung (reliably or not), answered, refused, cancelled, held, asked for offers, transferred,
/// given digits and hung up at random. Virtual time.
private struct LossyNetwork {
    struct Datagram {
        var at: Instant
        var order: Int
        var bytes: [UInt8]
        var from: Int
        var to: Int
    }
    enum Deed {
        case place(UInt64), ring(CallKey), answer(CallKey), reject(CallKey), hangUp(CallKey)
        case progress(CallKey), change(CallKey), ask(CallKey), digit(CallKey), transfer(CallKey)
        case report(CallKey)
    }

    static let hosts = ["192.0.2.10", "192.0.2.20"]
    var agents: [UserAgent]
    var now = Instant.zero
    var random: SeededGenerator
    var flying: [Datagram] = []
    var deeds: [(at: Instant, agent: Int, deed: Deed)] = []
    var notices: [[CallKey: [CallNotice]]] = [[:], [:]]
    var sent = 0
    /// Everything that happened, for comparing two runs.
    var trace: UInt64 = 0xCBF2_9CE4_8422_2325
    let corrupts: Bool

    init(seed: UInt64, corrupts: Bool) {
        random = SeededGenerator(seed: seed)
        self.corrupts = corrupts
        agents = Self.hosts.map { host in
            UserAgent(
                UserAgent.Configuration(
                    party: LocalParty(host: host, port: 5060, product: "T"), hashes: testHashes),
                entropy: SeededGenerator(seed: seed ^ UInt64(host.utf8.reduce(0) { $0 + Int($1) })))
        }
    }

    mutating func later(_ limitMs: UInt64) -> Instant {
        now + .milliseconds(Int64(random.next() % limitMs))
    }

    mutating func chance(_ percent: UInt64) -> Bool { random.next() % 100 < percent }

    mutating func collect(_ index: Int, _ out: inout Outbox<UserAgentOutput>) {
        for output in out.takeAll() {
            switch output {
            case .send(let bytes, let to): fly(bytes, index, to)
            case .registration: break
            case .notice(let key, let notice):
                notices[index][key, default: []].append(notice)
                if case .answered = notice { plan(index, key) }
                if case .transferRequested = notice {
                    if chance(50) {
                        agents[index].acceptTransfer(key, now: now, out: &out)
                        deeds.append((later(3_000), index, .report(key)))
                    } else if chance(50) {
                        agents[index].refuseTransfer(key, now: now, out: &out)
                    }
                }
                if case .offer = notice {
                    agents[index].answerOffer(key, sdp: sampleAnswer, now: now, out: &out)
                }
            case .incoming(let key, _):
                notices[index][key] = []
                if chance(70) { deeds.append((later(800), index, .ring(key))) }
                if chance(30) { deeds.append((later(800), index, .progress(key))) }
                switch random.next() % 10 {
                case 0...5: deeds.append((later(6_000), index, .answer(key)))
                case 6...7: deeds.append((later(6_000), index, .reject(key)))
                default: break
                }
            }
        }
    }

    private mutating func fly(_ bytes: [UInt8], _ from: Int, _ to: SIPAddress) {
        sent += 1
        for byte in bytes { trace = (trace ^ UInt64(byte)) &* 0x0100_0000_01B3 }
        guard let target = Self.hosts.firstIndex(of: to.host), to.port == 5060 else { return }
        for _ in 0..<(chance(8) ? 2 : 1) where !chance(12) {
            var copy = bytes
            if corrupts, chance(5) {
                let at = Int(random.next() % UInt64(copy.count))
                copy[at] = UInt8(truncatingIfNeeded: random.next())
            }
            flying.append(
                Datagram(
                    at: later(chance(10) ? 2_000 : 60), order: sent, bytes: copy, from: from,
                    to: target))
        }
    }

    private mutating func perform(_ index: Int, _ deed: Deed) throws {
        var out = Outbox<UserAgentOutput>()
        switch deed {
        case .place(let number):
            let setup = CallSetup(
                target: try SIPURI("sip:u\(number)@\(Self.hosts[1 - index])"),
                from: NameAddress(uri: try AnyURI("sip:c@\(Self.hosts[index])")),
                offer: chance(80) ? sampleOffer : [],
                destination: SIPAddress(host: Self.hosts[1 - index], port: 5060),
                ringTimeout: .seconds(5))
            agents[index].place(setup, key: .outbound(number), now: now, out: &out)
            if chance(30) { deeds.append((later(7_000), index, .hangUp(.outbound(number)))) }
        case .ring(let key): agents[index].ring(key, now: now, out: &out)
        case .answer(let key): agents[index].answer(key, sdp: sampleAnswer, now: now, out: &out)
        case .reject(let key): agents[index].reject(key, status: 486, now: now, out: &out)
        case .hangUp(let key): agents[index].hangUp(key, now: now, out: &out)
        case .progress(let key):
            agents[index].progress(key, sdp: sampleAnswer, now: now, out: &out)
        case .change(let key):
            agents[index].changeMedia(key, offer: holdOffer, now: now, out: &out)
        case .ask(let key): agents[index].askForOffer(key, now: now, out: &out)
        case .digit(let key): agents[index].sendDigit(key, "5", now: now, out: &out)
        case .transfer(let key):
            let target = try SIPURI("sip:desk@192.0.2.50")
            agents[index].transfer(key, to: target, now: now, out: &out)
        case .report(let key):
            agents[index].reportTransfer(key, status: 200, now: now, out: &out)
        }
        collect(index, &out)
    }

    /// What happens on a call once it stands.
    private mutating func plan(_ index: Int, _ key: CallKey) {
        if chance(60) { deeds.append((later(20_000), index, .hangUp(key))) }
        for deed in [Deed.change(key), .ask(key), .digit(key), .transfer(key), .change(key)]
        where chance(25) {
            deeds.append((later(15_000), index, deed))
        }
    }

    /// Runs until `end`, always taking what is due first.
    mutating func run(until end: Instant) throws {
        while true {
            let timers = [agents[0].nextDeadline(), agents[1].nextDeadline()]
            let next = (timers.compactMap { $0 } + flying.map(\.at) + deeds.map(\.at)).min()
            guard let next, next <= end else { break }
            now = max(now, next)
            var out = Outbox<UserAgentOutput>()
            if let index = deeds.firstIndex(where: { $0.at <= now }) {
                let item = deeds.remove(at: index)
                try perform(item.agent, item.deed)
            } else if let index = flying.firstIndex(where: { $0.at <= now }) {
                let datagram = flying.remove(at: index)
                agents[datagram.to].receive(
                    datagram.bytes,
                    from: SIPAddress(host: Self.hosts[datagram.from], port: 5060), now: now,
                    out: &out)
                collect(datagram.to, &out)
            } else {
                for index in 0...1 {
                    agents[index].handleTimers(now: now, out: &out)
                    collect(index, &out)
                }
            }
        }
        now = end
    }
}

private func runNetwork(seed: UInt64, corrupts: Bool) throws -> LossyNetwork {
    var network = LossyNetwork(seed: seed, corrupts: corrupts)
    for number in 1...40 {
        network.deeds.append(
            (network.later(30_000), Int(network.random.next() % 2), .place(UInt64(number))))
    }
    try network.run(until: Instant(milliseconds: 250_000))
    var out = Outbox<UserAgentOutput>()
    for index in 0...1 {
        network.agents[index].hangUpAll(now: network.now, out: &out)
        network.collect(index, &out)
    }
    try network.run(until: Instant(milliseconds: 400_000))
    return network
}

@Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64], [false, true])
func everyCallEndsOnceAndLeavesNothingBehind(_ seed: UInt64, _ corrupts: Bool) throws {
    let network = try runNetwork(seed: seed, corrupts: corrupts)
    var answered = 0
    for side in network.notices {
        for (key, notices) in side {
            let ends = notices.filter { if case .ended = $0 { true } else { false } }
            #expect(ends.count == 1, "\(key)")
            #expect(notices.last == ends.first, "\(key)")
            answered += notices.contains { if case .answered = $0 { true } else { false } } ? 1 : 0
        }
    }
    let placed = network.notices.reduce(0) { $0 + $1.keys.filter { !$0.isInbound }.count }
    #expect(placed == 40)
    #expect(answered > 10)
    for agent in network.agents {
        #expect(agent.activeCalls == 0)
        #expect(agent.transactionCount == 0)
        #expect(agent.isIdle)
    }
}

@Test func aRunRepeatsItselfByteForByte() throws {
    let (first, second) = (
        try runNetwork(seed: 9, corrupts: true), try runNetwork(seed: 9, corrupts: true)
    )
    #expect(first.sent == second.sent)
    #expect(first.trace == second.trace)
}
