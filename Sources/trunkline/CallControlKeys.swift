internal import Base
internal import Configuration
internal import Foundation
internal import Orchestrator
internal import SIP
internal import Signalling

/// The keys of the configuration file about who calls whom: registration and caller identity of a
/// trunk, passwords of callers, STIR/SHAKEN, and what a call may do beyond RFC 3261.
enum CallControlKeys {
    typealias Invalid = PlatformConfiguration.Invalid

    static let trunkKeys: Set<String> = [
        "register", "register_user", "register_seconds", "outbound_proxy", "caller_identity",
        "number_form", "home_country", "private",
    ]

    static let keys: [String: Set<String>] = [
        "sip_callers": ["realm", "file", "nonce_seconds", "algorithms"],
        "sip_policy": [
            "session_seconds", "session_minimum", "reliable_provisionals", "redirects",
            "redirect_hosts", "redirect_numbers", "replaces_from",
        ],
        "stir": ["key", "certificate_url", "attestation", "certificates"],
    ]

    static func apply(_ reader: ConfigReader, to sip: inout SignallingConfiguration) throws {
        sip.callerAuthentication = try callers(reader.scoped(to: "sip_callers"))
        sip.policy = try policy(reader.scoped(to: "sip_policy"))
        sip.identity = try stir(reader.scoped(to: "stir"))
    }

    // MARK: trunks

    static func apply(
        _ reader: ConfigReader, _ section: String, to trunk: inout TrunkConfiguration
    ) throws {
        if reader.bool(forKey: "register") ?? false {
            let user = reader.string(forKey: "register_user")
            guard user != nil || trunk.username != nil else {
                throw Invalid(
                    "\(section).register needs \(section).username or \(section).register_user")
            }
            let seconds = reader.int(forKey: "register_seconds") ?? 3600
            guard (60...86_400).contains(seconds) else {
                throw Invalid("\(section).register_seconds: \(seconds) is not 60 to 86400")
            }
            trunk.registration = TrunkRegistration(
                user: user, expires: .seconds(Int64(seconds)),
                outboundProxy: try proxy(reader, section))
        }
        let (privately, country) = (
            reader.bool(forKey: "private") ?? false, reader.string(forKey: "home_country") ?? "1"
        )
        let assertion =
            try choice(
                section + ".caller_identity", reader.string(forKey: "caller_identity"),
                CallerIdentity.Assertion.self) ?? .none
        guard !privately || assertion != .none else {
            throw Invalid(
                "\(section).private needs caller_identity: asserted or preferred, so that the "
                    + "trunk knows whom it bills")
        }
        guard (1...3).contains(country.utf8.count),
            country.allSatisfy({ $0.isASCII && $0.isNumber })
        else { throw Invalid("\(section).home_country: \(country) is no country code") }
        trunk.callerIdentity = CallerIdentity(
            assertion: assertion,
            form: try choice(
                section + ".number_form", reader.string(forKey: "number_form"),
                CallerIdentity.NumberForm.self) ?? .e164,
            isPrivate: privately, homeCountry: country)
    }

    /// The Route of REGISTER, a loose router unless it says otherwise.
    private static func proxy(_ reader: ConfigReader, _ section: String) throws -> String? {
        guard let text = reader.string(forKey: "outbound_proxy") else { return nil }
        guard var uri = try? SIPURI(text) else {
            throw Invalid("\(section).outbound_proxy: \(text) is no SIP URI like sip:proxy.example")
        }
        uri.parameters.set("lr", nil)
        return NameAddress(uri: .sip(uri)).serialised
    }

    // MARK: callers

    private static func callers(_ reader: ConfigReader) throws -> CallerAuthentication? {
        guard let path = reader.string(forKey: "file") else {
            // Whoever sets more of it means callers to be asked.
            guard reader.string(forKey: "realm") == nil,
                reader.stringArray(forKey: "algorithms") == nil
            else { throw Invalid("sip_callers.file is missing: name the file of users") }
            return nil
        }
        guard let realm = reader.string(forKey: "realm"), !realm.isEmpty else {
            throw Invalid("sip_callers.realm is missing: name the domain that passwords are for")
        }
        let text = try contents("sip_callers.file", path)
        var users: [String: Redacted<String>] = [:]
        for (number, line) in text.split(
            omittingEmptySubsequences: false, whereSeparator: \.isNewline
        ).enumerated() where !line.isEmpty && !line.hasPrefix("#") {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
                line.index(after: colon) != line.endIndex
            else { throw Invalid("sip_callers.file: line \(number + 1) is not USER:PASSWORD") }
            users[String(line[..<colon])] = Redacted(String(line[line.index(after: colon)...]))
        }
        guard !users.isEmpty else { throw Invalid("sip_callers.file names no user") }
        let seconds = reader.int(forKey: "nonce_seconds") ?? 300
        guard (10...86_400).contains(seconds) else {
            throw Invalid("sip_callers.nonce_seconds: \(seconds) is not 10 to 86400")
        }
        let algorithms = try reader.stringArray(forKey: "algorithms")?.compactMap {
            try choice("sip_callers.algorithms", $0, DigestChallenge.Algorithm.self)
        }
        return CallerAuthentication(
            realm: realm, users: users, nonceLifetime: .seconds(Int64(seconds)),
            algorithms: algorithms ?? [.sha256, .md5])
    }

