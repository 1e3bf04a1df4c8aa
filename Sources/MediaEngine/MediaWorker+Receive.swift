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
        if backlog.isStale && channel == .rtp {
            receiveNewest(seat, now: now)
        } else if backlog.isLong {
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
        takeWaiting(0..<max(0, count), seat, channel, now: now)
    }

    /// What waits at a socket. When that is `ReceiveBacklog.staleDepth` or more, all but the newest batch is late for a
    /// conversation: its audio is dropped and counted, the rest (digits, reports, handshakes) is taken.
    private func receiveNewest(_ seat: LegSeat, now: Instant) {
        let batch = ReceiveBacklog.batch
        var count = 0
        while count < ReceiveBacklog.staleDepth {
            let more = receiveBatch(seat, at: count)
            count += more
            guard more == batch else { return takeWaiting(0..<count, seat, .rtp, now: now) }
        }
        var newest = count - batch..<count
        skipAudio(0..<newest.lowerBound, before: newest.upperBound - 1, seat, now: now)
        // A flood at the socket ends the turn, too.
        for _ in 0..<ReceiveBacklog.staleBatches {
            let place = newest.lowerBound == 0 ? batch : 0
            let more = receiveBatch(seat, at: place)
            guard more > 0 else { break }
            let stale = newest.prefix(more)
            skipAudio(stale, before: place + more - 1, seat, now: now)
            takeWaiting(stale.upperBound..<newest.upperBound, seat, .rtp, now: now)
            newest = place..<place + more
            if more < batch { break }
        }
        takeWaiting(newest, seat, .rtp, now: now)
    }

    /// How many came into the pool, from `place` on.
    private func receiveBatch(_ seat: LegSeat, at place: Int) -> Int {
        max(
            0,
            Int(
                tl_udp_receive_batch(
                    seat.descriptor(.rtp), pool.datagrams + place, Int32(ReceiveBacklog.batch))))
    }

    /// Takes of these packets what is not of the payload type of the packet at `newest`.
    private func skipAudio(
        _ places: Range<Int>, before newest: Int, _ seat: LegSeat, now: Instant
    ) {
        let audio = payloadType(pool.datagrams[newest])
        for index in places {
            if let audio, payloadType(pool.datagrams[index]) == audio {
                stalePackets += 1
            } else {
                takeWaiting(index..<index + 1, seat, .rtp, now: now)
            }
        }
    }

    /// Of an RTP packet (RFC 3550 5.1); nil: it is none (RFC 7983 7).
    private func payloadType(_ packet: tl_datagram) -> UInt8? {
        guard packet.count >= 12, packet.base.load(as: UInt8.self) >> 6 == 2 else { return nil }
        let type = packet.base.load(fromByteOffset: 1, as: UInt8.self)
        // RTCP on the same port (RFC 5761 4).
        return (192...223).contains(type) ? nil : type & 0x7F
    }

    private func takeWaiting(
        _ places: Range<Int>, _ seat: LegSeat, _ channel: LegChannel, now: Instant
    ) {
        for index in places {
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
