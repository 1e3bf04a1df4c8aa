/// What one leg knows while it learns how the timestamps of its replies answer those that were sent:
/// the server may add an unknown constant, take any time, and answer only from a later packet on.
///
/// One packet is out at a time, and the distances between their timestamps are all different: two
/// replies then say by their own distance which two packets they answer, however late they are.
struct OffsetLearner {
    /// A packet that was sent, or a reply that came: RTP timestamp and time, realtime ns.
    typealias Stamped = (timestamp: UInt32, at: Int64)

    /// How long a reply is waited for before the next packet.
    static let patience = 500 * Generator.millisecond
    /// Packets until it is given up, and replies that are looked at.
    static let limit = 8

    /// False once the offset is known or given up.
    var isOpen: Bool
    private(set) var replies: [Stamped] = []
    /// When packets were sent, ns of the leg's media time, and when the next may be.
    private var times: [Int64] = []
    private var due: Int64 = 0

    init(isOpen: Bool) { self.isOpen = isOpen }

    /// All packets were sent and the last was waited for.
    func isExhausted(at time: Int64) -> Bool {
        isOpen && times.count == Self.limit && time >= due
    }

    /// True when a packet is to be sent now.
    mutating func wantsPacket(at time: Int64) -> Bool {
        guard times.count < Self.limit, time >= due, isNewDistance(time) else { return false }
        times.append(time)
        due = time + Self.patience
        return true
    }

    /// No two pairs of packets are equally far apart (a Golomb ruler).
    private func isNewDistance(_ time: Int64) -> Bool {
        let added = times.map { time - $0 }
        for (index, later) in times.enumerated() {
            if times[..<index].contains(where: { added.contains(later - $0) }) { return false }
        }
        return true
    }

    /// Takes a reply; returns what is to be added to its timestamp for that of the packet, once it is
    /// certain.
    mutating func take(_ reply: Stamped, sent: [Stamped]) -> UInt32? {
        // No server keeps all 32 bits by chance.
        if sent.contains(where: { $0.timestamp == reply.timestamp && $0.at <= reply.at }) {
            return 0
        }
        guard !replies.contains(where: { $0.timestamp == reply.timestamp }) else { return nil }
        due = 0
        // The last ones: a server may say something of its own first.
        if replies.count == Self.limit { replies.removeFirst() }
        replies.append(reply)
        guard replies.count > 1 else { return nil }
        var found: UInt32?
        for packet in sent {
            let offset = packet.timestamp &- reply.timestamp
            let fits = replies.allSatisfy { reply in
                sent.contains {
                    $0.timestamp == reply.timestamp &+ offset && $0.at <= reply.at
                }
            }
            guard fits else { continue }
            if found != nil { return nil }
            found = offset
        }
        return found
    }

    /// Where replies keep no distances: the last one is taken for that of the last packet before it,
    /// and when they are a frame apart whatever was sent, the next will be a frame after it.
    ///
    /// - Parameter next: the timestamp of the packet that is sent next.
    func guess(sent: [Stamped], next: UInt32, frame: UInt32) -> UInt32? {
        guard let reply = replies.last, let packet = sent.last(where: { $0.at <= reply.at })
        else { return nil }
        let counts = zip(replies, replies.dropFirst()).allSatisfy {
            $1.timestamp &- $0.timestamp == frame
        }
        return replies.count > 1 && counts
            ? next &- frame &- reply.timestamp : packet.timestamp &- reply.timestamp
    }
}
