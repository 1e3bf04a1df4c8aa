import SecureRTP

#if canImport(Glibc)
import Glibc
#endif

// CPU nanoseconds per SRTP packet (172 bytes: 20 ms of G.711) of our libcrypto code and of libsrtp2,
// turn and turn about in one run: every context sends its packet and receives one, contexts visited
// in turn, so that at 4000 the caches are as cold as with 4000 calls.
//
//   srtp [--rounds N] [--gate] [--own]
//     --gate   exit 1 when the median at 4000 streams is above 400 ns
//     --own    our code only: libsrtp2 takes minutes
//   srtp --dtls N   instead: what N DTLS handshakes cost each end

/// One leg's two directions, and the far end's sender.
struct Stream: ~Copyable {
    var out: SRTPContext
    var inbound: SRTPContext
    var far: SRTPContext

    init(_ suite: SRTPSuite, _ backend: SRTPBackend, _ seed: Int) throws(SRTPError) {
        let local = (0..<suite.keyAndSaltCount).map { UInt8(truncatingIfNeeded: $0 &+ seed) }
        let remote = (0..<suite.keyAndSaltCount).map { UInt8(truncatingIfNeeded: $0 &* 3 &+ seed) }
        let out = try SRTPContext(suite: suite, key: local, direction: .outbound, backend: backend)
        let inbound = try SRTPContext(
            suite: suite, key: remote, direction: .inbound, backend: backend)
        // The far end is not measured: always the quick one.
        let far = try SRTPContext(suite: suite, key: remote, direction: .outbound)
        self.out = out
        self.inbound = inbound
        self.far = far
    }
}

/// `count` streams and their packets, in memory taken beforehand.
final class Bank {
    private let streams: UnsafeMutablePointer<Stream>
    private let slots: UnsafeMutableRawBufferPointer
    private let count: Int
    /// Packets of a turn: at least so many that reading the clock does not count.
    private let turn: Int
    private var sequence: UInt16 = 0
    private static let slot = 256
    private static let packet = 172
    private static let leastTurn = 500

    init(_ suite: SRTPSuite, _ backend: SRTPBackend, _ count: Int) throws(SRTPError) {
        self.count = count
        turn = max(1, Self.leastTurn / count) * count
        streams = .allocate(capacity: count)
        slots = .allocate(byteCount: turn * Self.slot, alignment: 64)
        slots.initializeMemory(as: UInt8.self, repeating: 0x55)
        for index in 0..<count {
            (streams + index).initialize(to: try Stream(suite, backend, index))
        }
    }

    deinit {
        streams.deinitialize(count: count)
        streams.deallocate()
        slots.deallocate()
    }

    private func buffer(_ index: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            rebasing: slots[index * Self.slot..<(index + 1) * Self.slot])
    }

    /// Packet n of a turn is of stream n mod `count`.
    private func writeHeaders(_ ssrc: UInt8) {
        for index in 0..<turn {
            let buffer = buffer(index)
            let number = sequence &+ UInt16(truncatingIfNeeded: index / count)
            buffer.copyBytes(from: [0x80, 0, UInt8(number >> 8), UInt8(number & 255)])
            buffer[11] = ssrc
        }
    }

    /// CPU nanoseconds per protect and per unprotect, over at least `packets` of each.
    func measure(packets: Int) throws(SRTPError) -> (protect: Double, unprotect: Double) {
        var protect = 0.0
        var unprotect = 0.0
        var done = 0
        while done < packets {
            writeHeaders(1)
            let start = cpuNanoseconds()
            for index in 0..<turn {
                _ = try streams[index % count].out.protect(buffer(index), count: Self.packet)
            }
            let afterOut = cpuNanoseconds()
            writeHeaders(2)
            for index in 0..<turn {
                _ = try streams[index % count].far.protect(buffer(index), count: Self.packet)
            }
            let overhead = streams[0].inbound.overhead
            let beforeIn = cpuNanoseconds()
            for index in 0..<turn {
                _ = try streams[index % count].inbound.unprotect(
                    buffer(index), count: Self.packet + overhead)
            }
            unprotect += cpuNanoseconds() - beforeIn
            protect += afterOut - start
            done += turn
            sequence &+= UInt16(truncatingIfNeeded: turn / count)
        }
        return (protect / Double(done), unprotect / Double(done))
    }
}

