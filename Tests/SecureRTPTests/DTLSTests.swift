import Base
import Testing

@testable import SecureRTP

@Suite struct DTLSTests {
    @Test func bothEndsHaveTheSameKeysCrossed() throws {
        for hash in DTLSParameters.FingerprintHash.allCases {
            let pair = try DTLSPair(hash: hash)
            pair.run()
            #expect(pair.a.suite == .aeadAES256GCM)
            #expect(pair.b.suite == .aeadAES256GCM)
            #expect(pair.agrees)
            #expect(pair.a.keys?.local.count == 44)
        }
    }

    @Test func packetsProtectedByOneAreOpenedByTheOther() throws {
        let pair = try DTLSPair()
        pair.run()
        let ours = pair.a.association.exportKeys()
        let theirs = pair.b.association.exportKeys()
        guard let ours, let theirs else {
            Issue.record("no keys")
            return
        }
        var out = try ours.makeContext(.outbound)
        var inside = try theirs.makeContext(.inbound)
        var packet: [UInt8] = [0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4]
        packet += [UInt8](repeating: 0, count: 32)
        let opened = try packet.withUnsafeMutableBytes { bytes throws(SRTPError) -> Int in
            let count = try out.protect(bytes, count: 16)
            return try inside.unprotect(
                UnsafeMutableRawBufferPointer(rebasing: bytes[0..<count]), count: count)
        }
        #expect(opened == 16)
        #expect(packet[12..<16] == [1, 2, 3, 4])
    }

