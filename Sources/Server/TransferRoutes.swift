internal import Base
internal import CallModel
internal import HTTPTypes
internal import Hummingbird
internal import Orchestrator

/// `POST /v1/calls/{id}/transfer`: hands a live call over to somebody else.
struct TransferRoutes {
    let platform: Platform

    enum Way: String, CaseIterable {
        /// We call the agent and bridge both.
        case bridge
        /// The far end calls the agent itself (SIP REFER).
        case refer
    }

    struct Body: Decodable {
        var to: String
        var way: String?
        var from: String?
        var music: String?
        var ring_timeout_seconds: Int?
        var maximum_seconds: Int?
        var headers: [String: String]?
        var consulted: String?
    }

    func add(to router: Router<HTTPServer.Context>) {
        router.post("/v1/calls/{id}/transfer") { request, context in
            let body = try await request.decoded(as: Body.self)
            let call = CallID(try context.parameters.require("id"))
            var writer = JSONWriter()
            switch try Field.choice("way", body.way) ?? Way.bridge {
            case .refer:
                guard body.music == nil, body.headers == nil, body.from == nil else {
                    throw APIError(
                        .invalid("way", "music, headers and from are for the way bridge"))
                }
                try await platform.transfer(
                    call, to: body.to, consulted: body.consulted.map { CallID($0) })
                writer.object { $0.field("way", Way.refer.rawValue) }
            case .bridge:
                guard body.consulted == nil else {
                    throw APIError(
                        .invalid(
                            "consulted",
                            "consulted is for the way refer; calls that are both live are bridged "
                                + "by /bridge"))
                }
                let agent = try await platform.transfer(call, to: try Self.agent(body))
                writer.object {
                    $0.field("way", Way.bridge.rawValue)
                    $0.field("call_id", agent.value)
                }
            }
            return Response.json(writer, status: .accepted)
        }
    }

    private static func agent(_ body: Body) throws -> AgentRequest {
        AgentRequest(
            to: body.to, from: try Field.number("from", body.from), musicPath: body.music,
            ringTimeoutSeconds: try Field.range(
                "ring_timeout_seconds", body.ring_timeout_seconds, 1...180) ?? 30,
            maximumSeconds: try Field.range("maximum_seconds", body.maximum_seconds, 1...86_400)
                ?? 7200,
            headers: body.headers ?? [:])
    }
}