/// CPU time of this thread.
func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
}

func row(_ name: String, _ values: [(protect: Double, unprotect: Double)]) -> (Double, Double) {
    let protect = values.map(\.protect)
    let unprotect = values.map(\.unprotect)
    print(
        "  \(name): protect \(Int(median(protect))) ns (least \(Int(protect.min() ?? 0))), "
            + "unprotect \(Int(median(unprotect))) ns (least \(Int(unprotect.min() ?? 0)))")
    return (median(protect), median(unprotect))
}

func argument(_ name: String) -> Int? {
    CommandLine.arguments.firstIndex(of: name).flatMap { index in
        index + 1 < CommandLine.arguments.count ? Int(CommandLine.arguments[index + 1]) : nil
    }
}

let rounds = argument("--rounds") ?? 5
let backends: [SRTPBackend] =
    CommandLine.arguments.contains("--own") ? [.libcrypto] : [.libcrypto, .libsrtp2]

/// One thread: the backends' rounds alternate.
///
/// - Returns: whether ours met the aim.
func compare(_ suite: SRTPSuite, streams: Int) throws -> Bool {
    let banks = try backends.map { try Bank(suite, $0, streams) }
    // libsrtp2 takes up to half a millisecond a packet at 4000 streams: one turn.
    let packets = [max(20_000, streams * 4), 500]
    for bank in banks { _ = try bank.measure(packets: 1) }
    var results: [[(protect: Double, unprotect: Double)]] = [[], []]
    for _ in 0..<rounds {
        for index in banks.indices {
            results[index].append(try banks[index].measure(packets: packets[index]))
        }
    }
    print("\(suite.sdpName), \(streams) streams, 1 thread")
    let ours = row("libcrypto", results[0])
    if banks.count > 1 {
        let theirs = row("libsrtp2 ", results[1])
        let ratio = (theirs.0 + theirs.1) / (ours.0 + ours.1)
        print("  ratio \((ratio * 10).rounded() / 10)")
    }
    return max(ours.0, ours.1) <= 400
}

/// What one thread of `measureThreads` found, written by it alone before it is joined.
final class Finding: @unchecked Sendable {
    let backend: SRTPBackend
    let streams: Int
    var results: [(protect: Double, unprotect: Double)] = []
    init(_ backend: SRTPBackend, _ streams: Int) {
        self.backend = backend
        self.streams = streams
    }
}

/// Two threads, each with its own streams.
func compareThreads(_ streams: Int) {
    print("AES_CM_128_HMAC_SHA1_80, \(streams) streams on each of 2 threads")
    for backend in backends {
        let findings = (0..<2).map { _ in Finding(backend, streams) }
        var threads: [pthread_t] = []
        for finding in findings {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(finding).toOpaque()
            let status = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    let finding = Unmanaged<Finding>.fromOpaque(context).takeRetainedValue()
                    guard
                        let bank = try? Bank(.aesCM128HMACSHA1_80, finding.backend, finding.streams)
                    else { return nil }
                    _ = try? bank.measure(packets: finding.streams)
                    for _ in 0..<5 {
                        if let result = try? bank.measure(
                            packets: finding.backend == .libcrypto ? 40_000 : 1000)
                        {
                            finding.results.append(result)
                        }
                    }
                    return nil
                }, context)
            if status == 0 { threads.append(thread) }
        }
        for thread in threads { pthread_join(thread, nil) }
        for (index, finding) in findings.enumerated() {
            _ = row(
                "\(backend == .libcrypto ? "libcrypto" : "libsrtp2 "), thread \(index + 1)",
                finding.results
            )
        }
    }
}

if let handshakes = argument("--dtls") {
    try measureHandshakes(max(1, handshakes))
    exit(0)
}

var isQuick = true
for streams in [1, 100, 1000, 4000] {
    isQuick = try compare(.aesCM128HMACSHA1_80, streams: streams)
}
for suite in [SRTPSuite.aesCM256HMACSHA1_80, .aeadAES128GCM, .aeadAES256GCM] {
    _ = try compare(suite, streams: 1000)
}
compareThreads(1000)
if !isQuick {
    print("above 400 ns at 4000 streams")
    if CommandLine.arguments.contains("--gate") { exit(1) }
}
