public import Base
public import Media
public import SIP

/// What a callee does with an incoming call; times count from the INVITE.
public struct CalleeScript: Sendable {
    /// One thing that a callee does; `reject` with a final status of RFC 3261, 300…699.
    public enum Deed: Sendable, Equatable {
        case ring
        case answer
        case reject(status: Int)
        case hangUp
    }

    /// Any order; each is done at its time, possible then or not.
    public var deeds: [(after: Interval, deed: Deed)]

    /// `after` counts from the arrival of the INVITE.
    public init(_ deeds: [(after: Interval, deed: Deed)]) { self.deeds = deeds }

    /// Rings at once, answers later, and stays until somebody hangs up.
    public static func answering(after: Interval) -> CalleeScript {
        CalleeScript([(.zero, .ring), (after, .answer)])
    }

    /// Anything a callee may do, in any order that a telephone allows, within some ten seconds.
    public static func random(_ random: inout SeededGenerator) -> CalleeScript {
        var deeds: [(after: Interval, deed: Deed)] = []
        if random.next() % 4 != 0 { deeds.append((random.interval(below: .seconds(1)), .ring)) }
        let decision = random.interval(below: .seconds(6))
        switch random.next() % 10 {
        case 0...6:
            deeds.append((decision, .answer))
            if random.next() % 2 == 0 {
                deeds.append((decision + random.interval(below: .seconds(4)), .hangUp))
            }
        case 7, 8: deeds.append((decision, .reject(status: random.next() % 2 == 0 ? 486 : 603)))
        default: break
        }
        return CalleeScript(deeds)
    }
}

/// One `SIP.UserAgent` on a socket, with everything it said kept.
public final class AgentNode: VirtualNode {
    /// Its one socket, UDP.
    public let address: SocketAddressValue
    /// The state machine itself, as it is now.
    public private(set) var agent: UserAgent
    /// Every notice, in order.
    public private(set) var notices: [Logged<KeyedNotice>] = []
    /// Every message sent, in short: `INVITE`, `200 INVITE`.
    public private(set) var sent: [Logged<String>] = []
    /// What happens to incoming calls; nil: nothing but the agent's own 100.
    public var script: CalleeScript?
    /// The SDP that `script` answers with.
    public var answer: [UInt8]
    /// Told of an incoming call before `script` begins.
    public var onIncoming: ((CallKey, IncomingInvite, VirtualWorld) -> Void)?
    /// Told of each notice after it was kept.
    public var onNotice: ((CallKey, CallNotice, VirtualWorld) -> Void)?
    /// Told when the script answers, before the 200 goes out.
    public var onAnswering: ((CallKey, VirtualWorld) -> Void)?

    /// A notice and the call that it is about.
    public struct KeyedNotice: Equatable, Sendable {
        /// The agent's own key of the call.
        public var call: CallKey
        /// What the agent told its owner.
        public var notice: CallNotice
    }

    /// - Parameter trunks: hosts that are known, `UserAgent.Configuration.trustedSources`.
    public init(
        address: SocketAddressValue, seed: UInt64, answer: [UInt8] = [], trunks: Set<String> = []
    ) {
        self.address = address
        self.answer = answer
        // Nobody here asks for credentials, so the digest functions are never called.
        var configuration = UserAgent.Configuration(
            party: LocalParty(host: address.host, port: Int(address.port), product: "Virtual"),
            hashes: DigestHashes(md5: { _ in [] }, sha256: SHA256Hasher.hash))
        configuration.trustedSources = trunks
        agent = UserAgent(configuration, entropy: SeededGenerator(seed: seed))
    }

    /// `address` alone.
    public var addresses: [SocketAddressValue] { [address] }
    /// When one of the agent's timers is due; nil when none runs.
    public var nextDeadline: Instant? { agent.nextDeadline() }
    /// `address` as signalling writes it.
    public var sipAddress: SIPAddress { SIPAddress(host: address.host, port: Int(address.port)) }

    /// Those of one call, in order, without their times.
    public func notices(of call: CallKey) -> [CallNotice] {
        notices.lazy.filter { $0.event.call == call }.map(\.event.notice)
    }

