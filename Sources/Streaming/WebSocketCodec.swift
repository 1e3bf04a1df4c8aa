// The one place that knows what a WebSocket frame looks like (RFC 6455 section 5). NIO's own codec
// masks byte by byte, allocates a frame object a message and holds a whole frame of any allowed
// size; this one masks in words, appends to the buffer of the next write, reads a message where it
// was received when it lies there in one piece, and skips what is too large without keeping it.

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

/// What a bot sent, one WebSocket message or control frame at a time. Bytes stay until the decoder is
/// asked for the next.
enum WebSocketInput {
    case text(UnsafeRawBufferPointer)
    /// A binary message, for who asked for them.
    case data(UnsafeRawBufferPointer)
    /// A binary message nobody asked for; its bytes were skipped.
    case binary(bytes: Int)
    /// A message beyond the limit; its bytes were skipped.
    case oversized(bytes: Int)
    case ping(UnsafeRawBufferPointer)
    case pong
    /// `code` is nil when the frame was empty (then 1005 by RFC 6455 section 7.1.5).
    case close(code: UInt16?, reason: UnsafeRawBufferPointer)
    /// The bot broke RFC 6455; nothing more will come out of this decoder.
    case violation(WebSocketFault)
}

/// How RFC 6455 was broken.
enum WebSocketFault: Error, Equatable, CustomStringConvertible {
    case reservedBits
    case unknownOpcode(UInt8)
    case masked
    case length
    case control
    case strayContinuation
    case interleaved
    case shortClose
    case badCloseCode(UInt16)
    case notUTF8

    var description: String {
        switch self {
        case .reservedBits: "reserved bits are set"
        case .unknownOpcode(let code): "unknown opcode \(code)"
        case .masked: "a server frame is masked"
        case .length: "a frame length has its highest bit set"
        case .control: "a control frame is fragmented or too long"
        case .strayContinuation: "a continuation without a message"
        case .interleaved: "a new message inside a fragmented one"
        case .shortClose: "a close frame of one byte"
        case .badCloseCode(let code): "close code \(code) never travels"
        case .notUTF8: "text that is no UTF-8"
        }
    }

