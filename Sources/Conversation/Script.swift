public import Base

/// A script in its sections, with what went into it.
public struct Script: Sendable, Equatable {
    public struct ObjectionResponse: Sendable, Equatable {
        public var objection: String
        public var response: String
    }

    /// One sentence of the opening and the duty it meets.
    public struct OpeningLine: Sendable, Equatable {
        public enum Duty: String, Sendable, CaseIterable {
            /// An automated voice, and who is responsible for the call.
            case identity
            /// How to get onto the do-not-call list; begins within 2 s of the identity.
            case optOut = "opt_out"
            case purpose
            case recording
            case askToContinue = "ask_to_continue"
        }
        public var duty: Duty
        public var text: String
    }

    public struct Metadata: Sendable, Equatable {
        /// `template-1` for the built-in template, else the model's name.
        public var generator: String
        public var language: String
        public var campaignID: String?
        public var customerID: String?
        /// `campaign_data.product` and so on, in order of use.
        public var inputsUsed: [String]
        /// Inputs without which the script must not be used: see `Script.isComplete`.
        public var missingInputs: [String]
    }

    public var openingLines: [OpeningLine]
    public var valueProposition: String
    public var objectionResponses: [ObjectionResponse]
    public var closing: String
    public var voicemailScript: String
    public var metadata: Metadata

    public var opening: String { openingLines.map(\.text).joined(separator: " ") }

    /// False while a sentence that the law asks for has a gap.
    public var isComplete: Bool { metadata.missingInputs.isEmpty }

    public var json: String {
        var writer = JSONWriter(reserving: 2048)
        write(to: &writer)
        return writer.string
    }

    public func write(to writer: inout JSONWriter, key: String? = nil) {
        writer.object(key) { writer in
            writer.field("opening", opening)
            writer.array("opening_lines") { writer in
                for line in openingLines {
                    writer.object { writer in
                        writer.field("duty", line.duty.rawValue)
                        writer.field("text", line.text)
                    }
                }
            }
            writer.field("value_proposition", valueProposition)
            writer.array("objection_responses") { writer in
                for item in objectionResponses {
                    writer.object { writer in
                        writer.field("objection", item.objection)
                        writer.field("response", item.response)
                    }
                }
            }
            writer.field("closing", closing)
            writer.field("voicemail_script", voicemailScript)
            writer.object("metadata") { writer in
                writer.field("generator", metadata.generator)
                writer.field("language", metadata.language)
                if let id = metadata.campaignID { writer.field("campaign_id", id) }
                if let id = metadata.customerID { writer.field("customer_id", id) }
                writer.array("inputs_used") { writer in
                    for input in metadata.inputsUsed { writer.field(nil, input) }
                }
                writer.array("missing_inputs") { writer in
                    for input in metadata.missingInputs { writer.field(nil, input) }
                }
                writer.field("complete", isComplete)
            }
        }
    }
}
