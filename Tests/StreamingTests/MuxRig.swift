import Audio
import CallModel
import Foundation
import NIOCore
import NIOWebSocket
import Testing

@testable import Streaming

/// One of many legs on a rig's hub.
struct RigLeg {
    let bridge: AudioBridge
    let session: StreamSession
    let events: AsyncStream<StreamEvent>

    func offer(_ samples: [Int16]) { samples.withUnsafeBufferPointer { _ = bridge.offer($0) } }
}

extension Rig {
    func leg(
        _ number: Int, _ url: String, trust: StreamRequest.TLSTrust = .system,
        isListener: Bool = false
    ) -> RigLeg {
        let bridge = hub.makeBridge(for: url)
        let (events, continuation) = AsyncStream<StreamEvent>.makeStream()
        var request = StreamRequest(
            url: url, streamID: "MZ\(number)", callID: CallID("CA\(number)"),
            accountID: "AC0001", parameters: ["number": "\(number)"])
        request.tlsTrust = trust
        request.isListener = isListener
        let session = hub.connect(request, bridge: bridge) { event in
            continuation.yield(event)
            switch event {
            case .ended, .failed: continuation.finish()
            default: break
            }
        }
        return RigLeg(bridge: bridge, session: session, events: events)
    }

    /// Plays the worker of `leg` until `count` samples have left.
    func play(_ leg: RigLeg, _ count: Int) async throws -> [Int16] {
        var worker = WorkerClock(leg.bridge)
        let deadline = ContinuousClock.now + .seconds(120)
        while worker.played.count < count, ContinuousClock.now < deadline {
            if worker.tick() > 0 { wake() } else { try await Task.sleep(for: .milliseconds(1)) }
        }
        return worker.played
    }
}

/// What a `TestBot` hears on a multiplexed connection, record by record.
struct MuxEar {
    var iterator: HeardIterator
    private var pending: [MuxRecord] = []
    /// Records of each message so far.
    private(set) var messages: [Int] = []

    init(_ bot: TestBot) { iterator = bot.heard.makeAsyncIterator() }

    /// The next record; nil when a message was none or the bot is gone.
    mutating func next() async -> MuxRecord? {
        while pending.isEmpty {
            guard let heard = await iterator.next(isolation: #isolation) else { return nil }
            guard case .data(let bytes) = heard else { continue }
            guard let records = MuxRecord.all(bytes) else {
                Issue.record("not a message: \(bytes)")
                return nil
            }
            messages.append(records.count)
            pending = records
        }
        return pending.removeFirst()
    }

    /// The next record of `type`; others before it are skipped.
    mutating func next(type: UInt8) async -> MuxRecord? {
        while let record = await next() {
            if record.type == type { return record }
        }
        return nil
    }
}

extension MuxRecord {
    var text: String { String(decoding: payload, as: UTF8.self) }

    var json: [String: Any] {
        let parsed = try? JSONSerialization.jsonObject(with: Data(payload))
        return parsed as? [String: Any] ?? [:]
    }

    static func mark(_ leg: UInt32, _ name: String) -> MuxRecord {
        MuxRecord(type: 4, leg: leg, payload: Array(name.utf8))
    }

    static func audio(_ leg: UInt32, _ payload: [UInt8], flags: UInt8 = 0) -> MuxRecord {
        MuxRecord(type: 1, flags: flags, leg: leg, payload: payload)
    }

    static func clear(_ leg: UInt32) -> MuxRecord { MuxRecord(type: 5, leg: leg) }
}

extension TestBot {
    func send(_ records: MuxRecord...) async throws {
        try await send(message: MuxRecord.message(records))
    }

    func send(message: [UInt8]) async throws {
        try await send(WebSocketFrame(fin: true, opcode: .binary, data: ByteBuffer(bytes: message)))
    }
}
