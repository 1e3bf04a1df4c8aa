internal import ArgumentParser
internal import Base
internal import CallModel
internal import Foundation
internal import Logging
internal import NIOPosix
internal import Orchestrator

/// `trunkline call`: one call from the command line, its events on standard output.
struct Call: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Place one call and print what happens.",
        discussion: """
            Exit code 0 when the call was answered, 1 when it was not. A telephone number passes \
            the compliance gate unless the address is on this machine.
            """)

    @Argument(help: "sip:USER@HOST[:PORT]")
    var target: String
    @Option(help: "WAV file to play to a person.")
    var play: String?
    @Option(help: "WebSocket URL of a bot to connect a person to.")
    var stream: String?
    @Option(
        name: .customLong("transcript-url"),
        help: "WebSocket URL of a recogniser that hears who answers and says what it understands.")
    var transcriptURL: String?
    @Option(help: "WAV file to record to: left received, right sent.")
    var record: String?
    @Option(help: "WAV file to leave on a voicemail after its beep.")
    var voicemail: String?
    @Flag(help: "Print one JSON object a line.")
    var json = false
    @Option(help: "User part of the From address.")
    var from: String?
    @Option(name: .customLong("ring-timeout"), help: "Seconds to let it ring.")
    var ringTimeout = 30
    @Option(name: .customLong("max-seconds"), help: "Seconds after which the call is ended.")
    var maximumSeconds = 600
    @Flag(
        name: .customLong("no-detect"),
        help: "Start at once on answer instead of waiting for the answer verdict.")
    var noDetect = false
    @Option(
        name: .customLong("answer-policy"),
        help: "How soon it is said who answered: fast, balanced or careful.")
    var answerPolicy: String?
    @Option(help: "Local SIP address, HOST:PORT; port 0 lets the system choose.")
    var sip = "127.0.0.1:0"
    @Option(name: .customLong("rtp-address"), help: "Local address of the media socket.")
    var rtpAddress = "127.0.0.1"
    @Option(name: .customLong("rtp-ports"), help: "UDP port range of media, FIRST-LAST.")
    var rtpPorts = "20000-39999"
    @Option(help: "YAML configuration file (trunk credentials, do-not-call lists).")
    var config: String?

    func run() async throws {
        let answered = try await exiting { try await place() }
        if !answered { throw ExitCode.failure }
    }

    /// Places the call, prints its events, and tells whether it was answered.
    private func place() async throws -> Bool {
        guard target.hasPrefix("sip:"), target.contains("@") else {
            throw PlatformConfiguration.Invalid("\(target) is not sip:USER@HOST[:PORT]")
        }
        var settings = PlatformConfiguration()
        if let config { try await ConfigurationFile.apply(path: config, to: &settings) }
        settings.sip = try Parse.endpoint("--sip", sip)
        settings.rtpAddress = rtpAddress
        settings.rtpPorts = try Parse.ports("--rtp-ports", rtpPorts)
        settings.workers = 1
        settings.audioDirectories = ["/"]
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("trunkline-call-\(UUID().uuidString)").path
        settings.dataDirectory = directory
        let call = try request(settings)
        defer { try? FileManager.default.removeItem(atPath: directory) }

        var logger = Logger(label: "trunkline") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let platform = try Platform(configuration: settings, group: group, logger: logger)
        guard let events = platform.bus.subscribe() else { return false }
        let printer = EventPrinter(json: json)
        let running = Task {
            do {
                try await platform.run { _, _ in _ = try await platform.placeCall(call) }
            } catch {
                Console.error("\(error)")
                platform.bus.finish()
            }
        }
        signal(SIGINT, SIG_IGN)
        let interrupt = DispatchSource.makeSignalSource(signal: SIGINT)
        interrupt.setEventHandler {
            Task { for live in await platform.liveCalls() { _ = await platform.hangUp(live.id) } }
        }
        interrupt.resume()
        var answered = false
        for await event in events {
            printer.print(event)
            if case .answered = event.kind { answered = true }
            if case .ended = event.kind { break }
        }
        interrupt.cancel()
        running.cancel()
        await platform.shutdown()
        await running.value
        try? await group.shutdownGracefully()
        return answered
    }

    /// What the options ask for.
    func request(_ settings: PlatformConfiguration) throws -> CallRequest {
        var request = CallRequest(
            to: target, from: from.flatMap { try? PhoneNumber($0) } ?? settings.callerID,
            streamURL: stream, playPath: play.map(absolute), voicemailPath: voicemail.map(absolute),
            record: record != nil, recordingPath: record.map(absolute), detectAnswer: !noDetect,
            ringTimeoutSeconds: ringTimeout, maximumSeconds: maximumSeconds)
        request.isLocalTest = true
        request.transcriptURL = transcriptURL
        request.answerPolicy = try answerPolicy.map {
            try DetectionKeys.policyName("--answer-policy", $0)
        }
        return request
    }

    private func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}

/// Prints call events for a script (JSON lines) or a person (seconds since the first event).
final class EventPrinter {
    private let json: Bool
    private var origin: WallTime?

    init(json: Bool) { self.json = json }

    func print(_ event: CallEvent) {
        if json {
            Console.line(event.json)
            return
        }
        let start = origin ?? event.at
        origin = start
        let seconds = decimal((event.at - start).seconds, 2)
        Console.line("\(seconds)s  \(event.kind.name)  \(detail(event.kind))")
    }

    private func detail(_ kind: CallEvent.Kind) -> String {
        switch kind {
        case .beep(let start, let end, let frequency, let level):
            "\(start)-\(end) ms, \(decimal(frequency, 0)) Hz, \(decimal(level, 1)) dBm0"
        case .tone(let kind, let ms, let information):
            "\(information.map { "\(kind) \($0.rawValue)" } ?? kind) at \(ms) ms"
        case .dtmf(let digit, let source): "\(digit) (\(source))"
        case .verdict(let verdict, let final, let confidence, let reason, _):
            "\(verdict.rawValue)\(final ? "" : "?") \(decimal(confidence, 2)) \(reason)"
        case .speechStart(let ms), .speechEnd(let ms), .bargeIn(let ms), .greetingEnd(let ms),
            .readyForMessage(let ms):
            "at \(ms) ms"
        case .streamEnded(let reason), .recordingFailed(let reason): reason
        case .mark(let name): name
        case .linkEnded(let id, let reason): "\(id) \(reason)"
        case .playFinished(let id, let completed): "\(id)\(completed ? "" : " stopped")"
        case .identity(let result): result
        case .transfer(let status, let final, _): "\(status)\(final ? "" : " …")"
        case .optOut(let source): source
        case .recordingFinished(let path): path
        case .gateBlocked(let reasons): reasons.joined(separator: ", ")
        case .ended(let reason): reason.rawValue
        default: ""
        }
    }
}
