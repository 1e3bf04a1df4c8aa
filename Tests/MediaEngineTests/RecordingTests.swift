import Audio
import Base
import CLinux
import CallModel
import Foundation
import Media
import Synchronization
import Telemetry
import Testing

@testable import MediaEngine

/// A recording without an engine: the test is the worker.
private final class RecorderBench {
    let folder = NSTemporaryDirectory() + "trunkline-\(UUID().uuidString)"
    let log: EventLog
    let metrics = MetricsRegistry()
    let writer: RecordingWriter
    private let pump: EventPump

    init(disk: RecordingDisk = .system, limit: Int = RecordingWriter.limit) throws {
        let log = try EventLog()
        let ring = EventRing()
        let signal = try WakeSignal()
        writer = try RecordingWriter(
            events: EventSender(ring: ring, signal: signal), metrics: metrics, disk: disk,
            limit: limit)
        pump = try EventPump(signal: signal, workers: [], recorder: ring) { log.add($0) }
        self.log = log
    }

    deinit {
        writer.stop()
        pump.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    func begin(_ name: String, leg: UInt32 = 1) -> Recording {
        Recording(leg: LegID(leg), path: name, folder: folder)
    }

    /// Writes frames of both sides; those that do not fit are refused like in a worker.
    func put(_ recording: Recording, frames: Int, value: Int16 = 1000) {
        let samples = [Int16](repeating: value, count: frames * 2)
        _ = samples.withUnsafeBufferPointer { recording.ring.write($0) }
        writer.wake()
    }

    func bytes(_ name: String) -> [UInt8] {
        Array((try? Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))) ?? Data())
    }

    func failures(_ label: String) -> Int {
        metrics.counter(Catalogue.mediaRecordingsFailed, [label]).value
    }
}

/// A disk that has `room` bytes, or stands still while `isStuck`.
private final class OddDisk: Sendable {
    let isStuck = Atomic<Bool>(false)
    let waiting = Atomic<Bool>(false)
    let room: Atomic<Int>

    init(room: Int = .max) { self.room = Atomic(room) }

    var disk: RecordingDisk {
        var disk = RecordingDisk.system
        disk.write = { [self] file, bytes, offset in
            while isStuck.load(ordering: .acquiring) {
                waiting.store(true, ordering: .releasing)
                tl_sleep_ns(1_000_000)
            }
            let end = offset + bytes.count
            guard end > room.load(ordering: .relaxed) else {
                return RecordingDisk.system.write(file, bytes, offset)
            }
            // Like a file system: what fits is written before the error.
            let part = max(0, room.load(ordering: .relaxed) - offset)
            _ = RecordingDisk.system.write(
                file, UnsafeRawBufferPointer(rebasing: bytes[0..<part]), offset)
            return -28
        }
        return disk
    }
}

@Suite(.serialized) struct RecordingTests {
    @Test func aFullDiskIsSaidAtOnceAndWhatWasRecordedPlays() throws {
        let odd = OddDisk(room: 10_001)
        let bench = try RecorderBench(disk: odd.disk)
        let recording = bench.begin("a/full.wav")
        #expect(bench.writer.add(recording))
        bench.put(recording, frames: 2000)
        #expect(bench.log.wait { bench.bytes("a/full.wav").count == 44 + 8000 })
        bench.put(recording, frames: 2000)
        // The leg goes on: nothing has been finished.
        #expect(bench.log.wait { bench.log.kinds(LegID(1)).count == 1 })
        guard case .recordingFailed(let path, let reason) = bench.log.kinds(LegID(1))[0] else {
            Issue.record("\(bench.log.kinds(LegID(1)))")
            return
        }
        #expect(path == "a/full.wav" && reason.hasPrefix("no space left"))
        #expect(bench.failures("disk_full") == 1)
        let file = try WAVFile(parsing: bench.bytes("a/full.wav"))
        #expect(bench.bytes("a/full.wav").count == 44 + file.samples.count * 2)
        #expect(file.frameCount >= 2000 && file.samples.allSatisfy { $0 == 1000 })
        // The ring is emptied on, and the end says nothing a second time.
        bench.put(recording, frames: 2000)
        #expect(bench.log.wait { recording.ring.count == 0 })
        recording.finish(then: EngineEvent(leg: LegID(1), kind: .mediaStarted))
        bench.writer.wake()
        #expect(bench.log.wait { bench.log.kinds(LegID(1)).last == .mediaStarted })
        #expect(bench.log.kinds(LegID(1)).count == 2)
        #expect(bench.metrics.counter(Catalogue.recordings, ["failed"]).value == 1)
    }

