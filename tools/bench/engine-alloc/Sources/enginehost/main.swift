import Audio
import Base
import Foundation
import Media
import MediaEngine
import SecureRTP
import Telemetry

// The media engine without its server: N legs on consecutive ports, until standard input ends or
// the time is over. What tools/bench/run measures and what a profiler is pointed at.
//
//   enginehost --legs 200 --port 40000 --far 30000 [--seconds 60] [--no-detection] [--key BASE64]
//              [--cpu 1] [--mode echo|normal|silence] [--bridge]

/// `--name value` and `--flag` of a command line.
struct Arguments {
    var values: [String: String] = [:]
    var flags: Set<String> = []

    init(_ words: [String]) {
        var rest = words[...]
        while let word = rest.popFirst() {
            if let next = rest.first, !next.hasPrefix("--") {
                values[word] = next
                rest = rest.dropFirst()
            } else {
                flags.insert(word)
            }
        }
    }

    func number(_ name: String, _ standard: Int) -> Int {
        values["--" + name].flatMap { Int($0) } ?? standard
    }
}

let arguments = Arguments(Array(CommandLine.arguments.dropFirst()))
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
let keys = arguments.values["--key"].flatMap { Data(base64Encoded: $0) }.map {
    SRTPKeys(suite: .aesCM128HMACSHA1_80, local: Array($0), remote: Array($0))
}
let mode = LegMode(rawValue: arguments.values["--mode"] ?? "echo") ?? .echo
var bridges: [AudioBridge] = []
for index in 0..<legs {
    let leg = try engine.createLeg(
        LegOptions(mode: mode, detection: !arguments.flags.contains("--no-detection")))
    guard leg.port == port + 2 * index else {
        print("enginehost: got port \(leg.port) instead of \(port + 2 * index): another range is needed")
        exit(1)
    }
    engine.send(
        .configure(
            RemoteMedia(address: "127.0.0.1", port: far + 2 * (index % 20), srtp: keys)),
        to: leg.id)
    engine.send(.answered, to: leg.id)
    if arguments.flags.contains("--bridge") {
        let bridge = AudioBridge()
        bridges.append(bridge)
        engine.send(.attach(bridge), to: leg.id)
    }
}
let ready = "ready \(ProcessInfo.processInfo.processIdentifier) \(engine.realtimeWorkers)\n"
FileHandle.standardOutput.write(Data(ready.utf8))
let end = Date().addingTimeInterval(Double(arguments.number("seconds", 60)))
// Ends with its parent: standard input is then at its end.
var descriptor = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
while Date() < end {
    if poll(&descriptor, 1, 200) > 0 {
        var byte: UInt8 = 0
        if read(0, &byte, 1) <= 0 { break }
    }
}
engine.shutdown()
if arguments.flags.contains("--metrics") { print(metrics.render()) }
