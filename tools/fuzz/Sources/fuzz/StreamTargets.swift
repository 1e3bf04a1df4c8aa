// WebSocketCodec.swift, FrameBuffer.swift, BotMessage.swift and JSONScanner.swift beside this file are links
// into the room Streaming, which as a whole would bring NIO and TLS into the fuzzers.

extension FuzzTarget {
    /// What a bot sends over its WebSocket: the same messages come out however the bytes are cut, none is
    /// larger than the limit, and its text is read. The first byte says how much a piece holds.
    static let bot = FuzzTarget(name: "bot", maximumInput: 4096) { bytes in
        guard let first = bytes.first else { return }
        let stream = UnsafeRawBufferPointer(rebasing: bytes[1...])
        let whole = told(stream, inPiecesOf: max(1, stream.count))
        let cut = told(stream, inPiecesOf: Int(first) + 1)
        expect(whole == cut, "cut into \(Int(first) + 1) bytes it says \(cut) instead of \(whole)")
    }

    private static let maximumMessage = 512

    private static func told(_ stream: UnsafeRawBufferPointer, inPiecesOf size: Int) -> [String] {
        var decoder = WebSocketDecoder(maximumMessage: maximumMessage)
        var payload: [UInt8] = []
        var said: [String] = []
        for start in stride(from: 0, to: stream.count, by: size) {
            var piece = UnsafeRawBufferPointer(
                rebasing: stream[start..<min(start + size, stream.count)])
            while let input = decoder.next(&piece) {
                switch input {
                case .text(let text):
                    expect(text.count <= maximumMessage, "a message beyond the limit")
                    let message = BotMessage.parse(
                        text.bindMemory(to: UInt8.self), payload: &payload)
                    if message == .media {
                        expect(payload.count <= text.count, "more sound than text")
                        said.append("media \(payload)")
                    } else {
                        said.append("\(message)")
                    }
                case .data: expect(false, "binary was not asked for")
                case .binary(let count): said.append("binary \(count)")
                case .oversized(let count):
                    expect(count > maximumMessage, "not too large")
                    said.append("oversized \(count)")
                case .ping(let bytes): said.append("ping \(Array(bytes))")
                case .pong: said.append("pong")
                case .close(let code, let reason): said.append("close \(code ?? 0) \(Array(reason))")
                case .violation(let fault): said.append("violation \(fault)")
                }
            }
            expect(piece.isEmpty, "bytes are left")
        }
        return said
    }
}
