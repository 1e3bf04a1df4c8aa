import Base
import Foundation
import Synchronization
import Testing

@testable import Speech

@Suite(.timeLimit(.minutes(10))) struct ChatClientTests {
    private static let hello = ChatStandIn.Answer(
        body: #"{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"message":"#
            + #"{"role":"assistant","content":"Good day."},"finish_reason":"stop"}],"#
            + #""usage":{"prompt_tokens":11,"completion_tokens":3,"total_tokens":14}}"#)
    private static let prompt = ChatRequest([
        ChatMessage(.system, "You write scripts."), ChatMessage(.user, "For \"Ada\"."),
    ])

    /// Delays the client asked for, instead of waiting.
    private final class Delays: Sendable {
        let list = Mutex<[Int64]>([])
        var milliseconds: [Int64] { list.withLock { $0 } }
    }

    private struct Result {
        let outcome: Swift.Result<ChatCompletion, ChatError>
        let asked: [ChatStandIn.Asked]
        let delays: [Int64]
    }

    private func run(
        _ answers: [ChatStandIn.Answer], request: ChatRequest = prompt,
        configure: (inout ChatConfiguration) -> Void = { _ in }
    ) async throws -> Result {
        let service = try await ChatStandIn(answers)
        var configuration = ChatConfiguration(
            baseURL: service.url, key: Redacted("sk-geheim"), model: "small")
        configure(&configuration)
        let delays = Delays()
        let client = ChatClient(configuration) { delay in
            delays.list.withLock { $0.append(delay.milliseconds) }
        }
        let outcome: Swift.Result<ChatCompletion, ChatError>
        do throws(ChatError) {
            outcome = .success(try await client.complete(request))
        } catch {
            outcome = .failure(error)
        }
        await client.shutdown()
        await service.shutdown()
        return Result(outcome: outcome, asked: service.asked, delays: delays.milliseconds)
    }

    @Test func requestAndAnswerOfOneCompletion() async throws {
        let schema = #"{"type":"object","properties":{},"additionalProperties":false}"#
        var request = Self.prompt
        request.temperature = 0.5
        request.maximumTokens = 200
        request.schema = ("script", Array(schema.utf8))
        let result = try await run([Self.hello], request: request)
        #expect(
            result.outcome
                == .success(
                    ChatCompletion(
                        text: Redacted("Good day."), finishReason: .stop, promptTokens: 11,
                        completionTokens: 3)))
        #expect(result.asked.count == 1)
        let asked = try #require(result.asked.first)
        #expect(asked.method == "POST")
        #expect(asked.uri == "/v1/chat/completions")
        #expect(asked.headers.first(name: "Authorization") == "Bearer sk-geheim")
        #expect(asked.headers.first(name: "Content-Type") == "application/json")
        #expect(
            asked.body
                == #"{"max_tokens":200,"messages":[{"content":"You write scripts.","role":"system"},"#
                + #"{"content":"For \"Ada\".","role":"user"}],"model":"small","#
                + #""response_format":{"json_schema":{"name":"script","schema":"#
                + #"{"additionalProperties":false,"properties":{},"type":"object"},"strict":true},"#
                + #""type":"json_schema"},"temperature":0.5}"#)
    }

    @Test func keyGoesWhereTheServiceWantsItOrNowhere() async throws {
        let azure = try await run([Self.hello]) { $0.keyField = .apiKey }
        #expect(azure.asked.first?.headers.first(name: "api-key") == "sk-geheim")
        #expect(azure.asked.first?.headers.contains(name: "Authorization") == false)
        let local = try await run([Self.hello]) { configuration in
            configuration.key = nil
            configuration.baseURL += "//"
        }
        #expect(local.asked.first?.headers.contains(name: "Authorization") == false)
        #expect(local.asked.first?.uri == "/v1/chat/completions")
    }

    @Test func rateLimitIsWaitedForAsAsked() async throws {
        let result = try await run([
            .init(status: 429, headers: [("Retry-After", "2")]), .init(status: 503), Self.hello,
        ])
        #expect((try? result.outcome.get()) != nil)
        #expect(result.delays == [2000, 1000])
        #expect(result.asked.count == 3)
    }

    @Test func attemptsAreBounded() async throws {
        let result = try await run([
            .init(status: 500, body: #"{"error":{"message":"key sk-geheim","code":"overloaded"}}"#)
        ])
        #expect(result.outcome == .failure(.status(500, code: "overloaded")))
        #expect(result.asked.count == 3)
        #expect(result.delays == [500, 1000])
    }

    @Test func longRetryAfterEndsTheTrying() async throws {
        let result = try await run([.init(status: 429, headers: [("Retry-After", "60")])])
        #expect(result.outcome == .failure(.rateLimited(retryAfterSeconds: 60)))
        #expect(result.asked.count == 1)
        #expect(result.delays == [])
    }

    @Test(arguments: [
        (401, ChatError.unauthorised(status: 401)), (403, .unauthorised(status: 403)),
        (400, .status(400, code: nil)), (404, .status(404, code: nil)),
        (302, .status(302, code: nil)),
    ])
    func otherStatusesAreNotTriedAgain(status: Int, error: ChatError) async throws {
        let answer = ChatStandIn.Answer(
            status: status, body: #"{"error":{"message":"m","code":"a code with <b>"}}"#,
            headers: [("Location", "http://127.0.0.1:9/steal")])
        let result = try await run([answer])
        #expect(result.outcome == .failure(error))
        #expect(result.asked.count == 1)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"choices":[]}"#, #"{"choices":[{"message":{}}]}"#, "<html>",
        #"{"choices":[{"message":{"content":5}}]}"#,
    ])
    func somethingElseThanACompletionIsMalformed(body: String) async throws {
        let result = try await run([.init(body: body)])
        #expect(result.outcome == .failure(.malformedResponse))
        #expect(result.asked.count == 1)
    }

    @Test func sparseAnswersAreAccepted() async throws {
        let result = try await run([.init(body: #"{"choices":[{"message":{"content":""}}]}"#)])
        #expect(
            result.outcome
                == .success(
                    ChatCompletion(
                        text: Redacted(""), finishReason: .stop, promptTokens: 0,
                        completionTokens: 0)))
        let cut = try await run([
            .init(body: #"{"choices":[{"message":{"content":"{"},"finish_reason":"length"}]}"#)
        ])
        #expect((try? cut.outcome.get())?.finishReason == .length)
    }

    @Test func refusalsAreErrors() async throws {
        for body in [
            #"{"choices":[{"message":{"content":null,"refusal":"I will not."}}]}"#,
            #"{"choices":[{"message":{"content":"x"},"finish_reason":"content_filter"}]}"#,
        ] {
            let result = try await run([.init(body: body)])
            #expect(result.outcome == .failure(.refused))
        }
    }

    @Test func largeAnswersAreNotHeld() async throws {
        let result = try await run([.init(body: String(repeating: " ", count: 5000))]) {
            $0.maximumResponseBytes = 4999
        }
        #expect(result.outcome == .failure(.responseTooLarge(limit: 4999)))
    }

    @Test func silenceIsATimeout() async throws {
        let result = try await run([.init(isSilent: true)]) { configuration in
            configuration.timeout = .milliseconds(60)
            configuration.maximumAttempts = 1
        }
        #expect(result.outcome == .failure(.timeout(milliseconds: 60)))
    }

    @Test func brokenConnectionsAreTriedAgain() async throws {
        let result = try await run([.init(hangsUp: true), Self.hello])
        #expect((try? result.outcome.get())?.text.value == "Good day.")
        #expect(result.asked.count == 2)
    }

    @Test func unusableRequestsNeverLeave() async throws {
        #expect(
            try await run([Self.hello], request: ChatRequest([])).outcome
                == .failure(.badRequest("it has no messages")))
        var bad = Self.prompt
        bad.schema = ("x", Array("nope".utf8))
        #expect(
            try await run([Self.hello], request: bad).outcome
                == .failure(.badRequest("the schema is no JSON object")))
        let broken = try await run([Self.hello]) { $0.key = Redacted("sk-geheim\n") }
        #expect(
            broken.outcome
                == .failure(
                    .badRequest("the key holds a space, a line break or a letter beyond ASCII")))
        for url in ["", "bot", "ftp://h/v1", "http://", "http://h/v1?x=1"] {
            let result = try await run([Self.hello]) { $0.baseURL = url }
            #expect(result.outcome == .failure(.badBaseURL), "\(url)")
            #expect(result.asked.isEmpty)
        }
    }

    @Test func retryAfterIsSecondsOrADate() {
        // Sun, 06 Nov 1994 08:49:37 GMT is RFC 9110's example; 784111777 in Unix time.
        let now = Date(timeIntervalSince1970: 784_111_770)
        func ms(_ text: String) -> Int64? {
            ChatClient.interval(retryAfter: text, now: now)?.milliseconds
        }
        #expect(ms("3") == 3000)
        #expect(ms("0") == 0)
        #expect(ms("-5") == 0)
        #expect(ms("1e30") == 86_400_000)
        #expect(ms("nan") == nil)
        #expect(ms("soon") == nil)
        #expect(ms("Sun, 06 Nov 1994 08:49:37 GMT") == 7000)
        #expect(ms("Sun, 06 Nov 1994 08:49:00 GMT") == 0)
    }

    @Test func secretsAreNotPrinted() {
        let configuration = ChatConfiguration(
            baseURL: "http://h/v1", key: Redacted("sk-geheim"), model: "m")
        #expect(!"\(configuration)".contains("geheim"))
        #expect(!String(reflecting: Self.prompt).contains("Ada"))
    }
}
