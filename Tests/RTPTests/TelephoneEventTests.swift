import Base
import RTP
import Testing

/// A receiver that is fed packets by their fields.
private struct Keypad {
    var receiver = TelephoneEventReceiver()
    var digits = ""
    var sequence: UInt16 = 100

    /// `number`: nil for the next one.
    mutating func packet(
        _ event: UInt8, end: Bool = false, duration: UInt16, timestamp: UInt32, at ms: Int64,
        marker: Bool = false, number: UInt16? = nil, clockRate: Int? = nil
    ) {
        let payload: [UInt8] = [
            event, (end ? 0x80 : 0) | 10, UInt8(duration >> 8), UInt8(duration & 255),
        ]
        sequence = number ?? sequence &+ 1
        let digit = payload.withUnsafeBytes {
            receiver.receive(
                payload: $0, marker: marker, timestamp: timestamp, sequence: sequence,
                clockRate: clockRate, now: Instant(milliseconds: ms))
        }
        if let digit { digits.append(digit) }
    }

    /// A whole press of RFC 4733's kind.
    mutating func press(_ event: UInt8, timestamp: UInt32, at ms: Int64, marker: Bool = true) {
        for step in 1...5 {
            packet(
                event, duration: UInt16(step) * 160, timestamp: timestamp,
                at: ms + Int64(step) * 20,
                marker: marker && step == 1)
        }
        for copy in 0..<3 {
            packet(
                event, end: true, duration: 960, timestamp: timestamp, at: ms + 120 + Int64(copy))
        }
    }
}

@Suite struct TelephoneEventReceiverTests {
    @Test func eachPressIsReportedOnceAtItsFirstPacket() {
        var keypad = Keypad()
        keypad.packet(5, duration: 160, timestamp: 1000, at: 0, marker: true)
        #expect(keypad.digits == "5")
        keypad.packet(5, duration: 320, timestamp: 1000, at: 20)
        for _ in 0..<3 { keypad.packet(5, end: true, duration: 480, timestamp: 1000, at: 40) }
        #expect(keypad.digits == "5")
        #expect(keypad.receiver.digits == 1)
    }

    @Test func allSixteenDigits() {
        var keypad = Keypad()
        for event in 0..<16 {
            keypad.press(UInt8(event), timestamp: UInt32(event) * 2000, at: Int64(event) * 250)
        }
        #expect(keypad.digits == "0123456789*#ABCD")
    }

    @Test func markerIsNotNeededAndNotBelieved() {
        var keypad = Keypad()
        keypad.press(1, timestamp: 1000, at: 0, marker: false)
        // A gateway that sets the marker on every packet.
        for step in 1...5 {
            keypad.packet(
                2, duration: UInt16(step) * 160, timestamp: 9000, at: 1000 + Int64(step) * 20,
                marker: true)
        }
        #expect(keypad.digits == "12")
    }

    @Test func sameDigitTwiceIsTwoPresses() {
        var keypad = Keypad()
        keypad.press(1, timestamp: 1000, at: 0)
        keypad.press(1, timestamp: 2600, at: 200)
        #expect(keypad.digits == "11")
    }

    @Test func onlyEndPacketsArriveStillOnePress() {
        var keypad = Keypad()
        for _ in 0..<3 { keypad.packet(7, end: true, duration: 800, timestamp: 1000, at: 100) }
        #expect(keypad.digits == "7")
    }

    @Test func missingEndPacketsDoNotHideTheNextPress() {
        var keypad = Keypad()
        keypad.packet(3, duration: 160, timestamp: 1000, at: 0)
        keypad.packet(3, duration: 320, timestamp: 1000, at: 20)
        keypad.packet(3, duration: 160, timestamp: 3000, at: 250)
        keypad.packet(4, duration: 160, timestamp: 3400, at: 300)
        #expect(keypad.digits == "334")
    }

    @Test func packetOvertakenByTheNextPressIsNotReportedAgain() {
        var keypad = Keypad()
        keypad.press(1, timestamp: 1000, at: 0)
        keypad.packet(2, duration: 160, timestamp: 2600, at: 200)
        keypad.packet(1, end: true, duration: 960, timestamp: 1000, at: 205)
        keypad.packet(2, duration: 320, timestamp: 2600, at: 220)
        #expect(keypad.digits == "12")
    }

