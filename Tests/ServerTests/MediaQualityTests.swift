import CallModel
import Foundation
import Orchestrator
import Testing

/// What offer, answer and configuration make of the packets of a call, and what its record says of
/// them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct MediaQualityTests {
    /// Of packets by their payload type: RTCP, which has a port of its own here, is not among them.
    private static func count(_ type: UInt8, _ packets: [[UInt8]]) -> Int {
        packets.count { $0.count > 12 && $0[1] & 0x7F == type }
    }

    private static func quiet(_ settings: inout PlatformConfiguration) {
        settings.negotiation.suppressesSilence = true
        settings.negotiation.offeredCodecs = [.pcmu, .cn]
    }

    /// A pause is 200 ms of audio, then descriptions (type 13), one each 400 ms: in a call to us, in a
    /// call of ours and on a leg without SIP.
    @Test func pausesAreDescribedWhereBothSidesAgree() async throws {
        let phone = try await UDPEar()
        let leg = try await UDPEar()
        let trunk = try await TestTrunk(.answersQuietly(port: phone.port))
        try await House.open(configure: Self.quiet) { house in
            let caller = try await Caller("quiet", sipPort: house.sipPort)
            try await caller.invite("silence", formats: "0 13")
            try await eventually("the answer") { !caller.sip.datagrams.isEmpty }
            try await caller.acknowledge()
            _ = try await house.json(
                "POST", "/v1/calls",
                #"{"to":"sip:desk@127.0.0.1:\#(trunk.port)","detect_answer":false}"#)
            let offer = offer(port: leg.port)
                .replacingOccurrences(of: "AVP 0 101", with: "AVP 0 13")
            _ = try await house.json(
                "POST", "/v1/legs", "{\"offer\":\"\(offer)\",\"mode\":\"silence\"}")
            let ears = [("caller", caller.rtp), ("called", phone), ("leg", leg)]
            // Each of them is looked at, whichever of the others waits in vain.
            try? await eventually("three descriptions each") {
                ears.allSatisfy { Self.count(13, $0.1.datagrams) >= 3 }
            }
            for (name, ear) in ears {
                #expect(Self.count(13, ear.datagrams) >= 3, "\(name)")
                #expect((1...15).contains(Self.count(0, ear.datagrams)), "\(name)")
            }
            try await caller.hangUp()
            try await caller.close()
        }
        for phone in [phone, leg] { try await phone.close() }
        try await trunk.close()
    }

    @Test func silenceIsSentWholeUnlessToldOtherwise() async throws {
        try await House.open { house in
            let caller = try await Caller("steady", sipPort: house.sipPort)
            try await caller.invite("silence", formats: "0 13")
            try await eventually("the answer") { !caller.sip.datagrams.isEmpty }
            try await caller.acknowledge()
            try await eventually("40 packets") { caller.rtp.datagrams.count >= 40 }
            #expect(Self.count(13, caller.rtp.datagrams) == 0)
            try await caller.hangUp()
            try await caller.close()
        }
    }

    /// Two calls, one of which loses each twentieth packet; the far end of that one reports, too.
    @Test func aRecordSaysHowTheCallSounded() async throws {
        try await House.open { house in
            for (index, name) in ["clean", "lossy"].enumerated() {
                let caller = try await Caller(name, sipPort: house.sipPort)
                try await caller.invite("echo")
                try await eventually("the answer") { !caller.sip.datagrams.isEmpty }
                try await caller.acknowledge()
                try await Self.speak(caller, loses: name == "lossy" ? 20 : nil)
                if name == "lossy" { try await Self.report(caller) }
                try await caller.hangUp()
                try await eventually("the record of \(name)") {
                    try await house.json("GET", "/v1/calls")["records"].array.count == index + 1
                }
                try await caller.close()
            }
            let records = try await house.json("GET", "/v1/calls")["records"].array
            let lossy = records[0]["media"]
            let clean = records[1]["media"]
            #expect(clean["packets_lost"].int == 0 && lossy["packets_lost"].int == 10)
            let clearly = try #require(clean["mos"].double)
            let badly = try #require(lossy["mos"].double)
            #expect(clearly > 4.3 && badly < clearly - 0.3, "\(clearly), \(badly)")
            #expect((clean["r_factor"].double ?? 0) > 90)
            #expect((70...85).contains(lossy["r_factor"].double ?? 0))
            for key in ["remote_packets_lost", "remote_jitter_ms", "remote_mos", "rtt_ms"] {
                #expect(!clean.keys.contains(key))
            }
            #expect(lossy["remote_packets_lost"].int == 7)
            #expect(lossy["remote_jitter_ms"].double == 10)
            #expect(lossy["remote_mos"].double == 3.9)
            let metrics = try await house.request("GET", "/metrics").text
            #expect(metrics.contains("trunkline_call_mos_count 2\n"))
            #expect(metrics.contains("trunkline_call_mos_bucket{le=\"4.34\"} 1\n"))
        }
    }

    /// 200 packets, which come back from the echo route: then they have been heard.
    private static func speak(_ caller: Caller, loses: Int?) async throws {
        var sent = 0
        for number in 1...200 {
            if let loses, number % loses == loses / 2 { continue }
            let timestamp = UInt32(number * 160)
            var packet: [UInt8] = [0x80, 0, UInt8(number >> 8), UInt8(number & 255)]
            packet += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: timestamp >> $0) }
            packet += [0, 0, 0, 9] + [UInt8](repeating: 0xFF, count: 160)
            try await caller.rtp.send(packet, to: caller.mediaPort)
            sent += 1
            if number % 10 == 0 {
                try await eventually("the echo of \(number)") {
                    caller.rtp.datagrams.count >= sent
                }
            }
        }
    }

    /// A receiver report and VoIP metrics (RFC 3611 4.7) about what we sent.
    private static func report(_ caller: Caller) async throws {
        let ours = Array(caller.rtp.datagrams[0][8..<12])
        let theirs: [UInt8] = [0, 0, 0, 9]
        // 7 lost in all, jitter of 80 units of 8000 Hz.
        var bytes: [UInt8] = [0x81, 201, 0, 7] + theirs + ours + [10, 0, 0, 7]
        bytes += [0, 0, 0, 200, 0, 0, 0, 80] + [UInt8](repeating: 0, count: 8)
        var block = [UInt8](repeating: 0, count: 36)
        block[0] = 7
        block[3] = 8
        block.replaceSubrange(4..<8, with: ours)
        block[27] = 39
        bytes += [0x81, 202, 0, 3] + theirs + [1, 3] + Array("far".utf8) + [0, 0, 0]
        bytes += [0x80, 207, 0, 10] + theirs + block
        try await caller.rtcp.send(bytes, to: caller.mediaPort + 1)
        // Before the BYE is handled this must have been: the echo of a packet behind it has.
        let before = caller.rtp.datagrams.count
        var last: [UInt8] = [0x80, 0, 0, 201] + [0, 0, 0x7D, 0xA0, 0, 0, 0, 9]
        last += [UInt8](repeating: 0xFF, count: 160)
        for number in 201..<220 {
            last[3] = UInt8(number)
            last[6] = UInt8(number * 160 >> 8)
            last[7] = UInt8(number * 160 & 255)
            try await caller.rtp.send(last, to: caller.mediaPort)
        }
        try await eventually("the echo") { caller.rtp.datagrams.count >= before + 19 }
    }
}
