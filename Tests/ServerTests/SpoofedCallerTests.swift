import Testing

/// A caller over UDP whose address may be made up (RFC 3261 26.3.2.4: no amplifier for others).
@Suite(.timeLimit(.minutes(5))) struct SpoofedCallerTests {
    /// Two callers of the same kind at the same time: one acknowledges, the other never asked. While the
    /// first hears 80 packets (1.6 s: T1 is over and 2·T1 as well) one datagram goes to the second.
    @Test func whoNeverAskedGetsOneDatagram() async throws {
        try await House.open { house in
            // An address of its own: nothing that other tests send to a port that was theirs comes here.
            let victim = try await Caller("victim", sipPort: house.sipPort, host: "127.0.9.8")
            let caller = try await Caller("caller", sipPort: house.sipPort)
            try await victim.invite("silence")
            try await caller.invite("silence")
            try await eventually("both answers") {
                !victim.sip.datagrams.isEmpty && !caller.sip.datagrams.isEmpty
            }
            #expect(victim.sip.text(0).hasPrefix("SIP/2.0 200 "))
            #expect(victim.rtp.datagrams.isEmpty && victim.rtcp.datagrams.isEmpty)
            try await caller.acknowledge()
            try await eventually("80 packets") { caller.rtp.datagrams.count >= 80 }
            #expect(victim.sip.datagrams.count == 1)
            #expect(victim.rtp.datagrams.isEmpty && victim.rtcp.datagrams.isEmpty)
            // A copy of the INVITE gets a copy of the answer.
            try await victim.invite("silence")
            try await eventually("the copy") { victim.sip.datagrams.count == 2 }
            #expect(victim.sip.text(0) == victim.sip.text(1))
            // And once it shows that it is there it is a caller like the other.
            try await victim.acknowledge()
            try await eventually("its media") { victim.rtp.datagrams.count >= 3 }
            try await victim.close()
            try await caller.close()
        }
    }

    /// The ACK is lost, but media comes to the port that only the answer names: both ways are open.
    @Test func mediaStandsInForALostACK() async throws {
        try await House.open { house in
            let caller = try await Caller("caller", sipPort: house.sipPort)
            try await caller.invite("silence")
            try await eventually("the answer") { !caller.sip.datagrams.isEmpty }
            #expect(caller.rtp.datagrams.isEmpty)
            try await caller.speak()
            try await eventually("media") { caller.rtp.datagrams.count >= 3 }
            try await eventually("the answer again") { caller.sip.datagrams.count >= 2 }
            #expect(caller.sip.text(0) == caller.sip.text(1))
            try await caller.acknowledge()
            try await caller.close()
        }
    }
}

/// A caller by hand: three UDP ports and the lines of one INVITE.
struct Caller {
    let sip: UDPEar
    let rtp: UDPEar
    let rtcp: UDPEar
    private let name: String
    private let server: Int
    private let host: String

    init(_ name: String, sipPort: Int, host: String = "127.0.0.1") async throws {
        self.name = name
        self.host = host
        server = sipPort
        sip = try await UDPEar(host: host)
        rtp = try await UDPEar(host: host)
        rtcp = try await UDPEar(host: host)
    }

    private func head(
        _ method: String, to: String, user: String, number: Int = 1, body: String = ""
    ) -> String {
        "\(method) sip:\(user)@127.0.0.1:\(server) SIP/2.0\r\n"
            + "Via: SIP/2.0/UDP \(host):\(sip.port);branch=z9hG4bK\(method)\(name)\r\n"
            + "Max-Forwards: 70\r\nFrom: <sip:\(name)@127.0.0.1>;tag=1\r\n"
            + "To: \(to)\r\nCall-ID: \(name)-spoof\r\nCSeq: \(number) \(method)\r\n"
            + "Contact: <sip:\(name)@\(host):\(sip.port)>\r\n"
            + (body.isEmpty ? "" : "Content-Type: application/sdp\r\n")
            + "Content-Length: \(body.utf8.count)\r\n\r\n" + body
    }

    func invite(_ user: String, formats: String = "0") async throws {
        let sdp =
            "v=0\r\no=- 1 1 IN IP4 \(host)\r\ns=-\r\nc=IN IP4 \(host)\r\nt=0 0\r\n"
            + "m=audio \(rtp.port) RTP/AVP \(formats)\r\na=rtcp:\(rtcp.port)\r\n"
        try await sip.send(
            head("INVITE", to: "<sip:\(user)@127.0.0.1>", user: user, body: sdp), to: server)
    }

    /// The ACK of the 200, in the dialog that its To tag names.
    func acknowledge() async throws {
        try await sip.send(head("ACK", to: dialogTo, user: "silence"), to: server)
    }

    func hangUp() async throws {
        try await sip.send(head("BYE", to: dialogTo, user: "silence", number: 2), to: server)
    }

    private var dialogTo: String {
        let lines = sip.text(0).components(separatedBy: "\r\n")
        return String(lines.first { $0.hasPrefix("To: ") }?.dropFirst(4) ?? "")
    }

    /// RTP port in the 200.
    var mediaPort: Int {
        let line = sip.text(0).components(separatedBy: "m=audio ").last ?? ""
        return Int(line.prefix { $0.isNumber }) ?? 0
    }

    /// One packet of PCMU to the port in the 200.
    func speak() async throws {
        let header: [UInt8] = [0x80, 0, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9]
        try await rtp.send(header + [UInt8](repeating: 0xFF, count: 160), to: mediaPort)
    }

    func close() async throws {
        for ear in [sip, rtp, rtcp] { try await ear.close() }
    }
}
