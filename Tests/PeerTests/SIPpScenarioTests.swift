import Base
import CallModel
import Foundation
import SIP
import Signalling
import Testing

/// What Trunkline does in one of Fixtures/sipp/scenarios, and how its calls end.
///
/// The wire is checked by SIPp: a message that the scenario does not expect, or that lacks what its
/// expressions look for, makes it exit with an error.
struct Scenario: Sendable, CustomTestStringConvertible {
    /// File name without `.xml`. `uas-…`: we call SIPp; `uac-…`: it calls us.
    var name: String
    /// One for each call, in the order they end.
    var ends: [EndReason]
    var offer = ScenarioOwner.offer
    var ringTimeout = Interval.seconds(20)
    var configure: @Sendable (inout SignallingConfiguration) -> Void = { _ in }
    var receive: ScenarioOwner.Reception = { owner, call in
        call.ring()
        owner.answer(call)
    }
    var react: ScenarioOwner.Reaction = { _, _, _ in }
    /// Events that have to come, in any order.
    var events: [CallLegEvent] = []
    /// We place no call: SIPp waits for something else.
    var placesNoCall = false

    var testDescription: String { name }
    var isUAS: Bool { name.hasPrefix("uas-") }
}

/// `needs(/usr/bin/sipp)`: tools/setup installs it; without it the suite says so.
private let hasSIPp = FileManager.default.isExecutableFile(atPath: Place.sipp)

@Suite(.enabled(if: hasSIPp, "sip-tester is not installed: run tools/setup"))
struct SIPpScenarioTests {
    @Test(.timeLimit(.minutes(2)), arguments: Scenario.called + Scenario.calling)
    func scenario(_ scenario: Scenario) async throws {
        try await Turnstile.scenarios.pass {
            let run = try await ScenarioRun.start(scenario)
            defer { run.sipp.end() }
            try await run.finish()
            #expect(run.owner.ends == scenario.ends)
            for event in scenario.events { #expect(run.owner.events.contains(event), "\(event)") }
            await run.owner.agent.shutdown()
        }
    }

    /// 10 % lost, 5 % twice, 10 % late, both ways: every call ends as it should, on both sides.
    @Test(.timeLimit(.minutes(2)), arguments: [UInt64(1), 2], ["uas", "uac"])
    func callsOverALossyNetwork(seed: UInt64, role: String) async throws {
        let calls = 12
        let isCalled = role == "uas"
        let end: EndReason = isCalled ? .localHangup : .remoteHangup
        let hangsUp: ScenarioOwner.Reaction = { _, leg, event in
            if isCalled, case .answered = event { leg.hangUp() }
        }
        let quicker: @Sendable (inout SignallingConfiguration) -> Void = {
            $0.timing.t1 = .milliseconds(100)
        }
        let ends = [EndReason](repeating: end, count: calls)
        let scenario = Scenario(
            name: role + "-over-a-lossy-network", ends: ends, configure: quicker, react: hangsUp)
        let run = try await ScenarioRun.start(
            scenario, calls: calls, faults: LossyRelay.Faults(), seed: seed)
        defer { run.sipp.end() }
        try await run.finish()
        #expect(run.owner.ends == ends)
        let relay = try #require(run.relay)
        let counts = relay.counts
        #expect(counts.lost > 0 && counts.doubled > 0 && counts.late > 0, "\(counts)")
        relay.close()
        await run.owner.agent.shutdown()
    }

    @Test func everyScenarioHasItsFileAndEveryFileItsScenario() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: ScenarioRun.folder)
            .filter { $0.hasSuffix(".xml") }.map { String($0.dropLast(4)) }
        let named =
            (Scenario.called + Scenario.calling).map(\.name) + [
                "uas-over-a-lossy-network", "uac-over-a-lossy-network",
            ]
        #expect(files.sorted() == named.sorted())
        #expect(named.count >= 40)
    }
}

/// SIPp, our agent, and perhaps a bad network between them.
private struct ScenarioRun {
    static let folder = Place.root + "/Fixtures/sipp/scenarios"

