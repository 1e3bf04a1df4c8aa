import Base
import CallModel
import Foundation
import Glibc
import Logging
import NIOPosix
import Signalling
import Synchronization
import Telemetry

// sipcalls --to PORT --calls N --rate PER_SECOND --concurrent N
//
// Places whole outbound calls over UDP on one event loop: INVITE, answer, ACK, BYE, 200. Hangs up as
// soon as a call is answered. Ends by itself when all calls have, or after --seconds; prints one JSON
// object with what is left then: calls, transactions, descriptors.

struct Options {
    var port = 5060
    var calls = 10_000
    var rate = 1_000.0
    var concurrent = 500
    var seconds = 600

    init(_ arguments: ArraySlice<String>) {
        var rest = arguments
        while let name = rest.popFirst(), let value = rest.popFirst() {
            switch name {
            case "--to": port = Int(value) ?? port
            case "--calls": calls = Int(value) ?? calls
            case "--rate": rate = Double(value) ?? rate
            case "--concurrent": concurrent = Int(value) ?? concurrent
            case "--seconds": seconds = Int(value) ?? seconds
            default:
                FileHandle.standardError.write(Data("sipcalls: unknown \(name)\n".utf8))
                exit(2)
            }
        }
    }
}

/// What has become of the calls.
final class Tally: Sendable {
    struct Counts: Sendable {
        var placed = 0, answered = 0
        var ends: [String: Int] = [:]
        var legs: [Int: CallLeg] = [:]
        var early: Set<Int> = []
        var ended: Int { ends.values.reduce(0, +) }
    }
    let counts = Mutex(Counts())

    func note(_ event: CallLegEvent, _ number: Int) {
        switch event {
        case .answered:
            let leg = counts.withLock { counts -> CallLeg? in
                counts.answered += 1
                if counts.legs[number] == nil { counts.early.insert(number) }
                return counts.legs[number]
            }
            leg?.hangUp()
        case .ended(let reason, _):
            counts.withLock {
                $0.ends[reason.rawValue, default: 0] += 1
                $0.legs[number] = nil
            }
        default: break
        }
    }

    func placed(_ leg: CallLeg, _ number: Int) {
        let isAnswered = counts.withLock { counts in
            counts.placed += 1
            counts.legs[number] = leg
            return counts.early.remove(number) != nil
        }
        if isAnswered { leg.hangUp() }
    }
}

func descriptors() -> Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0)
}

func cpu() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

let sdp = Array(
    ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        + "m=audio 30000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
        + "a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n").utf8)
let options = Options(CommandLine.arguments.dropFirst())
var logger = Logger(label: "sipcalls")
logger.logLevel = .critical
let metrics = MetricsRegistry()
var configuration = SignallingConfiguration(host: "127.0.0.1", port: 0)
configuration.maximumCalls = options.concurrent + 100
configuration.maximumTransactions = 200_000
configuration.trace.calls = 0
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let agent = CallAgent(
    configuration, group: group, metrics: metrics, logger: logger,
    inbound: { $0.reject(status: 486) })
let tally = Tally()
let bound = try await agent.start()
let (target, next) = ("sip:service@127.0.0.1:\(options.port)", ("127.0.0.1", options.port))
try? await Task.sleep(for: .milliseconds(100))
let before = (descriptors: descriptors(), cpu: cpu())
let clock = ContinuousClock()
let began = clock.now
let limit = began + .seconds(options.seconds)
var number = 0
while number < options.calls, clock.now < limit {
    let due = Int((clock.now - began) / .seconds(1) * options.rate)
    while number < min(due, options.calls) {
        let open = tally.counts.withLock { $0.placed - $0.ended }
        guard open < options.concurrent else { break }
        number += 1
        let own = number
        let leg = agent.place(
            OutboundCall(
                id: CallID("c\(own)"), target: target, from: "+12125550199", offer: sdp,
                nextHop: next)
        ) { tally.note($0, own) }
        tally.placed(leg, own)
    }
    try? await Task.sleep(for: .milliseconds(1))
}
while tally.counts.withLock({ $0.ended < $0.placed }), clock.now < limit {
    try? await Task.sleep(for: .milliseconds(5))
}
let wall = (clock.now - began) / .seconds(1)
let used = cpu() - before.cpu
// The last transactions linger on purpose: K for 5 s, M for 32 s (RFC 6026).
let gauge = metrics.gauge(Catalogue.sipTransactions)
let peak = gauge.value
for _ in 0..<200 where gauge.value > 0 {
    try? await Task.sleep(for: .milliseconds(200))
    _ = await agent.trace(of: CallID("none"))
}
let left = (
    calls: tally.counts.withLock { $0.legs.count }, transactions: gauge.value,
    descriptors: descriptors() - before.descriptors
)
let counts = tally.counts.withLock { $0 }
let ends = counts.ends.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
    .joined(separator: ", ")
print(
    """
    {"placed": \(counts.placed), "answered": \(counts.answered), "ends": {\(ends)}, \
    "seconds": \(wall), "cpu_seconds": \(used), "calls_per_second": \(Double(counts.ended) / wall), \
    "calls_per_core_second": \(Double(counts.ended) / used), "transactions_at_end": \(peak), \
    "left": {"calls": \(left.calls), "transactions": \(left.transactions), \
    "descriptors": \(left.descriptors)}}
    """)
await agent.shutdown()
try await group.shutdownGracefully()
exit(counts.answered == options.calls && left.calls == 0 ? 0 : 1)
