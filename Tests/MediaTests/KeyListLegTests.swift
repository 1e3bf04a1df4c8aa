import Base
import RTP
import SecureRTP
import Testing

@testable import Media

private let suite = SRTPSuite.aesCM128HMACSHA1_80

private func named(_ first: Int, _ name: UInt8) -> SRTPMasterKey {
    SRTPMasterKey(key: SecureFar.key(suite, first), identifier: [0, 0, 0, name])
}

private func keys(_ list: [SRTPMasterKey], local: Int = 0) -> SRTPKeys {
    SRTPKeys(
        suite: suite, local: SecureFar.key(suite, local), remote: list[0].key,
        localMKI: [0, 0, 0, 1], remoteMKI: list[0].identifier,
        furtherRemote: Array(list.dropFirst()))
}

/// The far end of one key of a list.
private func far(_ key: SRTPMasterKey, rolloverCounter: UInt32 = 0) throws -> SecureFar {
    try SecureFar(keys([key]), rolloverCounter: rolloverCounter)
}

/// A far end whose crypto line has several keys (RFC 4568 6.1).
@Suite(.serialized) struct KeyListLegTests {
    private let one = named(50, 1)
    private let two = named(80, 2)
    private let three = named(110, 3)

    @Test(arguments: SRTPBackend.allCases)
    func theFarEndChangesItsKeyAndIsHeardOn(backend: SRTPBackend) throws {
        var options = LegOptions(detection: false)
        options.srtpBackend = backend
        let bench = try LegBench(
            options: options, remote: LegBench.remote(srtp: keys([one, two])))
        let first = try far(one)
        let second = try far(two)
        for sequence in UInt16(1)..<11 { bench.receive(try first.audio(sequence)) }
        let held = try first.audio(11)
        for sequence in UInt16(12)..<22 { bench.receive(try second.audio(sequence)) }
        bench.receive(try second.report(), from: LegBench.peer.withPort(4001), on: .rtcp)
        #expect(bench.summary.packetsReceived == 20)
        #expect(bench.summary.packetsRejected == 0)
        // What is late of the old key is heard, and moves nothing, whoever sends it.
        bench.receive(held, from: LegBench.stranger)
        #expect(bench.destination == LegBench.peer)
        #expect(bench.rejected(.authentication) == 0)
        // A key of no name is nobody's.
        bench.receive(try far(three).audio(22))
        #expect(bench.rejected(.authentication) == 1)
        // Ours keeps its key and name.
        bench.run(ticks: 3)
        let sent = bench.sent.filter { !$0.isReport }
        #expect(sent.count == 3 && sent.allSatisfy { first.opens($0) })
    }

    /// The counter goes on over the change (RFC 3711 3.3.1).
    @Test func theCounterGoesOnOverAChange() throws {
        let bench = try LegBench(remote: LegBench.remote(srtp: keys([one, two])))
        let first = try far(one)
        for sequence in [65_000, 30_000, 60_000, 10_000, 40_000, 65_530] as [UInt16] {
            bench.receive(try first.audio(sequence))
        }
        let second = try far(two, rolloverCounter: 2)
        for sequence in UInt16(65_531)...65_535 { bench.receive(try second.audio(sequence)) }
        for sequence in [30_000, 60_000, 20_000] as [UInt16] {
            bench.receive(try second.audio(sequence))
        }
        #expect(bench.summary.packetsReceived == 14)
        #expect(bench.rejected(.authentication) == 0)
        // And into the next key by signalling, from where the second has come to.
        let next = keys([three])
        try bench.configure(next)
        let third = try far(three, rolloverCounter: 4)
        for sequence in UInt16(20_001)..<20_006 { bench.receive(try third.audio(sequence)) }
        #expect(bench.summary.packetsReceived == 19)
        #expect(bench.rejected(.authentication) == 0)
    }

    /// A re-INVITE drops the first key of the list and brings a third, or turns the list round.
    @Test(arguments: [true, false]) func whatStaysOnTheListIsNotHeardTwice(turned: Bool) throws {
        let bench = try LegBench(remote: LegBench.remote(srtp: keys([one, two])))
        let first = try far(one)
        let second = try far(two)
        let old = [try first.audio(1), try second.audio(2)]
        for packet in old { bench.receive(packet) }
        try bench.configure(keys(turned ? [two, one] : [two, three]))
        for packet in old { bench.receive(packet) }
        #expect(bench.rejected(.duplicate) == (turned ? 2 : 1))
        #expect(bench.rejected(.authentication) == (turned ? 0 : 1))
        bench.receive(try second.audio(3))
        if turned {
            bench.receive(try first.audio(4))
        } else {
            bench.receive(try far(three).audio(4))
        }
        #expect(bench.summary.packetsReceived == 4)
        // The first is back, as it was left; protection goes and comes again.
        try bench.configure(keys([three, one]))
        bench.receive(old[0])
        #expect(bench.rejected(.duplicate) == (turned ? 3 : 2))
        try bench.configure(nil)
        try bench.configure(keys([one, two]))
        for packet in old { bench.receive(packet) }
        #expect(bench.rejected(.duplicate) == (turned ? 5 : 4))
        bench.receive(try first.audio(5))
        bench.receive(try second.audio(6))
        #expect(bench.summary.packetsReceived == 6)
    }

    @Test func listsThatAreNoneAreRefused() throws {
        let wrong: [SRTPKeys] = [
            keys([one, named(80, 1)]), keys([one, named(50, 2)]),
            keys([one, SRTPMasterKey(key: two.key, identifier: [2])]),
            keys([one, SRTPMasterKey(key: [1, 2], identifier: two.identifier)]),
            keys([SRTPMasterKey(key: one.key, identifier: [])] + [two]),
            keys((1...9).map { named($0 * 10, UInt8($0)) }),
        ]
        for keys in wrong {
            #expect(throws: MediaError.badKeys) { try LegBench.remote(srtp: keys).validate() }
        }
        try LegBench.remote(srtp: keys((1...8).map { named($0 * 10, UInt8($0)) })).validate()
    }

    /// A far end with another SSRC for each prompt: the 65th is as good as the first.
    @Test(arguments: SRTPBackend.allCases)
    func aNewSourceForEachPromptIsHeardToTheLast(backend: SRTPBackend) throws {
        var options = LegOptions(detection: false)
        options.srtpBackend = backend
        let bench = try LegBench(options: options, remote: LegBench.remote(srtp: keys([one])))
        let sender = try far(one)
        var first: [UInt8] = []
        for prompt in UInt32(1)...200 {
            for sequence in UInt16(0)..<3 {
                let packet = try sender.audio(sequence, ssrc: prompt)
                if first.isEmpty { first = packet }
                bench.receive(packet)
                bench.now += .milliseconds(20)
            }
        }
        #expect(bench.summary.packetsReceived == 600)
        #expect(bench.summary.packetsRejected == 0)
        bench.receive(first)
        #expect(bench.rejected(.duplicate) == 1)
        #expect(bench.followed == 200)
    }
}
