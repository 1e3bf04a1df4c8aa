internal import Base
internal import CallModel
internal import Hummingbird
internal import Orchestrator

/// `POST /v1/legs`, `GET` and `DELETE /v1/legs/{id}`: media legs without SIP.
struct LegRoutes {
    let platform: Platform

    struct Body: Decodable {
        struct Options: Decodable {
            var detection: Bool?
            var record: String?
            /// Receive on a port that legs share, where there are such (`rtp.shared_ports`).
            var shared_port: Bool?
            /// Transcripts will come: who answered waits for them.
            var transcript: Bool?
            var answer_policy: String?
        }
        var offer: String
        /// `echo`, `stream`, `bridge` or `silence`; absent: `stream` when a URL is given, else `echo`.
        var mode: String?
        /// As seen from the far end; a leg follows its offer, so this is only checked.
        var direction: String?
        var stream_url: String?
        var options: Options?
    }

    func add(to router: Router<HTTPServer.Context>) {
        router.post("/v1/legs") { request, _ in
            let body = try await request.decoded(as: Body.self)
            if let direction = body.direction,
                !["sendrecv", "sendonly", "recvonly", "inactive"].contains(direction)
            {
                throw APIError(
                    .invalid(
                        "direction",
                        "direction must be one of: sendrecv, sendonly, recvonly, inactive"))
            }
            let mode: LegRequest.Mode
            switch body.mode {
            case nil: mode = body.stream_url == nil ? .echo : .stream
            case let word?:
                guard let known = LegRequest.Mode(rawValue: word) else {
                    throw APIError(
                        .invalid("mode", "mode must be one of: echo, stream, silence, bridge"))
                }
                mode = known
            }
            var leg = LegRequest(
                offer: body.offer, mode: mode, streamURL: body.stream_url,
                detection: body.options?.detection ?? true,
                recordingPath: body.options?.record,
                sharesPort: body.options?.shared_port ?? false)
            leg.expectsTranscript = body.options?.transcript ?? false
            leg.answerPolicy = try Field.choice(
                "options.answer_policy", body.options?.answer_policy)
            guard leg.detection || leg.answerPolicy == nil else {
                throw APIError(
                    .invalid(
                        "options.answer_policy",
                        "options.answer_policy needs options.detection: nobody would hear who answers"
                    ))
            }
            guard leg.detection || !leg.expectsTranscript else {
                throw APIError(
                    .invalid(
                        "options.transcript",
                        "options.transcript needs options.detection: nobody would be told who answers"
                    ))
            }
            return Self.response(try await platform.createLeg(leg), status: .created)
        }
        router.get("/v1/legs/{id}") { _, context in
            guard let leg = await platform.leg(try Self.id(context)) else {
                throw APIError(.notFound("leg"))
            }
            return Self.response(leg, status: .ok)
        }
        router.delete("/v1/legs/{id}") { _, context in
            guard await platform.removeLeg(try Self.id(context)) else {
                throw APIError(.notFound("leg"))
            }
            return Response(status: .noContent)
        }
    }

    private static func id(_ context: HTTPServer.Context) throws -> LegID {
        guard let id = LegID(description: try context.parameters.require("id")) else {
            throw APIError(.notFound("leg"))
        }
        return id
    }

    private static func response(
        _ leg: LegDescription, status: HTTPResponse.Status
    ) -> Response {
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("leg_id", leg.id.description)
            writer.field("mode", leg.mode.rawValue)
            writer.field("port", leg.port)
            writer.field("created_at", leg.createdAt.iso8601)
            writer.field("answer", leg.answer)
            writer.write(leg.events)
        }
        return .json(writer, status: status)
    }
}
