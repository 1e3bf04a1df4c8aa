import Audio
import CRTPLoad
import Foundation

/// Fails with a line on standard error.
func fail(_ text: String) -> Never {
    FileHandle.standardError.write(Data(("rtpload: " + text + "\n").utf8))
    exit(1)
}

func plan(file path: String, _ options: Options) throws -> [LegPlan] {
    guard let bytes = FileManager.default.contents(atPath: path) else {
        throw UsageError("cannot read \(path)")
    }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    return try lines.map { line in
        let words = line.split(separator: ",").map(String.init)
        let place = words.first?.split(separator: ":").map(String.init) ?? []
        guard words.count == 4, (1...2).contains(place.count),
            let port = Int(place[place.count - 1]),
            (1...65_535).contains(port), let pair = Int(words[1]), lines.indices.contains(pair)
        else { throw UsageError("\(path): not [HOST:]PORT,PAIR,TXKEY,RXKEY: \(line)") }
        var plan = LegPlan(
            address: try options.address(place.count == 2 ? place[0] : "127.0.0.1"), port: port,
            pair: pair)
        plan.suite = options.suite
        plan.sendKey = words[2] == "-" ? nil : try options.key(words[2])
        plan.receiveKey = words[3] == "-" ? nil : try options.key(words[3])
        return plan
    }
}

/// A socket a phase, `offset` above each even port.
func open(_ options: Options, _ offset: Int) throws -> [Int32] {
    let here = options.ownAddresses ? 0 : ipv4(options.bind)
    return try (0..<options.phases).map { phase in
        let port = options.from + 2 * phase + offset
        let socket = rl_socket(here, UInt16(truncatingIfNeeded: port))
        guard socket >= 0 else {
            throw UsageError("cannot bind \(options.bind):\(port) (\(socket))")
        }
        return socket
    }
}

func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.isEmpty || arguments.contains("--help") {
        print(Options.usage)
        return
    }
    let options = try Options(arguments)
    rl_raise_files()
    var track =
        try options.pcap.map {
            try Track(pcap: $0, ssrc: options.ssrc, payloadType: options.payloadType)
        }
        ?? Track(
            wav: options.wav, codec: options.codec, payloadType: options.payloadType,
            ptime: options.ptime)
    if options.matchesAudio { try track.mark() }
    let sockets = try open(options, 0)
    let controlSockets = try open(options, 1)
    var plans: [LegPlan] = []
    var service: LegService?
    var created: [String] = []
    defer { for id in created { service?.remove(id) } }
    if !options.targets.isEmpty {
        let key = try options.key
        plans = try (0..<options.legs).map { index in
            let target = try options.target(index)
            var plan = LegPlan(address: target.address, port: target.port, pair: index)
            plan.suite = options.suite
            if options.ownAddresses { plan.source = Options.firstAddress + UInt32(index) }
            plan.sendKey = key
            plan.receiveKey = key
            return plan
        }
    } else if let path = options.legsFile {
        plans = try plan(file: path, options)
    } else if let url = options.api {
        let legs = try LegService(url, options, track)
        service = legs
        for index in 0..<options.legs {
            let leg = try legs.create(
                index: index, localPort: options.from + 2 * (index % options.phases))
            created.append(leg.id)
            plans.append(leg.plan)
        }
    }
    guard plans.allSatisfy({ $0.port <= 65_535 }) else {
        throw UsageError("more legs than ports above the first")
    }
    guard
        options.ownAddresses
            || Set(plans.map { Generator.source($0.address, UInt16($0.port)) }).count
                == plans.count
    else {
        throw UsageError("two legs go to the same port: their replies could not be told apart")
    }
    let recorder = try options.record.map {
        try EchoRecorder(
            folder: $0, legs: Array(plans.indices.prefix(options.recordLegs)),
            seconds: options.warmup + options.seconds)
    }
    func start(_ leg: Int) -> Int { leg * 7919 % track.packets.count }
    var generator = try Generator(
        options, count: plans.count, track: track, sockets: sockets, controlSockets: controlSockets,
        recorder: recorder
    ) { index in
        let isProbe = options.probeEvery > 0 && index % options.probeEvery == 0
        return try Leg(
            plans[index], index: index, start: start(index),
            isByAudio: options.matchesAudio && !isProbe,
            impairment: Impairment(options.impairment, leg: index))
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
    let firsts = plans.indices.map { generator.firstPacket($0) }
    try generator.recorder?.write(track) { firsts[plans[$0].pair] }
    print(report(tally, options, track, plans.count, readings))
}

do {
    try main()
} catch {
    fail("\(error)")
}
