internal import Base
internal import Hummingbird
internal import Orchestrator
internal import Telemetry

/// `GET /api/health`, `GET /health`, `GET /metrics`.
struct HealthRoutes {
    let platform: Platform

    func add(to router: Router<HTTPServer.Context>) {
        router.get("/api/health") { _, _ in await health() }
        router.get("/health") { _, _ in await health() }
        router.get("/metrics") { _, _ in
            Response.text(
                platform.metrics.render(), type: "text/plain; version=0.0.4; charset=utf-8")
        }
    }

    /// 200 only when every socket is bound and the store is open.
    private func health() async -> Response {
        let checks = await platform.health()
        let healthy = checks.allSatisfy(\.healthy)
        var writer = JSONWriter()
        writer.object { writer in
            writer.field("status", healthy ? "ok" : "unhealthy")
            writer.field("version", Platform.version)
            writer.array("checks") { writer in
                for check in checks {
                    writer.object { writer in
                        writer.field("name", check.name)
                        writer.field("healthy", check.healthy)
                        writer.field("detail", check.detail)
                    }
                }
            }
        }
        return .json(writer, status: healthy ? .ok : .serviceUnavailable)
    }
}
