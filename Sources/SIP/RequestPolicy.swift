/// What a user agent server refuses before it looks at dialogs (RFC 3261 8.2.1 to 8.2.3).
struct RequestRefusal: Equatable {
    var status: Int
    var headers: [SIPHeaders.Line] = []

    init(_ status: Int, _ header: HeaderName? = nil, _ value: String = "") {
        self.status = status
        if let header { headers.append(SIPHeaders.Line(name: header, value: value)) }
    }
}

enum RequestPolicy {
    /// nil: go on. Called for every request but ACK and CANCEL.
    static func refusal(
        of request: SIPMessage, _ essentials: MessageEssentials, _ policy: CallPolicy
    ) -> RequestRefusal? {
        guard let method = request.method else { return RequestRefusal(400) }
        return uri(request) ?? contact(request) ?? methodRefusal(method)
            ?? hops(request, essentials, method) ?? extensions(request, policy)
            ?? content(request, method)
    }

    private static func uri(_ request: SIPMessage) -> RequestRefusal? {
        do throws(SIPError) {
            let uri = try SIPURI(request.requestURI ?? "")
            // Headers have no place in a Request-URI (19.1.1); they never become real ones.
            return uri.rawHeaders == nil ? nil : RequestRefusal(400)
        } catch {
            return RequestRefusal(error == .unsupportedScheme ? 416 : 400)
        }
    }

    private static func contact(_ request: SIPMessage) -> RequestRefusal? {
        for value in request.headers.values(.contact) where value != "*" {
            if (try? NameAddress(value, of: .contact)) == nil { return RequestRefusal(400) }
        }
        return nil
    }

    private static func methodRefusal(_ method: SIPMethod) -> RequestRefusal? {
        guard !SIPMethod.supported.contains(method) else { return nil }
        return RequestRefusal(405, .allow, SIPMethod.supportedNames)
    }

    /// 16.3 speaks of proxies, but a request that has used up its hops is looping. OPTIONS with 0
    /// is a question to whoever it reaches (11).
    private static func hops(
        _ request: SIPMessage, _ essentials: MessageEssentials, _ method: SIPMethod
    ) -> RequestRefusal? {
        let lines = request.headers.lines(.maxForwards)
        guard let line = lines.first else { return nil }
        guard lines.count == 1, let hops = parseDecimal(line.utf8) else {
            return RequestRefusal(400)
        }
        if hops == 0, method != .options, essentials.to.tag == nil { return RequestRefusal(483) }
        return nil
    }

    /// 8.2.2.3. Proxy-Require is for proxies.
    private static func extensions(
        _ request: SIPMessage, _ policy: CallPolicy
    ) -> RequestRefusal? {
        let known = policy.optionTags
        let unknown = request.headers.values(.require).filter { tag in
            !known.contains { $0.equalsIgnoringCase(tag) }
        }
        guard !unknown.isEmpty else { return nil }
        return RequestRefusal(420, .unsupported, unknown.joined(separator: ", "))
    }

    private static func content(_ request: SIPMessage, _ method: SIPMethod) -> RequestRefusal? {
        guard method == .invite || method == .update || method == .prack else { return nil }
        if !request.body.isEmpty {
            let encodings = request.headers.values(.contentEncoding)
            if encodings.contains(where: { !$0.equalsIgnoringCase("identity") }) {
                return RequestRefusal(415, .acceptEncoding, "identity")
            }
            if request.sdp == nil { return RequestRefusal(415, .accept, "application/sdp") }
        }
        let accepted = request.headers.values(.accept)
        guard !accepted.isEmpty else { return nil }
        let takesSDP = accepted.contains { value in
            let type = String(ascii: value.utf8.prefix { $0 != UInt8(ascii: ";") }).trimmed
                .asciiLowercased
            return type == "application/sdp" || type == "application/*" || type == "*/*"
        }
        return takesSDP ? nil : RequestRefusal(406)
    }
}

extension SIPMessage {
    /// Writes where a request really came from into its top Via (RFC 3261 18.2.1, RFC 3581 4), over
    /// whatever the sender wrote there, and returns where responses go (18.2.2).
    mutating func stampSource(_ source: SIPAddress, topVia: Via) -> SIPAddress {
        var via = topVia
        let asksForPort = via.parameters.contains("rport")
        via.parameters.remove("received")
        if asksForPort {
            via.parameters.set("rport", String(source.port))
            via.parameters.set("received", source.host)
        } else if via.host != source.host {
            via.parameters.set("received", source.host)
        }
        if let line = headers[.via] {
            // The first line may hold several values.
            let rest = splitList(line).dropFirst()
            headers.replaceFirst(
                .via, ([via.serialised] + rest).joined(separator: ", "))
        }
        // Over a stream: the connection it came on; when that is gone, the address of the Via.
        let asked = asksForPort && !source.transport.isReliable
        var destination = source
        destination.port = asked ? source.port : (via.port ?? source.transport.defaultPort)
        return destination
    }
}
