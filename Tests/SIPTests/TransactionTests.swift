import Base
import Testing

@testable import SIP

private let request = callerInvite()
private func plain(_ method: SIPMethod) -> SIPMessage {
    var message = request
    message.start = .request(method: method, uri: "sip:echo@192.0.2.10")
    message.headers.set(.cseq, "1 \(method.name)")
    return message
}
private func response(_ status: Int) -> SIPMessage { request.makeResponse(status, toTag: "t") }

private func kinds(_ out: inout Outbox<TransactionOutput>) -> [String] {
    out.takeAll().map { output in
        switch output {
        case .transmit(let bytes): "send " + label(bytes)
        case .retransmit(let bytes): "again " + label(bytes)
        case .deliver(let message): "deliver \(message.status ?? 0)"
        case .timedOut: "timeout"
        }
    }
}
private func label(_ bytes: [UInt8]) -> String {
    guard let message = try? SIPMessage(parsing: bytes) else { return "?" }
    return message.method?.name ?? "\(message.status ?? 0)"
}

// MARK: INVITE client (RFC 3261 17.1.1, RFC 6026)

private func inviteClient(in state: InviteClientTransaction.State) -> InviteClientTransaction {
    var out = Outbox<TransactionOutput>()
    var transaction = InviteClientTransaction(
        request, timing: SIPTimers(), now: .zero, out: &out)
    switch state {
    case .calling: break
    case .proceeding: transaction.receive(response(180), now: .zero, out: &out)
    case .completed: transaction.receive(response(486), now: .zero, out: &out)
    case .accepted: transaction.receive(response(200), now: .zero, out: &out)
    case .terminated: transaction.terminate()
    }
    return transaction
}

@Test(
    arguments: [
        // in state, status, next state, outputs
        (.calling, 100, .proceeding, ["deliver 100"]),
        (.calling, 200, .accepted, ["deliver 200"]),
        (.calling, 486, .completed, ["send ACK", "deliver 486"]),
        (.proceeding, 183, .proceeding, ["deliver 183"]),
        (.proceeding, 200, .accepted, ["deliver 200"]),
        (.proceeding, 603, .completed, ["send ACK", "deliver 603"]),
        (.completed, 180, .completed, []),
        (.completed, 200, .completed, []),
        (.completed, 486, .completed, ["again ACK"]),
        (.accepted, 180, .accepted, []),
        (.accepted, 200, .accepted, ["deliver 200"]),
        (.accepted, 486, .accepted, []),
        (.terminated, 180, .terminated, []),
        (.terminated, 200, .terminated, []),
        (.terminated, 486, .terminated, []),
    ] as [(InviteClientTransaction.State, Int, InviteClientTransaction.State, [String])])
func inviteClientMoves(
    _ from: InviteClientTransaction.State, _ status: Int, _ to: InviteClientTransaction.State,
    _ expected: [String]
) {
    var transaction = inviteClient(in: from)
    var out = Outbox<TransactionOutput>()
    transaction.receive(response(status), now: .zero, out: &out)
    #expect(transaction.state == to)
    #expect(kinds(&out) == expected)
}

@Test func inviteIsRepeatedOnTimerAUntilTimerB() {
    var transaction = inviteClient(in: .calling)
    var out = Outbox<TransactionOutput>()
    var times: [String] = []
    while let next = transaction.deadline {
        transaction.handleTimers(now: next, out: &out)
        for kind in kinds(&out) { times.append("\(next.milliseconds) \(kind)") }
    }
    #expect(
        times == [
            "500 again INVITE", "1500 again INVITE", "3500 again INVITE", "7500 again INVITE",
            "15500 again INVITE", "31500 again INVITE", "32000 timeout",
        ])
    #expect(transaction.state == .terminated)
}

@Test func provisionalStopsInviteRetransmission() {
    #expect(inviteClient(in: .proceeding).deadline == nil)
}

@Test func timersDAndMAre32Seconds() {
    for state in [InviteClientTransaction.State.completed, .accepted] {
        var transaction = inviteClient(in: state)
        #expect(transaction.deadline == Instant(milliseconds: 32_000))
        var out = Outbox<TransactionOutput>()
        transaction.handleTimers(now: Instant(milliseconds: 32_000), out: &out)
        #expect(transaction.state == .terminated)
        #expect(kinds(&out).isEmpty)
    }
}

