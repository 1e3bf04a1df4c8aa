import Base
import RTP
import Testing

/// A numbered stream through a path that loses, repeats and delays. Sample i of the stream is the
/// byte i & 255, so that each payload says where it belongs.
private struct ImpairedStream {
    struct Packet {
        var sequence: UInt16
        var timestamp: UInt32
        var first: Int
        var samples: Int
        var arrival: Instant
    }

    var arriving: [Packet] = []
    let firstTimestamp: UInt32

    /// - Parameter units: RTP clock units a sample.
    init(seed: UInt64, packets: Int, units: Int) {
        var random = SeededGenerator(seed: seed)
        let lossPercent = Int.random(in: 0...25, using: &random)
        let repeatPercent = Int.random(in: 0...10, using: &random)
        let jitter = Int64.random(in: 0...120, using: &random)
        let dtxPercent = Int.random(in: 0...5, using: &random)
        var sequence = UInt16(truncatingIfNeeded: random.next())
        firstTimestamp = UInt32.max - UInt32(Int.random(in: 0...40_000, using: &random))
        var position = 0
        for _ in 0..<packets {
            let samples = [80, 160, 240].randomElement(using: &random) ?? 160
            if Int.random(in: 0..<100, using: &random) < dtxPercent {
                position += Int.random(in: 1...4000, using: &random)
            }
            let sent = Instant(nanoseconds: Int64(position + samples) * 125_000)
            if Int.random(in: 0..<100, using: &random) >= lossPercent {
                let copies = Int.random(in: 0..<100, using: &random) < repeatPercent ? 2 : 1
                for _ in 0..<copies {
                    arriving.append(
                        Packet(
                            sequence: sequence,
                            timestamp: firstTimestamp &+ UInt32(position * units), first: position,
                            samples: samples,
                            arrival: sent
                                + .microseconds(Int64.random(in: 0...jitter * 1000, using: &random))
                        ))
                }
            }
            sequence &+= 1
            position += samples
        }
        arriving.sort { $0.arrival < $1.arrival }
    }
}

@Suite struct InOrderTapPropertyTests {
    /// `units`: 1 as in G.711; 3 as in Opus at 16 kHz, 6 at 8 kHz, whose clock is 48 kHz.
    @Test(arguments: 1...60, [1, 3, 6])
    func everySampleOnceInOrderAndGapsTruthful(seed: Int, units: Int) {
        let stream = ImpairedStream(seed: UInt64(seed), packets: 300, units: units)
        // As many slots as a leg has: no stream may find them all taken.
        var tap = InOrderTap(capacityPackets: 4, clockRate: 8000 * units)
        var accepted = 0
        var acceptedSamples = 0
        var deliveredSamples = 0
        var position: Int64?
        var failures: [String] = []
        var waited = Interval.zero
        var arrivals: [Int: Instant] = [:]

        func take(_ tap: inout InOrderTap, now: Instant, timed: Bool = true) {
            while tap.next(
                now: now,
                { output in
                    switch output {
                    case .gap(let samples, _, let timestamp):
                        if timestamp != position { failures.append("gap at \(timestamp)") }
                        if samples <= 0 { failures.append("gap of \(samples)") }
                        position = timestamp + Int64(samples)
                    case .payload(let bytes, _, let timestamp):
                        if let position, position != timestamp {
                            failures.append("payload at \(timestamp), expected \(position)")
                        }
                        let place = Int(timestamp - Int64(stream.firstTimestamp))
                        if place % units != 0 { failures.append("between samples: \(place)") }
                        let first = place / units
                        for (offset, byte) in bytes.enumerated()
                        where byte != UInt8(truncatingIfNeeded: first + offset) {
                            failures.append("sample \(first + offset)")
                            break
                        }
                        if timed, let arrival = arrivals[first] {
                            waited = max(waited, now - arrival)
                        }
                        deliveredSamples += bytes.count
                        position = timestamp + Int64(bytes.count * units)
                    }
                })
            {}
        }

        for packet in stream.arriving {
            while let deadline = tap.nextDeadline, deadline <= packet.arrival {
                take(&tap, now: deadline)
            }
            let payload = (0..<packet.samples).map { UInt8(truncatingIfNeeded: packet.first + $0) }
            let result = payload.withUnsafeBytes {
                tap.insert(
                    sequence: packet.sequence, timestamp: packet.timestamp, payload: $0,
                    payloadType: 0, samples: packet.samples * units, now: packet.arrival)
            }
            if result == .accepted {
                accepted += 1
                acceptedSamples += packet.samples
                arrivals[packet.first] = packet.arrival
            }
            if result == .overflow { failures.append("overflow") }
            take(&tap, now: packet.arrival)
        }
        take(&tap, now: .distantFuture, timed: false)

        #expect(failures.prefix(3) == [])
        #expect(tap.delivered == accepted)
        #expect(deliveredSamples == acceptedSamples)
        #expect(tap.heldPackets == 0)
        #expect(waited <= .milliseconds(60))
        #expect(tap.duplicates + tap.late + accepted == stream.arriving.count)
        #expect(tap.timestampFaults == 0)
        #expect(tap.skippedSamples == 0)
    }