    /// What the connection is failed with, RFC 6455 section 7.4.1.
    var closeCode: UInt16 { self == .notUTF8 ? 1007 : 1002 }
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
        /// A message to be handed out; `assembled` holds what came before.
        case keeping(isText: Bool)
        /// A message nobody will read: how many of its bytes have gone by.
        case skipping(isWanted: Bool, bytes: Int)
    }

    let maximumMessage: Int
    /// Binary messages are handed out, not skipped.
    let takesBinary: Bool
    /// A header that was cut, and a control frame's payload that was.
    private var header: [UInt8] = []
    private let controlBytes = FrameBuffer(keeping: 0)
    /// The beginning of a message that came in pieces. What is kept is little: there is one a leg.
    private let assembled = FrameBuffer(keeping: 2048)
    private var frame: Frame?
    private var message = Message.none
    private var isBroken = false
    /// Was handed out, and is emptied with the next call.
    private var handedOut: FrameBuffer?

    init(maximumMessage: Int, takesBinary: Bool = false) {
        self.maximumMessage = maximumMessage
        self.takesBinary = takesBinary
    }

    /// Takes the next input off the front of `bytes`. Call it until nil with each piece received;
    /// nothing is left of the piece then.
    mutating func next(_ bytes: inout UnsafeRawBufferPointer) -> WebSocketInput? {
        if let lent = handedOut {
            lent.removeAll()
            handedOut = nil
        }
        while !isBroken {
            if frame == nil {
                do throws(WebSocketFault) {
                    frame = try readHeader(&bytes)
                } catch {
                    return violation(error)
                }
            }
            guard var current = frame else { return nil }
            let taken = min(current.remaining, bytes.count)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[..<taken])
            bytes = UnsafeRawBufferPointer(rebasing: bytes[taken...])
            current.remaining -= taken
            let isWhole = current.remaining == 0
            frame = isWhole ? nil : current
            if current.opcode.isControl {
                guard let payload = gather(piece, controlBytes, isWhole: isWhole) else {
                    return nil
                }
                return control(current.opcode, payload)
            }
            if let input = take(piece, current, isWhole: isWhole) { return input }
            if !isWhole { return nil }
        }
        bytes = UnsafeRawBufferPointer(rebasing: bytes[bytes.count...])
        return nil
    }

    /// `piece` where it lies when it is all there is, otherwise behind what came before; nil while
    /// more has to come.
    private mutating func gather(
        _ piece: UnsafeRawBufferPointer, _ before: FrameBuffer, isWhole: Bool
    ) -> UnsafeRawBufferPointer? {
        if isWhole, before.count == 0 { return piece }
        before.append(piece)
        guard isWhole else { return nil }
        handedOut = before
        return UnsafeRawBufferPointer(before.bytes)
    }

    /// Bytes of a data frame; the message when it ends with them.
    private mutating func take(
        _ piece: UnsafeRawBufferPointer, _ current: Frame, isWhole: Bool
    ) -> WebSocketInput? {
        switch message {
        case .none: return nil
        case .skipping(let isWanted, let bytes):
            let (total, overflow) = bytes.addingReportingOverflow(piece.count)
            message = .skipping(isWanted: isWanted, bytes: overflow ? .max : total)
            guard isWhole, current.isFinal else { return nil }
            message = .none
            return isWanted ? .oversized(bytes: total) : .binary(bytes: total)
        case .keeping(let isText):
            guard let whole = gather(piece, assembled, isWhole: isWhole && current.isFinal) else {
                return nil
            }
            message = .none
            guard isText else { return .data(whole) }
            return isUTF8(whole) ? .text(whole) : violation(.notUTF8)
        }
    }

    /// The next frame's header, or nil while it is not all there.
    private mutating func readHeader(
        _ bytes: inout UnsafeRawBufferPointer
    ) throws(WebSocketFault) -> Frame? {
        if header.isEmpty {
            if let (frame, length) = try parseHeader(bytes) {
                bytes = UnsafeRawBufferPointer(rebasing: bytes[length...])
                return frame
            }
            // Fewer than ten bytes.
            header.append(contentsOf: bytes)
            bytes = UnsafeRawBufferPointer(rebasing: bytes[bytes.count...])
            return nil
        }
        while let byte = bytes.first {
            header.append(byte)
            bytes = UnsafeRawBufferPointer(rebasing: bytes[1...])
            let cut = header
            let parsed: Result<(Frame, length: Int)?, WebSocketFault> = cut.withUnsafeBytes { all in
                do throws(WebSocketFault) {
                    return .success(try parseHeader(all))
                } catch {
                    return .failure(error)
                }
            }
            guard let (frame, _) = try parsed.get() else { continue }
            header.removeAll(keepingCapacity: true)
            return frame
        }
        return nil
    }

    /// A frame and its header's length, or nil when the header is cut. Sets `message` for data frames.
    private mutating func parseHeader(
        _ bytes: UnsafeRawBufferPointer
    ) throws(WebSocketFault) -> (Frame, length: Int)? {
        guard bytes.count >= 2 else { return nil }
        let (first, second) = (bytes[0], bytes[1])
        guard first & 0x70 == 0 else { throw .reservedBits }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else {
            throw .unknownOpcode(first & 0x0F)
        }
        guard second & 0x80 == 0 else { throw .masked }

        var length = Int(second)
        var headerCount = 2
        if length == 126 {
            guard bytes.count >= 4 else { return nil }
            length = Int(
                UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
            headerCount = 4
        } else if length == 127 {
            guard bytes.count >= 10 else { return nil }
            let word = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt64.self))
            guard let fits = Int(exactly: word) else { throw .length }
            length = fits
            headerCount = 10
        }
        let isFinal = first & 0x80 != 0
        if opcode.isControl {
            guard isFinal, length <= 125 else { throw .control }
        } else {
            try begin(opcode, length: length)
        }
        return (Frame(opcode: opcode, isFinal: isFinal, remaining: length), headerCount)
    }

    private mutating func begin(_ opcode: WebSocketOpcode, length: Int) throws(WebSocketFault) {
        switch (opcode, message) {
        case (.continuation, .none): throw .strayContinuation
        case (.continuation, _): break
        case (.text, .none): message = .keeping(isText: true)
        case (.binary, .none):
            message = takesBinary ? .keeping(isText: false) : .skipping(isWanted: false, bytes: 0)
        default: throw .interleaved
        }
        if case .keeping = message, length > maximumMessage - assembled.count {
            message = .skipping(isWanted: true, bytes: assembled.count)
            assembled.release()
        }
    }

    private mutating func control(
        _ opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer
    ) -> WebSocketInput {
        switch opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong
        default: break
        }
        guard payload.count > 0 else { return .close(code: nil, reason: payload) }
        guard payload.count >= 2 else { return violation(.shortClose) }
        let code = UInt16(bigEndian: payload.loadUnaligned(as: UInt16.self))
        guard Self.mayTravel(code) else { return violation(.badCloseCode(code)) }
        let reason = UnsafeRawBufferPointer(rebasing: payload[2...])
        guard isUTF8(reason) else { return violation(.notUTF8) }
        return .close(code: code, reason: reason)
    }

    /// Close codes that a frame may carry: those of RFC 6455 section 7.4.1, what IANA has registered
    /// since (1012 to 1014), and those of libraries and applications (section 7.4.2).
    private static func mayTravel(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    private mutating func violation(_ fault: WebSocketFault) -> WebSocketInput {
        isBroken = true
        assembled.release()
        return .violation(fault)
    }
}

/// Whether `bytes` are UTF-8 as RFC 3629 has it: no overlong form, no surrogate, nothing beyond U+10FFFF,
/// nothing cut. Allocates nothing; ASCII, which messages are made of, goes by in words.
func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    let count = bytes.count
    var index = 0
    while index < count {
        // SAFETY: index + 8 ≤ count.
        while index + 8 <= count,
            base.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            index += 8
        }
        guard index < count else { break }
        let first = bytes[index]
        if first < 0x80 {
            index += 1
            continue
        }
        // RFC 3629 section 4: how long, and what the second byte may be.
        let (length, second): (Int, ClosedRange<UInt8>)
        switch first {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return false
        }
        guard count - index >= length, second.contains(bytes[index + 1]) else { return false }
        for offset in 2..<length where bytes[index + offset] & 0xC0 != 0x80 { return false }
        index += length
    }
    return true
}
