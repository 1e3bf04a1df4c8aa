internal import Base
internal import CLinux
internal import Media

/// A UDP port that several legs of one worker share (RTP, and RTCP on the port above), with what
/// waits to be sent from it. Worker's thread only, once it runs.
///
/// ```
/// 1 ms slot ─► recvmmsg, up to 64 ─► SharedRoutes ─► legs ─► batch ─► sendmmsg, up to 64
/// ```
final class SharedPort: @unchecked Sendable {
    // @unchecked: made by the engine, handed to one worker before its thread starts.

    /// Datagrams of one send; the last one in, or the end of the turn, sends them.
    static let batch = Int(TL_BATCH_LIMIT)
    /// Asked for: a shared port takes in one slot what hundreds of legs send. The kernel gives at
    /// most net.core.rmem_max.
    static let receiveBuffer: Int32 = 4 << 20

    let sockets: MediaSockets
    private let pool = DatagramPool(batch)
    private var datagrams: UnsafeMutablePointer<tl_datagram> { pool.datagrams }
    private var count = 0
    private var rtpDrops: Int64 = 0
    private var rtcpDrops: Int64 = 0
    /// Datagrams that the kernel did not take.
    private(set) var failures = 0

    init(sockets: consuming MediaSockets) {
        _ = tl_udp_set_receive_buffer(sockets.rtp, Self.receiveBuffer)
        self.sockets = sockets
    }

    /// Queues RTP; RTCP leaves at once. True: it was taken.
    func send(
        _ packet: UnsafeRawBufferPointer, _ to: SocketAddressValue, _ channel: LegChannel
    ) -> Bool {
        guard channel == .rtp else {
            var address = to.system
            return tl_udp_send(
                sockets.rtcp, packet.baseAddress, Int32(packet.count), &address) >= 0
        }
        guard let source = packet.baseAddress, packet.count <= DatagramPool.capacity else {
            return false
        }
        // SAFETY: count < batch, and each slot has `capacity` bytes.
        datagrams[count].base.copyMemory(from: source, byteCount: packet.count)
        datagrams[count].count = UInt32(truncatingIfNeeded: packet.count)
        datagrams[count].address = to.system
        count += 1
        if count == Self.batch { flush() }
        return true
    }

    /// Sends what waits. A datagram that the kernel refuses is counted and left out.
    func flush() {
        var next = 0
        while next < count {
            let sent = tl_udp_send_batch(
                sockets.rtp, datagrams + next, Int32(truncatingIfNeeded: count - next))
            if sent <= 0 { failures += 1 }
            next += Int(max(1, sent))
        }
        count = 0
    }

    /// Datagrams that the kernel dropped at both sockets since the last call.
    func takeSocketDrops() -> Int {
        let rtp = max(rtpDrops, tl_udp_drops(sockets.rtp))
        let rtcp = max(rtcpDrops, tl_udp_drops(sockets.rtcp))
        defer { (rtpDrops, rtcpDrops) = (rtp, rtcp) }
        return Int(rtp - rtpDrops + rtcp - rtcpDrops)
    }
}

/// The receiving side of a worker's shared ports: the pool that packets are received into, and who
/// gets them.
struct SharedReceiver: ~Copyable {
    /// Batches taken from one socket in one slot at most: 2,048 packets. The rest waits for the
    /// next slot, so that a flood cannot hold up the ticks.
    static let drainLimit = 32
    /// RTCP is looked for in every tenth slot only: it is rare and not urgent.
    static let rtcpSlots = 10
    /// Packets of unknown sources that SRTP keys are tried on in one slot, in all.
    static let trialsPerSlot = 32
    /// Legs that one such packet is tried on.
    static let trialsPerPacket = 4
    /// How long after a new description a far end with keys is looked for elsewhere although it is heard:
    /// what comes may be the tail of what was before.
    static let expectation = Interval.seconds(5)
    /// Legs of one worker on shared ports at most, those whose addresses rest included.
    static let legLimit = 8192

    let ports: [SharedPort]
    var routes: SharedRoutes
    private let pool = DatagramPool(SharedPort.batch)
    var datagrams: UnsafeMutablePointer<tl_datagram> { pool.datagrams }
    /// Where a packet is copied before a key is tried on it.
    let trial: UnsafeMutableRawBufferPointer
    var legs = 0
    var nextDrain = Instant.zero
    var slot = 0
    var trials = 0
    /// Slots in which `drainLimit` was reached.
    var overruns = 0

    init(ports: [SharedPort], seed: UInt64) {
        self.ports = ports
        routes = SharedRoutes(ports: ports.count, legLimit: Self.legLimit, seed: seed)
        trial = .allocate(byteCount: DatagramPool.capacity, alignment: 16)
    }

    deinit { trial.deallocate() }

    /// The SSRC that a datagram carries in clear: RTP's, or that of an RTCP packet's sender.
    static func ssrc(_ packet: UnsafeMutableRawBufferPointer) -> UInt32? {
        guard packet.count >= 8, packet[0] >> 6 == 2 else { return nil }
        let isRTCP = (192...223).contains(packet[1])
        guard isRTCP || packet.count >= 12 else { return nil }
        // SAFETY: 4 + 4 ≤ 8 and 8 + 4 ≤ 12 were checked above.
        return UInt32(
            bigEndian: packet.loadUnaligned(fromByteOffset: isRTCP ? 4 : 8, as: UInt32.self))
    }
}
