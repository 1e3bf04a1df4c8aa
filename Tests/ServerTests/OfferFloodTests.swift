import Telemetry
import Testing

/// A peer that changes its call without end, at a real door.
@Suite(.serialized, .timeLimit(.minutes(5))) struct OfferFloodTests {
    @Test func offersWithoutEndAreRefusedCountedAndHarmNothing() async throws {
        try await House.open { house in
            let peer = try await ScriptedPeer("changer", sipPort: house.sipPort)
            _ = try await peer.call("silence", peer.sdp(peer.rtp))
            try await peer.acknowledge()
            // One a second more may be taken meanwhile, however slow the machine is.
            var refused = 0
            for version in 2..<102 where refused == 0 {
                let response = try await peer.request(
                    "INVITE", peer.sdp(peer.other, version: version))
                if response.status == 500 { refused = version }
                if response.status == 200 { try await peer.acknowledge() }
            }
            #expect(refused >= 18)
            let counter = house.platform.metrics.counter(Catalogue.sipOffersRefused)
            try await eventually("the refusal to be counted") { counter.value == 1 }
            // The session is as it was agreed last.
            let before = peer.other.datagrams.count
            try await eventually("media") { peer.other.datagrams.count > before + 3 }
            #expect(try await peer.request("UPDATE").status == 200)
            #expect(try await peer.request("BYE").status == 200)
            try await peer.close()
        }
    }
}
