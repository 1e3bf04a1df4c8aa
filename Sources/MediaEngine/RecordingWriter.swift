internal import Base
internal import Synchronization
internal import Telemetry

/// The thread that writes recordings: everything that may block on a disk happens here.
///
/// ```
/// worker ─► sample ring (2 s) ─► every 250 ms: file ─► header or page
///           full: dropped, counted,        └ refused: recordingFailed at once; the ring is
///           silence later on                 emptied on, the call knows nothing of it
/// ```
/// Every file is playable after each round, so a process that is killed leaves recordings up to the
/// last half second.
final class RecordingWriter: @unchecked Sendable {
    // @unchecked: `files`, `buffer` and `events` are touched by the recorder thread only;
    // `incoming` is behind its mutex.
    /// How often rings are emptied while something records.
    private static let period = Interval.milliseconds(250)
    /// Recordings that are open or wait for the disk at most: as many as there may be legs.
    static let limit = 8192

    private struct Item {
        let recording: Recording
        /// nil once it has failed.
        var file: RecordingFile?
    }

    private let incoming = Mutex<[Recording]>([])
    /// Recordings taken over and not ended.
    private let open = Atomic<Int>(0)
    private let limit: Int
    private let disk: RecordingDisk
    private let options: OpusRecordingOptions
    private let signal: WakeSignal
    private let stopping = Atomic<Bool>(false)
    private let thread = Mutex<EngineThread?>(nil)
    private let loop: EpollLoop
    private var events: EventSender
    private var items: [Item] = []
    private let buffer: UnsafeMutableBufferPointer<Int16>
    private let succeeded: Counter
    private let failed: Counter
    private let reasons: [Counter]

    init(
        events: EventSender, metrics: MetricsRegistry,
        options: OpusRecordingOptions = OpusRecordingOptions(), disk: RecordingDisk = .system,
        limit: Int = RecordingWriter.limit
    ) throws(EngineError) {
        self.events = events
        self.options = options
        self.disk = disk
        self.limit = limit
        signal = try WakeSignal()
        loop = try EpollLoop()
        succeeded = metrics.counter(Catalogue.recordings, ["ok"])
        failed = metrics.counter(Catalogue.recordings, ["failed"])
        reasons = RecordingFailure.labels.map {
            metrics.counter(Catalogue.mediaRecordingsFailed, [$0])
        }
        buffer = .allocate(capacity: 8192)
        buffer.initialize(repeating: 0)
        try loop.add(signal.descriptor, token: 0)
        let started = try EngineThread(name: "tl-recorder") { [self] in run() }
        thread.withLock { $0 = started }
    }

    deinit { buffer.deallocate() }

    /// Any thread: takes a recording over; it ends by itself when the recording is finished. False,
    /// and counted, when there are `limit` already: the caller says so to who asked.
    func add(_ recording: Recording) -> Bool {
        guard open.wrappingAdd(1, ordering: .relaxed).oldValue < limit else {
            open.wrappingSubtract(1, ordering: .relaxed)
            count(.tooMany(limit: limit))
            return false
        }
        incoming.withLock { $0.append(recording) }
        signal.signal()
        return true
    }

    /// Why `add` refused, as an event.
    func refusal(of recording: Recording) -> EngineEvent {
        EngineEvent(recording, .tooMany(limit: limit))
    }

    /// Any thread: look at the recordings now (one has finished).
    func wake() { signal.signal() }

    /// Any thread: a recording that never reached the recorder has failed.
    func count(_ failure: RecordingFailure) {
        failed.increment()
        reasons[failure.place].increment()
    }

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
            for recording in new { items.append(begin(recording)) }
            for index in items.indices { write(&items[index]) }
            items.removeAll { item in
                guard item.recording.isFinished || isLast else { return false }
                end(item)
                return true
            }
            if isLast { return events.finish() }
            events.flush()
            let isIdle = items.isEmpty && !events.hasBacklog
            signal.wait(epoll: loop.descriptor, timeout: isIdle ? nil : Self.period)
        }
    }

    private func begin(_ recording: Recording) -> Item {
        do throws(RecordingFailure) {
            guard recording.isAllowed else { throw .path }
            let file = try RecordingFile(
                recording.location, format: recording.format, sampleRate: recording.sampleRate,
                serial: UInt32(truncatingIfNeeded: randomWord()), opus: options, disk: disk)
            return Item(recording: recording, file: file)
        } catch {
            fail(recording, error)
            return Item(recording: recording, file: nil)
        }
    }

    /// Takes what the ring holds by now, also when the file has failed. What comes meanwhile waits for the
    /// next round: behind a disk that is slower than a frame there is always something.
    private func write(_ item: inout Item) {
        let total = item.recording.ring.count
        var left = total
        do throws(RecordingFailure) {
            while left > 0 {
                let part = UnsafeMutableBufferPointer(rebasing: buffer[0..<min(left, buffer.count)])
                let count = item.recording.ring.read(into: part)
                guard count > 0 else { break }
                left -= count
                try item.file?.append(UnsafeBufferPointer(rebasing: buffer[0..<count]))
            }
            if total > 0 { try item.file?.save() }
        } catch {
            item.file?.salvage()
            item.file = nil
            fail(item.recording, error)
        }
    }

    private func fail(_ recording: Recording, _ failure: RecordingFailure) {
        count(failure)
        events.push(EngineEvent(recording, failure))
    }

    private func end(_ item: Item) {
        var item = item
        // What was written before `isFinished` is in the ring by now.
        write(&item)
        if let file = item.file {
            do throws(RecordingFailure) {
                try file.finish()
                succeeded.increment()
                events.push(
                    EngineEvent(
                        leg: item.recording.leg,
                        kind: .recordingFinished(path: item.recording.path)))
            } catch {
                file.salvage()
                fail(item.recording, error)
            }
        }
        open.wrappingSubtract(1, ordering: .relaxed)
        if item.recording.isFinished, let event = item.recording.eventAfterwards {
            events.push(event)
        }
    }
}

extension EngineEvent {
    init(_ recording: Recording, _ failure: RecordingFailure) {
        self.init(
            leg: recording.leg, kind: .recordingFailed(path: recording.path, reason: failure.text))
    }
}
