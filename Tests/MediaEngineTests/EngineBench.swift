import Audio
import Base
import CLinux
import CallModel
import Foundation
import Media
import RTP
import SecureRTP
import Synchronization
import Telemetry
import Testing

@testable import MediaEngine

/// Collects engine events and waits for them without sleeping.
final class EventLog: Sendable {
    private let events = Mutex<[EngineEvent]>([])
    private let signal: WakeSignal
    private let loop: EpollLoop

    init() throws {
        signal = try WakeSignal()
        loop = try EpollLoop()
        try loop.add(signal.descriptor, token: 0)
    }

    func add(_ batch: [EngineEvent]) {
        events.withLock { $0 += batch }
        signal.signal()
    }

    var all: [EngineEvent] { events.withLock { $0 } }

    func kinds(_ leg: LegID) -> [EngineEvent.Kind] {
        all.filter { $0.leg == leg }.map(\.kind)
    }

    /// True as soon as `isDone`; false after `seconds`.
    func wait(seconds: Int64 = 30, _ isDone: () -> Bool) -> Bool {
        let end = monotonicNow() + .seconds(seconds)
        while !isDone() {
            let left = end - monotonicNow()
            guard left > .zero else { return false }
            signal.wait(epoll: loop.descriptor, timeout: min(left, .milliseconds(20)))
        }
        return true
    }

    /// Waits until a leg has carried out the orders it was given before: their order is kept, and a
    /// recording outside the folder is refused in words.
    func settle(_ engine: MediaEngine, _ leg: LegID) -> Bool {
        func refusals() -> Int {
            kinds(leg).count {
                if case .recordingFailed(path: "../settle", _) = $0 { true } else { false }
            }
        }
        let before = refusals()
        return engine.send(.startRecording(path: "../settle"), to: leg)
            && wait { refusals() > before } && engine.send(.stopRecording, to: leg)
    }

    func waitForClosed(_ leg: LegID) -> MediaSummary? {
        var summary: MediaSummary?
        _ = wait {
            for case .closed(let found) in kinds(leg) { summary = found }
            return summary != nil
        }
        return summary
    }
}

/// A far end on a real socket.
final class Phone {
    let socket: Int32
    let port: Int
    var sequence: UInt16 = 100
    var timestamp: UInt32 = 0
    var ssrc: UInt32 = 0xFEED

    init() throws {
        var local = SocketAddressValue(ipv4: 127, 0, 0, 1, port: 0).system
        socket = try checked("bind", tl_udp_bind(&local, 0))
        port = Int(tl_udp_port(socket))
    }

    deinit { _ = tl_close(socket) }

    var remote: RemoteMedia { RemoteMedia(address: "127.0.0.1", port: port) }

    func send(_ payload: [UInt8], to port: Int) { transmit(packet(payload)[...], to: port) }

    /// As SRTP.
    func send(
        _ payload: [UInt8], to port: Int, under context: inout SRTPContext
    ) throws {
        let plain = packet(payload)
        var bytes = plain + [UInt8](repeating: 0, count: 32)
        let count = try bytes.withUnsafeMutableBytes {
            try context.protect($0, count: plain.count)
        }
        transmit(bytes[..<count], to: port)
    }

    private func packet(_ payload: [UInt8]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 12) + payload
        let header = RTPHeader(
            payloadType: 0, sequence: sequence, timestamp: timestamp, ssrc: ssrc)
        _ = bytes.withUnsafeMutableBytes { header.write(into: $0) }
        sequence &+= 1
        timestamp &+= UInt32(payload.count)
        return bytes
    }

    private func transmit(_ bytes: ArraySlice<UInt8>, to port: Int) {
        var target = SocketAddressValue(ipv4: 127, 0, 0, 1, port: UInt16(port)).system
        _ = tl_udp_send(socket, Array(bytes), Int32(bytes.count), &target)
    }

    /// The next RTP packet's payload; nil when none comes within `milliseconds`. Reports that share
    /// the port, which a slow machine's longer test meets, are read past.
    func receive(milliseconds: Int32 = 10_000) -> [UInt8]? {
        var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        while poll(&wait, 1, milliseconds) == 1 {
            var bytes = [UInt8](repeating: 0, count: 2048)
            var from = tl_address()
            var drops: UInt32 = 0
            let count = tl_udp_receive(socket, &bytes, 2048, &from, &drops)
            if count > 12, (200...207).contains(bytes[1]) { continue }
            return count > 12 ? Array(bytes[12..<Int(count)]) : []
        }
        return nil
    }
}

/// Holds up a worker: it asks for its lateness ten times a second, and there it can be kept.
final class HeldWorker: Sendable {
    private let isHeld = Atomic<Bool>(false)
    private let stands = Atomic<Bool>(false)

    /// The `lateness` of the engine.
    func lateness(_ worker: Int) -> Interval {
        while isHeld.load(ordering: .acquiring) {
            stands.store(true, ordering: .releasing)
            tl_sleep_ns(1_000_000)
        }
        return .zero
    }

    /// Returns when the worker stands.
    func hold(_ log: EventLog) {
        isHeld.store(true, ordering: .releasing)
        #expect(log.wait { stands.load(ordering: .acquiring) })
    }

    func release() { isHeld.store(false, ordering: .releasing) }
}

/// What a worker wakes the stream side with, and how often it did. Close it behind the engine: a
/// worker would wake whoever has the number by then.
struct WakePipe {
    private var readEnd: Int32 = -1
    private(set) var writeEnd: Int32 = -1

    init() throws { try #require(tl_pipe(&readEnd, &writeEnd) == 0) }

    func close() {
        _ = tl_close(readEnd)
        _ = tl_close(writeEnd)
    }

    /// Wakes since the last call, at most 64.
    func take() -> Int {
        var bytes = [UInt8](repeating: 0, count: 64)
        return Int(tl_read(readEnd, &bytes, 64))
    }
}

/// A configuration that disturbs nobody: each test has its own ports, below those that the kernel
/// gives to sockets that ask for none (32768 and up). How late the ticks run on the machine of the
/// tests is no reason to refuse a leg; tests of that inject the lateness.
func configuration(
    ports: ClosedRange<Int>, quarantine: Interval = .zero, wakeFD: Int32 = -1,
    lateness: Interval? = nil, folder: String = "/tmp"
) -> MediaEngineConfiguration {
    MediaEngineConfiguration(
        ports: ports, workers: 1, quarantine: quarantine, mediaTimeout: nil, streamWakeFD: wakeFD,
        maximumTickLateness: lateness, recordingDirectory: folder)
}
