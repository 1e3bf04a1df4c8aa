internal import Audio
internal import Base

// Audio and messages of a session: bridge → frames, and frames → playout.

extension SessionCore {
    // MARK: to the bot

    /// Received samples, one frame a message. When the bot does not read, frames are dropped here so
    /// that what it gets later is not old; `chunk` and `timestamp` go on and show the hole.
    /// - Parameter toTheEnd: what is less than a frame goes, too. Nothing may come after it.
    func drainReceived(toTheEnd: Bool = false) {
        let ring = playout.bridge.received
        let frame = format.frameSamples
        let least = toTheEnd ? 1 : frame
        if ring.count >= least {
            withUnsafeTemporaryAllocation(of: Int16.self, capacity: frame) { samples in
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: frame) { muLaw in
                    while ring.count >= least {
                        let count = ring.read(into: samples)
                        guard count > 0 else { return }
                        let encoded = UnsafeMutableBufferPointer(rebasing: muLaw[..<count])
                        MuLawTable.encode(
                            UnsafeBufferPointer(rebasing: samples[..<count]),
                            into: UnsafeMutableRawBufferPointer(encoded))
                        sendMedia(UnsafeBufferPointer(encoded))
                    }
                }
            }
        }
        let missed = playout.takeLost()
        guard missed > 0 else { return }
        elapsedSamples += missed
        meters.lateSamples.increment(by: missed)
        notice(.late)
    }

    /// Before `start`: the oldest audio goes, so that the bot hears first what was said last, and so has
    /// what found no room. No frame's time tells of it, since times begin with `start`.
    func shed() {
        meters.lateSamples.increment(
            by: playout.discardOldest(format.frameSamples) + playout.takeLost())
    }

    /// While the bot is not there yet. The worker must not take this stream for one that is behind.
    func pumpUnheard() {
        for _ in 0..<2 {
            shed()
            guard playout.arm(received: playout.bridge.received.capacity / 2 + 1) else { break }
        }
    }

    private func sendMedia(_ muLaw: UnsafeBufferPointer<UInt8>) {
        let chunk = elapsedSamples / format.frameSamples + 1
        let timestamp = elapsedSamples / 8
        elapsedSamples += muLaw.count
        guard link.takesMedia else {
            statistics.mediaDropped += 1
            meters.callMediaDropped.increment()
            meters.lateSamples.increment(by: muLaw.count)
            notice(.notReading)
            return
        }
        let text = writer.beginMedia(samples: muLaw.count, chunk: chunk, timestamp: timestamp)
        link.write(.text, count: writer.count(text)) { writer.write(text, muLaw, into: $0) }
        statistics.mediaSent += 1
        countSent()
    }

    func returnDueMarks() {
        while let name = playout.takeDueMark() { returnMark(name) }
    }

    private func returnMark(_ name: String) {
        writer.mark(name)
        sendMessage()
        statistics.marksReturned += 1
        events(.mark(name: name))
    }

    /// Appends what `writer` holds to the next write.
    func sendMessage() {
        writer.bytes.withUnsafeBytes { link.write(.text, $0) }
        countSent()
    }

    private func countSent() {
        statistics.messagesSent += 1
        meters.messagesSent.increment()
    }

    func flush(checkingLimit: Bool = true) {
        let waiting = link.flush()
        guard checkingLimit, waiting > limits.maximumControlBytes else { return }
        switch state {
        case .open: lose("the bot does not read: \(waiting) bytes wait for it", closeCode: 1008)
        // It sends pings instead of its close frame: the end has been decided already.
        case .closing(let reason):
            finish(.ended(reason: reason))
            link.closeChannel()
        case .connecting, .done: break
        }
    }

    // MARK: from the bot

    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard state == .open || isClosing else { return }
        link.heard()
        var rest = bytes
        while state == .open || isClosing, let input = link.decoder.next(&rest) { handle(input) }
        if isClosing { flush() }
        pump()
        // The buffer is shared: what was written behind the end would go out with another call's frames.
        if state == .done { link.discard() }
    }

    private func handle(_ input: WebSocketInput) {
        switch input {
        case .text(let text):
            countReceived()
            guard state == .open else { return }
            handle(BotMessage.parse(text.bindMemory(to: UInt8.self), payload: &decoded.bytes))
            decoded.trim()
        case .binary, .data:
            countReceived()
            statistics.binary += 1
            ignore(.binary, .binary)
        case .oversized:
            countReceived()
            statistics.oversized += 1
            ignore(.oversized, .oversized)
        case .ping(let payload): link.write(.pong, payload)
        case .pong: break
        case .close(let code, let reason): receivedClose(code: code, reason: reason)
        case .violation(let fault):
            lose("the bot broke the WebSocket protocol: \(fault)", closeCode: fault.closeCode)
        }
    }

    private func countReceived() {
        statistics.messagesReceived += 1
        meters.messagesReceived.increment()
    }

    private func handle(_ message: BotMessage) {
        switch message {
        case .media where request.isListener: ignore(.listener, .listener)
        case .media: enqueuePayload()
        case .transcript(let text): events(.transcript(text))
        case .mark(let name):
            if !playout.enqueueMark(name) {
                statistics.marksRefused += 1
                ignore(.marks, .tooManyMarks)
            }
        case .clear:
            // Marks whose audio has gone out go back first, so that order stays the bot's.
            returnDueMarks()
            let names = playout.clear()
            for name in names { returnMark(name) }
            statistics.clears += 1
            events(.cleared(marks: names.count))
        case .unknown:
            statistics.unknown += 1
            ignore(.unknown, .unknown)
        case .malformed:
            statistics.malformed += 1
            ignore(.malformed, .malformed)
        }
    }

    private func enqueuePayload() {
        let isWhole = decoded.bytes.withUnsafeBufferPointer {
            playout.enqueue($0, &statistics, meters)
        }
        if !isWhole { notice(.playoutFull) }
    }

    private func ignore(_ reason: IgnoredReason, _ notice: StreamNotice) {
        meters.ignored(reason)
        self.notice(notice)
    }
}
