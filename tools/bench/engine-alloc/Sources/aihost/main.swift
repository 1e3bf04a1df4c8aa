import Audio
import Base
import CallModel
import Foundation
import HostArguments
import Logging
import Media
import MediaEngine
import NIOPosix
import SecureRTP
import Streaming
import Synchronization
import Telemetry

// N full AI legs without SIP: SRTP in and out, G.711 both ways, every detector, and a media stream to
// a bot that sends audio back. The engine's one worker and the streams' one thread are the real
// ones, in this process; start it under `taskset` to give both one core. What tools/bench/run measures.
//
//   rtpload ─► worker ─► detectors, bridge ─► streams ─► WebSocket ─► mediabot
//   rtpload ◄─ worker ◄─ bridge ◄─ playout queue ◄─ streams ◄─ WebSocket ◄─┘
//
//   aihost --bot PORT --legs 200 --port 40000 --far 30000 [--seconds 60] [--key BASE64] [--cpu 1]
//          [--stream call|mux] [--frame 20] [--probe-every 0] [--no-detection] [--workers 1] [--shared]
//
// --stream mux: all legs on one multiplexed connection (docs/STREAMING.md); --frame MS of audio a message.
// --shared: all legs on one port; the far ends' addresses are those of `rtpload --own-addresses`.
// --probe-every K: legs 0, K, 2K … echo their caller at once, and their bot only listens: the time of
// their packets is the worker's, without a bot in it. Prints "ready PID REALTIME-WORKERS KIB-BEFORE-LEGS"
// when every stream is open; a line "metrics" on standard input is answered with all metrics.

final class Opened: Sendable {
    private let state = Mutex((open: 0, reason: String?.none))

    func take(_ event: StreamEvent) {
        state.withLock { state in
            switch event {
            case .connected: state.open += 1
            case .failed(let reason), .ended(let reason): state.reason = reason
            default: break
            }
        }
    }

    var count: Int { state.withLock { $0.open } }
    var reason: String? { state.withLock { $0.reason } }
}

let arguments = HostArguments()
let legs = arguments.number("legs", 100)
let port = arguments.number("port", 40_000)
let far = arguments.number("far", 30_000)
let bot = arguments.number("bot", 0)
let probeEvery = arguments.number("probe-every", 0)
let isShared = arguments.has("shared")
guard bot > 0 else { fail("aihost: --bot PORT is needed") }

let metrics = MetricsRegistry()
let logger = Logger(label: "aihost") { _ in SwiftLogNoOpLogHandler() }
let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
let hub = try StreamHub(group: group, metrics: metrics, logger: logger)
var settings = MediaEngineConfiguration(
    ports: port...min(65_535, port + 2 * legs + 1), workers: arguments.number("workers", 1),
    cpus: [arguments.number("cpu", 1)], mediaTimeout: nil, streamWakeFD: hub.wakeFD)
settings.maximumLegs = legs
if isShared { settings.sharedPorts = 1 }
settings.maximumTickLateness = nil
settings.warn = { FileHandle.standardError.write(Data(($0 + "\n").utf8)) }
let engine = try MediaEngine(settings, metrics: metrics) { _ in }
let keys = arguments.text("key").flatMap { Data(base64Encoded: $0) }.map {
    SRTPKeys(suite: .aesCM128HMACSHA1_80, local: Array($0), remote: Array($0))
}

let before = residentKiB()
/// The stream's kind and frame are part of its URL; without them it is what it always was.
func url(_ path: String) -> String {
    let scheme = arguments.text("stream").map { $0 == "mux" ? "mux+ws" : "call+ws" } ?? "ws"
    let options = arguments.text("frame").map { "#frame=\($0)" } ?? ""
    return "\(scheme)://127.0.0.1:\(bot)/\(path)\(options)"
}

let opened = Opened()
var sessions: [StreamSession] = []
for index in 0..<legs {
    let isProbe = probeEvery > 0 && index % probeEvery == 0
    let address = 64 << 16 | (index + 1)
    let there =
        isShared ? "127.\(address >> 16).\(address >> 8 & 255).\(address & 255)" : "127.0.0.1"
    var options = LegOptions(
        mode: isProbe ? .echo : .normal, detection: !arguments.has("no-detection"))
    options.sharedPort = isShared
    let leg = try engine.createLeg(options)
    guard leg.port == (isShared ? port : port + 2 * index), leg.isShared == isShared else {
        fail("aihost: got port \(leg.port) instead of \(port + 2 * index): another range is needed")
    }
    engine.send(
        .configure(
            RemoteMedia(address: there, port: far + 2 * (index % 20), srtp: keys)),
        to: leg.id)
    engine.send(.answered, to: leg.id)
    let bridge = AudioBridge()
    engine.send(.attach(bridge), to: leg.id)
    let request = StreamRequest(
        url: url(isProbe ? "sink" : "echo"), streamID: "MZ\(leg.id)",
        callID: CallID("\(leg.id)"))
    sessions.append(hub.connect(request, bridge: bridge) { opened.take($0) })
}
let deadline = Date().addingTimeInterval(20)
while opened.count < legs {
    if let reason = opened.reason { fail("aihost: a stream is gone: \(reason)") }
    if Date() > deadline { fail("aihost: \(opened.count) of \(legs) streams opened in 20 s") }
    usleep(10_000)
}
sayReady("\(engine.realtimeWorkers) \(before)")
serveUntilTheEnd(seconds: arguments.number("seconds", 60)) { metrics.render() }
if let reason = opened.reason { say("a stream ended early: \(reason)") }
engine.shutdown()
await hub.shutdown()
try await group.shutdownGracefully()
