public import Base

// What the owner may ask of a call once it stands. A command that no longer applies does nothing.

extension UserAgent {
    /// 18x of an inbound call; `sdp` (early media, or our offer) may be empty.
    public mutating func progress(
        _ key: CallKey, status: Int = 183, sdp: [UInt8] = [], now: Instant,
        out: inout Outbox<UserAgentOutput>
    ) {
        step(key, now, &out) { call, step in
            call.update(outbound: { _ in }, inbound: { $0.progress(status, sdp: sdp, &step) })
        }
    }

    /// Offers new media to the peer: hold, resume, another address or codec. Ends in
    /// `offerAnswered` or `offerRefused`; what is asked for meanwhile replaces what waits.
    public mutating func changeMedia(
        _ key: CallKey, offer: [UInt8], now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        inSession(key, now, &out) { $0.changeMedia(offer, &$1) }
    }

    /// A re-INVITE without offer: the peer's comes as `CallNotice.offer`.
    public mutating func askForOffer(
        _ key: CallKey, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        inSession(key, now, &out) { $0.askForOffer(&$1) }
    }

    /// A key press by INFO.
    ///
    /// - Returns: false when it is no key, the call is not answered, or too many presses wait.
    @discardableResult
    public mutating func sendDigit(
        _ key: CallKey, _ digit: Character, milliseconds: Int = 160, now: Instant,
        out: inout Outbox<UserAgentOutput>
    ) -> Bool {
        guard let press = InfoDigit.Press(digit, milliseconds: milliseconds) else { return false }
        return inSession(key, now, &out) { $0.sendDigit(press, &$1) } ?? false
    }

    /// Asks the peer to call `target` instead of us (RFC 3515). What comes of it is told by
    /// `transferProgress`; the call itself stays until somebody hangs up.
    ///
    /// - Parameter consulted: a call of ours with the target that the peer shall take over: an
    ///   attended transfer (RFC 3891).
    /// - Returns: false when the call is not answered or another transfer is under way.
    @discardableResult
    public mutating func transfer(
        _ key: CallKey, to target: SIPURI, consulted: CallKey? = nil, now: Instant,
        out: inout Outbox<UserAgentOutput>
    ) -> Bool {
        var referTo = NameAddress(uri: .sip(target)).serialised
        if let consulted {
            guard let dialog = calls[consulted]?.call.session?.dialog,
                let remoteTag = dialog.remoteTag
            else { return false }
            // As the target sees it: its own tag is the to-tag.
            let replaces = Replaces(
                callID: dialog.callID, toTag: remoteTag, fromTag: dialog.localTag)
            referTo = replaces.referTo(target)
        }
        return inSession(key, now, &out) { $0.transfer(to: referTo, &$1) } ?? false
    }

    /// Where an attended transfer to the peer of this call has to go: its Contact.
    public func remoteTarget(_ key: CallKey) -> SIPURI? {
        calls[key]?.call.session?.dialog.remoteTarget
    }

    /// True when the peer of an answered call said it takes this method (Allow).
    public func peerAllows(_ method: SIPMethod, _ key: CallKey) -> Bool {
        calls[key]?.call.session?.peerAllows(method) ?? false
    }

    /// 202 to the peer's REFER. Report the call to its target with `reportTransfer`.
    public mutating func acceptTransfer(
        _ key: CallKey, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        inSession(key, now, &out) { $0.acceptTransfer(&$1) }
    }

    /// Refuses the peer's REFER, by 603 when `status` is outside 300…699.
    public mutating func refuseTransfer(
        _ key: CallKey, status: Int = 603, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        inSession(key, now, &out) { $0.refuseReferral(status: status, &$1) }
    }

    /// Tells the peer how far the call it asked for is; a final status ends the telling.
    public mutating func reportTransfer(
        _ key: CallKey, status: Int, now: Instant, out: inout Outbox<UserAgentOutput>
    ) {
        inSession(key, now, &out) { $0.reportTransfer(status: status, &$1) }
    }

    @discardableResult
    private mutating func inSession<Result>(
        _ key: CallKey, _ now: Instant, _ out: inout Outbox<UserAgentOutput>,
        _ body: (inout DialogSession, inout CallStep) -> Result
    ) -> Result? {
        let result: Result?? = step(key, now, &out) { call, step in
            call.withSession { body(&$0, &step) }
        }
        return result ?? nil
    }

    /// An answered call takes the place of another: that one ends (RFC 3891 3).
    mutating func endReplaced(
        by key: CallKey, _ now: Instant, _ out: inout Outbox<UserAgentOutput>
    ) {
        guard case .inbound(let call)? = calls[key]?.call, call.phase == .answered,
            let old = call.replaces
        else { return }
        inSession(old, now, &out) { $0.end(CallEnd(.replaced, status: 200), bye: true, &$1) }
    }
}
