public import Base

/// How we appear to peers: what goes into Via, Contact and User-Agent of everything we send.
public struct LocalParty: Sendable {
    /// Address or name peers reach us under.
    public var host: String
    /// UDP port; stands in for the port of a stream transport that `streamPorts` leaves out.
    public var port: Int
    /// Value of User-Agent and Server.
    public var product: String
    /// Ports of stream transports that differ from `port`. A transport that is not here is one we
    /// only open connections of.
    public var streamPorts: [SIPTransport: Int] = [:]

    /// Nothing is checked here; `streamPorts` is empty.
    public init(host: String, port: Int, product: String) {
        self.host = host
        self.port = port
        self.product = product
    }

    /// A fresh top Via with `rport` (RFC 3581).
    func makeVia(_ entropy: inout SeededGenerator) -> String {
        Via(host: host, port: port, branch: Via.magicCookie + entropy.token(20)).serialised
    }

    func contact(user: String?) -> String {
        "<" + SIPURI(user: user, host: host, port: port).serialised + ">"
    }
}

/// A peer-to-peer relationship between two user agents (RFC 3261 12).
public struct Dialog: Sendable {
    /// The same in every message of the dialog.
    public let callID: String
    /// Our side's From (as caller) or To (as callee), with our tag.
    public let local: NameAddress
    /// The other side, with its tag if it has one (RFC 2543 peers may not).
    public let remote: NameAddress
    /// CSeq number of our last request, ACK and CANCEL not counted. As callee 0…16383 at first.
    public private(set) var localSequence: UInt32
    /// nil until the peer has sent a request.
    public private(set) var remoteSequence: UInt32?
    /// Where requests are addressed: the peer's Contact.
    public private(set) var remoteTarget: SIPURI
    /// In the order requests carry it.
    public private(set) var routeSet: [NameAddress]
    /// Where the peer's last message came from: used when its Contact is a name.
    public var peerAddress: SIPAddress

    /// The peer's tag; nil with a peer of RFC 2543.
    public var remoteTag: String? { remote.tag }
    /// Our tag; empty when the messages that made the dialog had none.
    public var localTag: String { local.tag ?? "" }

    /// The caller's side, made by a response with a To tag (12.1.2).
    ///
    /// A response without Contact leaves the target of the INVITE in place.
    public init(
        request: SIPMessage, response: SIPMessage, essentials: MessageEssentials,
        target: SIPURI, from address: SIPAddress
    ) {
        callID = essentials.callID
        local = essentials.from
        remote = essentials.to
        localSequence = essentials.cseq.number
        remoteSequence = nil
        remoteTarget = response.contactURI ?? target
        routeSet = Self.routes(response).reversed()
        peerAddress = address
    }

    /// The callee's side, made by an INVITE (12.1.1). `localTag` is the tag we add to To.
    public init(
        invite: SIPMessage, essentials: MessageEssentials, localTag: String,
        from address: SIPAddress, entropy: inout SeededGenerator
    ) {
        callID = essentials.callID
        var to = essentials.to
        to.parameters.set("tag", localTag)
        local = to
        remote = essentials.from
        localSequence = UInt32(truncatingIfNeeded: entropy.next() & 0x3FFF)
        remoteSequence = essentials.cseq.number
        remoteTarget = invite.contactURI ?? SIPURI(host: address.host, port: address.port)
        routeSet = Self.routes(invite)
        peerAddress = address
    }

    private static func routes(_ message: SIPMessage) -> [NameAddress] {
        message.headers.values(.recordRoute).prefix(SIPLimits.routeCount).compactMap {
            try? NameAddress($0, of: .recordRoute)
        }
    }

    /// A request within the dialog (12.2.1.1) with a fresh branch; CSeq is counted up except for
    /// ACK, which takes `sequence`, the number of the INVITE it acknowledges.
    public mutating func makeRequest(
        _ method: SIPMethod, party: LocalParty, sequence: UInt32? = nil,
        entropy: inout SeededGenerator
    ) -> SIPMessage {
        if sequence == nil { localSequence &+= 1 }
        var uri = remoteTarget
        uri.rawHeaders = nil
        var routes = routeSet.map(\.serialised)
        if let first = routeSet.first?.uri.sip, !first.parameters.contains("lr") {
            // A strict router: it wants itself in the Request-URI and the target last.
            routes = Array(routes.dropFirst())
            routes.append(NameAddress(uri: .sip(uri)).serialised)
            uri = first
            uri.rawHeaders = nil
        }
        var request = SIPMessage(.request(method: method, uri: uri.serialised))
        request.headers.append(.via, party.makeVia(&entropy))
        request.headers.append(.maxForwards, "70")
        for route in routes { request.headers.append(.route, route) }
        request.headers.append(.from, local.serialised)
        request.headers.append(.to, remote.serialised)
        request.headers.append(.callID, callID)
        let number = sequence ?? localSequence
        request.headers.append(.cseq, CSeq(number: number, method: method).serialised)
        request.headers.append(.userAgent, party.product)
        return request
    }

    /// Where a request of this dialog is sent: the first route or the remote target when that is a
    /// numeric address, else where the peer's messages come from.
    public var nextHop: SIPAddress {
        var address = SIPAddress(routeSet.first?.uri.sip ?? remoteTarget)
        guard address.isNumeric, address.isUnicast else { return peerAddress }
        // A connection with that very machine is there: RFC 5923, and all a client behind NAT has.
        if address.transport == peerAddress.transport, address.host == peerAddress.host {
            address.flow = peerAddress.flow
            address.name = peerAddress.name
        }
        return address
    }

    /// The 2xx of an early dialog has come: its route set and target count (RFC 3261 13.2.2.4).
    mutating func confirm(_ response: SIPMessage, from address: SIPAddress) {
        routeSet = Self.routes(response).reversed()
        refreshTarget(response)
        peerAddress = address
    }

    /// Takes the CSeq of a request from the peer; false when it is older than the last one
    /// (12.2.2: answer 500).
    public mutating func accept(remoteSequence number: UInt32) -> Bool {
        if let last = remoteSequence, number < last { return false }
        remoteSequence = number
        return true
    }

    /// A target refresh: re-INVITE, UPDATE or their 2xx (12.2).
    public mutating func refreshTarget(_ message: SIPMessage) {
        if let uri = message.contactURI { remoteTarget = uri }
    }
}
