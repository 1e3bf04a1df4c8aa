import Base
import RTP

extension FuzzTarget {
    /// The analysis tap under any order of packets, ticks and resets.
    static let tap = FuzzTarget(name: "tap", maximumInput: 1024) { bytes in
        var script = Script(bytes)
        var story = TapStory(&script)
        while !script.isAtEnd { story.step(&script) }
        story.finish()
    }
}

/// A tap and what the fuzzer knows that it may do.
private struct TapStory: ~Copyable {
    var tap: InOrderTap
    let capacity: Int
    let longestGap: Int
    var now = Instant(milliseconds: 500)
    var sequence: UInt16
    var timestamp: UInt32
    var accepted = 0
    var delivered = 0
    var concealed = 0
    /// Packets taken with audio, by the number written into their payload: not yet handed on.
    var pending: [Bool] = []
    /// Where the tap's timeline stands; nil before the first piece.
    var position: Int64?

    init(_ script: inout Script) {
        capacity = 4 + script.choice(16)
        longestGap = [80_000, 1000, 0][script.choice(3)]
        tap = InOrderTap(
            capacityPackets: capacity, maximumPayload: 64, clockRate: 8000,
            waitLimit: .milliseconds(Int64(script.choice(4)) * 20),
            packetLimit: 1 + script.choice(5), maximumConcealment: longestGap)
        sequence = script.word()
        timestamp = script.long()
    }

    mutating func step(_ script: inout Script) {
        switch script.choice(8) {
        case 0...3:
            sequence &+= 1
            timestamp &+= 160
            insert(sequence, timestamp, script.choice(80))
        case 4: insertSomewhere(&script)
        case 5:
            sequence &+= 1
            expect(tap.insertOther(sequence: sequence, now: now) != .overflow, "no slot left")
        case 6: now += .milliseconds(Int64(script.byte()))
        default:
            if script.choice(16) == 0 {
                tap.reset()
                expect(tap.heldPackets == 0, "holds something after a reset")
            } else if let deadline = tap.nextDeadline {
                now = max(now, deadline)
            }
        }
        expect(tap.heldPackets <= capacity, "holds more than its slots")
        drain(now)
        if let deadline = tap.nextDeadline {
            expect(deadline > now, "a wait that is over still holds packets")
        }
    }

    /// A packet with numbers of the script's choice: late, repeated, from a restarted sender.
    private mutating func insertSomewhere(_ script: inout Script) {
        let far = script.flag()
        let step = far ? script.word() : UInt16(bitPattern: Int16(script.choice(32)) - 16)
        let jump = far ? script.long() : UInt32(script.choice(20)) &* 80
        insert(sequence &+ step, timestamp &+ jump, script.choice(80))
        if script.flag() {
            sequence = sequence &+ step
            timestamp = timestamp &+ jump
        }
    }

    private mutating func insert(_ sequence: UInt16, _ timestamp: UInt32, _ count: Int) {
        var payload = [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: count)
        let number = pending.count
        for index in 0..<min(2, count) {
            payload[index] = UInt8(truncatingIfNeeded: number >> (8 * index))
        }
        let moment = now
        let result = payload.withUnsafeBytes {
            tap.insert(
                sequence: sequence, timestamp: timestamp, payload: $0, payloadType: 0, now: moment)
        }
        // The tap is emptied after each packet, so that only what no slot can hold finds none.
        expect((count > 64) == (result == .overflow), "took more than a slot holds, or no slot left")
        pending.append(result == .accepted)
        if result == .accepted { accepted += 1 }
    }

    mutating func drain(_ deadline: Instant) {
        var pieces = 0
        var position = position
        var delivered = delivered
        var concealed = concealed
        let longestGap = longestGap
        var numbers: [Int] = []
        while tap.next(
            now: deadline,
            { piece in
                switch piece {
                case .gap(let samples, _, let at):
                    expect(samples > 0 && samples <= longestGap, "a gap of \(samples)")
                    // The one seam there may be: what was cut off a gap that was too long.
                    let isCut = samples == longestGap && at > position ?? at
                    expect(
                        position == nil || position == at || isCut, "the timeline has a seam (gap)")
                    position = at + Int64(samples)
                    concealed += samples
                case .payload(let payload, _, let at):
                    // A tap that may conceal nothing says nothing of what is missing.
                    let isUnsaid = longestGap == 0 && at > position ?? at
                    expect(
                        position == nil || position == at || isUnsaid, "the timeline has a seam")
                    position = at + Int64(payload.count)
                    delivered += 1
                    expect(payload.count <= 64, "a payload longer than a slot")
                    if payload.count >= 2 { numbers.append(Int(payload[0]) | Int(payload[1]) << 8) }
                    for byte in payload.dropFirst(2) {
                        expect(Int(byte) == payload.count, "another packet's bytes")
                    }
                }
            })
        {
            pieces += 1
            expect(pieces <= 2 * capacity + 2, "next never ends")
        }
        self.position = position
        self.delivered = delivered
        self.concealed = concealed
        for number in numbers {
            expect(number < pending.count && pending[number], "packet \(number) twice")
            pending[number] = false
        }
        expect(tap.delivered == delivered, "delivered miscounted")
        expect(tap.concealedSamples == concealed, "concealment miscounted")
        expect(delivered <= accepted, "handed on more than it took")
    }

    mutating func finish() {
        drain(.distantFuture)
        expect(tap.heldPackets == 0 && tap.nextDeadline == nil, "not empty at the end of time")
    }
}
