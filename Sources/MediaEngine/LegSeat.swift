internal import Base
internal import CLinux
internal import CallModel
internal import Media

/// A leg with its sockets and its place in a worker. Made by the engine, handed to one worker, and
/// touched by that worker's thread only from then on.
final class LegSeat: @unchecked Sendable {
    // @unchecked: one owner at a time; the command queue's lock orders the hand-over.
    let id: LegID
    /// −1 on a shared port.
    let rtpSocket: Int32
    let rtcpSocket: Int32
    /// Index in the worker's table and phase of the tick, set by the worker.
    var index = 0
    var phase = 0
    var ticks: UInt32 = 0
    /// Nominal time of the last tick.
    var lastTick = Instant(nanoseconds: .min / 2)
    var arrivals = ArrivalPhase()
    /// nil: the leg has a port of its own.
    let shared: SharedPort?
    var leg: MediaLeg
    var recording: Recording?
    /// What the worker's routes know of this leg (shared ports only).
    var provenAddress: SocketAddressValue?
    var provenSSRC: UInt32?
    /// Since when, and behind how many packets, the far end has a new description; nil: it was heard
    /// under it.
    var expected: (since: Instant, accepted: Int)?
    /// Kernel's drops seen so far: its counter is per socket.
    private var rtpDrops: Int64 = 0
    private var rtcpDrops: Int64 = 0
    private let sockets: MediaSockets?

    /// A leg with a port of its own.
    init(id: LegID, leg: consuming MediaLeg, sockets: consuming MediaSockets) {
        self.id = id
        self.leg = leg
        shared = nil
        rtpSocket = sockets.rtp
        rtcpSocket = sockets.rtcp
        port = sockets.port
        self.sockets = consume sockets
    }

    /// A leg on a shared port.
    init(id: LegID, leg: consuming MediaLeg, shared: SharedPort) {
        self.id = id
        self.leg = leg
        self.shared = shared
        rtpSocket = -1
        rtcpSocket = -1
        port = shared.sockets.port
        sockets = nil
    }

    let port: Int

    /// Bytes of a seat, the leg's own storage included.
    static let memory = MemoryLayout<MediaLeg>.stride + 256

    func descriptor(_ channel: LegChannel) -> Int32 {
        switch channel {
        case .rtp: rtpSocket
        case .rtcp: rtcpSocket
        }
    }

    @inline(__always)
    func send(
        _ bytes: UnsafeRawBufferPointer, _ to: SocketAddressValue, _ channel: LegChannel
    ) -> Bool {
        if let shared { return shared.send(bytes, to, channel) }
        var address = to.system
        return tl_udp_send(
            descriptor(channel), bytes.baseAddress, Int32(bytes.count), &address) >= 0
    }

    /// Datagrams that the kernel dropped at the leg's own sockets since the last call.
    func takeSocketDrops() -> Int {
        guard shared == nil else { return 0 }
        let rtp = max(rtpDrops, tl_udp_drops(rtpSocket))
        let rtcp = max(rtcpDrops, tl_udp_drops(rtcpSocket))
        defer { (rtpDrops, rtcpDrops) = (rtp, rtcp) }
        return Int(rtp - rtpDrops + rtcp - rtcpDrops)
    }
}
