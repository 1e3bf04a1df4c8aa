public import Audio
internal import Base

//  media, any size ─▶ enqueue ─▶ [own queue, as sent, bounded] ─topUp─▶ bridge.playout ─▶ RTP
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
    /// Marks that may be outstanding; one more is refused.
    public let maximumMarks: Int
    /// What the bytes handed in are.
    public let encoding: StreamEncoding
    /// Samples dropped because the queue was full, since the start.
    public private(set) var droppedSamples = 0

    private var audio = ByteQueue()
    /// First byte of a linear sample whose second has not come yet.
    private var half: UInt8?
    /// Absolute position of the first sample of `audio`: everything before it is on the bridge.
    private var handedOver: Int
    /// Positions up to here count as sent, because `clear` took their audio away.
    private var cleared: Int
    private var marks: [Mark] = []
    /// Index of the oldest outstanding mark.
    private var firstMark = 0

    /// - Parameter bridge: where the audio will go; its positions may already have advanced.
    public init(
        bridge: AudioBridge, maximumMilliseconds: Int, maximumMarks: Int,
        encoding: StreamEncoding = .muLaw
    ) {
        self.encoding = encoding
        maximumSamples = max(0, maximumMilliseconds) * bridge.sampleRate / 1000
        self.maximumMarks = maximumMarks
        handedOver = bridge.playout.writePosition
        // An earlier stream may have cleared what it wrote: nothing of it is still to be sent.
        cleared = bridge.playout.count == 0 ? handedOver : 0
    }

    /// Samples in this queue, not counting those already on the bridge.
    public var queuedSamples: Int { audio.count / encoding.bytesPerSample }
    /// Marks that wait for their audio.
    public var outstandingMarks: Int { marks.count - firstMark }

    /// Bytes that wait for the rest of their sample: 0 or 1.
    var splitBytes: Int { half == nil ? 0 : 1 }

    /// The rest of a split sample will not come.
    mutating func dropSplit() { half = nil }

    /// Appends samples in `encoding`; what is beyond the limit is dropped from the end. Half a linear sample
    /// at the end waits for its other half, until a mark or a clear. Returns how many samples were dropped.
    public mutating func enqueue(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        guard encoding == .linear16 else { return append(bytes) }
        var rest = bytes[...]
        var dropped = 0
        if let first = half, let second = rest.popFirst() {
            half = nil
            let sample = UInt16(first) | UInt16(second) << 8
            dropped = withUnsafeBytes(of: sample.littleEndian) {
                append($0.bindMemory(to: UInt8.self))
            }
        }
        if rest.count % 2 == 1 { half = rest.popLast() }
        return dropped + append(UnsafeBufferPointer(rebasing: rest))
    }

    /// Whole samples.
    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        let width = encoding.bytesPerSample
        let samples = bytes.count / width
        let accepted = max(0, min(samples, maximumSamples - queuedSamples))
        if accepted > 0 {
            audio.append(UnsafeBufferPointer(rebasing: bytes[..<(accepted * width)]))
        }
        droppedSamples += samples - accepted
        return samples - accepted
    }

    /// As `enqueue`, but what the bridge takes at once goes there at once.
    public mutating func enqueue(
        _ bytes: UnsafeBufferPointer<UInt8>, playingOn bridge: AudioBridge
    ) -> Int {
        guard audio.count == 0, encoding == .muLaw, !bytes.isEmpty else { return enqueue(bytes) }
        var rest = UnsafeRawBufferPointer(bytes)
        withUnsafeTemporaryAllocation(of: Int16.self, capacity: 512) { decoded in
            while !rest.isEmpty {
                let room = min(bridge.playout.free, decoded.count)
                let count = MuLawTable.decode(
                    rest, into: UnsafeMutableBufferPointer(rebasing: decoded[..<room]))
                let written = bridge.playout.write(UnsafeBufferPointer(rebasing: decoded[..<count]))
                guard written > 0 else { break }
                handedOver += written
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
        return rest.isEmpty ? 0 : enqueue(rest.bindMemory(to: UInt8.self))
    }

    /// Puts a mark after everything enqueued so far. False when too many are outstanding.
    public mutating func enqueueMark(_ name: String) -> Bool {
        half = nil
        guard outstandingMarks < maximumMarks else { return false }
        marks.append(Mark(name: name, position: handedOver + queuedSamples))
        return true
    }

    /// Moves as much audio to the bridge as it takes.
    public mutating func topUp(_ bridge: AudioBridge) {
        guard audio.count > 0 else { return }
        let width = encoding.bytesPerSample
        let isMuLaw = encoding == .muLaw
        withUnsafeTemporaryAllocation(of: Int16.self, capacity: 512) { decoded in
            var progress = true
            while progress {
                let room = min(bridge.playout.free, decoded.count)
                var written = 0
                progress = audio.takeSpan(upTo: room * width) { span in
                    let bytes = UnsafeRawBufferPointer(span)
                    let count: Int
                    if isMuLaw {
                        count = MuLawTable.decode(bytes, into: decoded)
                    } else {
                        count = Self.decodeLinear(bytes, into: decoded)
                    }
                    let samples = UnsafeBufferPointer(rebasing: decoded[..<count])
                    written = bridge.playout.write(samples)
                    return written * width
                }
                handedOver += written
            }
        }
    }

    /// `sentPosition` at which there is something to do: the next mark is due, or half the bridge is
    /// free for audio that waits here. `Int.max` when nothing is.
    public func nextWake(_ bridge: AudioBridge) -> Int {
        let mark = firstMark < marks.count ? marks[firstMark].position : .max
        guard audio.count > 0 else { return mark }
        return min(mark, handedOver - bridge.playout.capacity / 2)
    }

    private static func decodeLinear(
        _ bytes: UnsafeRawBufferPointer, into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Int {
        let count = min(bytes.count / 2, samples.count)
        // SAFETY: 2 * index + 1 < bytes.count and index < samples.count.
        for index in 0..<count {
            samples[index] = Int16(
                littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * index, as: Int16.self))
        }
        return count
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
        half = nil
        bridge.clear()
        handedOver = bridge.playout.writePosition
        cleared = handedOver
        let names = marks[firstMark...].map(\.name)
        marks.removeAll(keepingCapacity: true)
        firstMark = 0
        return names
    }
}
