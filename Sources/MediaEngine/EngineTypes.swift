public import Audio
public import Base
public import CallModel
public import Detection
public import Media

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
    public var maximumLegs: Int
    /// A worker whose ticks were later than this (99th percentile of the last seconds) takes no new
    /// legs; nil: load is never a reason to refuse one.
    public var maximumTickLateness: Interval?
    /// Folder of recordings whose path is relative.
    public var recordingDirectory: String
    /// Ask for SCHED_RR.
    public var realtime: Bool
    /// Receives one line a fact that an operator should know (no realtime class, a full disk).
    public var warn: @Sendable (String) -> Void

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
    case system(call: String, errno: Int32)
    case capture(String)

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
        case .system(let call, let errno):
            "\(call) failed: \(systemErrorText(errno))"
        case .capture(let text): text
        }
    }
}

/// A new leg: its socket is bound, so `port` may go into an SDP.
public struct LegHandle: Sendable, Equatable {
    public let id: LegID
    public let port: Int
    public var rtcpPort: Int { port + 1 }
}

/// What a leg can be told. Takes effect before the leg's next tick.
public enum LegCommand: Sendable {
    /// The far end's media became known or changed.
    case configure(RemoteMedia)
    /// The call was answered: zero of the detectors' clock.
    case answered
    /// Plays a clip; one already playing is replaced and reported as not completed.
    case play(id: Int, clip: PlaybackClip)
    case stopPlaying
    case attach(AudioBridge)
    case detach
    case sendDTMF(Character, durationMs: Int)
    /// Stereo WAV, 8 kHz: left what was received, right what was sent.
    case startRecording(path: String)
    case stopRecording
}

/// Something that happened on a leg. `closed` is the last event of a leg.
public struct EngineEvent: Sendable {
    public var leg: LegID
    public var kind: Kind

    public init(leg: LegID, kind: Kind) {
        self.leg = leg
        self.kind = kind
    }

    public enum Kind: Sendable, Equatable {
        case detection(DetectionEvent)
        case dtmf(Character, source: DTMFSource)
        case playStarted(id: Int, atSample: Int)
        case playFinished(id: Int, completed: Bool)
        case mediaStarted
        case mediaTimeout
        case recordingFinished(path: String)
        case recordingFailed(path: String, reason: String)
        case closed(MediaSummary)
    }
}
