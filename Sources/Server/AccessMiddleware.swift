internal import Base
internal import CallModel
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Orchestrator
internal import Store
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
        if let refusal = AccessRule.refusal(request.head, path: request.uri.path, key: key) {
            throw APIError(refusal)
        }
        return try await next(request, context)
    }
}

enum AccessRule {
    static let unauthorized = PlatformError(
        code: "unauthorized",
        message: "a valid key is needed: send `Authorization: Bearer KEY`", status: 401)
    static let foreign = PlatformError(
        code: "foreign_origin",
        message: "without a key only programs of this machine are served, not web pages: "
            + "address the server as localhost or 127.0.0.1, or set a key", status: 403)

    /// Why a request may not be served; nil when it may.
    static func refusal(
        _ head: HTTPRequest, path: String, key: Redacted<String>?
    ) -> PlatformError? {
        if AccessMiddleware<BasicRequestContext>.openPaths.contains(path) { return nil }
        guard let key else {
            return isForeign(authority: head.authority, origin: head.headerFields[originName])
                ? foreign : nil
        }
        guard let header = head.headerFields[.authorization], header.hasPrefix("Bearer "),
            equalInConstantTime(Array(header.dropFirst(7).utf8), Array(key.value.utf8))
        else { return unauthorized }
        return nil
    }

    private static let originName = HTTPField.Name("Origin") ?? .referer

    /// A server without a key trusts everything on its machine. A browser there runs other
    /// people's pages: one that posts here says so in `Origin`, and one whose name was made to
    /// point here (DNS rebinding) asks for that name.
    static func isForeign(authority: String?, origin: String?) -> Bool {
        let authority = authority?.lowercased()
        if let origin = origin?.lowercased() {
            guard let authority, origin == "http://" + authority else { return true }
        }
        guard let authority else { return false }
        let host =
            authority.hasPrefix("[")
            ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        return !PlatformConfiguration.Endpoint(host: String(host), port: 0).isLoopback
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
    /// Methods with a label of their own. A client may make up any word; it must not use up the
    /// metric's label sets.
    static var methods: Set<String> {
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    }

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
        } catch let error as StoreError {
            // Its descriptions hold nothing that is stored.
            context.logger.error("the store refused", metadata: ["reason": "\(error)"])
            response = APIError(PlatformError(error)).response
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
        let method = request.method.rawValue
        metrics.counter(
            Catalogue.httpRequests,
            [Self.methods.contains(method) ? method : "other", String(response.status.code)]
        ).increment()
        return response
    }
}
