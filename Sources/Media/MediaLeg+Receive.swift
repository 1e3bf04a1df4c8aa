internal import Audio
public import Base
internal import RTP
internal import SecureRTP

// What comes in: who sent it, whether it is believed, and which part of the leg it is for.
extension MediaLeg {
    /// Takes one datagram. `packet` is decrypted in place; `send` is used in echo mode only.
    public mutating func receive(
        packet: UnsafeMutableRawBufferPointer, from address: SocketAddressValue,
        on channel: LegChannel, now: Instant, workspace: inout LegWorkspace,
        out: inout Outbox<LegOutput>, send: PacketSend
    ) {
        guard !packet.isEmpty, packet.count <= Self.maximumDatagram else {
            reject(.notMedia, &workspace)
            return
        }
        switch PacketKind(UnsafeRawBufferPointer(packet)) {
        case .rtp where channel == .rtp:
            receiveRTP(packet, address, now, &workspace, &out, send)
        case .rtcp: receiveRTCP(packet, address, channel, now, &workspace)
        case .dtls where dtls != nil:
            receiveDTLS(
                UnsafeRawBufferPointer(packet), address, channel, now, &workspace, &out, send)
        case .stun, .dtls: reject(.otherProtocol, &workspace)
        case .rtp, .unknown: reject(.notMedia, &workspace)
        }
    }

    private mutating func receiveRTP(
        _ packet: UnsafeMutableRawBufferPointer, _ address: SocketAddressValue, _ now: Instant,
        _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>, _ send: PacketSend
    ) {
        guard let header = LegReceiver.peekHeader(UnsafeRawBufferPointer(packet)) else {
            return reject(.malformed, &workspace)
        }
        guard isConfigured else { return reject(.notConfigured, &workspace) }
        if awaitsKeys { return reject(.noKeys, &workspace) }
        guard receiver.receives else { return reject(.notReceiving, &workspace) }
        guard let content = receiver.content(of: header.payloadType) else {
            return ignore(packet, header, address, now, &workspace, &out)
        }
        let verdict = source.admit(
            header, from: address, stream: receiver.stream, isSecure: receiver.isSecure, now: now)
        var count = packet.count
        var arrival: SRTPContext.Arrival?
        switch verdict {
        case .reject(let reason): return reject(reason, &workspace)
        case .accept: break
        case .acceptIfAuthentic:
            guard let opened = unprotect(packet, &workspace) else { return }
            count = opened.count
            arrival = opened.arrival
        }
        let bytes = UnsafeRawBufferPointer(rebasing: packet[0..<count])
        guard let parsed = Self.parse(bytes) else { return reject(.malformed, &workspace) }
        if header.ssrc == sender.ssrc { collision.noteRTP(isOurs: sender.hasSent(header)) }
        var eventClock: Int?
        if case .telephoneEvent(let clockRate) = content { eventClock = clockRate }
        switch receiver.decide(header, isEvent: eventClock != nil, arrival: arrival) {
        case .reject: return reject(.foreignSSRC, &workspace)
        case .hold:
            dropHeld(&workspace)
            let isHeld = receiver.held.keep(
                parsed.payload(of: bytes), header, byteCount: packet.count, now: now)
            return isHeld ? () : reject(.foreignSSRC, &workspace)
        case .follow: if eventClock == nil { dropHeld(&workspace) }
        case .change:
            changeSource(now, &workspace, &out)
            takeHeld(before: header, now, &workspace, &out, send)
        case .beside:
            receiver.acceptBeside(now: now)
            countReceived(packet.count, &workspace)
            press(
                parsed.payload(of: bytes), header, eventClock ?? receiver.clockRate, now,
                &workspace, &out)
            return
        }
        if arrival?.isNewest == true { source.authenticated(address) }
        if case .audio(let codec) = content, receiver.needsChange(for: codec) {
            if receiver.isFromBeforeChange(header) {
                receiver.acceptFromBeforeChange(header, now: now)
                countReceived(packet.count, &workspace)
                return reject(.late, &workspace)
            }
            changeClock(for: codec, now, &workspace, &out)
        }
        accept(
            parsed.payload(of: bytes), header, content, packet.count, now, &workspace, &out, send)
        drainTap(now: now, &workspace, &out)
    }

