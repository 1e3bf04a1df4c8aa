import Base
import SecureRTP
import Testing

/// Our packets against libsrtp2's: the same bytes out, the same packets let in, whatever happens to
/// them on the way.
@Suite struct DifferentialTests {
    private static let identifiers: [[UInt8]] = [[], [0x2A], [1, 2, 3, 4]]

    /// One packet's way: sent by both, then accepted or refused by both.
    private static func outcome(
        _ session: Session, _ operation: Session.Operation, _ packet: [UInt8]
    ) -> Result<[UInt8], SRTPError> {
        do throws(SRTPError) {
            return .success(try session.run(operation, packet, room: 160))
        } catch {
            return .failure(error)
        }
    }

    /// An RTP packet with random CSRCs, extension and payload.
    private static func packet(
        _ sequence: UInt16, ssrc: UInt8, _ random: inout SeededGenerator
    ) -> [UInt8] {
        let sources = Int.random(in: 0...9, using: &random) == 0 ? 3 : 0
        let hasExtension = Int.random(in: 0...4, using: &random) == 0
        var bytes = rtp(sequence, payload: 0, ssrc: ssrc)
        bytes[0] |= UInt8(sources) | (hasExtension ? 0x10 : 0)
        bytes += [UInt8](repeating: 0xC5, count: 4 * sources)
        if hasExtension { bytes += [0xBE, 0xDE, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8] }
        for _ in 0..<Int.random(in: 0...300, using: &random) {
            bytes.append(UInt8.random(in: 0...255, using: &random))
        }
        return bytes
    }