    @Test func pressThatOnlyShowsLateIsReported() {
        var keypad = Keypad()
        keypad.packet(2, duration: 160, timestamp: 2600, at: 200)
        keypad.packet(1, end: true, duration: 960, timestamp: 1000, at: 205)
        keypad.packet(2, duration: 320, timestamp: 2600, at: 220)
        #expect(keypad.digits == "21")
    }

    @Test func timestampThatMovesWithEachUpdateIsOnePress() {
        var keypad = Keypad()
        for step in 0..<6 {
            keypad.packet(
                8, end: step == 5, duration: UInt16(step + 1) * 160,
                timestamp: 1000 + UInt32(step) * 160, at: Int64(step) * 20)
        }
        #expect(keypad.digits == "8")
    }

    @Test func endCopiesWithMovedTimestampAreOnePress() {
        var keypad = Keypad()
        keypad.packet(8, duration: 160, timestamp: 1000, at: 0)
        for copy in 0..<3 {
            keypad.packet(
                8, end: true, duration: 320, timestamp: 1000 + UInt32(copy) * 160,
                at: 20 + Int64(copy) * 20)
        }
        #expect(keypad.digits == "8")
    }

    @Test func segmentsOfALongPressAreOnePress() {
        var keypad = Keypad()
        // RFC 4733 2.5.1.3: 20 s = 160 000 units, segments at 65 535 and 131 070.
        var elapsed = 0
        var ms: Int64 = 0
        while elapsed < 160_000 {
            elapsed += 160
            ms += 20
            let segment = (elapsed - 1) / 0xFFFF
            keypad.packet(
                6, end: elapsed >= 160_000, duration: UInt16(elapsed - segment * 0xFFFF),
                timestamp: 500 &+ UInt32(segment) * 0xFFFF, at: ms)
        }
        #expect(keypad.digits == "6")
    }

    @Test func capturedPressPlayedAgainIsASecondPress() {
        // SIPp plays the same pcap: same timestamps, same sequence numbers.
        var keypad = Keypad()
        keypad.press(9, timestamp: 1000, at: 0)
        keypad.sequence = 100
        keypad.press(9, timestamp: 1000, at: 1000)
        #expect(keypad.digits == "99")
    }

    @Test func digitsOfCapturesInAnyOrderOfTheirTimestamps() {
        var keypad = Keypad()
        keypad.press(9, timestamp: 90_000, at: 0)
        keypad.press(1, timestamp: 10_000, at: 500)
        keypad.press(9, timestamp: 90_000, at: 1000)
        #expect(keypad.digits == "919")
    }

    @Test func heldKeyWithALongLossIsStillOnePress() {
        var keypad = Keypad()
        keypad.packet(9, duration: 160, timestamp: 1000, at: 0)
        keypad.packet(9, duration: 8160, timestamp: 1000, at: 1000)
        #expect(keypad.digits == "9")
    }

    @Test func timestampWrapIsNoNewPress() {
        var keypad = Keypad()
        keypad.packet(4, duration: 160, timestamp: 0xFFFF_FFF0, at: 0)
        keypad.packet(4, duration: 320, timestamp: 0xFFFF_FFF0, at: 20)
        keypad.packet(4, end: true, duration: 480, timestamp: 0xFFFF_FFF0, at: 40)
        #expect(keypad.digits == "4")
    }

    @Test func otherEventsAndShortPayloadsAreCounted() {
        var keypad = Keypad()
        keypad.packet(16, duration: 160, timestamp: 0, at: 0)  // flash
        keypad.packet(255, duration: 160, timestamp: 0, at: 0)
        for count in 0..<4 {
            let payload = [UInt8](repeating: 1, count: count)
            let digit = payload.withUnsafeBytes {
                keypad.receiver.receive(
                    payload: $0, marker: true, timestamp: 5, sequence: 1, now: .zero)
            }
            #expect(digit == nil)
        }
        #expect(keypad.digits == "")
        #expect(keypad.receiver.otherEvents == 2)
        #expect(keypad.receiver.malformed == 4)
    }

