internal import Audio
internal import Base
public import CallModel
internal import Synchronization

//          worker of leg A                               worker of leg B
//
//  received ─► PlayoutBuffer ─┐                       ┌─► LinkReader ─┐
//                             ├─► LinkWriter ═ ring ═─┘   gain, ramps ├─► Mixer ─► Limiter ─► said
//  sent ─────► line ──────────┘                           other links ┤
//                                                         bot, clip ──┘

/// What of a leg a link carries.
public enum LinkTap: String, Sendable, CaseIterable {
    /// What the leg's far end says, smoothed for a human by the playout buffer.
    case received
    /// What we say to the leg's far end: clip, bot, other legs.
    case sent
    /// Both, mixed: who listens in hears the whole conversation.
    case both

    var hasReceived: Bool { self != .sent }
    var hasSent: Bool { self != .received }
}

/// Why a link ended.
public enum LinkEndReason: UInt8, Sendable, CaseIterable {
    case disconnected = 1
    /// The leg that it came from has ended.
    case sourceClosed
    /// The leg that it led to has ended.
    case targetClosed

    /// The word on the wire and in metrics.
    public var label: String {
        switch self {
        case .disconnected: "disconnected"
        case .sourceClosed: "source_closed"
        case .targetClosed: "target_closed"
        }
    }
}

/// One direction of audio from one leg to another, lock-free: leg A's worker writes a frame each of
/// its ticks, leg B's worker reads one for each frame that it sends.
///
/// Both ends hold the link; any thread may end it or change its level. An ended link is a flag that
/// each end sees at its next tick and lets go: neither waits for the other, and a leg that closes in
/// mid-bridge leaves nothing behind.
public final class LegLink: Sendable {
    /// Rates that a link may run at, Hz. The ends convert where their leg has another.
    public static let sampleRates = [8000, 16_000]
    /// Level changes that are taken, dB.
    public static let gains: ClosedRange<Double> = -60...12
    /// What the ring holds, ms: more than a worker that was stopped makes up at once (200 ms).
    static let capacityMilliseconds = 250
    /// Digits on their way at most.
    static let digitLimit = 16
    /// How long a digit passed on sounds, ms: its true length is not known when it begins.
    static let digitMilliseconds = 100

    /// Its name in orders and events.
    public let id: LinkID
    /// The leg that gives audio.
    public let from: LegID
    /// The leg that says it to its far end.
    public let to: LegID
    /// What of `from` is given.
    public let tap: LinkTap
    /// Hz.
    public let sampleRate: Int
    /// Telephone-events of A's far end are sent to B's as digits.
    public let relaysDigits: Bool

    let ring: SampleRing
    /// ASCII codes.
    let digits = SampleRing(capacity: digitLimit)
    private let lastWrite = Atomic<Int64>(.min)
    private let gainBits: Atomic<UInt32>
    private let muted = Atomic<Bool>(false)
    private let ending = Atomic<UInt8>(0)

    /// - Parameters:
    ///   - sampleRate: 8000 or 16,000; anything else becomes 8000.
    ///   - gainDecibels: brought into `gains`.
    public init(
        id: LinkID, from: LegID, to: LegID, tap: LinkTap = .received, sampleRate: Int = 8000,
        gainDecibels: Double = 0, relaysDigits: Bool = false
    ) {
        self.id = id
        self.from = from
        self.to = to
        self.tap = tap
        self.sampleRate = Self.sampleRates.contains(sampleRate) ? sampleRate : 8000
        self.relaysDigits = relaysDigits
        ring = SampleRing(capacity: self.sampleRate * Self.capacityMilliseconds / 1000)
        gainBits = Atomic(Self.factor(gainDecibels).bitPattern)
    }

    // MARK: any thread

    /// Ends the link; the first reason stays.
    public func end(_ reason: LinkEndReason) {
        _ = ending.compareExchange(
            expected: 0, desired: reason.rawValue, ordering: .acquiringAndReleasing)
    }

    /// Why the link has ended; nil while it has not.
    public var ended: LinkEndReason? { LinkEndReason(rawValue: ending.load(ordering: .acquiring)) }

    /// - Parameter decibels: brought into `gains`.
    public func setGain(decibels: Double) {
        gainBits.store(Self.factor(decibels).bitPattern, ordering: .relaxed)
    }

    /// Silences the link without ending it, and keeps digits back; the gain stays as it was set.
    public func setMuted(_ isMuted: Bool) { muted.store(isMuted, ordering: .relaxed) }
    /// Nothing of the link is heard, and no digit passes.
    public var isMuted: Bool { muted.load(ordering: .relaxed) }

    /// What the reader multiplies by.
    var gain: Float { isMuted ? 0 : Float(bitPattern: gainBits.load(ordering: .relaxed)) }

    // MARK: the writer

    /// Appends a frame of nominal time `now`; returns the samples that found no room.
    func write(_ samples: UnsafeBufferPointer<Int16>, now: Instant) -> Int {
        let taken = ring.write(samples)
        lastWrite.store(now.nanoseconds, ordering: .releasing)
        return samples.count - taken
    }

    /// False when too many digits wait.
    func pass(digit: Character) -> Bool {
        guard let code = digit.asciiValue else { return false }
        return withUnsafePointer(to: Int16(code)) {
            digits.write(UnsafeBufferPointer(start: $0, count: 1)) == 1
        }
    }

    // MARK: the reader

    /// Nominal time of the newest frame; nil before the first.
    var newestFrame: Instant? {
        let time = lastWrite.load(ordering: .acquiring)
        return time == .min ? nil : Instant(nanoseconds: time)
    }

    func takeDigit() -> Character? {
        var code: Int16 = 0
        let count = withUnsafeMutablePointer(to: &code) {
            digits.read(into: UnsafeMutableBufferPointer(start: $0, count: 1))
        }
        guard count == 1, let byte = UInt8(exactly: code) else { return nil }
        return Character(Unicode.Scalar(byte))
    }

    private static func factor(_ decibels: Double) -> Float {
        let bounded = max(gains.lowerBound, min(gains.upperBound, decibels))
        guard bounded != 0 else { return 1 }
        return Float(Elementary.amplitude(decibels: bounded))
    }
}
