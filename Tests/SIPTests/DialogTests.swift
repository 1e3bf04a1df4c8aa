import Base
import SIP
import Testing

private let party = LocalParty(host: "192.0.2.10", port: 5060, product: "Test")

private func callerDialog(
    recordRoute: [String], contact: String = "<sip:bob@192.0.2.4:5099>"
) throws -> Dialog {
    let invite = callerInvite()
    var response = invite.reply(200, tag: "b", contact: contact)
    for line in recordRoute { response.headers.append(.recordRoute, line) }
    return Dialog(
        request: invite, response: response, essentials: try MessageEssentials(response),
        target: try SIPURI("sip:echo@192.0.2.10"), from: Bench.peer)
}

@Test func callersRouteSetIsReversed() throws {
    var dialog = try callerDialog(
        recordRoute: ["<sip:p3.example;lr>, <sip:p2.example;lr>", "<sip:192.0.2.1;lr>"])
    var entropy = SeededGenerator(seed: 1)
    let bye = dialog.makeRequest(.bye, party: party, entropy: &entropy)
    #expect(bye.requestURI == "sip:bob@192.0.2.4:5099")
    #expect(
        bye.headers.lines(.route) == [
            "<sip:192.0.2.1;lr>", "<sip:p2.example;lr>", "<sip:p3.example;lr>",
        ])
    #expect(bye.headers[.to] == "<sip:echo@192.0.2.10>;tag=b")
    #expect(bye.headers[.from] == "<sip:caller@192.0.2.20>;tag=callertag")
    #expect(bye.headers[.cseq] == "2 BYE")
    #expect(bye.headers[.maxForwards] == "70")
    #expect(dialog.nextHop == SIPAddress(host: "192.0.2.1", port: 5060))
}

@Test func calleesRouteSetKeepsItsOrder() throws {
    let invite = callerInvite(extra: [(.recordRoute, "<sip:192.0.2.7:5070;lr>, <sip:p2;lr>")])
    var entropy = SeededGenerator(seed: 1)
    var dialog = Dialog(
        invite: invite, essentials: try MessageEssentials(invite), localTag: "mine",
        from: Bench.peer, entropy: &entropy)
    let bye = dialog.makeRequest(.bye, party: party, entropy: &entropy)
    #expect(bye.headers.lines(.route) == ["<sip:192.0.2.7:5070;lr>", "<sip:p2;lr>"])
    #expect(bye.headers[.from] == "<sip:echo@192.0.2.10>;tag=mine")
    #expect(bye.headers[.to] == "<sip:caller@192.0.2.20>;tag=callertag")
    #expect(dialog.nextHop == SIPAddress(host: "192.0.2.7", port: 5070))
}

/// RFC 3261 12.2.1.1: a first route without lr goes into the Request-URI.
@Test func strictRouterGetsItselfAsRequestURI() throws {
    var dialog = try callerDialog(recordRoute: ["<sip:p2.example;lr>, <sip:192.0.2.1>"])
    var entropy = SeededGenerator(seed: 1)
    let bye = dialog.makeRequest(.bye, party: party, entropy: &entropy)
    #expect(bye.requestURI == "sip:192.0.2.1")
    #expect(bye.headers.lines(.route) == ["<sip:p2.example;lr>", "<sip:bob@192.0.2.4:5099>"])
}

@Test func nameOrBadAddressInContactFallsBackToWhereThePeerSends() throws {
    for contact in ["<sip:bob@host.example>", "<sip:b@255.255.255.255>", "<sip:b@0.0.0.0>"] {
        #expect(try callerDialog(recordRoute: [], contact: contact).nextHop == Bench.peer)
    }
}

@Test func acknowledgementTakesTheInvitesNumberAndCountsNothing() throws {
    var dialog = try callerDialog(recordRoute: [])
    var entropy = SeededGenerator(seed: 1)
    let ack = dialog.makeRequest(.ack, party: party, sequence: 1, entropy: &entropy)
    #expect(ack.headers[.cseq] == "1 ACK")
    let bye = dialog.makeRequest(.bye, party: party, entropy: &entropy)
    #expect(bye.headers[.cseq] == "2 BYE")
}

@Test func olderSequenceOfThePeerIsNotAccepted() throws {
    var dialog = try callerDialog(recordRoute: [])
    let accepted = [10, 10, 9, 4_294_967_295].map { dialog.accept(remoteSequence: $0) }
    #expect(accepted == [true, true, false, true])
}

@Test func headersInAContactNeverReachTheRequestURI() throws {
    var dialog = try callerDialog(
        recordRoute: [], contact: "<sip:bob@192.0.2.4?Route=%3Csip:evil%3E>")
    var entropy = SeededGenerator(seed: 1)
    let bye = dialog.makeRequest(.bye, party: party, entropy: &entropy)
    #expect(bye.requestURI == "sip:bob@192.0.2.4")
}