    /// Random presses through a path that loses, repeats and delays: each press of which one packet
    /// arrives is reported exactly once, in the order of the first arrivals.
    @Test func impairedPressesAreEachReportedOnce() {
        for seed in 1...60 {
            var random = SeededGenerator(seed: UInt64(seed))
            struct Sent {
                var at: Int64, event: UInt8, end: Bool, duration: UInt16, timestamp: UInt32
                var number: UInt16
            }
            var sent: [Sent] = []
            var start: Int64 = 0
            for _ in 0..<20 {
                let event = UInt8.random(in: 0..<16, using: &random)
                let ticks = Int64.random(in: 2...12, using: &random)
                let timestamp = UInt32(truncatingIfNeeded: 0xFFFF_0000 + start * 8)
                for step in 1...ticks + 2 {
                    sent.append(
                        Sent(
                            at: start + step * 20, event: event, end: step >= ticks,
                            duration: UInt16(min(step, ticks) * 160), timestamp: timestamp,
                            number: 65_500 &+ UInt16(sent.count)))
                }
                start += ticks * 20 + Int64.random(in: 80...300, using: &random)
            }
            var arriving: [Sent] = []
            for packet in sent where Int.random(in: 0..<100, using: &random) >= 20 {
                var late = packet
                late.at += Int64.random(in: 0...35, using: &random)
                arriving.append(late)
                if Int.random(in: 0..<100, using: &random) < 10 {
                    late.at += Int64.random(in: 0...60, using: &random)
                    arriving.append(late)
                }
            }
            arriving.sort { $0.at < $1.at }
            var keypad = Keypad()
            var expected = ""
            var seen: Set<UInt32> = []
            for packet in arriving {
                if seen.insert(packet.timestamp).inserted,
                    let digit = TelephoneEvent.digit(packet.event)
                {
                    expected.append(digit)
                }
                keypad.packet(
                    packet.event, end: packet.end, duration: packet.duration,
                    timestamp: packet.timestamp, at: packet.at, number: packet.number)
            }
            #expect(keypad.digits == expected, "seed \(seed)")
        }
    }

    /// 2.5.1.3: the last packet of a segment, repeated and overtaken by the next segment.
    @Test func aSegmentsLateEndIsNotAnotherPress() {
        for start: UInt32 in [500, 0xFFFF_F000] {
            var keypad = Keypad()
            keypad.packet(6, duration: 160, timestamp: start, at: 0)
            keypad.packet(6, duration: 65_440, timestamp: start, at: 380)
            let next = start &+ 0xFFFF
            keypad.packet(6, duration: 225, timestamp: next, at: 400)
            keypad.packet(6, duration: 0xFFFF, timestamp: start, at: 405)
            keypad.packet(6, duration: 385, timestamp: next, at: 420)
            keypad.packet(6, duration: 0xFFFF, timestamp: start, at: 425)
            keypad.packet(6, end: true, duration: 545, timestamp: next, at: 440)
            keypad.packet(6, duration: 0xFFFF, timestamp: start, at: 445, number: 101)
            #expect(keypad.digits == "6")
        }
        // The first that is heard of it is its second segment.
        var keypad = Keypad()
        keypad.packet(6, duration: 225, timestamp: 70_000, at: 400)
        keypad.packet(6, duration: 0xFFFF, timestamp: 70_000 - 0xFFFF, at: 405)
        keypad.packet(6, duration: 385, timestamp: 70_000, at: 420)
        #expect(keypad.digits == "6")
    }

    @Test func movedTimestampsOutOfOrderAreOnePress() {
        // Each packet's place in the order that it was sent in.
        for order in [
            [1, 0, 2, 3, 5, 4], [0, 2, 1, 3, 5, 4], [2, 1, 0, 5, 4, 3], [0, 2, 5, 4, 3, 1],
        ] {
            var keypad = Keypad()
            for (index, place) in order.enumerated() {
                keypad.packet(
                    8, end: place == 5, duration: UInt16(place + 1) * 160,
                    timestamp: 0xFFFF_FF00 &+ UInt32(place) * 160, at: Int64(index) * 20,
                    number: UInt16(place))
            }
            // Another key, and a last packet of the one before it.
            keypad.packet(3, duration: 160, timestamp: 9000, at: 200, number: 10)
            keypad.packet(
                8, duration: 480, timestamp: 0xFFFF_FF00 &+ 320, at: 210, number: 2)
            keypad.packet(3, duration: 320, timestamp: 9000, at: 220, number: 11)
            #expect(keypad.digits == "83", "\(order)")
        }
    }

