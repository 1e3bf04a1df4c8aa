import Audio
import Detection
import Foundation

// The detectors alone: names of WAV files on standard input, the lines of `trunkline detect` out.
// It needs none of the server's packages, so that a copy with other weights is built in a minute.
//
//   hear [--vad-trace] < LIST

let traces = CommandLine.arguments.contains("--vad-trace")
while let name = readLine(strippingNewline: true) {
    guard let data = FileManager.default.contents(atPath: name) else {
        FileHandle.standardError.write(Data("\(name): cannot be read\n".utf8))
        exit(1)
    }
    let wav = try WAVFile(parsing: [UInt8](data))
    let found = try FileDetection.run(
        samples: wav.channel(0), sampleRate: wav.sampleRate, vadTrace: traces)
    for line in found.jsonLines(file: name, stream: "0") { print(line) }
}
