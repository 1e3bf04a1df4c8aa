public import CallModel
public import Media
internal import Telemetry

/// A link to be made: one direction of audio from one leg to another.
///
/// | to do this | links |
/// |---|---|
/// | bridge A and B | A received → B, B received → A |
/// | listen in on A | A both → S |
/// | whisper to A | S received → A |
/// | barge into A and B | S received → A, S received → B |
public struct LinkSpec: Sendable, Equatable {
    /// The leg that gives audio.
    public var from: LegID
    /// The leg that says it to its far end.
    public var to: LegID
    /// What of `from` is given.
    public var tap: LinkTap
    /// −60…12 dB.
    public var gainDecibels: Double
    /// Telephone-events of the source's far end are sent on as digits.
    public var digits: Bool

    /// Nothing is checked here: `connect` throws `unusableLink`.
    public init(
        from: LegID, to: LegID, tap: LinkTap = .received, gainDecibels: Double = 0,
        digits: Bool = false
    ) {
        self.from = from
        self.to = to
        self.tap = tap
        self.gainDecibels = gainDecibels
        self.digits = digits
    }
}

/// A link that exists.
public struct LinkDescription: Sendable, Equatable {
    /// Its name for `disconnect`, `setGain` and `setMuted`.
    public let id: LinkID
    /// The leg that gives audio.
    public let from: LegID
    /// The leg that says it to its far end.
    public let to: LegID
    /// What of `from` is given.
    public let tap: LinkTap
    /// Hz, 8000 or 16 000; the legs convert where theirs is another.
    public let sampleRate: Int
    /// Telephone-events of the source's far end are sent on as digits.
    public let digits: Bool
    /// At the moment of asking.
    public let isMuted: Bool

    init(_ link: LegLink) {
        id = link.id
        from = link.from
        to = link.to
        tap = link.tap
        sampleRate = link.sampleRate
        digits = link.relaysDigits
        isMuted = link.isMuted
    }
}

// connect ─► LinkTable: legs, limits, rate ─► LegLink ─► one order to each leg's worker
// disconnect, a leg's end ─► a flag in the link ─► both ends let go at their next tick
//                                                  └─ `linkEnded` from the leg that it led to

extension MediaEngine {
    /// Links two legs; heard from the next tick on that finds both. Ends with `disconnect` or with
    /// either leg; its `linkEnded` event comes from the leg that it leads to, once.
    public func connect(_ spec: LinkSpec) throws(EngineError) -> LinkID {
        let link = try withLinks { (table) throws(EngineError) in try table.connect(spec) }
        // The listener first: it waits for the frames that the writer is then told to give.
        guard push(.linkInput(link), to: spec.to), push(.linkOutput(link), to: spec.from) else {
            disconnect(link.id)
            throw .queueFull
        }
        refreshLinkGauge()
        return link.id
    }

    /// Ends a link; false when there is none.
    @discardableResult
    public func disconnect(_ id: LinkID) -> Bool {
        defer { refreshLinkGauge() }
        return withLinks { $0.remove(id, because: .disconnected) }
    }

    /// False when there is no such link or `decibels` is not within −60…12.
    @discardableResult
    public func setGain(_ decibels: Double, of id: LinkID) -> Bool {
        guard LegLink.gains.contains(decibels), let link = withLinks({ $0.link(id) }) else {
            return false
        }
        link.setGain(decibels: decibels)
        return true
    }

    /// False when there is no such link.
    @discardableResult
    public func setMuted(_ isMuted: Bool, of id: LinkID) -> Bool {
        guard let link = withLinks({ $0.link(id) }) else { return false }
        link.setMuted(isMuted)
        return true
    }

    /// Every link, or those of one leg, oldest first.
    public func links(of leg: LegID? = nil) -> [LinkDescription] {
        withLinks { table in leg.map { table.links(of: $0) } ?? table.all }
            .map { LinkDescription($0) }
    }

    /// The link as it is now; nil when there is none of that name.
    public func link(_ id: LinkID) -> LinkDescription? {
        withLinks { $0.link(id) }.map { LinkDescription($0) }
    }

    /// Links that exist now, of all legs.
    public var linkCount: Int { withLinks { $0.count } }
}
