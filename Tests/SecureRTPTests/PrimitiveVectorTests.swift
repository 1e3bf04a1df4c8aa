import Base
import Foundation
import Testing

@testable import SecureRTP

private func bytes(_ hex: String) throws -> [UInt8] {
    try #require(Hex.decode(hex.filter { !$0.isWhitespace }))
}

private func keystream(key: [UInt8], salt: [UInt8], count: Int) throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: count)
    let salt = salt.withUnsafeBytes { SessionSalt($0) }
    try key.withUnsafeBytes { key in
        let cipher = try PacketCipher(key: key, isAEAD: false, isEncrypting: true)
        try output.withUnsafeMutableBytes { output in
            let base = try #require(output.baseAddress)
            try cipher.run(
                base, count: count,
                vector: InitialVector(salt: salt, ssrc: 0, index: 0, isAEAD: false))
        }
    }
    return output
}

private func derived(
    _ suite: SRTPSuite, _ keyAndSalt: [UInt8], _ label: KeyDerivation.Label, _ count: Int
) throws -> [UInt8] {
    var result: [UInt8] = []
    try keyAndSalt.withUnsafeBytes { key in
        let derivation = try KeyDerivation(suite: suite, key: key)
        result = try derivation.with(label, count: count) { Array($0) }
    }
    return result
}

@Suite struct PrimitiveVectorTests {
    /// RFC 3711 B.2: session key 2B7E…4F3C, salt F0F1…FD, SSRC 0, index 0. (B.1 is AES-f8, which
    /// no suite of this room uses.)
    @Test func counterModeMakesTheKeystreamOfRFC3711B2() throws {
        let stream = try keystream(
            key: bytes("2B7E151628AED2A6ABF7158809CF4F3C"),
            salt: bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"), count: 0xFF02 * 16)
        #expect(
            Hex.encode(Array(stream[0..<48])) == """
                e03ead0935c95e80e166b16dd92b4eb4\
                d23513162b02d0f72a43a2fe4a5f97ab\
                41e95b3bb0a2e8dd477901e4fca894c0
                """)
        // Counters feff, ff00, ff01.
        #expect(
            Hex.encode(Array(stream[0xFEFF * 16..<0xFF02 * 16])) == """
                ec8cdf7398607cb0f2d21675ea9ea1e4\
                362b7c3c6773516318a077d7fc5073ae\
                6a2cc3787889374fbeb4c81b17ba6c44
                """)
    }

    /// RFC 3711 B.3.
    @Test func derivedKeysAreThoseOfRFC3711B3() throws {
        let master = try bytes("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6")
        let suite = SRTPSuite.aesCM128HMACSHA1_80
        #expect(
            Hex.encode(try derived(suite, master, .rtpEncryption, 16))
                == "c61e7a93744f39ee10734afe3ff7a087")
        #expect(
            Hex.encode(try derived(suite, master, .rtpSalt, 14)) == "30cbbc08863d8c85d49db34a9ae1")
        #expect(
            Hex.encode(try derived(suite, master, .rtpAuthentication, 20))
                == "cebe321f6ff7716b6fd4ab49af256a156d38baa4")
    }

    /// RFC 6188 7.1.
    @Test func counterModeMakesTheKeystreamOfRFC6188() throws {
        let stream = try keystream(
            key: bytes(
                "57f82fe3613fd170a85ec93c40b1f0922ec4cb0dc025b58272147cc438944a98"),
            salt: bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfd"), count: 48)
        #expect(
            Hex.encode(stream) == """
                92bdd28a93c3f52511c677d08b5515a4\
                9da71b2378a854f67050756ded165bac\
                63c4868b7096d88421b563b8c94c9a31
                """)
    }

    /// RFC 6188 7.2.
    @Test func derivedKeysAreThoseOfRFC6188() throws {
        let master = try bytes(
            """
            f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6
            3b04803de51ee7c96423ab5b78d2
            """)
        let suite = SRTPSuite.aesCM256HMACSHA1_80
        #expect(
            Hex.encode(try derived(suite, master, .rtpEncryption, 32))
                == "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4")
        #expect(
            Hex.encode(try derived(suite, master, .rtpSalt, 14)) == "fa31791685ca444a9e07c6c64e93")
        #expect(
            Hex.encode(try derived(suite, master, .rtpAuthentication, 20))
                == "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05")
    }

    /// RFC 2202 test cases 1–3 and 5, and every length around the block boundaries against the
    /// reference.
    @Test func midStatesMakeTheHMACOfRFC2202() throws {
        func digest(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
            let states = key.withUnsafeBytes { HMACMidStates(key: $0) }
            return withUnsafeTemporaryAllocation(byteCount: 160, alignment: 16) { scratch in
                guard let base = scratch.baseAddress else { return [] }
                (message + [0]).withUnsafeBytes { bytes in
                    guard let bytes = bytes.baseAddress else { return }
                    states.digest(bytes, count: message.count, suffix: nil, scratch: base)
                }
                return Array(scratch[0..<20])
            }
        }
        #expect(
            Hex.encode(digest([UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8)))
                == "b617318655057264e28bc0b6fb378c8ef146be00")
        #expect(
            Hex.encode(digest(Array("Jefe".utf8), Array("what do ya want for nothing?".utf8)))
                == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        #expect(
            Hex.encode(
                digest(
                    [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50)))
                == "125d7342b9ac11cd91a39af48aa17b4f63f175d3")
        for count in 0..<200 {
            let message = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 3) }
            let key = (0..<20).map { UInt8($0) }
            #expect(digest(key, message) == ReferenceSRTP.hmacSHA1(key: key, data: message))
        }
    }
}

