import Base
import RTP

// Read by tools/fuzz, too.

/// A tap, what it was given and what it said. Each question takes a byte of the script from the
/// front; one that has run out answers 0.
struct TapStory: ~Copyable {
    private var script: ArraySlice<UInt8>
    private var tap: InOrderTap
    private let capacity: Int
    private let longestGap: Int
    private var now = Instant(milliseconds: 500)
    private var sequence: UInt16 = 0
    private var timestamp: UInt32 = 0
    /// Numbers, written into their payloads, of packets that were taken and have not come out.
    private var pending: Set<Int> = []
    private var given = 0
    private var accepted = 0
    private var delivered = 0
    private var concealed = 0
    /// Where the timeline stands; nil before the first piece.
    private var position: Int64?
    private(set) var broken: [String] = []

    init(script: [UInt8]) {
        var rest = script[...]
        func choice(_ limit: Int) -> Int { Int(rest.popFirst() ?? 0) % limit }
        capacity = 4 + choice(16)
        longestGap = [80_000, 1000, 0][choice(3)]
        tap = InOrderTap(
            capacityPackets: capacity, maximumPayload: 64, clockRate: 8000,
            waitLimit: .milliseconds(Int64(choice(4)) * 20), packetLimit: 1 + choice(5),
            maximumConcealment: longestGap)
        self.script = rest
        sequence = word()
        timestamp = UInt32(word()) << 16 | UInt32(word())
    }

    var isOver: Bool { script.isEmpty }

    private mutating func choice(_ limit: Int) -> Int { Int(script.popFirst() ?? 0) % limit }
    private mutating func word() -> UInt16 { UInt16(choice(256)) << 8 | UInt16(choice(256)) }
    private mutating func expect(_ isTrue: Bool, _ what: String) {
        if !isTrue { broken.append(what) }
    }

    /// - Parameter pace: time goes so many times as fast as the script says.
    mutating func step(pace: Int) {
        switch choice(8) {
        case 0...3:
            sequence &+= 1
            timestamp &+= 160
            insert(sequence, timestamp, choice(80))
        case 4: insertSomewhere()
        case 5:
            sequence &+= 1
            let result = tap.insertOther(sequence: sequence, now: now)
            expect(result != .overflow, "no slot left")
        case 6: now += .milliseconds(Int64(choice(256) * pace))
        default:
            if choice(16) == 0 {
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

    /// Late, repeated, of a sender that began anew.
    private mutating func insertSomewhere() {
        let isFar = choice(2) == 1
        let step = isFar ? word() : UInt16(bitPattern: Int16(choice(32)) - 16)
        let jump =
            isFar ? UInt32(word()) << 16 | UInt32(word()) : UInt32(choice(20)) &* 80
        insert(sequence &+ step, timestamp &+ jump, choice(80))
        if choice(2) == 1 {
            sequence &+= step
            timestamp &+= jump
        }
    }

    private mutating func insert(_ sequence: UInt16, _ timestamp: UInt32, _ count: Int) {
        var payload = [UInt8](repeating: UInt8(count), count: count)
        for index in 0..<min(2, count) {
            payload[index] = UInt8(truncatingIfNeeded: given >> (8 * index))
        }
        let moment = now
        let result = payload.withUnsafeBytes {
            tap.insert(
                sequence: sequence, timestamp: timestamp, payload: $0, payloadType: 0, now: moment)
        }
        expect((count > 64) == (result == .overflow), "took too much, or no slot left")
        if result == .accepted { accepted += 1 }
        if result == .accepted, count >= 2 { pending.insert(given) }
        given += 1
    }

    private mutating func drain(_ deadline: Instant) {
        var pieces: [(at: Int64, gap: Int?, payload: [UInt8])] = []
        while tap.next(
            now: deadline,
            { piece in
                switch piece {
                case .gap(let samples, _, let at): pieces.append((at, samples, []))
                case .payload(let payload, _, let at): pieces.append((at, nil, Array(payload)))
                }
            })
        {
            guard pieces.count <= 2 * capacity + 2 else { return expect(false, "never ends") }
        }
        for piece in pieces {
            // The one seam there may be is what was cut off a gap that was too long, or all of it.
            let isCut = longestGap == piece.gap ?? 0
            expect(
                piece.at == position ?? piece.at || isCut && piece.at > position ?? piece.at,
                "a seam at \(piece.at)")
            position = piece.at + Int64(piece.gap ?? piece.payload.count)
            if let gap = piece.gap {
                concealed += gap
                expect(gap > 0 && gap <= longestGap, "a gap of \(gap)")
                continue
            }
            delivered += 1
            expect(piece.payload.count <= 64, "a payload longer than a slot")
            if piece.payload.count >= 2 {
                let number = Int(piece.payload[0]) | Int(piece.payload[1]) << 8
                expect(pending.remove(number) != nil, "packet \(number) twice")
                expect(
                    piece.payload.dropFirst(2).allSatisfy { Int($0) == piece.payload.count },
                    "another packet's bytes")
            }
        }
        let counted = (tap.delivered, tap.concealedSamples)
        expect(counted == (delivered, concealed), "miscounted: \(counted)")
        expect(delivered <= accepted, "handed on more than it took")
    }

    mutating func finish() {
        drain(.distantFuture)
        let rest = tap.heldPackets
        let deadline = tap.nextDeadline
        expect(rest == 0 && deadline == nil, "not empty at the end of time")
    }
}
