internal import Base
internal import CallModel
internal import Synchronization

/// One recording on its way from a leg (writes `ring`) to the recorder thread (reads it).
final class Recording: @unchecked Sendable {
    // @unchecked: `afterwards` is written once by the worker before `finished` is stored with
    // release and read by the recorder after it was loaded with acquire; the rest is immutable or
    // atomic.

    /// Stereo of so long: what a slow disk may cost before samples are dropped.
    static let ringSeconds = 2

    let leg: LegID
    /// As the caller named it; events carry it.
    let path: String
    /// Where it is written.
    let location: String
    let format: RecordingFormat
    let ring: SampleRing
    /// Hz, of both channels; the worker sets it before the recorder sees the recording.
    var sampleRate = 8000
    private let finished = Atomic<Bool>(false)
    private var afterwards: EngineEvent?

    /// - Parameter expectedRate: that of the leg as far as is known, Hz.
    init(leg: LegID, path: String, folder: String, expectedRate: Int = 8000) {
        self.leg = leg
        ring = SampleRing(capacity: 2 * Self.ringSeconds * expectedRate)
        self.path = path
        format = RecordingFormat(path: path)
        location = path.hasPrefix("/") ? path : folder + "/" + path
    }

    /// A relative path must stay inside the recording folder.
    var isAllowed: Bool {
        !path.isEmpty && !path.utf8.contains(0)
            && (path.hasPrefix("/") || !path.split(separator: "/").contains(".."))
    }

    /// Worker: nothing more will be written. `event` is delivered behind the recording's own.
    func finish(then event: EngineEvent? = nil) {
        afterwards = event
        finished.store(true, ordering: .releasing)
    }

    /// Recorder: true when the worker is done with `ring`.
    var isFinished: Bool { finished.load(ordering: .acquiring) }
    /// Recorder, after `isFinished`.
    var eventAfterwards: EngineEvent? { afterwards }
}
