internal import Base
internal import Detection

/// Buffers and counters that all legs of one thread share: a leg uses them only inside one call, so
/// that a thousand legs need one set.
public struct LegWorkspace: ~Copyable {
    /// Samples of the longest payload that a leg takes, and of its resampled form.
    static let sampleCapacity = 4096
    /// Bytes of the largest packet that a leg sends, SRTP trailer included.
    static let packetCapacity = 2048

    let samples: UnsafeMutableBufferPointer<Int16>
    let resampled: UnsafeMutableBufferPointer<Int16>
    let packet: UnsafeMutableRawBufferPointer
    var detections = Outbox<DetectionEvent>(reserving: 64)

    /// Totals of every leg that used this workspace.
    public var counters = MediaCounters()
    /// Set when a bridge got samples or gave some up: its stream side has something to do.
    public var touchedBridge = false

    public init() {
        samples = .allocate(capacity: Self.sampleCapacity)
        samples.initialize(repeating: 0)
        resampled = .allocate(capacity: Self.sampleCapacity * 2)
        resampled.initialize(repeating: 0)
        packet = .allocate(byteCount: Self.packetCapacity, alignment: 16)
        packet.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        samples.deallocate()
        resampled.deallocate()
        packet.deallocate()
    }
}
