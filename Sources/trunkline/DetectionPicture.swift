internal import Detection
internal import Foundation
internal import Orchestrator

/// The picture of `detect --plot NAME.png`: of each stream its spectrogram and, below, five rows of what was
/// heard when, one below the other, streams below streams. A column is 10 ms, more for long recordings.
///
/// ```
/// 4 kHz ┌─────────────────────┐ spectrogram
///   0   ├─────────────────────┤
///       │▁▁▂▅▇▇▅▂▁▁▁▁▁▁▁▁▁▁▁▁▁│ voice score
///       │ speech (green), beeps (red), tones (orange), digits (blue),
///       └ greeting's end, ready, verdicts (black; the final one over all rows)
/// ```
struct DetectionPicture {
    /// Streams drawn: the page has more room.
    static let streamLimit = 20
    private static let voice = 40
    private static let lane = 12
    private static let lanes = 5
    private static let gap = 8

    /// Spectrogram's sixteen colours are 0…15 of its own picture; here some make room for the events'.
    private static let palette: [(UInt8, UInt8, UInt8)] = [
        (255, 255, 255), (0, 0, 4), (30, 11, 70), (60, 9, 101), (101, 26, 110), (143, 43, 98),
        (187, 62, 71),
        (227, 98, 33), (249, 167, 36), (248, 225, 128), (230, 230, 230), (34, 170, 119),
        (204, 51, 51),
        (230, 140, 20), (40, 90, 200), (0, 0, 0),
    ]
    private enum Colour {
        static let firstLevel: UInt8 = 1, levels: UInt8 = 9
        static let grid: UInt8 = 10, speech: UInt8 = 11, beep: UInt8 = 12, tone: UInt8 = 13,
            digit: UInt8 = 14
        static let ink: UInt8 = 15
    }

    private var streams: [HeardStream] = []
    private(set) var leftOut = 0

    /// Adds a stream, or only counts it beyond `streamLimit`.
    mutating func add(_ heard: HeardStream) {
        if streams.count < Self.streamLimit { streams.append(heard) } else { leftOut += 1 }
    }

    /// - Throws: `PlatformConfiguration.Invalid` when the file cannot be written.
    func write(to path: String) throws {
        do { try Data(png()).write(to: URL(fileURLWithPath: path)) } catch {
            throw PlatformConfiguration.Invalid(
                "\(path) cannot be written: correct the path or permissions")
        }
    }

    private static let streamHeight = Spectrogram.rows + voice + lanes * lane

    private func png() -> [UInt8] {
        let spectra = streams.map { Spectrogram($0.samples) }
        var image = IndexedImage(
            width: spectra.map(\.columns).max() ?? 1,
            height: max(1, streams.count * (Self.streamHeight + Self.gap)), palette: Self.palette)
        for (index, (stream, spectrum)) in zip(streams, spectra).enumerated() {
            draw(stream, spectrum, top: index * (Self.streamHeight + Self.gap), into: &image)
        }
        return image.png()
    }

    private func draw(
        _ heard: HeardStream, _ spectrum: Spectrogram, top: Int, into image: inout IndexedImage
    ) {
        for column in 0..<spectrum.columns {
            for row in 0..<Spectrogram.rows {
                let level = spectrum.levels[column * Spectrogram.rows + row]
                image[column, top + Spectrogram.rows - 1 - row] =
                    Colour.firstLevel + level * Colour.levels / 16
            }
        }
        /// Of a time since the answer, within the picture.
        func column(_ ms: Int) -> Int {
            let sample = Double(ms + heard.answerAtMs) * 8
            return Int(min(max(sample / Double(spectrum.step), 0), Double(spectrum.columns - 1)))
        }
        func fill(_ from: Int, _ to: Int, lane: Int, _ colour: UInt8) {
            let first = top + Spectrogram.rows + Self.voice + lane * Self.lane
            for x in column(from)...max(column(from), column(to)) {
                for y in first + 2..<first + Self.lane { image[x, y] = colour }
            }
        }
        for lane in 0...Self.lanes {
            let y = top + Spectrogram.rows + Self.voice + lane * Self.lane
            for x in 0..<spectrum.columns where y < image.height { image[x, y] = Colour.grid }
        }
        for score in heard.found.vadTrace {
            let y = Int(Double(1 - score.score) * Double(Self.voice - 2))
            image[column(score.atMs), top + Spectrogram.rows + min(max(y, 0), Self.voice - 2)] =
                Colour.ink
        }
        var speech: Int?
        let end = heard.samples.count / 8 - heard.answerAtMs
        for event in heard.found.events {
            switch event {
            case .speechStart(let at): speech = at
            case .speechEnd(let at):
                if let start = speech { fill(start, at, lane: 0, Colour.speech) }
                speech = nil
            case .beep(let start, let stop, _, _, _): fill(start, stop, lane: 1, Colour.beep)
            case .tone(_, let start, let known, _): fill(start, known, lane: 2, Colour.tone)
            case .dtmf(_, let start, let known): fill(start, known, lane: 3, Colour.digit)
            case .verdict(_, true, _, _, let at, _):
                for lane in 0..<Self.lanes { fill(at, at, lane: lane, Colour.ink) }
            case .interrupter: break
            case .verdict, .greetingEnd, .readyForMessage, .bargeIn:
                fill(event.milliseconds, event.milliseconds, lane: 4, Colour.ink)
            }
        }
        if let start = speech { fill(start, end, lane: 0, Colour.speech) }
    }
}
