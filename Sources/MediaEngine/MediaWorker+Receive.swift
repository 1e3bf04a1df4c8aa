internal import Base
internal import CLinux
internal import Media

/// Legs with ports of their own: what comes in at their sockets.
extension MediaWorker {
    /// A seat that a command emptied or filled again since `epoll_wait` costs at most a read of
    /// nothing.
    func handle(_ event: tl_event, now: Instant) {
        guard event.token != Self.wakeToken else { return }
        let index = Int(event.token >> 1)
        guard index < seats.count, let seat = seats[index] else { return }
        let channel: LegChannel = event.token & 1 == 0 ? .rtp : .rtcp
        if backlog.isLong {
            receiveSeveral(seat, channel, now: now)
        } else {
            receive(seat, channel, now: now)
        }
    }

    /// One datagram: sockets rarely hold two, and epoll (level-triggered) reports those that do
    /// again.
    private func receive(_ seat: LegSeat, _ channel: LegChannel, now: Instant) {
        let packet = pool.datagrams[0]
        var from = tl_address()
        let count = tl_udp_receive_from(
            seat.descriptor(channel), packet.base, Int32(packet.capacity), &from)
        guard count >= 0 else { return }
        take(packet.base, Int(count), from, seat, channel, now: now)
        report(seat)
        if channel == .rtp { follow(seat, arrival: now) }
    }

    /// What waits at a socket, `ReceiveBacklog.batch` at most, while the leg's memory is near. When
    /// these packets came is not known: the tick does not follow them.
    private func receiveSeveral(_ seat: LegSeat, _ channel: LegChannel, now: Instant) {
        let count = Int(
            tl_udp_receive_batch(
                seat.descriptor(channel), pool.datagrams, Int32(ReceiveBacklog.batch)))
        guard count > 0 else { return }
        for index in 0..<count {
            let packet = pool.datagrams[index]
            take(packet.base, Int(packet.count), packet.address, seat, channel, now: now)
            report(seat)
        }
    }

    @inline(__always)
    private func take(
        _ bytes: UnsafeMutableRawPointer, _ count: Int, _ from: tl_address, _ seat: LegSeat,
        _ channel: LegChannel, now: Instant
    ) {
        seat.leg.receive(
            packet: UnsafeMutableRawBufferPointer(start: bytes, count: count),
            from: SocketAddressValue(from), on: channel, now: now,
            workspace: &workspace, out: &outputs
        ) { bytes, address, channel in seat.send(bytes, address, channel) }
    }
}
