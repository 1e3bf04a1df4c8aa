import Base
import Testing

@testable import Audio

private func run(_ filter: inout HalfBand, _ input: [Int16], room: Int) -> [Int16] {
    var output = [Int16](repeating: 0, count: room)
    let written = input.withUnsafeBufferPointer { input in
        output.withUnsafeMutableBufferPointer { filter.process(input, into: $0).written }
    }
    return Array(output[0..<written])
}

/// The level of the sum of a sine of `frequency` and whatever else, in dBm0, after settling.
private func gain(_ direction: HalfBand.Direction, _ frequency: Double) -> Double {
    let rate = direction == .doubling ? 8000 : 16_000
    var tone = ToneGenerator(frequencies: [frequency], levelDBm0: 0, sampleRate: rate)
    var filter = HalfBand(direction)
    let output = run(&filter, tone.next(rate / 2), room: 9000)
    return Level.dBm0(Array(output[200...]))
}

@Test(arguments: [50.0, 300, 1000, 2000, 3000, 3400])
func halfBandIsFlatInTheTelephoneBand(frequency: Double) {
    #expect(abs(gain(.doubling, frequency)) < 0.05)
    #expect(abs(gain(.halving, frequency)) < 0.05)
}

@Test(arguments: [4600.0, 5000, 6000, 7000, 7900])
func halvingRemovesWhatWouldAlias(frequency: Double) {
    // The design's −69.6 dB; 16-bit rounding alone is at −98 dBm0.
    #expect(gain(.halving, frequency) < -65)
}

@Test func doublingLeavesNoImageAboveFourKilohertz() {
    var tone = ToneGenerator(frequencies: [3000], levelDBm0: 0)
    var filter = HalfBand(.doubling)
    let wide = run(&filter, tone.next(8000), room: 16_000)
    // The image of 3000 Hz stands at 5000: correlate with it.
    var real = 0.0
    var imaginary = 0.0
    for index in 800..<15_200 {
        let phase = 2 * Double.pi * 5000 * Double(index) / 16_000
        real += Double(wide[index]) * Elementary.cos(phase)
        imaginary += Double(wide[index]) * Elementary.sin(phase)
    }
    let amplitude = 2 * (real * real + imaginary * imaginary).squareRoot() / 14_400
    #expect(Level.dBm0(meanSquare: amplitude * amplitude / 2) < -65)
}

@Test func thereAndBackIsTheSameSoundLater() throws {
    var tone = ToneGenerator(frequencies: [440, 1300, 3100], levelDBm0: -12)
    let sent = tone.next(4000)
    let wide = try Resampler.convert(sent, from: 8000, to: 16_000)
    let narrow = try Resampler.convert(wide, from: 16_000, to: 8000)
    let error = (200..<3800).map { Int16(clamping: Int(narrow[$0]) - Int(sent[$0])) }
    #expect(Level.dBm0(error) < -65)
}

@Test func halfBandGivesTheSameSamplesHoweverTheInputIsCut() {
    var generator = SeededGenerator(seed: 63)
    let input = (0..<5000).map { _ in Int16(truncatingIfNeeded: generator.next()) }
    for direction in [HalfBand.Direction.doubling, .halving] {
        var whole = HalfBand(direction)
        let expected = run(&whole, input, room: 10_000)
        #expect(expected.count == (direction == .doubling ? 10_000 : 2500))
        var cut = HalfBand(direction)
        var joined: [Int16] = []
        var rest = input[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(Int(generator.next() % 400)))
            var room = [Int16](repeating: 0, count: Int(generator.next() % 300))
            let (took, gave) = piece.withUnsafeBufferPointer { piece in
                room.withUnsafeMutableBufferPointer { cut.process(piece, into: $0) }
            }
            #expect(took <= piece.count && gave <= room.count)
            joined += room[0..<gave]
            rest = rest.dropFirst(took)
        }
        #expect(joined == expected)
    }
}

@Test func fullScaleIsClippedNotWrapped() {
    var filter = HalfBand(.doubling)
    let square = (0..<800).map { $0 / 8 % 2 == 0 ? Int16.max : Int16.min }
    let output = run(&filter, square, room: 1600)
    #expect(output.max() == 32767 && output.min() == -32768)
    // An overshoot that wrapped would have the other sign inside a half wave.
    for index in 100..<1560 {
        let place = (index - 31) / 2
        guard square[place - 2] == square[place + 3] else { continue }
        #expect(output[index].signum() == square[place].signum())
    }
}
