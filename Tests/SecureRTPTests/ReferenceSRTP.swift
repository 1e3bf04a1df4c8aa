import COpenSSL

/// RFC 3711 written out a second time, from its text and on libcrypto only, so that what the room's
/// library does can be checked against something that shares no code with it.
struct ReferenceSRTP {
    let cipherKey: [UInt8]
    let authKey: [UInt8]
    let salt: [UInt8]
    let rtcpCipherKey: [UInt8]
    let rtcpAuthKey: [UInt8]
    let rtcpSalt: [UInt8]
    let tagCount: Int

    /// 4.3: key derivation rate 0, so r = 0 and the label stands alone in x.
    init(masterKey: [UInt8], masterSalt: [UInt8], tagCount: Int = 10) {
        func derive(_ label: UInt8, _ count: Int) -> [UInt8] {
            // x = key_id XOR master_salt, with key_id = label ‖ 48 zero bits, right-aligned in 112.
            var x = masterSalt
            x[7] ^= label
            return Self.counterMode(
                key: masterKey, iv: x + [0, 0], data: [UInt8](repeating: 0, count: count))
        }
        cipherKey = derive(0, 16)
        authKey = derive(1, 20)
        salt = derive(2, 14)
        rtcpCipherKey = derive(3, 16)
        rtcpAuthKey = derive(4, 20)
        rtcpSalt = derive(5, 14)
        self.tagCount = tagCount
    }

    init(_ keyAndSalt: [UInt8], tagCount: Int = 10) {
        self.init(
            masterKey: Array(keyAndSalt[0..<16]), masterSalt: Array(keyAndSalt[16..<30]),
            tagCount: tagCount)
    }

    /// 4.1.1: IV = (k_s · 2^16) XOR (SSRC · 2^64) XOR (i · 2^16).
    static func initialVector(salt: [UInt8], ssrc: UInt32, index: UInt64) -> [UInt8] {
        var iv = salt + [0, 0]
        for byte in 0..<4 { iv[4 + byte] ^= UInt8(truncatingIfNeeded: ssrc >> (24 - 8 * byte)) }
        for byte in 0..<6 { iv[8 + byte] ^= UInt8(truncatingIfNeeded: index >> (40 - 8 * byte)) }
        return iv
    }

    /// RTP packet without CSRC or extension → SRTP packet (3.3): the tag covers packet ‖ ROC.
    func protect(_ packet: [UInt8], rollover: UInt32) -> [UInt8] {
        let ssrc = Self.word(packet, 8)
        let sequence = UInt64(packet[2]) << 8 | UInt64(packet[3])
        let iv = Self.initialVector(
            salt: salt, ssrc: ssrc, index: UInt64(rollover) << 16 | sequence)
        let encrypted =
            Array(packet[0..<12])
            + Self.counterMode(key: cipherKey, iv: iv, data: Array(packet[12...]))
        let tag = Self.hmacSHA1(key: authKey, data: encrypted + Self.bytes(rollover))
        return encrypted + tag[0..<tagCount]
    }

    /// RTCP compound → SRTCP (3.4): everything after the first eight bytes is encrypted, then
    /// E ‖ index, then the tag over all of it.
    func protectRTCP(_ packet: [UInt8], index: UInt32) -> [UInt8] {
        let iv = Self.initialVector(
            salt: rtcpSalt, ssrc: Self.word(packet, 4), index: UInt64(index))
        let encrypted =
            Array(packet[0..<8])
            + Self.counterMode(key: rtcpCipherKey, iv: iv, data: Array(packet[8...]))
            + Self.bytes(0x8000_0000 | index)
        return encrypted + Self.hmacSHA1(key: rtcpAuthKey, data: encrypted)[0..<10]
    }

    static func bytes(_ value: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
    }

    static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 << 8 | UInt32(bytes[at + $1]) }
    }

    static func counterMode(key: [UInt8], iv: [UInt8], data: [UInt8]) -> [UInt8] {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var output = [UInt8](repeating: 0, count: data.count + 16)
        var count: Int32 = 0
        EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), nil, key, iv)
        EVP_EncryptUpdate(context, &output, &count, data, Int32(data.count))
        return Array(output[0..<Int(count)])
    }

    static func hmacSHA1(key: [UInt8], data: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: 20)
        var count: UInt32 = 0
        HMAC(EVP_sha1(), key, Int32(key.count), data, data.count, &output, &count)
        return output
    }
}
