import Base
import CallModel
import SIP
import Telemetry
import Testing

@testable import Signalling

/// RFC 3261 26.1.5: who floods us must not reach those who talk.
@Test(.timeLimit(.minutes(5)))
func aFloodOfEverythingLeavesAnEstablishedCallAlone() async throws {
    let callee = try await Phone { $0.maximumTransactions = 500 }
    let caller = try await Phone()
    let (out, back) = (Events(), Events())
    let leg = caller.call(port: callee.port, to: out)
    let call = try await callee.calls.first()
    _ = call.answer(sdp: answer, events: { back.put($0) })
    _ = try await out.answered()
    _ = try await back.answered()
    let attacker = try await ScriptedPeer { _ in [] }
    let own = attacker.port
    func request(_ method: String, _ number: Int) -> [UInt8] {
        Array(
            ("\(method) sip:echo@127.0.0.1:\(callee.port) SIP/2.0\r\n"
                + "Via: SIP/2.0/UDP 127.0.0.1:\(own);branch=z9hG4bK\(method)\(number)\r\n"
                + "Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=\(number)\r\n"
                + "To: <sip:echo@127.0.0.1>\r\nCall-ID: flood-\(number)\r\n"
                + "CSeq: 1 \(method)\r\nContact: <sip:a@127.0.0.1:\(own)>\r\n"
                + "Content-Length: 0\r\n\r\n").utf8)
    }
    var generator = SeededGenerator(seed: 5)
    for number in 0..<3000 {
        let bytes: [UInt8]
        switch number % 4 {
        case 0: bytes = request("INVITE", number)
        case 1: bytes = request("REGISTER", number)
        case 2:
            // A BYE that guesses at the dialog.
            bytes = request("BYE", number)
        default: bytes = (0..<200).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        }
        try await attacker.send(bytes, toPort: callee.port)
    }
    // Some were answered 503 without a transaction; none made a table grow beyond its limit.
    let open = callee.metrics.gauge(Catalogue.sipTransactions)
    let overloads = callee.metrics.counter(Catalogue.sipOverloads)
    for _ in 0..<3000 where overloads.value == 0 {
        #expect(open.value <= 625)
        try await Task.sleep(for: .milliseconds(10))
    }
    #expect(overloads.value > 0)
    #expect(open.value <= 625)
    #expect(callee.metrics.counter(Catalogue.sipMessagesReceived, ["REGISTER"]).value > 0)
    #expect(!out.everything.contains { if case .ended = $0 { true } else { false } })
    #expect(!back.everything.contains { if case .ended = $0 { true } else { false } })
    leg.changeMedia(offer: offer)
    _ = try await back.first { if case .offer = $0 { true } else { false } }
    leg.hangUp()
    #expect(try await out.ended() == .ended(.localHangup, status: 200))
    await attacker.close()
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}
