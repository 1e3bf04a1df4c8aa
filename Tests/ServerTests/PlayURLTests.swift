import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

/// A web server that answers each path with the bytes it was given, and counts its connections.
private final class Web: Sendable {
    private let channel: any Channel
    private let accepted: NIOLockedValueBox<Int>

    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        let answers: [String: [UInt8]]
        init(_ answers: [String: [UInt8]]) { self.answers = answers }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            guard let path = text.split(separator: " ").dropFirst().first else { return }
            let answer =
                answers[String(path)] ?? Array("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".utf8)
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
        }
    }

    init(_ answers: [String: [UInt8]]) async throws {
        let count = NIOLockedValueBox(0)
        accepted = count
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                count.withLockedValue { $0 += 1 }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answering(answers))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    var port: Int { channel.localAddress?.port ?? 0 }
    var connections: Int { accepted.withLockedValue { $0 } }
    func close() async throws { try await channel.close().get() }

    static func ok(_ body: [UInt8]) -> [UInt8] {
        Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body
    }
    static func redirect(_ location: String) -> [UInt8] {
        Array("HTTP/1.1 302 F\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n".utf8)
    }
}

@Suite(.serialized) struct PlayURLTests {
    private func leg(_ house: House, _ phone: UDPEar) async throws -> String {
        let made = try await house.json(
            "POST", "/v1/legs",
            "{\"offer\":\"\(offer(port: phone.port))\",\"mode\":\"bridge\"}")
        return "/v1/legs/\(made["leg_id"].string ?? "")/play"
    }

    private func loudPackets(_ phone: UDPEar) -> Int {
        phone.datagrams.count { packet in
            packet.count > 12 && packet.dropFirst(12).contains { ~$0 & 0x7F > 0x50 }
        }
    }

    @Test func hostsInsideAreRefusedBeforeAnybodyConnects() async throws {
        try await House.open { house in
            let web = try await Web(["/a.wav": Web.ok(Array(wav(milliseconds: 100)))])
            let phone = try await UDPEar()
            let play = try await leg(house, phone)
            let port = web.port
            let inside = [
                "http://127.0.0.1:\(port)/a.wav", "http://localhost:\(port)/a.wav",
                "http://LOCALHOST:\(port)/a.wav", "http://2130706433:\(port)/a.wav",
                "http://0x7f000001:\(port)/a.wav", "http://127.1:\(port)/a.wav",
                "http://0.0.0.0:\(port)/a.wav", "http://[::1]:\(port)/a.wav",
                "http://[::ffff:127.0.0.1]:\(port)/a.wav", "http://[::]:\(port)/",
                "http://10.0.0.1/", "http://172.16.0.1/", "http://172.31.255.255/",
                "http://192.168.1.1/", "http://169.254.169.254/latest", "http://100.64.0.1/",
                "http://[fe80::1]/", "http://[fd00::1]/", "http://[2002:7f00:1::]/",
                "http://224.0.0.1/", "http://255.255.255.255/", "ftp://8.8.8.8/",
                "file:///etc/passwd", "http://", "http://user:word@8.8.8.8/", "http://a b/",
                "http://%6cocalhost/", "//8.8.8.8/a.wav", "",
            ]
            for url in inside {
                expectError(
                    try await house.request("POST", play, "{\"url\":\"\(url)\"}"), 400,
                    "invalid_request", field: "url")
            }
            #expect(web.connections == 0)
            try await web.close()
            try await phone.close()
        }
    }

    @Test func whereItIsAllowedAFileIsFetchedAndPlayed() async throws {
        let clip = Array(wav(milliseconds: 200))
        let web = try await Web([
            "/a.wav": Web.ok(clip), "/once": Web.redirect("/a.wav"),
            "/round": Web.redirect("/round"), "/away": Web.redirect("file:///etc/passwd"),
            "/text": Web.ok(Array("hello".utf8)),
            "/large": Array("HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n".utf8),
        ])
        let host = "http://127.0.0.1:\(web.port)"
        try await House.open(configure: { $0.allowsPrivateAudioHosts = true }) { house in
            let phone = try await UDPEar()
            let play = try await leg(house, phone)
            for path in ["/a.wav", "/once"] {
                let before = loudPackets(phone)
                #expect(
                    try await house.request("POST", play, "{\"url\":\"\(host)\(path)\"}").status
                        == 202)
                try await eventually("the clip") {
                    loudPackets(phone) >= before + 10
                }
            }
            for path in ["/round", "/none", "/large"] {
                expectError(
                    try await house.request("POST", play, "{\"url\":\"\(host)\(path)\"}"), 502,
                    "fetch_failed", field: "url")
            }
            for path in ["/away", "/text"] {
                expectError(
                    try await house.request("POST", play, "{\"url\":\"\(host)\(path)\"}"), 400,
                    "invalid_request", field: "url")
            }
            expectError(
                try await house.request(
                    "POST", "/v1/legs/leg-99/play", "{\"url\":\"\(host)/a.wav\"}"), 404, "not_found"
            )
            try await phone.close()
        }
        try await web.close()
    }
}
