/// A value of `campaign_data` or `customer_profile`, as the edge reads it from JSON.
public enum ScriptValue: Sendable, Equatable {
    case text(String)
    case number(Double)
    case flag(Bool)
    case list([String])
}

/// The two inputs of a script. Texts are made safe to speak: one line, bounded, no control
/// characters, no template braces.
public struct ScriptInput: Sendable {
    /// Characters of one text; what is beyond them is cut.
    public static let textLimit = 200
    /// Items of one list; further ones are left out.
    public static let listLimit = 10
    /// Keys of each input; of more, the first in alphabetical order are kept.
    public static let keyLimit = 100

    let campaign: [String: ScriptValue]
    let customer: [String: ScriptValue]

    /// Takes what is safe to speak of the two; empty texts and lists and numbers that are not
    /// finite are left out.
    public init(campaign: [String: ScriptValue], customer: [String: ScriptValue]) {
        self.campaign = Self.clean(campaign)
        self.customer = Self.clean(customer)
    }

    /// The same keys in every run, whatever the order of the dictionary.
    private static func clean(_ values: [String: ScriptValue]) -> [String: ScriptValue] {
        var cleaned: [String: ScriptValue] = [:]
        for key in values.keys.sorted().prefix(keyLimit) {
            switch values[key] {
            case .text(let text)?:
                let text = spoken(text)
                if !text.isEmpty { cleaned[key] = .text(text) }
            case .list(let items)?:
                let items = items.prefix(listLimit).map(spoken).filter { !$0.isEmpty }
                if !items.isEmpty { cleaned[key] = .list(items) }
            case .number(let value)? where value.isFinite: cleaned[key] = .number(value)
            case .flag(let value)?: cleaned[key] = .flag(value)
            default: break
            }
        }
        return cleaned
    }

    private static func spoken(_ text: String) -> String {
        var words: [Substring] = []
        let safe = text.unicodeScalars.map { scalar -> Character in
            let isUnsafe =
                scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
                || scalar == "\u{2028}" || scalar == "\u{2029}" || scalar == "{" || scalar == "}"
                || scalar == "<" || scalar == ">"
            return isUnsafe ? " " : Character(scalar)
        }
        words = String(safe).prefix(textLimit).split(separator: " ")
        return words.joined(separator: " ")
    }
}

/// Reads inputs and remembers which were used, for the script's metadata.
struct ScriptReader {
    private let input: ScriptInput
    private(set) var used: [String] = []
    private(set) var missing: [String] = []

    init(_ input: ScriptInput) { self.input = input }

    mutating func campaignText(_ keys: String...) -> String? { text("campaign_data", keys) }
    mutating func customerText(_ keys: String...) -> String? { text("customer_profile", keys) }

    mutating func customerNumber(_ key: String) -> Int? {
        guard case .number(let value)? = input.customer[key], value.magnitude < 1e9 else {
            return nil
        }
        note("customer_profile.\(key)")
        return Int(value)
    }

    mutating func campaignFlag(_ key: String) -> Bool? {
        guard case .flag(let value)? = input.campaign[key] else { return nil }
        note("campaign_data.\(key)")
        return value
    }

    mutating func campaignList(_ key: String) -> [String] {
        switch input.campaign[key] {
        case .list(let items)?:
            note("campaign_data.\(key)")
            return items
        case .text(let text)?:
            note("campaign_data.\(key)")
            return [text]
        default: return []
        }
    }

    mutating func require(_ field: String) { missing.append(field) }

    private mutating func text(_ group: String, _ keys: [String]) -> String? {
        let values = group == "campaign_data" ? input.campaign : input.customer
        for key in keys {
            guard case .text(let text)? = values[key] else { continue }
            note("\(group).\(key)")
            return text
        }
        return nil
    }

    private mutating func note(_ name: String) {
        if !used.contains(name) { used.append(name) }
    }
}