@Test func acknowledgementOfARefusalIsAsTheRFCSays() throws {
    var invite = request
    invite.headers.append(.route, "<sip:proxy.example;lr>")
    let ack = InviteClientTransaction.makeACK(invite, response(486))
    #expect(ack.requestURI == invite.requestURI)
    #expect(ack.headers.lines(.via) == invite.headers.lines(.via))
    #expect(ack.headers[.to] == "<sip:echo@192.0.2.10>;tag=t")
    #expect(ack.headers[.cseq] == "1 ACK")
    #expect(ack.headers[.route] == "<sip:proxy.example;lr>")
    #expect(ack.body.isEmpty)
}

// MARK: non-INVITE client (17.1.2)

private func client(in state: ClientTransaction.State) -> ClientTransaction {
    var out = Outbox<TransactionOutput>()
    var transaction = ClientTransaction(
        plain(.bye), timing: SIPTimers(), now: .zero, out: &out)
    switch state {
    case .trying: break
    case .proceeding: transaction.receive(response(100), now: .zero, out: &out)
    case .completed: transaction.receive(response(200), now: .zero, out: &out)
    case .terminated: transaction.terminate()
    }
    return transaction
}

@Test(
    arguments: [
        (.trying, 100, .proceeding, ["deliver 100"]),
        (.trying, 200, .completed, ["deliver 200"]),
        (.trying, 481, .completed, ["deliver 481"]),
        (.proceeding, 100, .proceeding, ["deliver 100"]),
        (.proceeding, 200, .completed, ["deliver 200"]),
        (.proceeding, 408, .completed, ["deliver 408"]),
        (.completed, 100, .completed, []),
        (.completed, 200, .completed, []),
        (.terminated, 200, .terminated, []),
    ] as [(ClientTransaction.State, Int, ClientTransaction.State, [String])])
func clientMoves(
    _ from: ClientTransaction.State, _ status: Int, _ to: ClientTransaction.State,
    _ expected: [String]
) {
    var transaction = client(in: from)
    var out = Outbox<TransactionOutput>()
    transaction.receive(response(status), now: .zero, out: &out)
    #expect(transaction.state == to)
    #expect(kinds(&out) == expected)
}

private func schedule(_ transaction: ClientTransaction) -> [String] {
    var transaction = transaction
    var out = Outbox<TransactionOutput>()
    var times: [String] = []
    while let next = transaction.deadline {
        transaction.handleTimers(now: next, out: &out)
        let all = kinds(&out)
        times.append("\(next.milliseconds) \(all.first ?? "end")")
    }
    return times
}

@Test func requestIsRepeatedOnTimerEUntilTimerF() {
    #expect(
        schedule(client(in: .trying)) == [
            "500 again BYE", "1500 again BYE", "3500 again BYE", "7500 again BYE",
            "11500 again BYE",
            "15500 again BYE", "19500 again BYE", "23500 again BYE", "27500 again BYE",
            "31500 again BYE", "32000 timeout",
        ])
}

@Test func timerEIsT2OnceAProvisionalIsHeard() {
    #expect(
        schedule(client(in: .proceeding)) == [
            "500 again BYE", "4500 again BYE", "8500 again BYE", "12500 again BYE",
            "16500 again BYE",
            "20500 again BYE", "24500 again BYE", "28500 again BYE", "32000 timeout",
        ])
}

@Test func timerKIsT4() {
    #expect(schedule(client(in: .completed)) == ["5000 end"])
}

// MARK: INVITE server (17.2.1, RFC 6026)

private func inviteServer(in state: InviteServerTransaction.State) -> InviteServerTransaction {
    var out = Outbox<TransactionOutput>()
    var transaction = InviteServerTransaction(request, timing: SIPTimers(), now: .zero)
    switch state {
    case .proceeding: transaction.respond(response(180), now: .zero, out: &out)
    case .completed: transaction.respond(response(486), now: .zero, out: &out)
    case .confirmed:
        transaction.respond(response(486), now: .zero, out: &out)
        transaction.receiveACK(now: .zero)
    case .accepted: transaction.respond(response(200), now: .zero, out: &out)
    case .terminated: transaction.terminate()
    }
    return transaction
}

@Test(
    arguments: [
        // in state, response of the TU, next state, outputs; then outputs of an INVITE's copy
        (.proceeding, 183, .proceeding, ["send 183"], ["again 183"]),
        (.proceeding, 200, .accepted, ["send 200"], []),
        (.proceeding, 486, .completed, ["send 486"], ["again 486"]),
        (.completed, 200, .completed, [], ["again 486"]),
        (.completed, 603, .completed, [], ["again 486"]),
        (.confirmed, 486, .confirmed, [], []),
        (.accepted, 200, .accepted, ["again 200"], []),
        (.accepted, 486, .accepted, [], []),
        (.terminated, 200, .terminated, [], []),
    ]
        as [(
            InviteServerTransaction.State, Int, InviteServerTransaction.State, [String], [String]
        )])
