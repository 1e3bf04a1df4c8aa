import Audio
import Base
import Foundation
import HostArguments
import Media
import MediaEngine
import SecureRTP
import Telemetry

// The media engine without its server: N legs on consecutive ports, until standard input ends or
// the time is over. What tools/bench/run measures and what a profiler is pointed at.
//
//   enginehost --legs 200 --port 40000 --far 30000 [--seconds 60] [--no-detection] [--key BASE64]
//              [--cpu 1] [--mode echo|normal|silence] [--bridge]
//
// A line "metrics" on standard input is answered with all metrics.

let arguments = HostArguments()
let legs = arguments.number("legs", 100)
let port = arguments.number("port", 40_000)
let far = arguments.number("far", 30_000)
var settings = MediaEngineConfiguration(
    ports: port...min(65_535, port + 2 * legs + 1), workers: 1, cpus: [arguments.number("cpu", 1)],
    mediaTimeout: nil)
settings.maximumLegs = legs
settings.warn = { FileHandle.standardError.write(Data(($0 + "\n").utf8)) }
let metrics = MetricsRegistry()
let engine = try MediaEngine(settings, metrics: metrics) { _ in }
let before = residentKiB()
let keys = arguments.text("key").flatMap { Data(base64Encoded: $0) }.map {
    SRTPKeys(suite: .aesCM128HMACSHA1_80, local: Array($0), remote: Array($0))
}
let mode = LegMode(rawValue: arguments.text("mode") ?? "echo") ?? .echo
var bridges: [AudioBridge] = []
for index in 0..<legs {
    let leg = try engine.createLeg(
        LegOptions(mode: mode, detection: !arguments.has("no-detection")))
    guard leg.port == port + 2 * index else {
        fail("enginehost: port \(leg.port) instead of \(port + 2 * index): another range is needed")
    }
    engine.send(
        .configure(
            RemoteMedia(address: "127.0.0.1", port: far + 2 * (index % 20), srtp: keys)),
        to: leg.id)
    engine.send(.answered, to: leg.id)
    if arguments.has("bridge") {
        let bridge = AudioBridge()
        bridges.append(bridge)
        engine.send(.attach(bridge), to: leg.id)
    }
}
sayReady("\(engine.realtimeWorkers) \(before)")
serveUntilTheEnd(seconds: arguments.number("seconds", 60)) { metrics.render() }
engine.shutdown()
