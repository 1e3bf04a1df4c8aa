import Foundation
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A SIP peer on loopback: answers every INVITE the way it was told to.
final class TestTrunk: Sendable {
    enum Manner: Sendable {
        case busy
        /// 200 with PCMU, then stays until a BYE.
        case answers
        /// The same, with comfort noise (RFC 3389), and media to a port of the test.
        case answersQuietly(port: Int)
        /// 180, and 487 when cancelled.
        case rings
    }

    let port: Int
    private let channel: any Channel
    private let seen: NIOLockedValueBox<[String]>
    private let read: NIOLockedValueBox<[String]>

    init(_ manner: Manner) async throws {
        let seen = NIOLockedValueBox<[String]>([])
        self.seen = seen
        let read = NIOLockedValueBox<[String]>([])
        self.read = read
        channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Answerer(manner, seen, read))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    /// Request lines received, retransmissions included.
    var requests: [String] { seen.withLockedValue { $0 } }
    /// The same as lines.
    var headerLines: [String] { read.withLockedValue { $0 } }
    /// Different INVITEs, by their Request-URI's user.
    var dialled: Set<String> {
        Set(
            requests.filter { $0.hasPrefix("INVITE ") }.compactMap { line in
                line.split(separator: ":").dropFirst().first?.split(separator: "@").first.map(
                    String.init)
            })
    }

    func close() async throws { try await channel.close().get() }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>

        let manner: Manner
        let seen: NIOLockedValueBox<[String]>
        let read: NIOLockedValueBox<[String]>
        private var invite: [String] = []

        init(
            _ manner: Manner, _ seen: NIOLockedValueBox<[String]>,
            _ read: NIOLockedValueBox<[String]>
        ) {
            self.manner = manner
            self.seen = seen
            self.read = read
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = unwrapInboundIn(data)
            let lines = String(buffer: envelope.data).components(separatedBy: "\r\n")
            guard let first = lines.first, !first.hasPrefix("SIP/2.0") else { return }
            seen.withLockedValue { $0.append(first) }
            read.withLockedValue { $0 += lines }
            let port = context.localAddress?.port ?? 0
            var answers = [answer(to: first, lines, port: port)]
            if first.hasPrefix("INVITE ") { invite = lines }
            if first.hasPrefix("CANCEL "), case .rings = manner {
                answers.append(head("487 Request Terminated", invite, port) + Self.end)
            }
            for case let answer? in answers {
                context.writeAndFlush(
                    wrapOutboundOut(
                        AddressedEnvelope(
                            remoteAddress: envelope.remoteAddress, data: ByteBuffer(string: answer))
                    ),
                    promise: nil)
            }
        }

        private static let end = "Content-Length: 0\r\n\r\n"

        private func answer(to first: String, _ lines: [String], port: Int) -> String? {
            if first.hasPrefix("ACK ") { return nil }
            guard first.hasPrefix("INVITE ") else { return head("200 OK", lines, port) + Self.end }
            switch manner {
            case .busy: return head("486 Busy Here", lines, port) + Self.end
            case .rings: return head("180 Ringing", lines, port) + Self.end
            case .answers: return answer(lines, port, media: "9 RTP/AVP 0")
            case .answersQuietly(let media):
                return answer(lines, port, media: "\(media) RTP/AVP 0 13")
            }
        }

        private func answer(_ lines: [String], _ port: Int, media: String) -> String {
            let sdp = [
                "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
                "m=audio \(media)", "a=rtpmap:0 PCMU/8000", "",
            ].joined(separator: "\r\n")
            return head("200 OK", lines, port)
                + "Content-Type: application/sdp\r\nContent-Length: \(sdp.utf8.count)\r\n\r\n" + sdp
        }

        private func head(_ status: String, _ lines: [String], _ port: Int) -> String {
            var head = "SIP/2.0 \(status)\r\n"
            for line in lines.prefix(while: { !$0.isEmpty }) {
                let name = line.prefix { $0 != ":" }.lowercased()
                switch name {
                case "via", "from", "call-id", "cseq": head += line + "\r\n"
                case "to": head += line + (line.contains(";tag=") ? "" : ";tag=t1") + "\r\n"
                default: break
                }
            }
            return head + "Contact: <sip:127.0.0.1:\(port)>\r\n"
        }
    }
}