    /// How often a message of this kind was sent.
    public func count(_ label: String) -> Int {
        sent.reduce(0) { $0 + ($1.event == label ? 1 : 0) }
    }

    // MARK: deeds

    /// Calls `callee`.
    ///
    /// - Throws: when the users' names do not make SIP URIs.
    public func place(
        _ call: CallKey, to callee: AgentNode, offer: [UInt8], ringTimeout: Interval = .seconds(30),
        world: VirtualWorld
    ) throws(SIPError) {
        let target = try SIPURI("sip:+12125550100@\(callee.address.host):\(callee.address.port)")
        let from = NameAddress(uri: try AnyURI("sip:+12125550199@\(address.host)"))
        let setup = CallSetup(
            target: target, from: from, offer: offer, destination: callee.sipAddress,
            ringTimeout: ringTimeout)
        act(world) { $0.place(setup, key: call, now: world.now, out: &$1) }
    }

    /// CANCEL or BYE; 503 for an incoming call that has not been answered.
    public func hangUp(_ call: CallKey, world: VirtualWorld) {
        act(world) { $0.hangUp(call, now: world.now, out: &$1) }
    }

    /// `onAnswering` comes first when the deed is to answer.
    public func perform(_ deed: CalleeScript.Deed, on call: CallKey, world: VirtualWorld) {
        if deed == .answer { onAnswering?(call, world) }
        let answer = answer
        act(world) { agent, out in
            switch deed {
            case .ring: agent.ring(call, now: world.now, out: &out)
            case .answer: agent.answer(call, sdp: answer, now: world.now, out: &out)
            case .reject(let status):
                agent.reject(call, status: status, now: world.now, out: &out)
            case .hangUp: agent.hangUp(call, now: world.now, out: &out)
            }
        }
    }

    // MARK: the node

    /// Everything that comes is taken for SIP.
    public func receive(_ datagram: VirtualDatagram, world: VirtualWorld) {
        let source = SIPAddress(host: datagram.from.host, port: Int(datagram.from.port))
        act(world) { $0.receive(datagram.bytes, from: source, now: world.now, out: &$1) }
    }

    /// Lets the agent do what is due now.
    public func handleTimers(world: VirtualWorld) {
        act(world) { $0.handleTimers(now: world.now, out: &$1) }
    }

    private func act(
        _ world: VirtualWorld, _ body: (inout UserAgent, inout Outbox<UserAgentOutput>) -> Void
    ) {
        var out = Outbox<UserAgentOutput>()
        body(&agent, &out)
        for output in out.takeAll() {
            switch output {
            case .send(let bytes, let to): send(bytes, to, world)
            case .notice(let call, let notice):
                notices.append(Logged(at: world.now, KeyedNotice(call: call, notice: notice)))
                onNotice?(call, notice, world)
            case .incoming(let call, let invite):
                onIncoming?(call, invite, world)
                follow(call, world)
            case .registration: break
            }
        }
    }

    private func follow(_ call: CallKey, _ world: VirtualWorld) {
        for step in script?.deeds ?? [] {
            world.after(step.after) { [self] world in
                perform(step.deed, on: call, world: world)
            }
        }
    }

    private func send(_ bytes: [UInt8], _ to: SIPAddress, _ world: VirtualWorld) {
        sent.append(Logged(at: world.now, AgentNode.label(bytes)))
        guard let target = SocketAddressValue(address: to.host, port: to.port) else { return }
        world.send(VirtualDatagram(from: address, to: target, bytes: bytes))
    }

    /// `INVITE`, or `200 INVITE` for its response; "" for what is no message.
    public static func label(_ bytes: [UInt8]) -> String {
        guard let end = bytes.firstIndex(of: 13) else { return "" }
        let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
        guard let first = words.first else { return "" }
        guard first == "SIP/2.0", words.count > 1 else { return String(first) }
        var line = end
        while line < bytes.count {
            let rest = bytes[(line + 1)...]
            let stop = rest.firstIndex(of: 13) ?? bytes.count
            if rest.starts(with: "\nCSeq: ".utf8) {
                let value = String(decoding: bytes[(line + 8)..<stop], as: UTF8.self)
                return "\(words[1]) \(value.split(separator: " ").last ?? "")"
            }
            line = stop
        }
        return String(words[1])
    }
}
