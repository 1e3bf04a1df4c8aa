import RTP
import SecureRTP

@testable import Media

/// The far end of a leg with keys of SDES: protects what it sends, opens what it gets.
final class SecureFar {
    static func key(_ suite: SRTPSuite, _ first: Int) -> [UInt8] {
        (0..<suite.keyAndSaltCount).map { UInt8(truncatingIfNeeded: first + $0) }
    }

    private var outbound: SRTPContext
    private var inbound: SRTPContext

    init(
        _ keys: SRTPKeys, rolloverCounter: UInt32 = 0
    ) throws {
        outbound = try SRTPContext(
            suite: keys.suite, key: keys.remote, direction: .outbound,
            masterKeyIdentifier: keys.remoteMKI, rolloverCounter: rolloverCounter)
        inbound = try SRTPContext(
            suite: keys.suite, key: keys.local, direction: .inbound,
            masterKeyIdentifier: keys.localMKI)
    }

    func rename(_ keys: SRTPKeys) throws {
        try outbound.setMasterKeyIdentifier(keys.remoteMKI)
        try inbound.setMasterKeyIdentifier(keys.localMKI)
    }

    func audio(_ sequence: UInt16, ssrc: UInt32 = 7) throws -> [UInt8] {
        var bytes =
            rtp(
                RTPHeader(
                    payloadType: 0, sequence: sequence, timestamp: UInt32(sequence) * 160,
                    ssrc: ssrc), [UInt8](repeating: 0xFF, count: 160))
            + [UInt8](repeating: 0, count: 160)
        let count = try bytes.withUnsafeMutableBytes { try outbound.protect($0, count: 172) }
        return Array(bytes[0..<count])
    }

    func report(ssrc: UInt32 = 7) throws -> [UInt8] {
        let plain = try RTCPPacket.report(sender: nil, ssrc: ssrc, blocks: [], cname: "far")
        var bytes = plain + [UInt8](repeating: 0, count: 160)
        let count = try bytes.withUnsafeMutableBytes {
            try outbound.protectRTCP($0, count: plain.count)
        }
        return Array(bytes[0..<count])
    }

    /// Whether what the leg sent opens, as it must when no index of the key was used before.
    func opens(_ item: LegBench.Sent) -> Bool {
        var bytes = item.bytes
        return bytes.withUnsafeMutableBytes { buffer in
            let count =
                item.isReport
                ? try? inbound.unprotectRTCP(buffer, count: buffer.count)
                : try? inbound.unprotect(buffer, count: buffer.count)
            return count != nil
        }
    }
}

extension LegBench.Sent {
    var isReport: Bool { (192...223).contains(bytes[1]) }
}

extension LegBench {
    func configure(_ keys: SRTPKeys?) throws {
        try leg.configure(Self.remote(srtp: keys), now: now)
    }

    var followed: UInt32? { leg.receiver.stream?.ssrc }
    /// Where reports went, in order.
    var reportsTo: [SocketAddressValue] { sent.filter(\.isReport).map(\.to) }
}
