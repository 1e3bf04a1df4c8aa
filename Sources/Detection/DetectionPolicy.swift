public import CallModel

/// What is speech, by the voice network's scores of 20 ms (0…1). Times in milliseconds of audio.
public struct SpeechRule: Sendable, Equatable {
    /// A frame whose score reaches this may begin speech.
    public var onScore: Float = 0.6
    /// Speech goes on while the score stays above this.
    public var offScore: Float = 0.35
    /// How much of it must be heard before speech is believed.
    public var minimumMs = 80
    /// How long it must be absent before speech is over.
    public var hangoverMs = 240

    /// The rule that the answer's verdict goes by.
    public init() {}

    /// How far the score at which speech goes on lies below the one at which it begins.
    private static let hysteresis: Float = 0.25
    /// The scores that may be asked for.
    public static let scores: ClosedRange<Float> = 0.1...0.95

    /// Speech begins at this score and goes on down to a quarter less.
    public mutating func begin(atScore score: Float) {
        onScore = score
        offScore = max(score - Self.hysteresis, score / 2)
    }
}

/// The times and thresholds a leg's detectors decide by. Milliseconds of audio.
public struct DetectionPolicy: Sendable, Equatable {
    // MARK: speech

    /// What the answer's verdict takes for speech. Its thresholds were found with these.
    static let speech = SpeechRule()
    /// `speech_start` and `speech_end`: the borders of a turn.
    public var endpointing = SpeechRule()
    /// What stops us while we speak: speech by this rule that has gone on for `bargeInMs`, louder than our
    /// own voice may come back.
    public var bargeIn = SpeechRule()
    /// Louder frames of one stretch of such speech that stop us, ms; they count in steps of 20.
    public var bargeInMs = 120

    // MARK: answer verdict

    /// What is asked of somebody who sounds so much like a person.
    public struct Need: Sendable, Equatable {
        /// Natural logarithm of the odds that a person speaks (`AnswerClassifier`).
        public var odds: Float
        /// ms of audio: of silence in `pauses`, of speech in `greetings`.
        public var ms: Int

        /// Rows of one table must rise in `odds`.
        public init(odds: Float, ms: Int) {
            self.odds = odds
            self.ms = ms
        }
    }

    /// How long somebody who has spoken must be silent to be a person waiting for us, by rising odds and
    /// linear in between. Machines pause, too, between the pieces of a prompt.
    public var pauses = [
        Need(odds: -4, ms: 1700), Need(odds: -2, ms: 1530), Need(odds: -1, ms: 1350),
        Need(odds: 2, ms: 1120), Need(odds: 3, ms: 990), Need(odds: 4, ms: 800),
        Need(odds: 5, ms: 480), Need(odds: 6, ms: 320),
    ]
    /// Who has said so much without such a pause is a machine, by rising odds. A machine that is taken
    /// for a person is put right by its beep, a person taken for a machine by nothing: rather too long.
    public var greetings = [
        Need(odds: -1.5, ms: 3500), Need(odds: 0, ms: 4200), Need(odds: 1.5, ms: 4900),
    ]
    /// Whose voice says so surely that it is a machine is one, however short its greeting, after this pause.
    public var sureMachineOdds: Float = -1.25
    /// The pause that `sureMachineOdds` speaks of, ms.
    public var sureMachineMs = 1300
    /// A greeting with at least this much speech, or with these odds, may be a machine's: provisional
    /// voicemail.
    public var longGreetingMs = 2400
    /// Natural logarithm of the odds of a person; these or less make a machine likely.
    public var machineOdds: Float = -0.75
    /// What may be said when a transcript begins as people do: machines have said by then what they are.
    public var toldGreetingMs = 6500
    /// How much surer its voice must be for who begins as people do to be a machine.
    public var toldOdds: Float = 1.5
    /// Where transcripts come, nobody is a person after a shorter pause: recognisers are so far behind.
    public var toldPauseMs = 1100
    /// Speech shorter than this (a cough, a click) is no greeting.
    public var greetingMinimumMs = 120
    /// Nobody speaks for so long: silence.
    public var silenceMs = 5000
    /// No verdict by then: unknown.
    public var capMs = 30_000
    /// A machine that stays silent for so long has finished its greeting.
    public var greetingEndMs = 1200
    /// How long a machine's beep is awaited after its greeting before the message starts anyway.
    public var beepWaitMs = 4000
    /// The same of what may be a person after all, of whom the sound says so much or more (0…1): a person
    /// must hear something within 2 s of his greeting (47 CFR 64.1200(a)(7)).
    public var unsureBeepWaitMs = 1800
    /// `AnswerEvidence.personScore` from which on `unsureBeepWaitMs` holds, where no transcript has
    /// told. It holds whatever the score where one has told of a person.
    public var unsurePersonScore = 0.1

    /// As `balanced`.
    public init() {}

    /// What the rows ask at these odds, ms; 0 without rows.
    static func need(_ rows: [Need], odds: Float) -> Int {
        guard var below = rows.first else { return 0 }
        for row in rows {
            if odds < row.odds {
                let part = (odds - below.odds) / (row.odds - below.odds)
                return row.odds > below.odds
                    ? below.ms + Int(part * Float(row.ms - below.ms)) : row.ms
            }
            below = row
        }
        return below.ms
    }

    /// The default.
    public static let balanced = DetectionPolicy()

    /// Sooner, and more often wrong about machines that begin with a few words: for calls on which a
    /// person must not wait, and whose beep corrects the verdict.
    public static let fast: DetectionPolicy = {
        var policy = DetectionPolicy()
        policy.pauses = [
            Need(odds: -4, ms: 1700), Need(odds: -2, ms: 1500), Need(odds: -1, ms: 1200),
            Need(odds: 0, ms: 1000), Need(odds: 1, ms: 800), Need(odds: 2, ms: 700),
            Need(odds: 3, ms: 350), Need(odds: 4, ms: 300),
        ]
        return policy
    }()

    /// Later, and surer: for calls on which talking to a machine costs more than a moment's wait.
    public static let careful: DetectionPolicy = {
        var policy = DetectionPolicy()
        policy.pauses = [
            Need(odds: -4, ms: 1780), Need(odds: -2, ms: 1600), Need(odds: 2, ms: 1490),
            Need(odds: 3, ms: 1090), Need(odds: 4, ms: 800),
        ]
        return policy
    }()

    /// What stands behind each name: the three differ in `pauses` alone.
    public init(_ policy: AnswerPolicy) {
        self =
            switch policy {
            case .fast: .fast
            case .balanced: .balanced
            case .careful: .careful
            }
    }

    /// The same, but that verdicts are given by `policy`; nil: no change.
    public func deciding(by policy: AnswerPolicy?) -> DetectionPolicy {
        guard let policy else { return self }
        var other = DetectionPolicy(policy)
        (other.endpointing, other.bargeIn, other.bargeInMs) = (endpointing, bargeIn, bargeInMs)
        return other
    }
}
