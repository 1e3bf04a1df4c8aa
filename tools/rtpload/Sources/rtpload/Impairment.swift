import Base

/// What happens to packets on their way out: loss in bursts (Gilbert's model), delay that differs
/// from packet to packet, copies. The same seed does the same to the same leg.
struct Impairment {
    struct Settings {
        /// Percent of the packets.
        var loss = 0.0
        /// Packets lost in a row, on average.
        var burst = 1.0
        /// A packet leaves up to so much later than due, ms, evenly spread: above the packet
        /// interval packets overtake one another.
        var jitter = 0.0
        var duplicates = 0.0
        var seed: UInt64 = 1

        var isNone: Bool { loss == 0 && jitter == 0 && duplicates == 0 }
    }

    enum Fate {
        case lost
        case sent(delay: Int64, copies: Int)
    }

    private let settings: Settings
    private var generator: SeededGenerator
    private var isLosing = false

    init(_ settings: Settings, leg: Int) {
        self.settings = settings
        generator = SeededGenerator(seed: settings.seed &* 1_000_003 &+ UInt64(leg))
    }

    mutating func next() -> Fate {
        guard !settings.isNone else { return .sent(delay: 0, copies: 1) }
        let rate = settings.loss / 100
        let leave = 1 / max(1, settings.burst)
        // At a loss of 50 % in bursts of one the two states take turns; above, none could be left.
        let enter = rate >= 1 ? 1 : min(1, rate * leave / (1 - rate))
        let draw = random()
        isLosing = isLosing ? draw >= leave || rate >= 1 : draw < enter
        let delay = Int64(random() * settings.jitter * 1_000_000)
        let copies = random() * 100 < settings.duplicates ? 2 : 1
        return isLosing ? .lost : .sent(delay: delay, copies: copies)
    }

    /// Evenly between 0 and below 1.
    private mutating func random() -> Double {
        Double(generator.next() >> 11) / 9_007_199_254_740_992
    }
}