    /// The source changes its clock: the timeline goes on, by arrival, in the new units.
    @Test func anotherClockContinuesTheTimelineByArrival() {
        var tap = InOrderTap(clockRate: 8000)
        var pieces: [String] = []
        func insert(_ sequence: UInt16, _ timestamp: UInt32, _ units: Int, at ms: Int64) {
            let now = Instant(milliseconds: ms)
            _ = [UInt8](repeating: 0, count: 900).withUnsafeBytes {
                tap.insert(
                    sequence: sequence, timestamp: timestamp,
                    payload: UnsafeRawBufferPointer(rebasing: $0[..<min(units, 900)]),
                    payloadType: 0, samples: units, now: now)
            }
            while tap.next(
                now: now,
                { piece in
                    switch piece {
                    case .gap(let units, _, _): pieces.append("gap \(units)")
                    case .payload(let bytes, _, _): pieces.append("\(bytes.count)")
                    }
                })
            {}
        }
        insert(1, 5000, 160, at: 0)
        tap.reset(clockRate: 48_000, maximumPayload: 2000)
        // 50 ms later: 20 ms were the last packet, 30 ms are missing, 1440 units of 48 kHz.
        insert(900, 77, 960, at: 50)
        insert(901, 77 + 960, 960, at: 70)
        // And what is lost of it is measured by it.
        insert(903, 77 + 3 * 960, 960, at: 110)
        insert(904, 77 + 4 * 960, 960, at: 130)
        insert(905, 77 + 5 * 960, 960, at: 150)
        #expect(
            pieces == ["160", "gap 1440", "900", "900", "gap 960", "900", "900", "900"])
    }

    /// Any numbers at any time: nothing traps, the timeline has no seam, memory stays bounded. When
    /// each packet is followed by `next` until false, four slots are never too few.
    @Test(arguments: [true, false])
    func hostileNumbersKeepTheTimelineWhole(emptiesAlways: Bool) {
        var random = SeededGenerator(seed: 77)
        let capacity = emptiesAlways ? 4 : 8
        var tap = InOrderTap(capacityPackets: capacity)
        var position: Int64?
        var seams = 0
        var now = Instant.zero
        var sequence: UInt16 = 0
        for _ in 0..<30_000 {
            now += .microseconds(Int64.random(in: 0...40_000, using: &random))
            switch Int.random(in: 0..<10, using: &random) {
            case 0: sequence = UInt16(truncatingIfNeeded: random.next())
            case 1: sequence &-= UInt16.random(in: 0...200, using: &random)
            default: sequence &+= 1
            }
            let payload = [UInt8](repeating: 0, count: Int.random(in: 0...300, using: &random))
            let timestamp = UInt32(truncatingIfNeeded: random.next())
            payload.withUnsafeBytes { bytes in
                if random.next() % 16 == 0 {
                    _ = tap.insertOther(sequence: sequence, now: now)
                } else {
                    _ = tap.insert(
                        sequence: sequence, timestamp: timestamp, payload: bytes, payloadType: 0,
                        now: now)
                }
            }
            if random.next() % 500 == 0 { tap.reset() }
            if !emptiesAlways, random.next() % 3 == 0 { continue }
            while tap.next(
                now: now,
                { output in
                    switch output {
                    case .gap(let samples, _, let timestamp):
                        if timestamp != position ?? timestamp { seams += 1 }
                        if samples > 80_000 { seams += 1 }
                        position = timestamp + Int64(samples)
                    case .payload(let bytes, _, let timestamp):
                        if timestamp != position ?? timestamp { seams += 1 }
                        position = timestamp + Int64(bytes.count)
                    }
                })
            {}
        }
        #expect(seams == 0)
        #expect(tap.heldPackets <= capacity)
        #expect(!emptiesAlways || tap.overflows == 0)
        #expect(tap.delivered > 1000)
    }
}
