import Foundation
import Testing

/// Two network namespaces made for one test: ours with the server, and an attacker's. The test
/// process is the telephones' network.
///
/// ```
/// telephones (this process) 10.213.n.1 ── 10.213.n.2 server 10.214.n.2 ── 10.214.n.1 attacker
/// ```
final class Namespaces: Sendable {
    static let ip = "/usr/sbin/ip"
    let server: String
    let attacker: String
    let attackerLink: String
    let telephoneHost: String
    let serverHost: String

    /// Whether this process may make namespaces at all.
    static let areAvailable: Bool = {
        guard geteuid() == 0, FileManager.default.isExecutableFile(atPath: ip) else { return false }
        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        probe.arguments = ["--net", "--mount", "/bin/true"]
        probe.standardError = FileHandle.nullDevice
        guard (try? probe.run()) != nil else { return false }
        probe.waitUntilExit()
        return probe.terminationStatus == 0
    }()

    init() async throws {
        let number = Int.random(in: 1...250)
        let tag = "tl\(getpid() % 10_000)"
        server = tag + "s"
        attacker = tag + "a"
        attackerLink = tag + "y"
        telephoneHost = "10.213.\(number).1"
        serverHost = "10.213.\(number).2"
        do {
            for line in [
                "netns add \(server)", "netns add \(attacker)",
                "link add \(tag)p type veth peer name \(tag)q netns \(server)",
                "addr add \(telephoneHost)/24 dev \(tag)p", "link set \(tag)p up",
                "-n \(server) addr add \(serverHost)/24 dev \(tag)q",
                "-n \(server) link set \(tag)q up", "-n \(server) link set lo up",
                "-n \(server) link add \(tag)x type veth peer name \(tag)y netns \(attacker)",
                "-n \(server) addr add 10.214.\(number).2/24 dev \(tag)x",
                "-n \(server) link set \(tag)x up",
                "-n \(attacker) addr add 10.214.\(number).1/24 dev \(tag)y",
                "-n \(attacker) link set \(tag)y up",
                "-n \(attacker) route add default via 10.214.\(number).2",
            ] {
                let result = try await runToEnd(
                    Self.ip, line.split(separator: " ").map(String.init), within: 10)
                guard result.code == 0 else { throw PeerFailure("ip \(line): \(result.output)") }
            }
        } catch {
            remove()
            throw error
        }
    }

    /// Their links go with them.
    func remove() {
        for name in [server, attacker] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: Self.ip)
            process.arguments = ["netns", "delete", name]
            process.standardError = FileHandle.nullDevice
            if (try? process.run()) != nil { process.waitUntilExit() }
        }
    }

    /// A process inside the server's namespace.
    func start(
        _ name: String, _ arguments: [String], log: String, within namespace: String? = nil
    ) throws -> Child {
        try Child(
            name, Self.ip, ["netns", "exec", namespace ?? server] + arguments, log: log)
    }

    /// An HTTP request to a server that listens on loopback in its own namespace.
    func request(_ method: String, _ path: String, body: String? = nil) async throws -> String {
        var arguments = [
            "netns", "exec", server, "/usr/bin/curl", "--silent", "--show-error",
            "--fail-with-body",
            "--request", method, "http://127.0.0.1:8080" + path,
        ]
        if let body { arguments += ["--header", "Content-Type: application/json", "--data", body] }
        let result = try await runToEnd(Self.ip, arguments, within: 20)
        guard result.code == 0 else {
            throw PeerFailure("\(method) \(path): \(result.code) \(result.output)")
        }
        return result.output
    }

    /// The sum of a metric's samples whose line begins with `prefix`.
    func metric(_ prefix: String) async throws -> Double {
        try await request("GET", "/metrics").split(separator: "\n")
            .filter { $0.hasPrefix(prefix) }
            .reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? 0) }
    }
}