    // MARK: policy

    private static func policy(_ reader: ConfigReader) throws -> CallPolicy {
        var policy = CallPolicy()
        let (seconds, least) = (
            reader.int(forKey: "session_seconds") ?? 1800,
            reader.int(forKey: "session_minimum") ?? 90
        )
        // RFC 4028 4: 90 s is the least that a proxy must take.
        guard seconds == 0 || (90...86_400).contains(seconds), (90...86_400).contains(least),
            seconds == 0 || least <= seconds
        else {
            throw Invalid(
                "sip_policy.session_seconds must be 0 or 90 to 86400, and session_minimum between "
                    + "90 and that")
        }
        policy.sessionTimer =
            seconds == 0
            ? nil
            : SessionTimerPolicy(
                interval: .seconds(Int64(seconds)), minimum: .seconds(Int64(least)))
        switch reader.string(forKey: "reliable_provisionals") {
        case nil, "supported": policy.reliableProvisionals = .supported
        case "off": policy.reliableProvisionals = .off
        case "required": policy.reliableProvisionals = .required
        case let word?:
            throw Invalid(
                "sip_policy.reliable_provisionals: \(word) is not off, supported or required")
        }
        let redirects = reader.int(forKey: "redirects") ?? 0
        guard (0...SIPLimits.redirectCount).contains(redirects) else {
            throw Invalid(
                "sip_policy.redirects: \(redirects) is not 0 to \(SIPLimits.redirectCount)")
        }
        policy.redirects = RedirectPolicy(
            limit: redirects, hosts: reader.stringArray(forKey: "redirect_hosts") ?? [],
            mayChangeUser: reader.bool(forKey: "redirect_numbers") ?? false)
        policy.replacementSources = reader.stringArray(forKey: "replaces_from") ?? []
        return policy
    }

    // MARK: STIR

    private static func stir(_ reader: ConfigReader) throws -> IdentityConfiguration? {
        var certificates: [String: String] = [:]
        for entry in reader.stringArray(forKey: "certificates") ?? [] {
            // The URL may hold `=`, a path should not.
            guard let cut = entry.lastIndex(of: "="), entry.hasPrefix("https://") else {
                throw Invalid("stir.certificates: \(entry) is not https://URL=FILE")
            }
            certificates[String(entry[..<cut])] = try contents(
                "stir.certificates", String(entry[entry.index(after: cut)...]))
        }
        var signing: IdentityConfiguration.Signing?
        if let path = reader.string(forKey: "key") {
            guard let url = reader.string(forKey: "certificate_url"), url.hasPrefix("https://")
            else {
                throw Invalid(
                    "stir.certificate_url is missing or not https://: others need the certificate")
            }
            signing = IdentityConfiguration.Signing(
                privateKey: Redacted(try contents("stir.key", path)), certificateURL: url,
                attestation: try choice(
                    "stir.attestation", reader.string(forKey: "attestation"), Attestation.self)
                    ?? .gateway)
        }
        guard signing != nil || !certificates.isEmpty else { return nil }
        return IdentityConfiguration(signing: signing, certificates: certificates)
    }

    // MARK: values

    private static func contents(_ name: String, _ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path), data.count <= 1 << 20,
            let text = String(bytes: data, encoding: .utf8)
        else {
            throw Invalid(
                "\(name): the file \(path) cannot be read: correct the path or its permissions")
        }
        return text
    }

    private static func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ text: String?, _ type: Choice.Type
    ) throws -> Choice? where Choice.RawValue == String {
        guard let text else { return nil }
        let word = text.lowercased()
        guard let choice = Choice.allCases.first(where: { $0.rawValue.lowercased() == word }) else {
            let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw Invalid("\(name): \(text) is not one of \(words)")
        }
        return choice
    }
}
