import Testing

@testable import Conversation

@Suite struct ScriptTemplateTests {
    /// The example of the original design, with the fields the law asks for.
    private func input(
        _ campaign: [String: ScriptValue] = [:], _ customer: [String: ScriptValue] = [:],
        without: Set<String> = []
    ) -> ScriptInput {
        var all: [String: ScriptValue] = [
            "campaign_id": .text("camp-001"), "product": .text("Premium Support Plan"),
            "objective": .text("upsell"),
            "talking_points": .list([
                "24/7 support", "a dedicated account manager", "an SLA guarantee",
            ]),
            "company_name": .text("Acme Corp"), "callback_number": .text("212 555 0100"),
            "toll_free_number": .text("800 555 0101"),
        ]
        for (key, value) in campaign { all[key] = value }
        for key in without { all[key] = nil }
        var person: [String: ScriptValue] = [
            "customer_id": .text("cust-123"), "name": .text("John Smith"),
            "current_plan": .text("Basic"), "tenure_months": .number(18),
            "support_tickets_last_90d": .number(5),
        ]
        for (key, value) in customer { person[key] = value }
        return ScriptInput(campaign: all, customer: person)
    }

    @Test func openingKeepsTheOrderOfTheDuties() {
        let script = ScriptTemplate.generate(input())
        #expect(
            script.openingLines.map(\.duty) == [
                .identity, .optOut, .purpose, .recording, .askToContinue,
            ])
        #expect(
            script.openingLines.map(\.text) == [
                "This is an automated AI assistant calling for Acme Corp.",
                "Say stop or press 9 at any time to be placed on our do-not-call list.",
                "This is a sales call to offer Premium Support Plan from Acme Corp.",
                "This call is recorded and transcribed.", "John, may I continue?",
            ])
        #expect(script.isComplete)
    }

    @Test func sectionsUseTheProfile() {
        let script = ScriptTemplate.generate(input())
        #expect(
            script.valueProposition
                == "Our records show that you have been on the Basic plan for 18 months, and you "
                + "contacted support 5 times in the last 90 days. With Premium Support Plan you get "
                + "24/7 support, a dedicated account manager and an SLA guarantee. "
                + "Would you like to hear more?")
        #expect(script.objectionResponses.count == 6)
        #expect(
            script.objectionResponses[0].response.hasPrefix("Yes. I am an automated AI assistant"))
        #expect(
            script.closing
                == "Thank you, John. Shall I go ahead with Premium Support Plan, send you the "
                + "details, or call back? You can reach us at 212 555 0100.")
        #expect(
            script.voicemailScript
                == "This is an automated AI assistant calling for Acme Corp. This is a sales call to "
                + "offer Premium Support Plan from Acme Corp. Please call us back at 212 555 0100. "
                + "To be placed on our do-not-call list, call 800 555 0101, toll free.")
    }

    @Test func metadataNamesWhatWasUsed() {
        let metadata = ScriptTemplate.generate(input()).metadata
        #expect(metadata.campaignID == "camp-001" && metadata.customerID == "cust-123")
        #expect(metadata.generator == "template-1" && metadata.language == "en-US")
        #expect(
            metadata.inputsUsed == [
                "campaign_data.campaign_id", "customer_profile.customer_id",
                "campaign_data.company_name", "campaign_data.product", "campaign_data.objective",
                "customer_profile.name", "campaign_data.talking_points",
                "campaign_data.callback_number", "campaign_data.toll_free_number",
                "customer_profile.current_plan", "customer_profile.tenure_months",
                "customer_profile.support_tickets_last_90d",
            ])
    }

    @Test(arguments: ["company_name", "product", "callback_number", "toll_free_number"])
    func missingDutyIsNamedAndLeavesTheScriptIncomplete(field: String) {
        let script = ScriptTemplate.generate(input(without: [field]))
        #expect(script.metadata.missingInputs == ["campaign_data.\(field)"])
        #expect(!script.isComplete)
        #expect(!script.opening.isEmpty && !script.voicemailScript.contains("nil"))
    }

    @Test func emptyInputsGiveAScriptThatPromisesNothing() {
        let script = ScriptTemplate.generate(ScriptInput(campaign: [:], customer: [:]))
        #expect(script.metadata.missingInputs.count == 4)
        #expect(script.openingLines.last?.text == "May I continue?")
        #expect(!script.valueProposition.contains("Our records"))
    }

    @Test(arguments: [
        ("appointment reminder", "I am calling to remind you about Premium Support Plan."),
        ("customer survey", "I am calling to ask for your opinion on Premium Support Plan."),
        ("information", "I am calling with information about Premium Support Plan."),
        ("renewal", "This is a sales call about renewing Premium Support Plan with Acme Corp."),
        ("win-back", "This is a sales call to offer Premium Support Plan from Acme Corp."),
        ("something else", "This is a sales call to offer Premium Support Plan from Acme Corp."),
    ]) func purposeIsDisclosed(objective: String, sentence: String) {
        let script = ScriptTemplate.generate(input(["objective": .text(objective)]))
        #expect(script.openingLines[2].text == sentence)
    }

    @Test func unrecordedCallHasNoRecordingNotice() {
        let script = ScriptTemplate.generate(input(["recorded": .flag(false)]))
        #expect(script.openingLines.map(\.duty) == [.identity, .optOut, .purpose, .askToContinue])
    }

    @Test func inputsAreMadeSafeToSpeak() {
        let script = ScriptTemplate.generate(
            input(
                [
                    "product": .text(
                        "Plan\n<break/>{{x}}\u{0}  Plus" + String(repeating: "y", count: 500))
                ],
                [
                    "name": .text("  Ann\u{85}\u{2028}\u{2029}\u{9F}Lee "),
                    "tenure_months": .number(.nan),
                ]))
        #expect(!script.opening.contains("<") && !script.opening.contains("{"))
        #expect(!script.opening.contains("\n"))
        #expect(script.openingLines[2].text.contains("Plan break/ x Plusyyy"))
        #expect(script.openingLines[2].text.count < 300)
        #expect(script.openingLines.last?.text == "Ann, may I continue?")
        #expect(script.valueProposition.contains("you are on the Basic plan"))
    }

    @Test func sameInputsSameScript() {
        let first = ScriptTemplate.generate(input())
        for _ in 0..<5 { #expect(ScriptTemplate.generate(input()) == first) }
    }

    @Test func jsonHoldsTheSectionsOfTheApi() {
        let json = ScriptTemplate.generate(input()).json
        for key in [
            "opening", "value_proposition", "objection_responses", "closing",
            "voicemail_script", "metadata", "inputs_used", "missing_inputs",
        ] { #expect(json.contains("\"\(key)\":")) }
        #expect(json.contains("\"complete\":true"))
    }

    @Test func openingIsNoOptOutByItself() {
        // The agent's own words must never be taken for the person's, but the sentence has to be
        // recognisable when somebody repeats it.
        #expect(OptOut.detects(utterance: "put me on your do-not-call list"))
    }
}
