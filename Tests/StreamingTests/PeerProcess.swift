import Foundation

/// A child process whose standard output is read line by line.
final class PeerProcess: Sendable {
    let lines: AsyncStream<String>
    private let process = Process()
    private let ended: AsyncStream<Int32>

    init(_ executable: String, _ arguments: [String], directory: URL) throws {
        let (lines, continuation) = AsyncStream<String>.makeStream()
        let (ended, endContinuation) = AsyncStream<Int32>.makeStream()
        self.lines = lines
        self.ended = ended
        let out = Pipe()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.standardOutput = out
        process.currentDirectoryURL = directory
        process.environment = ["PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"]
        process.terminationHandler = { process in
            endContinuation.yield(process.terminationStatus)
            endContinuation.finish()
        }
        try process.run()
        let handle = out.fileHandleForReading
        // A thread of its own: the reads block until the child closes its output.
        Thread.detachNewThread {
            var pending = Data()
            while true {
                let chunk = handle.availableData
                if chunk.isEmpty { break }
                pending.append(chunk)
                while let end = pending.firstIndex(of: 0x0A) {
                    continuation.yield(String(decoding: pending[..<end], as: UTF8.self))
                    pending = Data(pending[(end + 1)...])
                }
            }
            continuation.finish()
        }
    }

    deinit {
        if process.isRunning { process.terminate() }
    }

    /// SIGTERM to this child.
    func terminate() { process.terminate() }

    func exitStatus() async -> Int32? {
        var iterator = ended.makeAsyncIterator()
        return await iterator.next()
    }
}
