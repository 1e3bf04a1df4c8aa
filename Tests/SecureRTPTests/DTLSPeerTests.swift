import Base
import Foundation
import Glibc
import Testing

@testable import SecureRTP

/// OpenSSL's own command as the far end, over a real socket: whether what we export is what others
/// export, and whether we understand each other's flights.
@Suite(.serialized, .enabled(if: OpenSSLCommand.exists)) struct DTLSPeerTests {
    @Test(arguments: [
        ("SRTP_AEAD_AES_256_GCM", SRTPSuite.aeadAES256GCM, "ec"),
        ("SRTP_AEAD_AES_128_GCM", .aeadAES128GCM, "rsa"),
        ("SRTP_AES128_CM_SHA1_80", .aesCM128HMACSHA1_80, "ec"),
        ("SRTP_AES128_CM_SHA1_32", .aesCM128HMACSHA1_32, "rsa"),
    ])
    func opensslServerExportsWhatWeDo(profile: String, suite: SRTPSuite, key: String) throws {
        let folder = try OpenSSLCommand.makeCertificate(key)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let socket = try UDPSocket()
        let port = try UDPSocket.freePort()
        let count = 2 * suite.keyAndSaltCount
        let command = try OpenSSLCommand([
            "s_server", "-dtls1_2", "-accept", "127.0.0.1:\(port)", "-cert",
            folder + "/cert.pem", "-key", folder + "/key.pem", "-Verify", "1", "-use_srtp", profile,
            "-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "\(count)",
        ])
        defer { command.end() }
        #expect(command.wait { $0.contains("ACCEPT") })
        let end = try DTLSEnd(
            .client, me: DTLSParty.ann, peer: DTLSParty.bob,
            fingerprint: OpenSSLCommand.fingerprint(folder))
        try socket.run(end, port: port) { end.state != .handshaking && end.state != .waiting }
        #expect(end.suite == suite)
        #expect(command.wait { $0.contains("Keying material: ") })
        expect(command.keyingMaterial, is: end, suite: suite, role: .client)
    }

    @Test(arguments: [
        ("SRTP_AEAD_AES_256_GCM", SRTPSuite.aeadAES256GCM, "rsa"),
        ("SRTP_AES128_CM_SHA1_80", .aesCM128HMACSHA1_80, "ec"),
        ("SRTP_AES128_CM_SHA1_32:SRTP_AEAD_AES_128_GCM", .aeadAES128GCM, "ec"),
    ])
    func opensslClientExportsWhatWeDo(profile: String, suite: SRTPSuite, key: String) throws {
        let folder = try OpenSSLCommand.makeCertificate(key)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let socket = try UDPSocket()
        let count = 2 * suite.keyAndSaltCount
        let command = try OpenSSLCommand([
            "s_client", "-dtls1_2", "-connect", "127.0.0.1:\(socket.port)", "-cert",
            folder + "/cert.pem", "-key", folder + "/key.pem", "-use_srtp", profile,
            "-keymatexport", "EXTRACTOR-dtls_srtp", "-keymatexportlen", "\(count)",
        ])
        defer { command.end() }
        let end = try DTLSEnd(
            .server, me: DTLSParty.bob, peer: DTLSParty.ann,
            fingerprint: OpenSSLCommand.fingerprint(folder))
        try socket.run(end, port: nil) { end.suite != nil || end.failure != nil }
        #expect(end.suite == suite)
        #expect(command.wait { $0.contains("Keying material: ") })
        expect(command.keyingMaterial, is: end, suite: suite, role: .server)
        #expect(
            command.text.uppercased().contains(
                "SRTP EXTENSION NEGOTIATED, PROFILE=SRTP_A"))
    }

    @Test func clientWithoutSRTPAndClientOfDTLS1AreRefused() throws {
        let folder = try OpenSSLCommand.makeCertificate("ec")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (extra, isOldVersion) in [
            (["-dtls1_2"], false),
            (
                ["-dtls1", "-cipher", "ALL:@SECLEVEL=0", "-use_srtp", "SRTP_AES128_CM_SHA1_80"],
                true
            ),
        ] {
            let socket = try UDPSocket()
            let command = try OpenSSLCommand(
                [
                    "s_client", "-connect", "127.0.0.1:\(socket.port)", "-cert",
                    folder + "/cert.pem", "-key", folder + "/key.pem",
                ] + extra)
            defer { command.end() }
            let end = try DTLSEnd(
                .server, me: DTLSParty.bob, peer: DTLSParty.ann,
                fingerprint: OpenSSLCommand.fingerprint(folder))
            try socket.run(end, port: nil) { end.failure != nil }
            #expect(end.keys == nil)
            if isOldVersion {
                guard case .handshake = end.failure else {
                    Issue.record("\(end.state)")
                    continue
                }
            } else {
                #expect(end.failure == .noProfile)
            }
        }
    }

    /// RFC 5764 4.2 read with fresh eyes: the command's bytes against our two keys.
    private func expect(
        _ material: [UInt8], is end: DTLSEnd, suite: SRTPSuite, role: DTLSParameters.Role
    ) {
        let key = suite.keyCount
        let salt = suite.saltCount
        guard material.count == 2 * (key + salt), let keys = end.keys else {
            Issue.record("\(material.count) bytes of keying material")
            return
        }
        let client = Array(material[0..<key] + material[2 * key..<2 * key + salt])
        let server = Array(material[key..<2 * key] + material[2 * key + salt..<2 * (key + salt)])
        #expect(keys.local == (role == .client ? client : server))
        #expect(keys.remote == (role == .client ? server : client))
    }
}

