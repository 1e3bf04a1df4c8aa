public import Base

/// Where chat completions come from: any service that speaks `POST {base}/chat/completions` as
/// OpenAI does (vLLM, llama.cpp, Ollama, Azure's v1 endpoint…).
public struct ChatConfiguration: Sendable {
    /// How the key travels.
    public enum KeyField: Sendable, Equatable {
        /// `Authorization: Bearer …`
        case bearer
        /// `api-key: …`, as Azure wants it.
        case apiKey
    }

    /// Up to and without `/chat/completions`, for example `https://api.openai.com/v1`.
    public var baseURL: String
    /// nil for a service without keys.
    public var key: Redacted<String>?
    /// Of no use without a `key`.
    public var keyField: KeyField
    /// The service's own name of it, sent as it is.
    public var model: String
    /// For one attempt, from the connection to the last byte.
    public var timeout: Interval = .seconds(30)
    /// Attempts in all; 429, 5xx, timeouts and broken connections are tried again.
    public var maximumAttempts = 3
    /// The longest wait between two attempts. A `Retry-After` beyond it ends the trying.
    public var maximumRetryDelay: Interval = .seconds(10)
    /// A completion is a few kilobytes; this bounds what a broken service can make us hold.
    public var maximumResponseBytes = 1 << 20

    /// Limits and waits are those above. The URL is checked with each request (`badBaseURL`).
    public init(
        baseURL: String, key: Redacted<String>?, model: String, keyField: KeyField = .bearer
    ) {
        self.baseURL = baseURL
        self.key = key
        self.model = model
        self.keyField = keyField
    }
}

/// One turn of the prompt.
public struct ChatMessage: Sendable, Equatable {
    /// By OpenAI's names.
    public enum Role: String, Sendable { case system, user, assistant }

    /// Who speaks in this turn.
    public var role: Role
    /// May speak of people: printed as `<redacted>`.
    public var content: Redacted<String>

    /// Takes the text in the clear.
    public init(_ role: Role, _ content: String) {
        self.role = role
        self.content = Redacted(content)
    }
}

/// A completion to ask for.
public struct ChatRequest: Sendable {
    /// In order; a request without any is `badRequest`.
    public var messages: [ChatMessage]
    /// 0…2; nil leaves it to the service.
    public var temperature: Double?
    /// Of the answer (`max_tokens`); nil leaves it to the service.
    public var maximumTokens: Int?
    /// A JSON schema object that the answer must follow, and its name (letters, digits, `_`, `-`).
    public var schema: (name: String, json: [UInt8])?

    /// Nothing is checked here: `complete` throws `badRequest`.
    public init(
        _ messages: [ChatMessage], temperature: Double? = nil, maximumTokens: Int? = nil,
        schema: (name: String, json: [UInt8])? = nil
    ) {
        self.messages = messages
        self.temperature = temperature
        self.maximumTokens = maximumTokens
        self.schema = schema
    }
}

/// What came back.
public struct ChatCompletion: Sendable, Equatable {
    /// Why the model ended; `other` is every reason without a case here, `stop` also none given.
    public enum FinishReason: String, Sendable { case stop, length, other }

    /// Of the first choice. May speak of people.
    public var text: Redacted<String>
    /// `length`: cut at the token limit, and a JSON answer is then not whole.
    public var finishReason: FinishReason
    /// 0 when the service does not count.
    public var promptTokens: Int
    /// 0 when the service does not count.
    public var completionTokens: Int
}

/// Errors of this room. No case holds the key, the prompt or the service's prose.
public enum ChatError: Error, Equatable, Sendable, CustomStringConvertible {
    case badBaseURL
    case badRequest(String)
    /// 401 or 403.
    case unauthorised(status: Int)
    /// 429 to the last attempt, or with a `Retry-After` beyond our patience (in seconds).
    case rateLimited(retryAfterSeconds: Int?)
    /// Any other status; `code` is the service's own short code.
    case status(Int, code: String?)
    case timeout(milliseconds: Int64)
    case unreachable(String)
    case responseTooLarge(limit: Int)
    case malformedResponse
    /// The model or a content filter declined.
    case refused
    case cancelled

    /// One line for an operator; nothing of messages or key is in it.
    public var description: String {
        switch self {
        case .badBaseURL: "the chat service URL is not an http:// or https:// URL"
        case .badRequest(let reason): "the chat request is not usable: \(reason)"
        case .unauthorised(let status):
            "the chat service refuses the key (HTTP \(status)); check TRUNKLINE_LLM_KEY"
        case .rateLimited(let seconds):
            "the chat service is rate limited"
                + (seconds.map { ", it asks for \($0) s" } ?? "")
        case .status(let status, let code):
            "the chat service answered HTTP \(status)" + (code.map { " (\($0))" } ?? "")
        case .timeout(let ms): "the chat service did not answer within \(ms) ms"
        case .unreachable(let reason): "cannot reach the chat service: \(reason)"
        case .responseTooLarge(let limit): "the chat service sent more than \(limit) bytes"
        case .malformedResponse: "the chat service sent something else than a completion"
        case .refused: "the model declined to answer"
        case .cancelled: "the chat request was cancelled"
        }
    }
}
