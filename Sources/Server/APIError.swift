internal import Base
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import Orchestrator

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
