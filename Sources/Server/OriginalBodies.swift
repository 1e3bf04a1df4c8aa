internal import Base
internal import CallModel
internal import Conversation
internal import Orchestrator

/// A free JSON value of `campaign_data` or `customer_profile`.
struct FreeValue: Decodable {
    let value: ScriptValue

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let flag = try? container.decode(Bool.self) {
            value = .flag(flag)
        } else if let number = try? container.decode(Double.self) {
            value = .number(number)
        } else if let text = try? container.decode(String.self) {
            value = .text(text)
        } else if let list = try? container.decode([String].self) {
            value = .list(list)
        } else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a text, number, flag or list of texts is expected"
            )
        }
    }
}

/// A section of a script: its text, or nothing for what `/api/generate-script` returns besides texts
/// (lists of lines and of objections, metadata).
struct SpokenValue: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws {
        text = try? decoder.singleValueContainer().decode(String.self)
    }
}

struct ScriptBody: Decodable {
    var campaign_data: [String: FreeValue]
    var customer_profile: [String: FreeValue]?
}

struct ComplianceBody: Decodable {
    var phone_number: String
    var caller_id: String?
    var state: String?
    var zone: String?
    var consent: String?
    var consent_at: String?
    var purpose: String?

    func subject(caller: PhoneNumber?) throws -> (Contact, Campaign) {
        let number = try Field.requiredNumber("phone_number", phone_number)
        let contact = Contact(
            id: ContactID("check"), campaign: CampaignID("check"), number: number,
            statedZone: zone, state: state,
            consent: try Field.choice("consent", consent) ?? .none,
            consentAt: try Field.time("consent_at", consent_at))
        guard let from = try Field.number("caller_id", caller_id) ?? caller else {
            throw APIError(
                .invalid("caller_id", "give caller_id, or set caller_id in the configuration"))
        }
        let campaign = Campaign(
            id: contact.campaign, name: "check",
            purpose: try Field.choice("purpose", purpose) ?? .marketing, callerID: from)
        return (contact, campaign)
    }
}

struct InitiateBody: Decodable {
    struct Customer: Decodable {
        var customer_id: String?
        var phone_number: String
        var caller_id: String?
        var consent: String?
        var consent_at: String?
        var state: String?
    }
    var customer_data: Customer
    var script: [String: SpokenValue]?
    var stream_url: String?
    var voicemail: String?
}

struct ClassifyBody: Decodable {
    struct Turn: Decodable {
        var speaker: String
        var text: String
    }
    var call_id: String?
    var transcript: [Turn]?
}

struct ScheduleBody: Decodable {
    struct Attempt: Decodable {
        var hour: Int
        var weekday: Int
        var answered: Bool
    }
    var customer: ComplianceBody
    var previous_attempts: [Attempt]?
    var not_before: String?

    private enum Key: String, CodingKey { case customer_data, previous_attempts, not_before }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        customer = try container.decode(ComplianceBody.self, forKey: .customer_data)
        previous_attempts = try container.decodeIfPresent(
            [Attempt].self, forKey: .previous_attempts)
        not_before = try container.decodeIfPresent(String.self, forKey: .not_before)
    }
}

struct AnalyticsBody: Decodable {
    var campaign_id: String
}