    let owner: ScenarioOwner
    let sipp: Child
    let relay: LossyRelay?
    private let ends: Int
    private let directory: String

    static func start(
        _ scenario: Scenario, calls: Int = 1, faults: LossyRelay.Faults? = nil, seed: UInt64 = 0
    ) async throws -> ScenarioRun {
        let directory = try Place.scratch(scenario.name)
        let sippPort = try freePort()
        var configuration = SignallingConfiguration(host: "127.0.0.1", port: 0)
        scenario.configure(&configuration)
        if configuration.trunk?.port == 0 { configuration.trunk?.port = sippPort }
        let owner = ScenarioOwner(
            configuration, receive: scenario.receive, react: scenario.react)
        var arguments = [
            "-sf", folder + "/\(scenario.name).xml", "-i", "127.0.0.1", "-p", "\(sippPort)", "-m",
            "\(calls)", "-timeout", "40", "-timeout_error", "-nostdin", "-trace_err",
            "-error_file", directory + "/errors.log",
        ]
        // SIPp looks for free media and control ports by itself, and two that look at the same
        // moment find the same ones.
        arguments += ["-mp", "\(try TestPorts.media.take())", "-cp", "\(try freePort())"]
        var relay: LossyRelay?
        // With a relay the agent's port has to be known first; a registration needs SIPp first.
        var port: Int?
        if faults != nil || !scenario.isUAS { port = try await owner.agent.start().port }
        if let faults, let port {
            relay = try LossyRelay(between: sippPort, and: port, faults: faults, seed: seed)
        }
        if scenario.isUAS {
            arguments += ["-key", "relay", "\(relay?.port ?? 0)"]
        } else {
            let password = scenario.name == "uac-has-the-wrong-password" ? "guess" : "secret"
            arguments =
                ["127.0.0.1:\(relay?.port ?? port ?? 0)", "-s", "service"] + arguments + [
                    "-r", "\(calls)", "-au", "alice", "-ap", password,
                    // By itself it leaves the user part out, which is not the Request-URI.
                    "-auth_uri", "service@127.0.0.1:\(port ?? 0)",
                ]
        }
        let sipp = try Child(scenario.name, Place.sipp, arguments, log: directory)
        let run = ScenarioRun(
            owner: owner, sipp: sipp, relay: relay, ends: scenario.ends.count,
            directory: directory)
        guard scenario.isUAS else { return run }
        try await listening(sippPort, sipp)
        if port == nil { _ = try await owner.agent.start() }
        for _ in 0..<(scenario.placesNoCall ? 0 : calls) {
            owner.place(
                port: sippPort, proxy: relay?.port, offer: scenario.offer,
                ringTimeout: scenario.ringTimeout)
        }
        return run
    }

    /// Waits until SIPp holds its port.
    private static func listening(_ port: Int, _ sipp: Child) async throws {
        let wanted = String(format: ":%04X ", port)
        try await eventually("SIPp to listen", within: 20) {
            guard sipp.isRunning else { throw PeerFailure("SIPp is gone: \(sipp.output)") }
            guard let file = FileHandle(forReadingAtPath: "/proc/net/udp") else { return false }
            defer { try? file.close() }
            let table = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
            return table.contains(wanted)
        }
    }

    /// SIPp's verdict about the wire, then the ends of our calls.
    func finish() async throws {
        let code = try await sipp.exitCode(within: 60)
        let errors =
            (try? String(contentsOfFile: directory + "/errors.log", encoding: .utf8)) ?? ""
        #expect(code == 0, "\(errors.prefix(3000))\n\(sipp.output.suffix(1500))")
        do {
            try await eventually("\(ends) calls to end", within: 15) { owner.ends.count >= ends }
        } catch {
            throw PeerFailure("\(error)\n\(await owner.ladders())")
        }
    }
}

/// Lets so many through at a time: enough to wait together, few enough for a small machine.
private actor Turnstile {
    static let scenarios = Turnstile(16)
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ places: Int) { free = places }

    nonisolated func pass(_ body: () async throws -> Void) async throws {
        await enter()
        do {
            try await body()
        } catch {
            await leave()
            throw error
        }
        await leave()
    }

    private func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
