public import Base

// Other legs that a call hears, and its recordings: what the API does to a call that talks.

extension CallFlow {
    /// Another party takes the place of bot and clip: neither ends the call any more.
    public mutating func handOver(_ now: Moment, out: inout Outbox<Action>) {
        guard phase == .talking || phase == .detecting else { return }
        phase = .talking
        isHandedOver = true
        timers.cancel(.tail)
        stopRecogniser(&out)
        stopStream(&out)
        out.push(.media(.stopPlaying))
        out.push(.media(.detach))
    }

    /// Another party joins; bot and clip stay, and do not end the call while he is there.
    public mutating func share() {
        guard phase == .talking || phase == .detecting, !isHandedOver else { return }
        isShared = true
        timers.cancel(.tail)
    }

    /// The bot of a shared call has left it to the parties.
    mutating func botLeft(_ out: inout Outbox<Action>) {
        isShared = false
        isHandedOver = true
        out.push(.media(.detach))
    }

    /// The last leg that a call heard has gone: a bot that is there has it to itself again.
    public mutating func partnerLeft(_ now: Moment, out: inout Outbox<Action>) {
        if isHandedOver || isShared && phase == .talking && !streamIsOpen {
            end(.localHangup, now, &out)
        }
        isShared = false
    }

    /// The API has begun a recording.
    public mutating func recordingBegan() { recordings.began() }
    /// The API has told it to end; its last word may come later.
    public mutating func recordingStopped() { recordings.stopped() }
}
