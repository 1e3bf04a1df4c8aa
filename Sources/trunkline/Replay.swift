internal import ArgumentParser
internal import Base
internal import Foundation
internal import MediaEngine
internal import Orchestrator
internal import RTP

/// `trunkline replay`: the RTP of a capture, with its own timing, as one leg or many.
struct Replay: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Send a PCAP's RTP with its own timing and count what comes back.")

    @Argument(help: "Capture file (classic pcap).")
    var pcap: String
    @Option(name: .customLong("to"), help: "HOST:PORT of the first leg's media socket.")
    var destination: String
    @Option(help: "Legs to send as, each from a socket of its own.")
    var legs = 1
    @Option(
        name: .customLong("port-step"),
        help: "Leg n sends to PORT + n × this; 0 sends every leg to the same port.")
    var portStep = 0
    @Flag(help: "Start again at the end until --seconds or Ctrl-C.")
    var loop = false
    @Option(help: "Stop after this many seconds.")
    var seconds: Int?
    @Option(help: "SSRC of the capture's stream to send, decimal or 0x…; default: the longest.")
    var ssrc: String?
    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if let seconds, seconds < 1 { throw ValidationError("--seconds is at least 1") }
    }

    func run() throws {
        try exiting { try replay() }
    }

    private func replay() throws {
        let bytes: [UInt8]
        do { bytes = try Recording.bytes(of: pcap) } catch {
            throw PlatformConfiguration.Invalid("\(pcap) \(error)")
        }
        let file: PcapFile
        do { file = try PcapFile(parsing: bytes) } catch {
            throw PlatformConfiguration.Invalid("\(pcap) is not a usable capture: \(error)")
        }
        if file.isTruncated { Console.error("\(pcap): \(Recording.cutNote)") }
        let endpoint = try Parse.endpoint("--to", destination)
        let replayer = try PcapReplayer(
            file,
            PcapReplayer.Options(
                host: endpoint.host, port: endpoint.port, legs: legs, portStep: portStep,
                loops: loop, ssrc: try source(), limit: seconds.map { .seconds(Int64($0)) }))
        signal(SIGINT, SIG_IGN)
        let interrupt = DispatchSource.makeSignalSource(
            signal: SIGINT, queue: DispatchQueue.global())
        interrupt.setEventHandler { replayer.stop() }
        interrupt.resume()
        let summary = try replayer.run()
        interrupt.cancel()
        if json {
            var writer = JSONWriter()
            writer.object { writer in
                writer.field("legs", legs)
                writer.field("sent", summary.sent)
                writer.field("failed", summary.failed)
                writer.field("received", summary.received)
                writer.field("lost", summary.lost)
                writer.field("seconds", summary.seconds)
            }
            Console.line(writer.string)
        } else {
            Console.line(
                "sent \(summary.sent)  failed \(summary.failed)  received \(summary.received)  "
                    + "lost \(summary.lost)  in \(decimal(summary.seconds, 2)) s")
        }
        if summary.sent == 0, summary.failed > 0 {
            throw PlatformConfiguration.Invalid(
                "the kernel took none of \(summary.failed) packets to \(destination): give an "
                    + "address that this machine has a route to and may send to")
        }
    }

    private func source() throws -> UInt32? {
        guard let ssrc else { return nil }
        let value = ssrc.hasPrefix("0x") ? UInt32(ssrc.dropFirst(2), radix: 16) : UInt32(ssrc)
        guard let value else {
            throw PlatformConfiguration.Invalid("--ssrc \(ssrc) is not a number of 32 bits")
        }
        return value
    }
}
