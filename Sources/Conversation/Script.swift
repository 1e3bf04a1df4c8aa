public import Base

/// A script in its sections, with what went into it.
public struct Script: Sendable, Equatable {
    /// An objection that people make, and what to say to it.
    public struct ObjectionResponse: Sendable, Equatable {
        /// In the person's words: `Is this a robot?`
        public var objection: String
        /// What the agent says.
        public var response: String
    }

    /// One sentence of the opening and the duty it meets.
    public struct OpeningLine: Sendable, Equatable {
        /// Which rule asks for the sentence: 47 CFR 64.1200(b), 16 CFR 310.4(b) and (d), the
        /// states' laws.
        public enum Duty: String, Sendable, CaseIterable {
            /// An automated voice, and who is responsible for the call.
            case identity
            /// How to get onto the do-not-call list; begins within 2 s of the identity.
            case optOut = "opt_out"
            case purpose
            case recording
            case askToContinue = "ask_to_continue"
        }
        /// The duty that `text` meets.
        public var duty: Duty
        /// To be spoken as it is.
        public var text: String
    }

    /// What the script was made with.
    public struct Metadata: Sendable, Equatable {
        /// `template-1` for the built-in template, else the model's name.
        public var generator: String
        /// BCP 47; the built-in template's is `en-US`.
        public var language: String
        /// `campaign_data.campaign_id`; nil where it was not given.
        public var campaignID: String?
        /// `customer_profile.customer_id`; nil where it was not given.
        public var customerID: String?
        /// `campaign_data.product` and so on, in order of use.
        public var inputsUsed: [String]
        /// Inputs without which the script must not be used: see `Script.isComplete`.
        public var missingInputs: [String]
    }

    /// In the order in which the law wants them spoken.
    public var openingLines: [OpeningLine]
    /// Why the person should go on listening.
    public var valueProposition: String
    /// What the agent must be ready for.
    public var objectionResponses: [ObjectionResponse]
    /// The last words, with the number to call back where one was given.
    public var closing: String
    /// For a mailbox, after its beep: identity, purpose, and the numbers that were given.
    public var voicemailScript: String
    /// Where it came from, and what it lacks.
    public var metadata: Metadata

    /// The opening's sentences with a space between.
    public var opening: String { openingLines.map(\.text).joined(separator: " ") }

    /// False while a sentence that the law asks for has a gap.
    public var isComplete: Bool { metadata.missingInputs.isEmpty }

    /// The object that `write` writes.
    public var json: String {
        var writer = JSONWriter(reserving: 2048)
        write(to: &writer)
        return writer.string
    }

    /// Appends one object, under `key` where one is given.
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
