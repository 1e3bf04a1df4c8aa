internal import Base
internal import CallModel
internal import Detection
internal import Foundation
internal import Orchestrator

/// The page of `detect --plot`: spectrogram, voice score and events of each stream, in one file
/// that needs nothing else.
///
/// ```
/// 4 kHz ┌──────────────────────────┐  spectrogram; beeps and tones framed
///   0   ├──────────────────────────┤
///   1   │ voice score, speech below │
///       ├──────────────────────────┤
///       │ verdict, greeting, ready … │  one lane a kind of event
///       └──────────────────────────┘
/// ```
struct DetectionPage {
    /// Streams drawn: a page of more is no use to anyone.
    static let streamLimit = 50
    /// Events drawn and listed a stream.
    static let eventLimit = 2000
    /// Pixels of the widest drawing.
    private static let widest = 24_000.0
    private static let pixelsASecond = 90.0
    private static let height = (spectrum: 256.0, voice: 70.0, lane: 20.0)
    private static let left = 50.0
    private static let lanes = ["speech", "beep", "tone", "digit", "verdict", "greeting"]

    private var sections: [String] = []
    private var leftOut = 0

    /// Adds a stream, or only counts it beyond `streamLimit`.
    mutating func add(_ heard: HeardStream) {
        guard sections.count < Self.streamLimit else {
            leftOut += 1
            return
        }
        sections.append(section(heard))
    }

    /// - Throws: `PlatformConfiguration.Invalid` when the file cannot be written.
    func write(to path: String) throws {
        let note = leftOut == 0 ? "" : "<p>\(leftOut) more streams were left out.</p>"
        let page = """
            <!doctype html><html lang="en"><meta charset="utf-8"><title>trunkline detect</title>
            <style>
            body{font:14px/1.4 system-ui,sans-serif;margin:1.5rem;background:#fff;color:#111}
            h2{font-size:1rem;margin:1.5rem 0 .3rem}.wide{overflow-x:auto}
            svg text{font:11px system-ui,sans-serif}table{border-collapse:collapse;margin:.5rem 0}
            td,th{padding:.1rem .8rem .1rem 0;text-align:left;font-variant-numeric:tabular-nums}
            </style>
            \(sections.joined(separator: "\n"))
            \(note)</html>

            """
        do { try Data(page.utf8).write(to: URL(fileURLWithPath: path)) } catch {
            throw PlatformConfiguration.Invalid(
                "\(path) cannot be written: correct the path or permissions")
        }
    }

    // MARK: one stream

    private func section(_ heard: HeardStream) -> String {
        let seconds = max(Double(heard.samples.count) / 8000, 0.1)
        let scale = min(Self.pixelsASecond, Self.widest / seconds)
        let drawing = drawing(heard, seconds, scale)
        let name = escaped((heard.file as NSString).lastPathComponent)
        let rows = heard.found.events.prefix(Self.eventLimit).map { event in
            "<tr><td>\(decimal(Double(event.milliseconds) / 1000, 3))"
                + "<td>\(event.name)<td>\(escaped(label(event)))</tr>"
        }
        return """
            <h2>\(name), stream \(escaped(heard.stream)), \(decimal(seconds, 1)) s</h2>
            <div class="wide">\(drawing)</div>
            <table><tr><th>s<th>event<th></tr>\(rows.joined())</table>
            """
    }

