import Foundation
import Testing

private let kamailio = "/usr/sbin/kamailio"

/// Kamailio on loopback, in front of our servers.
private struct Proxy {
    let port: Int
    let child: Child

    init(_ directory: String, to servers: [TrunklineServer], password: String = "") async throws {
        port = try freePort()
        child = try Child(
            "kamailio", Place.python,
            [
                MediaPeer.script("kamailio.py"), directory + "/kamailio", "--sip-port", "\(port)",
                "--to", servers.map { "127.0.0.1:\($0.sipPort)" }.joined(separator: ","),
                "--password", password, "--seconds", "120",
            ], log: directory)
        try await eventually("kamailio to listen", within: 30) {
            guard child.isRunning else { throw PeerFailure("kamailio ended: \(child.output)") }
            return child.output.contains("listening")
        }
    }
}

private func server(_ directory: String, _ name: String, extra: String = "") async throws
    -> TrunklineServer
{
    let own = directory + "/" + name
    try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
    return try await TrunklineServer(directory: own, extra: extra)
}

/// One call of `trunkline call`, a second long. Its exit code says whether it was answered.
private func call(_ user: String, by proxy: Proxy) async throws -> (code: Int32, output: String) {
    try await runToEnd(
        Place.trunkline,
        ["call", "sip:\(user)@127.0.0.1:\(proxy.port)", "--no-detect", "--max-seconds", "1"],
        within: 60)
}

/// Records of calls that a server has taken.
private func taken(_ server: TrunklineServer) async throws -> Int {
    try await server.json("GET", "/v1/calls")["records"].array.count
}

/// Kamailio as registrar, proxy and dispatcher in front of two servers.
@Suite(
    .serialized,
    .enabled(
        if: FileManager.default.isExecutableFile(atPath: kamailio),
        "kamailio is not installed: run tools/setup"))
