internal import Base
internal import CallModel
internal import Detection

/// Special information tones before the answer: the network has said that there is no such number, and
/// often leaves the call ringing, with an announcement, for as long as the caller cares to listen.
///
/// ```
/// tones that blame the number ─► grace ─► CANCEL, ended for what they say
///                                  │
///                                  ├ 200, final failure ─► as ever: SIP says more than tones
///                                  └ 180, other early media, ringback, tones that blame a network
///                                                       ─► it goes on: rings as long as it may
/// ```
/// Tones that blame a network (reorder, no circuit) end nothing: an operator with several carriers may
/// let the announcement of one through and go on to the next, where somebody answers.
extension CallFlow {
    /// What `CallPlan.informationGrace` is where nobody says otherwise. A gateway that knows the release
    /// cause sends its status with the announcement or a few seconds behind the tones.
    static let informationGrace = Interval.seconds(4)

    mutating func networkSounds(
        _ kind: ToneKind, _ information: SpecialInformation?, _ now: Moment
    ) {
        switch kind {
        case .sit:
            facts.information = information ?? facts.information
            guard phase == .dialing, plan.direction == .outbound,
                let grace = plan.informationGrace, facts.information?.blamesNumber == true
            else { return timers.cancel(.information) }
            timers.set(.information, at: now.instant + grace)
        case .ringback: timers.cancel(.information)
        default: break
        }
    }

    /// Nothing has come that says more.
    mutating func informationStands(_ now: Moment, _ out: inout Outbox<Action>) {
        guard phase == .dialing, let reason = facts.information?.endReason else { return }
        end(reason, now, &out)
    }
}
