public import Audio
public import Base
public import CallModel
public import Detection
public import Media
public import SecureRTP

/// How a `MediaEngine` is set up.
public struct MediaEngineConfiguration: Sendable {
    /// Numeric local address that every media socket binds.
    public var address: String
    /// UDP ports: RTP on the even ones, RTCP on the odd ones above them (RFC 3550 11).
    public var ports: ClosedRange<Int>
    /// Worker threads; 0: one a usable CPU less one, at least one.
    public var workers: Int
    /// CPUs to pin the workers to, in turn; empty: all usable ones but the first.
    public var cpus: [Int]
    /// How long a port rests after its leg has gone, so that a late packet of the old call cannot
    /// reach a new one.
    public var quarantine: Interval
    /// Silence on RTP and RTCP after which an answered leg reports `mediaTimeout`; nil: never.
    public var mediaTimeout: Interval?
    /// Write end of a non-blocking pipe that wakes the stream side; -1: none.
    public var streamWakeFD: Int32
    /// A worker wakes the stream side no sooner than this after the last time: at many calls one write
    /// takes more of them along. A frame after a pause is never held back.
    public var streamWakePeriod = Interval.milliseconds(4)
    /// Legs at once, all workers together; one more throws `tooManyLegs`.
    public var maximumLegs: Int
    /// A worker whose ticks were later than this (99th percentile of the last seconds) takes no new
    /// legs; nil: load is never a reason to refuse one.
    public var maximumTickLateness: Interval?
    /// Folder of recordings whose path is relative.
    public var recordingDirectory: String
    /// Bytes of receive buffer asked for each media socket; 0: the kernel's default. What the kernel
    /// does not grant is warned of, with the sysctl to raise.
    public var receiveBuffer = 0
    /// `LegOptions.learnsAnyHost` for every leg.
    public var learnsAnyHost = false
    /// `LegOptions.srtpBackend` for every leg, where it is not libcrypto.
    public var srtpBackend = SRTPBackend.libcrypto
    /// How recordings whose path says Opus are encoded.
    public var opusRecording = OpusRecordingOptions()
    /// Ask for SCHED_RR.
    public var realtime: Bool
    /// UDP ports (each with the RTCP port above) of each worker that legs may share which ask for it
    /// (`LegOptions.sharedPort`); 0: none. Taken from `ports` when the engine starts.
    public var sharedPorts = 0
    /// Receives one line a fact that an operator should know (no realtime class, a full disk).
    public var warn: @Sendable (String) -> Void

    /// The settings without a parameter have the defaults above. Nothing is checked here:
    /// `MediaEngine.init` throws `badConfiguration` or `addressUnavailable`.
    public init(
        address: String = "127.0.0.1", ports: ClosedRange<Int> = 20000...39999, workers: Int = 0,
        cpus: [Int] = [], quarantine: Interval = .seconds(30),
        mediaTimeout: Interval? = .seconds(30), streamWakeFD: Int32 = -1, maximumLegs: Int = 8192,
        maximumTickLateness: Interval? = .milliseconds(30),
        recordingDirectory: String = ".", realtime: Bool = true,
        warn: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.address = address
        self.ports = ports
        self.workers = workers
        self.cpus = cpus
        self.quarantine = quarantine
        self.mediaTimeout = mediaTimeout
        self.streamWakeFD = streamWakeFD
        self.maximumLegs = maximumLegs
        self.maximumTickLateness = maximumTickLateness
        self.recordingDirectory = recordingDirectory
        self.realtime = realtime
        self.warn = warn
    }
}

/// Why the engine could not do what it was asked. `description` names the thing and the remedy.
public enum EngineError: Error, Equatable, Sendable, CustomStringConvertible {
    case portsExhausted(ClosedRange<Int>)
    case portInUse(Int)
    case tooManyLegs(limit: Int)
    /// Every worker's ticks are late already: another leg would make all of them stutter.
    case overloaded(latenessMilliseconds: Int, limitMilliseconds: Int)
    case addressUnavailable(String)
    case badConfiguration(String)
    case shutDown
    case noSuchLeg(LegID)
    /// Links to a leg, or from it.
    case tooManyLinks(LegID, limit: Int)
    case unusableLink(String)
    /// The worker takes no more orders: it stands still.
    case queueFull
    case system(call: String, errno: Int32)
    case capture(String)

