/// Writes a script without any language model, from the two inputs of `/api/generate-script`.
///
/// The opening keeps the order that meets the disclosure rules known to us (identity with AI
/// disclosure, opt-out within two seconds of it, purpose, recording notice, leave to continue):
/// 47 CFR 64.1200(b), 16 CFR 310.4(b) and (d), and the states' rules on automated voices and
/// recording. English only. Not legal advice.
public enum ScriptTemplate {
    static let generator = "template-1"

    /// The same inputs give the same script. Gaps are named in `metadata.missingInputs` and filled
    /// with words that are true for anybody.
    public static func generate(_ input: ScriptInput) -> Script {
        var reader = ScriptReader(input)
        let campaignID = reader.campaignText("campaign_id")
        let customerID = reader.customerText("customer_id")
        let company = reader.campaignText("company_name", "registered_name", "seller", "company")
        if company == nil { reader.require("campaign_data.company_name") }
        let product = reader.campaignText("product", "offer")
        if product == nil { reader.require("campaign_data.product") }
        let objective = Objective(reader.campaignText("objective", "purpose"))
        let name =
            reader.customerText("first_name") ?? reader.customerText("name").flatMap(firstName)
        let points = reader.campaignList("talking_points")
        let callback = reader.campaignText("callback_number")
        if callback == nil { reader.require("campaign_data.callback_number") }
        let tollFree = reader.campaignText("toll_free_number", "opt_out_number")
        if tollFree == nil { reader.require("campaign_data.toll_free_number") }
        let isRecorded = reader.campaignFlag("recorded") ?? true

        let caller = company ?? "our company"
        let subject = product ?? "our service"
        let lines = opening(
            caller: caller, subject: subject, objective: objective, name: name,
            isRecorded: isRecorded)
        let value = valueProposition(
            subject: subject, points: points, history: history(&reader), objective: objective)
        let objections = objectionResponses(caller: caller, subject: subject, points: points)
        let number = callback.map { " You can reach us at \($0)." } ?? ""
        return Script(
            openingLines: lines, valueProposition: value, objectionResponses: objections,
            closing: closing(subject: subject, objective: objective, name: name) + number,
            voicemailScript: voicemail(
                caller: caller, subject: subject, objective: objective, callback: callback,
                tollFree: tollFree),
            metadata: Script.Metadata(
                generator: generator, language: "en-US", campaignID: campaignID,
                customerID: customerID, inputsUsed: reader.used, missingInputs: reader.missing))
    }

    /// What the call is for: decides whether it has to call itself a sales call.
    private enum Objective {
        case sale, renewal, reminder, survey, information

        init(_ text: String?) {
            let words = Utterance(text ?? "").clauses.flatMap { $0 }
            func has(_ candidates: Set<String>) -> Bool {
                words.contains(where: candidates.contains)
            }
            if has(["reminder", "remind", "appointment"]) {
                self = .reminder
            } else if has(["survey", "feedback", "research"]) {
                self = .survey
            } else if has(["information", "informational", "notice", "notification"]) {
                self = .information
            } else if has(["renewal", "renew"]) {
                self = .renewal
            } else {
                // Unknown objectives are disclosed as what has the strictest rules.
                self = .sale
            }
        }

        func purpose(_ subject: String, _ caller: String) -> String {
            switch self {
            case .sale: "This is a sales call to offer \(subject) from \(caller)."
            case .renewal: "This is a sales call about renewing \(subject) with \(caller)."
            case .reminder: "I am calling to remind you about \(subject)."
            case .survey: "I am calling to ask for your opinion on \(subject)."
            case .information: "I am calling with information about \(subject)."
            }
        }
    }

    private static func firstName(_ name: String) -> String? {
        name.split(separator: " ").first.map(String.init)
    }

    private static func opening(
        caller: String, subject: String, objective: Objective, name: String?, isRecorded: Bool
    ) -> [Script.OpeningLine] {
        var lines = [
            Script.OpeningLine(
                duty: .identity, text: "This is an automated AI assistant calling for \(caller)."),
            Script.OpeningLine(
                duty: .optOut,
                text: "Say stop or press 9 at any time to be placed on our do-not-call list."),
            Script.OpeningLine(duty: .purpose, text: objective.purpose(subject, caller)),
        ]
        if isRecorded {
            lines.append(
                Script.OpeningLine(
                    duty: .recording, text: "This call is recorded and transcribed."))
        }
        let greeting = name.map { "\($0), may" } ?? "May"
        lines.append(
            Script.OpeningLine(duty: .askToContinue, text: "\(greeting) I continue?"))
        return lines
    }