    /// A packet of the source that is believed. `byteCount`: of its datagram.
    @inline(__always)
    private mutating func accept(
        _ payload: UnsafeRawBufferPointer, _ header: RTPHeader, _ content: LegReceiver.Content,
        _ byteCount: Int, _ now: Instant, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>, _ send: PacketSend
    ) {
        if receiver.accept(header, as: content, now: now) { out.push(.mediaStarted) }
        countReceived(byteCount, &workspace)
        take(payload, header, content, now, &workspace, &out, send)
    }

    private mutating func changeClock(
        for codec: AudioCodec, _ now: Instant, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>
    ) {
        drainTap(now: .distantFuture, at: now, &workspace, &out)
        receiver.changeClock(for: codec)
    }

    /// The first packet of the SSRC that is followed from `next`, its second one, on.
    private mutating func takeHeld(
        before next: RTPHeader, _ now: Instant, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>, _ send: PacketSend
    ) {
        guard let header = receiver.held.header else { return }
        let arrival = receiver.held.arrival
        // What came plain is nobody's once there are keys.
        guard !receiver.isSecure, header.ssrc == next.ssrc,
            header.sequence &+ 1 == next.sequence,
            now - arrival < HeldPacket.limit, let content = receiver.content(of: header.payloadType)
        else { return dropHeld(&workspace) }
        if case .audio(let codec) = content, receiver.needsChange(for: codec) {
            changeClock(for: codec, now, &workspace, &out)
        }
        let byteCount = receiver.held.byteCount
        accept(receiver.held.take(), header, content, byteCount, arrival, &workspace, &out, send)
    }

    /// Nobody followed its SSRC.
    mutating func dropHeld(_ workspace: inout LegWorkspace) {
        guard receiver.held.header != nil else { return }
        _ = receiver.held.take()
        reject(.foreignSSRC, &workspace)
    }

    /// A type that nobody agreed on. From the source that is believed its number has come all the same;
    /// it teaches nothing about who that is.
    private mutating func ignore(
        _ packet: UnsafeMutableRawBufferPointer, _ header: RTPHeader,
        _ address: SocketAddressValue, _ now: Instant, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>
    ) {
        if header.ssrc == receiver.stream?.ssrc {
            if receiver.isSecure {
                guard unprotect(packet, &workspace) != nil else { return }
            } else if !source.isLocked || address != source.destination {
                return reject(.payloadType, &workspace)
            }
            receiver.ignore(header, now: now)
            links?.heardOther(sequence: header.sequence)
            drainTap(now: now, &workspace, &out)
        }
        reject(.payloadType, &workspace)
    }

    private mutating func take(
        _ payload: UnsafeRawBufferPointer, _ header: RTPHeader, _ content: LegReceiver.Content,
        _ now: Instant, _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>,
        _ send: PacketSend
    ) {
        let result: InOrderTap.InsertResult
        switch content {
        case .audio(let codec):
            guard let units = codec.clockUnits(of: payload) else {
                _ = receiver.tap.insertOther(sequence: header.sequence, now: now)
                receiver.losses.discard(sequence: header.sequence)
                return reject(.malformed, &workspace)
            }
            receiver.packetUnits = units
            result = receiver.tap.insert(
                sequence: header.sequence, timestamp: header.timestamp, payload: payload,
                payloadType: header.payloadType, samples: units, now: now)
            // What is too late for the order, or a copy, may be of the codec of before.
            let isBehind = result == .late || result == .duplicate
            if let links, links.listens, !isBehind || links.continues(codec) {
                hear(payload, header, codec, links, now, &workspace)
            }
            if options.mode == .echo, result != .duplicate, codec == sender.codec,
                let destination = source.destination
            {
                sender.echo(
                    payload: payload, header: header, now: now, destination: destination,
                    recorder: &recorder, workspace: &workspace, send: send)
            }
        case .telephoneEvent(let clockRate):
            press(payload, header, clockRate, now, &workspace, &out)
            links?.heardOther(sequence: header.sequence)
            _ = receiver.tap.insertOther(sequence: header.sequence, now: now)
            receiver.losses.receive(sequence: header.sequence)
            return
        case .comfortNoise:
            // Without audio of its own; in its place among the audio it tells what gaps sound like.
            links?.heardOther(sequence: header.sequence)
            result =
                receiver.formats.describesNoise(header.payloadType)
                ? receiver.tap.insert(
                    sequence: header.sequence, timestamp: header.timestamp, payload: payload,
                    payloadType: header.payloadType, samples: 0, now: now)
                : receiver.tap.insertOther(sequence: header.sequence, now: now)
        }
        switch result {
        case .accepted: receiver.losses.receive(sequence: header.sequence)
        case .duplicate: reject(.duplicate, &workspace)
        case .late:
            receiver.losses.discard(sequence: header.sequence)
            reject(.late, &workspace)
        case .overflow:
            receiver.losses.discard(sequence: header.sequence)
            reject(.overflow, &workspace)
        }
    }

