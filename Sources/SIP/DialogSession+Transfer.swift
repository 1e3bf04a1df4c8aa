internal import Base

//   transferor:  transfer → REFER ──202──▶ NOTIFY sipfrag 100 … 200 ──▶ transferProgress, final
//                                └─else─────────────────────────────▶ transferProgress, final
//   transferee:  REFER ──▶ transferRequested ──accept──▶ 202, NOTIFY 100 … final
//                                            └─refuse, 10 s──▶ 603
//
// RFC 3515, RFC 3420, RFC 3891, RFC 3892. One REFER of ours is open at a time.

extension DialogSession {
    struct OurTransfer: Sendable {
        /// CSeq of the REFER, which is its NOTIFYs' `id`.
        var sequence: UInt32
    }

    /// A REFER of the peer that the owner has not decided about.
    struct Referral: Sendable {
        var request: SIPMessage
        var key: TransactionKey
        var sequence: UInt32
    }

    /// A REFER of the peer that was accepted: what becomes of it is told by NOTIFY.
    struct Report: Sendable {
        /// Value of Event.
        var event: String
    }

    /// How long what becomes of a transfer is waited for, and reported.
    static let transferLimit: Interval = .seconds(180)

    // MARK: our REFER

    /// - Parameter referTo: a Refer-To value.
    /// - Returns: false when one is open already or the call is not answered.
    mutating func transfer(to referTo: String, _ step: inout CallStep) -> Bool {
        guard phase == .confirmed, ourTransfer == nil, referTo.isOneLine else { return false }
        let contact = step.party.contact(user: contactUser)
        let referrer = NameAddress(uri: dialog.local.uri).serialised
        let sent = send(.refer, for: .refer, &step) { request in
            request.headers.append(.contact, contact)
            request.headers.append(.referTo, referTo)
            request.headers.append(.referredBy, referrer)
        }
        guard let sent else { return false }
        ourTransfer = OurTransfer(sequence: sent)
        timers.set(.transfer, at: step.now + Self.transferLimit)
        return true
    }

    mutating func referIsAnswered(_ status: Int, _ sequence: UInt32, _ step: inout CallStep) {
        guard ourTransfer?.sequence == sequence else { return }
        if status >= 300 { endTransfer(status: status, &step) }
    }

    mutating func endTransfer(status: Int, _ step: inout CallStep) {
        guard ourTransfer != nil else { return }
        ourTransfer = nil
        timers.cancel(.transfer)
        if !isOver { step.notify(.transferProgress(status: status, isFinal: true)) }
    }

    mutating func receiveNotify(
        _ request: SIPMessage, _ key: TransactionKey, _ step: inout CallStep
    ) {
        guard let event = request.headers[.event].flatMap(EventValue.init), event.package == "refer"
        else {
            var response = request.makeResponse(489)
            response.headers.append(.allowEvents, "refer")
            step.out.push(.respond(response, key))
            return
        }
        guard let open = ourTransfer, event.id == nil || event.id == String(open.sequence) else {
            step.out.push(.respond(request.makeResponse(481), key))
            return
        }
        guard let state = request.headers[.subscriptionState] else {
            step.out.push(.respond(request.makeResponse(400), key))
            return
        }
        let isSipfrag = request.contentType == "message/sipfrag"
        guard request.body.isEmpty || isSipfrag else {
            var response = request.makeResponse(415)
            response.headers.append(.accept, "message/sipfrag")
            step.out.push(.respond(response, key))
            return
        }
        step.out.push(.respond(request.makeResponse(200), key))
        let status = SIPFragment.status(request.body)
        let isTerminated = state.utf8.prefix { $0 != UInt8(ascii: ";") }
        if let status, status >= 200 {
            endTransfer(status: status, &step)
        } else if String(ascii: isTerminated.filter { !SIPCharacter.isSpace($0) })
            .equalsIgnoringCase("terminated")
        {
            // The peer stops telling without having told the end.
            endTransfer(status: 0, &step)
        } else if let status {
            step.notify(.transferProgress(status: status, isFinal: false))
        }
    }

    // MARK: the peer's REFER

    mutating func receiveRefer(
        _ request: SIPMessage, _ key: TransactionKey, _ step: inout CallStep
    ) {
        let lines = request.headers.lines(.referTo)
        guard lines.count == 1, let line = lines.first,
            let address = try? NameAddress(line, of: .referTo)
        else {
            step.out.push(.respond(request.makeResponse(400), key))
            return
        }
        guard phase == .confirmed, referral == nil, reports.count < SIPLimits.transfersPerCall,
            let wish = TransferRequest(address, referredBy: request.headers[.referredBy])
        else {
            step.out.push(.respond(request.makeResponse(603), key))
            return
        }
        referral = Referral(request: request, key: key, sequence: request.cseqNumber)
        timers.set(.referral, at: step.now + Self.offerLimit)
        step.notify(.transferRequested(wish))
    }

    /// 202, then NOTIFYs until `reportTransfer` has told a final status.
    mutating func acceptTransfer(_ step: inout CallStep) {
        guard let open = referral, !isOver else { return }
        referral = nil
        timers.cancel(.referral)
        var response = open.request.makeResponse(202)
        response.headers.append(.contact, step.party.contact(user: contactUser))
        step.out.push(.respond(response, open.key))
        // 2.4.6: only the first REFER of a dialog may go without an id.
        let event = referrals == 0 ? "refer" : "refer;id=\(open.sequence)"
        referrals += 1
        reports[open.sequence] = Report(event: event)
        notify(open.sequence, status: 100, &step)
    }

    mutating func refuseReferral(status: Int = 603, _ step: inout CallStep) {
        guard let open = referral else { return }
        referral = nil
        timers.cancel(.referral)
        let final = (300...699).contains(status) ? status : 603
        step.out.push(.respond(open.request.makeResponse(final), open.key))
    }

    /// Tells the peer how the call it asked for goes.
    mutating func reportTransfer(status: Int, _ step: inout CallStep) {
        guard !isOver, (100...699).contains(status) else { return }
        for id in reports.keys.sorted() { notify(id, status: status, &step) }
    }

    private mutating func notify(_ id: UInt32, status: Int, _ step: inout CallStep) {
        guard let report = reports[id] else { return }
        let contact = step.party.contact(user: contactUser)
        let state =
            status >= 200
            ? "terminated;reason=noresource" : "active;expires=\(Int(Self.transferLimit.seconds))"
        let sent = send(.notify, for: .notify(id), &step) { request in
            request.headers.append(.contact, contact)
            request.headers.append(.event, report.event)
            request.headers.append(.subscriptionState, state)
            request.headers.append(.contentType, "message/sipfrag;version=2.0")
            request.body = SIPFragment.make(status)
        }
        if status >= 200 || sent == nil { reports[id] = nil }
    }
}
