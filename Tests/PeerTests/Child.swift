import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The repository, and what was built of it.
enum Place {
    static let root: String = {
        var path = #filePath
        for _ in 0..<3 { path = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) }
        return path
    }()
    /// The executable beside the test bundle: the same build configuration as the tests.
    static var trunkline: String {
        Bundle.main.bundlePath.hasSuffix("/debug") || Bundle.main.bundlePath.hasSuffix("/release")
            ? Bundle.main.bundlePath + "/trunkline" : root + "/.build/debug/trunkline"
    }
    static let python = "/usr/bin/python3"
    static let sipp = "/usr/bin/sipp"

    /// This run's files. Those of runs that are over go when the next one begins: what a failure left
    /// to read stays until then.
    static let run: String = {
        let runs = NSTemporaryDirectory() + "trunkline-peers/"
        for old in (try? FileManager.default.contentsOfDirectory(atPath: runs)) ?? [] {
            guard let pid = Int32(old), kill(pid, 0) != 0 else { continue }
            try? FileManager.default.removeItem(atPath: runs + old)
        }
        return runs + "\(getpid())/"
    }()

    /// A folder of its own for one test.
    static func scratch(_ name: String) throws -> String {
        let path = run + "\(name)-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }
}

struct PeerFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// A process that a test started and ends, by pid.
final class Child: @unchecked Sendable {
    // @unchecked: Process is used by one test task at a time; its exit code is read after exit.
    let name: String
    let process = Process()
    let logPath: String

    init(
        _ name: String, _ executable: String, _ arguments: [String], log directory: String,
        cwd: String? = nil, environment: [String: String] = [:]
    ) throws {
        self.name = name
        logPath = directory + "/" + name + ".log"
        _ = FileManager.default.createFile(atPath: logPath, contents: nil)
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        if let cwd { process.currentDirectoryURL = URL(fileURLWithPath: cwd) }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let log = FileHandle(forWritingAtPath: logPath)
        process.standardOutput = log
        process.standardError = log
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    var output: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }
    var isRunning: Bool { process.isRunning }

    /// Waits for the process to end by itself.
    func exitCode(within seconds: Double) async throws -> Int32 {
        try await eventually("\(name) to end", within: seconds) { !self.process.isRunning }
        return process.terminationStatus
    }

    func kill9() async throws {
        kill(process.processIdentifier, SIGKILL)
        try await eventually("\(name) to be gone", within: 5) { !self.process.isRunning }
    }

    func end() {
        guard process.isRunning else { return }
        process.terminate()
        for _ in 0..<100 where process.isRunning { usleep(50_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    deinit { end() }
}

/// Polls until `condition` holds. Waiting on other processes is the one place without a virtual
/// clock; the limit is generous and only reached on failure.
func eventually(
    _ what: String, within seconds: Double, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + .milliseconds(Int(seconds * 1000))
    // Many looks as well as a time: on a busy machine a task may come back late from a short sleep.
    var looks = 0
    while looks < 50 || ContinuousClock.now < deadline {
        if try await condition() { return }
        looks += 1
        try await Task.sleep(for: .milliseconds(20))
    }
    throw PeerFailure("waited \(seconds) s in vain for \(what)")
}

/// Runs a command to its end and returns its exit code and output.
func runToEnd(
    _ executable: String, _ arguments: [String], within seconds: Double = 60, cwd: String? = nil
) async throws -> (code: Int32, output: String) {
    let directory = try Place.scratch("run")
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let child = try Child("command", executable, arguments, log: directory, cwd: cwd)
    let code = try await child.exitCode(within: seconds)
    return (code, child.output)
}

/// Ports of the tests, each given once: below 32768, where the kernel begins to give ports to sockets
/// that ask for none, so that nobody takes one before the process that it is meant for binds it.
struct TestPorts: Sendable {
    /// For the media of measuring callees.
    static let callees = TestPorts(10_300..<12_000, each: 100)
    /// For the SIP of telephones: baresip listens for TLS one port above.
    static let telephones = TestPorts(12_000..<13_000, each: 2)
    /// For SIP and HTTP.
    static let single = TestPorts(13_000..<15_000, each: 1)
    /// For the media of peers and of single calls.
    static let media = TestPorts(15_000..<20_000, each: 20)
    /// For the media of a server.
    static let server = TestPorts(20_000..<31_000, each: 200)

    private let range: Range<Int>
    private let each: Int
    private let next: Locked<Int>

    private init(_ range: Range<Int>, each: Int) {
        self.range = range
        self.each = each
        next = Locked(Int.random(in: 0..<range.count / each))
    }

    /// The first of a block that was free a moment ago.
    func take() throws -> Int {
        for _ in 0..<range.count / each {
            let number = next.withLock { number in
                number += 1
                return number
            }
            let first = range.lowerBound + number % (range.count / each) * each
            let last = first + each - 1
            if Self.isFree(first, SOCK_DGRAM), Self.isFree(last, SOCK_DGRAM),
                Self.isFree(first, SOCK_STREAM), Self.isFree(last, SOCK_STREAM)
            {
                return first
            }
        }
        throw PeerFailure("no free port in \(range)")
    }

    private static func isFree(_ port: Int, _ type: __socket_type) -> Bool {
        // A process that another test starts meanwhile must not inherit the socket.
        let descriptor = socket(AF_INET, Int32(type.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port)).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

/// A value that tests running at the same time share.
final class Locked<Value: Sendable>: @unchecked Sendable {
    // @unchecked: `value` is touched under the lock only.
    private let lock = NSLock()
    private var value: Value
    init(_ value: Value) { self.value = value }
    func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        lock.withLock { body(&value) }
    }
}

/// A port of 127.0.0.1, for UDP and TCP, that was free a moment ago and is given to nobody else.
func freePort() throws -> Int { try TestPorts.single.take() }
