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
    public var from: MediaParty
    public var to: MediaParty
    public var tap: LinkSource
    /// dB, within `gains`.
    public var gainDecibels: Double
    public static let gains = -60.0...12.0
    public var digits: Bool

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
    public var id: LinkID
    public var from: MediaParty
    public var to: MediaParty
    public var tap: LinkSource
    public var digits: Bool
    public var isMuted: Bool
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
