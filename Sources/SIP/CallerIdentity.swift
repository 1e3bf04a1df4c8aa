/// How a trunk wants to be told who is calling: From, P-Asserted-Identity or
/// P-Preferred-Identity (RFC 3325), Privacy (RFC 3323), and the form of a number.
public struct CallerIdentity: Sendable, Equatable {
    /// The header that names the caller beside From (RFC 3325 9).
    public enum Assertion: String, Sendable, CaseIterable {
        /// From alone.
        case none
        /// P-Asserted-Identity: the trunk trusts what we say.
        case asserted
        /// P-Preferred-Identity: the trunk asserts, we say which of our numbers we mean.
        case preferred
    }

    /// How a number in E.164 is written in a user part.
    public enum NumberForm: String, Sendable, CaseIterable {
        /// `+12125550100`
        case e164
        /// `12125550100`
        case digits
        /// `2125550100`: without country code and `+`, for numbers of the home country.
        case national
    }

    /// The header that names the caller beside From.
    public var assertion: Assertion
    /// Of the number, in From and in the assertion.
    public var form: NumberForm
    /// From is anonymous and the number goes in the assertion only, with `Privacy: id`. Needs an
    /// assertion: a trunk must know whom it bills.
    public var isPrivate: Bool
    /// Country code whose numbers `national` shortens.
    public var homeCountry: String

    /// `isPrivate` without an assertion counts as false. `homeCountry`: digits without `+`, not
    /// checked.
    public init(
        assertion: Assertion = .none, form: NumberForm = .e164, isPrivate: Bool = false,
        homeCountry: String = "1"
    ) {
        self.assertion = assertion
        self.form = form
        self.isPrivate = isPrivate && assertion != .none
        self.homeCountry = homeCountry
    }

    /// A user part as this trunk wants it; what is no number in E.164 (`+` and digits) stays.
    public func user(_ number: String) -> String {
        guard number.utf8.first == UInt8(ascii: "+"),
            number.utf8.dropFirst().allSatisfy(SIPCharacter.isDigit)
        else { return number }
        switch form {
        case .e164: return number
        case .digits: return String(number.dropFirst())
        case .national:
            let home = "+" + homeCountry
            return number.hasPrefix(home) && number.utf8.count > home.utf8.count
                ? String(number.dropFirst(home.count)) : number
        }
    }

    /// The From of a call, without tag (RFC 3323 4.1.1.3 for the anonymous one).
    public func from(_ number: String, domain: String) -> NameAddress {
        if isPrivate {
            return NameAddress(
                displayName: "Anonymous",
                uri: .sip(SIPURI(user: "anonymous", host: "anonymous.invalid")))
        }
        return NameAddress(
            uri: .sip(SIPURI(user: number.isEmpty ? nil : user(number), host: domain)))
    }

    /// The header lines that go with it.
    public func headers(_ number: String, domain: String) -> [(name: String, value: String)] {
        guard !number.isEmpty else { return [] }
        var lines: [(name: String, value: String)] = []
        let address = NameAddress(uri: .sip(SIPURI(user: user(number), host: domain))).serialised
        switch assertion {
        case .none: break
        case .asserted: lines.append((HeaderName.assertedIdentity.text, address))
        case .preferred: lines.append((HeaderName.preferredIdentity.text, address))
        }
        if isPrivate { lines.append((HeaderName.privacy.text, "id")) }
        return lines
    }
}

extension SIPHeaders {
    /// Who calls by what the headers say: P-Asserted-Identity where it comes from somebody we trust
    /// (RFC 3325 5), else From. Digits of a telephone number, nil for other callers.
    public func callerDigits(trustsAssertion: Bool) -> String? {
        if trustsAssertion {
            for value in values(.assertedIdentity).prefix(2) {
                if let digits = (try? NameAddress(value, of: .assertedIdentity))?.uri
                    .telephoneDigits
                {
                    return digits
                }
            }
        }
        return self[.from].flatMap { try? NameAddress($0, of: .from) }?.uri.telephoneDigits
    }

    /// The called number's digits by To.
    public var calledDigits: String? {
        self[.to].flatMap { try? NameAddress($0, of: .to) }?.uri.telephoneDigits
    }
}
