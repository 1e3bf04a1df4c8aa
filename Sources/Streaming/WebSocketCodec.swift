internal import NIOCore

// The one place that knows what a WebSocket frame looks like (RFC 6455 section 5). NIO's own codec
// masks byte by byte, allocates a frame object a message and holds a whole frame of any allowed
// size; this one masks in words, appends to the buffer of the next write, and skips what is too
// large without keeping it.

/// Frame opcodes, RFC 6455 section 5.2.
enum WebSocketOpcode: UInt8 {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    var isControl: Bool { rawValue & 0x8 != 0 }
}

/// Appends client frames, which are masked (RFC 6455 section 5.3).
struct WebSocketEncoder {
    /// The next half of a random word, if there is one left.
    private var spareKey: UInt32?

    /// One unfragmented frame with a fresh unpredictable masking key.
    mutating func write(
        _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, into out: inout ByteBuffer
    ) {
        let key: UInt32
        if let spare = spareKey {
            key = spare
            spareKey = nil
        } else {
            let word = UInt64.random(in: .min ... .max)
            key = UInt32(truncatingIfNeeded: word)
            spareKey = UInt32(truncatingIfNeeded: word >> 32)
        }
        Self.write(opcode, payload, key: key, into: &out)
    }

    /// `key` holds the masking key's first byte in its lowest byte.
    static func write(
        _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer, key: UInt32,
        into out: inout ByteBuffer
    ) {
        out.writeInteger(0x80 | opcode.rawValue)
        switch payload.count {
        case ...125: out.writeInteger(0x80 | UInt8(payload.count))
        case ...0xFFFF:
            out.writeInteger(UInt8(0x80 | 126))
            out.writeInteger(UInt16(payload.count))
        default:
            out.writeInteger(UInt8(0x80 | 127))
            out.writeInteger(UInt64(payload.count))
        }
        out.writeInteger(key.littleEndian, endianness: .host)
        out.writeWithUnsafeMutableBytes(minimumWritableBytes: payload.count) { target in
            mask(payload, key: key, into: target)
            return payload.count
        }
    }

    private static func mask(
        _ source: UnsafeRawBufferPointer, key: UInt32, into target: UnsafeMutableRawBufferPointer
    ) {
        guard target.count >= source.count else { return }
        let wide = UInt64(key) << 32 | UInt64(key)
        var index = 0
        // SAFETY: index + 8 ≤ source.count ≤ target.count.
        while index + 8 <= source.count {
            let word = source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            target.storeBytes(
                of: word ^ wide.littleEndian, toByteOffset: index, as: UInt64.self)
            index += 8
        }
        while index < source.count {
            target[index] = source[index] ^ UInt8(truncatingIfNeeded: key >> (8 * (index & 3)))
            index += 1
        }
    }
}

/// What a bot sent, one WebSocket message or control frame at a time.
enum WebSocketInput: Equatable {
    case text(ByteBuffer)
    /// A binary message; its bytes were skipped.
    case binary(bytes: Int)
    /// A text message beyond the limit; its bytes were skipped.
    case oversized(bytes: Int)
    case ping(ByteBuffer)
    case pong
    /// `code` is nil when the frame was empty (then 1005 by RFC 6455 section 7.1.5).
    case close(code: UInt16?, reason: String)
    /// The bot broke RFC 6455; nothing more will come out of this decoder.
    case violation(String)
}

/// Takes server frames out of a byte stream that arrives in pieces of any size.
struct WebSocketDecoder {
    private struct Frame {
        let opcode: WebSocketOpcode
        let isFinal: Bool
        var remaining: Int
    }

    private enum Message {
        case none
        /// A text message; `assembled` holds the fragments before this one.
        case text
        /// A message nobody will read: how many of its bytes have gone by.
        case skipping(isText: Bool, bytes: Int)
    }

    let maximumMessage: Int
    private var pending = ByteBuffer()
    private var frame: Frame?
    private var message = Message.none
    private var assembled = ByteBuffer()
    private var isBroken = false

    init(maximumMessage: Int) { self.maximumMessage = maximumMessage }

    /// Adds received bytes. Call `next` until nil afterwards.
    mutating func feed(_ bytes: ByteBuffer) {
        guard !isBroken else { return }
        if pending.readableBytes == 0 {
            pending = bytes
        } else {
            pending.discardReadBytes()
            pending.writeImmutableBuffer(bytes)
        }
    }

