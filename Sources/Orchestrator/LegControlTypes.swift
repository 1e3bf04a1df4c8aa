public import CallModel
internal import Media

/// Who has a media leg: a live call or a bare leg, as the API names them.
public enum MediaParty: Sendable, Hashable, CustomStringConvertible {
    case call(CallID)
    case leg(LegID)

    /// `leg-17` is a leg, anything else a call.
    public init(_ text: String) {
        self = LegID(description: text).map { .leg($0) } ?? .call(CallID(text))
    }

    /// As the API names it: `leg-17`, or the call's identifier.
    public var description: String {
        switch self {
        case .call(let id): id.value
        case .leg(let id): id.description
        }
    }
}

/// What of its source a link carries.
public enum LinkSource: String, Sendable, CaseIterable {
    /// What its far end says.
    case received
    /// What we say to its far end.
    case sent
    /// Both, mixed.
    case both

    var tap: LinkTap {
        switch self {
        case .received: .received
        case .sent: .sent
        case .both: .both
        }
    }

    init(_ tap: LinkTap) {
        self =
            switch tap {
            case .received: .received
            case .sent: .sent
            case .both: .both
            }
    }
}

/// A link that is to be made.
public struct LinkRequest: Sendable {
    /// Whose audio it carries.
    public var from: MediaParty
    /// Whose far end hears it; must not be silent or an echo.
    public var to: MediaParty
    /// Which side of `from`.
    public var tap: LinkSource
    /// dB, within `gains`.
    public var gainDecibels: Double
    /// dB that the API accepts.
    public static let gains = -60.0...12.0
    /// Send on telephone-events (RFC 4733) that `from` receives, too; not with tap `sent`.
    public var digits: Bool

    /// Checks nothing: the gain is the API's to check, the parties are `Platform.connect`'s.
    public init(
        from: MediaParty, to: MediaParty, tap: LinkSource = .received, gainDecibels: Double = 0,
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
public struct LiveLink: Sendable {
    /// What the API names it by: `link-3`.
    public var id: LinkID
    /// A call where the leg belongs to one, else the bare leg.
    public var from: MediaParty
    /// A call where the leg belongs to one, else the bare leg.
    public var to: MediaParty
    /// Which side of `from`.
    public var tap: LinkSource
    /// Digits of `from` go along as telephone-events (RFC 4733).
    public var digits: Bool
    /// Nothing of it is heard, and no digit is sent on.
    public var isMuted: Bool
    /// Hz, 8000 or 16,000; the legs convert where theirs is another.
    public var sampleRate: Int
}

/// How a third party takes part in a call.
public enum Supervision: String, Sendable, CaseIterable {
    /// Hears both sides, is heard by nobody.
    case listen
    /// Is heard by the far end of this one leg and by no other.
    case whisper
    /// Hears both sides, and is heard by both.
    case barge
}
