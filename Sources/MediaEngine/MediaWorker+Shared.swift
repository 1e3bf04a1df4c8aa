internal import Base
internal import CLinux
internal import Media

/// Legs on shared ports: their sockets are not in the epoll but emptied once a slot.
extension MediaWorker {
    func addShared(_ seat: LegSeat, _ port: SharedPort) {
        guard let number = shared.ports.firstIndex(where: { $0 === port }) else { return }
        if shared.legs == 0 { shared.nextDrain = .zero }
        shared.legs += 1
        shared.routes.add(seat.index, port: number)
    }

    func closeShared(_ seat: LegSeat, now: Instant) {
        shared.legs -= 1
        shared.routes.remove(seat.index, now: now, rest: setup.quarantine)
        // Its BYE before anything of the next leg with this index.
        seat.shared?.flush()
    }

    /// The far end's addresses have changed.
    func routeShared(_ seat: LegSeat, _ remote: RemoteMedia) {
        guard seat.shared != nil,
            let rtp = SocketAddressValue(address: remote.address, port: remote.port)
        else { return }
        let rtcp = remote.rtcpMux ? nil : remote.rtcpDestination
        shared.routes.configure(
            seat.index, rtp: rtp, rtcp: rtcp, isSecure: remote.srtp != nil || remote.dtls != nil,
            isReceiving: remote.receives)
        seat.expected = (monotonicNow(), seat.leg.packetsAccepted)
        seat.provenAddress = nil
        seat.provenSSRC = nil
        noteProof(seat)
    }

    /// Empties the shared sockets when a slot has begun. Without a leg a few times a second only, and
    /// all of it is dropped: it must not wait there for the next leg, for it may be the tail of a call
    /// whose addresses rest no more when it is read. (Emptying them when that leg is added would
    /// take its own first packets too.)
    func drainShared(now: Instant) {
        guard now >= shared.nextDrain else { return }
        let isIdle = shared.legs == 0
        shared.nextDrain = now + (isIdle ? Self.publishPeriod : PhaseWheel.slot)
        shared.slot = shared.slot + 1 == SharedReceiver.rtcpSlots ? 0 : shared.slot + 1
        shared.trials = 0
        for port in shared.ports.indices {
            drain(shared.ports[port].sockets.rtp, port, .rtp, now)
            if shared.slot == 0 || isIdle {
                drain(shared.ports[port].sockets.rtcp, port, .rtcp, now)
            }
        }
    }

    func flushShared() {
        for port in shared.ports { port.flush() }
    }

    func publishShared(now: Instant) {
        guard !shared.ports.isEmpty else { return }
        shared.routes.expire(now: now)
        for port in shared.ports { socketDrops += port.takeSocketDrops() }
        metrics.publishShared(
            collisions: shared.routes.collisions, overruns: shared.overruns)
    }

    private func drain(_ socket: Int32, _ port: Int, _ channel: LegChannel, _ now: Instant) {
        for _ in 0..<SharedReceiver.drainLimit {
            let count = Int(
                tl_udp_receive_batch(socket, shared.datagrams, Int32(SharedPort.batch)))
            guard count > 0 else { return }
            // Who configures a leg and then lets its far end send is served in that order.
            obeyCommands()
            for index in 0..<count {
                // Only a hint: the addresses of the next packet are looked up twice.
                if index + 1 < count { prefetchLeg(of: shared.datagrams[index + 1], port) }
                deliver(shared.datagrams[index], port, channel, now)
            }
            if count < SharedPort.batch { return }
        }
        shared.overruns += 1
    }

    private func prefetchLeg(of datagram: tl_datagram, _ port: Int) {
        let from = SocketAddressValue(datagram.address)
        if case .leg(let index) = shared.routes.route(port: port, from: from, ssrc: nil) {
            prefetch(index)
        }
    }

