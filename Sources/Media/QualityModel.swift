internal import Audio

/// The E-model (ITU-T G.107): what a listener would think of a call, from its delay and loss.
///
/// ```
/// R = Ro − Is − Id(delay) − Ie,eff(codec, loss, burst ratio)      MOS = f(R)
/// ```
/// Everything that a media server cannot know (loudness, noise, echo paths) has the default of
/// G.107 table 3, which gives R = 93.2 and MOS 4.41 without delay and loss.
public struct QualityModel: Equatable, Sendable {
    /// Ro with all parameters at their defaults.
    static let basicSignalToNoise = 94.7688
    /// Is with all parameters at their defaults.
    static let simultaneousImpairment = 1.4136
    /// No − RLR terms of the talker echo (7-22): Roe = −1.5 (No − RLR), No = −61.18, RLR = 2.
    static let echoSignalToNoise = 94.7688
    /// Talker echo loudness rating, dB.
    static let talkerEchoLoudness = 65.0
    /// Weighted echo path loss, dB.
    static let echoPathLoss = 110.0

    /// A codec's equipment impairment (ITU-T G.113 appendix I).
    public struct Equipment: Equatable, Sendable {
        /// Ie: impairment without loss.
        public var impairment: Double
        /// Bpl: robustness against loss, percent.
        public var lossRobustness: Double

        /// Neither value is checked; the model takes a `lossRobustness` below 0.1 for 0.1.
        public init(impairment: Double, lossRobustness: Double) {
            self.impairment = impairment
            self.lossRobustness = lossRobustness
        }

        /// G.711 with packet loss concealment: Ie 0, Bpl 25.1 (G.113 table I.4).
        public static let g711 = Equipment(impairment: 0, lossRobustness: 25.1)
        /// G.711 that plays silence for loss: Ie 0, Bpl 4.3 (G.113 table I.4).
        public static let g711WithoutConcealment = Equipment(impairment: 0, lossRobustness: 4.3)
        /// G.722 at 64 kbit/s on the narrowband scale. G.113 gives it no narrowband values: taken as
        /// G.711 with concealment, since the telephone band of its lower part is no worse.
        public static let g722 = Equipment(impairment: 0, lossRobustness: 25.1)
        /// Opus. The ITU has no values for it: taken as G.711 with concealment, which leaves its
        /// own concealment and in-band FEC out and so errs on the low side.
        public static let opus = Equipment(impairment: 0, lossRobustness: 25.1)
    }

    /// What the codec costs, without loss and with it.
    public var equipment: Equipment
    /// Mouth to ear, ms.
    public var oneWayDelay: Double
    /// Packets lost or discarded, 0…1.
    public var lossFraction: Double
    /// G.107 BurstR: 1 for random loss, more for bursts.
    public var burstRatio: Double

    /// A G.711 call without delay and loss: R 93.2. Values out of range are brought into it when
    /// they are used.
    public init(
        equipment: Equipment = .g711, oneWayDelay: Double = 0, lossFraction: Double = 0,
        burstRatio: Double = 1
    ) {
        self.equipment = equipment
        self.oneWayDelay = oneWayDelay
        self.lossFraction = lossFraction
        self.burstRatio = burstRatio
    }

    /// The transmission rating, 0…100 (7-1).
    public var rFactor: Double {
        let r =
            Self.basicSignalToNoise - Self.simultaneousImpairment
            - Self.delayImpairment(milliseconds: max(0, min(oneWayDelay, 10_000)))
            - effectiveEquipmentImpairment
        return max(0, min(100, r))
    }

    /// Mean opinion score of the conversation, 1…4.5.
    public var mos: Double { Self.mos(rFactor: rFactor) }

    /// As `rFactor` for one who only listens: delay does not count (RFC 3611 4.7.5, MOS-LQ).
    public var listeningRFactor: Double {
        var listening = self
        listening.oneWayDelay = 0
        return listening.rFactor
    }

    /// Ie,eff (7-29).
    var effectiveEquipmentImpairment: Double {
        let loss = 100 * max(0, min(1, lossFraction))
        let robust = max(0.1, equipment.lossRobustness)
        let ie = equipment.impairment
        return ie + (95 - ie) * loss / (loss / max(1, burstRatio) + robust)
    }

    /// Annex B: MOS from R.
    public static func mos(rFactor r: Double) -> Double {
        guard r > 0 else { return 1 }
        guard r < 100 else { return 4.5 }
        return max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
    }

    /// Id = Idte + Idle + Idd (7-19), with T = Ta and Tr = 2 Ta.
    static func delayImpairment(milliseconds delay: Double) -> Double {
        talkerEcho(delay) + listenerEcho(2 * delay) + absoluteDelay(delay)
    }

    /// Idte (7-20 … 7-23).
    private static func talkerEcho(_ delay: Double) -> Double {
        let rise = Elementary.log10((1 + delay / 10) / (1 + delay / 150))
        let masking = 6 * Elementary.exp(-0.3 * delay * delay)
        let loudness = talkerEchoLoudness - 40 * rise + masking
        let re = 80 + 2.5 * (loudness - 14)
        let half = (echoSignalToNoise - re) / 2
        return (half + (half * half + 100).squareRoot() - 1) * (1 - Elementary.exp(-delay))
    }

    /// Idle (7-25, 7-26).
    private static func listenerEcho(_ roundTrip: Double) -> Double {
        let root = (roundTrip + 1).squareRoot().squareRoot()
        let rle = 10.5 * (echoPathLoss + 7) / root
        let half = (basicSignalToNoise - rle) / 2
        return half + (half * half + 169).squareRoot()
    }

    /// Idd (7-27, 7-28).
    private static func absoluteDelay(_ delay: Double) -> Double {
        guard delay > 100 else { return 0 }
        let x = Elementary.log10(delay / 100) / 0.301_029_995_663_981_2
        func sixthRoot(of value: Double) -> Double { Elementary.exp(Elementary.log(value) / 6) }
        func sixth(_ value: Double) -> Double {
            let cube = value * value * value
            return cube * cube
        }
        return 25 * (sixthRoot(of: 1 + sixth(x)) - 3 * sixthRoot(of: 1 + sixth(x / 3)) + 2)
    }
}
