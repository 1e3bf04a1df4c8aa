import Foundation
import RTP
import SecureRTP

/// A far end's RTP socket: says numbered packets, keeps what comes back.
final class Telephone {
    struct Heard {
        var payload: [UInt8]
        var host: String
        var port: Int
    }

    let port: Int
    private let descriptor: Int32
    private var outbound: SRTPContext?
    private var inbound: SRTPContext?
    private var sequence: UInt16 = 7000
    private let ssrc = UInt32.random(in: 1...UInt32.max)
    private(set) var said: [[UInt8]] = []
    private(set) var heard: [Heard] = []
    /// Packets whose SRTP tag was wrong.
    private(set) var unauthentic = 0

    init(host: String) throws {
        let descriptor = socket(
            AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw PeerFailure("no socket") }
        var address = Self.address(host, 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0
                    ? getsockname(descriptor, address, &length) : -1
            }
        }
        self.descriptor = descriptor
        port = Int(UInt16(bigEndian: address.sin_port))
        guard result == 0 else { throw PeerFailure("cannot bind \(host)") }
    }

    deinit { close(descriptor) }

    func secure(local: [UInt8], remote: [UInt8]) throws {
        outbound = try SRTPContext(
            suite: .aesCM128HMACSHA1_80, key: local, direction: .outbound)
        inbound = try SRTPContext(
            suite: .aesCM128HMACSHA1_80, key: remote, direction: .inbound)
    }

    /// 20 ms of audio that no other packet has.
    func say(to host: String, _ port: Int) throws {
        let number = said.count
        let payload = (0..<160).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number &* 13) }
        said.append(payload)
        var packet = [UInt8](repeating: 0, count: 12) + payload + [UInt8](repeating: 0, count: 64)
        let header = RTPHeader(
            marker: number == 0, payloadType: 0, sequence: sequence,
            timestamp: UInt32(number * 160), ssrc: ssrc)
        sequence &+= 1
        let count = try packet.withUnsafeMutableBytes { buffer in
            _ = header.write(into: buffer)
            return try outbound?.protect(buffer, count: 172) ?? 172
        }
        var address = Self.address(host, port)
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(
                    descriptor, packet, count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard sent == count else { throw PeerFailure("cannot send to \(host):\(port)") }
    }

    /// Takes what has come.
    func listen() throws {
        var packet = [UInt8](repeating: 0, count: 2048)
        while true {
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let count = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, &packet, packet.count, 0, $0, &length)
                }
            }
            guard count >= 12 else { return }
            let plain = packet.withUnsafeMutableBytes { buffer in
                inbound == nil ? count : (try? inbound?.unprotect(buffer, count: count)) ?? -1
            }
            guard plain >= 12 else {
                unauthentic += 1
                continue
            }
            heard.append(
                Heard(
                    payload: Array(packet[12..<plain]),
                    host: String(cString: inet_ntoa(address.sin_addr)),
                    port: Int(UInt16(bigEndian: address.sin_port))))
        }
    }

    private static func address(_ host: String, _ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr(host)
        address.sin_port = UInt16(port).bigEndian
        return address
    }
}
