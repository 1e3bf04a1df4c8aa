import Base
import CallModel
import SIP
import Telemetry
import Testing

@testable import Signalling

@Test func callerHangsUpAnAnsweredCall() async throws {
    let (caller, callee) = (try await Phone(), try await Phone())
    let (out, back) = (Events(), Events())
    let leg = caller.call(port: callee.port, to: out)
    let call = try await callee.calls.first()
    #expect(call.user == "echo")
    #expect(call.from == "+12125550199")
    #expect(call.offer == offer)
    #expect(call.source.port == caller.port)
    call.ring()
    _ = call.answer(sdp: answer, events: { back.put($0) })
    #expect(try await out.answered() == .answered(sdp: answer))
    #expect(try await back.answered() == .answered(sdp: []))
    leg.hangUp()
    #expect(try await out.ended() == .ended(.localHangup, status: 200))
    #expect(try await back.ended() == .ended(.remoteHangup, status: 200))
    #expect(
        out.everything == [
            .trying, .ringing, .answered(sdp: answer), .ended(.localHangup, status: 200),
        ])
    await caller.agent.shutdown()
    await callee.agent.shutdown()
    #expect(caller.metrics.counter(Catalogue.sipMessagesSent, ["INVITE"]).value == 1)
    #expect(caller.metrics.counter(Catalogue.sipMessagesSent, ["BYE"]).value == 1)
    #expect(caller.metrics.counter(Catalogue.sipResponses, ["2xx"]).value == 2)
    #expect(callee.metrics.counter(Catalogue.sipMessagesReceived, ["INVITE"]).value == 1)
}

@Test func calleeHangsUpAnAnsweredCall() async throws {
    let (caller, callee) = (try await Phone(), try await Phone())
    let (out, back) = (Events(), Events())
    _ = caller.call(port: callee.port, to: out)
    let leg = try await callee.calls.first().answer(sdp: answer, events: { back.put($0) })
    _ = try await back.answered()
    leg.hangUp()
    #expect(try await out.ended() == .ended(.remoteHangup, status: 200))
    #expect(try await back.ended() == .ended(.localHangup, status: 200))
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}

@Test func callerCancelsARingingCall() async throws {
    let (caller, callee) = (try await Phone(), try await Phone())
    let out = Events()
    let leg = caller.call(port: callee.port, to: out)
    let call = try await callee.calls.first()
    let gone = Inbox<String>()
    call.onEnded { reason, status in gone.put("\(reason) \(status)") }
    call.ring()
    _ = try await out.first { $0 == .ringing }
    leg.hangUp()
    #expect(try await out.ended() == .ended(.cancelled, status: 487))
    #expect(try await gone.first() == "cancelled 487")
    // Whoever answers now learns that it is too late.
    let late = Events()
    _ = call.answer(sdp: answer, events: { late.put($0) })
    #expect(try await late.first() == .ended(.cancelled, status: 487))
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}

@Test func busyAndNoAnswerAreToldApart() async throws {
    let (caller, callee) = (try await Phone(), try await Phone())
    let busy = Events()
    _ = caller.call(port: callee.port, to: busy)
    try await callee.calls.first().reject(status: 486)
    #expect(try await busy.ended() == .ended(.busy, status: 486))

    let unanswered = Events()
    _ = caller.call(port: callee.port, ringTimeout: .milliseconds(200), to: unanswered)
    try await callee.calls.first().ring()
    #expect(try await unanswered.ended() == .ended(.noAnswer, status: 487))
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}

@Test func nextHopMayBeAName() async throws {
    let (caller, callee) = (try await Phone(), try await Phone())
    let out = Events()
    _ = caller.call(port: callee.port, host: "localhost", to: out)
    try await callee.calls.first().reject(status: 404)
    #expect(try await out.ended() == .ended(.invalidNumber, status: 404))
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}

@Test func shutdownEndsEveryCallAndClosesThePort() async throws {
    // An address of its own: no other test's socket is given the port as soon as it is free.
    let caller = try await Phone { $0.host = "127.0.9.9" }
    let callee = try await Phone()
    let (answered, ringing, back) = (Events(), Events(), Events())
    _ = caller.call(port: callee.port, to: answered)
    _ = try await callee.calls.first().answer(sdp: answer, events: { back.put($0) })
    _ = try await answered.answered()
    _ = caller.call(port: callee.port, to: ringing)
    try await callee.calls.first().ring()
    _ = try await ringing.first { $0 == .ringing }
    await caller.agent.shutdown()
    #expect(answered.everything.last == .ended(.localHangup, status: 200))
    #expect(ringing.everything.last == .ended(.cancelled, status: 487))
    #expect(try await back.ended() == .ended(.remoteHangup, status: 200))
    let after = Events()
    _ = caller.call(port: callee.port, to: after)
    #expect(try await after.first() == .ended(.interrupted, status: 0))
    let reused = try await Phone {
        $0.host = "127.0.9.9"
        $0.port = caller.port
    }
    await reused.agent.shutdown()
    await callee.agent.shutdown()
}

@Test func targetThatCannotBeDialledEndsAtOnce() async throws {
    let phone = try await Phone()
    for target in ["+12125550100", "tel:+12125550100", "sip:", "sip:a@b@c"] {
        let events = Events()
        phone.agent.place(
            OutboundCall(id: CallID("x"), target: target, from: "", offer: offer),
            events: { events.put($0) })
        #expect(try await events.first() == .ended(.configurationError, status: 0))
    }
    await phone.agent.shutdown()
}

@Test func callsBeyondTheLimitAreRefused() async throws {
    let (caller, callee) = (try await Phone(), try await Phone { $0.maximumCalls = 1 })
    let (first, second) = (Events(), Events())
    _ = caller.call(port: callee.port, to: first)
    try await callee.calls.first().ring()
    _ = caller.call(port: callee.port, to: second)
    #expect(try await second.ended() == .ended(.trunkError, status: 503))
    await caller.agent.shutdown()
    await callee.agent.shutdown()
}

// MARK: start

@Test func portInUseIsSaidWithItsRemedy() async throws {
    let first = try await Phone()
    let error = await #expect(throws: SignallingError.self) {
        _ = try await Phone { $0.port = first.port }
    }
    #expect(error == .portInUse(address: "127.0.0.1:\(first.port)"))
    #expect(error?.description.contains("127.0.0.1:\(first.port)") == true)
    #expect(error?.description.contains("--sip") == true)
    #expect(error?.description.contains("\n") == false)
    await first.agent.shutdown()
}

@Test func foreignAndWildcardAddressesAreExplained() async throws {
    await #expect(throws: SignallingError.addressNotAvailable(address: "192.0.2.1:0")) {
        _ = try await Phone { $0.host = "192.0.2.1" }
    }
    await #expect(throws: SignallingError.publicHostRequired(address: "0.0.0.0:0")) {
        _ = try await Phone { $0.host = "0.0.0.0" }
    }
    let phone = try await Phone {
        $0.host = "0.0.0.0"
        $0.publicHost = "127.0.0.1"
    }
    await #expect(throws: SignallingError.alreadyStarted) { _ = try await phone.agent.start() }
    await phone.agent.shutdown()
}
