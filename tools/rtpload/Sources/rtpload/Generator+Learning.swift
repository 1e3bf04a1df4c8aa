import CRTPLoad

// Before the measurement: which packet does a reply answer? Legs that know already send at their usual
// pace meanwhile, and all timestamps follow the clock, so that servers that count frames, or stamp by
// their own clock, see an ordinary stream.

extension Generator {
    /// What is between two packets while offsets are learned, ns: a packet's time, or of very short
    /// ones as many as make ten milliseconds.
    private var pace: Int64 {
        track.interval * max(1, (10 * Self.millisecond + track.interval - 1) / track.interval)
    }

    /// A leg's time since the first packet it may send, ns; nil when no packet is due in this
    /// millisecond.
    private func mediaTime(_ leg: Int, _ elapsed: Int64) -> Int64? {
        let time = elapsed - Int64(leg % phases) * Self.millisecond
        // A pace of part milliseconds is due in the one that it falls into.
        let late = time % pace
        return time >= 0 && late < Self.millisecond ? time - late : nil
    }

    /// Sends until every leg's offset is known or given up: from then on a reply's timestamp says
    /// which packet it answers. Two packets a leg when replies come quickly; `OffsetLearner.limit`
    /// of half a second each when none do.
    ///
    /// - Returns: monotonic time of the start, and how long it took; ns.
    mutating func learnOffsets() -> (origin: Int64, elapsed: Int64) {
        let origin = rl_monotonic_ns() + 5 * Self.millisecond
        learners = (0..<count).map { OffsetLearner(isOpen: !legs[$0].isByAudio) }
        var elapsed: Int64 = 0
        while learners.contains(where: \.isOpen) {
            rl_sleep_until(origin + elapsed)
            for phase in 0..<phases { drain(phase) }
            for leg in 0..<count where !legs[leg].isByAudio { sendLearning(leg, elapsed) }
            flush()
            elapsed += Self.millisecond
        }
        learners = []
        return (origin, elapsed)
    }

    /// What is due of the packets that come back on `leg`.
    private mutating func sendLearning(_ leg: Int, _ elapsed: Int64) {
        let sender = legs[leg].pair
        guard let time = mediaTime(sender, elapsed) else { return }
        if learners[leg].isExhausted(at: time) { giveUp(leg, at: time) }
        guard learners[leg].isOpen ? learners[leg].wantsPacket(at: time) : legs[leg].offset != nil
        else { return }
        align(sender, at: time)
        add(sender, takeNumber(sender), copies: 1)
    }

    /// Readies every leg for its stream, which goes on from the packets that were sent to learn.
    mutating func alignAll(origin: Int64, elapsed: Int64) {
        for leg in 0..<count {
            let phase = Int64(leg % phases) * Self.millisecond
            // The first of its paces that has not been.
            let time = max(0, (elapsed - phase + pace - 1) / pace * pace)
            align(leg, at: time)
            legs[leg].begin = origin + phase + time
            legs[leg].zero = legs[leg].number
            legs[leg].zeroTimestamp =
                legs[leg].firstTimestamp
                &+ track.timestamp(legs[leg].zero, from: legs[leg].start)
        }
    }

    /// Gives a leg's next packet the timestamp of `time`.
    private func align(_ leg: Int, at time: Int64) {
        legs[leg].firstTimestamp =
            timestamp(leg, at: time)
            &- track.timestamp(legs[leg].number, from: legs[leg].start)
    }

    /// - Parameter time: ns of the leg's media time.
    private func timestamp(_ leg: Int, at time: Int64) -> UInt32 {
        legs[leg].origin &+ UInt32(truncatingIfNeeded: time / 125_000)
    }

    /// Takes a reply that came while offsets are learned.
    mutating func learn(_ leg: Int, timestamp: UInt32, at: Int64) {
        guard learners[leg].isOpen else { return }
        let sent = recent(legs[leg].pair)
        guard let offset = learners[leg].take((timestamp, at), sent: sent) else { return }
        legs[leg].offset = offset
        learners[leg].isOpen = false
    }

    /// The offset of a leg that was not learned, from its first reply: none when the server keeps the
    /// timestamps, else as if it answered the newest packet before it.
    mutating func guessLate(_ leg: Int, timestamp: UInt32, at: Int64) {
        let sent = recent(legs[leg].pair)
        if sent.contains(where: { $0.timestamp == timestamp }) {
            legs[leg].offset = 0
        } else {
            let newest = sent.last { $0.at <= at }
            guess(leg, newest.map { $0.timestamp &- timestamp })
        }
    }

    private mutating func giveUp(_ leg: Int, at time: Int64) {
        learners[leg].isOpen = false
        let sender = legs[leg].pair
        guess(
            leg,
            learners[leg].guess(
                sent: recent(sender), next: timestamp(sender, at: time),
                frame: UInt32(truncatingIfNeeded: track.frameSamples)))
    }

    private mutating func guess(_ leg: Int, _ offset: UInt32?) {
        guard let offset else { return }
        // In the middle of the packet: such replies are not exact.
        legs[leg].offset = offset &+ UInt32(truncatingIfNeeded: track.frameSamples / 2)
        tally.guessedOffsets += 1
    }

    /// What a leg sent of its remembered packets, oldest first.
    private func recent(_ leg: Int) -> [OffsetLearner.Stamped] {
        let window = Int64(Leg.window)
        let last = legs[leg].number
        return (max(0, last - window)..<last).compactMap { number in
            let place = Int(number % window)
            let stamp = legs[leg].stamps[place]
            return stamp == 0 ? nil : (legs[leg].timestamps[place], abs(stamp))
        }
    }
}
