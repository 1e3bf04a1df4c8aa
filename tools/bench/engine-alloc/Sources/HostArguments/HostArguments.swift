public import Foundation

/// `--name value` and `--flag` of a command line.
public struct HostArguments: Sendable {
    private var values: [String: String] = [:]
    private var flags: Set<String> = []

    public init(_ words: [String] = Array(CommandLine.arguments.dropFirst())) {
        var rest = words[...]
        while let word = rest.popFirst() {
            if let next = rest.first, !next.hasPrefix("--") {
                values[word] = next
                rest = rest.dropFirst()
            } else {
                flags.insert(word)
            }
        }
    }

    public func number(_ name: String, _ standard: Int) -> Int {
        values["--" + name].flatMap { Int($0) } ?? standard
    }

    public func text(_ name: String) -> String? { values["--" + name] }

    public func has(_ name: String) -> Bool { flags.contains("--" + name) }
}

/// KiB of memory this process has now (`/proc/self/statm`).
public func residentKiB() -> Int {
    let text = FileManager.default.contents(atPath: "/proc/self/statm")
    let words = text.map { String(decoding: $0, as: UTF8.self).split(separator: " ") } ?? []
    return words.count > 1 ? (Int(words[1]) ?? 0) * 4 : 0
}

public func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

/// "ready PID REST": what tools/bench/run waits for.
public func sayReady(_ rest: String) {
    say("ready \(ProcessInfo.processInfo.processIdentifier) \(rest)")
}

public func fail(_ line: String) -> Never {
    FileHandle.standardError.write(Data((line + "\n").utf8))
    exit(1)
}

/// Answers lines on standard input until it ends, with its parent, or the time is over.
public func serveUntilTheEnd(seconds: Int, metrics: () -> String) {
    let end = Date().addingTimeInterval(Double(seconds))
    var descriptor = pollfd(fd: 0, events: Int16(POLLIN), revents: 0)
    var bytes = [UInt8](repeating: 0, count: 256)
    while Date() < end {
        guard poll(&descriptor, 1, 200) > 0 else { continue }
        let count = read(0, &bytes, bytes.count)
        if count <= 0 { return }
        if String(decoding: bytes[0..<count], as: UTF8.self).contains("metrics") {
            say(metrics() + "end of metrics")
        }
    }
}
