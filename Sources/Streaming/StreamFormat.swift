/// How the frames of a stream travel.
public enum StreamMode: String, Sendable, Hashable {
    /// A WebSocket a call, in the Twilio Media Streams dialect.
    case call
    /// One WebSocket carries many calls (docs/STREAMING.md, "The multiplexed stream").
    case multiplexed
}

/// What one sample is on the wire.
public enum StreamEncoding: String, Sendable, Hashable {
    /// ITU-T G.711 µ-law, one byte a sample, 8000 Hz.
    case muLaw = "mulaw"
    /// 16 bit two's complement, little-endian.
    case linear16

    /// Bytes of a sample on the wire.
    public var bytesPerSample: Int { self == .muLaw ? 1 : 2 }
}

/// What a stream's URL does not say itself.
public struct StreamDefaults: Sendable, Equatable {
    /// Milliseconds of audio in a message to the bot, per-call and multiplexed.
    public static let frameChoices = [20, 40, 60, 80, 100]
    /// Hz; more than 8000 only with `linear16`.
    public static let rateChoices = [8000, 16_000]
    /// WebSockets that the legs of one URL may share.
    public static let connectionChoices = 1...64
    /// Milliseconds that frames may be held back for others.
    public static let gatherChoices = 1...20

    /// What `ws://` and `wss://` mean; `mux+ws://` and `call+ws://` say it themselves.
    public var mode: StreamMode
    /// Audio of one message to the bot, one of `frameChoices`.
    public var frameMilliseconds: Int
    /// Of multiplexed streams; the per-call dialect knows µ-law only.
    public var encoding: StreamEncoding
    /// Hz, both ways: one of `rateChoices`.
    public var sampleRate: Int
    /// Multiplexed connections a URL, over which legs are spread.
    public var connections: Int
    /// At most so long are frames held back for others that go out with them.
    public var gatherMilliseconds = 4

    /// Nothing is checked here: see `problem`.
    public init(
        mode: StreamMode = .call, frameMilliseconds: Int = 20, encoding: StreamEncoding = .muLaw,
        sampleRate: Int = 8000, connections: Int = 1
    ) {
        self.mode = mode
        self.frameMilliseconds = frameMilliseconds
        self.encoding = encoding
        self.sampleRate = sampleRate
        self.connections = connections
    }

    /// Why these settings cannot work, in words that name the remedy; nil when they can.
    public var problem: String? {
        if !Self.frameChoices.contains(frameMilliseconds) {
            return "stream.frame_milliseconds must be one of "
                + Self.frameChoices.map(String.init).joined(separator: ", ")
        }
        if !Self.rateChoices.contains(sampleRate) {
            return "stream.sample_rate must be 8000 or 16000"
        }
        if encoding == .muLaw, sampleRate != 8000 {
            return "stream.sample_rate 16000 needs stream.encoding linear16"
        }
        if !Self.connectionChoices.contains(connections) {
            return "stream.connections must be from 1 to \(Self.connectionChoices.upperBound)"
        }
        if !Self.gatherChoices.contains(gatherMilliseconds) {
            return "stream.gather_milliseconds must be from 1 to \(Self.gatherChoices.upperBound)"
        }
        return nil
    }
}

/// How one stream's frames look, settled from its URL and the defaults.
struct StreamFormat: Equatable, Sendable {
    var mode: StreamMode
    var frameMilliseconds: Int
    var encoding: StreamEncoding
    var sampleRate: Int

    var frameSamples: Int { sampleRate / 1000 * frameMilliseconds }
    var frameBytes: Int { frameSamples * encoding.bytesPerSample }
}
