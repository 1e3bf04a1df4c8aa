/// Samples at their timestamps: a ring in which each slot remembers which round it belongs to, so
/// that nothing is cleared and what is missing is known to the sample.
struct PlayoutTimeline: ~Copyable {
    let capacity: Int
    private let mask: Int64
    private let shift: Int64
    // SAFETY: allocated in `init`, freed in `deinit`, owned by this ~Copyable value alone. Every
    // index is masked to `capacity`, or counted from a masked one to the end of the ring.
    private let samples: UnsafeMutablePointer<Int16>
    /// Odd numbers; 0 is a slot never used. Aliases after 32 768 rounds (over 4 h at 8 kHz).
    private let rounds: UnsafeMutablePointer<UInt16>

    /// - Parameter least: samples that must fit; rounded up to a power of two.
    init(atLeast least: Int) {
        var size = 1
        var bits: Int64 = 0
        while size < least {
            size *= 2
            bits += 1
        }
        capacity = size
        mask = Int64(size - 1)
        shift = bits
        samples = .allocate(capacity: size)
        samples.initialize(repeating: 0, count: size)
        rounds = .allocate(capacity: size)
        rounds.initialize(repeating: 0, count: size)
    }

    deinit {
        samples.deallocate()
        rounds.deallocate()
    }

    @inline(__always)
    private func round(_ time: Int64) -> UInt16 {
        UInt16(truncatingIfNeeded: (time >> shift) << 1) | 1
    }

    @inline(__always)
    func isPresent(_ time: Int64) -> Bool { rounds[Int(time & mask)] == round(time) }

    /// Writes `audio` so that its first sample is at `time`; at most `capacity` samples.
    mutating func store(_ audio: UnsafeBufferPointer<Int16>, at time: Int64) {
        guard let source = audio.baseAddress, audio.count <= capacity else { return }
        var done = 0
        while done < audio.count {
            let at = time &+ Int64(done)
            let place = Int(at & mask)
            let count = min(audio.count - done, capacity - place)
            (samples + place).update(from: source + done, count: count)
            (rounds + place).update(repeating: round(at), count: count)
            done += count
        }
    }

    /// Samples present without a hole from `time` on, at most `limit`.
    func run(from time: Int64, limit: Int) -> Int {
        var done = 0
        while done < limit {
            let at = time &+ Int64(done)
            let place = Int(at & mask)
            let end = min(limit - done, capacity - place)
            let wanted = round(at)
            var count = 0
            while count < end, rounds[place + count] == wanted { count += 1 }
            done += count
            if count < end { break }
        }
        return done
    }

    /// The first sample present in `time` … `end`; nil when there is none. Looks at one round.
    func next(from time: Int64, through end: Int64) -> Int64? {
        var at = time
        let last = min(end, time &+ Int64(capacity))
        while at <= last {
            if isPresent(at) { return at }
            at += 1
        }
        return nil
    }

    /// Copies `count` samples from `time` on; the caller knows that they are present.
    func copy(from time: Int64, into target: UnsafeMutableBufferPointer<Int16>, count: Int) {
        guard let base = target.baseAddress else { return }
        let total = min(count, target.count)
        var done = 0
        while done < total {
            let place = Int((time &+ Int64(done)) & mask)
            let part = min(total - done, capacity - place)
            (base + done).update(from: samples + place, count: part)
            done += part
        }
    }
}
