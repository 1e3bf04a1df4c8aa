import Audio
import Foundation

// plc conceal JOBS   each line of JOBS: INPUT MASK OUTPUT; raw 16-bit files at 8 kHz, and one
//                    character of MASK for each 20 ms: '1' is lost. The concealer fills it in.
// plc leg JOBS       the same through a whole media leg, as µ-law packets.
// plc time           nanoseconds per 20 ms of codecs, filters and concealment, interleaved runs.

let frameCount = 160

/// Calls `body` with the samples and the mask of each job and writes what it returns.
func work(_ path: String, _ body: ([Int16], [Bool]) throws -> [Int16]) throws {
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
        let fields = line.split(separator: " ").map(String.init)
        guard fields.count == 3 else { continue }
        let input = try Data(contentsOf: URL(filePath: fields[0]))
        let samples = input.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) }
        let output = try body(samples, fields[1].utf8.map { $0 == UInt8(ascii: "1") })
        try output.withUnsafeBytes { Data($0) }.write(to: URL(filePath: fields[2]))
    }
}

func conceal(_ input: [Int16], _ lost: [Bool]) -> [Int16] {
    var samples = input
    var concealer = LossConcealer()
    for (index, isLost) in lost.enumerated() {
        let range = index * frameCount..<min((index + 1) * frameCount, samples.count)
        guard range.lowerBound < range.upperBound else { break }
        samples.withUnsafeMutableBufferPointer { all in
            let frame = UnsafeMutableBufferPointer(rebasing: all[range])
            if isLost { concealer.conceal(into: frame) } else { concealer.good(frame) }
        }
    }
    return samples
}

switch CommandLine.arguments.dropFirst().first {
case "conceal" where CommandLine.arguments.count == 3:
    try work(CommandLine.arguments[2], conceal)
case "leg" where CommandLine.arguments.count == 3:
    try work(CommandLine.arguments[2]) { samples, lost in
        let job = try LegJob(.pcmu)
        return job.run(samples, lost: lost)
    }
case "time":
    Timing.run()
default:
    print("usage: plc conceal JOBS | plc leg JOBS | plc time")
    exit(2)
}