    private func drawing(_ heard: HeardStream, _ seconds: Double, _ scale: Double) -> String {
        let width = seconds * scale
        let top = Self.height.spectrum + Self.height.voice
        let bottom = top + Double(Self.lanes.count) * Self.height.lane
        let picture = Base64.encode(Spectrogram(heard.samples).png())
        var svg = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(whole(width + Self.left + 20))" \
            height="\(whole(bottom + 22))">
            <image x="\(whole(Self.left))" y="0" width="\(place(width))" \
            height="\(whole(Self.height.spectrum))" preserveAspectRatio="none" \
            href="data:image/png;base64,\(picture)"/>

            """
        for kilohertz in 1...4 {
            let y = Self.height.spectrum * (1 - Double(kilohertz) / 4)
            svg += text("\(kilohertz) kHz", 4, y + 12)
        }
        svg += text("voice", 4, Self.height.spectrum + 40)
        for (index, lane) in Self.lanes.enumerated() {
            svg += text(lane, 4, top + (Double(index) + 0.7) * Self.height.lane)
        }
        svg += axis(seconds, answer: Double(heard.answerAtMs) / 1000, scale, bottom)
        svg += voice(heard, scale)
        let map = { (ms: Int) -> Double in
            Self.left + Double(ms + heard.answerAtMs) / 1000 * scale
        }
        var speechStart: Int?
        for event in heard.found.events.prefix(Self.eventLimit) {
            if case .speechStart(let at) = event { speechStart = at }
            if case .speechEnd(let at) = event, let start = speechStart {
                svg += bar(map(start), map(at), lane: 0, "#2a7", "speech")
                speechStart = nil
            }
            svg += mark(event, map)
        }
        if let start = speechStart {
            svg += bar(map(start), Self.left + width, lane: 0, "#2a7", "speech")
        }
        return svg + "</svg>"
    }

    /// Seconds from the answer, as the events count them.
    private func axis(
        _ seconds: Double, answer: Double, _ scale: Double, _ bottom: Double
    ) -> String {
        let step = scale >= 60 ? 1 : scale >= 12 ? 5 : 60
        var svg = ""
        let first = -Int(answer) / step * step
        for second in stride(from: first, through: Int(seconds - answer), by: step) {
            let x = Self.left + (Double(second) + answer) * scale
            svg += line(x, Self.height.spectrum, x, bottom, "#ddd")
            svg += text("\(second) s", x + 2, bottom + 14)
        }
        return svg
    }

    private func voice(_ heard: HeardStream, _ scale: Double) -> String {
        guard !heard.found.vadTrace.isEmpty else { return "" }
        let base = Self.height.spectrum + Self.height.voice
        let points = heard.found.vadTrace.map { score in
            let x = Self.left + Double(score.atMs + heard.answerAtMs) / 1000 * scale
            return "\(place(x)),\(place(base - Double(score.score) * (Self.height.voice - 8)))"
        }
        return "<polyline fill=\"none\" stroke=\"#36c\" "
            + "points=\"\(points.joined(separator: " "))\"/>"
    }

    private func mark(_ event: DetectionEvent, _ map: (Int) -> Double) -> String {
        let known = map(event.milliseconds)
        switch event {
        case .speechStart, .speechEnd, .interrupter: return ""
        case .beep(let start, let end, let hertz, _, _):
            let y = Self.height.spectrum * (1 - hertz / 4000)
            return frame(map(start), map(end), y, label(event))
                + bar(map(start), map(end), lane: 1, "#e90", label(event))
        case .tone(_, let start, _, _):
            return bar(map(start), known, lane: 2, "#a4c", label(event))
        case .dtmf(_, let start, _):
            return bar(map(start), known, lane: 3, "#09c", label(event))
        case .verdict(let verdict, let isFinal, _, _, _, _):
            let word = verdict.rawValue + (isFinal ? "" : "?")
            return flag(known, lane: 4, isFinal ? "#c22" : "#999", word)
        case .bargeIn, .greetingEnd, .readyForMessage:
            return flag(known, lane: 5, "#555", label(event))
        }
    }

    /// What an event says besides its time.
    private func label(_ event: DetectionEvent) -> String {
        switch event {
        case .speechStart, .speechEnd, .interrupter: ""
        case .beep(let start, let end, let hertz, let level, _):
            "\(whole(hertz)) Hz, \(end - start) ms, \(whole(level)) dBm0"
        case .tone(let kind, _, _, let information):
            information.map { "\(kind.rawValue) \($0.rawValue)" } ?? kind.rawValue
        case .dtmf(let digit, _, _): String(digit)
        case .verdict(let verdict, let isFinal, let confidence, let reason, _, _):
            "\(verdict.rawValue)\(isFinal ? "" : "?") \(decimal(confidence, 2)) \(reason)"
        case .bargeIn: "barge-in"
        case .greetingEnd: "greeting end"
        case .readyForMessage: "ready"
        }
    }

    // MARK: shapes

    private func laneTop(_ lane: Int) -> Double {
        Self.height.spectrum + Self.height.voice + Double(lane) * Self.height.lane
    }

    private func bar(
        _ from: Double, _ to: Double, lane: Int, _ colour: String, _ title: String
    ) -> String {
        "<rect x=\"\(place(from))\" y=\"\(place(laneTop(lane) + 3))\" "
            + "width=\"\(place(max(to - from, 2)))\" height=\"13\" fill=\"\(colour)\">"
            + "<title>\(escaped(title))</title></rect>"
            + (lane == 0 ? "" : text(title, from + 3, laneTop(lane) + 14))
    }

    private func flag(_ x: Double, lane: Int, _ colour: String, _ title: String) -> String {
        line(x, 0, x, laneTop(lane) + Self.height.lane, colour)
            + text(title, x + 3, laneTop(lane) + 14)
    }

    private func frame(_ from: Double, _ to: Double, _ y: Double, _ title: String) -> String {
        "<rect x=\"\(place(from))\" y=\"\(place(max(y - 9, 0)))\" "
            + "width=\"\(place(max(to - from, 2)))\" height=\"18\" fill=\"none\" "
            + "stroke=\"#0f8\"><title>\(escaped(title))</title></rect>"
    }

    private func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String
    ) -> String {
        "<line x1=\"\(place(x1))\" y1=\"\(place(y1))\" x2=\"\(place(x2))\" y2=\"\(place(y2))\" "
            + "stroke=\"\(colour)\"/>"
    }

    private func text(_ words: String, _ x: Double, _ y: Double) -> String {
        "<text x=\"\(place(x))\" y=\"\(place(y))\">\(escaped(words))</text>"
    }

    private func place(_ value: Double) -> String { decimal(value, 1) }

    private func whole(_ value: Double) -> String { decimal(value, 0) }

    private func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;")
            .replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;")
            .replacingOccurrences(of: "\"", with: "&quot;")
    }
}
