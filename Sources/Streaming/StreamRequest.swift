public import Base
public import CallModel

/// What one media stream is: where the bot is and what it is told about the call.
public struct StreamRequest: Sendable {
    /// How the certificate of a `wss://` bot is checked.
    public enum TLSTrust: Sendable, Hashable {
        /// The certificate authorities of this machine; the host name must match.
        case system
        /// The authorities (or the self-signed certificate) in this PEM file, instead of the
        /// machine's; the host name must match.
        case pem(file: String)
        /// Any certificate of any name. Only for tests: whoever sits between hears the call.
        case none
    }

    /// `ws://host[:port]/path?query` or `wss://…`; `mux+` or `call+` in front chooses the mode, a
    /// fragment such as `#frame=100` our options. May hold secrets in path and query: only host and
    /// port are ever logged.
    public var url: String
    /// The stream's own identifier, Twilio's `streamSid`.
    public var streamID: String
    /// Twilio's `callSid`.
    public var callID: CallID
    /// Twilio's `accountSid`.
    public var accountID: String
    /// Twilio's `customParameters`; may hold people's data, never logged.
    public var parameters: [String: String]
    /// Extra fields of the upgrade request, in order, for example `Authorization`.
    public var headers: [(name: String, value: String)]
    /// For name resolution, TCP, TLS and the WebSocket upgrade together.
    public var connectTimeout: Interval
    /// Of no use with `ws://`.
    public var tlsTrust: TLSTrust
    /// The other side hears and says what it understands; audio from it is refused.
    public var isListener = false

    /// Nothing is checked here: what cannot work ends the stream with `failed`.
    public init(
        url: String, streamID: String, callID: CallID, accountID: String = "trunkline",
        parameters: [String: String] = [:], headers: [(name: String, value: String)] = [],
        connectTimeout: Interval = .seconds(5), tlsTrust: TLSTrust = .system
    ) {
        self.url = url
        self.streamID = streamID
        self.callID = callID
        self.accountID = accountID
        self.parameters = parameters
        self.headers = headers
        self.connectTimeout = connectTimeout
        self.tlsTrust = tlsTrust
    }
}

/// What a stream tells its owner, on the stream's thread. `ended` or `failed` comes exactly
/// once, and last.
public enum StreamEvent: Sendable, Equatable {
    /// The bot accepted; `connected` and `start` are on their way to it.
    case connected
    /// This mark went back to the bot: the audio before it has left as RTP, or was cleared.
    case mark(name: String)
    /// What the bot, or a speech recogniser, has understood of the far end so far.
    case transcript(String)
    /// The bot cleared its playout; `marks` were outstanding and went back, each with its own
    /// `mark` event before this one.
    case cleared(marks: Int)
    /// A proper end: `stop()`, the leg is gone, or the bot closed the stream.
    case ended(reason: String)
    /// Never connected, or broke: refused, timed out, TLS, protocol violation, connection lost.
    case failed(reason: String)
}

/// What a peer can make a stream hold or wait for. Reaching a limit is counted in
/// `StreamStatistics` and logged once a stream.
public struct StreamLimits: Sendable {
    /// Bot audio waiting to be played, in milliseconds (1 byte each 1/8 ms: 5 min = 2.4 MB).
    /// Beyond it the newest audio is dropped.
    public var maximumPlayoutMilliseconds = 300_000
    /// Marks waiting for their audio. Beyond it a mark is ignored: a bot needs a few a sentence.
    public var maximumMarks = 1000
    /// Bytes of one text message; 1 MiB is about 98 s of audio. A larger one is skipped unread.
    public var maximumMessageBytes = 1 << 20
    /// Bytes waiting for a bot that does not read; above it media frames are dropped. 64 KiB is
    /// about three seconds, and older audio is of no use in a conversation.
    public var maximumOutboundBytes = 1 << 16
    /// Bytes waiting when only control messages (mark, dtmf, pong) still go in: the stream fails.
    public var maximumControlBytes = 1 << 20
    /// Bytes waiting for a bot that does not read a multiplexed connection; above it frames stay in
    /// the legs' rings, where the oldest go first. 1 MiB is 0.1 s of 1000 legs.
    public var maximumMuxOutboundBytes = 1 << 20
    /// Legs on one multiplexed connection; one more opens another connection.
    public var maximumMuxLegs = 1000
    /// Multiplexed connections at once, of all URLs.
    public var maximumMuxConnections = 256
    /// First pause before a multiplexed connection is opened again; it doubles each time.
    public var muxRetry: Interval = .milliseconds(100)
    /// Longest of those pauses.
    public var muxRetryLimit: Interval = .seconds(5)
    /// How long a multiplexed connection has to stay open until earlier breaks are forgotten: a bot that
    /// accepts and drops is not there.
    public var muxProof: Interval = .seconds(5)
    /// How long a leg waits for its connection, at the start or after a break.
    public var muxPatience: Interval = .seconds(10)
    /// How long a multiplexed connection without legs stays open.
    public var muxIdle: Interval = .seconds(30)
    /// Streams open at once.
    public var maximumStreams = 10_000
    /// Digits kept for a bot that is not connected yet.
    public var maximumEarlyDigits = 32
    /// A ping goes out this often.
    public var pingInterval: Interval = .seconds(15)
    /// A bot from which nothing at all (not even a pong) came for this long is gone.
    public var silenceTimeout: Interval = .seconds(45)
    /// How long a closing bot may take to answer our close frame.
    public var closeTimeout: Interval = .seconds(2)

