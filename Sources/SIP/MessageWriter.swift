extension SIPMessage {
    /// The message as it goes out: long header names, one value a line as given, CRLF, and a
    /// Content-Length that is always right. A line break inside a value becomes a space, so that no
    /// value can add a header.
    public var serialised: [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(512 + body.count)
        switch start {
        case .request(let method, let uri):
            Self.append(method.name, to: &output)
            output.append(0x20)
            Self.append(uri, to: &output)
            Self.append(" SIP/2.0", to: &output)
        case .response(let status, let reason):
            Self.append("SIP/2.0 ", to: &output)
            Self.append(String(status), to: &output)
            output.append(0x20)
            Self.append(reason, to: &output)
        }
        Self.endLine(&output)
        for line in headers.lines where line.name != .contentLength {
            Self.append(line.name.text, to: &output)
            Self.append(": ", to: &output)
            Self.append(line.value, to: &output)
            Self.endLine(&output)
        }
        Self.append("Content-Length: ", to: &output)
        Self.append(String(body.count), to: &output)
        Self.endLine(&output)
        Self.endLine(&output)
        output.append(contentsOf: body)
        return output
    }

    /// The length of `serialised`, without making it.
    var serialisedCount: Int {
        var count = 2
        switch start {
        case .request(let method, let uri):
            count += method.name.utf8.count + uri.utf8.count + " SIP/2.0".utf8.count + 1
        case .response(_, let reason): count += "SIP/2.0 200 ".utf8.count + reason.utf8.count
        }
        for line in headers.lines where line.name != .contentLength {
            count += line.name.text.utf8.count + line.value.utf8.count + 4
        }
        let length = String(body.count).utf8.count
        return count + "Content-Length: ".utf8.count + length + 4 + body.count
    }

    private static func append(_ text: String, to output: inout [UInt8]) {
        for byte in text.utf8 { output.append(byte == 13 || byte == 10 ? 0x20 : byte) }
    }

    private static func endLine(_ output: inout [UInt8]) {
        output.append(13)
        output.append(10)
    }

    /// A response to this request with what RFC 3261 8.2.6 copies: Via, From, To, Call-ID, CSeq,
    /// and Timestamp for 100.
    ///
    /// - Parameter toTag: added to To when the request had no tag there and `status` is not 100.
    public func makeResponse(
        _ status: Int, reason: String? = nil, toTag: String? = nil
    ) -> SIPMessage {
        var response = SIPMessage(
            .response(status: status, reason: reason ?? reasonPhrase(status)))
        for line in headers.lines {
            switch line.name {
            case .via, .from, .callID, .cseq: response.headers.append(line.name, line.value)
            case .to:
                var value = line.value
                let tagged = (try? NameAddress(value, of: .to))?.tag != nil
                if status != 100, !tagged, let toTag { value += ";tag=" + toTag }
                response.headers.append(.to, value)
            case .timestamp where status == 100: response.headers.append(.timestamp, line.value)
            default: break
            }
        }
        return response
    }
}