func inviteServerMoves(
    _ from: InviteServerTransaction.State, _ status: Int,
    _ to: InviteServerTransaction.State, _ expected: [String], _ onCopy: [String]
) {
    var transaction = inviteServer(in: from)
    var out = Outbox<TransactionOutput>()
    transaction.respond(response(status), now: .zero, out: &out)
    #expect(transaction.state == to)
    #expect(kinds(&out) == expected)
    transaction.receiveRetransmission(out: &out)
    #expect(kinds(&out) == onCopy)
}

@Test func refusalIsRepeatedOnTimerGUntilTimerH() {
    var transaction = inviteServer(in: .completed)
    var out = Outbox<TransactionOutput>()
    var times: [String] = []
    while let next = transaction.deadline {
        transaction.handleTimers(now: next, out: &out)
        for kind in kinds(&out) { times.append("\(next.milliseconds) \(kind)") }
    }
    #expect(
        times == [
            "500 again 486", "1500 again 486", "3500 again 486", "7500 again 486",
            "11500 again 486",
            "15500 again 486", "19500 again 486", "23500 again 486", "27500 again 486",
            "31500 again 486", "32000 timeout",
        ])
}

/// RFC 3261 17.2.1: 100 only when nothing else comes in 200 ms.
@Test func tryingIsSaidWhenNothingElseIsSaidInTime() {
    var out = Outbox<TransactionOutput>()
    var transaction = InviteServerTransaction(request, timing: SIPTimers(), now: .zero)
    transaction.receiveRetransmission(out: &out)
    #expect(kinds(&out).isEmpty)
    #expect(transaction.deadline == Instant(milliseconds: 200))
    transaction.handleTimers(now: Instant(milliseconds: 200), out: &out)
    #expect(kinds(&out) == ["send 100"])
    #expect(transaction.deadline == nil)
    transaction.receiveRetransmission(out: &out)
    #expect(kinds(&out) == ["again 100"])
    transaction.respond(response(200), now: Instant(milliseconds: 300), out: &out)
    #expect(kinds(&out) == ["send 200"])
    for status in [180, 200, 486] {
        var quick = InviteServerTransaction(request, timing: SIPTimers(), now: .zero)
        quick.respond(response(status), now: Instant(milliseconds: 199), out: &out)
        quick.handleTimers(now: Instant(milliseconds: 250), out: &out)
        #expect(kinds(&out) == ["send \(status)"])
    }
}

/// An address that somebody made up gets one message, and a caller who repeats his INVITE one each.
@Test func refusalOfAStrangerIsNotRepeatedUnasked() {
    var out = Outbox<TransactionOutput>()
    var transaction = InviteServerTransaction(
        request, timing: SIPTimers(), isStranger: true, now: .zero)
    transaction.respond(response(404), now: .zero, out: &out)
    transaction.receiveRetransmission(out: &out)
    #expect(kinds(&out) == ["send 404", "again 404"])
    #expect(transaction.deadline == Instant(milliseconds: 32_000))
    transaction.handleTimers(now: Instant(milliseconds: 32_000), out: &out)
    #expect(kinds(&out) == ["timeout"])
    #expect(transaction.state == .terminated)
    // Who has heard a 180 repeats nothing: the refusal has to get through.
    var ringing = InviteServerTransaction(
        request, timing: SIPTimers(), isStranger: true, now: .zero)
    ringing.respond(response(180), now: .zero, out: &out)
    ringing.respond(response(486), now: .zero, out: &out)
    #expect(ringing.deadline == Instant(milliseconds: 500))
}

@Test func answerToAStrangerComesAgainWithHisCopiesOnly() {
    var out = Outbox<TransactionOutput>()
    var transaction = InviteServerTransaction(
        request, timing: SIPTimers(), isStranger: true, now: .zero)
    // No 100 either: it would silence him.
    #expect(transaction.deadline == nil)
    transaction.receiveRetransmission(out: &out)
    #expect(kinds(&out) == [])
    transaction.respond(response(200), now: .zero, out: &out)
    transaction.respond(response(200), now: Instant(milliseconds: 500), out: &out)
    #expect(kinds(&out) == ["send 200"])
    transaction.receiveRetransmission(out: &out)
    #expect(kinds(&out) == ["again 200"])
    transaction.vouch(now: Instant(milliseconds: 600))
    transaction.respond(response(200), now: Instant(milliseconds: 1_500), out: &out)
    #expect(kinds(&out) == ["again 200"])
    transaction.receiveRetransmission(out: &out)
    #expect(kinds(&out) == [])
    // Vouched for before there is an answer, he hears a 100 like everybody.
    var known = InviteServerTransaction(
        request, timing: SIPTimers(), isStranger: true, now: .zero)
    known.vouch(now: .zero)
    #expect(known.deadline == Instant(milliseconds: 200))
    // Who was told that it rings repeats nothing, so the answer is.
    var ringing = InviteServerTransaction(
        request, timing: SIPTimers(), isStranger: true, now: .zero)
    ringing.respond(response(180), now: .zero, out: &out)
    ringing.respond(response(200), now: .zero, out: &out)
    ringing.respond(response(200), now: Instant(milliseconds: 500), out: &out)
    #expect(kinds(&out) == ["send 180", "send 200", "again 200"])
}

