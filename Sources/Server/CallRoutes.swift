internal import Base
internal import CallModel
internal import HTTPTypes
internal import Hummingbird
internal import Orchestrator

/// `POST /v1/calls`, `GET` and `DELETE /v1/calls/{id}`, `GET /v1/calls`.
struct CallRoutes {
    let platform: Platform

    struct Body: Decodable {
        var to: String
        var from: String?
        var stream_url: String?
        var play: String?
        var voicemail: String?
        var record: Bool?
        var detect_answer: Bool?
        var ring_timeout_seconds: Int?
        var maximum_seconds: Int?
        var consent: String?
        var consent_at: String?
        var purpose: String?
        var state: String?
        var zone: String?
        var parameters: [String: String]?
        var transcript_url: String?
        var answer_policy: String?

        func request() throws -> CallRequest {
            var request = CallRequest(
                to: to, from: try Field.number("from", from), streamURL: stream_url,
                playPath: play, voicemailPath: voicemail, record: record ?? false,
                detectAnswer: detect_answer ?? true,
                ringTimeoutSeconds: try Field.range(
                    "ring_timeout_seconds", ring_timeout_seconds, 1...180) ?? 30,
                maximumSeconds: try Field.range("maximum_seconds", maximum_seconds, 1...86_400)
                    ?? 600,
                consent: try Field.choice("consent", consent) ?? .none,
                consentAt: try Field.time("consent_at", consent_at),
                purpose: try Field.choice("purpose", purpose) ?? .marketing, state: state,
                statedZone: zone, streamParameters: parameters ?? [:])
            request.transcriptURL = transcript_url
            request.answerPolicy = try Field.choice("answer_policy", answer_policy)
            return request
        }
    }

    func add(to router: Router<HTTPServer.Context>) {
        router.post("/v1/calls") { request, _ in
            let call = try await request.decoded(as: Body.self).request()
            let id = try await platform.placeCall(call)
            var writer = JSONWriter()
            writer.object { $0.field("call_id", id.value) }
            return Response.json(writer, status: .accepted)
        }
        router.get("/v1/calls") { request, _ in
            let limit = min(request.uri.queryParameters.get("limit", as: Int.self) ?? 100, 1000)
            let live = await platform.liveCalls()
            let records = try await platform.records(campaign: nil, limit: max(limit, 0))
            var writer = JSONWriter()
            writer.object { writer in
                writer.array("live") { writer in
                    for call in live { writer.write(call, events: false) }
                }
                writer.array("records") { writer in
                    for record in records { writer.write(record, events: false) }
                }
            }
            return Response.json(writer)
        }
        router.get("/v1/calls/{id}") { _, context in
            let id = CallID(try context.parameters.require("id"))
            var writer = JSONWriter()
            if let call = await platform.liveCall(id) {
                writer.write(call, events: true)
            } else if let record = try await platform.record(id) {
                writer.write(record, events: true)
            } else {
                throw APIError(.notFound("call"))
            }
            return Response.json(writer)
        }
        router.delete("/v1/calls/{id}") { _, context in
            guard await platform.hangUp(CallID(try context.parameters.require("id"))) else {
                throw APIError(.notFound("live call"))
            }
            return Response(status: .accepted)
        }
    }
}

/// Reads one field of a request, or says which field is wrong and how.
enum Field {
    static func number(_ name: String, _ text: String?) throws -> PhoneNumber? {
        guard let text else { return nil }
        do { return try PhoneNumber(text) } catch {
            throw APIError(.invalid(name, "\(name) is not an E.164 number"))
        }
    }

    static func requiredNumber(_ name: String, _ text: String) throws -> PhoneNumber {
        guard let number = try number(name, text) else {
            throw APIError(.invalid(name, "\(name) is missing"))
        }
        return number
    }

    static func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ text: String?
    ) throws -> Choice? where Choice.RawValue == String {
        guard let text else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw APIError(.invalid(name, "\(name) must be one of: \(words)"))
        }
        return choice
    }

    static func range(_ name: String, _ value: Int?, _ range: ClosedRange<Int>) throws -> Int? {
        guard let value else { return nil }
        guard range.contains(value) else {
            throw APIError(
                .invalid(name, "\(name) must be \(range.lowerBound) to \(range.upperBound)"))
        }
        return value
    }

    static func time(_ name: String, _ text: String?) throws -> WallTime? {
        guard let text else { return nil }
        guard let time = WallTime(iso8601: text) else {
            throw APIError(.invalid(name, "\(name) must be an RFC 3339 time"))
        }
        return time
    }
}
