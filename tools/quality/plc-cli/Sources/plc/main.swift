import Audio
import Foundation

// plc conceal JOBS   each line of JOBS: INPUT MASK OUTPUT; raw 16-bit files at 8 kHz, and one
//                    character of MASK for each 20 ms: '1' is lost. The concealer fills it in.
// plc time           nanoseconds per 20 ms of codecs, filters and concealment, interleaved runs.

let frameCount = 160

func conceal(jobs path: String) throws {
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
        let fields = line.split(separator: " ").map(String.init)
        guard fields.count == 3 else { continue }
        let input = try Data(contentsOf: URL(filePath: fields[0]))
        var samples = input.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) }
        var concealer = LossConcealer()
        for (index, mark) in fields[1].utf8.enumerated() {
            let range = index * frameCount..<min((index + 1) * frameCount, samples.count)
            guard range.lowerBound < range.upperBound else { break }
            samples.withUnsafeMutableBufferPointer { all in
                let frame = UnsafeMutableBufferPointer(rebasing: all[range])
                if mark == UInt8(ascii: "1") {
                    concealer.conceal(into: frame)
                } else {
                    concealer.good(frame)
                }
            }
        }
        try samples.withUnsafeBytes { Data($0) }.write(to: URL(filePath: fields[2]))
    }
}

switch CommandLine.arguments.dropFirst().first {
case "conceal" where CommandLine.arguments.count == 3:
    try conceal(jobs: CommandLine.arguments[2])
case "time":
    Timing.run()
default:
    print("usage: plc conceal JOBS | plc time")
    exit(2)
}
