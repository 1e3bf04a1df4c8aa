import Base
import Foundation
import Media

//   jitter [--network clean|uniform|wifi|mobile|loss|drift] [--seconds 60] [--seed 1]
//   jitter --pcap FILE [--ssrc HEX]
//
// CSV on standard output, one line a pull; a summary on standard error. Exits 1 when the buffer
// allocated memory after its start.

func fail(_ line: String) -> Never {
    FileHandle.standardError.write(Data(("jitter: " + line + "\n").utf8))
    exit(2)
}

var options: [String: String] = [:]
var words = CommandLine.arguments.dropFirst()
while let name = words.popFirst() {
    guard ["--network", "--seconds", "--seed", "--pcap", "--ssrc"].contains(name),
        let value = words.popFirst()
    else { fail("unknown option or missing value: \(name)") }
    options[name] = value
}

let packets: [Arrival]
if let path = options["--pcap"] {
    guard let data = FileManager.default.contents(atPath: path) else { fail("cannot read \(path)") }
    let ssrc = options["--ssrc"].flatMap { UInt32($0, radix: 16) }
    do {
        packets = try arrivals(ofCapture: Array(data), ssrc: ssrc)
    } catch {
        fail("\(path): \(error)")
    }
} else {
    guard let network = Network(rawValue: options["--network"] ?? "wifi") else {
        fail("networks: " + Network.allCases.map(\.rawValue).joined(separator: " "))
    }
    packets = network.arrivals(
        seconds: max(1, min(3600, Int(options["--seconds"] ?? "60") ?? 60)),
        seed: UInt64(options["--seed"] ?? "1") ?? 1)
}
guard let last = packets.last else { fail("no G.711 packets") }

let result = play(packets)

var text = "time_ms,delay_ms,target_ms,lateness_ms,late,lost,concealed,expanded,compressed\n"
for (tick, row) in result.rows.enumerated() {
    let lateness = row.lateness < 0 ? "" : "\(row.lateness)"
    text += "\(tick * 20),\(row.delay),\(row.target),\(lateness),\(row.late),\(row.lost),"
    text += "\(row.frame.concealed),\(row.frame.expanded),\(row.frame.compressed)\n"
}
FileHandle.standardOutput.write(Data(text.utf8))

let counters = result.counters
FileHandle.standardError.write(
    Data(
        """
        \(counters.received) packets, \(result.lost) lost, \(counters.late) late, \
        \(counters.duplicates) duplicate, \(counters.underruns) underruns
        concealed \(counters.concealedSamples), expanded \(counters.expandedSamples), \
        compressed \(counters.compressedSamples), skipped \(counters.skippedSamples) samples
        \(Int(result.nanosecondsPerFrame)) ns a frame (packet in, frame out), \
        \(result.allocations) allocations

        """.utf8))
exit(result.allocations == 0 ? 0 : 1)