struct ProxyPeerTests {
    @Test(.timeLimit(.minutes(5)))
    func aDispatcherSpreadsCallsOverTwoServersAndLeavesOutADeadOne() async throws {
        let directory = try Place.scratch("dispatcher")
        let first = try await server(directory, "first")
        let second = try await server(directory, "second")
        defer {
            first.child.end()
            second.child.end()
        }
        let proxy = try await Proxy(directory, to: [first, second])
        defer { proxy.child.end() }
        for _ in 0..<4 {
            let result = try await call("echo", by: proxy)
            #expect(result.code == 0, "\(result.output)")
        }
        try await eventually("both servers' records", within: 20) {
            let counts = [try await taken(first), try await taken(second)]
            return counts == [2, 2]
        }
        // By the proxy's Record-Route every later request passed it, and found its dialog.
        for server in [first, second] {
            let records = try await server.json("GET", "/v1/calls")["records"].array
            #expect(records.allSatisfy { $0["end_reason"].string == "remote_hangup" })
        }
        #expect(try await call("nobody", by: proxy).output.contains("invalid_number"))
        first.child.end()
        for _ in 0..<2 {
            let result = try await call("echo", by: proxy)
            #expect(result.code == 0, "\(result.output)")
        }
        try await eventually("the second server's records", within: 20) {
            try await taken(second) == 4
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func aServerThatRegisteredIsCalledByItsName() async throws {
        let directory = try Place.scratch("registrar")
        let other = try await server(directory, "other")
        defer { other.child.end() }
        let proxy = try await Proxy(directory, to: [other], password: "open sesame")
        defer { proxy.child.end() }
        let registered = try await server(
            directory, "registered",
            extra: """
                trunk:
                  address: "127.0.0.1:\(proxy.port)"
                  username: "echo"
                  password: "open sesame"
                  register: true
                  register_seconds: 60
                """)
        defer { registered.child.end() }
        // Until the registration is through, the dispatcher has the other one take it.
        try await eventually("a call to the registered server", within: 60) {
            let result = try await call("echo", by: proxy)
            #expect(result.code == 0, "\(result.output)")
            return try await taken(registered) > 0
        }
        #expect(try await registered.metric("trunkline_sip_registered{trunk=\"trunk\"}") == 1)
        // It called nobody, and the wrong password registers nobody.
        #expect(!registered.child.output.contains("open sesame"))
        let stranger = try await server(
            directory, "stranger",
            extra: """
                trunk:
                  address: "127.0.0.1:\(proxy.port)"
                  username: "stranger"
                  password: "guessed"
                  register: true
                """)
        defer { stranger.child.end() }
        try await eventually("the refusal to be logged", within: 20) {
            stranger.child.output.contains("registration")
        }
        #expect(try await call("stranger", by: proxy).code != 0)
        #expect(try await taken(stranger) == 0)
        #expect(try await stranger.metric("trunkline_sip_registered{trunk=\"trunk\"}") == 0)
    }
}

/// sipsak and SIPVicious against a server whose callers need a password.
@Suite(
    .serialized,
    .enabled(
        if: ["sipsak", "svmap", "svwar", "svcrack"].allSatisfy {
            FileManager.default.isExecutableFile(atPath: "/usr/bin/" + $0)
        }, "sipsak or sipvicious is not installed: run tools/setup"))
struct ScannerPeerTests {
    @Test(.timeLimit(.minutes(5))) func scansFindNothingAndBreakNothing() async throws {
        let directory = try Place.scratch("scanned")
        let callers = directory + "/callers"
        try "alice:42\n".write(toFile: callers, atomically: true, encoding: .utf8)
        let server = try await TrunklineServer(
            directory: directory,
            extra: """
                sip_callers:
                  realm: "test"
                  file: "\(callers)"
                """)
        defer { server.child.end() }
        let place = "127.0.0.1:\(server.sipPort)"
        // OPTIONS says the same for users that are there and that are not.
        var answers: Set<String> = []
        for user in ["echo", "nobody", "100"] {
            let asked = try await runToEnd(
                "/usr/bin/sipsak", ["-vvv", "-s", "sip:\(user)@\(place)"], within: 30)
            #expect(asked.code == 0, "\(asked.output)")
            let reply = asked.output.components(separatedBy: "SIP/2.0 200 OK").dropFirst().first
            answers.insert(
                (reply ?? asked.output).split(whereSeparator: \.isNewline).filter { line in
                    !["Via:", "From:", "To:", "Call-ID:", "**", "  "].contains {
                        line.hasPrefix($0)
                    }
                }.joined(separator: "\n"))
        }
        #expect(answers.count == 1, "\(answers)")
        // Enumerating users finds none, by any method; nor do 100 guesses find the password.
        for method in ["REGISTER", "INVITE", "OPTIONS"] {
            let scan = try await runToEnd(
                "/usr/bin/svwar",
                ["-p", "\(server.sipPort)", "-e", "100-140", "-m", method, "127.0.0.1"],
                within: 60)
            #expect(scan.output.contains("found nothing"), "\(method): \(scan.output)")
        }
        // 405 to REGISTER: there is nothing to guess at. Its INVITE mode needs a challenge it can read.
        let guesses = try await runToEnd(
            "/usr/bin/svcrack",
            ["-p", "\(server.sipPort)", "-u", "alice", "-r", "1-100", "127.0.0.1"], within: 60)
        #expect(guesses.output.contains("found nothing"), "\(guesses.output)")
        // It says what it is and no more.
        let map = try await runToEnd(
            "/usr/bin/svmap", ["-p\(server.sipPort)", "127.0.0.1"], within: 60)
        #expect(map.output.contains("Trunkline"), "\(map.output)")
        // sipsak's own trash and flood: nothing breaks, and calls are still taken.
        _ = try await runToEnd(
            "/usr/bin/sipsak", ["-R", "-t", "200", "-s", "sip:echo@\(place)"], within: 60)
        _ = try await runToEnd(
            "/usr/bin/sipsak", ["-F", "-e", "3000", "-s", "sip:x@\(place)"], within: 60)
        #expect(try await server.request("GET", "/api/health").status == 200)
        #expect(try await server.metric("trunkline_sip_transactions") ?? .infinity < 25_000)
        let asked = try await runToEnd(
            "/usr/bin/sipsak", ["-s", "sip:echo@\(place)"], within: 30)
        #expect(asked.code == 0, "\(asked.output)")
    }
}
