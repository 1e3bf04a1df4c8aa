/// In which millisecond of the tick a leg's packets come, and whether that is worth following: the tick
/// then runs while the leg's memory is still near, and rides on the packets' wake-up.
struct ArrivalPhase {
    /// Packets in the same millisecond, give or take one, before the tick follows: half a second, and
    /// fewer the first time, because a thousand calls that begin at once cost most until theirs do.
    static let steady = 25
    static let steadyAtFirst = 5
    /// The tick runs this many slots after the packets.
    static let distance = 1

    private var phase = -1
    private var count = 0
    private var needed = steadyAtFirst

    /// Notes a packet in the slot of `arrival`; the phase that the tick should move to, when the packets
    /// have come steadily and `tick` is not one or two slots behind them.
    mutating func note(_ arrival: Int, tick: Int) -> Int? {
        let phases = PhaseWheel.phases
        let step = (arrival - phase + phases) % phases
        guard phase >= 0, step <= 1 || step == phases - 1 else {
            phase = arrival
            count = 0
            return nil
        }
        count += 1
        guard count >= needed else { return nil }
        count = 0
        needed = Self.steady
        phase = arrival
        let behind = (tick - arrival + phases) % phases
        guard behind < Self.distance || behind > Self.distance + 1 else { return nil }
        return (arrival + Self.distance) % phases
    }
}
