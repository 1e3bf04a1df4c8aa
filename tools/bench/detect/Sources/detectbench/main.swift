import Audio
import Base
import CAllocationCount
import CFloor
import Detection

#if canImport(Glibc)
import Glibc
#endif

// The chain and the floor hear the same minute in turn, frame sizes and all, so that whatever else
// the machine does meets both; each figure is the median of the rounds, the ratio that of the
// rounds' own ratios. Ends with 1 when the chain allocates or a leg's state is above its limit.

/// docs/DETECTION.md: bytes that the detectors of one leg may hold.
let stateLimit = 8192
let frame = 160
let frames = 3000

/// A minute of what a leg hears: noise, ringing, a voice-like buzz, digits, a beep.
func minute() -> [Int16] {
    var generator = SeededGenerator(seed: 1)
    var samples = (0..<frame * frames).map { _ in
        Int16(truncatingIfNeeded: Int(generator.next() & 127) - 64)
    }
    func mix(_ frequencies: [Double], from second: Int, seconds: Int, level: Double) {
        var tone = ToneGenerator(frequencies: frequencies, levelDBm0: level)
        let part = tone.next(seconds * 8000)
        for (index, value) in part.enumerated() where second * 8000 + index < samples.count {
            let sum = Int(samples[second * 8000 + index]) + Int(value)
            samples[second * 8000 + index] = Int16(clamping: sum)
        }
    }
    mix([440, 480], from: 2, seconds: 2, level: -18)
    for second in stride(from: 10, to: 40, by: 2) {
        mix([120, 240, 360, 480, 600, 720, 1200, 2400], from: second, seconds: 1, level: -30)
    }
    mix([770, 1336], from: 45, seconds: 1, level: -12)
    mix([1000], from: 50, seconds: 1, level: -15)
    return samples
}

func microseconds(_ work: () -> Void) -> Double {
    var began = timespec()
    var ended = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began)
    work()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended)
    return Double(ended.tv_sec - began.tv_sec) * 1e6 + Double(ended.tv_nsec - began.tv_nsec) / 1e3
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted[sorted.count / 2]
}

func option(_ name: String, _ standard: Int) -> Int {
    let arguments = CommandLine.arguments
    guard let place = arguments.firstIndex(of: name), place + 1 < arguments.count else {
        return standard
    }
    return Int(arguments[place + 1]) ?? standard
}

struct Ear: ~Copyable {
    var chain = DetectorChain()
    var out = Outbox<DetectionEvent>(reserving: 1024)
    var events = 0

    init() { chain.answered() }

    mutating func hear(_ samples: UnsafeBufferPointer<Int16>) {
        for start in stride(from: 0, to: samples.count, by: frame) {
            chain.push(UnsafeBufferPointer(rebasing: samples[start..<start + frame]), out: &out)
        }
        out.drain { _ in events += 1 }
    }
}

/// Prints the figures; the exit code.
func measure() -> Int32 {
    let samples = minute()
    let rounds = option("--rounds", 15)
    var ear = Ear()
    var sink: Float = 0

    func listen() { samples.withUnsafeBufferPointer { ear.hear($0) } }
    func reference() {
        samples.withUnsafeBufferPointer { all in
            guard let base = all.baseAddress else { return }
            for start in stride(from: 0, to: all.count, by: frame) {
                sink += floor_frame(base + start, frame)
            }
        }
    }

    listen()
    reference()
    var chainTimes: [Double] = []
    var floorTimes: [Double] = []
    for _ in 0..<rounds {
        chainTimes.append(microseconds(listen) / Double(frames))
        floorTimes.append(microseconds(reference) / Double(frames))
    }
    let ratios = zip(chainTimes, floorTimes).map { $0 / $1 }

    var allocations = 0
    var frees = 0
    allocation_count_start(Int32(option("--trace", 0)))
    listen()
    allocation_count_stop(&allocations, &frees)

    // A leg's own bytes: the value itself and what it points to, less what all legs share.
    let legs = 64
    var held: [UnsafeMutablePointer<DetectorChain>] = []
    held.reserveCapacity(legs)
    let before = allocation_heap_bytes()
    for _ in 0..<legs {
        let place = UnsafeMutablePointer<DetectorChain>.allocate(capacity: 1)
        place.initialize(to: DetectorChain())
        held.append(place)
    }
    let state = (allocation_heap_bytes() - before) / legs
    for place in held {
        place.deinitialize(count: 1)
        place.deallocate()
    }

    var writer = JSONWriter()
    writer.object { writer in
        writer.field("chain_us", median(chainTimes), decimals: 3)
        writer.field("floor_us", median(floorTimes), decimals: 3)
        writer.field("ratio", median(ratios), decimals: 2)
        writer.field("allocations", allocations)
        writer.field("state_bytes", state)
        writer.field("value_bytes", MemoryLayout<DetectorChain>.size)
        writer.field("rounds", rounds)
        writer.field("events", ear.events)
    }
    if CommandLine.arguments.contains("--json") {
        print(writer.string)
    } else {
        print(
            "20 ms: chain \(decimal(median(chainTimes), 2)) µs, floor "
                + "\(decimal(median(floorTimes), 2)) µs, ratio \(decimal(median(ratios), 1))")
        print(
            "allocations in \(frames) frames: \(allocations); state of a leg: \(state) bytes "
                + "(\(MemoryLayout<DetectorChain>.size) in the value)")
    }
    return allocations == 0 && state <= stateLimit && sink.isFinite && ear.events > 0 ? 0 : 1
}

exit(measure())
