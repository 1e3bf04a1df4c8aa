import Foundation
import Synchronization
import Testing

@testable import MediaEngine

/// A recording never takes another's place, nor that of any file, whoever comes at the same time.
@Suite struct RecordingNameTests {
    private static let samples = [Int16](repeating: 1000, count: 320)

    /// Runs `body` with a folder that is gone afterwards.
    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "trunkline-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func begin(
        _ path: String, serial: UInt32, disk: RecordingDisk = .system
    ) -> Result<RecordingFile, RecordingFailure> {
        do throws(RecordingFailure) {
            return .success(
                try RecordingFile(
                    path, format: RecordingFormat(path: path), sampleRate: 8000, serial: serial,
                    opus: OpusRecordingOptions(), disk: disk))
        } catch {
            return .failure(error)
        }
    }

    private func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }

    @Test(arguments: ["a.wav", "a.opus"])
    func ofManyAtOnceOneHasTheNameAndItsFileStaysWhole(name: String) throws {
        try inFolder { folder in
            let path = folder + "/" + name
            let written = Mutex(0)
            let refused = Mutex<[RecordingFailure]>([])
            DispatchQueue.concurrentPerform(iterations: 16) { index in
                do throws(RecordingFailure) {
                    let file = try begin(path, serial: UInt32(index)).get()
                    try file.record(Self.samples)
                    written.withLock { $0 += 1 }
                } catch {
                    refused.withLock { $0.append(error) }
                }
            }
            #expect(written.withLock { $0 } == 1)
            #expect(refused.withLock { $0 } == [RecordingFailure](repeating: .exists, count: 15))
            #expect(try names(folder) == [name])
            // What was said is in the file that has the name.
            let alone = folder + "/b" + name
            try begin(alone, serial: 99).get().record(Self.samples)
            #expect(try bytes(path).count == bytes(alone).count)
        }
    }

    @Test func aFileThatIsThereStaysAsItIs() throws {
        try inFolder { folder in
            let path = folder + "/a.wav"
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
            guard case .failure(let failure) = begin(path, serial: 1) else {
                Issue.record("it was replaced")
                return
            }
            #expect(failure == .exists && failure.label == "create")
            #expect(
                failure.text == "a file of this name exists already, and a recording replaces none")
            #expect(try bytes(path) == [1, 2, 3])
            #expect(try names(folder) == ["a.wav"])
        }
    }

    /// Drafts that a crash left, and somebody's own file of that name, are in nobody's way and stay.
    @Test func draftsAreNobodysConcern() throws {
        try inFolder { folder in
            for draft in ["a.wav.part", "a.wav.7.part"] {
                try Data([9]).write(to: URL(fileURLWithPath: folder + "/" + draft))
            }
            try begin(folder + "/a.wav", serial: 8).get().finish()
            #expect(try names(folder) == ["a.wav", "a.wav.7.part", "a.wav.part"])
            #expect(try bytes(folder + "/a.wav.part") == [9])
            // One in four thousand million: not written over either.
            guard case .failure(.exists) = begin(folder + "/a.wav", serial: 7) else {
                Issue.record("somebody's draft was taken")
                return
            }
            #expect(try bytes(folder + "/a.wav.7.part") == [9])
        }
    }

    /// The draft's name is longer than the recording's, and a file system has room for 255 bytes.
    @Test(arguments: ["a", "é"]) func theLongestNameThatAFileMayHaveIsTaken(letter: String) throws {
        let count = 251 / letter.utf8.count
        let name = String(repeating: letter, count: count) + ".wav"
        try inFolder { folder in
            try begin(folder + "/" + name, serial: .max).get().finish()
            #expect(try names(folder) == [name])
            let path = folder + "/" + String(repeating: "b", count: 252) + ".wav"
            guard case .failure = begin(path, serial: 1) else {
                Issue.record("256 bytes were taken")
                return
            }
        }
    }

    @Test func whereFilesCannotBeLinkedNothingIsReplacedEither() throws {
        var disk = RecordingDisk.system
        disk.rename = { from, to in
            RecordingDisk.rename(
                from, to: to,
                link: { _, _ in
                    errno = EPERM
                    return -1
                })
        }
        try inFolder { folder in
            try begin(folder + "/a.wav", serial: 1, disk: disk).get().record(Self.samples)
            #expect(try bytes(folder + "/a.wav").count == 44 + 640)
            guard case .failure(.exists) = begin(folder + "/a.wav", serial: 2, disk: disk) else {
                Issue.record("it was replaced")
                return
            }
            #expect(try bytes(folder + "/a.wav").count == 44 + 640)
            #expect(try names(folder) == ["a.wav"])
        }
    }
}

extension RecordingFile {
    /// Writes `samples` and ends the file.
    fileprivate func record(_ samples: [Int16]) throws(RecordingFailure) {
        var failure: RecordingFailure?
        samples.withUnsafeBufferPointer { samples in
            do throws(RecordingFailure) { try append(samples) } catch { failure = error }
        }
        if let failure { throw failure }
        try finish()
    }
}
