internal import Audio
internal import Logging
internal import NIOCore

/// A handle on one media stream. Calls return at once and take effect on the stream's event loop.
public final class StreamSession: Sendable {
    /// The request's stream identifier.
    public let id: String
    private let loop: any EventLoop
    private let bound: NIOLoopBoundBox<SessionCore>

    init(
        request: StreamRequest, bridge: AudioBridge, limits: StreamLimits, meters: StreamMeters,
        logger: Logger, loop: any EventLoop, events: @escaping @Sendable (StreamEvent) -> Void
    ) {
        id = request.streamID
        self.loop = loop
        bound = .makeBoxSendingValue(
            SessionCore(
                request: request, bridge: bridge, limits: limits, meters: meters, logger: logger,
                loop: loop, events: events), eventLoop: loop)
    }

    /// On the loop only.
    var core: SessionCore { bound.value }

    /// Tells the bot of a digit the callee pressed (0–9, `*`, `#`, A–D; anything else is ignored).
    /// Before the stream is open the digit waits for `start`.
    public func sendDTMF(_ digit: Character) {
        loop.execute { self.core.sendDTMF(digit) }
    }

    /// Ends the stream in order: what has been received goes out, then `stop`, then the closing
    /// handshake. `ended` follows, also when the bot never answers.
    public func stop() {
        loop.execute { self.core.stop(reason: "stopped") }
    }

    /// The stream's counts so far.
    public func statistics() async -> StreamStatistics {
        (try? await loop.submit { self.core.statistics }.get()) ?? StreamStatistics()
    }
}
