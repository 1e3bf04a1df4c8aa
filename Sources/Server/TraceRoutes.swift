internal import Base
internal import CallModel
internal import HTTPTypes
internal import Hummingbird
internal import Orchestrator

/// `GET /v1/calls/{id}/trace`: the SIP messages of a call, as JSON, or as text with
/// `Accept: text/plain` or `?format=text`.
struct TraceRoutes {
    let platform: Platform

    func add(to router: Router<HTTPServer.Context>) {
        router.get("/v1/calls/{id}/trace") { request, context in
            guard
                let trace = await platform.trace(CallID(try context.parameters.require("id")))
            else { throw APIError(.notFound("trace")) }
            let wantsText =
                request.uri.queryParameters["format"] == "text"
                || request.headers[.accept]?.hasPrefix("text/plain") == true
            if wantsText {
                return Response.text(trace.text, type: "text/plain; charset=utf-8")
            }
            var writer = JSONWriter()
            writer.object { writer in
                writer.array("messages") { writer in
                    for message in trace.messages {
                        writer.object {
                            $0.field("at", message.at.iso8601)
                            $0.field("direction", message.isOutgoing ? "out" : "in")
                            $0.field("peer", message.peer)
                            $0.field("transport", message.transport)
                            $0.field("summary", message.summary)
                            $0.field("message", message.text)
                        }
                    }
                }
                writer.field("not_kept", trace.missing)
            }
            return Response.json(writer)
        }
    }
}
