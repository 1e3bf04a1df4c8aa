//   datagram ─▶ start line ─▶ header lines (unfolded) ─▶ blank line ─▶ body (Content-Length)
//                  │                │                        │             │
//                  └── not SIP:     └─── faults that still allow an answer ┘
//                      throws            become `defect`, the first one wins

extension SIPMessage {
    /// Reads one datagram (RFC 3261 7, 18.3).
    ///
    /// Tolerant where a peer's meaning is plain: bare LF, empty lines before the start line,
    /// trailing spaces, octets after the body. Faults that still allow an answer are kept in
    /// `defect`.
    ///
    /// - Throws: `.notSIP`, `.badStatusCode`, `.badVersion` (of a response), and the limits.
    public init(parsing bytes: [UInt8]) throws(SIPError) {
        guard bytes.count <= SIPLimits.messageBytes else {
            throw .tooLarge(bytes: bytes.count, limit: SIPLimits.messageBytes)
        }
        var lines = LineReader(bytes)
        lines.skipEmptyLines()
        guard let first = lines.next() else { throw .notSIP }
        guard first.count <= SIPLimits.headerBytes else {
            throw .headerTooLong(limit: SIPLimits.headerBytes)
        }
        var defect: SIPError?
        let start = try Self.parseStart(first, defect: &defect)
        let headers = try Self.parseHeaders(&lines, defect: &defect)
        let body = Self.takeBody(bytes[lines.position...], headers: headers, defect: &defect)
        self.init(start, headers: headers, body: body)
        self.defect = defect
    }

    private static func parseStart(
        _ line: ArraySlice<UInt8>, defect: inout SIPError?
    ) throws(SIPError) -> Start {
        if line.prefix(4).elementsEqual("SIP/".utf8) { return try parseStatusLine(line) }
        let trimmed = trimSpaces(line)
        let words = trimmed.split(whereSeparator: SIPCharacter.isSpace)
        guard words.count >= 2, let method = words.first, let version = words.last,
            method.allSatisfy(SIPCharacter.isToken), version.count >= 7,
            String(ascii: version.prefix(4)).equalsIgnoringCase("SIP/")
        else { throw .notSIP }
        if !String(ascii: version).equalsIgnoringCase("SIP/2.0") { defect = .badVersion }
        // Exactly one space on either side of the URI; spaces at the end are forgiven.
        let uri = trimSpaces(trimmed[method.endIndex..<version.startIndex])
        let strict =
            line.startIndex == method.startIndex && words.count == 3
            && uri.startIndex == method.endIndex + 1 && version.startIndex == uri.endIndex + 1
        if !strict, defect == nil { defect = .badStartLine }
        return .request(method: SIPMethod(String(ascii: method)), uri: String(ascii: uri))
    }

    /// `SIP/2.0 200 OK`; an absent reason phrase is forgiven.
    private static func parseStatusLine(_ line: ArraySlice<UInt8>) throws(SIPError) -> Start {
        let parts = line.split(
            separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard let version = parts.first, String(ascii: version) == "SIP/2.0" else {
            throw .badVersion
        }
        guard parts.count > 1, parts[1].count == 3, let status = parseDecimal(parts[1]),
            (100...699).contains(status)
        else { throw .badStatusCode }
        let reason = parts.count > 2 ? String(ascii: trimSpaces(parts[2])) : ""
        return .response(status: status, reason: reason)
    }

    /// Header lines from `lines.position` to the blank line. Text is made for names we do not know and
    /// for values, and nothing else is allocated: this runs for every message.
    private static func parseHeaders(
        _ lines: inout LineReader, defect: inout SIPError?
    ) throws(SIPError) -> SIPHeaders {
        var headers = SIPHeaders()
        headers.reserve(24)
        var pending: ArraySlice<UInt8> = []
        var pendingNumber = 0
        while true {
            guard let line = lines.next() else {
                if defect == nil { defect = .missingBlankLine }
                break
            }
            if line.isEmpty { break }
            guard pending.count + line.count <= SIPLimits.headerBytes else {
                throw .headerTooLong(limit: SIPLimits.headerBytes)
            }
            if let byte = line.first, SIPCharacter.isSpace(byte) {
                // A fold is one space (RFC 3261 7.3.1).
                pending.append(0x20)
                pending.append(contentsOf: trimSpaces(line))
                continue
            }
            try add(pending, pendingNumber, to: &headers, defect: &defect)
            pending = line
            pendingNumber = lines.number
        }
        try add(pending, pendingNumber, to: &headers, defect: &defect)
        return headers
    }

    private static func add(
        _ line: ArraySlice<UInt8>, _ number: Int, to headers: inout SIPHeaders,
        defect: inout SIPError?
    ) throws(SIPError) {
        guard !line.isEmpty else { return }
        guard headers.lines.count < SIPLimits.headerCount else {
            throw .tooManyHeaders(limit: SIPLimits.headerCount)
        }
        guard let parsed = HeaderLine.parse(line) else {
            if defect == nil { defect = .badHeaderLine(line: number) }
            return
        }
        headers.append(parsed.name, parsed.value)
    }

    /// Content-Length decides; without one the datagram's end does (18.3). What follows the body is
    /// ignored (RFC 4475 dblreq).
    private static func takeBody(
        _ rest: ArraySlice<UInt8>, headers: SIPHeaders, defect: inout SIPError?
    ) -> [UInt8] {
        let lengths = headers.lines(.contentLength)
        guard let first = lengths.first else { return Array(rest) }
        guard let length = parseDecimal(first.utf8),
            lengths.dropFirst().allSatisfy({ parseDecimal($0.utf8) == length })
        else {
            if defect == nil { defect = .badContentLength }
            return []
        }
        guard length <= rest.count else {
            if defect == nil { defect = .bodyTruncated(needed: length, have: rest.count) }
            return Array(rest)
        }
        return Array(rest.prefix(length))
    }
}

/// Lines ended by CRLF or LF.
private struct LineReader {
    let bytes: [UInt8]
    /// First byte not yet read.
    private(set) var position = 0
    /// Lines read so far, from the start line on.
    private(set) var number = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// RFC 3261 7.5: empty lines before the start line are ignored.
    mutating func skipEmptyLines() {
        while position < bytes.count, bytes[position] == 13 || bytes[position] == 10 {
            position += 1
        }
    }

    /// The next line without its end; nil when no line end is left.
    mutating func next() -> ArraySlice<UInt8>? {
        guard position < bytes.count else { return nil }
        number += 1
        let start = position
        guard let end = lineFeed(in: bytes, from: start) else {
            // An unfinished last line is read so that a truncated request can be answered.
            position = bytes.count
            return bytes[start...]
        }
        position = end + 1
        let last = end > start && bytes[end - 1] == 13 ? end - 1 : end
        return bytes[start..<last]
    }
}

/// The first LF at or after `start`, `start` being an index of `bytes` or its end.
private func lineFeed(in bytes: [UInt8], from start: Int) -> Int? {
    bytes.withUnsafeBufferPointer { buffer in
        // SAFETY: `index` runs from a valid start to below count; the pointer stays in the closure.
        var index = start
        while index < buffer.count {
            if buffer[index] == 10 { return index }
            index += 1
        }
        return nil
    }
}
