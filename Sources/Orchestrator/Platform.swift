internal import Audio
internal import Base
internal import CallModel
public import Logging
internal import MediaEngine
public import NIOCore
internal import Signalling
internal import Store
internal import Streaming
internal import Synchronization
public import Telemetry

/// The whole platform, wired: what `trunkline serve` runs and what the HTTP edge speaks to.
///
/// Start order is the order of need (store, streams, media, signalling), end order its reverse, so
/// that a call never meets a part that is gone.
public final class Platform: Sendable {
    /// In the User-Agent header, `trunkline --version` and the metric `build_info`.
    public static let version = "0.1.0"

    /// As checked by `init`; nothing changes it later.
    public let configuration: PlatformConfiguration
    /// Events of all calls and bare legs.
    public let bus = EventBus()
    /// What `GET /metrics` shows.
    public let metrics = MetricsRegistry()

    let logger: Logger
    let store: Store
    let desk: GateDesk
    let optOuts: OptOutKeeper
    let center = CallCenter()
    let engine: MediaEngine
    let hub: StreamHub
    let agent: CallAgent
    let runner: CampaignRunner
    let files: MediaFiles
    let fetcher: ClipFetcher
    let scripts: ScriptWriter
    let recordings: String
    /// Of recordings that the server names: `wav` or `opus`.
    let recordingExtension: String
    /// The call centre and its clock: they outlive the cancellation of `run`, since live calls end
    /// through them.
    private let background = Mutex<[Task<Void, Never>]>([])

    /// Opens the store and the media engine; nothing is dialled or answered before `run`.
    public init(
        configuration: PlatformConfiguration, group: any EventLoopGroup, logger: Logger
    ) throws {
        try configuration.validate()
        self.configuration = configuration
        self.logger = logger
        recordings = configuration.dataDirectory + "/recordings"
        try Self.makeDirectories(configuration.dataDirectory, recordings)
        metrics.gauge(Catalogue.buildInfo, [Self.version]).set(1)
        let writes = metrics.counter(Catalogue.storeWrites)
        let writeSeconds = metrics.histogram(Catalogue.storeWriteSeconds)
        store = try Store(path: configuration.dataDirectory + "/trunkline.sqlite") { seconds in
            writes.increment()
            writeSeconds.observe(seconds)
        }
        desk = try GateDesk(
            settings: configuration.compliance, store: store, metrics: metrics, logger: logger)
        optOuts = OptOutKeeper(
            desk: desk, store: store, directory: configuration.dataDirectory, logger: logger)
        scripts = ScriptWriter(configuration.languageModel, logger: logger)
        fetcher = ClipFetcher(allowsPrivate: configuration.allowsPrivateAudioHosts)
        files = MediaFiles(
            roots: [configuration.dataDirectory] + configuration.audioDirectories)
        // Read now: a call that meets a clip must not wait for a disk.
        for case .play(let path) in configuration.routes.values {
            do { _ = try files.clip(path, field: "routes") } catch {
                logger.warning("a routed clip is not usable", metadata: ["reason": "\(error)"])
            }
        }
        hub = try StreamHub(
            group: group, metrics: metrics, logger: logger, defaults: configuration.streams)
        let feed = center.feed
        var media = MediaEngineConfiguration(
            address: configuration.rtpAddress, ports: configuration.rtpPorts,
            workers: configuration.workers, cpus: configuration.cpus,
            mediaTimeout: configuration.mediaTimeoutSeconds > 0
                ? .seconds(Int64(configuration.mediaTimeoutSeconds)) : nil,
            streamWakeFD: hub.wakeFD, recordingDirectory: recordings,
            warn: { line in logger.warning("\(line)") })
        media.streamWakePeriod = .milliseconds(Int64(configuration.streams.gatherMilliseconds))
        media.sharedPorts = configuration.rtpSharedPorts
        media.receiveBuffer = configuration.receiveBuffer
        media.learnsAnyHost = configuration.learnsAnyHost
        media.srtpBackend = configuration.srtpBackend
        media.opusRecording = OpusRecordingOptions(
            bitrate: configuration.recordingBitrate,
            complexity: configuration.recordingComplexity)
        engine = try MediaEngine(media, metrics: metrics) { events in feed.yield(.engine(events)) }
        agent = CallAgent(
            Self.signalling(configuration),
            group: group, metrics: metrics, logger: logger
        ) { call in feed.yield(.inbound(call)) }
        let directory = recordings
        let ending = configuration.recordsOpus ? "opus" : "wav"
        recordingExtension = ending
        runner = CampaignRunner(
            CampaignRunner.Parts(
                store: store, desk: desk, center: center, files: files, bus: bus,
                metrics: metrics, logger: logger,
                target: { $0.e164 },
                recordingPath: { "\(directory)/\($0.value).\(ending)" },
                transcriptURL: configuration.transcriptURL))
    }

