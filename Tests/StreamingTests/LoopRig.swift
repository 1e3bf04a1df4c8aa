import Audio
import Base
import CLinux
import CallModel
import Foundation
import Logging
import NIOCore
import Synchronization
import Telemetry
import Testing

@testable import Streaming

/// What a stream thread turns around, turned by hand: sockets without a thread and without a clock.
final class LoopRig {
    let loop = SocketLoop(epoll: tl_epoll_create(), wakes: nil)
    let metrics = MetricsRegistry()
    let log = LogLines()
    let meters: StreamMeters

    init() { meters = StreamMeters(metrics) }

    deinit { loop.close() }

    var logger: Logger {
        let lines = log
        return Logger(label: "test") { _ in LineLog(lines: lines) }
    }

    /// One look at everything that has something, without waiting.
    func turn() {
        _ = loop.wait(hasJobs: true)
        loop.finishTurn()
    }

    /// Both ends of a connection; ours holds few bytes in the kernel.
    func connection(highMark: Int = 65_536) throws -> (socket: PlainSocket, bot: WireBot) {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        var size: Int32 = 4096
        setsockopt(
            ends[0], SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        return (
            PlainSocket(descriptor: ends[0], loop: loop, highMark: highMark), WireBot(ends[1])
        )
    }

    /// A call's stream that is connecting.
    func call(_ number: Int = 1, limits: StreamLimits = StreamLimits()) -> LoopCall {
        let bridge = AudioBridge()
        let events = EventList()
        let core = SessionCore(
            request: StreamRequest(
                url: "ws://bot/", streamID: "MZ\(number)", callID: CallID("CA\(number)")),
            format: StreamFormat(
                mode: .call, frameMilliseconds: 20, encoding: .muLaw, sampleRate: 8000),
            bridge: bridge, limits: limits, meters: meters, logger: logger
        ) { events.append($0) }
        return LoopCall(core: core, bridge: bridge, events: events)
    }

    func counter(_ definition: MetricDefinition, _ labels: [String] = []) -> Int {
        metrics.counter(definition, labels).value
    }
}

final class EventList: Sendable {
    private let events = Mutex<[StreamEvent]>([])

    var all: [StreamEvent] { events.withLock { $0 } }
    func append(_ event: StreamEvent) { events.withLock { $0.append(event) } }
}

struct LoopCall {
    let core: SessionCore
    let bridge: AudioBridge
    let events: EventList

    func offer(_ samples: [Int16]) { samples.withUnsafeBufferPointer { _ = bridge.offer($0) } }
}

/// A bot's end of a connection, behind its upgrade.
final class WireBot {
    struct Frame: Equatable {
        var opcode: UInt8
        var payload: [UInt8]

        var text: String { String(decoding: payload, as: UTF8.self) }
        /// Of a close frame.
        var code: Int { payload.count < 2 ? 0 : Int(payload[0]) << 8 | Int(payload[1]) }
    }

    private let descriptor: Int32
    private var received: [UInt8] = []

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// As much as the kernel takes.
    func send(_ bytes: [UInt8]) {
        _ = Foundation.send(
            descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
    }

    /// Unmasked, final, up to 65,535 bytes.
    static func frame(_ opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        let length =
            count < 126
            ? [UInt8(count)] : [126, UInt8(count >> 8), UInt8(truncatingIfNeeded: count)]
        return [0x80 | opcode] + length + payload
    }

    /// Whole frames that have come, read the slow way from RFC 6455 section 5.2.
    func frames() -> [Frame] {
        var space = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &space, space.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { break }
            received += space[..<count]
        }
        var frames: [Frame] = []
        while received.count >= 6 {
            var (length, header) = (Int(received[1] & 0x7F), 2)
            if length == 126 {
                length = Int(received[2]) << 8 | Int(received[3])
                header = 4
            }
            guard received[1] & 0x80 != 0, length < 127 || header == 4,
                received.count >= header + 4 + length
            else { break }
            let key = Array(received[header..<header + 4])
            let masked = received[(header + 4)..<(header + 4 + length)]
            frames.append(
                Frame(
                    opcode: received[0] & 0x0F,
                    payload: masked.enumerated().map { $1 ^ key[$0 % 4] }))
            received.removeFirst(header + 4 + length)
        }
        return frames
    }
}
