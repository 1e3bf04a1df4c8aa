import Base
import CallModel
import Testing

@testable import Compliance

/// `2026-11-25T15:00:00Z`, or with milliseconds.
func utc(_ text: String) -> WallTime {
    let digits = text.utf8.map { Int64($0) - 48 }
    func part(_ from: Int, _ count: Int) -> Int64 {
        digits[from..<from + count].reduce(0) { $0 * 10 + $1 }
    }
    let date = CivilDate(year: Int(part(0, 4)), month: Int(part(5, 2)), day: Int(part(8, 2)))
    let second = part(11, 2) * 3600 + part(14, 2) * 60 + part(17, 2)
    let milliseconds = text.utf8.count > 20 ? part(20, 3) : 0
    return WallTime(
        milliseconds: (date.daysSince1970 * 86_400 + second) * 1000 + milliseconds)
}

enum Sample {
    /// Wednesday, 10:00 in New York.
    static let now = utc("2026-11-25T15:00:00Z")

    static func number(_ text: String) throws -> PhoneNumber { try PhoneNumber(text) }

    /// The built-in tables with an empty, fresh national list and all state lists waived.
    static func rules() throws -> GateRules {
        var rules = try GateRules.builtIn()
        rules.federalList = .loaded(NumberSet(version: "test"), asOf: utc("2026-11-20T00:00:00Z"))
        rules.otherStateLists = .waived(reason: "test", by: "the suite")
        return rules
    }

    /// A request that passes every check under `rules()`.
    static func request(
        _ number: String = "+12125551234", at now: WallTime = Sample.now
    ) throws -> GateRequest {
        GateRequest(
            number: try PhoneNumber(number), consent: .written,
            consentAt: utc("2020-01-05T12:00:00Z"), purpose: .marketing,
            callerID: try PhoneNumber("+18005551000"), now: now, ringTimeoutSeconds: 30,
            internalListed: false)
    }

    static func decide(
        _ number: String = "+12125551234", at now: WallTime = Sample.now
    ) throws -> GateDecision {
        Gate.decide(try request(number, at: now), rules: try rules())
    }
}
