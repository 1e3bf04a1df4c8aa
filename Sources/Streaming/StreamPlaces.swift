internal import Base

/// Who may share a multiplexed connection: the same bot, asked in the same way.
struct MuxKey: Hashable, Sendable {
    let origin: String
    let headers: [String]
    let trust: StreamRequest.TLSTrust
    let isSecure: Bool

    init(_ url: StreamURL, _ request: StreamRequest) {
        origin = url.origin
        headers = request.headers.map { $0.name + ":" + $0.value }
        trust = request.tlsTrust
        isSecure = url.isSecure
    }
}

/// Where new streams go: places in lanes, and legs on multiplexed connections. A value under the
/// hub's lock.
struct StreamPlaces: Sendable {
    private struct Lane: Sendable {
        var free: [Int] = []
        var next = 0
    }

    /// Lanes that get new streams in turn.
    private struct Turn: Sendable {
        let lanes: Range<Int>
        var next = 0

        mutating func take() -> Int {
            defer { next = (next + 1) % max(1, lanes.count) }
            return lanes.lowerBound + next
        }
    }

    /// A multiplexed connection as the hub counts it.
    struct Spot: Sendable {
        let number: Int
        let lane: Int
        var legs: Int
    }

    private var lanes: [Lane]
    /// Places a lane has.
    private let laneCapacity: Int
    private var plain: Turn
    private var secure: Turn
    private var spots: [MuxKey: [Spot]] = [:]
    private(set) var spotCount = 0
    private var nextSpot = 1
    private(set) var taken = 0

    /// - Parameters:
    ///   - plainLanes: so many lanes, the first, are for plain connections and the others for TLS;
    ///     nil: all are for both.
    ///   - swapsKinds: plain connections, too, go where those with TLS go.
    init(lanes: Int, plainLanes: Int? = nil, laneCapacity: Int, swapsKinds: Bool = false) {
        let count = max(1, lanes)
        self.lanes = Array(repeating: Lane(), count: count)
        self.laneCapacity = laneCapacity
        let plain = min(max(1, plainLanes ?? count), count)
        let isDivided = plainLanes != nil && plain < count
        secure = Turn(lanes: isDivided ? plain..<count : 0..<count)
        self.plain = swapsKinds ? secure : Turn(lanes: 0..<plain)
    }

    mutating func takeLane(isSecure: Bool) -> Int { isSecure ? secure.take() : plain.take() }

    /// nil when the lane is full.
    mutating func take(lane: Int) -> StreamPlace? {
        let index: Int
        if let free = lanes[lane].free.popLast() {
            index = free
        } else {
            guard lanes[lane].next < laneCapacity else { return nil }
            index = lanes[lane].next
            lanes[lane].next += 1
        }
        taken += 1
        return StreamPlace(lane: lane, index: lane * laneCapacity + index)
    }

    mutating func release(_ place: StreamPlace) {
        taken -= 1
        lanes[place.lane].free.append(place.index - place.lane * laneCapacity)
    }

    /// The connection for another leg of `key`: new ones until there are `wanted`, then the one with
    /// the fewest legs, a further one when all are full. nil at the limit of connections.
    mutating func addLeg(_ key: MuxKey, wanted: Int, limits: StreamLimits) -> Spot? {
        var list = spots[key] ?? []
        let least = list.indices.min { list[$0].legs < list[$1].legs }
        if list.count >= wanted, let least, list[least].legs < limits.maximumMuxLegs {
            list[least].legs += 1
            spots[key] = list
            return list[least]
        }
        guard spotCount < limits.maximumMuxConnections else {
            guard let least, list[least].legs < limits.maximumMuxLegs else { return nil }
            list[least].legs += 1
            spots[key] = list
            return list[least]
        }
        let spot = Spot(number: nextSpot, lane: takeLane(isSecure: key.isSecure), legs: 1)
        nextSpot += 1
        spotCount += 1
        spots[key] = list + [spot]
        return spot
    }

    mutating func removeLeg(_ key: MuxKey, spot number: Int) {
        guard let index = spots[key]?.firstIndex(where: { $0.number == number }) else { return }
        spots[key]?[index].legs -= 1
    }

    /// The connection has closed. One that a leg was just given stays: the lane opens it again.
    mutating func remove(_ key: MuxKey, spot number: Int) {
        guard let index = spots[key]?.firstIndex(where: { $0.number == number }),
            spots[key]?[index].legs == 0
        else { return }
        spots[key]?.remove(at: index)
        spotCount -= 1
        if spots[key]?.isEmpty ?? false { spots[key] = nil }
    }
}
