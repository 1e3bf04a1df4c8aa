import Base
import Foundation
import Testing

@Test func outboxDrainsInOrderAndIsReusable() {
    var box = Outbox<Int>(reserving: 4)
    #expect(box.isEmpty)
    for value in 1...3 { box.push(value) }
    #expect(box.count == 3)
    #expect(box[1] == 2)
    var seen: [Int] = []
    box.drain { seen.append($0) }
    #expect(seen == [1, 2, 3])
    #expect(box.isEmpty)
    box.push(9)
    #expect(box.takeAll() == [9])
    #expect(box.takeAll() == [])
}

@Test func outboxNeverHandsAnElementOutTwice() {
    struct Stop: Error {}
    var box = Outbox<Int>()
    for value in 1...5 { box.push(value) }
    var seen: [Int] = []
    #expect(throws: Stop.self) {
        try box.drain {
            seen.append($0)
            if $0 == 3 { throw Stop() }
        }
    }
    box.drain { seen.append($0) }
    #expect(seen == [1, 2, 3, 4, 5])
}

private enum Name: CaseIterable { case a, b, c }

@Test func timersExpireInOrderOfDeadlineThenOfSetting() {
    var table = TimerTable<Name>()
    #expect(table.next == nil)
    table.set(.a, at: Instant(milliseconds: 30))
    table.set(.b, at: Instant(milliseconds: 10))
    table.set(.c, at: Instant(milliseconds: 10))
    #expect(table.next == Instant(milliseconds: 10))
    #expect(table.deadline(of: .a) == Instant(milliseconds: 30))
    #expect(table.popExpired(now: Instant(milliseconds: 9)) == nil)
    #expect(table.popExpired(now: Instant(milliseconds: 30)) == .b)
    #expect(table.popExpired(now: Instant(milliseconds: 30)) == .c)
    #expect(table.popExpired(now: Instant(milliseconds: 30)) == .a)
    #expect(table.popExpired(now: Instant(milliseconds: 30)) == nil)
}

@Test func settingATimerAgainReplacesItAndCancellingRemovesIt() {
    var table = TimerTable<Name>()
    table.set(.a, at: Instant(milliseconds: 10))
    table.set(.a, at: Instant(milliseconds: 50))
    #expect(table.popExpired(now: Instant(milliseconds: 40)) == nil)
    table.set(.b, at: Instant(milliseconds: 20))
    table.cancel(.b)
    table.cancel(.c)
    #expect(table.deadline(of: .b) == nil)
    #expect(table.next == Instant(milliseconds: 50))
    table.cancelAll()
    #expect(table.next == nil)
}

/// Random operations against a dictionary that does the same by brute force.
@Test func timersAgreeWithAModel() {
    var generator = SeededGenerator(seed: 17)
    var table = TimerTable<Name>()
    var model: [Name: (deadline: Int64, order: Int)] = [:]
    for step in 0..<5000 {
        let name = Name.allCases[Int(generator.next() % 3)]
        let time = Int64(generator.next() % 20)
        switch generator.next() % 3 {
        case 0:
            table.set(name, at: Instant(nanoseconds: time))
            model[name] = (time, step)
        case 1:
            table.cancel(name)
            model[name] = nil
        default:
            let due = model.filter { $0.value.deadline <= time }
                .min { ($0.value.deadline, $0.value.order) < ($1.value.deadline, $1.value.order) }
            if let due { model[due.key] = nil }
            #expect(table.popExpired(now: Instant(nanoseconds: time)) == due?.key)
        }
        #expect(table.next?.nanoseconds == model.values.map(\.deadline).min())
    }
}

private func write(_ ring: SampleRing, _ samples: [Int16]) -> Int {
    samples.withUnsafeBufferPointer { ring.write($0) }
}

private func read(_ ring: SampleRing, _ count: Int) -> [Int16] {
    var samples = [Int16](repeating: -1, count: count)
    let got = samples.withUnsafeMutableBufferPointer { ring.read(into: $0) }
    return Array(samples[..<got])
}

@Test func ringRefusesWhatDoesNotFitAndKeepsWhatIsUnread() {
    let ring = SampleRing(capacity: 10)
    #expect(ring.capacity == 16)
    #expect(write(ring, Array(0..<12)) == 12)
    #expect(write(ring, Array(12..<20)) == 4)
    #expect(write(ring, [99]) == 0)
    #expect(ring.free == 0)
    #expect(read(ring, 20) == Array(0..<16))
    #expect(read(ring, 1) == [])
    #expect(ring.writePosition == 16)
    #expect(ring.readPosition == 16)
}

@Test func ringDiscardsUpToAPosition() {
    let ring = SampleRing(capacity: 16)
    #expect(write(ring, Array(0..<10)) == 10)
    #expect(ring.discard(upTo: 4) == 4)
    #expect(ring.discard(upTo: 2) == 0)
    #expect(read(ring, 2) == [4, 5])
    #expect(ring.discard(upTo: 1000) == 4)
    #expect(ring.count == 0)
}

@Test func ringWrapsAroundWithAnyChunkSize() {
    let ring = SampleRing(capacity: 64)
    var generator = SeededGenerator(seed: 5)
    var written: Int16 = 0
    var expected: Int16 = 0
    for _ in 0..<3000 {
        let chunk = (0..<Int(generator.next() % 40)).map { written &+ Int16($0) }
        written = written &+ Int16(write(ring, chunk))
        for sample in read(ring, Int(generator.next() % 40)) {
            #expect(sample == expected)
            expected = expected &+ 1
        }
        #expect(ring.count == Int(written &- expected))
    }
}

/// One thread writes, one reads: every sample comes out once, in order.
@Test func ringCarriesSamplesBetweenTwoThreads() {
    let ring = SampleRing(capacity: 256)
    let total = 100_000
    let writer = Thread {
        var sent = 0
        while sent < total {
            let chunk = (sent..<min(sent + 77, total)).map { Int16(truncatingIfNeeded: $0) }
            sent += write(ring, chunk)
        }
    }
    writer.start()
    var received = 0
    var wrong = 0
    while received < total {
        for sample in read(ring, 100) {
            if sample != Int16(truncatingIfNeeded: received) { wrong += 1 }
            received += 1
        }
    }
    #expect(wrong == 0)
    #expect(ring.count == 0)
}

/// xoshiro256** seeded by SplitMix64(0), from an independent Python implementation.
@Test func generatorGivesTheReferenceSequence() {
    var generator = SeededGenerator(seed: 0)
    let first = (0..<4).map { _ in generator.next() }
    #expect(
        first == [
            0x99EC_5F36_CB75_F2B4, 0xBF6E_1F78_4956_452A,
            0x1A5F_849D_4933_E6E0, 0x6AA5_94F1_262D_2D2C,
        ])
}

@Test func sameSeedSameSequenceOtherSeedAnother() {
    var a = SeededGenerator(seed: 7)
    var b = SeededGenerator(seed: 7)
    var c = SeededGenerator(seed: 8)
    let fromA = (0..<10).map { _ in a.next() }
    #expect(fromA == (0..<10).map { _ in b.next() })
    #expect(fromA != (0..<10).map { _ in c.next() })
}

@Test func tokensHaveTheAskedLengthAndAlphabet() {
    var generator = SeededGenerator(seed: 3)
    let token = generator.token(1000)
    #expect(token.utf8.count == 1000)
    let allowed = Set("0123456789abcdefghijklmnopqrstuvwxyz")
    #expect(Set(token) == allowed)
    #expect(generator.token(0) == "")
    #expect(generator.token(12) != generator.token(12))
}