    @Test func aFullDiskLeavesOnlyWholePagesOfAnOpusFile() throws {
        let odd = OddDisk(room: 900)
        let bench = try RecorderBench(disk: odd.disk)
        let recording = bench.begin("full.opus")
        #expect(bench.writer.add(recording))
        for _ in 0..<40 {
            bench.put(recording, frames: 1600, value: Int16.random(in: 1...9000))
            #expect(bench.log.wait { recording.ring.count == 0 })
        }
        #expect(bench.log.wait { bench.failures("disk_full") == 1 })
        let bytes = bench.bytes("full.opus")
        #expect(bytes.count < 900)
        let pages = try wholeOggPages(bytes)
        #expect(pages.bytes == bytes.count && pages.count >= 3)
        recording.finish()
    }

    @Test func aFolderThatVanishesFailsTheRecordingInWords() throws {
        let bench = try RecorderBench()
        let recording = bench.begin("gone/a.wav")
        #expect(bench.writer.add(recording))
        bench.put(recording, frames: 100)
        #expect(bench.log.wait { bench.bytes("gone/a.wav").count == 444 })
        try FileManager.default.removeItem(atPath: bench.folder + "/gone")
        bench.put(recording, frames: 100)
        #expect(bench.log.wait { !bench.log.kinds(LegID(1)).isEmpty })
        #expect(bench.failures("vanished") == 1)
        #expect(
            bench.log.kinds(LegID(1)) == [
                .recordingFailed(
                    path: "gone/a.wav", reason: "its file was deleted, or the folder it was in")
            ])
        recording.finish()
    }

    /// The file has its name only from the moment on when it is a recording.
    @Test func nothingIsThereUnderTheNameUntilItHasItsHeader() throws {
        let odd = OddDisk()
        odd.isStuck.store(true, ordering: .releasing)
        let bench = try RecorderBench(disk: odd.disk)
        let recording = bench.begin("a.wav")
        #expect(bench.writer.add(recording))
        #expect(bench.log.wait { odd.waiting.load(ordering: .acquiring) })
        #expect(!FileManager.default.fileExists(atPath: bench.folder + "/a.wav"))
        odd.isStuck.store(false, ordering: .releasing)
        #expect(bench.log.wait { bench.bytes("a.wav").count == 44 })
        #expect(try FileManager.default.contentsOfDirectory(atPath: bench.folder) == ["a.wav"])
        recording.finish()
    }

    /// Orders of two legs that name one file, whichever way they came.
    @Test func theSecondRecordingOfANameIsRefusedInWordsAndTheFirstGoesOn() throws {
        let bench = try RecorderBench()
        let first = bench.begin("same.wav", leg: 1)
        let second = bench.begin("same.wav", leg: 2)
        #expect(bench.writer.add(first) && bench.writer.add(second))
        bench.put(first, frames: 100)
        bench.put(second, frames: 900, value: 7)
        #expect(bench.log.wait { !bench.log.kinds(LegID(2)).isEmpty })
        #expect(
            bench.log.kinds(LegID(2)) == [
                .recordingFailed(
                    path: "same.wav",
                    reason: "a file of this name exists already, and a recording replaces none")
            ])
        #expect(bench.failures("create") == 1)
        for recording in [first, second] { recording.finish() }
        bench.writer.wake()
        #expect(
            bench.log.wait {
                bench.log.kinds(LegID(1)) == [.recordingFinished(path: "same.wav")]
            })
        #expect(
            try WAVFile(parsing: bench.bytes("same.wav")).samples
                == [Int16](repeating: 1000, count: 200))
    }

    /// Events that found the ring full are offered again though nothing records any more.
    @Test func theLastWordOfARecordingDoesNotWaitForTheNextOne() throws {
        let log = try EventLog()
        let ring = EventRing()
        let metrics = MetricsRegistry()
        // Another writer of the ring, before the recorder has anything to say.
        var full = EventSender(ring: ring, signal: try WakeSignal())
        for _ in 0..<EventRing.capacity {
            full.push(EngineEvent(leg: LegID(2), kind: .mediaStarted))
        }
        let writer = try RecordingWriter(
            events: EventSender(ring: ring, signal: try WakeSignal()), metrics: metrics)
        let recording = Recording(leg: LegID(1), path: "../no.wav", folder: "/tmp")
        recording.finish()
        #expect(writer.add(recording))
        let failed = metrics.counter(Catalogue.recordings, ["failed"])
        #expect(log.wait { failed.value == 1 })
        var events: [EngineEvent] = []
        let isSaid = log.wait {
            ring.drain(into: &events)
            return events.contains { $0.leg == LegID(1) }
        }
        #expect(isSaid)
        writer.stop()
    }

    /// A disk that takes longer for a write than the leg for its next frame (a share over a network): every
    /// time the recorder looks, there is something.
    @Test func aDiskThatIsNeverDoneKeepsNobodyElseWaiting() throws {
        let slow = Mutex<Recording?>(nil)
        let frames = Atomic<Int>(0)
        var disk = RecordingDisk.system
        disk.write = { file, bytes, offset in
            if let leg = slow.withLock({ $0 }), frames.load(ordering: .relaxed) < 500 {
                frames.wrappingAdd(1, ordering: .relaxed)
                let frame = [Int16](repeating: 5, count: 320)
                _ = frame.withUnsafeBufferPointer { leg.ring.write($0) }
            }
            return RecordingDisk.system.write(file, bytes, offset)
        }
        let bench = try RecorderBench(disk: disk)
        let (first, second) = (bench.begin("slow.wav"), bench.begin("other.wav", leg: 2))
        #expect(bench.writer.add(first) && bench.writer.add(second))
        #expect(bench.log.wait { bench.bytes("other.wav").count == 44 })
        slow.withLock { $0 = first }
        bench.put(second, frames: 160)
        bench.put(first, frames: 160)
        #expect(bench.log.wait { bench.bytes("other.wav").count == 44 + 640 })
        #expect(frames.load(ordering: .relaxed) < 100)
        for recording in [first, second] { recording.finish() }
    }

    @Test func recordingsBeyondTheLimitAreRefusedAndThoseThatEndMakeRoom() throws {
        let bench = try RecorderBench(limit: 2)
        let open = [bench.begin("0.wav"), bench.begin("1.wav")]
        for recording in open { #expect(bench.writer.add(recording)) }
        let third = bench.begin("2.wav")
        #expect(!bench.writer.add(third))
        #expect(bench.failures("too_many") == 1)
        #expect(
            bench.writer.refusal(of: third).kind
                == .recordingFailed(
                    path: "2.wav",
                    reason: "2 recordings are open already: the disk is too slow for so many"))
        open[0].finish()
        bench.writer.wake()
        #expect(
            bench.log.wait {
                bench.log.kinds(LegID(1)).contains(.recordingFinished(path: "0.wav"))
            })
        #expect(bench.log.wait { bench.writer.add(third) })
        open[1].finish()
        third.finish()
    }

    @Test func aStuckDiskCostsSamplesButNeverTheCall() throws {
        let odd = OddDisk()
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let folder = NSTemporaryDirectory() + "trunkline-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let engine = try MediaEngine(
            configuration(ports: 22300...22319, folder: folder), metrics: metrics, lateness: nil,
            disk: odd.disk
        ) { log.add($0) }
        defer { engine.shutdown() }
        let leg = try engine.createLeg(LegOptions(mode: .echo, detection: false))
        let phone = try Phone()
        engine.send(.configure(phone.remote), to: leg.id)
        engine.send(.startRecording(path: "slow.wav"), to: leg.id)
        let path = folder + "/slow.wav"
        #expect(log.wait { FileManager.default.fileExists(atPath: path) })
        odd.isStuck.store(true, ordering: .releasing)
        let start = monotonicNow()
        var echoed = 0
        // Longer than the ring of two seconds; each packet waits for its echo, which comes while the
        // disk stands still.
        while monotonicNow() - start < .milliseconds(3200) {
            phone.send([UInt8](repeating: 0x80, count: 160), to: leg.port)
            guard phone.receive() != nil else { break }
            echoed += 1
            tl_sleep_ns(2_000_000)
        }
        #expect(echoed > 10)
        #expect(engine.isHealthy)
        odd.isStuck.store(false, ordering: .releasing)
        let stop = monotonicNow()
        engine.removeLeg(leg.id)
        _ = try #require(log.waitForClosed(leg.id))
        #expect(log.kinds(leg.id).contains(.recordingFinished(path: "slow.wav")))
        engine.shutdown()
        let dropped = metrics.counter(Catalogue.recordingDroppedSamples).value
        #expect(dropped > 4000)
        let file = try WAVFile(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
        // What was dropped at the end of the recording cannot be made up as silence any more.
        let milliseconds = Int((stop - start).nanoseconds / 1_000_000)
        #expect(file.durationMilliseconds >= milliseconds - dropped / 8 - 300)
    }

    @Test func anOpusRecordingIsWhatThirdPartiesReadAndStaysAligned() throws {
        let bench = try RecorderBench()
        let recording = bench.begin("call.opus")
        #expect(bench.writer.add(recording))
        // Two seconds: a burst of 50 ms at 0.5 s on the left, at 1.25 s on the right.
        var samples = [Int16](repeating: 0, count: 2 * 16_000)
        for index in 0..<400 {
            let wave = Int16(12_000 * sin(Double(index) * 1000 * 2 * .pi / 8000))
            samples[2 * (4000 + index)] = wave
            samples[2 * (10_000 + index) + 1] = wave
        }
        for start in stride(from: 0, to: samples.count, by: 3200) {
            _ = samples[start..<start + 3200].withUnsafeBufferPointer { recording.ring.write($0) }
            bench.writer.wake()
            #expect(bench.log.wait { recording.ring.count == 0 })
        }
        recording.finish()
        bench.writer.wake()
        #expect(
            bench.log.wait {
                bench.log.kinds(LegID(1)) == [.recordingFinished(path: "call.opus")]
            })
        let path = bench.folder + "/call.opus"
        guard let info = try tool("opusinfo", [path]) else { return }
        #expect(info.contains("Playback length: 0m:02.000s"), "\(info)")
        #expect(info.contains("Channels: 2") && info.contains("8000 Hz"), "\(info)")
        #expect(!info.lowercased().contains("warning") && !info.lowercased().contains("error"))
        let wav = bench.folder + "/call.wav"
        _ = try tool("opusdec", ["--quiet", "--rate", "48000", path, wav])
        let decoded = try WAVFile(
            parsing: Array(try Data(contentsOf: URL(fileURLWithPath: wav))))
        #expect(decoded.frameCount == 2 * 48_000)
        for (side, expected) in [(0, 24_000), (1, 60_000)] {
            let channel = decoded.channel(side)
            let onset = try #require(channel.firstIndex { $0.magnitude > 3000 })
            // Within 2 ms of its place: an encoder's onset is not the sample's own.
            #expect(abs(onset - expected) < 96, "\(side): \(onset)")
            let elsewhere = channel.indices.filter { abs($0 - expected - 1200) > 4800 }
            #expect(elsewhere.allSatisfy { channel[$0].magnitude < 100 })
        }
    }

    /// The limit is the process's own, so this process is one of its own.
    @Test func theFileSizeLimitOfTheProcessIsAReasonNotItsEnd() async {
        await #expect(processExitsWith: .success) {
            var limit = rlimit(rlim_cur: 20_000, rlim_max: 20_000)
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let bench = try RecorderBench()
            let recording = bench.begin("limit.wav")
            #expect(bench.writer.add(recording))
            for _ in 0..<4 {
                bench.put(recording, frames: 2000)
                #expect(bench.log.wait { recording.ring.count == 0 })
            }
            #expect(bench.log.wait { bench.failures("file_too_large") == 1 })
            let file = try WAVFile(parsing: bench.bytes("limit.wav"))
            #expect(file.frameCount == 4000)
            recording.finish()
        }
    }

    /// Runs a third party's program; nil (and said) when it is not installed.
    private func tool(_ name: String, _ arguments: [String]) throws -> String? {
        let path = "/usr/bin/" + name
        guard FileManager.default.isExecutableFile(atPath: path) else {
            print("skipped: \(name) is not installed (apt-get install opus-tools)")
            return nil
        }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)")
        return text
    }

}

/// The pages that lie whole in `bytes`, and the bytes they take.
private func wholeOggPages(_ bytes: [UInt8]) throws -> (count: Int, bytes: Int) {
    var position = 0
    var count = 0
    while position + 27 <= bytes.count {
        try #require(Array(bytes[position..<position + 4]) == Array("OggS".utf8))
        let segments = Int(bytes[position + 26])
        guard position + 27 + segments <= bytes.count else { break }
        let length = bytes[(position + 27)..<(position + 27 + segments)].reduce(0) { $0 + Int($1) }
        guard position + 27 + segments + length <= bytes.count else { break }
        position += 27 + segments + length
        count += 1
    }
    return (count, position)
}
