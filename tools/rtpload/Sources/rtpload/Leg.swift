import SecureRTP

/// Where a leg's packets go and whose come back.
struct LegPlan {
    /// IPv4, host order.
    var address: UInt32
    var port: Int
    /// Ours that it leaves from, where each leg has its own; 0: the sockets'.
    var source: UInt32 = 0
    /// Whose packets come back on this leg: itself for an echo, its peer on a relay.
    var pair: Int
    var suite = SRTPSuite.aesCM128HMACSHA1_80
    var sendKey: [UInt8]?
    var receiveKey: [UInt8]?
}

/// One leg. Packet numbers count from 0 at the first packet.
struct Leg: ~Copyable {
    /// Packets remembered, 10 s at 20 ms: a reply to an older one counts as lost.
    static let window = 512
    /// Packets that may wait out their delay at once: a second's at 10 ms, and some.
    static let delayed = 128

    let address: UInt32
    let port: UInt16
    let source: UInt32
    let pair: Int
    let ssrc: UInt32
    /// The random part of its timestamps.
    let origin: UInt32
    /// Of number 0, as if all packets since had followed the track; moved when there was a pause.
    var firstTimestamp: UInt32
    /// The track's packet that is our number 0.
    let start: Int
    /// Replies are told by their audio, not by their timestamp.
    let isByAudio: Bool
    var outbound: SRTPContext?
    var inbound: SRTPContext?
    var impairment: Impairment
    /// Of the next packet.
    var number: Int64 = 0
    /// Monotonic due time of number `zero`, the first of the stream that is measured.
    var begin: Int64 = 0
    var zero: Int64 = 0
    var zeroTimestamp: UInt32 = 0
    /// What turns the reply's timestamp into the sender's (`OffsetLearner`).
    var offset: UInt32?
    var highest: Int64 = -1
    /// The end of the last reply, for a mark that two replies share, and where marks were last.
    let tail: UnsafeMutableRawBufferPointer
    var markPlace = 0
    /// Replies in the measured time: how many numbers they span, and how many came.
    var replies = Replies()
    /// Send stamps and timestamps by number % window, realtime ns; a stamp is 0 when nothing was
    /// sent, negative once its reply has come.
    let stamps: UnsafeMutablePointer<Int64>
    let timestamps: UnsafeMutablePointer<UInt32>

    init(
        _ plan: LegPlan, index: Int, start: Int, isByAudio: Bool, impairment: Impairment
    ) throws {
        address = plan.address
        port = UInt16(truncatingIfNeeded: plan.port)
        source = plan.source
        pair = plan.pair
        self.start = start
        self.isByAudio = isByAudio
        self.impairment = impairment
        ssrc = 0x5250_0000 &+ UInt32(truncatingIfNeeded: index)
        // Not 0, where a server may begin to count by itself.
        origin = UInt32(truncatingIfNeeded: index + 1) &* 2_654_435_761
        firstTimestamp = origin
        stamps = .allocate(capacity: Leg.window)
        stamps.initialize(repeating: 0, count: Leg.window)
        timestamps = .allocate(capacity: Leg.window)
        timestamps.initialize(repeating: 0, count: Leg.window)
        tail = .allocate(byteCount: AudioMark.count - 1, alignment: 8)
        tail.initializeMemory(as: UInt8.self, repeating: 0)
        if let sendKey = plan.sendKey, let receiveKey = plan.receiveKey {
            outbound = try SRTPContext(suite: plan.suite, key: sendKey, direction: .outbound)
            inbound = try SRTPContext(suite: plan.suite, key: receiveKey, direction: .inbound)
        }
    }

    deinit {
        stamps.deallocate()
        timestamps.deallocate()
        tail.deallocate()
    }
}

/// The replies' own sequence numbers and their pace.
struct Replies {
    private var first: Int64 = 0
    private var highest: Int64 = 0
    private(set) var count = 0
    /// Earliest arrival less media time, ns: the pace the others are late against.
    private var earliest = Int64.max
    private var lastTimestamp: UInt32 = 0
    private var mediaTime: Int64 = 0

    /// Takes a reply's sequence number; those before `isMeasured` only set the place.
    mutating func take(sequence: UInt16, isMeasured: Bool) {
        if count == 0 {
            first = Int64(sequence)
            highest = first
        }
        let step = Int16(bitPattern: sequence &- UInt16(truncatingIfNeeded: highest))
        if isMeasured {
            if count > 0 { highest = max(highest, highest + Int64(step)) }
            count += 1
        }
    }

    /// Numbers that never came.
    var missing: Int { count == 0 ? 0 : max(0, Int(highest - first) + 1 - count) }

    /// How much later than the earliest pace this reply came, ns.
    mutating func lateness(timestamp: UInt32, at: Int64) -> Int64 {
        if earliest != .max {
            mediaTime += Int64(Int32(bitPattern: timestamp &- lastTimestamp)) * 125_000
        }
        lastTimestamp = timestamp
        earliest = min(earliest, at - mediaTime)
        return at - mediaTime - earliest
    }
}
