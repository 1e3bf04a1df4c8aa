import Base
import Detection
import Foundation
import Orchestrator
import Testing

@testable import trunkline

/// docs/OPERATIONS.md and what the server reads are the same.
@Suite struct ConfigurationPeerTests {
    private static let page = Place.root + "/docs/OPERATIONS.md"

    /// The lines of the block that lists the keys.
    private static func block() throws -> [String] {
        let text = try String(contentsOfFile: page, encoding: .utf8)
        let parts = text.components(separatedBy: "```yaml\n")
        try #require(parts.count == 2, "one block")
        return parts[1].components(separatedBy: "\n```")[0].components(separatedBy: "\n")
    }

    @Test func everyDocumentedKeyIsReadAndEveryKeyThatIsReadIsDocumented() throws {
        #expect(ConfigurationFile.unknownKey(in: try Self.block()) == nil)
        let text = try String(contentsOfFile: Self.page, encoding: .utf8)
        let words = Set(text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init))
        for (section, keys) in ConfigurationFile.keys {
            // `trunk_2` to `trunk_8` take the keys of `trunk`.
            if SIPKeys.trunkSections.dropFirst().contains(section) { continue }
            for key in keys.union([section]).sorted() {
                #expect(words.contains(key), "\(section).\(key)")
            }
        }
    }

    private static func settings(_ text: String) async throws -> PlatformConfiguration {
        let path = try Place.scratch("keys") + "/file.yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        var settings = PlatformConfiguration()
        try await ConfigurationFile.apply(path: path, to: &settings)
        return settings
    }

    @Test func whatTheDetectorsTakeForSpeechIsSetInThreePlaces() async throws {
        let set = try await Self.settings(
            """
            detection:
              policy: "fast"
              endpointing_score: 0.5
              endpointing_minimum_ms: 100
              endpointing_silence_ms: 700
              barge_in_score: 0.8
              barge_in_minimum_ms: 60
              barge_in_ms: 300
            """
        ).answerPolicy
        var wanted = DetectionPolicy.fast
        wanted.endpointing.begin(atScore: 0.5)
        wanted.endpointing.minimumMs = 100
        wanted.endpointing.hangoverMs = 700
        wanted.bargeIn.begin(atScore: 0.8)
        wanted.bargeIn.minimumMs = 60
        wanted.bargeInMs = 300
        #expect(set == wanted)
        for (line, said) in [
            ("policy: \"quick\"", "detection.policy: quick is not fast, balanced or careful"),
            (
                "endpointing_score: 0.05",
                "detection.endpointing_score: 0.05 is not from 0.1 to 0.95"
            ),
            ("barge_in_score: 1", "detection.barge_in_score: 1.0 is not from 0.1 to 0.95"),
            ("endpointing_silence_ms: 59", "endpointing_silence_ms: 59 is not from 60 to 5000"),
            ("barge_in_minimum_ms: 2001", "barge_in_minimum_ms: 2001 is not from 20 to 2000"),
            ("barge_in_ms: 0", "barge_in_ms: 0 is not from 20 to 5000"),
        ] {
            do {
                _ = try await Self.settings("detection:\n  " + line + "\n")
                Issue.record("\(line) was taken")
            } catch { #expect("\(error)".contains(said), "\(error)") }
        }
    }

    /// What is left out by mistake may be what keeps strangers out.
    @Test(arguments: [
        ("sip_limits:\n  sources: \"198.51.100.0/24\"", "sip_limits.sources is not a list"),
        ("sip_tls:\n  client_certificates: \"yes please\"", "not true or false"),
        ("sip_limits:\n  calls_per_second: \"x\"", "calls_per_second is not a number"),
        ("workers: \"two\"", "workers is not a whole number"),
        ("http: [\"127.0.0.1:8080\"]", "http is not one value"),
        ("compliance:\n  state_lists: \"TX=/nope\"", "compliance.state_lists is not a list"),
        ("sip_callers:\n  realm: \"example.org\"", "sip_callers.file is missing"),
        ("trunk_2:\n  username: \"ann\"", "without trunk_2.address"),
        ("trunk:\n  address: \"2001:db8::53\"", "IPv6 address stands in brackets"),
        ("dns:\n  servers: [\"2001:db8::53\"]", "IPv6 address stands in brackets"),
        ("rtp: {ports: \"20000-20099\", foo: 1}", "unknown key rtp"),
        ("rtp:\n  \"bar\": 1", "unknown key rtp.bar"),
    ])
    func whatCannotBeReadAsWhatItIsForIsRefused(text: String, said: String) async throws {
        do {
            _ = try await Self.settings(text + "\n")
            Issue.record("\(text) was taken")
        } catch { #expect("\(error)".contains(said), "\(error)") }
    }

    @Test func wholeNumbersAndBracketsAreReadWhereTheyMayStand() async throws {
        let settings = try await Self.settings(
            """
            sip_limits:
              calls_per_second: 5
            dns:
              servers: ["[2001:db8::53]", "192.0.2.53"]
            sip_tcp: false
            """)
        #expect(settings.signalling.inboundCallsPerSecond == 5)
        #expect(settings.signalling.dnsServers.map(\.host) == ["2001:db8::53", "192.0.2.53"])
        #expect(settings.signalling.transports.tcpPort == nil)
    }

    @Test func howLongACallRingsOnAfterInformationTonesIsSetOrNot() async throws {
        #expect(PlatformConfiguration().informationGrace == .seconds(4))
        for (set, wanted) in [
            ("500", Interval.milliseconds(500)), ("60000", .seconds(60)), ("0", nil),
        ] as [(String, Interval?)] {
            let settings = try await Self.settings("detection:\n  sit_grace_ms: \(set)\n")
            #expect(settings.informationGrace == wanted)
        }
        for wrong in ["499", "60001", "-1"] {
            await #expect(throws: PlatformConfiguration.Invalid.self, "\(wrong)") {
                _ = try await Self.settings("detection:\n  sit_grace_ms: \(wrong)\n")
            }
        }
    }

    /// The whole block at once. Files are made, addresses are those of this machine.
    @Test(.timeLimit(.minutes(10)))
    func aServerStartsWithEveryDocumentedKey() async throws {
        let directory = try Place.scratch("every-key")
        for name in ["national.txt", "tx.txt"] {
            try "2125550199\n".write(
                toFile: directory + "/" + name, atomically: true, encoding: .utf8)
        }
        try "ann:secret\n".write(
            toFile: directory + "/callers", atomically: true, encoding: .utf8)
        for name in ["sip", "stir"] {
            let made = try await runToEnd(
                "/usr/bin/openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", "\(directory)/\(name).key", "-out",
                    "\(directory)/\(name).pem", "-days", "2", "-subj", "/CN=localhost",
                ], within: 30)
            try #require(made.code == 0, "\(made.output)")
        }
        let replaced = [
            "/etc/trunkline/bot-ca.pem": "sip.pem", "/etc/trunkline/sip-ca.pem": "sip.pem",
            "/etc/trunkline/sip.pem": "sip.pem", "/etc/trunkline/sip.key": "sip.key",
            "/etc/trunkline/callers": "callers", "/etc/trunkline/stir.key": "stir.key",
            "/etc/trunkline/a.pem": "stir.pem", "/srv/dnc/national.txt": "national.txt",
            "/srv/dnc/tx.txt": "tx.txt",
        ]
        var lines = try Self.block()
        for index in lines.indices {
            for (path, name) in replaced {
                lines[index] = lines[index].replacingOccurrences(
                    of: path, with: directory + "/" + name)
            }
            for (old, new) in [
                ("\"192.0.2.10:5060\"", "\"127.0.0.1:9\""),
                ("\"192.0.2.90:9060\"", "\"127.0.0.1:9\""),
                ("\"192.0.2.53\"", "\"127.0.0.1:9\""), ("port: 5061 ", "port: 0 "),
                ("port: 5061", "port: 0"), ("port: 8088", "port: 0"),
                ("203.0.113.7", "127.0.0.1"),
                // A day or two old, whenever the test runs.
                ("2026-06-15T00:00:00Z", ISO8601DateFormatter().string(from: Date() - 86_400)),
            ] { lines[index] = lines[index].replacingOccurrences(of: old, with: new) }
        }
        let text = lines.joined(separator: "\n")
        // What is left of the page's own files would not be there.
        #expect(!text.contains("/etc/trunkline") && !text.contains("/srv/dnc"))
        let server = try await TrunklineServer(directory: directory, extra: text)
        defer { server.child.end() }
        // The key of the block is asked for.
        #expect(try await server.request("GET", "/v1/calls").status == 401)
    }
}
