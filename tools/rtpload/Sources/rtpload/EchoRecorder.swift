import Audio
import Foundation

/// Keeps what came back on a few legs as 8 kHz audio, placed by timestamp, and writes it beside what
/// was sent: `heard-LEG.wav`, `sent-LEG.wav`. Missing packets are silence.
struct EchoRecorder {
    private let folder: String
    private let samples: Int
    private var heard: [Int: [Int16]] = [:]
    private var zero: [Int: UInt32] = [:]
    private var scratch = [Int16](repeating: 0, count: 2048)

    /// - Parameter legs: their numbers.
    init(folder: String, legs: [Int], seconds: Double) throws {
        self.folder = folder
        samples = Int(seconds * 8000)
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        } catch { throw UsageError("--record \(folder): \(error.localizedDescription)") }
        for leg in legs { heard[leg] = [Int16](repeating: 0, count: samples) }
    }

    func wants(_ leg: Int) -> Bool { heard[leg] != nil }

    /// - Parameters:
    ///   - timestamp: the reply's.
    ///   - position: where its first sample stands in what was sent, when that is known.
    mutating func take(
        _ leg: Int, _ payload: UnsafeRawBufferPointer, codec: LoadCodec, timestamp: UInt32,
        position: UInt32?
    ) {
        guard payload.count <= scratch.count else { return }
        let begin = zero[leg] ?? (timestamp &- (position ?? 0))
        zero[leg] = begin
        let place = Int(Int32(bitPattern: timestamp &- begin))
        let count = scratch.withUnsafeMutableBufferPointer { codec.decode(payload, into: $0) }
        for index in 0..<count where place + index >= 0 && place + index < samples {
            heard[leg]?[place + index] = scratch[index]
        }
    }

    /// - Parameter start: the track's packet that each leg began with.
    func write(_ track: Track, start: (_ leg: Int) -> Int) throws {
        for (leg, heard) in heard.sorted(by: { $0.key < $1.key }) {
            try save("heard-\(leg).wav", heard)
            var sent = [Int16](repeating: 0, count: samples)
            var decoded = [Int16](repeating: 0, count: 2048)
            var number: Int64 = 0
            while true {
                let place = Int(track.timestamp(number, from: start(leg)))
                guard place < samples else { break }
                let packet = track.packets[track.place(number, from: start(leg)).index]
                guard packet.payload.count <= decoded.count else { break }
                let count = track.bytes.withUnsafeBytes { bytes in
                    decoded.withUnsafeMutableBufferPointer {
                        track.codec.decode(
                            UnsafeRawBufferPointer(rebasing: bytes[packet.payload]), into: $0)
                    }
                }
                for index in 0..<count where place + index < samples {
                    sent[place + index] = decoded[index]
                }
                number += 1
            }
            try save("sent-\(leg).wav", sent)
        }
    }

    private func save(_ name: String, _ samples: [Int16]) throws {
        let path = folder + "/" + name
        let file = WAVFile(sampleRate: 8000, samples: samples)
        guard FileManager.default.createFile(atPath: path, contents: Data(file.serialised)) else {
            throw UsageError("cannot write \(path)")
        }
    }
}
