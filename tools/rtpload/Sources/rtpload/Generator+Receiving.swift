import CRTPLoad
import RTP

extension Generator {
    mutating func drain(_ phase: Int) {
        while true {
            let got = Int(rl_receive(sockets[phase], incoming))
            guard got > 0 else { return }
            for slot in 0..<got { take(incoming[slot]) }
            if got < Int(RL_BATCH_LIMIT) { return }
        }
    }

    func drainControl() {
        for socket in controlSockets { _ = rl_receive(socket, incoming) }
    }

    private mutating func take(_ packet: rl_incoming) {
        let source =
            packet.to == 0
            ? Self.source(packet.address, packet.port) : Self.source(packet.to, 0)
        guard let found = legOfSource[source] else {
            tally.unknown += 1
            return
        }
        let leg = Int(found)
        var count = Int(packet.count)
        let buffer = UnsafeMutableRawBufferPointer(start: packet.base, count: count)
        // RTCP on the same port (RFC 5761) is no reply.
        guard count >= 12, buffer[0] >> 6 == 2, buffer[1] & 0x7F < 64 || buffer[1] & 0x7F > 95
        else { return }
        let at = packet.stamp_ns > 0 ? packet.stamp_ns : rl_realtime_ns()
        let isMeasured = at >= measuresFrom && at < measuresTo
        if legs[leg].inbound != nil {
            guard let opened = try? legs[leg].inbound?.unprotect(buffer, count: count) else {
                if isMeasured { tally.notAuthentic += 1 }
                return
            }
            count = opened
        }
        guard let rtp = try? RTPPacket(parsing: UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
        else {
            tally.unknown += 1
            return
        }
        legs[leg].replies.take(sequence: rtp.header.sequence, isMeasured: isMeasured)
        let payload = UnsafeRawBufferPointer(
            rebasing: buffer[rtp.payloadOffset..<rtp.payloadOffset + rtp.payloadCount])
        if legs[leg].isByAudio {
            let lateness = legs[leg].replies.lateness(timestamp: rtp.header.timestamp, at: at)
            if isMeasured, lateness > track.interval { tally.audioLate += 1 }
            matchAudio(leg, payload, timestamp: rtp.header.timestamp, at)
        } else if !learners.isEmpty {
            learn(leg, timestamp: rtp.header.timestamp, at: at)
        } else {
            match(leg, payload, timestamp: rtp.header.timestamp, at)
        }
    }

    /// The packet with this timestamp, less what the server added.
    private mutating func match(
        _ leg: Int, _ payload: UnsafeRawBufferPointer, timestamp: UInt32, _ at: Int64
    ) {
        let sender = legs[leg].pair
        let last = legs[sender].number - 1
        guard last >= 0 else { return }
        let window = Int64(Leg.window)
        if legs[leg].offset == nil { guessLate(leg, timestamp: timestamp, at: at) }
        guard let offset = legs[leg].offset else { return }
        let wanted = timestamp &+ offset
        record(leg, payload, timestamp, position: wanted &- legs[sender].zeroTimestamp)
        var found: Int64?
        for number in stride(from: last, through: max(0, last - window + 1), by: -1) {
            let place = Int(number % window)
            let ahead = Int32(bitPattern: wanted &- legs[sender].timestamps[place])
            guard ahead >= 0 else { continue }
            guard ahead < Int32(track.frameSamples) else { break }
            found = number
            // Packets of one event share a timestamp: the newest that has no reply yet.
            if legs[sender].stamps[place] > 0 { break }
        }
        guard let found else {
            tally.unknown += 1
            return
        }
        let place = Int(found % window)
        let sent = legs[sender].stamps[place]
        guard sent != 0, sent.magnitude >= measuresFrom.magnitude, measuresFrom != .max
        else { return }
        guard sent > 0 else {
            tally.duplicates += 1
            return
        }
        guard sent < measuresTo else { return }
        legs[sender].stamps[place] = -sent
        tally.received += 1
        if found < legs[leg].highest { tally.reordered += 1 }
        legs[leg].highest = max(legs[leg].highest, found)
        let latency = at - sent
        tally.latency.add(latency)
        if latency > track.interval { tally.late += 1 }
    }

    /// The packet whose mark is in this audio, wherever the server cut it. Audio without one is the
    /// server's own.
    private mutating func matchAudio(
        _ leg: Int, _ payload: UnsafeRawBufferPointer, timestamp: UInt32, _ at: Int64
    ) {
        guard payload.count >= AudioMark.count, payload.count <= Self.packetLimit else { return }
        let tail = legs[leg].tail
        joined.copyMemory(from: UnsafeRawBufferPointer(tail))
        UnsafeMutableRawBufferPointer(rebasing: joined[tail.count...]).copyMemory(from: payload)
        let all = UnsafeRawBufferPointer(rebasing: joined[0..<tail.count + payload.count])
        tail.copyMemory(from: UnsafeRawBufferPointer(rebasing: payload.suffix(tail.count)))
        var place = legs[leg].markPlace
        var marked = AudioMark.number(in: all, at: place, track.codec)
        if marked == nil {
            place = 0
            while marked == nil, place + AudioMark.count <= all.count {
                marked = AudioMark.number(in: all, at: place, track.codec)
                if marked == nil { place += 1 }
            }
        }
        let sender = legs[leg].pair
        let last = legs[sender].number - 1
        let count = track.packets.count
        guard let marked, marked < count, last >= 0 else { return }
        legs[leg].markPlace = place
        let newest = track.place(last, from: legs[sender].start).index
        let found = last - Int64((newest - marked + count) % count)
        guard found >= 0, last - found < Int64(Leg.window) else {
            tally.unknown += 1
            return
        }
        // Where this payload's first sample stands in what was sent.
        let shift = UInt32(bitPattern: Int32(tail.count - place))
        record(
            leg, payload, timestamp,
            position: legs[sender].firstTimestamp &- legs[sender].zeroTimestamp
                &+ track.timestamp(found, from: legs[sender].start) &+ shift)
        let stamp = Int(found % Int64(Leg.window))
        let sent = legs[sender].stamps[stamp]
        guard sent > 0, sent >= measuresFrom, sent < measuresTo else { return }
        legs[sender].stamps[stamp] = -sent
        tally.audioReceived += 1
        tally.audioLatency.add(at - sent)
    }

    private mutating func record(
        _ leg: Int, _ payload: UnsafeRawBufferPointer, _ timestamp: UInt32, position: UInt32
    ) {
        guard recorder != nil, recorder?.wants(leg) == true else { return }
        recorder?.take(
            leg, payload, codec: track.codec, timestamp: timestamp, position: position)
    }
}
