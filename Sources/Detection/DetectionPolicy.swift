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

    // MARK: answer verdict

    /// A greeting with at least this much speech may be a machine's: provisional voicemail.
    public var longGreetingMs = 2400
    /// With at least this much speech without a turn-taking pause it is one.
    public var machineGreetingMs = 3200
    /// Up to this much speech is a mere hello.
    public var helloMs = 1000
    /// This much silence after a hello is a person waiting for us to speak.
    public var helloPauseMs = 620
    /// The same after a greeting between `helloMs` and `longGreetingMs`: people speak on sooner
    /// than machines, whose prompts are put together from pieces.
    public var humanPauseMs = 800
    /// The same after a greeting between `longGreetingMs` and `machineGreetingMs`.
    public var longHumanPauseMs = 1000
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

    /// The default: a short hello is a human about 0.7 s after it ends.
    public static let balanced = DetectionPolicy()
}
