/// What a REFER of the peer asks for (RFC 3515): that we call somebody else.
public struct TransferRequest: Sendable, Equatable {
    /// Whom to call: a sip: URI without headers.
    public var target: SIPURI
    /// The call that ours shall take the place of, for an attended transfer (RFC 3891).
    public var replaces: Replaces?
    /// Value of Referred-By (RFC 3892), as the peer wrote it.
    public var referredBy: String?

    /// nil for anything but an INVITE to a sip: or sips: URI.
    init?(_ address: NameAddress, referredBy: String?) {
        guard var uri = address.uri.sip else { return nil }
        if let method = uri.parameters["method"], method != SIPMethod.invite.name { return nil }
        uri.parameters.remove("method")
        for header in (uri.rawHeaders ?? "").utf8.split(separator: UInt8(ascii: "&")) {
            let halves = header.split(separator: UInt8(ascii: "="), maxSplits: 1)
            guard halves.count == 2 else { continue }
            let name = HeaderName(String(ascii: SIPURI.unescape(Array(halves[0])[...])))
            guard name == .replaces else { continue }
            // A Replaces that cannot be read must not become a plain call.
            guard
                let value = Replaces(String(ascii: SIPURI.unescape(Array(halves[1])[...]))),
                replaces == nil
            else { return nil }
            replaces = value
        }
        uri.rawHeaders = nil
        target = uri
        self.referredBy = referredBy
    }
}

/// A Replaces value (RFC 3891 6.1): the dialog whose place a new call takes.
public struct Replaces: Sendable, Equatable {
    /// Of the dialog that is to be replaced.
    public var callID: String
    /// The receiver's own tag.
    public var toTag: String
    /// The tag of the receiver's peer.
    public var fromTag: String
    /// `early-only`: an answered call must not be replaced (486).
    public var isEarlyOnly: Bool

    /// Values as given; nothing is checked.
    public init(callID: String, toTag: String, fromTag: String, isEarlyOnly: Bool = false) {
        self.callID = callID
        self.toTag = toTag
        self.fromTag = fromTag
        self.isEarlyOnly = isEarlyOnly
    }

    /// nil without a Call-ID, a `to-tag` or a `from-tag`.
    public init?(_ text: String) {
        var scanner = TextScanner(text)
        scanner.skipSpace()
        let id = scanner.take { $0 != UInt8(ascii: ";") && !SIPCharacter.isSpace($0) }
        guard !id.isEmpty, let parameters = try? SIPParameters(&scanner, of: .replaces),
            let to = parameters["to-tag"], let from = parameters["from-tag"], !to.isEmpty,
            !from.isEmpty
        else { return nil }
        callID = String(ascii: id)
        toTag = to
        fromTag = from
        isEarlyOnly = parameters.contains("early-only")
    }

    /// `id;to-tag=…;from-tag=…`, then `;early-only` where it is.
    public var serialised: String {
        callID + ";to-tag=" + toTag + ";from-tag=" + fromTag + (isEarlyOnly ? ";early-only" : "")
    }

    /// A Refer-To value that asks for a call to `target` in this dialog's place.
    public func referTo(_ target: SIPURI) -> String {
        var uri = target
        uri.rawHeaders = "Replaces=" + SIPURI.escapeHeaderValue(serialised)
        return NameAddress(uri: .sip(uri)).serialised
    }
}

/// An Event value (RFC 6665 8.2.1).
struct EventValue: Equatable {
    var package: String
    var id: String?

    init?(_ text: String) {
        var scanner = TextScanner(text)
        scanner.skipSpace()
        guard let package = scanner.token(),
            let parameters = try? SIPParameters(&scanner, of: .event)
        else { return nil }
        self.package = package.asciiLowercased
        id = parameters["id"]
    }
}

/// A message/sipfrag body (RFC 3420): here always a status line.
enum SIPFragment {
    static func make(_ status: Int) -> [UInt8] {
        Array("SIP/2.0 \(status) \(reasonPhrase(status))\r\n".utf8)
    }

    /// The status of the first line; nil when it is no status line.
    static func status(_ body: [UInt8]) -> Int? {
        let line = body.prefix { $0 != 13 && $0 != 10 }
        let words = line.split(separator: 0x20, maxSplits: 2)
        guard words.count >= 2, words[0].elementsEqual("SIP/2.0".utf8), words[1].count == 3,
            let status = parseDecimal(words[1]), (100...699).contains(status)
        else { return nil }
        return status
    }
}