/// Sections 16 and 17 of RFC 7714, read from the text in Fixtures/srtp.
@Suite struct GCMVectorTests {
    private static let salt = Array("Quid pro quo".utf8)

    /// One packet through a session with the vectors' keys, after `earlier` reports of it.
    private static func run(
        _ suite: SRTPSuite, _ operation: Session.Operation, _ packet: [UInt8], earlier: Int = 0
    ) throws(SRTPError) -> [UInt8] {
        var session = try LibcryptoSession(
            suite: suite, sessionKey: (0..<suite.keyCount).map { UInt8($0) }, sessionSalt: salt,
            isOutbound: operation == .protect || operation == .protectRTCP)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: packet.count + 32, alignment: 16)
        defer { buffer.deallocate() }
        guard let base = buffer.baseAddress else { return [] }
        for _ in 0..<earlier {
            buffer.copyBytes(from: packet)
            _ = try session.protectRTCP(base, count: packet.count)
        }
        buffer.copyBytes(from: packet)
        let count =
            switch operation {
            case .protect: try session.protect(base, count: packet.count)
            case .unprotect: try session.unprotect(base, count: packet.count)
            case .protectRTCP: try session.protectRTCP(base, count: packet.count)
            case .unprotectRTCP: try session.unprotectRTCP(base, count: packet.count)
            }
        return Array(buffer[0..<count])
    }

    /// The hex words under a heading of a section.
    private static func block(
        _ name: String, section: String, under heading: String
    ) throws -> [UInt8] {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(
            contentsOf: root.appending(path: "Fixtures/srtp/rfc7714/\(name)"), encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        let start = try #require(lines.firstIndex { $0.hasPrefix(section + ".  ") })
        let from = try #require(
            lines[start...].firstIndex { $0.hasPrefix(heading) })
        let words = lines[(from + 1)...].drop { $0.isEmpty }.prefix { !$0.isEmpty }
        return try bytes(words.joined())
    }

    @Test(arguments: [(SRTPSuite.aeadAES128GCM, "16.1"), (.aeadAES256GCM, "16.2")])
    func rtpVectors(suite: SRTPSuite, section: String) throws {
        let file = "rtp-vectors.txt"
        let plain = try Self.block(
            file, section: section + ".1", under: "Encrypting the following packet:")
        let secured = try Self.block(
            file, section: section + ".1", under: "Encrypted and tagged packet:")
        #expect(plain.count == 50)
        #expect(secured.count == 66)
        #expect(try Self.run(suite, .protect, plain) == secured)
        #expect(try Self.run(suite, .unprotect, secured) == plain)
    }

    @Test func rtcpVectors() throws {
        let file = "rtcp-vectors.txt"
        let plain = try Self.block(
            file, section: "17.1", under: "Encrypting the following packet:")
        let secured = try Self.block(
            file, section: "17.1", under: "Encrypted and tagged packet:")
        // The vector's index is 5D4; the first report has 1.
        #expect(
            try Self.run(.aeadAES128GCM, .protectRTCP, plain, earlier: 0x5D3) == secured)
        #expect(try Self.run(.aeadAES128GCM, .unprotectRTCP, secured) == plain)
        let secured256 = try Self.block(
            file, section: "17.2", under: "Decrypting the following packet:")
        let plain256 = try Self.block(
            file, section: "17.2", under: "Verified and decrypted packet:")
        #expect(plain256.count == 52)
        #expect(try Self.run(.aeadAES256GCM, .unprotectRTCP, secured256) == plain256)
        #expect(
            try Self.run(.aeadAES256GCM, .protectRTCP, plain256, earlier: 0x5D3) == secured256)
        // 17.3: authentic, but in the clear. Encryption was agreed, so it is not of the session.
        let tagged = try Self.block(file, section: "17.3", under: "Tagged packet:")
        #expect(tagged.count == 72)
        #expect(throws: SRTPError.malformed) {
            try Self.run(.aeadAES128GCM, .unprotectRTCP, tagged)
        }
    }
}
