internal import ArgumentParser
internal import Base
internal import Foundation
internal import Hummingbird
internal import Logging
internal import NIOPosix
internal import Orchestrator
internal import Server
internal import ServiceLifecycle

/// `trunkline serve`: the server.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the server: SIP, media, HTTP API, campaigns.")

    @Option(help: "YAML configuration file; flags overrule it.")
    var config: String?
    @Option(help: "Address of the HTTP API, HOST:PORT.")
    var http: String?
    @Option(help: "Address of the SIP socket, HOST:PORT.")
    var sip: String?
    @Option(name: .customLong("rtp-address"), help: "Local address of media sockets.")
    var rtpAddress: String?
    @Option(name: .customLong("rtp-ports"), help: "UDP port range of media, FIRST-LAST.")
    var rtpPorts: String?
    @Option(help: "Data directory: database, recordings.")
    var data: String?
    @Option(help: "Media worker threads; 0 is one a core less one.")
    var workers: Int?
    @Option(help: "CPUs to pin media workers to, as 1,2,3.")
    var cpus: String?
    @Option(name: .customLong("log-level"), help: "trace, debug, info, notice, warning, error.")
    var logLevel: String?

    func run() async throws {
        let settings = try await exiting { try await platformConfiguration() }
        let logger = try exiting { try makeLogger() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let platform = try exiting {
            try Platform(configuration: settings, group: group, logger: logger)
        }
        let service = PlatformService(platform: platform, logger: logger)
        let http = HTTPServer(platform: platform, logger: logger)
            .application(group: group) { port in
                Console.line("http  listening on \(settings.http.host):\(port)")
            }
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup),
                    .init(
                        service: http, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await exiting(settings) { try await services.run() }
        try? await group.shutdownGracefully()
    }

    private func makeLogger() throws -> Logger {
        var logger = Logger(label: "trunkline") { StreamLogHandler.standardError(label: $0) }
        let text = logLevel ?? ProcessInfo.processInfo.environment["LOG_LEVEL"] ?? "info"
        guard let level = Logger.Level(rawValue: text.lowercased()) else {
            throw PlatformConfiguration.Invalid(
                "--log-level \(text) is not known: use trace, debug, info, notice, warning or error"
            )
        }
        logger.logLevel = level
        return logger
    }

    func platformConfiguration() async throws -> PlatformConfiguration {
        var settings = PlatformConfiguration()
        if let config { try await ConfigurationFile.apply(path: config, to: &settings) }
        if let key = ProcessInfo.processInfo.environment["TRUNKLINE_API_KEY"], !key.isEmpty {
            settings.apiKey = Redacted(key)
        }
        if let http { settings.http = try Parse.endpoint("--http", http) }
        if let sip { settings.sip = try Parse.endpoint("--sip", sip) }
        if let rtpAddress { settings.rtpAddress = rtpAddress }
        if let rtpPorts { settings.rtpPorts = try Parse.ports("--rtp-ports", rtpPorts) }
        if let data { settings.dataDirectory = data }
        if let workers { settings.workers = workers }
        if let cpus { settings.cpus = try Parse.cpus("--cpus", cpus) }
        return settings
    }
}

/// Runs the platform inside the service group: ends it when the group ends.
struct PlatformService: Service {
    let platform: Platform
    let logger: Logger

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            try await platform.run { host, port in
                Console.line("sip   listening on \(host):\(port)")
            }
        }
        await platform.shutdown()
    }
}

/// Runs `body`; an error becomes one clear line on standard error and exit code 1.
func exiting<Result>(
    _ settings: PlatformConfiguration? = nil, _ body: () async throws -> Result
) async throws -> Result {
    do { return try await body() } catch { throw Console.exit(error, settings) }
}

func exiting<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch { throw Console.exit(error, nil) }
}
