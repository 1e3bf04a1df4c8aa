internal import SIP

extension CallLeg {
    /// Offers new media: hold, resume, another address or codec. Answered by
    /// `CallLegEvent.offerAnswered` or `.offerRefused`.
    public func changeMedia(offer: [UInt8]) {
        agent.act(on: key) { $0.changeMedia($1, offer: offer, now: $2, out: &$3) }
    }

    /// A key press by INFO, for a peer that takes no telephone-event. Presses go one after another;
    /// what is no key, or too much, is dropped.
    public func sendDigit(_ digit: Character, milliseconds: Int = 160) {
        agent.act(on: key) {
            $0.sendDigit($1, digit, milliseconds: milliseconds, now: $2, out: &$3)
        }
    }

    /// The same, for a caller that has another way: `otherwise` is called, on the agent's loop, when
    /// the peer's Allow does not name INFO.
    public func sendDigit(
        _ digit: Character, milliseconds: Int, otherwise: @escaping @Sendable () -> Void
    ) {
        agent.act(on: key) { agent, key, now, out in
            guard agent.peerAllows(.info, key),
                agent.sendDigit(key, digit, milliseconds: milliseconds, now: now, out: &out)
            else { return otherwise() }
        }
    }

    /// Asks the peer to call `target` (a SIP URI) instead of us. `CallLegEvent.transferProgress`
    /// tells what comes of it; a target that is no URI, or a second transfer at a time, is told as
    /// 400 or 491.
    ///
    /// - Parameter consulted: an answered call of ours with the target that the peer takes over.
    public func transfer(to target: String, consulted: CallLeg? = nil) {
        let other = consulted?.key
        agent.withCore { [key] core in
            let (call, second) = (core.attempt(of: key), other.map { core.attempt(of: $0) })
            core.act { agent, now, out in
                let place = second.flatMap { agent.remoteTarget($0) } ?? (try? SIPURI(target))
                guard let place else {
                    out.push(.notice(call, .transferProgress(status: 400, isFinal: true)))
                    return
                }
                guard !agent.transfer(call, to: place, consulted: second, now: now, out: &out)
                else {
                    return
                }
                out.push(.notice(call, .transferProgress(status: 491, isFinal: true)))
            }
        }
    }

    /// Agrees to the peer's REFER; `reportTransfer` tells it how the call goes.
    public func acceptTransfer() {
        agent.act(on: key) { $0.acceptTransfer($1, now: $2, out: &$3) }
    }

    /// Refuses the peer's REFER, by 603 when `status` is outside 300…699. One that is left
    /// undecided for 10 s is refused with 603.
    public func refuseTransfer(status: Int = 603) {
        agent.act(on: key) { $0.refuseTransfer($1, status: status, now: $2, out: &$3) }
    }

    /// Tells the peer how the call that it asked for goes, 100…699. 200 and above ends the telling.
    public func reportTransfer(status: Int) {
        agent.act(on: key) { $0.reportTransfer($1, status: status, now: $2, out: &$3) }
    }
}

extension InboundCall {
    /// 183 (or another 18x) with early media; reliable when the caller can (RFC 3262).
    public func progress(status: Int = 183, sdp: [UInt8] = []) {
        agent.act(on: key) { $0.progress($1, status: status, sdp: sdp, now: $2, out: &$3) }
    }
}

/// What a peer's REFER asks for. Whether it is done is the owner's decision: a stranger's wish to
/// have somebody called costs us money.
public struct TransferWish: Sendable, Equatable {
    /// A SIP URI. A number in it is a person's: never log it.
    public var target: String
    /// Header lines of the call to it: Replaces (RFC 3891), Referred-By (RFC 3892).
    public var headers: [String: String]

    /// Values as given; nothing is checked.
    public init(target: String, headers: [String: String]) {
        self.target = target
        self.headers = headers
    }
}

extension TransferWish {
    init(_ request: TransferRequest) {
        target = request.target.serialised
        headers = [:]
        if let replaces = request.replaces { headers["Replaces"] = replaces.serialised }
        if let referrer = request.referredBy, referrer.utf8.count <= 512 {
            headers["Referred-By"] = referrer
        }
    }
}
