public import Base
internal import CallModel
public import Detection
internal import MediaEngine
public import SecureRTP
public import Signalling
public import Streaming

/// Everything an operator can set, with the defaults of a single machine on loopback.
public struct PlatformConfiguration: Sendable {
    /// A host and a port to bind or to reach.
    public struct Endpoint: Sendable, Equatable {
        /// Name or numeric address; an IPv6 address without brackets.
        public var host: String
        /// 0…65535; binding 0 takes any free port.
        public var port: Int
        /// Neither is checked here.
        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
        /// True for 127.0.0.0/8, ::1 and `localhost`.
        public var isLoopback: Bool {
            // `127.example.com` is somebody else's name.
            host == "localhost" || host == "::1"
                || host.hasPrefix("127.")
                    && host.utf8.allSatisfy {
                        $0 == UInt8(ascii: ".")
                            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    }
        }
    }

    /// The carrier that calls to numbers go to; over UDP, unless `signalling` has trunks of its own.
    public struct Trunk: Sendable {
        /// Where its requests go.
        public var endpoint: Endpoint
        /// Digest username (RFC 7616); nil: the trunk trusts our address.
        public var username: String?
        /// Digest password (RFC 7616).
        public var password: Redacted<String>?
        /// Domain of our From address; nil: the trunk's host.
        public var domain: String?
        /// Its calls may share RTP ports (`rtpSharedPorts`): it uses another port of its own for
        /// each call and sends from where its SDP says.
        public var sharedPort = false
        /// What calls to numbers offer; nil: as everywhere.
        public var negotiation: NegotiationSettings?
        /// Shares no ports (`sharedPort`).
        public init(
            endpoint: Endpoint, username: String? = nil, password: Redacted<String>? = nil,
            domain: String? = nil, negotiation: NegotiationSettings? = nil
        ) {
            self.endpoint = endpoint
            self.username = username
            self.password = password
            self.domain = domain
            self.negotiation = negotiation
        }
    }

    /// What an inbound call to a user part meets.
    public enum Route: Sendable, Equatable {
        case echo
        case silence
        /// nil: the configured bot.
        case stream(url: String?)
        case play(path: String)
    }

    /// Lists and clock of the gate. What is not set makes its check fail.
    public struct ComplianceSettings: Sendable {
        /// Path of the national do-not-call list; nil: none loaded, and every number is refused
        /// unless `federalListWaiver` says why none is needed.
        public var federalListPath: String?
        /// When the national list was drawn; nil: the file's time of modification. Older than 31
        /// days it is refused (47 CFR 64.1200(c)(2)(i)(D)).
        public var federalListAsOf: WallTime?
        /// Why no national list is needed; shown in every decision. Without effect beside a list.
        public var federalListWaiver: String?
        /// State code → path of that state's list.
        public var stateListPaths: [String: String]
        /// Why lists that are not in `stateListPaths` are not needed; shown in every decision.
        public var stateListWaiver: String?
        /// The gate's clock, for demonstrations and tests only; refused unless every trunk is on
        /// loopback, and named in every decision made under it.
        public var demonstrationClock: WallTime?
        /// No list, no waiver, the machine's clock.
        public init() {
            stateListPaths = [:]
        }
    }

    /// An OpenAI-compatible endpoint for script generation; nil: the built-in template.
    public struct LanguageModel: Sendable {
        /// Up to and without `/chat/completions`: `https://api.openai.com/v1`.
        public var baseURL: String
        /// The endpoint's own name of the model.
        public var model: String
        /// Empty: the endpoint wants none.
        public var key: Redacted<String>
        /// Nothing is checked before the first script.
        public init(baseURL: String, model: String, key: Redacted<String>) {
            self.baseURL = baseURL
            self.model = model
            self.key = key
        }
    }

