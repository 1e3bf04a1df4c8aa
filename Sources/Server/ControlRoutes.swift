internal import Base
internal import CallModel
internal import HTTPTypes
internal import Hummingbird
internal import Orchestrator

/// What is done to the media of a live call or a bare leg: `POST /v1/calls/{id}/…` and
/// `POST /v1/legs/{id}/…` with `play`, `stop`, `dtmf`, `record`, `hold`, `resume`, `transcript`,
/// `bridge`, `listen`, `whisper`, `barge`; and `/v1/links`.
struct ControlRoutes {
    let platform: Platform

    /// Length of a digit, ms, when the request names none.
    static let digitMilliseconds = 100

    struct Play: Decodable {
        var path: String?
        var url: String?
        var loop: Bool?
        var mix: Bool?
    }

    struct Digits: Decodable {
        var digits: String
        var duration_ms: Int?
    }

    struct Record: Decodable {
        var path: String?
        var stop: Bool?
    }

    struct Hold: Decodable { var music: String? }

    struct Transcript: Decodable { var text: String }

    struct Bridge: Decodable {
        var with: String
        var digits: Bool?
        var keep_bot: Bool?
    }

    struct Supervise: Decodable { var with: String }

    struct Link: Decodable {
        var from: String
        var to: String
        var tap: String?
        var gain: Double?
        var digits: Bool?
    }

    struct Change: Decodable {
        var gain: Double?
        var muted: Bool?
    }

    func add(to router: Router<HTTPServer.Context>) {
        addAudio(router, "/v1/legs/{id}", Self.leg)
        addAudio(router, "/v1/calls/{id}", Self.call)
        addLinks(router)
    }

    private typealias Naming = @Sendable (HTTPServer.Context) throws -> MediaParty

    @Sendable private static func leg(_ context: HTTPServer.Context) throws -> MediaParty {
        guard let id = LegID(description: try context.parameters.require("id")) else {
            throw APIError(.notFound("leg"))
        }
        return .leg(id)
    }

    @Sendable private static func call(_ context: HTTPServer.Context) throws -> MediaParty {
        .call(CallID(try context.parameters.require("id")))
    }

    private func addAudio(
        _ router: Router<HTTPServer.Context>, _ path: RouterPath, _ party: @escaping Naming
    ) {
        let group = router.group(path)
        group.post("play") { request, context in
            let body = try await request.decoded(as: Play.self)
            let id: Int
            switch (body.path, body.url) {
            case (let path?, nil):
                id = try await platform.play(
                    path: path, on: try party(context), loop: body.loop ?? false,
                    mix: body.mix ?? false)
            case (nil, let url?):
                id = try await platform.play(
                    url: url, on: try party(context), loop: body.loop ?? false,
                    mix: body.mix ?? false)
            default: throw APIError(.invalid("path", "give either path or url"))
            }
            var writer = JSONWriter()
            writer.object { $0.field("play_id", id) }
            return Response.json(writer, status: .accepted)
        }
        group.post("stop") { _, context in
            try await platform.stopPlaying(try party(context))
            return Response(status: .accepted)
        }
        group.post("dtmf") { request, context in
            let body = try await request.decoded(as: Digits.self)
            let length =
                try Field.range("duration_ms", body.duration_ms, 40...5000)
                ?? Self.digitMilliseconds
            try await platform.sendDigits(
                body.digits, milliseconds: length, on: try party(context))
            return Response(status: .accepted)
        }
        group.post("record") { request, context in
            let body = try await request.decoded(as: Record.self)
            switch (body.path, body.stop ?? false) {
            case (let path?, false):
                try await platform.startRecording(try party(context), path: path)
            case (nil, true): try await platform.stopRecording(try party(context))
            default:
                throw APIError(.invalid("path", "give either path, or stop: true"))
            }
            return Response(status: .accepted)
        }
        group.post("hold") { request, context in
            let body = try await request.decoded(as: Hold.self)
            try await platform.hold(try party(context), music: body.music)
            return Response(status: .accepted)
        }
        group.post("resume") { _, context in
            try await platform.resume(try party(context))
            return Response(status: .accepted)
        }
        group.post("transcript") { request, context in
            let body = try await request.decoded(as: Transcript.self)
            try await platform.hear(transcript: body.text, on: try party(context))
            return Response(status: .accepted)
        }
        addPeople(group, party)
    }

