internal import Audio
internal import CallModel
internal import MediaEngine
internal import Signalling

//  caller ◄─ hold music          caller ◄──────► agent        caller ◄──────► bot
//     │ transferCall                ▲                             ▲
//     └──────► agent rings ─ answered ─┘   refused, silent, gone ─┘

/// Handing a call over to a person: by the far end itself (REFER), or bridged here, with a call to the
/// agent beside it.
extension CallCenter {
    /// Has the far end call `target` itself (SIP REFER). Events `transfer` tell how it goes; on success
    /// the call ends as `transferred`, else it goes on as it was.
    ///
    /// - Parameters:
    ///   - target: a SIP URI.
    ///   - consulted: a live call with the target that the far end takes over: attended transfer.
    func transfer(
        _ id: CallID, to target: String, consulted: CallID?
    ) throws(PlatformError) {
        guard let active = calls[id] else { throw .notFound("live call: \(id)") }
        guard let sip = active.sip, active.flow.facts.answeredAt != nil else {
            throw .conflict("\(id) has not been answered")
        }
        var other: CallLeg?
        if let consulted {
            guard consulted != id else {
                throw .invalid("consulted", "\(id) cannot be transferred to itself")
            }
            guard let second = calls[consulted] else {
                throw .notFound("live call: \(consulted)")
            }
            guard let leg = second.sip, second.flow.facts.answeredAt != nil else {
                throw .conflict("\(consulted) has not been answered")
            }
            other = leg
        }
        sip.transfer(to: target, consulted: other)
    }

    /// Calls an agent beside a live call, which hears `music` meanwhile, and bridges both when the agent
    /// answers; its bot leaves then. When the agent does not, the call goes on as it was.
    ///
    /// - Parameters:
    ///   - plan: of the agent's call; its ring timeout bounds the wait.
    ///   - music: looped; nil: silence.
    func transfer(
        _ id: CallID, byCalling plan: CallPlan, target: String, from: String,
        music: PlaybackClip?, completion: @escaping Completion
    ) throws(PlatformError) {
        guard let active = calls[id] else { throw .notFound("live call: \(id)") }
        guard active.transferCall == nil else {
            throw .conflict("\(id) is being transferred already")
        }
        try holdForTransfer(id, music: music)
        calls[id]?.transferCall = plan.id
        report(.trying, of: id)
        place(plan, target: target, from: from, transferring: id, completion: completion)
        // There was no leg or no room for it: its record says so already.
        if calls[plan.id] == nil { failTransfer(of: id, status: 503) }
    }

    /// What the agent's call does to the one it was made for.
    func followTransfer(_ agent: CallID, _ event: CallLegEvent, _ now: CallFlow.Moment) {
        guard let id = calls[agent]?.transferring, calls[id]?.transferCall == agent else { return }
        switch event {
        case .ringing: report(.ringing, of: id)
        case .answered: completeTransfer(of: id, to: agent, now)
        case .ended(_, let status): failTransfer(of: id, status: status == 0 ? 408 : status)
        default: break
        }
    }

    /// The call that waits for an agent is over: the agent's telephone stops ringing.
    func abandonTransfer(of id: CallID) {
        guard let agent = calls[id]?.transferCall else { return }
        calls[id]?.transferCall = nil
        calls[agent]?.transferring = nil
        // Not now: the actions of another call are being carried out.
        orphans.append(agent)
    }

    private func completeTransfer(of id: CallID, to agent: CallID, _ now: CallFlow.Moment) {
        calls[id]?.transferCall = nil
        calls[agent]?.transferring = nil
        do {
            try resume(.call(id))
            _ = try bridge(.call(id), with: .call(agent), digits: true, keepsBot: false)
            report(.done(agent), of: id)
        } catch {
            parts?.logger.error(
                "transfer not bridged", metadata: ["call": "\(id)", "reason": "\(error)"])
            report(.failed(500), of: id)
            _ = hangUp(agent)
        }
    }

    private func failTransfer(of id: CallID, status: Int) {
        guard calls[id] != nil else { return }
        calls[id]?.transferCall = nil
        // The leg may have gone in this very moment: then there is nobody to resume.
        try? endHoldForTransfer(id)
        report(.failed(status), of: id)
    }

    private enum Progress {
        case trying, ringing
        case done(CallID)
        case failed(Int)
    }

    private func report(_ progress: Progress, of id: CallID) {
        let now = SystemClock.moment
        let kind: CallEvent.Kind
        switch progress {
        case .trying: kind = .transfer(status: 100, final: false, to: calls[id]?.transferCall)
        case .ringing: kind = .transfer(status: 180, final: false, to: calls[id]?.transferCall)
        case .done(let agent): kind = .transfer(status: 200, final: true, to: agent)
        case .failed(let status): kind = .transfer(status: status, final: true, to: nil)
        }
        calls[id]?.flow.note(kind, now, out: &outbox)
        perform(id, now)
    }
}
