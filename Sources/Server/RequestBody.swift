internal import Foundation
internal import Hummingbird
internal import NIOCore
internal import NIOFoundationCompat
internal import Orchestrator

extension Request {
    /// JSON bodies of the API are small; contact lists have their own limit.
    static let jsonBodyLimit = 1 << 20

    /// Decodes the body, turning each way it can fail into an error that names the field.
    func decoded<Body: Decodable>(as type: Body.Type) async throws -> Body {
        let buffer = try await bytes(limit: Self.jsonBodyLimit)
        do {
            return try JSONDecoder().decode(type, from: Data(buffer: buffer))
        } catch let error as DecodingError {
            throw APIError(PlatformError(error))
        }
    }

    func bytes(limit: Int) async throws -> ByteBuffer {
        do {
            return try await body.collect(upTo: limit)
        } catch is NIOTooManyBytesError {
            throw APIError(
                PlatformError(
                    code: "body_too_large", message: "the body is larger than \(limit) bytes",
                    status: 413))
        }
    }
}

extension PlatformError {
    init(_ error: DecodingError) {
        func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
            (context.codingPath + [last].compactMap { $0 })
                .map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context):
            let field = path(context, key)
            self = .invalid(field, "\(field) is missing")
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            let field = path(context)
            self = .invalid(
                field, field.isEmpty ? "a JSON object is expected" : "\(field) has the wrong type")
        case .dataCorrupted(let context):
            let field = path(context)
            self =
                field.isEmpty
                ? PlatformError(
                    code: "invalid_json", message: "the body is not valid JSON", status: 400)
                : .invalid(field, "\(field): \(context.debugDescription)")
        @unknown default:
            self = PlatformError(
                code: "invalid_json", message: "the body is not valid", status: 400)
        }
    }
}
