internal import Audio
internal import Base
internal import NIOCore

// Audio and messages of a session: bridge → frames, and frames → playout.

extension SessionCore {
    // MARK: to the bot

    /// Received samples, 20 ms a message. When the bot does not read, frames are dropped here so
    /// that what it gets later is not old; `chunk` and `timestamp` go on and show the hole.
    func drainReceived() {
        let lost = bridge.lostReceivedSamples
        let count = Self.frameSamples
        withUnsafeTemporaryAllocation(of: Int16.self, capacity: count) { samples in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { muLaw in
                while bridge.received.count >= count {
                    guard bridge.received.read(into: samples) == count else { return }
                    G711.encodeMuLaw(
                        UnsafeBufferPointer(samples), into: UnsafeMutableRawBufferPointer(muLaw))
                    sendMedia(UnsafeBufferPointer(muLaw))
                }
            }
        }
        if lost != lostReceived {
            // The ring was full: what was lost comes after what was in it.
            let missed = lost - lostReceived
            lostReceived = lost
            elapsedSamples += missed
            meters.lateSamples.increment(by: missed)
            notice(.late)
        }
    }

    private func sendMedia(_ muLaw: UnsafeBufferPointer<UInt8>) {
        let chunk = elapsedSamples / Self.frameSamples + 1
        let timestamp = elapsedSamples / 8
        elapsedSamples += Self.frameSamples
        guard let channel, channel.isWritable, out.readableBytes < limits.maximumOutboundBytes
        else {
            statistics.mediaDropped += 1
            meters.lateSamples.increment(by: Self.frameSamples)
            notice(.notReading)
            return
        }
        writer.media(muLaw, chunk: chunk, timestamp: timestamp)
        statistics.mediaSent += 1
        sendMessage()
    }

    func returnDueMarks() {
        let sentPosition = bridge.sentPosition
        while let name = queue.takeDueMark(sentPosition: sentPosition) { returnMark(name) }
    }

    private func returnMark(_ name: String) {
        writer.mark(name)
        sendMessage()
        statistics.marksReturned += 1
        events(.mark(name: name))
    }

    /// Appends what `writer` holds to the next write.
    func sendMessage() {
        writer.bytes.withUnsafeBytes { encoder.write(.text, $0, into: &out) }
        statistics.messagesSent += 1
        meters.messagesSent.increment()
    }

    func sendClose(code: UInt16) {
        // 1005, 1006 and 1015 never travel (RFC 6455 section 7.4.1).
        let sent = [1005, 1006, 1015].contains(code) ? 1000 : code
        withUnsafeBytes(of: sent.bigEndian) { encoder.write(.close, $0, into: &out) }
    }

    func flush(checkingLimit: Bool = true) {
        guard out.readableBytes > 0, let channel else { return }
        let frames = out
        out = channel.allocator.buffer(capacity: 1024)
        channel.writeAndFlush(frames, promise: nil)
        guard checkingLimit, !channel.isWritable, state == .open,
            let waiting = try? channel.syncOptions?.getOption(.bufferedWritableBytes),
            waiting > limits.maximumControlBytes
        else { return }
        lose("the bot does not read: \(waiting) bytes wait for it", closeCode: 1008)
    }

    // MARK: from the bot

    func receive(_ bytes: ByteBuffer) {
        guard state == .open || isClosing else { return }
        lastHeard = .now()
        unansweredPings = 0
        decoder.feed(bytes)
        while state == .open || isClosing, let input = decoder.next() { handle(input) }
        guard state == .open else { return }
        queue.topUp(bridge)
        returnDueMarks()
        flush()
    }

    private func handle(_ input: WebSocketInput) {
        switch input {
        case .text(let text):
            countReceived()
            guard state == .open else { return }
            let message = text.withUnsafeReadableBytes { bytes in
                BotMessage.parse(bytes.bindMemory(to: UInt8.self), payload: &payload)
            }
            handle(message)
        case .binary:
            countReceived()
            statistics.binary += 1
            notice(.binary)
        case .oversized:
            countReceived()
            statistics.oversized += 1
            notice(.oversized)
        case .ping(let payload):
            payload.withUnsafeReadableBytes { encoder.write(.pong, $0, into: &out) }
        case .pong: break
        case .close(let code, let reason): receivedClose(code: code, reason: reason)
        case .violation(let reason): lose("the bot broke the WebSocket protocol: \(reason)")
        }
    }

    private func countReceived() {
        statistics.messagesReceived += 1
        meters.messagesReceived.increment()
    }

    private func handle(_ message: BotMessage) {
        switch message {
        case .media: enqueuePayload()
        case .mark(let name):
            if !queue.enqueueMark(name) {
                statistics.marksRefused += 1
                notice(.tooManyMarks)
            }
        case .clear:
            // Marks whose audio has gone out go back first, so that order stays the bot's.
            returnDueMarks()
            let names = queue.clear(bridge)
            for name in names { returnMark(name) }
            statistics.clears += 1
            events(.cleared(marks: names.count))
        case .unknown:
            statistics.unknown += 1
            notice(.unknown)
        case .malformed:
            statistics.malformed += 1
            notice(.malformed)
        }
    }

    private func enqueuePayload() {
        let dropped = payload.withUnsafeBufferPointer { queue.enqueue($0) }
        statistics.playoutSamples += payload.count - dropped
        guard dropped > 0 else { return }
        statistics.playoutDroppedSamples += dropped
        // In whole milliseconds of the stream's total, so that small drops add up.
        let before = (statistics.playoutDroppedSamples - dropped) / 8
        meters.playoutDroppedMilliseconds.increment(
            by: statistics.playoutDroppedSamples / 8 - before)
        notice(.playoutFull)
    }
}

/// The end of the channel's pipeline: bytes in, bytes out, everything else is the session's.
final class FrameHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let core: SessionCore
    private var lastError: String?

    init(core: SessionCore) { self.core = core }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        core.receive(unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) {
        core.channelClosed(error: lastError)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lastError = printable("\(error)")
        context.close(promise: nil)
    }
}
