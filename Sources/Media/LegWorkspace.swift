internal import Base
internal import Detection

/// Buffers and counters that all legs of one thread share: a leg uses them only inside one call, so
/// that a thousand legs need one set.
public struct LegWorkspace: ~Copyable {
    /// Samples of the longest payload that a leg takes, and of its resampled form.
    static let sampleCapacity = 4096
    static let gapCapacity = 2048
    /// Bytes of the largest packet that a leg sends, SRTP trailer included.
    static let packetCapacity = 2048

    let samples: UnsafeMutableBufferPointer<Int16>
    let resampled: UnsafeMutableBufferPointer<Int16>
    /// What fills a gap, while `samples` holds what follows it. Longer than any Opus packet.
    let gap: UnsafeMutableBufferPointer<Int16>
    let packet: UnsafeMutableRawBufferPointer
    var detections = Outbox<DetectionEvent>(reserving: 64)

    /// Totals of every leg that used this workspace.
    public var counters = MediaCounters()
    /// Under load: detectors leave out their optional work (`DetectorChain.isEconomical`).
    public var shedsDetection = false
    /// Opus encoders of these legs work no harder than this, 0…10, from their next frame on: load
    /// lowers it.
    public var opusComplexityLimit = 10
    /// Set when a bridge got samples or gave some up: its stream side has something to do.
    public var touchedBridge = false
    /// Set when the stream side of a bridge is behind (`AudioBridge.isBehind`).
    public var bridgeIsBehind = false
    /// Delays of playout buffers, seconds, one a second of each; the owner takes them.
    private var playoutDelays = Outbox<Double>(reserving: Self.playoutDelayLimit)
    /// Delays kept until the owner takes them; further ones are left out.
    static let playoutDelayLimit = 512

    /// Takes all memory that calls of the legs will need.
    public init() {
        samples = .allocate(capacity: Self.sampleCapacity)
        samples.initialize(repeating: 0)
        resampled = .allocate(capacity: Self.sampleCapacity * 2)
        resampled.initialize(repeating: 0)
        gap = .allocate(capacity: Self.gapCapacity)
        gap.initialize(repeating: 0)
        packet = .allocate(byteCount: Self.packetCapacity, alignment: 16)
        packet.initializeMemory(as: UInt8.self, repeating: 0)
    }

    mutating func notePlayoutDelay(milliseconds: Double) {
        guard playoutDelays.count < Self.playoutDelayLimit else { return }
        playoutDelays.push(milliseconds / 1000)
    }

    /// Hands out the delays noted since the last call.
    public mutating func takePlayoutDelays(_ body: (Double) -> Void) {
        playoutDelays.drain(body)
    }

    deinit {
        samples.deallocate()
        resampled.deallocate()
        gap.deallocate()
        packet.deallocate()
    }
}