    /// One sentence for an operator, with the remedy where there is one.
    public var description: String {
        switch self {
        case .portsExhausted(let range):
            "no free RTP port in \(range.lowerBound)-\(range.upperBound): widen --rtp-ports, or "
                + "wait for ports of ended calls to leave quarantine"
        case .portInUse(let port):
            "UDP port \(port) is in use by another process: choose another --rtp-ports range"
        case .tooManyLegs(let limit):
            "all \(limit) media legs are in use: end calls or raise the limit of legs"
        case .overloaded(let lateness, let limit):
            "the media threads run \(lateness) ms late (limit \(limit) ms), so no new leg is "
                + "taken: place fewer calls at once, give the media threads more CPUs, or permit "
                + "real-time priority"
        case .addressUnavailable(let address):
            "cannot bind media to \(address): set --rtp-address to an address of this machine"
        case .badConfiguration(let text): text
        case .shutDown: "the media engine has been shut down"
        case .noSuchLeg(let id): "there is no leg \(id)"
        case .tooManyLinks(let id, let limit):
            "\(id) has \(limit) links in this direction already: end one first"
        case .unusableLink(let text): text
        case .queueFull: "a media worker takes no more commands: the machine is overloaded"
        case .system(let call, let errno):
            "\(call) failed: \(systemErrorText(errno))" + Self.remedy(errno: errno)
        case .capture(let text): text
        }
    }
}

/// A new leg: its socket is bound, so `port` may go into an SDP.
public struct LegHandle: Sendable, Equatable {
    /// Its name in orders and events; not given again before 2³² others.
    public let id: LegID
    /// UDP port of RTP; a shared one is other legs' port too.
    public let port: Int
    /// Other legs receive on this port, too.
    public let isShared: Bool
    /// The port above RTP's, bound with it (RFC 3550 11).
    public var rtcpPort: Int { port + 1 }
}

/// What a leg can be told. Takes effect before the leg's next tick.
public enum LegCommand: Sendable {
    /// The far end's media became known or changed.
    case configure(RemoteMedia)
    /// The call was answered: zero of the detectors' clock.
    case answered
    /// Transcripts of the far end will come, or none any more: who answered waits for them, or not.
    case expectTranscript(Bool)
    /// What a speech recogniser has understood of the far end since the answer, from its first word
    /// on. Nothing of the text is kept; beyond `AnswerHints.characterLimit` it is not read.
    case transcript(String)
    /// Who answered is a mailbox, whatever the verdict was, and its message may begin.
    case isVoicemail
    /// Plays a clip; one already playing is replaced and reported as not completed. `loops`: over
    /// and over until it is stopped; `mixed`: under what else the leg says, not in its place.
    /// Refused above `MediaEngine.clipLimit`.
    case play(id: Int, clip: PlaybackClip, loops: Bool = false, mixed: Bool = false)
    /// The far end hears the music, over and over, or silence; nobody linked hears the far end. A
    /// bot stays attached: it is heard again after `resume`.
    case hold(music: PlaybackClip?)
    case resume
    case stopPlaying
    case attach(AudioBridge)
    case detach
    case sendDTMF(Character, durationMs: Int)
    /// Stereo, 8 or 16 kHz as the leg is then: left what was received, right what was sent.
    /// `RecordingFormat` says by the path's extension whether it is WAV or Ogg Opus.
    case startRecording(path: String)
    case stopRecording
}

/// Something that happened on a leg. `closed` is the last event of a leg.
public struct EngineEvent: Sendable {
    /// The leg that it happened on.
    public var leg: LegID
    /// What happened.
    public var kind: Kind

    /// For tests and relays; the engine makes its own.
    public init(leg: LegID, kind: Kind) {
        self.leg = leg
        self.kind = kind
    }

    /// As `LegOutput`, and what only the engine knows: recordings and the end.
    public enum Kind: Sendable, Equatable {
        case detection(DetectionEvent)
        case dtmf(Character, source: DTMFSource)
        case playStarted(id: Int, atSample: Int)
        case playFinished(id: Int, completed: Bool)
        case mediaStarted
        case mediaTimeout
        /// A link that led to this leg has ended.
        case linkEnded(LinkID, LinkEndReason)
        /// DTLS gave keys; how long the handshake took.
        case mediaSecured(SRTPSuite, handshake: Interval)
        /// DTLS gave none: the leg is silent, and goes on.
        case mediaSecurityFailed(DTLSFailure)
        case recordingFinished(path: String)
        case recordingFailed(path: String, reason: String)
        case closed(MediaSummary)
    }
}
