import Base
import RTP
import SecureRTP
import Testing

@testable import Media

private let suite = SRTPSuite.aesCM128HMACSHA1_80

/// A far end that changes its keys by packet and by SDP, and is held, at random. Its counter goes on over
/// all of it: it is heard at once, behind a hold of up to three counters after 32 packets for each.
@Suite struct KeyWalkTests {
    @Test(arguments: [UInt64(1), 2]) func whateverBecomesOfKeysTheFarEndIsHeardAgain(
        seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed)
        func named(_ index: Int) -> SRTPMasterKey {
            SRTPMasterKey(
                key: SecureFar.key(suite, 10 + 7 * index), identifier: [1, UInt8(index)])
        }
        // What the SDP says: the first of the list, and those behind it.
        var list = [0, 1, 2]
        func keys(_ list: [Int]) -> SRTPKeys {
            SRTPKeys(
                suite: suite, local: SecureFar.key(suite, 0), remote: named(list[0]).key,
                localMKI: [1, 9], remoteMKI: named(list[0]).identifier,
                furtherRemote: list.dropFirst().map(named))
        }
        let bench = try LegBench(remote: LegBench.remote(srtp: keys(list)))
        var index = UInt64.random(in: 0..<0x1_0000, using: &generator)
        var current = 0
        for step in 0..<300 {
            var event = "nothing"
            var limit = 0
            switch Int.random(in: 0..<6, using: &generator) {
            case 0:
                event = "other key of the list"
                current = list[Int.random(in: 0..<list.count, using: &generator)]
            case 1:
                event = "list turned"
                list = Array(list[1...]) + [list[0]]
                try bench.configure(keys(list))
            case 2:
                event = "new list"
                let first = Int.random(in: 0..<6, using: &generator) * 3
                list = [first, first + 1, first + 2]
                current = list[0]
                try bench.configure(keys(list))
            case 3:
                event = "hold"
                index += UInt64.random(in: 0..<(3 << 16), using: &generator)
                limit = 3 * 32 - 1
            case 4:
                event = "hold and new key"
                index += UInt64.random(in: 0..<(3 << 16), using: &generator)
                current = list[Int.random(in: 0..<list.count, using: &generator)]
                limit = 3 * 32 - 1
            default:
                event = "many packets"
                // Every 9000th of 1 to 40,000 is enough for the counters.
                let end = index + UInt64.random(in: 1..<40_000, using: &generator)
                while index + 9000 < end {
                    index += 9000
                    try send(bench, named(current), index)
                }
            }
            let before = bench.summary.packetsReceived
            var refused = 0
            while bench.summary.packetsReceived == before, refused < 1000 {
                index += 1
                try send(bench, named(current), index)
                if bench.summary.packetsReceived == before { refused += 1 }
            }
            #expect(refused <= limit, "step \(step): \(event)")
            for _ in 0..<5 {
                index += 1
                try send(bench, named(current), index)
            }
        }
    }

    private func send(_ bench: LegBench, _ key: SRTPMasterKey, _ index: UInt64) throws {
        let far = try SecureFar(
            SRTPKeys(
                suite: suite, local: SecureFar.key(suite, 0), remote: key.key, localMKI: [1, 9],
                remoteMKI: key.identifier), rolloverCounter: UInt32(index >> 16))
        bench.receive(try far.audio(UInt16(truncatingIfNeeded: index)))
        bench.now += .milliseconds(20)
    }
}
