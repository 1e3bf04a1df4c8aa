import Base
import CallModel
import Foundation
import Logging
import NIOPosix
import SDP
import SIP
import Signalling
import Synchronization
import Telemetry

/// Our side of the scenarios: the agent that SIPp talks to, and who decides what it does.
final class ScenarioOwner: Sendable {
    typealias Reaction = @Sendable (ScenarioOwner, CallLeg, CallLegEvent) -> Void
    typealias Reception = @Sendable (ScenarioOwner, InboundCall) -> Void

    private struct State {
        var legs: [Int: CallLeg] = [:]
        var early: [Int: [CallLegEvent]] = [:]
        var ends: [EndReason] = []
        var events: [CallLegEvent] = []
        var calls = 0
    }

    let agent: CallAgent
    private let state = Mutex(State())
    private let react: Reaction

    static let offer = sdp(30000)

    static func sdp(_ port: Int, version: Int = 1, _ direction: String = "") -> [UInt8] {
        let tail = direction.isEmpty ? "" : "a=\(direction)\r\n"
        return Array(
            ("v=0\r\no=- 1 \(version) IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                + "m=audio \(port) RTP/AVP 0\r\n\(tail)").utf8)
    }

    /// An agent on a port of its own.
    ///
    /// - Parameters:
    ///   - receive: what to do with a call from SIPp.
    ///   - react: what to do when something happens on a call; offers are answered anyway.
    init(
        _ configuration: SignallingConfiguration, receive: @escaping Reception,
        react: @escaping Reaction
    ) {
        self.react = react
        let box = Mutex<ScenarioOwner?>(nil)
        var logger = Logger(label: "scenario")
        logger.logLevel = .critical
        agent = CallAgent(
            configuration, group: MultiThreadedEventLoopGroup.singleton,
            metrics: MetricsRegistry(), logger: logger,
            inbound: { call in
                guard let owner = box.withLock({ $0 }) else { return call.reject(status: 503) }
                call.onEnded { reason, _ in owner.noteEnd(reason) }
                receive(owner, call)
            })
        box.withLock { $0 = self }
    }

    var ends: [EndReason] { state.withLock { $0.ends } }
    var events: [CallLegEvent] { state.withLock { $0.events } }

    func place(port: Int, proxy: Int?, offer: [UInt8], ringTimeout: Interval) {
        let number = newCall()
        let leg = agent.place(
            OutboundCall(
                id: CallID("scenario"), target: "sip:service@127.0.0.1:\(port)",
                from: "+12125550199", offer: offer, ringTimeout: ringTimeout,
                nextHop: proxy.map { ("127.0.0.1", $0) })
        ) { [self] event in note(event, number) }
        attach(leg, number)
    }

    func answer(_ call: InboundCall) {
        let number = newCall()
        let sdp = call.offer.flatMap { Self.answer(to: $0) } ?? Self.offer
        let leg = call.answer(sdp: sdp) { [self] event in note(event, number) }
        attach(leg, number)
    }

    private func newCall() -> Int {
        state.withLock {
            $0.calls += 1
            return $0.calls
        }
    }

    /// The leg is known after its first events may have come.
    private func attach(_ leg: CallLeg, _ number: Int) {
        let waiting = state.withLock { state in
            state.legs[number] = leg
            return state.early.removeValue(forKey: number) ?? []
        }
        for event in waiting { handle(event, leg) }
    }

    private func note(_ event: CallLegEvent, _ number: Int) {
        let leg = state.withLock { state in
            state.events.append(event)
            if case .ended(let reason, _) = event { state.ends.append(reason) }
            if state.legs[number] == nil { state.early[number, default: []].append(event) }
            return state.legs[number]
        }
        if let leg { handle(event, leg) }
    }

    /// What was said on the wire, of calls that have not ended by themselves.
    func ladders() async -> String {
        var text = ""
        for (number, leg) in state.withLock({ $0.legs }).sorted(by: { $0.key < $1.key }) {
            guard let trace = await agent.trace(of: leg.id) else { continue }
            text +=
                "call \(number)\n"
                + TracedMessage.ladder(trace.messages, missing: trace.missing, own: "trunkline")
        }
        return text
    }

    private func noteEnd(_ reason: EndReason) { state.withLock { $0.ends.append(reason) } }

    private func handle(_ event: CallLegEvent, _ leg: CallLeg) {
        if case .offer(let sdp) = event {
            // Empty: a re-INVITE that wants our offer.
            if let answer = sdp.isEmpty ? Self.sdp(30000, version: 2) : Self.answer(to: sdp) {
                leg.answerOffer(answer)
            } else {
                leg.refuseOffer()
            }
        }
        react(self, leg, event)
    }

    /// The product's own offer and answer.
    private static func answer(to sdp: [UInt8]) -> [UInt8]? {
        guard let offer = try? SessionDescription(parsing: sdp),
            let answer = try? OfferAnswer.answer(
                to: offer, localAddress: "127.0.0.1", port: 30000,
                capabilities: AudioCapabilities(), sessionID: 1,
                cryptoKeys: { _ in nil })
        else { return nil }
        return Array(answer.0.serialised.utf8)
    }
}
