/// Fills the place of lost audio: repeats what was heard last, fading to silence.
///
/// ```
/// good(frame) ──► history (the last 20 ms)
/// conceal()   ◄── history, played round and round: full for 20 ms, then down to 0 at 80 ms
/// ```
/// A lost packet inside a digit or a beep thus stays inside it (facts: filling with silence split
/// ten digits in 128, repeating three), while a dead path fades out.
public struct LossConcealer: Sendable {
    /// Samples that are repeated, 20 ms at 8 kHz.
    public static let historyCount = 160
    /// Concealed samples at full level.
    static let holdCount = 160
    /// Concealed samples after which only silence remains.
    static let fadeOutCount = 640

    private var history = [Int16](repeating: 0, count: historyCount)
    private var readIndex = 0
    /// Samples concealed since the last good one.
    public private(set) var concealedRun = 0

    public init() {}

    /// A frame that did arrive; any count.
    public mutating func good(_ frame: UnsafeBufferPointer<Int16>) {
        guard !frame.isEmpty else { return }
        let keep = min(frame.count, Self.historyCount)
        let kept = Self.historyCount - keep
        history.withUnsafeMutableBufferPointer { history in
            // SAFETY: kept + keep = historyCount; both copies stay inside `history`.
            for index in 0..<kept { history[index] = history[index + keep] }
            for index in 0..<keep { history[kept + index] = frame[frame.count - keep + index] }
        }
        readIndex = 0
        concealedRun = 0
    }

    /// Writes a substitute for audio that is lost; any count.
    public mutating func conceal(into frame: UnsafeMutableBufferPointer<Int16>) {
        for index in frame.indices {
            frame[index] = Self.faded(history[readIndex], after: concealedRun)
            readIndex = readIndex + 1 == Self.historyCount ? 0 : readIndex + 1
            if concealedRun < Self.fadeOutCount { concealedRun += 1 }
        }
    }

    private static func faded(_ sample: Int16, after run: Int) -> Int16 {
        guard run >= holdCount else { return sample }
        let left = fadeOutCount - run
        return Int16(truncatingIfNeeded: Int(sample) * left / (fadeOutCount - holdCount))
    }
}
