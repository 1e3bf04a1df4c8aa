internal import Base
internal import CLinux
internal import CallModel
internal import Media

/// A leg with its sockets and its place in a worker. Made by the engine, handed to one worker, and
/// touched by that worker's thread only from then on.
final class LegSeat: @unchecked Sendable {
    // @unchecked: one owner at a time; the command queue's lock orders the hand-over.
    let id: LegID
    var leg: MediaLeg
    let sockets: MediaSockets
    var recording: Recording?
    /// Index in the worker's table and phase of the tick, set by the worker.
    var index = 0
    var phase = 0
    /// SO_RXQ_OVFL counts since the sockets were made; the kernel's counter is per socket.
    var rtpDrops: UInt32 = 0
    var rtcpDrops: UInt32 = 0

    init(id: LegID, leg: consuming MediaLeg, sockets: consuming MediaSockets) {
        self.id = id
        self.leg = leg
        self.sockets = sockets
    }

    func descriptor(_ channel: LegChannel) -> Int32 {
        switch channel {
        case .rtp: sockets.rtp
        case .rtcp: sockets.rtcp
        }
    }

    @inline(__always)
    func send(
        _ bytes: UnsafeRawBufferPointer, _ to: SocketAddressValue, _ channel: LegChannel
    ) -> Bool {
        var address = to.system
        return tl_udp_send(
            descriptor(channel), bytes.baseAddress, Int32(bytes.count), &address) >= 0
    }
}