    /// RFC 5764 4.2: client key, server key, client salt, server salt.
    @Test func exportedMaterialIsSplitByTheRFC() {
        let material =
            [UInt8](repeating: 1, count: 16) + [UInt8](repeating: 2, count: 16)
            + [UInt8](repeating: 3, count: 14) + [UInt8](repeating: 4, count: 14)
        material.withUnsafeBytes { bytes in
            for (role, first, second) in [
                (DTLSParameters.Role.client, (UInt8(1), UInt8(3)), (UInt8(2), UInt8(4))),
                (.server, (2, 4), (1, 3)),
            ] {
                let keys = DTLSKeys(suite: .aesCM128HMACSHA1_80, material: bytes, role: role)
                let local = keys.copyLocal()
                let remote = keys.copyRemote()
                #expect(
                    local == [UInt8](repeating: first.0, count: 16)
                        + [UInt8](repeating: first.1, count: 14))
                #expect(
                    remote == [UInt8](repeating: second.0, count: 16)
                        + [UInt8](repeating: second.1, count: 14))
            }
        }
    }

    @Test func lossDuplicationAndReorderingOnlyDelay() throws {
        for seed in UInt64(0)..<60 {
            var random = SeededGenerator(seed: seed)
            let pair = try DTLSPair(mtu: seed % 2 == 0 ? DTLSAssociation.mtu : 300)
            pair.run { bytes, _ in
                switch random.next() % 10 {
                case 0, 1, 2: []
                case 3, 4: [(bytes, .zero), (bytes, .milliseconds(30))]
                case 5, 6: [(bytes, .milliseconds(Int64(random.next() % 400)))]
                default: [(bytes, .zero)]
                }
            }
            // The last flight may have been lost thirty times over; the client then never knows.
            #expect(pair.a.suite == .aeadAES256GCM, "seed \(seed)")
            #expect(pair.agrees, "seed \(seed)")
        }
    }

    @Test func everySingleLossIsMadeUpForByARetransmission() throws {
        let clean = try DTLSPair(mtu: 400)
        var total = 0
        clean.run { bytes, _ in
            total += 1
            return [(bytes, .zero)]
        }
        #expect(total >= 8)
        for lost in 0..<total {
            let pair = try DTLSPair(mtu: 400)
            var index = -1
            pair.run { bytes, _ in
                index += 1
                return index == lost ? [] : [(bytes, .zero)]
            }
            #expect(pair.agrees, "lost \(lost)")
            #expect(pair.a.retransmissions + pair.b.retransmissions > 0, "lost \(lost)")
            #expect(pair.now - Instant(milliseconds: 1000) < .seconds(1), "lost \(lost)")
        }
    }

    @Test func waitsDoubleUpToFourSecondsAndEndAfterThirty() throws {
        let end = try DTLSEnd(.client, me: DTLSParty.ann, peer: DTLSParty.bob)
        var now = Instant.zero
        end.start(now)
        var times: [Int64] = []
        _ = end.take()
        while end.state == .handshaking {
            now = end.deadline
            end.tick(now)
            if !end.take().isEmpty { times.append(now.milliseconds) }
        }
        #expect(
            times == [250, 750, 1750, 3750, 7750, 11_750, 15_750, 19_750, 23_750, 27_750])
        #expect(now == Instant(milliseconds: 30_000))
        #expect(end.failure == .timeout)
        #expect(end.deadline == .distantFuture)
    }

    @Test func noDatagramIsLongerThanTheMTU() throws {
        for mtu in [DTLSAssociation.smallestMTU, 300, 500, 700, DTLSAssociation.mtu] {
            let pair = try DTLSPair(mtu: mtu)
            var longest = 0
            pair.run { bytes, _ in
                longest = max(longest, bytes.count)
                return [(bytes, .zero)]
            }
            #expect(pair.agrees)
            #expect(longest <= mtu, "mtu \(mtu)")
            #expect(longest > mtu / 3, "mtu \(mtu)")
        }
    }

    @Test func corruptedFlightsNeverGiveDifferentKeys() throws {
        var established = 0
        for seed in UInt64(0)..<150 {
            var random = SeededGenerator(seed: seed)
            let pair = try DTLSPair()
            let victim = seed % 8
            var index: UInt64 = 0
            pair.run { bytes, _ in
                defer { index += 1 }
                guard index == victim, !bytes.isEmpty else { return [(bytes, .zero)] }
                var changed = bytes
                let place = Int(random.next() % UInt64(bytes.count))
                changed[place] ^= UInt8(1 + random.next() % 255)
                return [(changed, .zero)]
            }
            if pair.a.suite != nil, pair.b.suite != nil {
                established += 1
                #expect(pair.agrees, "seed \(seed)")
            }
        }
        #expect(established > 20)
    }

    @Test func everyMessageMutatedAtEveryByteIsSurvived() throws {
        // The datagrams of a whole handshake, and each changed at each byte.
        var flights: [(bytes: [UInt8], toServer: Bool)] = []
        try DTLSPair().run { bytes, toServer in
            flights.append((bytes, toServer))
            return [(bytes, .zero)]
        }
        #expect(flights.count >= 6)
        for (number, flight) in flights.enumerated() {
            for place in stride(from: 0, to: flight.bytes.count, by: number < 3 ? 1 : 5) {
                var changed = flight.bytes
                changed[place] ^= 0x41
                let pair = try DTLSPair()
                var index = -1
                // One fresh handshake whose datagram of this number is the changed one, cut short.
                pair.run(limit: .milliseconds(200)) { bytes, _ in
                    index += 1
                    return [(index == number ? changed : bytes, .zero)]
                }
                if pair.a.suite != nil, pair.b.suite != nil { #expect(pair.agrees) }
            }
        }
    }

    @Test func garbageAtEveryLengthChangesNothing() throws {
        let server = try DTLSEnd(.server, me: DTLSParty.bob, peer: DTLSParty.ann)
        let client = try DTLSEnd(.client, me: DTLSParty.ann, peer: DTLSParty.bob)
        client.start(.zero)
        let hello = client.take()[0]
        for count in 0..<hello.count {
            server.receive(Array(hello[0..<count]), from: DTLSPair.client, .zero)
        }
        var random = SeededGenerator(seed: 9)
        for count in 1..<1500 {
            var bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            bytes[0] = 22
            server.receive(bytes, from: DTLSPair.client, .zero)
        }
        #expect(server.state == .waiting)
        #expect(server.take().isEmpty)
        #expect(server.deadline == .distantFuture)
    }
}
