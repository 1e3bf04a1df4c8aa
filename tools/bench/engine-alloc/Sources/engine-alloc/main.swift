import Audio
import Base
import CEngineCount
import Foundation
import Media
import MediaEngine
import Telemetry

// The whole way (a) of docs/ARCHITECTURE.md, kernel included: socket, worker loop, leg, detectors,
// bridge, socket. Counts heap allocations on the media workers' threads and exits 1 unless there
// were exactly none while at least 10,000 packets came in.
//
//   engine-alloc [--trace N]     N: print the callers of the first N allocations

let workerName = "tl-media"
let legs = 40
let bridged = 20
let packetsWanted = 10_000

/// Two seconds of a syllable-like sound, one of silence, a beep, silence: work for every detector.
func sound() -> [UInt8] {
    var samples = [Int16](repeating: 0, count: 160 * 200)
    var voice = ToneGenerator(frequencies: [180, 360, 540, 720, 900], levelDBm0: -22)
    for index in 0..<16_000 {
        let level = max(0.0, 1 - abs(Double(index % 2000) / 1000 - 1) * 1.2)
        samples[index] = Int16(max(-32_000, min(32_000, voice.nextValue() * level)))
    }
    var beep = ToneGenerator(frequencies: [1000], levelDBm0: -12)
    for index in 24_000..<28_000 { samples[index] = Int16(beep.nextValue()) }
    return samples.map { G711.muLaw($0) }
}

func fail(_ text: String) -> Never {
    print("FAILED: " + text)
    exit(1)
}

let trace =
    CommandLine.arguments.firstIndex(of: "--trace").flatMap { index in
        index + 1 < CommandLine.arguments.count ? Int(CommandLine.arguments[index + 1]) : nil
    } ?? 0

guard ec_self_test(workerName) == 1 else { fail("the counter does not count") }

let first = 46_000
let farFirst = 47_000
let events = EventCount()
var settings = MediaEngineConfiguration(
    ports: first...(first + 2 * legs + 1), workers: 1, mediaTimeout: nil)
settings.maximumTickLateness = nil
let engine = try MediaEngine(settings, metrics: MetricsRegistry()) { events.add($0.count) }
var bridges: [AudioBridge] = []
for index in 0..<legs {
    let leg = try engine.createLeg(LegOptions(mode: index < bridged ? .normal : .echo))
    guard leg.port == first + 2 * index else { fail("UDP port \(first + 2 * index) is in use") }
    engine.send(
        .configure(RemoteMedia(address: "127.0.0.1", port: farFirst + 2 * index)), to: leg.id)
    engine.send(.answered, to: leg.id)
    guard index < bridged else { continue }
    // One of each rate a bot may ask for: 16 kHz goes through the resamplers.
    let bridge = AudioBridge(sampleRate: index % 2 == 0 ? 8000 : 16_000)
    bridges.append(bridge)
    engine.send(.attach(bridge), to: leg.id)
}
let audio = sound()
let audioBytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: audio.count)
_ = audioBytes.initialize(from: audio)
guard
    ec_sender_start(
        Int32(legs), Int32(farFirst), Int32(first), audioBytes.baseAddress, Int32(audio.count)) == 0
else { fail("UDP ports from \(farFirst) are in use") }

let samples = UnsafeMutableBufferPointer<Int16>.allocate(capacity: 8192)
samples.initialize(repeating: 0)
/// The bots' side of the bridges, for `seconds` or until `isDone`: what was heard is said again.
@MainActor func talk(seconds: Double, until isDone: () -> Bool = { false }) {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end, !isDone() {
        for bridge in bridges {
            let heard = bridge.received.read(into: samples)
            _ = bridge.playout.write(UnsafeBufferPointer(rebasing: samples[0..<heard]))
        }
        usleep(10_000)
    }
}

talk(seconds: 2)
let before = (sent: ec_sender_sent(), back: ec_sender_received(), events: events.value)
ec_start(workerName, Int32(trace))
talk(seconds: 30) { ec_sender_sent() - before.sent >= packetsWanted }
var allocations = 0
var frees = 0
ec_stop(&allocations, &frees)
let sent = ec_sender_sent() - before.sent
let back = ec_sender_received() - before.back
ec_sender_stop()
engine.shutdown()
print(
    "\(legs) legs, \(bridged) with bridges: \(sent) packets in, \(back) out, "
        + "\(events.value - before.events) events; on the worker's thread \(allocations) "
        + "allocations, \(frees) frees")
if sent < packetsWanted { fail("the sender did not get its time: \(sent) packets in 30 s") }
// Nothing lost to speak of, or the zero would be of packets that never came through.
if back * 10 < sent * 9 { fail("only \(back) packets came back") }
if allocations != 0 { fail("the worker allocates (run with --trace 5 to see where)") }
if frees != 0 { fail("the worker frees") }
print("ok: no allocation on the worker's thread")
