import Base
import RTP
import Testing

/// Packets of presses by their fields, each with its SSRC.
private struct Keypads {
    var receiver = TelephoneEventReceiver()
    var digits = ""

    mutating func packet(
        _ event: UInt8, of source: UInt32, number: UInt16, timestamp: UInt32, duration: UInt16,
        end: Bool = false, clockRate: Int = 8000, at ms: Int64
    ) {
        let payload: [UInt8] = [
            event, (end ? 0x80 : 0) | 10, UInt8(duration >> 8), UInt8(duration & 255),
        ]
        let digit = payload.withUnsafeBytes {
            receiver.receive(
                payload: $0, marker: false, timestamp: timestamp, sequence: number,
                source: source, clockRate: clockRate, now: Instant(milliseconds: ms))
        }
        if let digit { digits.append(digit) }
    }
}

@Suite struct TelephoneEventSourceTests {
    /// RFC 3550 8.1: with the SSRC, numbers and timestamps begin anew; the key is still down.
    @Test(arguments: [true, false])
    func aPressGoesOnUnderAnotherSSRC(durationGoesOn: Bool) {
        var keypads = Keypads()
        for step in 1...5 {
            keypads.packet(
                5, of: 1, number: UInt16(step), timestamp: 1000, duration: UInt16(step) * 160,
                at: Int64(step) * 20)
        }
        for step in 6...9 {
            let duration = UInt16(durationGoesOn ? step : step - 5) * 160
            keypads.packet(
                5, of: 2, number: 40_000 + UInt16(step), timestamp: 77, duration: duration,
                at: Int64(step) * 20)
        }
        for copy in 0..<3 {
            keypads.packet(
                5, of: 2, number: 40_010, timestamp: 77, duration: durationGoesOn ? 1600 : 800,
                end: true, at: 200 + Int64(copy))
        }
        // The old source's packets that come late are of the same press.
        keypads.packet(5, of: 1, number: 6, timestamp: 1000, duration: 960, at: 210)
        #expect(keypads.digits == "5")
        // The next press is one of its own.
        keypads.packet(5, of: 2, number: 40_020, timestamp: 3000, duration: 160, at: 300)
        #expect(keypads.digits == "55")
    }

    @Test func aPressOfAnotherClockIsComparedInTime() {
        var keypads = Keypads()
        keypads.packet(1, of: 1, number: 1, timestamp: 0, duration: 800, at: 100)
        // 110 ms at 48 kHz, whose first packets were lost.
        keypads.packet(
            1, of: 2, number: 9, timestamp: 5, duration: 5280, clockRate: 48_000, at: 250)
        #expect(keypads.digits == "1")
        // 60 ms at 48 kHz are more units than 100 ms at 8 kHz, and another press.
        keypads.packet(2, of: 1, number: 2, timestamp: 9000, duration: 800, at: 1000)
        keypads.packet(
            2, of: 2, number: 10, timestamp: 5, duration: 2880, clockRate: 48_000, at: 1200)
        #expect(keypads.digits == "122")
    }

    /// Timestamps of two sources that happen to be the same say nothing.
    @Test func aPressOfAnotherSourceIsNotTakenForAnEarlierOne() {
        var keypads = Keypads()
        keypads.packet(5, of: 1, number: 1, timestamp: 100, duration: 400, end: true, at: 0)
        keypads.packet(6, of: 1, number: 2, timestamp: 900, duration: 400, end: true, at: 100)
        keypads.packet(5, of: 2, number: 9, timestamp: 100, duration: 160, at: 200)
        #expect(keypads.digits == "565")
    }

    @Test func aPressThatEndedOrIsOfAnotherKeyDoesNotGoOn() {
        var keypads = Keypads()
        keypads.packet(5, of: 1, number: 1, timestamp: 0, duration: 800, end: true, at: 100)
        keypads.packet(5, of: 2, number: 9, timestamp: 0, duration: 160, at: 180)
        #expect(keypads.digits == "55")
        keypads.packet(6, of: 3, number: 9, timestamp: 0, duration: 320, at: 200)
        #expect(keypads.digits == "556")
        // The same key, released unseen and pressed again a third of a second later.
        keypads.packet(6, of: 4, number: 9, timestamp: 0, duration: 160, at: 530)
        #expect(keypads.digits == "5566")
        // A copy of the end under another SSRC is no press.
        keypads.packet(6, of: 4, number: 10, timestamp: 0, duration: 480, end: true, at: 560)
        keypads.packet(6, of: 5, number: 1, timestamp: 7, duration: 480, end: true, at: 570)
        #expect(keypads.digits == "5566")
    }
}
