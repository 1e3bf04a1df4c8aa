internal import ArgumentParser
internal import Orchestrator

/// The command line. One file a subcommand.
@main
struct Trunkline: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trunkline",
        abstract: "Real-time media server for AI outbound calling.",
        version: Platform.version,
        subcommands: [Serve.self, Call.self, Detect.self, Replay.self])
}