@Test func acknowledgedRefusalEndsWithTimerI() {
    var transaction = inviteServer(in: .confirmed)
    #expect(transaction.deadline == Instant(milliseconds: 5_000))
    var out = Outbox<TransactionOutput>()
    transaction.handleTimers(now: Instant(milliseconds: 5_000), out: &out)
    #expect(transaction.state == .terminated)
}

@Test func acceptedInviteEndsWithTimerL() {
    #expect(inviteServer(in: .accepted).deadline == Instant(milliseconds: 32_000))
}

// MARK: non-INVITE server (17.2.2)

@Test func serverAnswersCopiesOnlyOnceItHasAnswered() {
    var transaction = ServerTransaction(timing: SIPTimers(), now: .zero)
    var out = Outbox<TransactionOutput>()
    transaction.receiveRetransmission(out: &out)
    #expect(kinds(&out).isEmpty)
    transaction.respond(response(100), now: .zero, out: &out)
    #expect(transaction.state == .proceeding)
    transaction.receiveRetransmission(out: &out)
    #expect(kinds(&out) == ["send 100", "again 100"])
    transaction.respond(response(200), now: .zero, out: &out)
    transaction.respond(response(500), now: .zero, out: &out)
    transaction.receiveRetransmission(out: &out)
    #expect(kinds(&out) == ["send 200", "again 200"])
    #expect(transaction.state == .completed)
    #expect(transaction.deadline == Instant(milliseconds: 32_000))
    transaction.handleTimers(now: Instant(milliseconds: 32_000))
    #expect(transaction.state == .terminated)
}

// MARK: matching (17.1.3, 17.2.3)

private func serverKey(_ message: SIPMessage, _ method: SIPMethod) throws -> TransactionKey {
    TransactionKey(server: message, try MessageEssentials(message), as: method)
}

@Test func serverMatchesBranchSentByAndMethod() throws {
    let key = try serverKey(request, .invite)
    var ack = request
    ack.start = .request(method: .ack, uri: "sip:elsewhere@x")
    ack.headers.set(.cseq, "1 ACK")
    #expect(try serverKey(ack, .ack) == key)
    #expect(try serverKey(request, .cancel) != key)
    #expect(try serverKey(callerInvite(branch: "z9hG4bKother"), .invite) != key)
    let elsewhere = callerInvite(via: "SIP/2.0/UDP 192.0.2.21;branch=z9hG4bKin1")
    #expect(try serverKey(elsewhere, .invite) != key)
}

@Test func branchWithoutCookieIsMatchedAsRFC2543Does() throws {
    let via = "SIP/2.0/UDP 192.0.2.20;branch=z9hG4bK"
    let key = try serverKey(callerInvite(via: via), .invite)
    #expect(try serverKey(callerInvite(via: via), .invite) == key)
    #expect(try serverKey(callerInvite(callID: "in-2", via: via), .invite) != key)
    #expect(try serverKey(callerInvite(cseq: 2, via: via), .invite) != key)
}

// MARK: the queue of deadlines

@Test func deadlinesComeOutInOrderWhateverIsChanged() {
    var queue = DeadlineQueue<Int>()
    var truth: [Int: Int64] = [:]
    var random = SeededGenerator(seed: 7)
    for _ in 0..<2_000 {
        let owner = Int(random.next() % 40)
        let at = Int64(random.next() % 1_000)
        switch random.next() % 4 {
        case 0:
            queue.set(owner, to: nil)
            truth[owner] = nil
        case 1:
            let next = queue.next()
            #expect(next?.nanoseconds == truth.values.min())
            if let least = truth.values.min(),
                let popped = queue.popDue(now: Instant(nanoseconds: least))
            {
                #expect(truth[popped] == least)
                truth[popped] = nil
            }
        default:
            queue.set(owner, to: Instant(nanoseconds: at))
            truth[owner] = at
        }
    }
    let early = queue.popDue(now: Instant(nanoseconds: -1))
    #expect(early == nil)
}