    /// The limits above.
    public init() {}
}

/// Counts of one stream.
public struct StreamStatistics: Sendable, Equatable {
    /// WebSocket text messages; of a multiplexed leg its records.
    public var messagesSent = 0
    /// Messages of the bot, whatever they hold; of a multiplexed leg its records.
    public var messagesReceived = 0
    /// `media` messages (audio records) sent to the bot, and those dropped because it did not read.
    public var mediaSent = 0
    /// `media` messages (audio records) that were not sent because the bot did not read.
    public var mediaDropped = 0
    /// Samples of bot audio accepted, and dropped because the playout queue was full.
    public var playoutSamples = 0
    /// Samples of bot audio dropped because the playout queue was full.
    public var playoutDroppedSamples = 0
    /// Marks that were due: their audio has left as RTP, or was cleared.
    public var marksReturned = 0
    /// Marks refused because `maximumMarks` were outstanding.
    public var marksRefused = 0
    /// Times that the bot cleared its playout.
    public var clears = 0
    /// Text that is no JSON object, or lacks what its event needs.
    public var malformed = 0
    /// Events that are no media, mark, clear or transcript.
    public var unknown = 0
    /// Binary messages of a per-call bot, which are skipped; 0 for a multiplexed leg.
    public var binary = 0
    /// Messages longer than `maximumMessageBytes`, skipped unread; 0 for a multiplexed leg, whose
    /// messages are its connection's.
    public var oversized = 0

    /// All 0.
    public init() {}
}

/// Errors of this room. `description` is one line for an operator, without secrets.
public enum StreamError: Error, Equatable, Sendable, CustomStringConvertible {
    case wakePipe(errno: Int32)
    case thread(errno: Int32)
    case incompatibleEventLoop
    case badURL(String)
    case badDefaults(String)
    case badHeader(name: String)
    case unsupportedRate(Int)
    case trust(String)
    case tooManyStreams(limit: Int)
    case tooManyConnections(limit: Int)
    case shutDown
    case cancelled
    case timeout(address: String, milliseconds: Int64)
    case unresolved(host: String)
    case unreachable(address: String, reason: String)
    case certificate(address: String, reason: String)
    case tls(address: String, reason: String)
    case refusedUpgrade(address: String, status: Int, reason: String)
    case badUpgrade(address: String, reason: String)

    /// One line for an operator, with the remedy where there is one.
    public var description: String {
        switch self {
        case .wakePipe(let errno):
            "cannot make the stream wake pipe (errno \(errno)); raise the open file limit"
        case .thread(let errno):
            "cannot start the stream thread (errno \(errno)); raise the process and open file limits"
        case .incompatibleEventLoop: "streams need a MultiThreadedEventLoopGroup"
        case .badURL(let reason): "the stream URL is not usable: \(reason)"
        case .badDefaults(let reason): reason
        case .badHeader(let name): "the stream header \(name) is not allowed or not well formed"
        case .unsupportedRate(let rate):
            "the leg's bridge runs at \(rate) Hz, its stream at another rate"
        case .trust(let reason): "the TLS trust setting is not usable: \(reason)"
        case .tooManyStreams(let limit): "the limit of \(limit) open streams is reached"
        case .tooManyConnections(let limit):
            "the limit of \(limit) multiplexed connections is reached"
        case .shutDown: "the server is shutting down"
        case .cancelled: "stopped before the bot was connected"
        case .timeout(let address, let milliseconds):
            "no WebSocket from the bot at \(address) within \(milliseconds) ms"
        case .unresolved(let host): "the bot's host name \(host) does not resolve"
        case .unreachable(let address, let reason): "cannot reach the bot at \(address): \(reason)"
        case .certificate(let address, let reason):
            "the certificate of the bot at \(address) is refused: \(reason)"
        case .tls(let address, let reason): "TLS with the bot at \(address) failed: \(reason)"
        case .refusedUpgrade(let address, let status, let reason):
            "the bot at \(address) refused the WebSocket: HTTP \(status) \(reason)"
        case .badUpgrade(let address, let reason):
            "the bot at \(address) does not speak WebSocket: \(reason)"
        }
    }

    /// The value of the metric label `result`.
    var metricResult: String {
        switch self {
        case .timeout: "timeout"
        case .unresolved, .unreachable: "unreachable"
        case .certificate, .tls, .trust: "tls"
        case .refusedUpgrade, .badUpgrade: "refused"
        case .cancelled, .shutDown: "cancelled"
        default: "invalid"
        }
    }
}
