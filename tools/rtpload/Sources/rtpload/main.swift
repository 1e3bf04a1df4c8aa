import Audio
import CRTPLoad
import Foundation

/// Fails with a line on standard error.
func fail(_ text: String) -> Never {
    FileHandle.standardError.write(Data(("rtpload: " + text + "\n").utf8))
    exit(1)
}

/// µ-law of a WAV file, or of a made-up voice: syllables, pauses, a beep every ten seconds.
func payload(_ path: String?, atLeast count: Int) throws -> [UInt8] {
    var samples: [Int16] = []
    if let path {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw UsageError("cannot read \(path)")
        }
        samples = try WAVFile(parsing: Array(bytes)).channel(0, at: 8000)
    } else {
        var voice = ToneGenerator(frequencies: [180, 360, 540, 720, 900, 1440], levelDBm0: -24)
        for index in 0..<80_000 {
            let level = max(0, 1 - abs(Double(index % 2400) / 1200 - 1) * 1.3)
            samples.append(index < 64_000 ? Int16(voice.nextValue() * level) : 0)
        }
        var beep = ToneGenerator(frequencies: [1000], levelDBm0: -14)
        for index in 70_000..<73_200 { samples[index] = Int16(beep.nextValue()) }
    }
    guard samples.count >= count else { throw UsageError("the audio is shorter than a packet") }
    return samples.map { G711.muLaw($0) }
}

struct LegPlan {
    var port: Int
    var pair: Int
    var sendKey: [UInt8]?
    var receiveKey: [UInt8]?
}

func plan(file path: String) throws -> [LegPlan] {
    guard let bytes = FileManager.default.contents(atPath: path) else {
        throw UsageError("cannot read \(path)")
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    return try lines.map { line in
        let words = line.split(separator: ",").map(String.init)
        guard words.count == 4, let port = Int(words[0]), (1...65_535).contains(port),
            let pair = Int(words[1]), lines.indices.contains(pair)
        else { throw UsageError("\(path): not PORT,PAIR,TXKEY,RXKEY: \(line)") }
        return LegPlan(
            port: port, pair: pair, sendKey: words[2] == "-" ? nil : try Options.key(words[2]),
            receiveKey: words[3] == "-" ? nil : try Options.key(words[3]))
    }
}

func report(_ tally: Tally, _ options: Options, _ legs: Int, _ readings: [ServerProbe.Reading])
    -> String
{
    func number(_ value: Double) -> String { String(format: "%.3f", value) }
    let lost = max(0, tally.sent - tally.received)
    var fields = [
        "\"legs\": \(legs)", "\"seconds\": \(number(options.seconds))",
        "\"ptime_ms\": \(options.ptime)", "\"sent\": \(tally.sent)",
        "\"received\": \(tally.received)", "\"lost\": \(lost)", "\"late\": \(tally.late)",
        "\"reordered\": \(tally.reordered)", "\"duplicates\": \(tally.duplicates)",
        "\"not_authentic\": \(tally.notAuthentic)", "\"unmatched\": \(tally.unknown)",
        "\"send_failures\": \(tally.sendFailures)",
        "\"generator_late_slots\": \(tally.lateSlots)",
        "\"generator_cpu_s\": \(number(Double(tally.cpuNanoseconds) / 1e9))",
    ]
    let latency = tally.latency
    let quantiles = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)]
        .map { "\"\($0)\": \(number(latency.microseconds(at: $1)))" }
    fields.append(
        "\"latency_us\": {\"mean\": \(number(latency.meanMicroseconds)), "
            + quantiles.joined(separator: ", ")
            + ", \"max\": \(number(Double(latency.maximum) / 1000))}")
    if readings.count == 2 {
        let used = Double(readings[1].total - readings[0].total)
        let threads = readings[1].threads.map { name, time in
            "\"\(name)\": \(number(Double(time - (readings[0].threads[name] ?? 0)) / 1e9))"
        }
        fields.append(
            "\"server\": {\"cpu_s\": \(number(used / 1e9)), \"us_per_packet\": "
                + number(used / 1000 / Double(max(1, tally.sent))) + ", \"ms_per_leg_second\": "
                + number(used / 1e6 / options.seconds / Double(legs))
                + ", \"resident_kib\": \(readings[1].residentKiB), \"threads_cpu_s\": {"
                + threads.sorted().joined(separator: ", ") + "}}")
    }
    return "{" + fields.joined(separator: ", ") + "}"
}

func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.isEmpty || arguments.contains("--help") {
        print(Options.usage)
        return
    }
    let options = try Options(arguments)
    rl_raise_files()
    let samples = options.ptime * 8
    let audio = try payload(options.wav, atLeast: samples)
    func open(_ offset: Int) throws -> [Int32] {
        try (0..<options.ptime).map { phase in
            let port = options.from + 2 * phase + offset
            let socket = rl_socket(UInt16(port))
            guard socket >= 0 else { throw UsageError("cannot bind port \(port) (\(socket))") }
            return socket
        }
    }
    let sockets = try open(0)
    let controlSockets = try open(1)
    var plans: [LegPlan] = []
    var service: LegService?
    var created: [String] = []
    defer { for id in created { service?.remove(id) } }
    var address = try loopback("127.0.0.1")
    if let target = options.target {
        address = target.address
        plans = (0..<options.legs).map {
            LegPlan(
                port: target.port + $0 * target.step, pair: $0, sendKey: options.key,
                receiveKey: options.key)
        }
    } else if let path = options.legsFile {
        plans = try plan(file: path)
    } else if let url = options.api {
        let legs = try LegService(url, options)
        service = legs
        for index in 0..<options.legs {
            let leg = try legs.create(localPort: options.from + 2 * (index % options.ptime))
            created.append(leg.id)
            plans.append(
                LegPlan(
                    port: leg.port, pair: index, sendKey: leg.localKey, receiveKey: leg.remoteKey))
        }
    }
    guard plans.allSatisfy({ $0.port <= 65_535 }) else {
        throw UsageError("more legs than ports above the first")
    }
    var generator = try Generator(
        options, count: plans.count, address: address, payload: audio, sockets: sockets,
        controlSockets: controlSockets
    ) { index in
        let plan = plans[index]
        return try Leg(
            port: UInt16(plan.port), pair: plan.pair, index: index, sendKey: plan.sendKey,
            receiveKey: plan.receiveKey)
    }
    if rl_schedule(Int32(options.cpu), options.isRealtime ? 1 : 0) < 0 {
        FileHandle.standardError.write(Data("rtpload: no SCHED_RR or CPU as asked\n".utf8))
    }
    let probe = options.pid.map { ServerProbe(pid: $0) }
    var readings: [ServerProbe.Reading] = []
    var cpu: [Int64] = []
    generator.run(warmup: options.warmup, seconds: options.seconds) {
        if let probe { readings.append(probe.read()) }
        cpu.append(rl_cpu_ns())
    }
    var tally = generator.tally
    if cpu.count == 2 { tally.cpuNanoseconds = cpu[1] - cpu[0] }
    print(report(tally, options, plans.count, readings))
}

do {
    try main()
} catch {
    fail("\(error)")
}