    private static func signalling(
        _ configuration: PlatformConfiguration
    ) -> SignallingConfiguration {
        var sip = configuration.signalling
        sip.host = configuration.sip.host
        sip.port = configuration.sip.port
        sip.publicHost = configuration.sipPublicHost
        sip.userAgent = "Trunkline/\(version)"
        sip.maximumCalls = configuration.maximumCalls
        if sip.trunks.isEmpty, let trunk = configuration.trunk {
            sip.trunks = [
                TrunkConfiguration(
                    host: trunk.endpoint.host, port: trunk.endpoint.port, transport: .udp,
                    username: trunk.username, password: trunk.password, domain: trunk.domain)
            ]
        }
        return sip
    }

    /// Recovers what a crash interrupted, binds SIP, resumes running campaigns; then works until
    /// the task is cancelled.
    public func run(onReady: @escaping @Sendable (String, Int) async throws -> Void) async throws {
        let interrupted = try await store.recoverInterrupted(now: SystemClock.wall)
        if !interrupted.isEmpty {
            logger.warning(
                "attempts of a former run were interrupted and recorded as such",
                metadata: ["count": "\(interrupted.count)"])
        }
        try await optOuts.recover()
        await center.attach(parts())
        startCenter()
        let bound = try await agent.start()
        for campaign in try await store.campaigns() where campaign.status == .running {
            do {
                try await runner.start(campaign)
            } catch {
                logger.error(
                    "campaign not resumed",
                    metadata: ["campaign": "\(campaign.id)", "reason": "\(error)"])
                try await store.setStatus(.paused, of: campaign.id)
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.runner.run() }
            group.addTask { try await onReady(bound.host, bound.port) }
            // The group's tasks end when the service is cancelled, or cannot begin: what `onReady` throws
            // ends the other, which `waitForAll` would wait for.
            for try await _ in group {}
        }
    }

    private func startCenter() {
        let center = self.center
        background.withLock { tasks in
            tasks.append(Task { await center.run() })
            tasks.append(
                Task {
                    while !Task.isCancelled {
                        center.feed.yield(.tick)
                        try? await Task.sleep(for: .milliseconds(50))
                    }
                })
        }
    }

    /// Ends live calls, waits (bounded) for their records, closes every part. Call after `run` has
    /// returned.
    public func shutdown() async {
        await center.drain()
        await settle(within: .seconds(5))
        // Calls whose far end did not answer the BYE get their `ended` from this.
        await agent.shutdown()
        await settle(within: .seconds(5))
        bus.finish()
        engine.shutdown()
        await scripts.shutdown()
        await hub.shutdown()
        center.feed.finish()
        for task in background.withLock({ $0 }) {
            task.cancel()
            await task.value
        }
        optOuts.sayFarewell()
        do { try store.close() } catch {
            logger.error("the store did not close cleanly", metadata: ["reason": "\(error)"])
        }
    }

    /// Waits until every call has ended and has its record in the store. Not cut short by
    /// cancellation: what is being waited for has to be on disk.
    private func settle(within limit: Interval) async {
        let center = self.center
        await Task.detached {
            let deadline = SystemClock.instant + limit
            while await !center.isSettled, SystemClock.instant < deadline {
                try? await Task.sleep(for: .milliseconds(20))
            }
        }.value
    }

    private func parts() -> CallCenter.Parts {
        CallCenter.Parts(
            engine: engine, agent: agent, hub: hub, bus: bus, metrics: metrics, logger: logger,
            streamTrust: configuration.streamTrustPath.map { .pem(file: $0) } ?? .system,
            localAddress: configuration.rtpAddress, negotiation: configuration.negotiation,
            trunkNegotiation: configuration.trunk?.negotiation ?? configuration.negotiation,
            certificate: engine.dtlsFingerprint(),
            sharesPorts: configuration.trunk?.sharedPort ?? false,
            maximumCalls: configuration.maximumCalls,
            optOut: { [optOuts] number, source, call in
                await optOuts.keep(
                    OptOutJournal.Entry(
                        number: number, source: source, call: call, at: SystemClock.wall))
            },
            answerPolicy: configuration.answerPolicy,
            informationGrace: configuration.informationGrace,
            route: { [self] call in route(call) })
    }

    private static func makeDirectories(_ paths: String...) throws {
        for path in paths {
            do {
                try FileSystem.makePrivateDirectory(path)
            } catch {
                throw PlatformConfiguration.Invalid(
                    "the data directory \(path) cannot be made (\(error)): choose another with "
                        + "--data or correct its permissions")
            }
        }
    }
}
