internal import Audio
internal import Base
internal import CLinux
internal import Synchronization
internal import Telemetry

/// The thread that writes recordings: everything that may block on a disk happens here.
///
/// The header of every file is right after each write, so a process that is killed leaves
/// recordings that play up to the last half second.
final class RecordingWriter: @unchecked Sendable {
    // @unchecked: `files`, `buffer` and `events` are touched by the recorder thread only;
    // `incoming` is behind its mutex.
    /// How often rings are emptied while something records.
    private static let period = Interval.milliseconds(250)
    private static let header = WAVHeader(sampleRate: 8000, channels: 2)

    private struct File {
        let recording: Recording
        /// -1 once writing has failed.
        var descriptor: Int32
        var dataBytes = 0
        var failure: String?
    }

    private let incoming = Mutex<[Recording]>([])
    private let signal: WakeSignal
    private let stopping = Atomic<Bool>(false)
    private let thread = Mutex<EngineThread?>(nil)
    private let loop: EpollLoop
    private var events: EventSender
    private var files: [File] = []
    private let buffer: UnsafeMutableBufferPointer<Int16>
    private let succeeded: Counter
    private let failed: Counter

    init(events: EventSender, metrics: MetricsRegistry) throws(EngineError) {
        self.events = events
        signal = try WakeSignal()
        loop = try EpollLoop()
        succeeded = metrics.counter(Catalogue.recordings, ["ok"])
        failed = metrics.counter(Catalogue.recordings, ["failed"])
        buffer = .allocate(capacity: 8192)
        buffer.initialize(repeating: 0)
        try loop.add(signal.descriptor, token: 0)
        let started = try EngineThread(name: "tl-recorder") { [self] in run() }
        thread.withLock { $0 = started }
    }

    deinit { buffer.deallocate() }

    /// Any thread: takes a recording over; it ends by itself when the recording is finished.
    func add(_ recording: Recording) {
        incoming.withLock { $0.append(recording) }
        signal.signal()
    }

    /// Any thread: look at the recordings now (one has finished).
    func wake() { signal.signal() }

    /// Writes what is there, ends every file, joins.
    func stop() {
        guard let running = thread.withLock({ $0.take() }) else { return }
        stopping.store(true, ordering: .releasing)
        signal.signal()
        running.join()
    }

    private func run() {
        while true {
            let isLast = stopping.load(ordering: .acquiring)
            let new = incoming.withLock { queue in
                defer { queue.removeAll() }
                return queue
            }
            for recording in new { files.append(open(recording)) }
            for index in files.indices { write(&files[index]) }
            files.removeAll { file in
                guard file.recording.isFinished || isLast else { return false }
                end(file)
                return true
            }
            events.flush()
            if isLast { return }
            signal.wait(epoll: loop.descriptor, timeout: files.isEmpty ? nil : Self.period)
        }
    }

    private func open(_ recording: Recording) -> File {
        guard recording.isAllowed else {
            return File(
                recording: recording, descriptor: -1,
                failure: "the path leaves the recording folder")
        }
        var result = tl_make_parent(recording.location)
        if result >= 0 { result = tl_open_truncated(recording.location) }
        guard result >= 0 else {
            return File(
                recording: recording, descriptor: -1,
                failure: "cannot create it: " + systemErrorText(-result))
        }
        var file = File(recording: recording, descriptor: result)
        writeHeader(&file)
        return file
    }

    /// Empties the ring. `isFinished` is read first: what was written before it is then all there.
    private func write(_ file: inout File) {
        let before = file.dataBytes
        while true {
            let count = file.recording.ring.read(into: buffer)
            guard count > 0 else { break }
            guard file.descriptor >= 0 else { continue }
            guard file.dataBytes + count * 2 <= WAVHeader.maximumDataBytes else {
                fail(&file, "it has reached the largest size of a WAV file")
                continue
            }
            // WAV is little-endian, and so is every machine this runs on (x86-64, AArch64).
            let result = tl_write_all(file.descriptor, buffer.baseAddress, Int64(count * 2))
            if result < 0 {
                fail(&file, "cannot write it: " + systemErrorText(-result))
            } else {
                file.dataBytes += count * 2
            }
        }
        if file.dataBytes != before, file.descriptor >= 0 { writeHeader(&file) }
    }

    private func writeHeader(_ file: inout File) {
        let bytes = Self.header.bytes(dataBytes: file.dataBytes)
        let result = tl_pwrite_all(file.descriptor, bytes, Int64(bytes.count), 0)
        guard result < 0 else {
            if file.dataBytes == 0 { _ = tl_seek(file.descriptor, Int64(bytes.count)) }
            return
        }
        fail(&file, "cannot write its header: " + systemErrorText(-result))
    }

    private func fail(_ file: inout File, _ reason: String) {
        if file.descriptor >= 0 { _ = tl_close(file.descriptor) }
        file.descriptor = -1
        file.failure = file.failure ?? reason
    }

    private func end(_ file: File) {
        var file = file
        write(&file)
        if file.descriptor >= 0 { _ = tl_close(file.descriptor) }
        let recording = file.recording
        if let failure = file.failure {
            failed.increment()
            events.push(
                EngineEvent(
                    leg: recording.leg,
                    kind: .recordingFailed(path: recording.path, reason: failure)))
        } else {
            succeeded.increment()
            events.push(
                EngineEvent(leg: recording.leg, kind: .recordingFinished(path: recording.path)))
        }
        if recording.isFinished, let event = recording.eventAfterwards { events.push(event) }
    }
}
