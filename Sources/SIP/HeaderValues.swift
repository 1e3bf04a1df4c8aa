/// A From, To, Contact, Route or Record-Route value (RFC 3261 20.10): name-addr or addr-spec.
public struct NameAddress: Sendable, Equatable {
    /// Without quotes and escapes.
    public var displayName: String?
    /// A sip: or sips: URI read, any other kept as text.
    public var uri: AnyURI
    /// The header's own (`tag`, `expires`, `q`). Without brackets what follows the URI is all here.
    public var parameters: SIPParameters

    /// `tag` becomes the only parameter; nil: none.
    public init(displayName: String? = nil, uri: AnyURI, tag: String? = nil) {
        self.displayName = displayName
        self.uri = uri
        parameters = SIPParameters()
        if let tag { parameters.set("tag", tag) }
    }

    /// nil without one, empty when it has no value.
    public var tag: String? { parameters["tag"] }

    /// - Throws: `.malformed(header)`.
    ///
    /// Tolerated as RFC 4475 3.1.2.14/15 allow: spaces inside the brackets, and a display name
    /// that should have been quoted. Not tolerated: an unbracketed URI with `?` or `,`.
    public init(_ text: String, of header: HeaderName) throws(SIPError) {
        var scanner = TextScanner(text)
        scanner.skipSpace()
        displayName = nil
        if scanner.peek == UInt8(ascii: "\"") {
            guard let name = scanner.quotedString() else { throw .malformed(header) }
            displayName = name
            scanner.skipSpace()
            guard scanner.peek == UInt8(ascii: "<") else { throw .malformed(header) }
        } else if text.utf8.contains(UInt8(ascii: "<")) {
            let name = trimSpaces(scanner.take { $0 != UInt8(ascii: "<") })
            // A quote or a separator here means the bracket belongs to something else.
            guard !name.contains(UInt8(ascii: "\"")), !name.contains(UInt8(ascii: ";")) else {
                throw .malformed(header)
            }
            displayName = name.isEmpty ? nil : String(ascii: name)
        }
        let address: ArraySlice<UInt8>
        if scanner.take("<") {
            address = trimSpaces(scanner.take { $0 != UInt8(ascii: ">") })
            guard scanner.take(">") else { throw .malformed(header) }
        } else {
            address = scanner.take { $0 != UInt8(ascii: ";") && !SIPCharacter.isSpace($0) }
            guard !address.contains(UInt8(ascii: "?")), !address.contains(UInt8(ascii: ","))
            else { throw .malformed(header) }
        }
        do throws(SIPError) {
            uri = try AnyURI(String(ascii: address))
        } catch {
            throw .malformed(header)
        }
        parameters = try SIPParameters(&scanner, of: header)
    }

    /// `"Name" <uri>;tag=…`: the URI always in brackets, the name always in quotes.
    public var serialised: String {
        var text = ""
        if let displayName { text = quoted(displayName) + " " }
        return text + "<" + uri.serialised + ">" + parameters.serialised
    }
}

/// One Via value (RFC 3261 20.42).
public struct Via: Sendable, Equatable {
    /// `2.0`; another version is read so that its sender can be told 505.
    public var version = "2.0"
    /// `UDP`, `TCP`, … any token.
    public var transport: String
    /// Sent-by: a name or an address, of IPv6 without its brackets.
    public var host: String
    /// 1…65535; nil: the transport's own.
    public var port: Int?
    /// `branch`, `rport`, `received` and the like.
    public var parameters: SIPParameters

    /// RFC 3261 8.1.1.7: a branch that begins so is unique for all time.
    public static let magicCookie = "z9hG4bK"

    /// A top Via of ours for UDP, with an empty `rport` (RFC 3581 3).
    public init(host: String, port: Int?, branch: String) {
        transport = "UDP"
        self.host = host
        self.port = port
        parameters = SIPParameters()
        parameters.set("rport", nil)
        parameters.set("branch", branch)
    }

    /// Reads one value of the list. Spaces around `/` and `:` are allowed (RFC 3261 25.1).
    ///
    /// - Throws: `.malformed(.via)`.
    public init(_ text: String) throws(SIPError) {
        var scanner = TextScanner(text)
        scanner.skipSpace()
        guard scanner.token()?.equalsIgnoringCase("SIP") == true else { throw .malformed(.via) }
        scanner.skipSpace()
        guard scanner.take("/") else { throw .malformed(.via) }
        scanner.skipSpace()
        guard let version = scanner.token() else { throw .malformed(.via) }
        self.version = version
        scanner.skipSpace()
        guard scanner.take("/") else { throw .malformed(.via) }
        scanner.skipSpace()
        guard let transport = scanner.token(), let space = scanner.peek,
            SIPCharacter.isSpace(space)
        else { throw .malformed(.via) }
        self.transport = transport
        scanner.skipSpace()
        var sentBy = Array(scanner.take { $0 != UInt8(ascii: ";") })
        // COLON allows spaces around it (RFC 3261 25.1).
        sentBy.removeAll(where: SIPCharacter.isSpace)
        guard let (host, port) = parseHostPort(sentBy[...]) else { throw .malformed(.via) }
        self.host = host
        self.port = port
        parameters = try SIPParameters(&scanner, of: .via)
    }

    /// nil without one; `hasCookie` says whether it can stand for a transaction.
    public var branch: String? { parameters["branch"] }

    /// True when the branch can stand for the transaction. A bare cookie (RFC 4475 badbranch)
    /// cannot.
    public var hasCookie: Bool {
        guard let branch else { return false }
        return branch.utf8.count > Self.magicCookie.utf8.count
            && branch.prefix(Self.magicCookie.count).lowercased()
                == Self.magicCookie.lowercased()
    }

    /// `SIP/2.0/UDP host:port;branch=…`.
    public var serialised: String {
        "SIP/" + version + "/" + transport + " " + hostPortText(host, port) + parameters.serialised
    }
}

/// CSeq (RFC 3261 20.16).
public struct CSeq: Sendable, Equatable {
    /// 0…2^32-1 as read. Counts the sender's requests in a dialog; ACK and CANCEL repeat the
    /// INVITE's.
    public var number: UInt32
    /// In a request the same as in the start line.
    public var method: SIPMethod

    /// Values as given; nothing is checked.
    public init(number: UInt32, method: SIPMethod) {
        self.number = number
        self.method = method
    }

    /// The number must be below 2^31 to be used (8.1.1.5); on receipt up to 2^32-1 is read.
    public init(_ text: String) throws(SIPError) {
        var scanner = TextScanner(text)
        scanner.skipSpace()
        let digits = scanner.take(while: SIPCharacter.isDigit)
        guard let number = parseDecimal(digits).flatMap({ UInt32(exactly: $0) }),
            let space = scanner.peek, SIPCharacter.isSpace(space)
        else { throw .malformed(.cseq) }
        scanner.skipSpace()
        guard let method = scanner.token() else { throw .malformed(.cseq) }
        scanner.skipSpace()
        guard scanner.isAtEnd else { throw .malformed(.cseq) }
        self.number = number
        self.method = SIPMethod(method)
    }

    /// `314159 INVITE`.
    public var serialised: String { "\(number) \(method.name)" }
}
