internal import Base

// Records of a multiplexed connection: legs → one message, and messages → legs.

extension MuxConnection {
    // MARK: to the bot

    /// False while so much waits for the bot that media stays in the bridges' rings.
    var takesMedia: Bool { link.takesMedia }

    func writeAudio(_ samples: UnsafeBufferPointer<Int16>, _ leg: MuxLeg, flags: Mux.Flags) {
        let isMuLaw = leg.format.encoding == .muLaw
        _ = writer.record(
            .audio, flags: flags, leg: leg.id, timestamp: leg.timestamp,
            count: samples.count * leg.format.encoding.bytesPerSample, link: link
        ) { space in
            if isMuLaw {
                MuLawTable.encode(samples, into: space)
            } else {
                #if _endian(little)
                space.copyMemory(from: UnsafeRawBufferPointer(samples))
                #else
                for (index, sample) in samples.enumerated() {
                    space.storeBytes(
                        of: sample.littleEndian, toByteOffset: 2 * index, as: Int16.self)
                }
                #endif
            }
        }
    }

    /// False when `payload` is longer than a record can be.
    func write(
        _ kind: Mux.Kind, _ leg: MuxLeg, _ payload: [UInt8], flags: Mux.Flags = []
    ) -> Bool {
        append(kind, flags: flags, leg: leg.id, timestamp: leg.timestamp, payload)
    }

    @discardableResult
    func append(
        _ kind: Mux.Kind, flags: Mux.Flags, leg: UInt32, timestamp: UInt64, _ payload: [UInt8]
    ) -> Bool {
        guard state == .open else { return true }
        return writer.record(
            kind, flags: flags, leg: leg, timestamp: timestamp, count: payload.count, link: link
        ) { space in
            payload.withUnsafeBytes { space.copyMemory(from: $0) }
        }
    }

    /// Ends the message at hand and writes everything: once a wake-up.
    func flush() {
        writer.finish(link)
        let finished = writer.takeFinished()
        if finished.messages > 0 {
            meters.messagesSent.increment(by: finished.messages)
            meters.muxBytesSent.increment(by: finished.bytes)
        }
        let waiting = link.flush()
        guard state == .open,
            waiting > limits.maximumMuxOutboundBytes + limits.maximumControlBytes
        else { return }
        lose("the bot does not read: \(waiting) bytes wait for it", closeCode: 1008)
    }

    /// What has been left in the rings may go now.
    func becameWritable() {
        forEachLeg { leg in if let place = leg.place { wakes.insert(place.index) } }
        pumpReady()
    }

    // MARK: from the bot

    func receive(_ bytes: UnsafeRawBufferPointer) {
        link.heard()
        var rest = bytes
        while state == .open, let input = link.decoder.next(&rest) { handle(input) }
        // Legs that got something have their bit set.
        pumpReady()
    }

    private func handle(_ input: WebSocketInput) {
        switch input {
        case .data(let message):
            count(message.count)
            guard state == .open else { return }
            read(message)
        case .text(let text):
            count(text.count)
            ignore(.text)
        case .oversized, .binary:
            count(0)
            ignore(.oversized)
        case .ping(let payload):
            // A frame of its own: the message at hand ends before it.
            writer.finish(link)
            link.write(.pong, payload)
        case .pong: break
        case .close(let code, let reason): receivedClose(code: code, reason: reason)
        case .violation(let fault):
            lose("the bot broke the WebSocket protocol: \(fault)", closeCode: fault.closeCode)
        }
    }

    private func count(_ bytes: Int) {
        meters.messagesReceived.increment()
        meters.muxBytesReceived.increment(by: bytes)
    }

    private func read(_ bytes: UnsafeRawBufferPointer) {
        do throws(Mux.Fault) {
            var reader = try Mux.Reader(bytes)
            while let record = try reader.next() {
                guard let leg = leg(record.leg) else {
                    ignore(Mux.Kind(rawValue: record.type) == nil ? .unknown : .leg)
                    continue
                }
                leg.statistics.messagesReceived += 1
                if let reason = leg.handle(record, reader.payload(of: record)) { ignore(reason) }
                if let place = leg.place { wakes.insert(place.index) }
            }
        } catch {
            switch error {
            case .truncated: ignore(.malformed)
            case .version: ignore(.version)
            case .tooManyRecords: ignore(.records)
            }
        }
    }

    private func ignore(_ reason: IgnoredReason) {
        meters.ignored(reason)
        switch reason {
        case .malformed, .records: notice(.malformed)
        case .unknown, .binary: notice(.unknown)
        case .text: notice(.text)
        case .oversized: notice(.oversized)
        case .version: notice(.version)
        case .leg: notice(.leg)
        case .encoding: notice(.encoding)
        case .marks: notice(.tooManyMarks)
        case .listener: notice(.listener)
        }
    }
}