    private func addPeople(
        _ group: RouterGroup<HTTPServer.Context>, _ party: @escaping Naming
    ) {
        group.post("bridge") { request, context in
            let body = try await request.decoded(as: Bridge.self)
            let links = try await platform.bridge(
                try party(context), with: MediaParty(body.with), digits: body.digits ?? false,
                keepsBot: body.keep_bot ?? false)
            return Self.response(links, status: .created)
        }
        for kind in Supervision.allCases {
            group.post(RouterPath(kind.rawValue)) { request, context in
                let body = try await request.decoded(as: Supervise.self)
                let links = try await platform.supervise(
                    try party(context), by: MediaParty(body.with), kind)
                return Self.response(links, status: .created)
            }
        }
    }

    private func addLinks(_ router: Router<HTTPServer.Context>) {
        router.get("/v1/links") { _, _ in Self.response(await platform.links(), status: .ok) }
        router.post("/v1/links") { request, _ in
            let body = try await request.decoded(as: Link.self)
            let link = try await platform.connect(
                LinkRequest(
                    from: MediaParty(body.from), to: MediaParty(body.to),
                    tap: try Field.choice("tap", body.tap) ?? .received,
                    gainDecibels: try Self.gain(body.gain) ?? 0, digits: body.digits ?? false))
            return Self.response(link, status: .created)
        }
        router.get("/v1/links/{id}") { _, context in
            guard let link = await platform.link(try Self.link(context)) else {
                throw APIError(.notFound("link"))
            }
            return Self.response(link, status: .ok)
        }
        router.patch("/v1/links/{id}") { request, context in
            let body = try await request.decoded(as: Change.self)
            let id = try Self.link(context)
            let gain = try Self.gain(body.gain)
            guard await platform.change(id, gainDecibels: gain, isMuted: body.muted),
                let link = await platform.link(id)
            else { throw APIError(.notFound("link")) }
            return Self.response(link, status: .ok)
        }
        router.delete("/v1/links/{id}") { _, context in
            guard await platform.disconnect(try Self.link(context)) else {
                throw APIError(.notFound("link"))
            }
            return Response(status: .noContent)
        }
    }

    private static func link(_ context: HTTPServer.Context) throws -> LinkID {
        guard let id = LinkID(description: try context.parameters.require("id")) else {
            throw APIError(.notFound("link"))
        }
        return id
    }

    private static func gain(_ value: Double?) throws -> Double? {
        guard let value else { return nil }
        guard LinkRequest.gains.contains(value) else {
            throw APIError(.invalid("gain", "gain must be -60 to 12 (dB)"))
        }
        return value
    }

    private static func response(_ links: [LiveLink], status: HTTPResponse.Status) -> Response {
        var writer = JSONWriter()
        writer.object { writer in
            writer.array("links") { writer in
                for link in links { writer.object { write(link, to: &$0) } }
            }
        }
        return .json(writer, status: status)
    }

    private static func response(_ link: LiveLink, status: HTTPResponse.Status) -> Response {
        var writer = JSONWriter()
        writer.object { write(link, to: &$0) }
        return .json(writer, status: status)
    }

    private static func write(_ link: LiveLink, to writer: inout JSONWriter) {
        writer.field("link_id", link.id.description)
        writer.field("from", link.from.description)
        writer.field("to", link.to.description)
        writer.field("tap", link.tap.rawValue)
        writer.field("digits", link.digits)
        writer.field("muted", link.isMuted)
        writer.field("sample_rate", link.sampleRate)
    }
}
