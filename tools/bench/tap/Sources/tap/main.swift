import Audio
import Base
import Foundation
import Media
import MediaEngine
import Telemetry

// this thread: stamp ─▶ sendto ─▶ kernel ─▶ worker: epoll, recvmsg, leg, in-order tap, decoder ─▶
//   bridge (this thread spins on it: stamp), and in the same call, right behind it, the detectors
//
// So what is measured begins before the kernel's receive stamp, with our own `sendto`. Every leg has
// all detectors; the probes among them also have a bridge. Not in it: the detectors' own work.

struct Options {
    var legs = 200
    var probes = 8
    var seconds = 20
    var firstPort = 24_000

    init(_ arguments: [String]) {
        var rest = arguments.dropFirst()
        while let name = rest.popFirst() {
            guard let value = rest.popFirst().flatMap({ Int($0) }), value > 0 else {
                fail("\(name) needs a number")
            }
            switch name {
            case "--legs": legs = min(value, 2000)
            case "--probes": probes = value
            case "--seconds": seconds = value
            case "--first-port": firstPort = value
            default: fail("usage: tap [--legs N] [--probes N] [--seconds N] [--first-port N]")
            }
        }
        probes = min(probes, legs)
    }
}

func fail(_ text: String) -> Never {
    print("FAILED: " + text)
    exit(1)
}

func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

func sleep(until end: Int64) {
    var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
    while clock_nanosleep(CLOCK_MONOTONIC, Int32(TIMER_ABSTIME), &time, nil) == EINTR {}
}

/// The far end of every leg: one socket, which sends to each leg's own port.
final class FarEnd {
    private let descriptor: Int32
    let port: Int

    init() {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = Self.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        guard result == 0 else { fail("no socket") }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        return address
    }

    func send(_ bytes: [UInt8], to port: Int) {
        var address = Self.address(port)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(
                    descriptor, bytes, bytes.count, 0, $0,
                    socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// One leg's stream: 20 ms of µ-law a packet.
struct Stream {
    let port: Int
    let bridge: AudioBridge?
    private var packet = [UInt8](repeating: 0xFF, count: 172)
    private var sequence: UInt16 = 1

    init(port: Int, ssrc: UInt32, bridge: AudioBridge?) {
        self.port = port
        self.bridge = bridge
        packet[0] = 0x80
        packet[1] = 0
        for index in 0..<4 {
            packet[8 + index] = UInt8(truncatingIfNeeded: ssrc >> (24 - 8 * index))
        }
    }

    mutating func next(_ audio: [UInt8]) -> [UInt8] {
        packet[2] = UInt8(sequence >> 8)
        packet[3] = UInt8(sequence & 255)
        let timestamp = UInt32(sequence) &* 160
        for index in 0..<4 {
            packet[4 + index] = UInt8(truncatingIfNeeded: timestamp >> (24 - 8 * index))
        }
        let start = Int(sequence) * 160 % (audio.count - 160)
        packet.replaceSubrange(12..<172, with: audio[start..<start + 160])
        sequence &+= 1
        return packet
    }
}

let options = Options(CommandLine.arguments)
/// A packet that shows up later than this is counted as late and not waited for.
let patience: Int64 = 15_000_000
var voice = ToneGenerator(frequencies: [180, 360, 540, 720], levelDBm0: -20)
let audio = (0..<16_000).map { _ in G711.muLaw(Int16(max(-32_000, min(32_000, voice.nextValue()))))
}

var settings = MediaEngineConfiguration(
    ports: options.firstPort...(options.firstPort + 2 * options.legs + 1), workers: 1,
    mediaTimeout: nil)
settings.maximumTickLateness = nil
let engine = try MediaEngine(settings, metrics: MetricsRegistry()) { _ in }
let far = FarEnd()
var streams: [Stream] = []
for index in 0..<options.legs {
    let leg = try engine.createLeg(LegOptions())
    engine.send(.configure(RemoteMedia(address: "127.0.0.1", port: far.port)), to: leg.id)
    engine.send(.answered, to: leg.id)
    var bridge: AudioBridge?
    if index * options.probes / options.legs != (index + 1) * options.probes / options.legs {
        let made = AudioBridge()
        engine.send(.attach(made), to: leg.id)
        bridge = made
    }
    streams.append(Stream(port: leg.port, ssrc: UInt32(index + 1), bridge: bridge))
}

let scratch = UnsafeMutableBufferPointer<Int16>.allocate(capacity: 8192)
scratch.initialize(repeating: 0)
var parameters = sched_param(sched_priority: 2)
let isRealtime = pthread_setschedparam(pthread_self(), SCHED_RR, &parameters) == 0

var times: [Int64] = []
var late = 0
let begin = now() + 100_000_000
let warmUp = 50
let rounds = options.seconds * 50 + warmUp
for round in 0..<rounds {
    for index in streams.indices {
        let due =
            begin + Int64(round) * 20_000_000 + Int64(index) * 20_000_000 / Int64(streams.count)
        // A millisecond's worth at a time, as a network brings them.
        if due - now() > 500_000 { sleep(until: due) }
        let packet = streams[index].next(audio)
        guard let bridge = streams[index].bridge else {
            far.send(packet, to: streams[index].port)
            continue
        }
        while bridge.received.read(into: scratch) > 0 {}
        let start = now()
        far.send(packet, to: streams[index].port)
        var end = now()
        while bridge.received.count < 160, end - start < patience { end = now() }
        guard round >= warmUp else { continue }
        if end - start < patience { times.append(end - start) } else { late += 1 }
    }
}
engine.shutdown()
times.sort()
guard !times.isEmpty else { fail("no packet came through") }
@MainActor func percentile(_ share: Double) -> Double {
    Double(times[min(times.count - 1, Int(Double(times.count) * share))]) / 1000
}
print(
    "socket to detector, \(options.legs) legs with all detectors, \(times.count) packets of "
        + "\(options.probes) probes, SCHED_RR \(engine.realtimeWorkers == 1 ? "worker" : "none")"
        + (isRealtime ? " and sender" : "") + ", µs:")
print(
    String(
        format: "p50 %.0f  p90 %.0f  p99 %.0f  p99.9 %.0f  max %.0f  late %d", percentile(0.5),
        percentile(0.9), percentile(0.99), percentile(0.999), percentile(1), late))
if late * 100 > times.count { fail("\(late) packets took longer than 15 ms") }
if percentile(0.99) >= 1000 { fail("the 99th percentile is not below 1 ms") }
print("ok: p99 below 1 ms")
