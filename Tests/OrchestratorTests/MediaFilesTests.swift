import Audio
import Base
import Foundation
import Synchronization
import Testing

@testable import Orchestrator

/// A folder of audio files, gone when the test is.
private final class Shelf {
    let folder = NSTemporaryDirectory() + "trunkline-\(UUID().uuidString)"

    init() throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func path(_ name: String) -> String { folder + "/" + name }

    /// Writes into the file that is there, as `cp` does.
    func write(_ name: String, _ file: WAVFile) throws {
        try Data(file.serialised).write(to: URL(fileURLWithPath: path(name)))
    }

    /// 100 ms at 8 kHz, each sample `value`.
    func write(_ name: String, value: Int16) throws {
        try write(name, WAVFile(sampleRate: 8000, samples: [Int16](repeating: value, count: 800)))
    }

    /// Sets the time of modification, which `touch -d` may do at any time.
    func touch(_ name: String, nanoseconds: Int) {
        let time = timespec(tv_sec: 1_700_000_000, tv_nsec: nanoseconds)
        #expect(utimensat(AT_FDCWD, path(name), [time, time], 0) == 0)
    }

    func status(_ name: String) -> stat {
        var status = stat()
        #expect(stat(path(name), &status) == 0)
        return status
    }
}

private func tone(_ frequency: Double, rate: Int) -> [Int16] {
    var tone = ToneGenerator(frequencies: [frequency], levelDBm0: -10, sampleRate: rate)
    return tone.next(rate)
}

@Suite struct MediaFilesTests {
    @Test func aFileThatIsAsItWasIsReadOnceAndOneThatChangedAnew() throws {
        let shelf = try Shelf()
        let files = MediaFiles(roots: [shelf.folder])
        try shelf.write("a.wav", value: 1)
        shelf.touch("a.wav", nanoseconds: 5)
        let first = try files.clip("a.wav", field: "path")
        #expect(first.samples == [Int16](repeating: 1, count: 800))
        #expect(try files.clip("./a.wav", field: "path") === first)

        // In place, of the same size, a nanosecond later.
        try shelf.write("a.wav", value: 2)
        shelf.touch("a.wav", nanoseconds: 6)
        let second = try files.clip("a.wav", field: "path")
        #expect(second.samples == [Int16](repeating: 2, count: 800))
        #expect(try files.clip("a.wav", field: "path") === second)

        // Another file of the same size and time under the name.
        try shelf.write("b.wav", value: 3)
        shelf.touch("b.wav", nanoseconds: 6)
        #expect(rename(shelf.path("b.wav"), shelf.path("a.wav")) == 0)
        #expect(try files.clip("a.wav", field: "path").samples.first == 3)

        // In place, and the time of modification set back. The kernel's clock of changes moves in steps
        // of milliseconds: until it does, nothing tells the two apart.
        let before = shelf.status("a.wav").st_ctim
        try shelf.write("a.wav", value: 4)
        repeat {
            shelf.touch("a.wav", nanoseconds: 6)
        } while shelf.status("a.wav").st_ctim.tv_nsec == before.tv_nsec
        #expect(try files.clip("a.wav", field: "path").samples.first == 4)

        // A shorter one, and none.
        try shelf.write("a.wav", WAVFile(sampleRate: 8000, samples: [5]))
        #expect(try files.clip("a.wav", field: "path").samples == [5])
        try FileManager.default.removeItem(atPath: shelf.path("a.wav"))
        #expect(throws: PlatformError.self) { try files.clip("a.wav", field: "path") }
    }

    @Test func onlyRegularFilesAreOpened() throws {
        let shelf = try Shelf()
        // Opening it would wait for somebody who writes.
        #expect(mkfifo(shelf.path("pipe.wav"), 0o600) == 0)
        let files = MediaFiles(roots: [shelf.folder])
        for path in ["pipe.wav", "."] {
            #expect(throws: PlatformError.self) { try files.clip(path, field: "path") }
        }
    }

    @Test func memoryIsCountedByWhatIsKeptAndBounded() throws {
        let shelf = try Shelf()
        let files = MediaFiles(roots: [shelf.folder], sampleLimit: 2500)
        for round in 1...5 {
            try shelf.write("a.wav", value: Int16(round))
            shelf.touch("a.wav", nanoseconds: round)
            _ = try files.clip("a.wav", field: "path")
            #expect(files.keptSamples == 800)
        }
        // 1,600 at 16 kHz.
        let wide = [Int16](repeating: 1, count: 1600)
        try shelf.write("b.wav", WAVFile(sampleRate: 16_000, samples: wide))
        let kept = try files.clip("b.wav", field: "path")
        #expect(files.keptSamples == 2400)
        // No room: the others go.
        try shelf.write("c.wav", value: 9)
        _ = try files.clip("c.wav", field: "path")
        #expect(files.keptSamples == 800)
        #expect(try files.clip("b.wav", field: "path") !== kept)
    }

