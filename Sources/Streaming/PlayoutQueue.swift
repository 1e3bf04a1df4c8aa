public import Audio
internal import Base

//  media, any size ─▶ enqueue ─▶ [own queue, µ-law, bounded] ─topUp─▶ bridge.playout ─▶ RTP
//  mark ─▶ enqueueMark, at the position after the audio before it        sentPosition │
//                 └─────────── takeDueMark ◀── position ≤ sentPosition ◀─────────────┘
//  clear ─▶ both queues empty, every outstanding mark at once and in order

/// The bot's side of playout, as a value without I/O: what the bot sent and the leg has not taken
/// yet, and the marks between.
///
/// Positions are absolute sample counts on `bridge.playout`, of which this queue must be the only
/// writer. The leg's clock drives everything: it takes samples from the bridge, sends them and moves
/// `sentPosition`, which is what makes a mark due.
public struct PlayoutQueue: Sendable {
    private struct Mark: Sendable {
        let name: String
        let position: Int
    }

    /// Samples the queue may hold; see `StreamLimits.maximumPlayoutMilliseconds`.
    public let maximumSamples: Int
    public let maximumMarks: Int
    /// Samples dropped because the queue was full, since the start.
    public private(set) var droppedSamples = 0

    private var audio = ByteQueue()
    /// Absolute position of the first sample of `audio`: everything before it is on the bridge.
    private var handedOver: Int
    /// Positions up to here count as sent, because `clear` took their audio away.
    private var cleared: Int
    private var marks: [Mark] = []
    /// Index of the oldest outstanding mark.
    private var firstMark = 0

    /// - Parameter bridge: where the audio will go; its positions may already have advanced.
    public init(bridge: AudioBridge, maximumMilliseconds: Int, maximumMarks: Int) {
        maximumSamples = max(0, maximumMilliseconds) * bridge.sampleRate / 1000
        self.maximumMarks = maximumMarks
        handedOver = bridge.playout.writePosition
        // An earlier stream may have cleared what it wrote: nothing of it is still to be sent.
        cleared = bridge.playout.count == 0 ? handedOver : 0
    }

    /// Samples in this queue, not counting those already on the bridge.
    public var queuedSamples: Int { audio.count }
    public var outstandingMarks: Int { marks.count - firstMark }

    /// Appends µ-law samples; what is beyond the limit is dropped from the end. Returns how many
    /// were dropped.
    public mutating func enqueue(_ muLaw: UnsafeBufferPointer<UInt8>) -> Int {
        let accepted = min(muLaw.count, maximumSamples - audio.count)
        if accepted > 0 { audio.append(UnsafeBufferPointer(rebasing: muLaw[..<accepted])) }
        let dropped = muLaw.count - max(0, accepted)
        droppedSamples += dropped
        return dropped
    }

    /// Puts a mark after everything enqueued so far. False when too many are outstanding.
    public mutating func enqueueMark(_ name: String) -> Bool {
        guard outstandingMarks < maximumMarks else { return false }
        marks.append(Mark(name: name, position: handedOver + audio.count))
        return true
    }

    /// Moves as much audio to the bridge as it takes.
    public mutating func topUp(_ bridge: AudioBridge) {
        withUnsafeTemporaryAllocation(of: Int16.self, capacity: 512) { decoded in
            var progress = true
            while progress {
                let room = min(bridge.playout.free, decoded.count)
                var written = 0
                progress = audio.takeSpan(upTo: room) { span in
                    let count = G711.decodeMuLaw(UnsafeRawBufferPointer(span), into: decoded)
                    let samples = UnsafeBufferPointer(rebasing: decoded[..<min(count, span.count)])
                    written = bridge.playout.write(samples)
                    return written
                }
                handedOver += written
            }
        }
    }

    /// The next mark whose audio has been sent (or cleared), in the order of the bot; call until
    /// nil.
    public mutating func takeDueMark(sentPosition: Int) -> String? {
        guard firstMark < marks.count,
            marks[firstMark].position <= max(sentPosition, cleared)
        else { return nil }
        let name = marks[firstMark].name
        firstMark += 1
        if firstMark == marks.count {
            marks.removeAll(keepingCapacity: true)
            firstMark = 0
        } else if firstMark >= 64, firstMark * 2 >= marks.count {
            marks.removeFirst(firstMark)
            firstMark = 0
        }
        return name
    }

    /// Barge-in: empties this queue and, through the bridge, the leg's within one ptime. Returns
    /// the outstanding marks in their order. Later positions go on counting.
    public mutating func clear(_ bridge: AudioBridge) -> [String] {
        audio.removeAll()
        bridge.clear()
        handedOver = bridge.playout.writePosition
        cleared = handedOver
        let names = marks[firstMark...].map(\.name)
        marks.removeAll(keepingCapacity: true)
        firstMark = 0
        return names
    }
}
