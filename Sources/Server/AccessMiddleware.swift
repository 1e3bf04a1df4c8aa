internal import Base
internal import CallModel
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Orchestrator
internal import Telemetry

/// Asks for the key where one is set. Health and metrics stay open: they carry no person's data, and
/// probes have no keys.
struct AccessMiddleware<Context: RequestContext>: RouterMiddleware {
    static var openPaths: Set<String> { ["/api/health", "/health", "/metrics"] }

    let key: Redacted<String>?

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard AccessRule.allows(request.head, path: request.uri.path, key: key) else {
            throw APIError(AccessRule.refusal)
        }
        return try await next(request, context)
    }
}

enum AccessRule {
    static let refusal = PlatformError(
        code: "unauthorized",
        message: "a valid key is needed: send `Authorization: Bearer KEY`", status: 401)

    static func allows(_ head: HTTPRequest, path: String, key: Redacted<String>?) -> Bool {
        guard let key else { return true }
        if AccessMiddleware<BasicRequestContext>.openPaths.contains(path) { return true }
        guard let header = head.headerFields[.authorization], header.hasPrefix("Bearer ") else {
            return false
        }
        return equalInConstantTime(Array(header.dropFirst(7).utf8), Array(key.value.utf8))
    }

    /// Takes as long for a wrong first byte as for a wrong last one.
    static func equalInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        var difference = UInt8(a.count == b.count ? 0 : 1)
        for index in 0..<max(a.count, b.count) {
            difference |= (index < a.count ? a[index] : 0) ^ (index < b.count ? b[index] : 0)
        }
        return difference == 0
    }
}

/// Counts requests, turns every error into the API's error shape.
struct ReportingMiddleware<Context: RequestContext>: RouterMiddleware {
    let metrics: MetricsRegistry

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let response: Response
        do {
            response = try await next(request, context)
        } catch let error as APIError {
            response = error.response
        } catch let error as PlatformError {
            response = APIError(error).response
        } catch let error as HTTPError {
            let missing = error.status == .notFound
            response =
                APIError(
                    PlatformError(
                        code: missing ? "not_found" : "http_error",
                        message: error.body ?? (missing ? "no such resource" : "\(error.status)"),
                        status: error.status.code)
                ).response
        } catch {
            context.logger.error("request failed", metadata: ["error": "\(type(of: error))"])
            response =
                APIError(
                    PlatformError(
                        code: "internal_error", message: "the request could not be carried out",
                        status: 500)
                ).response
        }
        metrics.counter(
            Catalogue.httpRequests, [request.method.rawValue, String(response.status.code)]
        ).increment()
        return response
    }
}
