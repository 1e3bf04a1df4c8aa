import Base
import Conversation
import Logging
import Testing

@testable import Orchestrator

private let input = ScriptInput(
    campaign: ["product": .text("Premium Support Plan"), "objective": .text("upsell")],
    customer: ["name": .text("John Smith")])

@Test func withoutAModelTheTemplateIsTheScript() async {
    let writer = ScriptWriter(nil, logger: Logger(label: "test"))
    let script = await writer.write(input)
    #expect(script == ScriptTemplate.generate(input))
    await writer.shutdown()
}

@Test func modelsWordsReplaceOnlyTheFreeSections() throws {
    let template = ScriptTemplate.generate(input)
    let responses = template.objectionResponses.map { _ in "\"I understand.\"" }
    let answer = """
        {"value_proposition":"It is good.","closing":"Goodbye.",\
        "objection_responses":[\(responses.joined(separator: ","))]}
        """
    let wording = try #require(ScriptWriter.Wording(json: answer))
    let script = wording.applied(to: template, model: "m-1")
    #expect(script.valueProposition == "It is good.")
    #expect(script.closing == "Goodbye.")
    #expect(script.objectionResponses.allSatisfy { $0.response == "I understand." })
    #expect(script.openingLines == template.openingLines)
    #expect(script.voicemailScript == template.voicemailScript)
    #expect(script.metadata.generator == "m-1")
}

@Test func answersOfTheWrongShapeLeaveTheTemplate() throws {
    #expect(ScriptWriter.Wording(json: "no JSON") == nil)
    #expect(ScriptWriter.Wording(json: "{}") == nil)
    #expect(
        ScriptWriter.Wording(
            json: #"{"value_proposition":"","closing":"x","objection_responses":[]}"#) == nil)
    #expect(
        ScriptWriter.Wording(
            json: #"{"value_proposition":"a\u0007","closing":"x","objection_responses":[]}"#) == nil
    )
    let template = ScriptTemplate.generate(input)
    let short = try #require(
        ScriptWriter.Wording(
            json: #"{"value_proposition":"a","closing":"b","objection_responses":[]}"#))
    #expect(!template.objectionResponses.isEmpty)
    #expect(short.applied(to: template, model: "m") == template)
}

@Test func unreachableModelLeavesTheTemplate() async {
    let writer = ScriptWriter(
        .init(baseURL: "http://127.0.0.1:9", model: "m", key: Redacted("")),
        logger: Logger(label: "test"))
    #expect(await writer.write(input).metadata.generator == "template-1")
    await writer.shutdown()
}