    @Test func aShortPressThatOnlyShowsBehindTheNextOfItsDigitIsReported() {
        var keypad = Keypad()
        keypad.packet(2, duration: 160, timestamp: 2600, at: 200, number: 8)
        keypad.packet(2, end: true, duration: 480, timestamp: 1000, at: 205, number: 5)
        #expect(keypad.digits == "22")
    }

    @Test func theSameDigitAgainWithTheSameTimestampIsTwoPresses() {
        var keypad = Keypad()
        keypad.press(5, timestamp: 1000, at: 0)
        keypad.press(5, timestamp: 1000, at: 200)
        #expect(keypad.digits == "55")
        // What was sent before the end is no press, however late: an update, or an end.
        keypad.packet(5, duration: 640, timestamp: 1000, at: 330, number: 112)
        #expect(keypad.digits == "55")
        keypad.packet(5, duration: 160, timestamp: 1000, at: 400, number: 117)
        #expect(keypad.digits == "555")
        keypad.packet(5, end: true, duration: 960, timestamp: 1000, at: 405, number: 116)
        keypad.packet(5, duration: 320, timestamp: 1000, at: 420, number: 118)
        #expect(keypad.digits == "555")
    }

    /// RFC 4733 2.1: a source with two clocks has two types.
    @Test func eachPacketCountsByTheClockOfItsType() {
        var keypad = Keypad()
        // 10 ms beyond what was reported: the same press at 48 kHz, another at 8 kHz.
        for (rate, digits) in [(48_000, "8"), (8000, "88")] {
            keypad = Keypad()
            keypad.packet(8, duration: 960, timestamp: 1000, at: 0, clockRate: rate)
            keypad.packet(8, duration: 1920, timestamp: 2440, at: 20, clockRate: rate)
            #expect(keypad.digits == digits)
        }
        keypad = Keypad()
        keypad.packet(8, duration: 960, timestamp: 1000, at: 0, clockRate: 48_000)
        keypad.packet(8, duration: 1920, timestamp: 1960, at: 300, clockRate: 8000)
        #expect(keypad.digits == "88")
    }
}

@Suite struct TelephoneEventSenderTests {
    private struct Sent: Equatable {
        var bytes: [UInt8]
        var marker: Bool
        var timestamp: UInt32
        var isLast: Bool
    }

    private func packets(_ sender: TelephoneEventSender) -> [Sent] {
        var sender = sender
        var all: [Sent] = []
        var payload = [UInt8](repeating: 0, count: 4)
        while let step = payload.withUnsafeMutableBytes({ sender.next(into: $0) }) {
            all.append(
                Sent(
                    bytes: Array(payload[0..<step.payloadCount]), marker: step.marker,
                    timestamp: step.timestamp, isLast: step.isLast))
        }
        return all
    }