/// A running `openssl`, and what it has printed.
final class OpenSSLCommand: @unchecked Sendable {
    // @unchecked: `printed` is guarded by the lock.
    static let path = "/usr/bin/openssl"
    static var exists: Bool { FileManager.default.isExecutableFile(atPath: path) }

    private let process = Process()
    private let input = Pipe()
    private let lock = NSLock()
    private var printed = ""

    init(_ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: Self.path)
        process.arguments = arguments
        process.standardInput = input
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        output.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let text = String(decoding: handle.availableData, as: UTF8.self)
            self?.lock.withLock { self?.printed += text }
            if text.isEmpty { handle.readabilityHandler = nil }
        }
        try process.run()
    }

    func end() {
        // It may have inherited a mask that keeps SIGTERM from it.
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }

    var text: String { lock.withLock { printed } }

    /// Whether it says so within a minute.
    func wait(_ isThere: (String) -> Bool) -> Bool {
        for _ in 0..<12_000 {
            if isThere(text) { return true }
            usleep(5000)
        }
        Issue.record("openssl said: \(text)")
        return false
    }

    var keyingMaterial: [UInt8] {
        guard let start = text.range(of: "Keying material: ") else { return [] }
        let digits = Array(text[start.upperBound...].prefix { $0.isHexDigit })
        return stride(from: 0, to: digits.count & ~1, by: 2).map {
            UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0
        }
    }

    /// A folder with a fresh certificate and its key.
    static func makeCertificate(_ key: String) throws -> String {
        let folder = NSTemporaryDirectory() + "/dtls-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let kind =
            key == "ec"
            ? ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] : ["-newkey", "rsa:2048"]
        let command = try OpenSSLCommand(
            ["req", "-x509"] + kind + [
                "-nodes", "-keyout", folder + "/key.pem", "-out", folder + "/cert.pem", "-days",
                "1", "-subj", "/CN=peer",
            ])
        command.process.waitUntilExit()
        return folder
    }

    static func fingerprint(_ folder: String) throws -> [UInt8] {
        let command = try OpenSSLCommand([
            "x509", "-in", folder + "/cert.pem", "-noout", "-fingerprint", "-sha256",
        ])
        defer { command.end() }
        guard command.wait({ $0.contains("=") && $0.hasSuffix("\n") }) else { return [] }
        return (command.text.split(separator: "=").last ?? "").split(separator: ":").map {
            UInt8($0.trimmingCharacters(in: .whitespacesAndNewlines), radix: 16) ?? 0
        }
    }
}

/// A UDP socket on loopback.
final class UDPSocket {
    let descriptor: Int32
    let port: UInt16

    init() throws {
        descriptor = socket(
            AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(isBound)
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }

    /// One that was free a moment ago.
    static func freePort() throws -> UInt16 { try UDPSocket().port }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// Drives an association by the real clock until `isDone`, ten seconds at most.
    func run(_ end: DTLSEnd, port known: UInt16?, until isDone: () -> Bool) throws {
        var peer = known
        var buffer = [UInt8](repeating: 0, count: 2048)
        let limit = Self.now() + .seconds(10)
        end.start(Self.now())
        while !isDone(), Self.now() < limit {
            flush(end, to: peer)
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            poll(&wait, 1, 20)
            var from = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let descriptor = descriptor
            let count = withUnsafeMutablePointer(to: &from) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, &buffer, 2048, Int32(MSG_DONTWAIT), $0, &length)
                }
            }
            if count > 0 {
                peer = UInt16(bigEndian: from.sin_port)
                let source =
                    known == nil
                    ? DTLSSource(low: 0x7F00_0001, port: peer ?? 0) : DTLSPair.server
                end.receive(Array(buffer[0..<count]), from: source, Self.now())
            }
            end.tick(Self.now())
        }
        flush(end, to: peer)
    }

    private func flush(_ end: DTLSEnd, to port: UInt16?) {
        for bytes in end.take() {
            guard let port else { continue }
            var address = Self.loopback(port)
            let descriptor = descriptor
            _ = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(
                        descriptor, bytes, bytes.count, 0, $0,
                        socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
    }

    static func now() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
