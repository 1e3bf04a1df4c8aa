internal import AsyncHTTPClient
internal import Base
internal import Foundation
internal import NIOCore
internal import NIOFoundationCompat

//  ChatRequest ─▶ encode ─▶ POST {base}/chat/completions ─▶ 200 ─▶ decode ─▶ ChatCompletion
//                              ▲                             │
//                              └─ wait (Retry-After, bounded)┴─ 429, 5xx, broken connection

/// A client of an OpenAI-compatible chat service. Holds a connection pool: call `shutdown()`.
public final class ChatClient: Sendable {
    /// The first wait between attempts; doubled for each further one.
    static let firstDelay = Interval.milliseconds(500)

    private let configuration: ChatConfiguration
    private let http: HTTPClient
    private let sleep: @Sendable (Interval) async throws -> Void

    /// Connects with the first request. Call `shutdown()` before you let go of it.
    public convenience init(_ configuration: ChatConfiguration) {
        self.init(configuration) { delay in
            try await Task.sleep(nanoseconds: UInt64(max(0, delay.nanoseconds)))
        }
    }

    /// - Parameter sleep: waits between attempts; tests look instead of waiting.
    init(
        _ configuration: ChatConfiguration,
        sleep: @escaping @Sendable (Interval) async throws -> Void
    ) {
        self.configuration = configuration
        self.sleep = sleep
        // A redirect would take the key to another host.
        var settings = HTTPClient.Configuration(redirectConfiguration: .disallow)
        // How often to try is decided here, not in the pool, which would try until the deadline.
        settings.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
    }

    /// Closes the connections; what is asked afterwards throws `unreachable`.
    public func shutdown() async { try? await http.shutdown() }

    /// Asks for one completion, with retries. Cancelling the task cancels the request.
    public func complete(_ request: ChatRequest) async throws(ChatError) -> ChatCompletion {
        let outgoing = try makeRequest(try encode(request))
        var attempt = 1
        while true {
            let failure: Failure
            switch await send(outgoing) {
            case .success(let completion): return completion
            case .failure(let reason): failure = reason
            }
            guard failure.isTransient, attempt < max(1, configuration.maximumAttempts) else {
                throw failure.error
            }
            let wanted = failure.retryAfter ?? Self.firstDelay * Int64(1 << min(attempt - 1, 10))
            if failure.retryAfter != nil, wanted > configuration.maximumRetryDelay {
                throw failure.error
            }
            do {
                try await sleep(min(wanted, configuration.maximumRetryDelay))
            } catch {
                throw .cancelled
            }
            attempt += 1
        }
    }

    private struct Failure: Error {
        let error: ChatError
        var isTransient = false
        var retryAfter: Interval?
    }

