/// Puts records together into masked WebSocket frames, in the buffer they are sent from: nothing is
/// copied or allocated once that buffer has grown.
struct MuxWriter {
    /// Where the WebSocket frame at hand begins, with room for its longest header; nil between two.
    private var start: Int?
    private var records = 0
    private var bytes = 0
    private var finishedMessages = 0
    private var finishedBytes = 0

    /// Room for the header of a frame of 126 to 65,535 bytes: 2, length 2, key 4.
    private static let frameHeader = 8

    /// Longest payload of a record.
    static let maximumPayload = Mux.maximumMessage - Mux.messageHeader - Mux.recordHeader

    /// Appends one record of `count` bytes that `fill` writes. False when it can never fit: longer
    /// than `maximumPayload`.
    @inline(__always)
    mutating func record(
        _ kind: Mux.Kind, flags: Mux.Flags, leg: UInt32, timestamp: UInt64, count: Int,
        link: FrameLink, fill: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Bool {
        guard count >= 0, count <= Self.maximumPayload else { return false }
        if start != nil,
            bytes + Mux.recordHeader + count > Mux.maximumMessage || records == Int(UInt16.max)
        {
            finish(link)
        }
        if start == nil {
            start = link.out.count
            bytes = Mux.messageHeader
            _ = link.out.reserve(Self.frameHeader + Mux.messageHeader)
            link.out.commit(Self.frameHeader + Mux.messageHeader)
        }
        let length = Mux.recordHeader + count
        let space = link.out.reserve(length)
        space[0] = kind.rawValue
        space[1] = flags.rawValue
        space.storeBytes(
            of: UInt16(truncatingIfNeeded: count).littleEndian, toByteOffset: 2, as: UInt16.self)
        space.storeBytes(of: leg.littleEndian, toByteOffset: 4, as: UInt32.self)
        space.storeBytes(of: timestamp.littleEndian, toByteOffset: 8, as: UInt64.self)
        fill(UnsafeMutableRawBufferPointer(rebasing: space[Mux.recordHeader..<length]))
        link.out.commit(length)
        bytes += length
        records += 1
        return true
    }

    /// Ends the message at hand: counts its records, masks it, puts the frame's header in front.
    mutating func finish(_ link: FrameLink) {
        guard let start else { return }
        let key = link.encoder.nextKey()
        let (count, total) = (records, bytes)
        self.start = nil
        records = 0
        // The frame is the last thing in the buffer.
        let frame = UnsafeMutableRawBufferPointer(rebasing: link.out.bytes[start...])
        let header = WebSocketEncoder.headerCount(total)
        let excess = Self.frameHeader - header
        let message = UnsafeMutableRawBufferPointer(
            rebasing: frame[Self.frameHeader..<Self.frameHeader + total])
        message[0] = Mux.version
        message[1] = 0
        message.storeBytes(
            of: UInt16(truncatingIfNeeded: count).littleEndian, toByteOffset: 2, as: UInt16.self)
        WebSocketEncoder.mask(message, key: key)
        if excess > 0 {
            // A short message has a shorter header (RFC 6455 section 5.2: the minimal length).
            let target = UnsafeMutableRawBufferPointer(rebasing: frame[header...])
            target.copyMemory(from: UnsafeRawBufferPointer(message))
        }
        _ = WebSocketEncoder.writeHeader(.binary, count: total, key: key, into: frame)
        if excess > 0 { link.out.removeLast(excess) }
        finishedMessages += 1
        finishedBytes += total
    }

    /// Messages finished since the last call, and their bytes.
    mutating func takeFinished() -> (messages: Int, bytes: Int) {
        defer { (finishedMessages, finishedBytes) = (0, 0) }
        return (finishedMessages, finishedBytes)
    }

    /// Forgets a message that was begun, with the connection it was for.
    mutating func reset() {
        start = nil
        records = 0
        bytes = 0
    }
}
