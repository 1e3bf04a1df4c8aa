/// A SIP request or response (RFC 3261 7).
public struct SIPMessage: Sendable, Equatable {
    /// The start line: of a request (RFC 3261 7.1) or a response (7.2).
    public enum Start: Sendable, Equatable {
        /// The Request-URI is kept as text: what a UAS cannot route it still answers.
        case request(method: SIPMethod, uri: String)
        /// `status`: 100…699.
        case response(status: Int, reason: String)
    }

    /// Says whether it is a request or a response.
    public var start: Start
    /// A Content-Length among them counts when reading only; `serialised` writes the right one.
    public var headers: SIPHeaders
    /// Octets; what the message has of them when it was cut short (`.bodyTruncated`).
    public var body: [UInt8]
    /// The first fault found while reading: the message can be answered (400, 505) but not used.
    public var defect: SIPError?

    /// Nothing is checked here; `defect` is nil.
    public init(_ start: Start, headers: SIPHeaders = SIPHeaders(), body: [UInt8] = []) {
        self.start = start
        self.headers = headers
        self.body = body
        defect = nil
    }

    /// nil for a response.
    public var method: SIPMethod? {
        if case .request(let method, _) = start { return method }
        return nil
    }

    /// nil for a request.
    public var status: Int? {
        if case .response(let status, _) = start { return status }
        return nil
    }

    /// As written; nil for a response.
    public var requestURI: String? {
        if case .request(_, let uri) = start { return uri }
        return nil
    }

    /// Media type of the body in lower case, without parameters: `application/sdp`.
    public var contentType: String? {
        guard let value = headers[.contentType] else { return nil }
        let type = value.utf8.prefix { $0 != UInt8(ascii: ";") }
        return String(ascii: type.filter { !SIPCharacter.isSpace($0) }).asciiLowercased
    }

    /// The body when it is a session description. A body without Content-Type that starts like SDP
    /// is taken for one.
    public var sdp: [UInt8]? {
        guard !body.isEmpty, body.count <= SIPLimits.bodyBytes else { return nil }
        if let contentType { return contentType == "application/sdp" ? body : nil }
        return body.starts(with: Array("v=0".utf8)) ? body : nil
    }

    /// First Contact as a SIP URI, if it is one.
    public var contactURI: SIPURI? {
        guard let value = headers.values(.contact).first,
            let address = try? NameAddress(value, of: .contact)
        else { return nil }
        return address.uri.sip
    }
}

/// The six headers no message can do without (RFC 3261 8.1.1), read.
public struct MessageEssentials: Sendable, Equatable {
    /// Top first; never empty.
    public var vias: [Via]
    /// Who sent the request, in its responses too.
    public var from: NameAddress
    /// Whom the request was sent to; a request outside a dialog has no tag here.
    public var to: NameAddress
    /// Not empty, without spaces.
    public var callID: String
    /// In a request of the method that its start line has.
    public var cseq: CSeq
    /// The first of `vias`.
    public var topVia: Via

    /// - Throws: `.missing`, `.repeated`, `.malformed` of the header, `.methodMismatch`.
    public init(_ message: SIPMessage) throws(SIPError) {
        vias = []
        for value in message.headers.lines(.via).flatMap(splitList) {
            guard vias.count < SIPLimits.viaCount else { throw .malformed(.via) }
            vias.append(try Via(value))
        }
        guard let top = vias.first else { throw .missing(.via) }
        topVia = top
        from = try NameAddress(try Self.single(.from, message), of: .from)
        to = try NameAddress(try Self.single(.to, message), of: .to)
        callID = try Self.single(.callID, message)
        guard !callID.isEmpty, !callID.utf8.contains(where: SIPCharacter.isSpace) else {
            throw .malformed(.callID)
        }
        cseq = try CSeq(try Self.single(.cseq, message))
        if let method = message.method, method != cseq.method { throw .methodMismatch }
    }

    private static func single(
        _ name: HeaderName, _ message: SIPMessage
    ) throws(SIPError) -> String {
        let lines = message.headers.lines(name)
        guard let line = lines.first else { throw .missing(name) }
        guard lines.count == 1 else { throw .repeated(name) }
        return line
    }
}