    private func makeRequest(_ body: Data) throws(ChatError) -> HTTPClientRequest {
        var base = configuration.baseURL
        while base.hasSuffix("/") { base.removeLast() }
        guard let url = URL(string: base), let scheme = url.scheme?.lowercased(),
            scheme == "http" || scheme == "https", url.host?.isEmpty == false, url.query == nil
        else { throw .badBaseURL }
        var request = HTTPClientRequest(url: base + "/chat/completions")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "Accept", value: "application/json")
        if let key = configuration.key {
            guard key.value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw .badRequest("the key holds a space, a line break or a letter beyond ASCII")
            }
            switch configuration.keyField {
            case .bearer: request.headers.add(name: "Authorization", value: "Bearer " + key.value)
            case .apiKey: request.headers.add(name: "api-key", value: key.value)
            }
        }
        request.body = .bytes(ByteBuffer(data: body))
        return request
    }

    private func send(_ request: HTTPClientRequest) async -> Result<ChatCompletion, Failure> {
        let limit = configuration.maximumResponseBytes
        do {
            let response = try await http.execute(
                request, timeout: .nanoseconds(configuration.timeout.nanoseconds))
            let body = Data(buffer: try await response.body.collect(upTo: limit))
            let status = Int(response.status.code)
            guard status != 200 else { return decode(body) }
            return .failure(
                failure(
                    status: status, retryAfter: response.headers.first(name: "Retry-After"),
                    body: body))
        } catch is NIOTooManyBytesError {
            return .failure(Failure(error: .responseTooLarge(limit: limit)))
        } catch is CancellationError {
            return .failure(Failure(error: .cancelled))
        } catch let error as HTTPClientError {
            switch error {
            case .cancelled: return .failure(Failure(error: .cancelled))
            case .deadlineExceeded, .connectTimeout, .readTimeout:
                let error = ChatError.timeout(milliseconds: configuration.timeout.milliseconds)
                return .failure(Failure(error: error, isTransient: true))
            case .invalidURL, .emptyHost: return .failure(Failure(error: .badBaseURL))
            default:
                return .failure(
                    Failure(error: .unreachable(error.shortDescription), isTransient: true))
            }
        } catch {
            return .failure(
                Failure(error: .unreachable("connection failed"), isTransient: true))
        }
    }

    private func failure(status: Int, retryAfter: String?, body: Data) -> Failure {
        switch status {
        case 401, 403: return Failure(error: .unauthorised(status: status))
        case 429:
            let wait = retryAfter.flatMap { Self.interval(retryAfter: $0, now: Date()) }
            let seconds = wait.map { Int(($0.nanoseconds + 999_999_999) / 1_000_000_000) }
            return Failure(
                error: .rateLimited(retryAfterSeconds: seconds), isTransient: true,
                retryAfter: wait)
        default:
            let code = (try? JSONDecoder().decode(ServiceError.self, from: body))?.error.shortCode
            return Failure(
                error: .status(status, code: code), isTransient: (500...599).contains(status),
                retryAfter: retryAfter.flatMap { Self.interval(retryAfter: $0, now: Date()) })
        }
    }

    /// `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date in one of HTTP's forms. nil when
    /// it is neither; never below zero, at most a day.
    static func interval(retryAfter text: String, now: Date) -> Interval? {
        let day = 86_400.0
        if let seconds = Double(text), seconds.isFinite {
            return .milliseconds(Int64(min(max(seconds, 0), day) * 1000))
        }
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        guard let date = formatter.date(from: text) else { return nil }
        return .milliseconds(Int64(min(max(date.timeIntervalSince(now), 0), day) * 1000))
    }

    // MARK: JSON

    private func encode(_ request: ChatRequest) throws(ChatError) -> Data {
        guard !request.messages.isEmpty else { throw .badRequest("it has no messages") }
        var body: [String: Any] = [
            "model": configuration.model,
            "messages": request.messages.map {
                ["role": $0.role.rawValue, "content": $0.content.value]
            },
        ]
        if let temperature = request.temperature {
            guard (0...2).contains(temperature) else {
                throw .badRequest("the temperature is not in 0…2")
            }
            body["temperature"] = temperature
        }
        if let tokens = request.maximumTokens { body["max_tokens"] = tokens }
        if let schema = request.schema {
            guard let parsed = try? JSONSerialization.jsonObject(with: Data(schema.json)),
                parsed is [String: Any]
            else { throw .badRequest("the schema is no JSON object") }
            body["response_format"] = [
                "type": "json_schema",
                "json_schema": ["name": schema.name, "strict": true, "schema": parsed],
            ]
        }
        do {
            return try JSONSerialization.data(withJSONObject: body, options: [.sortedKeys])
        } catch {
            throw .badRequest("it cannot be written as JSON")
        }
    }

    private func decode(_ body: Data) -> Result<ChatCompletion, Failure> {
        guard let answer = try? JSONDecoder().decode(ServiceAnswer.self, from: body),
            let choice = answer.choices.first
        else { return .failure(Failure(error: .malformedResponse)) }
        if choice.finish_reason == "content_filter" || choice.message.refusal?.isEmpty == false {
            return .failure(Failure(error: .refused))
        }
        guard let text = choice.message.content else {
            return .failure(Failure(error: .malformedResponse))
        }
        return .success(
            ChatCompletion(
                text: Redacted(text),
                finishReason: choice.finish_reason.map {
                    ChatCompletion.FinishReason(rawValue: $0) ?? .other
                } ?? .stop,
                promptTokens: answer.usage?.prompt_tokens ?? 0,
                completionTokens: answer.usage?.completion_tokens ?? 0))
    }
}

/// `chat.completion`, as far as it is needed; servers leave out the rest at will.
private struct ServiceAnswer: Decodable {
    struct Choice: Decodable {
        struct Message: Decodable {
            let content: String?
            let refusal: String?
        }
        let message: Message
        let finish_reason: String?
    }
    struct Usage: Decodable {
        let prompt_tokens: Int?
        let completion_tokens: Int?
    }
    let choices: [Choice]
    let usage: Usage?
}

/// `{error:{message,type,code,param}}`. The message may repeat prompt or key: never read.
private struct ServiceError: Decodable {
    struct Body: Decodable {
        let type: String?
        let code: String?

        var shortCode: String? {
            guard let text = code ?? type, text.utf8.count <= 64,
                text.utf8.allSatisfy({
                    $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
                        || (0x30...0x39).contains($0) || (0x41...0x5A).contains($0)
                        || (0x61...0x7A).contains($0)
                })
            else { return nil }
            return text
        }
    }
    let error: Body
}