    private mutating func countReceived(_ bytes: Int, _ workspace: inout LegWorkspace) {
        saidTimeout = false
        workspace.counters.packetsReceived += 1
        workspace.counters.bytesReceived += bytes
    }

    /// A telephone-event never waits in a buffer, and end packets may repeat their sequence number.
    private mutating func press(
        _ payload: UnsafeRawBufferPointer, _ header: RTPHeader, _ clockRate: Int, _ now: Instant,
        _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>
    ) {
        guard
            let digit = receiver.telephoneEvents.receive(
                payload: payload, marker: header.marker, timestamp: header.timestamp,
                sequence: header.sequence, source: header.ssrc, clockRate: clockRate, now: now)
        else { return }
        guard hearing.pressed(digit, now: now, counters: &workspace.counters, out: &out) else {
            return
        }
        links?.pressed(digit, counters: &workspace.counters.links)
    }

    private mutating func changeSource(
        _ now: Instant, _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>
    ) {
        drainTap(now: .distantFuture, at: now, &workspace, &out)
        receiver.beginSource()
        links?.changeSource()
        sender.restart()
    }

    private mutating func receiveRTCP(
        _ packet: UnsafeMutableRawBufferPointer, _ address: SocketAddressValue,
        _ channel: LegChannel, _ now: Instant, _ workspace: inout LegWorkspace
    ) {
        guard isConfigured else { return reject(.notConfigured, &workspace) }
        if awaitsKeys { return reject(.noKeys, &workspace) }
        var count = packet.count
        if receiver.isSecure {
            guard let opened = unprotectRTCP(packet, &workspace) else { return }
            count = opened.count
            // What comes on RTP's port says nothing about where RTCP's is.
            if channel == .rtcp { noteReportSource(packet, opened.arrival, address) }
        } else if !isRTCPSource(address, on: channel) {
            return reject(.foreignSource, &workspace)
        }
        let understood = reports.receive(
            UnsafeRawBufferPointer(rebasing: packet[0..<count]), ourSSRC: sender.ssrc,
            clockRate: sender.codec.clockRate, theirSSRC: receiver.stream?.ssrc,
            statistics: &receiver.statistics, now: now)
        guard understood else { return reject(.malformedRTCP, &workspace) }
        if let loss = reports.takeFractionLost() { sender.noteRemoteLoss(loss) }
        if let isOurs = reports.takeOwnSource() { collision.noteRTCP(isOurs: isOurs) }
        saidTimeout = false
    }

    /// Of an SRTCP packet with a right tag: the newest one moves our reports, of the stream that is followed,
    /// of one that reported last, or of a new one. Somebody may have held back that of an earlier one.
    private mutating func noteReportSource(
        _ packet: UnsafeMutableRawBufferPointer, _ arrival: SRTPContext.Arrival,
        _ address: SocketAddressValue
    ) {
        guard arrival.isNewest, packet.count >= 8 else { return }
        let ssrc = UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard arrival.isFirst || ssrc == receiver.stream?.ssrc || ssrc == srtcpStream else {
            return
        }
        srtcpStream = ssrc
        srtcpSource = address
    }

    /// The signalled RTCP address (with rtcp-mux RTP's own, RFC 5761), or the port of the proven RTP
    /// source or the one above it.
    private func isRTCPSource(_ address: SocketAddressValue, on channel: LegChannel) -> Bool {
        if address == remoteRTCP { return true }
        if channel == .rtp, remote?.rtcpMux == true, source.isSignalled(address) { return true }
        guard let rtp = source.destination, source.isLocked else { return false }
        return address.hasSameHost(as: rtp)
            && (address.port == rtp.port || address.port == rtp.port &+ 1)
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> RTPPacket? {
        do throws(RTPError) {
            return try RTPPacket(parsing: bytes)
        } catch {
            return nil
        }
    }
}
