internal import Base
internal import Conversation
internal import Foundation
internal import Logging
internal import Speech

/// Writes call scripts: the template always, and where a language model is configured, its wording
/// of the sections that the law leaves free. Opening and voicemail stay the template's: they hold
/// the sentences a call must say (docs/COMPLIANCE.md).
final class ScriptWriter: Sendable {
    /// What the model may say at most in one section, characters.
    static let sectionLimit = 1200

    private let client: ChatClient?
    private let model: String
    private let logger: Logger

    init(_ settings: PlatformConfiguration.LanguageModel?, logger: Logger) {
        client = settings.map {
            var configuration = ChatConfiguration(
                baseURL: $0.baseURL, key: $0.key.value.isEmpty ? nil : $0.key, model: $0.model)
            // Somebody waits for the script, and the template is there at once.
            configuration.timeout = .seconds(20)
            configuration.maximumAttempts = 1
            return ChatClient(configuration)
        }
        model = settings?.model ?? ""
        self.logger = logger
    }

    func shutdown() async { await client?.shutdown() }

    /// Never fails: without a usable answer of the model the template stands, and the script's
    /// metadata says which it was.
    func write(_ input: ScriptInput) async -> Script {
        let template = ScriptTemplate.generate(input)
        guard let client else { return template }
        do {
            let answer = try await client.complete(Self.request(for: template))
            guard answer.finishReason == .stop,
                let wording = Wording(json: answer.text.value)
            else {
                logger.warning("the language model's script is not usable; the template stands")
                return template
            }
            return wording.applied(to: template, model: model)
        } catch {
            logger.warning(
                "no script from the language model; the template stands",
                metadata: ["reason": "\(error)"])
            return template
        }
    }

    private static func request(for template: Script) -> ChatRequest {
        let rules = """
            You polish outbound call scripts. Rewrite value_proposition, closing and the response of \
            each objection so that they are short, truthful, friendly and spoken. No pressure, no \
            deception, no promises that are not in the input, no claim to be human. Keep the \
            language. Answer with JSON only: {"value_proposition": string, "closing": string, \
            "objection_responses": [string, …]} with as many responses as there are objections, \
            in their order.
            """
        return ChatRequest(
            [ChatMessage(.system, rules), ChatMessage(.user, template.json)], temperature: 0.4,
            maximumTokens: 900)
    }

    /// The free sections in the model's words, checked before use.
    struct Wording {
        var valueProposition: String
        var closing: String
        var responses: [String]

        init?(json text: String) {
            guard
                let object = try? JSONSerialization.jsonObject(with: Data(text.utf8))
                    as? [String: Any],
                let value = Self.section(object["value_proposition"]),
                let closing = Self.section(object["closing"]),
                let list = object["objection_responses"] as? [Any]
            else { return nil }
            let responses = list.compactMap(Self.section)
            guard responses.count == list.count else { return nil }
            valueProposition = value
            self.closing = closing
            self.responses = responses
        }

        private static func section(_ value: Any?) -> String? {
            guard let text = value as? String, !text.isEmpty, text.count <= sectionLimit,
                !text.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\n" })
            else { return nil }
            return text
        }

        /// The template itself when the model lost or invented an objection.
        func applied(to template: Script, model: String) -> Script {
            guard responses.count == template.objectionResponses.count else { return template }
            var script = template
            script.valueProposition = valueProposition
            script.closing = closing
            for (index, response) in responses.enumerated() {
                script.objectionResponses[index].response = response
            }
            script.metadata.generator = model
            return script
        }
    }
}
