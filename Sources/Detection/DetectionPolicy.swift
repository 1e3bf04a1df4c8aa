/// The times and thresholds a leg's detectors decide by. Milliseconds of audio.
public struct DetectionPolicy: Sendable, Equatable {
    // MARK: speech

    /// A frame whose score reaches this may begin speech.
    public var speechOnScore: Float = 0.6
    /// Speech goes on while the score stays above this.
    public var speechOffScore: Float = 0.35
    /// How much of it must be heard before speech is believed.
    public var speechMinimumMs = 80
    /// How long it must be absent before speech is over.
    public var speechHangoverMs = 240
    /// How much of it, louder than our own voice may come back, makes a barge-in of it.
    public var bargeInMs = 120

    // MARK: answer verdict

    /// How long somebody who has said so much must be silent to be a person waiting for us.
    public struct Pause: Sendable, Equatable {
        /// The row is for at least this much speech.
        public var speechMs: Int
        public var pauseMs: Int

        public init(speechMs: Int, pauseMs: Int) {
            self.speechMs = speechMs
            self.pauseMs = pauseMs
        }
    }

    /// A greeting with at least this much speech may be a machine's: provisional voicemail.
    public var longGreetingMs = 2400
    /// With at least this much speech without a turn-taking pause it is one. A machine that is taken for
    /// a person is put right by its beep, a person taken for a machine by nothing: rather too long.
    public var machineGreetingMs = 3600
    /// The same when a transcript begins as people do: they may greet for so long, and machines have said
    /// by then what they are.
    public var toldGreetingMs = 6500
    /// By how much has been said, rising; the last row that fits counts. Machines pause, too, between
    /// the pieces of a prompt, and the longer they speak the longer they may.
    public var pauses = [
        Pause(speechMs: 0, pauseMs: 660), Pause(speechMs: 1100, pauseMs: 900),
        Pause(speechMs: 1800, pauseMs: 1200), Pause(speechMs: 2600, pauseMs: 1400),
    ]
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

    public init() {}

    /// The pause that makes a person of who has spoken for `speechMs`.
    public func pause(after speechMs: Int) -> Int {
        var needed = pauses.first?.pauseMs ?? 0
        for row in pauses where speechMs >= row.speechMs { needed = row.pauseMs }
        return needed
    }

    /// The default.
    public static let balanced = DetectionPolicy()

    /// Sooner, and more often wrong about machines that begin with a few words: for calls on which a
    /// person must not wait, and whose beep corrects the verdict.
    public static let fast: DetectionPolicy = {
        var policy = DetectionPolicy()
        policy.pauses = [
            Pause(speechMs: 0, pauseMs: 360), Pause(speechMs: 1100, pauseMs: 500),
            Pause(speechMs: 2600, pauseMs: 800),
        ]
        return policy
    }()

    /// Later, and surer: for calls on which talking to a machine costs more than a moment's wait.
    public static let careful: DetectionPolicy = {
        var policy = DetectionPolicy()
        policy.pauses = [
            Pause(speechMs: 0, pauseMs: 1000), Pause(speechMs: 1100, pauseMs: 1300),
            Pause(speechMs: 2600, pauseMs: 1700),
        ]
        return policy
    }()

    /// As configurations write it: `fast`, `balanced`, `careful`; nil for any other word.
    public init?(named name: String) {
        switch name {
        case "fast": self = .fast
        case "balanced": self = .balanced
        case "careful": self = .careful
        default: return nil
        }
    }
}
