internal import Audio
internal import Base
internal import RTP

/// The playout tap of a leg, which exists while somebody listens: the jitter buffer, and RTP time
/// turned into the time of its samples.
///
/// ```
/// stateless codec: packet, as it comes ──► decode ─┐
/// codec with state: in order, from the other tap ──┴► timestamp × rate ∕ clock ─► PlayoutBuffer
/// ```
/// A codec that decodes any packet for itself is fed before order is restored, so the buffer sees
/// the path as it is. One with state can only be decoded in order: its audio comes when
/// the analysis tap has given it on, which after a loss is up to its wait (60 ms) later. The buffer
/// sees that as jitter and aims later when it happens often (from about 1.5 % loss on).
struct LegPlayout: ~Copyable {
    var buffer: PlayoutBuffer
    private let codec: AudioCodec
    /// Hz of samples, and of RTP timestamps.
    let rate: Int
    private let clockRate: Int
    /// Brings frames to the rate that the leg's links work at.
    private var resampler: Resampler?
    private var anchor: (timestamp: UInt32, scaled: UInt32)?
    /// Numbers of audio that comes without its packets' own.
    private var number: UInt16 = 0
    private var reported = PlayoutCounters()
    private var reportedLost = 0

    /// Any packet of this codec can be decoded for itself.
    static func decodesAlone(_ codec: AudioCodec) -> Bool {
        switch codec {
        case .pcmu, .pcma, .l16, .l16Wide: true
        case .g722, .opus: false
        }
    }

    /// What is held and what comes are the same samples by the same clock, whichever of these codecs
    /// brings them.
    func takes(_ other: AudioCodec) -> Bool {
        other == codec
            || Self.decodesAlone(other) && Self.decodesAlone(codec)
                && other.sampleRate == rate && other.clockRate == clockRate
    }

    /// Returns the samples written; nil for a codec with state.
    static func decode(
        _ payload: UnsafeRawBufferPointer, _ codec: AudioCodec,
        into samples: UnsafeMutableBufferPointer<Int16>
    ) -> Int? {
        switch codec {
        case .pcmu: G711.decodeMuLaw(payload, into: samples)
        case .pcma: G711.decodeALaw(payload, into: samples)
        case .l16, .l16Wide: L16.decode(payload, into: samples)
        case .g722, .opus: nil
        }
    }

    /// - Parameter outputRate: of the frames that `pull` gives, Hz.
    init(_ codec: AudioCodec, outputRate: Int) {
        self.codec = codec
        rate = codec.sampleRate
        clockRate = codec.clockRate
        if rate != outputRate { resampler = try? Resampler(from: rate, to: outputRate) }
        var configuration = PlayoutConfiguration()
        configuration.clockRate = rate
        configuration.frameSamples = rate / 50
        buffer = PlayoutBuffer(configuration)
    }

    /// The frames that follow are of another rate; what is held stays.
    mutating func useOutput(rate output: Int) {
        resampler = rate == output ? nil : try? Resampler(from: rate, to: output)
    }

    /// One packet, in whatever order it came.
    mutating func take(
        _ samples: UnsafeBufferPointer<Int16>, sequence: UInt16, timestamp: UInt32, now: Instant
    ) {
        _ = buffer.insert(
            sequence: sequence, timestamp: scaled(timestamp), samples: samples, now: now)
    }

    /// A packet's audio from the analysis tap, in order; `timestamp` is the tap's own.
    mutating func takeInOrder(
        _ samples: UnsafeBufferPointer<Int16>, timestamp: Int64, now: Instant
    ) {
        number &+= 1
        take(
            samples, sequence: number, timestamp: UInt32(truncatingIfNeeded: timestamp), now: now)
    }

    /// A packet without audio keeps its number from being waited for.
    mutating func takeOther(sequence: UInt16) {
        if Self.decodesAlone(codec) { buffer.insertOther(sequence: sequence) }
    }

    /// The analysis tap gave up so many packets: their numbers are missing. None behind a pause.
    mutating func skipInOrder(_ count: Int) { number &+= UInt16(truncatingIfNeeded: count) }

    /// Another source follows.
    mutating func changeSource() {
        buffer.reset()
        anchor = nil
    }

    /// Fills the next 20 ms; `scratch` has room for as much at the codec's rate. Returns how much of
    /// the frame was received.
    mutating func pull(
        into frame: UnsafeMutableBufferPointer<Int16>,
        scratch: UnsafeMutableBufferPointer<Int16>, now: Instant
    ) -> Int {
        guard resampler != nil else {
            let result = buffer.pull(into: frame, now: now)
            return result.audio + result.expanded
        }
        let part = UnsafeMutableBufferPointer(rebasing: scratch[0..<rate / 50])
        let result = buffer.pull(into: part, now: now)
        let written =
            resampler?.process(UnsafeBufferPointer(part), into: frame).written ?? 0
        for index in written..<frame.count { frame[index] = 0 }
        return (result.audio + result.expanded) * frame.count / part.count
    }

    /// What has been counted since the last call.
    mutating func report(to counters: inout LinkCounters) {
        let new = buffer.counters
        counters.playoutReceived += new.received - reported.received
        counters.playoutLate += new.late - reported.late
        counters.playoutEarly += new.early - reported.early
        counters.playoutUnusable += new.unusable - reported.unusable
        counters.playoutExpansions += new.expansions - reported.expansions
        counters.playoutCompressions += new.compressions - reported.compressions
        counters.playoutUnderruns += new.underruns - reported.underruns
        reported = new
        let lost = buffer.lost
        counters.playoutLost += max(0, lost - reportedLost)
        reportedLost = max(lost, reportedLost)
    }

    /// In the unit of samples. Differences count, so a random first timestamp need not divide.
    private mutating func scaled(_ timestamp: UInt32) -> UInt32 {
        guard rate != clockRate else { return timestamp }
        guard let last = anchor else {
            anchor = (timestamp, timestamp)
            return timestamp
        }
        let step = Int64(Int32(bitPattern: timestamp &- last.timestamp))
        let moved = (step * Int64(rate)).flooredDivision(by: Int64(clockRate))
        let scaled = last.scaled &+ UInt32(truncatingIfNeeded: moved)
        // The anchor moves only by what divides: no error adds up.
        if step > 0, step * Int64(rate) % Int64(clockRate) == 0 { anchor = (timestamp, scaled) }
        return scaled
    }
}
