import Audio
import Detection
import Foundation

// Reads names of sound files of 8 kHz from standard input, one a line: raw ones (16-bit samples, this machine's byte order)
// or WAV ones.
//
//   earfeatures            writes next to each NAME a NAME.rows: EarFeatures.count floats a 10 ms hop
//   earfeatures events     prints what the detectors find, as `trunkline detect` does
//   earfeatures scores     prints the voice score of each 20 ms, NAME first, one line a file

func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("earfeatures: \(message)\n".utf8))
    exit(1)
}

func samples(of name: String) -> [Int16] {
    guard let bytes = FileManager.default.contents(atPath: name) else { fail("cannot read \(name)") }
    guard name.hasSuffix(".wav") else {
        return bytes.withUnsafeBytes { Array($0.bindMemory(to: Int16.self)) }
    }
    do {
        return try WAVFile(parsing: [UInt8](bytes)).channel(0, at: 8000)
    } catch {
        fail("\(name): \(error)")
    }
}

var total = 0
let mode = CommandLine.arguments.dropFirst().first ?? "rows"
while let name = readLine() {
    let samples = samples(of: name)
    do {
        switch mode {
        case "events":
            let found = try FileDetection.run(samples: samples)
            for line in found.jsonLines(file: name, stream: "0") { print(line) }
        case "scores":
            let found = try FileDetection.run(samples: samples, vadTrace: true)
            print(name, found.vadTrace.map { String($0.score) }.joined(separator: " "))
        default:
            let rows = EarFeatures.rows(of: samples)
            total += rows.count / EarFeatures.count
            let data = rows.withUnsafeBytes { Data($0) }
            try data.write(to: URL(fileURLWithPath: name + ".rows"))
        }
    } catch {
        fail("\(name): \(error)")
    }
}
if mode == "rows" { print("\(total) rows of \(EarFeatures.count)") }
