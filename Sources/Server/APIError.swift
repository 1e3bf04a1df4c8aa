internal import Base
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Orchestrator
internal import Store

/// `{"error":{"code","message","field"?}}` with a right status: the one shape of every refusal.
struct APIError: Error, HTTPResponseError {
    var error: PlatformError

    init(_ error: PlatformError) { self.error = error }

    var status: HTTPResponse.Status { HTTPResponse.Status(code: error.status) }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        response
    }

    var response: Response {
        var writer = JSONWriter()
        writer.object { writer in
            writer.object("error") { writer in
                writer.field("code", error.code)
                writer.field("message", error.message)
                if let field = error.field { writer.field("field", field) }
            }
        }
        return .json(writer, status: status)
    }
}

extension PlatformError {
    /// What a store error means to a client. Paths and SQLite's words are for the log only.
    init(_ error: StoreError) {
        switch error {
        case .notFound(let what): self = .notFound(what)
        case .conflict: self = .conflict("that contradicts what is stored")
        case .limit: self = PlatformError(code: "too_many", message: "\(error)", status: 400)
        default:
            self = .unavailable(
                "store_unavailable", "the store cannot be used now: the server's log says why")
        }
    }
}

extension Response {
    static func json(_ writer: JSONWriter, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: writer.bytes)))
    }

    static func text(_ text: String, type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
