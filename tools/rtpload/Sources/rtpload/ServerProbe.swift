import Foundation

/// What the kernel says about the process under test.
struct ServerProbe {
    struct Reading {
        /// Run time of all threads, ns (`/proc/PID/task/*/schedstat`, field 1).
        var total: Int64 = 0
        /// The same by thread name.
        var threads: [String: Int64] = [:]
        var residentKiB = 0
    }

    let pid: Int

    func read() -> Reading {
        var reading = Reading()
        let folder = "/proc/\(pid)/task"
        for task in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            guard let words = text("\(folder)/\(task)/schedstat")?.split(separator: " "),
                let first = words.first, let time = Int64(first)
            else { continue }
            let name = text("\(folder)/\(task)/comm")?.trimmingCharacters(in: .newlines) ?? "?"
            reading.total += time
            reading.threads[name, default: 0] += time
        }
        if let words = text("/proc/\(pid)/statm")?.split(separator: " "), words.count > 1,
            let pages = Int(words[1])
        {
            reading.residentKiB = pages * 4
        }
        return reading
    }

    private func text(_ path: String) -> String? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