    /// Loss, reordering, replay, jumps, several sources and many sequence wraps.
    @Test(arguments: SRTPSuite.allCases, [0, 1, 2])
    func sameBytesAndSameDecisions(suite: SRTPSuite, identifier: Int) throws {
        var random = SeededGenerator(seed: UInt64(identifier) &* 77 &+ 5)
        let key = key(for: suite)
        let mki = Self.identifiers[identifier]
        let senders = try SRTPBackend.allCases.map {
            try Session(suite, key: key, .outbound, $0, identifier: mki)
        }
        let receivers = try SRTPBackend.allCases.map {
            try Session(suite, key: key, .inbound, $0, identifier: mki)
        }
        var sequences: [UInt8: UInt16] = [1: 65_500, 2: 0, 3: 40_000]
        var network: [[UInt8]] = []
        var accepted = 0
        var refused = 0
        for round in 0..<900 {
            let ssrc = UInt8.random(in: 1...3, using: &random)
            // Mostly the next number; sometimes a gap of up to half the space, or a used one.
            var step = 1
            switch Int.random(in: 0...19, using: &random) {
            case 0: step = Int.random(in: 2...32_000, using: &random)
            case 1: step = -Int.random(in: 0...200, using: &random)
            default: break
            }
            let sequence = UInt16(truncatingIfNeeded: Int(sequences[ssrc] ?? 0) + step)
            let plain = Self.packet(sequence, ssrc: ssrc, &random)
            let ours = Self.outcome(senders[0], .protect, plain)
            let theirs = Self.outcome(senders[1], .protect, plain)
            #expect(ours == theirs, "\(suite) protect in round \(round)")
            guard case .success(let secured) = ours else { continue }
            sequences[ssrc] = sequence
            network.append(secured)
            // A network that holds up to 200 packets back and hands them out in any order, some
            // twice, some never, some with a bit turned.
            while network.count > Int.random(in: 0...200, using: &random) {
                let at =
                    Int.random(in: 0...2, using: &random) > 0
                    ? 0 : Int.random(in: 0..<network.count, using: &random)
                var arrived = network[at]
                switch Int.random(in: 0...9, using: &random) {
                case 0: break
                case 1:
                    let place = Int.random(in: 0..<arrived.count, using: &random)
                    arrived[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
                default: network.remove(at: at)
                }
                let mine = Self.outcome(receivers[0], .unprotect, arrived)
                let other = Self.outcome(receivers[1], .unprotect, arrived)
                switch (mine, other) {
                case (.success(let a), .success(let b)):
                    #expect(a == b)
                    accepted += 1
                case (.failure, .failure): refused += 1
                default: Issue.record("\(suite), round \(round): \(mine) but \(other)")
                }
            }
        }
        #expect(accepted > 150)
        #expect(refused > 50)
        for ssrc in 1...3 as ClosedRange<UInt32> {
            #expect(senders[0].rolloverCounter(of: ssrc) == senders[1].rolloverCounter(of: ssrc))
        }
        #expect((senders[0].rolloverCounter(of: 1) ?? 0) > 0)
    }

    @Test(arguments: SRTPSuite.allCases, [0, 2])
    func sameReportsAndSameDecisions(suite: SRTPSuite, identifier: Int) throws {
        var random = SeededGenerator(seed: 9)
        let key = key(for: suite)
        let mki = Self.identifiers[identifier]
        let senders = try SRTPBackend.allCases.map {
            try Session(suite, key: key, .outbound, $0, identifier: mki)
        }
        let receivers = try SRTPBackend.allCases.map {
            try Session(suite, key: key, .inbound, $0, identifier: mki)
        }
        var all: [[UInt8]] = []
        for _ in 0..<400 {
            var plain = rtcp
            plain[7] = UInt8.random(in: 1...2, using: &random)
            plain += (0..<Int.random(in: 0...40, using: &random)).map { UInt8($0) }
            let ours = Self.outcome(senders[0], .protectRTCP, plain)
            #expect(ours == Self.outcome(senders[1], .protectRTCP, plain))
            all.append(try ours.get())
            let back = min(all.count, Int.random(in: 1...300, using: &random))
            for var arrived in [all[all.count - 1], all[all.count - back]] {
                if Int.random(in: 0...4, using: &random) == 0 {
                    arrived[Int.random(in: 0..<arrived.count, using: &random)] ^= 0x10
                }
                let mine = try? Self.outcome(receivers[0], .unprotectRTCP, arrived).get()
                let other = try? Self.outcome(receivers[1], .unprotectRTCP, arrived).get()
                #expect(mine == other)
            }
        }
    }

    @Test(arguments: SRTPSuite.allCases)
    func eachOpensWhatTheOtherMade(suite: SRTPSuite) throws {
        let key = key(for: suite)
        for (from, to) in [(SRTPBackend.libcrypto, SRTPBackend.libsrtp2), (.libsrtp2, .libcrypto)] {
            let sender = try Session(suite, key: key, .outbound, from, identifier: [9])
            let receiver = try Session(suite, key: key, .inbound, to, identifier: [9])
            for payload in 0..<80 {
                let packet = rtp(UInt16(payload), payload: payload)
                #expect(try receiver.run(.unprotect, sender.run(.protect, packet)) == packet)
            }
            let report = try sender.run(.protectRTCP, rtcp)
            #expect(try receiver.run(.unprotectRTCP, report) == rtcp)
        }
    }

    @Test(arguments: SRTPSuite.allCases, [0, 2])
    func everyTamperedByteAndEveryTruncationIsRefusedByBoth(
        suite: SRTPSuite, identifier: Int
    ) throws {
        let key = key(for: suite)
        let mki = Self.identifiers[identifier]
        let sender = try Session(suite, key: key, .outbound, identifier: mki)
        let packet = rtp(9, payload: 21)
        let secured = try sender.run(.protect, packet)
        let report = try sender.run(.protectRTCP, rtcp)
        #expect(secured.count == packet.count + suite.overhead + mki.count)
        #expect(report.count == rtcp.count + suite.rtcpOverhead + mki.count)
        for backend in SRTPBackend.allCases {
            let receiver = try Session(suite, key: key, .inbound, backend, identifier: mki)
            for (operation, good) in [
                (Session.Operation.unprotect, secured), (.unprotectRTCP, report),
            ] {
                for index in good.indices {
                    for bit in 0..<8 {
                        var bad = good
                        bad[index] ^= 1 << UInt8(bit)
                        #expect(throws: SRTPError.self, "byte \(index) bit \(bit)") {
                            try receiver.run(operation, bad, room: 0)
                        }
                    }
                    #expect(throws: SRTPError.self, "cut to \(index)") {
                        try receiver.run(operation, Array(good[0..<index]), room: 0)
                    }
                }
            }
            // None of it left a trace.
            #expect(try receiver.run(.unprotect, secured) == packet)
            #expect(try receiver.run(.unprotectRTCP, report) == rtcp)
        }
    }

    @Test func randomBytesAreRefusedByBoth() throws {
        var random = SeededGenerator(seed: 31)
        for suite in SRTPSuite.allCases {
            let key = key(for: suite)
            let receivers = try SRTPBackend.allCases.map {
                try Session(suite, key: key, .inbound, $0)
            }
            for round in 0..<600 {
                var bytes = (0..<Int.random(in: 0...90, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                if !bytes.isEmpty { bytes[0] = bytes[0] & 0x3F | 0x80 }
                for receiver in receivers {
                    #expect(throws: SRTPError.self) {
                        try receiver.run(
                            round % 2 == 0 ? .unprotect : .unprotectRTCP, bytes, room: 0)
                    }
                }
            }
        }
    }
}
