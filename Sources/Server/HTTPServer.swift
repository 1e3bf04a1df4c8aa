public import Hummingbird
internal import HummingbirdCore
public import Logging
public import NIOCore
public import Orchestrator
internal import Telemetry

/// The door for people and programs: HTTP API, live events, metrics, health.
///
/// ```
/// connection ─► place? ─► upgrade? ─ no ─► reporting ─► access ─► router ─► Platform
///                            └ yes, GET /v1/events ─► access ─► EventSocket ─► EventBus
/// ```
public struct HTTPServer: Sendable {
    typealias Context = BasicRequestContext

    private let platform: Platform
    private let logger: Logger
    private let book: ConnectionBook

    /// Nothing listens before `application` runs; address and key are those of `platform`.
    public init(platform: Platform, logger: Logger) {
        self.init(platform: platform, logger: logger, limits: ConnectionLimits())
    }

    init(platform: Platform, logger: Logger, limits: ConnectionLimits) {
        self.platform = platform
        self.logger = logger
        book = ConnectionBook(limits, metrics: platform.metrics)
    }

    /// The service that listens; `onListening` is told the bound port.
    public func application(
        group: any EventLoopGroup, onListening: @escaping @Sendable (Int) async -> Void
    ) -> some ApplicationProtocol {
        let endpoint = platform.configuration.http
        let key = platform.configuration.apiKey
        let bus = platform.bus
        let book = self.book
        return Application(
            router: router(),
            server: HTTPServerBuilder { responder in
                EventUpgradeChannel(responder: responder, bus: bus, key: key, book: book)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(endpoint.host, port: endpoint.port), serverName: "trunkline"),
            onServerRunning: { channel in await onListening(channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(group),
            logger: logger)
    }

    func router() -> Router<Context> {
        let router = Router(context: Context.self)
        router.add(middleware: ReportingMiddleware(metrics: platform.metrics))
        router.add(middleware: AccessMiddleware(key: platform.configuration.apiKey))
        HealthRoutes(platform: platform).add(to: router)
        CallRoutes(platform: platform).add(to: router)
        TraceRoutes(platform: platform).add(to: router)
        TransferRoutes(platform: platform).add(to: router)
        LegRoutes(platform: platform).add(to: router)
        ControlRoutes(platform: platform).add(to: router)
        CampaignRoutes(platform: platform).add(to: router)
        OriginalRoutes(platform: platform).add(to: router)
        EventRoutes(bus: platform.bus).add(to: router)
        return router
    }
}