    @Test func allChannelsAreHeardAndWidebandStaysWideband() throws {
        let shelf = try Shelf()
        let files = MediaFiles(roots: [shelf.folder])
        let silent = [Int16](repeating: 0, count: 16_000)
        for (name, left, right) in [
            ("left.wav", tone(6000, rate: 16_000), silent),
            ("right.wav", silent, tone(6000, rate: 16_000)),
        ] {
            let both = zip(left, right).flatMap { [$0, $1] }
            try shelf.write(name, WAVFile(sampleRate: 16_000, channels: 2, samples: both))
            let clip = try files.clip(name, field: "path")
            #expect(clip.sampleRate == 16_000 && clip.samples.count == 16_000)
            // Half the amplitude of −10 dBm0.
            #expect(abs(Level.dBm0(clip.samples) + 16.02) < 0.05, "\(name)")
        }
        for (rate, kept) in [
            (8000, 8000), (6000, 8000), (11_025, 16_000), (16_000, 16_000), (24_000, 16_000),
            (44_100, 16_000), (48_000, 16_000),
        ] {
            try shelf.write(
                "rate.wav", WAVFile(sampleRate: rate, samples: tone(1000, rate: rate)))
            let clip = try files.clip("rate.wav", field: "path")
            #expect(clip.sampleRate == kept && clip.milliseconds == 1000, "\(rate)")
            let middle = Array(clip.samples[1000..<clip.samples.count - 1000])
            #expect(abs(Level.dBm0(middle) + 10) < 0.3, "\(rate)")
        }
        let narrow = tone(1000, rate: 8000)
        try shelf.write("narrow.wav", WAVFile(sampleRate: 8000, samples: narrow))
        #expect(try files.clip("narrow.wav", field: "path").samples == narrow)
    }

    @Test func aNewRecordingIsOneRequestsOnly() throws {
        let shelf = try Shelf()
        let files = MediaFiles(roots: [shelf.folder])
        let start = Instant(nanoseconds: 1_000_000_000)
        func ask(_ path: String, after milliseconds: Int64) -> String? {
            try? files.newRecording(
                path, field: "options.record", now: start + .milliseconds(milliseconds))
        }
        #expect(ask("a.wav", after: 0) == shelf.path("a.wav"))
        #expect(ask("a.wav", after: 0) == nil)
        #expect(ask("./x/../a.wav", after: 999) == nil)
        #expect(ask("b.wav", after: 999) == shelf.path("b.wav"))
        // The request came to nothing: its name is free again.
        #expect(ask("a.wav", after: 1000) == shelf.path("a.wav"))
        #expect(ask("a.wav", after: 1999) == nil)
        try shelf.write("a.wav", value: 1)
        #expect(ask("a.wav", after: 9000) == nil)
        #expect(ask("c.mp3", after: 9000) == nil)
        #expect(ask("../c.wav", after: 9000) == nil)
    }

    /// The kernel's names end at a NUL: a recording would be made under another than the one that was looked at.
    @Test func aNameWithANULIsNone() throws {
        let shelf = try Shelf()
        let files = MediaFiles(roots: [shelf.folder])
        try shelf.write("a.wav", value: 1)
        for path in ["trunkline.db-journal\0.wav", "a.wav\0", "a.wav\0/b.wav", "\0a.wav"] {
            #expect(throws: PlatformError.self, "\(path)") {
                try files.newRecording(path, field: "path")
            }
            #expect(throws: PlatformError.self, "\(path)") { try files.clip(path, field: "path") }
        }
    }

    /// What a link in an allowed directory leads to is where the file would be made.
    @Test func aRecordingIsNotMadeBehindALinkThatLeadsOut() throws {
        let shelf = try Shelf()
        let outside = try Shelf()
        let files = MediaFiles(roots: [shelf.folder])
        func link(_ name: String, to target: String) {
            #expect(symlink(target, shelf.path(name)) == 0)
        }
        link("out", to: outside.folder)
        link("relative", to: "../" + outside.folder.split(separator: "/").suffix(1).joined())
        link("chain", to: "out")
        link("gone.wav", to: outside.path("gone.wav"))
        link("loop", to: "loop")
        link("in", to: ".")
        for path in [
            "out/a.wav", "out/sub/a.wav", "relative/a.wav", "chain/a.wav", "gone.wav",
            "in/out/a.wav", "in/../../a.wav", "out/../" + "a.wav",
            shelf.path("out/a.wav"), outside.path("a.wav"),
        ] {
            #expect(throws: PlatformError.self, "\(path)") {
                try files.newRecording(path, field: "path")
            }
        }
        // One that stays inside names the file where it really is; so does a root that is a link.
        #expect(try files.newRecording("in/in/new/b.wav", field: "path") == shelf.path("new/b.wav"))
        let linked = MediaFiles(roots: [shelf.path("out") + "/not/yet"])
        #expect(
            try linked.newRecording("c.wav", field: "path") == outside.path("not/yet/c.wav"))
    }

    @Test func ofRequestsAtTheSameMomentOneGetsTheName() throws {
        let shelf = try Shelf()
        let files = MediaFiles(roots: [shelf.folder])
        let now = Instant(nanoseconds: 0)
        let given = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 32) { _ in
            do throws(PlatformError) {
                _ = try files.newRecording("a.opus", field: "path", now: now)
                given.withLock { $0 += 1 }
            } catch {
                #expect(
                    error == .invalid("path", "path: another request has just named a.opus"))
            }
        }
        #expect(given.withLock { $0 } == 1)
    }

    @Test func namesHeldAreBounded() throws {
        let shelf = try Shelf()
        let files = MediaFiles(roots: [shelf.folder])
        let now = Instant(nanoseconds: 0)
        for index in 0...MediaFiles.nameLimit {
            _ = try files.newRecording("\(index).wav", field: "path", now: now)
        }
        #expect(throws: PlatformError.self) {
            try files.newRecording("0.wav", field: "path", now: now)
        }
        // Not held any more: the recorder decides.
        _ = try files.newRecording("\(MediaFiles.nameLimit).wav", field: "path", now: now)
    }
}