    private func deliver(
        _ datagram: tl_datagram, _ port: Int, _ channel: LegChannel, _ now: Instant
    ) {
        let packet = UnsafeMutableRawBufferPointer(
            start: datagram.base, count: Int(datagram.count))
        let from = SocketAddressValue(datagram.address)
        let ssrc = SharedReceiver.ssrc(packet)
        switch shared.routes.route(port: port, channel: channel, from: from, ssrc: ssrc) {
        case .leg(let index): hand(packet, to: index, from, channel, now)
        case .learn(let index):
            // A wrong tag costs us a hash: so many a slot and no more.
            guard shared.trials < SharedReceiver.trialsPerSlot else { return dropForeign() }
            shared.trials += 1
            guard channel == .rtp, shared.routes.isAwaited(port: port),
                packet.count <= shared.trial.count
            else { return hand(packet, to: index, from, channel, now) }
            // A far end that nobody has heard yet may have the same SSRC.
            if !isTaken(packet, by: index, from, now) {
                tryKeys(packet, port, from, channel, now)
            }
        case .tryKeys: tryKeys(packet, port, from, channel, now)
        case .drop: dropForeign()
        }
    }

    private func dropForeign() { workspace.counters.reject(.foreignSource) }

    private func hand(
        _ packet: UnsafeMutableRawBufferPointer, to index: Int, _ from: SocketAddressValue,
        _ channel: LegChannel, _ now: Instant
    ) {
        guard index < seats.count, let seat = seats[index] else { return dropForeign() }
        seat.leg.receive(
            packet: packet, from: from, on: channel, now: now, workspace: &workspace, out: &outputs
        ) { bytes, address, channel in seat.send(bytes, address, channel) }
        noteReceived(seat, channel, now)
    }

    private func noteReceived(_ seat: LegSeat, _ channel: LegChannel, _ now: Instant) {
        report(seat)
        noteProof(seat)
        if let expected = seat.expected, expected.accepted != seat.leg.packetsAccepted,
            now - expected.since >= SharedReceiver.expectation
        {
            seat.expected = nil
            shared.routes.settle(seat.index)
        }
        if channel == .rtp { follow(seat, arrival: now) }
    }

    /// Follows the leg where it has learned another source.
    private func noteProof(_ seat: LegSeat) {
        guard let proven = seat.leg.provenSource,
            proven.ssrc != seat.provenSSRC || proven.address != seat.provenAddress
        else { return }
        seat.provenAddress = proven.address
        seat.provenSSRC = proven.ssrc
        shared.routes.prove(seat.index, address: proven.address, ssrc: proven.ssrc)
    }

    /// Nothing but a key can say whose this is. Each try is on a copy: a failed one may spoil it.
    private func tryKeys(
        _ packet: UnsafeMutableRawBufferPointer, _ port: Int, _ from: SocketAddressValue,
        _ channel: LegChannel, _ now: Instant
    ) {
        guard channel == .rtp, packet.count <= shared.trial.count else { return dropForeign() }
        for _ in 0..<SharedReceiver.trialsPerPacket {
            guard shared.trials < SharedReceiver.trialsPerSlot,
                let index = shared.routes.nextTrial(port: port)
            else { break }
            shared.trials += 1
            if isTaken(packet, by: index, from, now) { return }
        }
        dropForeign()
    }

    /// Shows the leg a copy of an RTP packet that fits `shared.trial`.
    private func isTaken(
        _ packet: UnsafeMutableRawBufferPointer, by index: Int, _ from: SocketAddressValue,
        _ now: Instant
    ) -> Bool {
        guard index < seats.count, let seat = seats[index] else { return false }
        shared.trial.copyMemory(from: UnsafeRawBufferPointer(packet))
        let isTaken = seat.leg.tryPacket(
            UnsafeMutableRawBufferPointer(rebasing: shared.trial[0..<packet.count]), from: from,
            now: now, workspace: &workspace, out: &outputs
        ) { bytes, address, channel in seat.send(bytes, address, channel) }
        noteReceived(seat, .rtp, now)
        return isTaken
    }
}