    /// A sentence about what the profile says, or nil.
    private static func history(_ reader: inout ScriptReader) -> String? {
        var parts: [String] = []
        let plan = reader.customerText("current_plan", "plan")
        let tenure = reader.customerNumber("tenure_months")
        switch (plan, tenure) {
        case (let plan?, let tenure?) where tenure > 0:
            parts.append("you have been on the \(plan) plan for \(months(tenure))")
        case (let plan?, _): parts.append("you are on the \(plan) plan")
        case (nil, let tenure?) where tenure > 0:
            parts.append("you have been a customer for \(months(tenure))")
        default: break
        }
        if let tickets = reader.customerNumber("support_tickets_last_90d"), tickets >= 3 {
            parts.append("you contacted support \(tickets) times in the last 90 days")
        }
        guard !parts.isEmpty else { return nil }
        return "Our records show that \(parts.joined(separator: ", and "))."
    }

    private static func months(_ count: Int) -> String {
        count == 1 ? "one month" : count % 12 == 0 ? years(count / 12) : "\(count) months"
    }

    private static func years(_ count: Int) -> String { count == 1 ? "one year" : "\(count) years" }

    private static func valueProposition(
        subject: String, points: [String], history: String?, objective: Objective
    ) -> String {
        var sentences = history.map { [$0] } ?? []
        switch objective {
        case .reminder, .information, .survey:
            if !points.isEmpty { sentences.append("In short: \(listed(points)).") }
        case .sale, .renewal:
            sentences.append(
                points.isEmpty
                    ? "I can tell you what \(subject) would change for you."
                    : "With \(subject) you get \(listed(points)).")
        }
        sentences.append("Would you like to hear more?")
        return sentences.joined(separator: " ")
    }

    /// `a`, `a and b`, `a, b and c`.
    private static func listed(_ items: [String]) -> String {
        guard let last = items.last, items.count > 1 else { return items.first ?? "" }
        return items.dropLast().joined(separator: ", ") + " and " + last
    }

    private static func objectionResponses(
        caller: String, subject: String, points: [String]
    ) -> [Script.ObjectionResponse] {
        func pair(_ objection: String, _ response: String) -> Script.ObjectionResponse {
            Script.ObjectionResponse(objection: objection, response: response)
        }
        let reminder = points.first.map { " The main point is \($0)." } ?? ""
        return [
            pair(
                "Is this a robot?",
                "Yes. I am an automated AI assistant calling for \(caller). "
                    + "I can have a person call you instead."),
            pair(
                "It is too expensive.",
                "I understand.\(reminder) I can send you the price in writing so that you can "
                    + "compare it without any hurry."),
            pair(
                "I have no time.",
                "Of course. What day and time would suit you better?"),
            pair(
                "I need to think about it.",
                "That is sensible. I can send you the details of \(subject) to read at your own pace."
            ),
            pair(
                "I am not interested.",
                "Thank you for telling me. I will not take more of your time. "
                    + "Say stop if you do not want any further calls."),
            pair(
                "How did you get my number?",
                "Our records hold your number with your consent to be called by \(caller). "
                    + "I can remove it now if you wish."),
        ]
    }

    private static func closing(subject: String, objective: Objective, name: String?) -> String {
        let thanks = name.map { "Thank you, \($0)." } ?? "Thank you."
        switch objective {
        case .sale, .renewal:
            return "\(thanks) Shall I go ahead with \(subject), send you the details, or call back?"
        case .reminder, .information: return "\(thanks) Is everything clear?"
        case .survey: return "\(thanks) Your answers help us."
        }
    }

    private static func voicemail(
        caller: String, subject: String, objective: Objective, callback: String?, tollFree: String?
    ) -> String {
        var sentences = [
            "This is an automated AI assistant calling for \(caller).",
            objective.purpose(subject, caller),
        ]
        if let callback { sentences.append("Please call us back at \(callback).") }
        if let tollFree {
            sentences.append("To be placed on our do-not-call list, call \(tollFree), toll free.")
        }
        return sentences.joined(separator: " ")
    }
}
