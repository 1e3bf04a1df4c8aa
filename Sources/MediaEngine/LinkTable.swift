internal import CallModel
internal import Media

/// Which legs could be linked, and the links between them. Guarded by the engine's lock.
struct LinkTable: Sendable {
    private struct Leg: Sendable {
        var mode: LegMode
        /// Of its samples, Hz: 8000 until its far end is known.
        var rate = 8000
        var inputs: [LinkID] = []
        var outputs: [LinkID] = []
    }

    private var legs: [LegID: Leg] = [:]
    private var links: [LinkID: LegLink] = [:]
    private var nextID: UInt32 = 1

    var count: Int { links.count }
    /// Oldest first, without those that a worker has refused.
    var all: [LegLink] { Self.live(links.values) }
    func link(_ id: LinkID) -> LegLink? { links[id] }

    /// Those to or from a leg, as `all`.
    func links(of leg: LegID) -> [LegLink] {
        guard let known = legs[leg] else { return [] }
        return Self.live((known.inputs + known.outputs).compactMap { links[$0] })
    }

    private static func live(_ links: some Sequence<LegLink>) -> [LegLink] {
        links.filter { $0.ended == nil }.sorted { $0.id < $1.id }
    }

    mutating func add(_ leg: LegID, mode: LegMode) { legs[leg] = Leg(mode: mode) }
    func rate(of leg: LegID) -> Int { legs[leg]?.rate ?? 8000 }
    mutating func setRate(_ rate: Int, of leg: LegID) { legs[leg]?.rate = rate }

    /// The leg has gone, and its links with it.
    mutating func remove(_ leg: LegID) {
        guard let gone = legs[leg] else { return }
        for id in gone.outputs { remove(id, because: .sourceClosed) }
        for id in gone.inputs { remove(id, because: .targetClosed) }
        legs[leg] = nil
    }

    mutating func connect(_ spec: LinkSpec) throws(EngineError) -> LegLink {
        for id in [spec.from, spec.to] {
            dropEnded((legs[id]?.inputs ?? []) + (legs[id]?.outputs ?? []))
        }
        guard let source = legs[spec.from] else { throw .noSuchLeg(spec.from) }
        guard let target = legs[spec.to] else { throw .noSuchLeg(spec.to) }
        guard spec.from != spec.to else { throw .unusableLink("a leg cannot be linked to itself") }
        guard target.mode == .normal else {
            throw .unusableLink("\(spec.to) is in \(target.mode.rawValue) mode and says nothing")
        }
        guard LegLink.gains.contains(spec.gainDecibels) else {
            throw .unusableLink(
                "a gain of \(spec.gainDecibels) dB is not within "
                    + "\(Int(LegLink.gains.lowerBound)) to \(Int(LegLink.gains.upperBound))")
        }
        for (leg, list) in [(spec.from, source.outputs), (spec.to, target.inputs)]
        where list.count >= MediaLeg.linkLimit {
            throw .tooManyLinks(leg, limit: MediaLeg.linkLimit)
        }
        // Ids come again after 2³² links; one still in use is stepped over.
        while links[LinkID(nextID)] != nil || nextID == 0 { nextID &+= 1 }
        let link = LegLink(
            id: LinkID(nextID), from: spec.from, to: spec.to, tap: spec.tap,
            sampleRate: min(source.rate, target.rate), gainDecibels: spec.gainDecibels,
            relaysDigits: spec.digits)
        nextID &+= 1
        links[link.id] = link
        legs[spec.from]?.outputs.append(link.id)
        legs[spec.to]?.inputs.append(link.id)
        return link
    }

    /// A worker has refused these.
    private mutating func dropEnded(_ ids: [LinkID]) {
        for id in ids {
            if let reason = links[id]?.ended { remove(id, because: reason) }
        }
    }

    /// False when there is no such link.
    @discardableResult
    mutating func remove(_ id: LinkID, because reason: LinkEndReason) -> Bool {
        guard let link = links.removeValue(forKey: id) else { return false }
        link.end(reason)
        legs[link.from]?.outputs.removeAll { $0 == id }
        legs[link.to]?.inputs.removeAll { $0 == id }
        return true
    }
}