    mutating func next() -> WebSocketInput? {
        while !isBroken {
            if frame == nil {
                do {
                    frame = try readHeader()
                } catch {
                    return violation(error.reason)
                }
                guard frame != nil else { return nil }
            }
            guard let current = frame else { return nil }
            if current.opcode.isControl {
                guard let payload = pending.readSlice(length: current.remaining) else {
                    return nil
                }
                frame = nil
                return control(current.opcode, payload)
            }
            switch advance(current) {
            case .input(let input): return input
            case .needMore: return nil
            case .goOn: continue
            }
        }
        return nil
    }

    private enum Progress {
        case input(WebSocketInput)
        case needMore
        case goOn
    }

    /// Takes bytes of a data frame, as far as they are there.
    private mutating func advance(_ current: Frame) -> Progress {
        switch message {
        case .skipping(let isText, let bytes):
            let taken = min(current.remaining, pending.readableBytes)
            pending.moveReaderIndex(forwardBy: taken)
            let (total, overflow) = bytes.addingReportingOverflow(taken)
            message = .skipping(isText: isText, bytes: overflow ? .max : total)
            guard taken == current.remaining else {
                frame?.remaining -= taken
                return .needMore
            }
            frame = nil
            guard current.isFinal else { return .goOn }
            message = .none
            return .input(isText ? .oversized(bytes: total) : .binary(bytes: total))
        case .text, .none:
            guard var payload = pending.readSlice(length: current.remaining) else {
                return .needMore
            }
            frame = nil
            if current.isFinal, assembled.readableBytes == 0 {
                message = .none
                return .input(.text(payload))
            }
            assembled.writeBuffer(&payload)
            guard current.isFinal else { return .goOn }
            message = .none
            let whole = assembled
            assembled = ByteBuffer()
            return .input(.text(whole))
        }
    }

    private struct Fault: Error { let reason: String }

    /// The next frame's header, or nil while it is not all there. Sets `message` for data frames.
    private mutating func readHeader() throws(Fault) -> Frame? {
        let start = pending.readerIndex
        guard let first = pending.getInteger(at: start, as: UInt8.self),
            let second = pending.getInteger(at: start + 1, as: UInt8.self)
        else { return nil }
        guard first & 0x70 == 0 else { throw Fault(reason: "reserved bits are set") }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else {
            throw Fault(reason: "unknown opcode \(first & 0x0F)")
        }
        guard second & 0x80 == 0 else { throw Fault(reason: "a server frame is masked") }

        var length = Int(second)
        var headerCount = 2
        if length == 126 {
            guard let word = pending.getInteger(at: start + 2, as: UInt16.self) else { return nil }
            length = Int(word)
            headerCount = 4
        } else if length == 127 {
            guard let word = pending.getInteger(at: start + 2, as: UInt64.self) else { return nil }
            guard let fits = Int(exactly: word) else {
                throw Fault(reason: "a frame length has its highest bit set")
            }
            length = fits
            headerCount = 10
        }
        let isFinal = first & 0x80 != 0
        if opcode.isControl {
            guard isFinal, length <= 125 else {
                throw Fault(reason: "a control frame is fragmented or too long")
            }
        } else {
            try begin(opcode, length: length)
        }
        pending.moveReaderIndex(forwardBy: headerCount)
        return Frame(opcode: opcode, isFinal: isFinal, remaining: length)
    }

    private mutating func begin(_ opcode: WebSocketOpcode, length: Int) throws(Fault) {
        switch (opcode, message) {
        case (.continuation, .none):
            throw Fault(reason: "a continuation without a message")
        case (.continuation, _): break
        case (.text, .none): message = .text
        case (.binary, .none): message = .skipping(isText: false, bytes: 0)
        default: throw Fault(reason: "a new message inside a fragmented one")
        }
        if case .text = message, length > maximumMessage - assembled.readableBytes {
            message = .skipping(isText: true, bytes: assembled.readableBytes)
            assembled = ByteBuffer()
        }
    }

    private mutating func control(
        _ opcode: WebSocketOpcode, _ payload: ByteBuffer
    ) -> WebSocketInput {
        switch opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong
        default: break
        }
        var payload = payload
        guard payload.readableBytes > 0 else { return .close(code: nil, reason: "") }
        guard let code = payload.readInteger(as: UInt16.self) else {
            return violation("a close frame of one byte")
        }
        let text = String(decoding: payload.readableBytesView, as: UTF8.self)
        return .close(code: code, reason: text)
    }

    private mutating func violation(_ reason: String) -> WebSocketInput {
        isBroken = true
        pending = ByteBuffer()
        assembled = ByteBuffer()
        return .violation(reason)
    }
}
