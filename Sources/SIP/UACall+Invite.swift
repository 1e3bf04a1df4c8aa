internal import Base

extension UACall {
    // MARK: INVITE and CANCEL

    mutating func sendInvite(_ step: inout CallStep) {
        var from = setup.from
        from.parameters.set("tag", localTag)
        var uri = target
        uri.rawHeaders = nil
        var request = SIPMessage(.request(method: .invite, uri: uri.serialised))
        request.headers.append(.via, step.party.makeVia(&step.entropy))
        request.headers.append(.maxForwards, "70")
        // A redirected call goes where it was sent, not through the proxy of the first one.
        if destination == setup.destination {
            for route in setup.routes.prefix(SIPLimits.routeCount) where route.isOneLine {
                request.headers.append(.route, route)
            }
        }
        request.headers.append(.from, from.serialised)
        // 19.1.1: a To URI has neither port nor transport parameters.
        var to = setup.target
        to.rawHeaders = nil
        to.port = nil
        to.parameters = SIPParameters()
        request.headers.append(.to, NameAddress(uri: .sip(to)).serialised)
        request.headers.append(.callID, callID)
        request.headers.append(.cseq, CSeq(number: sequence, method: .invite).serialised)
        request.headers.append(.contact, step.party.contact(user: setup.from.uri.sip?.user))
        request.addCapabilities(step.policy)
        if step.policy.reliableProvisionals == .required {
            request.headers.append(.require, "100rel")
        }
        sessionTimer.announce(in: &request, policy: step.policy.sessionTimer)
        request.headers.append(.userAgent, step.party.product)
        for line in setup.headers where Self.mayAdd(line.name, line.value) {
            request.headers.append(HeaderName(line.name), line.value)
        }
        request.attach(sdp: setup.offer)
        // Only where the call was meant to go: a redirection gets no proof of our password.
        if destination == setup.destination {
            authenticator.authorize(&request, entropy: &step.entropy)
        }
        invite = request
        step.out.push(.request(request, to: destination))
    }

    /// The INVITE once more with the next CSeq: a challenge, a 422 or a redirection was met.
    mutating func inviteAgain(_ step: inout CallStep) {
        phase = .calling
        heardProvisional = false
        dropEarlies(&step)
        sequence &+= 1
        sendInvite(&step)
    }

    /// The owner may add headers, but not those the dialog and the parser live by.
    private static func mayAdd(_ name: String, _ value: String) -> Bool {
        let ours: [HeaderName] = [
            .via, .from, .to, .callID, .cseq, .contact, .maxForwards, .contentLength,
            .contentType, .route, .recordRoute, .authorization, .proxyAuthorization, .require,
            .allow, .accept, .supported, .userAgent, .sessionExpires, .minSE,
        ]
        return name.isToken && value.isOneLine && !ours.contains(HeaderName(name))
    }

    mutating func cancel(_ cause: CallEnd.Cause, _ step: inout CallStep) {
        guard phase == .calling || phase == .proceeding else { return }
        cancelCause = cause
        phase = .cancelling
        timers.cancel(.ring)
        if heardProvisional { sendCancel(&step) }
    }

    /// Same Request-URI, top Via, From, To, Call-ID, Route and CSeq number as the INVITE (9.1).
    mutating func sendCancel(_ step: inout CallStep) {
        guard !cancelSent else { return }
        cancelSent = true
        var request = SIPMessage(.request(method: .cancel, uri: invite.requestURI ?? ""))
        for line in invite.headers.lines {
            switch line.name {
            case .via, .maxForwards, .from, .to, .callID, .route, .userAgent, .authorization,
                .proxyAuthorization:
                request.headers.append(line.name, line.value)
            case .cseq:
                request.headers.append(
                    .cseq, CSeq(number: sequence, method: .cancel).serialised)
            default: break
            }
        }
        timers.set(.cancel, at: step.now + step.timing.timeout)
        step.out.push(.request(request, to: destination))
    }
}

/// The targets that 3xx responses have named (RFC 3261 8.1.3.4).
struct Redirection: Sendable {
    private var waiting: [SIPURI] = []
    private var tried: Set<String> = []
    private var followed = 0

    /// Takes the Contacts of a 3xx that the policy allows, in the order of their q.
    ///
    /// 305 and 380 are not taken: the first was deprecated as a way to steal calls, the second wants
    /// a person to choose.
    mutating func take(
        _ response: SIPMessage, asked: SIPURI, original: SIPURI, policy: RedirectPolicy
    ) {
        guard [300, 301, 302].contains(response.status ?? 0), followed < policy.limit else {
            return
        }
        tried.insert(asked.serialised)
        var found: [(uri: SIPURI, q: Double)] = []
        for value in response.headers.values(.contact).prefix(SIPLimits.redirectCount) {
            guard let address = try? NameAddress(value, of: .contact), var uri = address.uri.sip,
                !uri.isSecure
            else { continue }
            uri.rawHeaders = nil
            uri.parameters.remove("method")
            guard policy.mayChangeUser || uri.user == original.user,
                uri.host.equalsIgnoringCase(original.host)
                    || policy.hosts.contains(where: { $0.equalsIgnoringCase(uri.host) })
            else { continue }
            found.append((uri, address.parameters["q"].flatMap(Self.quality) ?? 1))
        }
        // Stable: equal ones stay in the order they were named.
        let order = found.indices.sorted { (found[$1].q, $0) < (found[$0].q, $1) }
        waiting.insert(contentsOf: order.map { found[$0].uri }, at: 0)
    }

    /// The next target, each at most once.
    mutating func next(_ policy: RedirectPolicy) -> SIPURI? {
        while followed < policy.limit, !waiting.isEmpty {
            let uri = waiting.removeFirst()
            guard tried.insert(uri.serialised).inserted else { continue }
            followed += 1
            return uri
        }
        return nil
    }

    /// `0.7`, `1`, `0.55` (RFC 3261 25.1 qvalue).
    private static func quality(_ text: String) -> Double? {
        let halves = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 1)
        guard let whole = halves.first.flatMap({ parseDecimal($0) }), whole <= 1 else { return nil }
        guard halves.count == 2 else { return Double(whole) }
        guard halves[1].count <= 3, let fraction = parseDecimal(halves[1]) else { return nil }
        var scale = 1.0
        for _ in 0..<halves[1].count { scale *= 10 }
        return min(1, Double(whole) + Double(fraction) / scale)
    }
}