    @Test func sixtyMillisecondsAreTwoUpdatesAndThreeEnds() throws {
        let sender = try #require(
            TelephoneEventSender(digit: "#", durationSamples: 480, startTimestamp: 7000))
        #expect(
            packets(sender) == [
                Sent(bytes: [11, 10, 0, 160], marker: true, timestamp: 7000, isLast: false),
                Sent(bytes: [11, 10, 1, 64], marker: false, timestamp: 7000, isLast: false),
                Sent(bytes: [11, 0x8A, 1, 224], marker: false, timestamp: 7000, isLast: false),
                Sent(bytes: [11, 0x8A, 1, 224], marker: false, timestamp: 7000, isLast: false),
                Sent(bytes: [11, 0x8A, 1, 224], marker: false, timestamp: 7000, isLast: true),
            ])
    }

    @Test func unevenDurationEndsExactly() throws {
        let sender = try #require(
            TelephoneEventSender(digit: "1", durationSamples: 200, startTimestamp: 0, volume: 99))
        let sent = packets(sender)
        #expect(
            sent.map(\.bytes) == [
                [1, 63, 0, 160], [1, 0xBF, 0, 200], [1, 0xBF, 0, 200], [1, 0xBF, 0, 200],
            ])
    }

    /// The segment's last packet, and each press', goes three times (2.5.1.4); time goes on meanwhile.
    @Test func longPressContinuesInSegmentsWithoutMarkerOrEnd() throws {
        let sender = try #require(
            TelephoneEventSender(
                digit: "5", durationSamples: 160_000, startTimestamp: 0xFFFF_FFFF))
        let sent = packets(sender)
        #expect(sent.map(\.marker).filter { $0 }.count == 1)
        #expect(sent.filter { $0.bytes[1] & 0x80 != 0 }.count == 3)
        var timestamps: [UInt32] = []
        for packet in sent where timestamps.last != packet.timestamp {
            timestamps.append(packet.timestamp)
        }
        #expect(timestamps == [0xFFFF_FFFF, 0xFFFE, 0x1_FFFD])
        // Each finished segment reports the maximum, three times, and the next one the time since.
        let full = sent.indices.filter { sent[$0].bytes[2...] == [0xFF, 0xFF] }
        try #require(full == [409, 410, 411, 819, 820, 821])
        let stamps: [UInt32] = [0xFFFF_FFFF, 0xFFFE]
        #expect(full.map { sent[$0].timestamp } == stamps.flatMap { [$0, $0, $0] })
        // 413 × 160 − 65,535 = 545 = 0x0221.
        #expect(sent[412].bytes == [5, 10, 0x02, 0x21])
        // The last one reports the rest: 160 000 − 2·65 535 = 28 930 = 0x7102.
        #expect(sent.last?.bytes == [5, 0x8A, 0x71, 0x02])
        #expect(sent.count == 1000 + 2)
    }

    @Test func aPressThatEndsWhileItsSegmentIsRepeatedEndsBehindIt() throws {
        let sender = try #require(
            TelephoneEventSender(digit: "5", durationSamples: 0xFFFF + 100, startTimestamp: 0))
        let tail = packets(sender).suffix(6)
        #expect(
            tail.map(\.bytes) == [[UInt8]](repeating: [5, 10, 0xFF, 0xFF], count: 3)
                + [[UInt8]](repeating: [5, 0x8A, 0, 100], count: 3))
        #expect(tail.map(\.isLast) == [false, false, false, false, false, true])
    }

    @Test func ourReceiverHearsEachDigitWeSendOnce() throws {
        var receiver = TelephoneEventReceiver()
        var heard = ""
        var now = Instant.zero
        var timestamp: UInt32 = 5000
        for (digit, samples) in [("1", 800), ("1", 800), ("A", 400), ("*", 100_000), ("0", 1)] {
            var sender = try #require(
                TelephoneEventSender(
                    digit: Character(digit), durationSamples: samples, startTimestamp: timestamp))
            var payload = [UInt8](repeating: 0, count: 4)
            while let step = payload.withUnsafeMutableBytes({ sender.next(into: $0) }) {
                let digit = payload.withUnsafeBytes {
                    receiver.receive(
                        payload: $0, marker: step.marker, timestamp: step.timestamp, sequence: 0,
                        now: now)
                }
                if let digit { heard.append(digit) }
                now += .milliseconds(20)
            }
            timestamp &+= UInt32(samples) + 800
        }
        #expect(heard == "11A*0")
    }

    @Test func impossiblePressesAreRefused() {
        #expect(TelephoneEventSender(digit: "x", durationSamples: 800, startTimestamp: 0) == nil)
        #expect(TelephoneEventSender(digit: "é", durationSamples: 800, startTimestamp: 0) == nil)
        #expect(TelephoneEventSender(digit: "1", durationSamples: 0, startTimestamp: 0) == nil)
        #expect(TelephoneEventSender(digit: "1", durationSamples: -1, startTimestamp: 0) == nil)
        #expect(
            TelephoneEventSender(digit: "1", durationSamples: 480_001, startTimestamp: 0) == nil)
        #expect(
            TelephoneEventSender(digit: "d", durationSamples: 480_000, startTimestamp: 0) != nil)
    }

    @Test func shortBufferWritesNothingAndLosesNothing() throws {
        var sender = try #require(
            TelephoneEventSender(digit: "1", durationSamples: 160, startTimestamp: 0))
        var small = [UInt8](repeating: 0, count: 3)
        let none = small.withUnsafeMutableBytes { sender.next(into: $0) }
        #expect(none == nil)
        #expect(packets(sender).count == 3)
    }
}
