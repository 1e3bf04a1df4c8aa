internal import Audio
public import Base
public import Media
public import SDP
public import SIP

//   AgentNode ── notices ──► CallParty ── configure, answered, close ──► LegNode
//       ▲                        │
//       └──── place, answer ─────┘ offer, answer: SDP.OfferAnswer

/// One end of a whole call: signalling, offer and answer, and a media leg, wired the way the
/// orchestrator wires them.
public final class CallParty {
    /// Its signalling, at 192.0.2.`host`:5060.
    public let agent: AgentNode
    /// Its media; closed when the call ends.
    public let leg: LegNode
    /// What offer and answer agreed on.
    public private(set) var negotiated: NegotiatedAudio?
    /// What went wrong with offer, answer or media, if anything did.
    public private(set) var failure: String?
    /// How the call ended.
    public private(set) var end: CallEnd?
    /// Told when the call is answered here.
    public var onAnswered: ((VirtualWorld) -> Void)?
    private let sessionID: UInt64
    private let capabilities: AudioCapabilities
    private var call: CallKey?
    private var offer: SessionDescription?

    /// A party at 192.0.2.`host`: SIP on 5060, RTP on 20000.
    public init(
        host: UInt8, capabilities: AudioCapabilities = AudioCapabilities(),
        options: LegOptions = LegOptions(), phase: Interval = .zero, seed: UInt64,
        world: VirtualWorld
    ) {
        let seed = seed &* 256 &+ UInt64(host)
        sessionID = seed & 0xFFFF_FFFF
        self.capabilities = capabilities
        agent = AgentNode(
            address: SocketAddressValue(ipv4: 192, 0, 2, host, port: 5060), seed: seed,
            trunks: Set((0...255).map { "192.0.2.\($0)" }))
        leg = LegNode(
            address: SocketAddressValue(ipv4: 192, 0, 2, host, port: 20_000), options: options,
            phase: phase, seed: seed, world: world)
        world.add(agent)
        world.add(leg)
        agent.onIncoming = { [weak self] call, invite, _ in self?.take(call, invite) }
        agent.onAnswering = { [weak self] _, world in self?.begin(world) }
        agent.onNotice = { [weak self] call, notice, world in self?.note(call, notice, world) }
    }

    /// Calls another party.
    ///
    /// - Throws: `SIPError`, `SDPError`.
    public func call(_ callee: CallParty, world: VirtualWorld) throws {
        let offer = try OfferAnswer.makeOffer(
            localAddress: leg.address.host, port: Int(leg.address.port),
            capabilities: capabilities, sessionID: sessionID)
        self.offer = offer
        let key = CallKey.outbound(1)
        call = key
        try agent.place(
            key, to: callee.agent, offer: Array(offer.serialised.utf8), world: world)
    }

    /// Nothing without a call.
    public func hangUp(world: VirtualWorld) {
        if let call { agent.hangUp(call, world: world) }
    }

    /// The answer is made when the INVITE comes; `AgentNode.script` decides when it is sent.
    private func take(_ call: CallKey, _ invite: IncomingInvite) {
        self.call = call
        do {
            let offer = try SessionDescription(parsing: invite.offer ?? [])
            let (answer, negotiated) = try OfferAnswer.answer(
                to: offer, localAddress: leg.address.host, port: Int(leg.address.port),
                capabilities: capabilities, sessionID: sessionID)
            self.negotiated = negotiated
            agent.answer = Array(answer.serialised.utf8)
        } catch {
            failure = "offer: \(error)"
        }
    }

    private func note(_ call: CallKey, _ notice: CallNotice, _ world: VirtualWorld) {
        switch notice {
        case .earlyMedia(let sdp): accept(sdp, world)
        case .answered(let sdp):
            // The callee's media began with its 200.
            guard !call.isInbound else { return }
            accept(sdp, world)
            begin(world)
        case .ended(let end):
            self.end = end
            leg.close(world: world)
        case .trying, .ringing, .offer, .digit, .offerAnswered, .offerRefused,
            .transferProgress, .transferRequested:
            break
        }
    }

    private func accept(_ sdp: [UInt8], _ world: VirtualWorld) {
        guard let offer else { return }
        do {
            let answer = try SessionDescription(parsing: sdp)
            negotiated = try OfferAnswer.accept(
                answer: answer, toOffer: offer, capabilities: capabilities)
        } catch {
            failure = "answer: \(error)"
        }
        configure(world)
    }

    private func begin(_ world: VirtualWorld) {
        if call?.isInbound == true { configure(world) }
        leg.answered(world: world)
        onAnswered?(world)
    }

    private func configure(_ world: VirtualWorld) {
        guard let negotiated else { return }
        do throws(MediaError) {
            try leg.configure(try RemoteMedia(plain: negotiated), world: world)
        } catch {
            failure = "media: \(error)"
        }
    }
}

extension RemoteMedia {
    /// What was agreed, for a leg without SRTP.
    ///
    /// - Throws: `unsupportedCodec`.
    public init(plain negotiated: NegotiatedAudio) throws(MediaError) {
        guard let codec = Audio.AudioCodec(rawValue: negotiated.codec.rawValue) else {
            throw .unsupportedCodec
        }
        self.init(
            address: negotiated.remoteAddress, port: negotiated.remotePort,
            rtcpPort: negotiated.remoteRTCPPort, rtcpMux: negotiated.rtcpMux, codec: codec,
            payloadType: negotiated.payloadType,
            telephoneEventPayloadType: negotiated.telephoneEventPayloadType,
            receivePayloadType: negotiated.receivePayloadType,
            receiveTelephoneEventPayloadType: negotiated.receiveTelephoneEventPayloadType,
            ptimeMilliseconds: negotiated.ptimeMilliseconds,
            sends: negotiated.direction.sends, receives: negotiated.direction.receives)
    }
}