    /// Where the API listens. Beyond loopback it needs `apiKey`.
    public var http = Endpoint(host: "127.0.0.1", port: 8080)
    /// Where SIP listens.
    public var sip = Endpoint(host: "127.0.0.1", port: 5060)
    /// The address peers reach SIP under, when `sip` binds a wildcard.
    public var sipPublicHost: String?
    /// Numeric address that media sockets bind and SDP names.
    public var rtpAddress = "127.0.0.1"
    /// RTP on the even ones, RTCP on the odd ones above them (RFC 3550 11); within 1024…65535.
    public var rtpPorts = 20000...39999
    /// RTP ports of each media worker that calls of a trunk with `sharedPort` share; 0: none.
    public var rtpSharedPorts = 0
    /// Holds the store, the recordings and the journal of opt-outs; made if missing, for its owner
    /// only.
    public var dataDirectory = "var/trunkline"
    /// Directories besides the data directory from which audio files may be read.
    public var audioDirectories: [String] = []
    /// Audio named by URL may lie on hosts that are not on the public internet.
    public var allowsPrivateAudioHosts = false
    /// 0: one a core less one, at least one; `MediaEngine.maximumWorkers` at most.
    public var workers = 0
    /// CPUs to pin media workers to, in turn; empty: all usable ones but the first.
    public var cpus: [Int] = []
    /// Without one, telephone numbers cannot be called.
    public var trunk: Trunk?
    /// Transports, limits, trunks and traces of SIP. Addresses and `maximumCalls` above go before
    /// those in it; its trunks, when there are any, before `trunk`.
    public var signalling = SignallingConfiguration()
    /// WebSocket URL of the bot of calls that name neither bot nor clip; nil: those are silent.
    public var streamURL: String?
    /// Recogniser whose transcripts help to say who answered; nil: the sound alone does.
    public var transcriptURL: String?
    /// PEM file of the authority that signed the bot's certificate; nil: the system's.
    public var streamTrustPath: String?
    /// What a bot's URL does not say itself: mode, length and encoding of frames.
    public var streams = StreamDefaults()
    /// What inbound calls meet, by the user part of their Request-URI; others are refused.
    public var routes: [String: Route] = [
        "echo": .echo, "silence": .silence, "stream": .stream(url: nil),
    ]
    /// Bearer token of every HTTP request but health and metrics; nil: none, on loopback only.
    public var apiKey: Redacted<String>?
    /// Caller ID of single calls that give none.
    public var callerID: PhoneNumber?
    /// How soon, and how surely, it is said who answered.
    public var answerPolicy = DetectionPolicy.balanced
    /// How long a call may ring on after special information tones that say there is no such number; nil:
    /// as long as it may ring.
    public var informationGrace: Interval? = CallFlow.informationGrace
    /// Numbers of our own people, to whom calls may be handed over without asking the gate.
    public var transferNumbers: Set<PhoneNumber> = []
    /// The gate's lists and clock.
    public var compliance = ComplianceSettings()
    /// Words call scripts; nil: the built-in template alone.
    public var languageModel: LanguageModel?
    /// Live calls at one time; more are refused, or end as `engineFull`.
    public var maximumCalls = 2000
    /// Codecs, packet length and protection of media in offers and answers.
    public var negotiation = NegotiationSettings()
    /// Seconds without RTP and RTCP after which a call ends; 0 never.
    public var mediaTimeoutSeconds = 30
    /// Bytes of receive buffer asked for each media socket; 0: the kernel's default.
    public var receiveBuffer = 0
    /// Without SRTP, learn a far end that has not spoken from any host (docs/SECURITY.md).
    public var learnsAnyHost = false
    /// Which code protects media.
    public var srtpBackend = SRTPBackend.libcrypto
    /// Recordings that the server names itself are Ogg Opus (else WAV).
    public var recordsOpus = false
    /// Of Opus recordings: bits per second of both sides, and the encoder's effort, 0…10.
    public var recordingBitrate = 32_000
    /// Encoder effort, 0…10.
    public var recordingComplexity = 5

    /// The defaults above: one machine, loopback only, no trunk.
    public init() {}

    /// A setting that cannot work, in words that name the remedy.
    public struct Invalid: Error, CustomStringConvertible, Equatable {
        /// One sentence: the setting, and the remedy.
        public var description: String
        /// `description` is shown as it is.
        public init(_ description: String) { self.description = description }
    }

    /// Refuses combinations that would be unsafe.
    public func validate() throws(Invalid) {
        if !http.isLoopback, apiKey == nil {
            throw Invalid(
                "refusing to serve HTTP on \(http.host) without a key: set TRUNKLINE_API_KEY or "
                    + "`api_key` in the configuration, or bind --http to 127.0.0.1")
        }
        if compliance.demonstrationClock != nil, let host = remoteTrunk {
            throw Invalid(
                "compliance.demonstration_clock is for trunks on loopback only; a trunk is "
                    + "\(host): remove the setting")
        }
        guard (0...MediaEngine.maximumWorkers).contains(workers) else {
            throw Invalid(
                "--workers \(workers) is not usable: give 0 (one a core less one) to "
                    + "\(MediaEngine.maximumWorkers)")
        }
        // What SDP names: a wildcard there says hold (RFC 3264 8.4).
        guard !["0.0.0.0", "::"].contains(rtpAddress) else {
            throw Invalid(
                "rtp.address \(rtpAddress) says nothing to far ends: give the address they send to")
        }
        for (name, value, range) in [
            ("maximum_calls", maximumCalls, 1...100_000),
            ("media_timeout_seconds", mediaTimeoutSeconds, 0...86_400),
            ("recording.bitrate", recordingBitrate, 12_000...510_000),
            ("recording.complexity", recordingComplexity, 0...10),
        ] where !range.contains(value) {
            throw Invalid(
                "\(name) \(value) is not \(range.lowerBound) to \(range.upperBound)")
        }
        if let problem = streams.problem { throw Invalid(problem) }
        guard (try? Platform.check(streamURL: transcriptURL, field: "")) != nil else {
            throw Invalid("stream.transcript_url must be a ws:// or wss:// URL")
        }
        try negotiation.validate("")
        try trunk?.negotiation?.validate("trunk.")
        guard rtpPorts.lowerBound >= 1024, rtpPorts.upperBound <= 65535, rtpPorts.count >= 2 else {
            throw Invalid(
                "--rtp-ports \(rtpPorts.lowerBound)-\(rtpPorts.upperBound) is not usable: give a "
                    + "range within 1024-65535 of at least two ports")
        }
    }

    /// A number can be called: any of the trunks will do.
    var hasTrunk: Bool { trunk != nil || !signalling.trunks.isEmpty }

    /// The host of a trunk that is not this machine, if there is one: `trunk_2` counts as `trunk`.
    private var remoteTrunk: String? {
        ((trunk.map { [$0.endpoint.host] } ?? []) + signalling.trunks.map(\.host))
            .first { !Endpoint(host: $0, port: 0).isLoopback }
    }
}
