internal import CallModel
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore
internal import Orchestrator
internal import ServiceLifecycle

/// `GET /v1/events` as server-sent events (WHATWG HTML 9.2); the same path upgrades to WebSocket,
/// see `EventUpgradeChannel`. `?call_id=` or `?campaign_id=` narrow the feed.
struct EventRoutes {
    let bus: EventBus

    func add(to router: Router<HTTPServer.Context>) {
        router.get("/v1/events") { request, _ in
            let filter = EventFilter(request.uri.queryParameters)
            guard let events = bus.subscribe() else {
                throw APIError(
                    .unavailable("too_many_subscribers", "too many event subscribers"))
            }
            return Response(
                status: .ok,
                headers: [
                    .contentType: "text/event-stream", .cacheControl: "no-store",
                ],
                body: ResponseBody { writer in
                    // A client that goes says so by closing its side: without watching for it the
                    // subscription would live until the next event that the filter admits.
                    try await request.body.consumeWithCancellationOnInboundClose { _ in
                        try await writer.write(ByteBuffer(string: ": trunkline events\n\n"))
                        for await event in events.cancelOnGracefulShutdown()
                        where filter.admits(event) {
                            try await writer.write(
                                ByteBuffer(
                                    string: "event: \(event.kind.name)\ndata: \(event.json)\n\n"))
                        }
                    }
                    try await writer.finish(nil)
                })
        }
    }
}

/// Which events a subscriber asked for.
struct EventFilter: Sendable {
    var call: CallID?
    var campaign: CampaignID?

    init(_ query: Parameters) {
        call = query.get("call_id").map { CallID($0) }
        campaign = query.get("campaign_id").map { CampaignID($0) }
    }

    init(path: String) { self.init(URI(path).queryParameters) }

    func admits(_ event: CallEvent) -> Bool {
        (call == nil || event.call == call) && (campaign == nil || event.campaign == campaign)
    }
}
