import Base
import RTP
import SecureRTP

extension FuzzTarget {
    /// SRTP and SRTCP: what is ours opens once, whatever is not ours never (RFC 3711 3.3).
    static let srtp = FuzzTarget(name: "srtp", maximumInput: 1024) { bytes in
        expect(KeptOpen.shared != nil, "no context at all")
        var script = Script(bytes)
        let suite = SRTPSuite.allCases[script.choice(SRTPSuite.allCases.count)]
        let key = (0..<suite.keyAndSaltCount).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 1) }
        guard
            var outbound = try? SRTPContext(suite: suite, key: key, direction: .outbound),
            var inbound = try? SRTPContext(suite: suite, key: key, direction: .inbound)
        else { return expect(false, "no context") }
        var sequence = script.word()
        while !script.isAtEnd {
            let isControl = script.flag()
            let story = script.choice(5)
            if story == 0 {
                // Anything at all.
                var packet = script.take(script.choice(200))
                let opened = Self.open(&packet, packet.count, &inbound, isControl)
                expect(opened == nil, "opened a stranger's packet")
                continue
            }
            let payload = script.take(script.choice(64) * 4)
            sequence &+= UInt16(1 + script.choice(20))
            let plain =
                isControl
                ? [0x80, 201, 0, UInt8(1 + payload.count / 4), 0, 0, 0, 9] + payload
                : [0x80, 0, UInt8(sequence >> 8), UInt8(sequence & 255), 0, 0, 0, 1, 0, 0, 0, 9]
                    + payload
            var packet = plain + [UInt8](repeating: 0, count: 64)
            let count = packet.withUnsafeMutableBytes { buffer in
                isControl
                    ? try? outbound.protectRTCP(buffer, count: plain.count)
                    : try? outbound.protect(buffer, count: plain.count)
            }
            guard let count else { return expect(false, "could not protect") }
            if story == 1 {
                var changed = packet
                changed[Int(script.word()) % count] ^= 1 << UInt8(script.choice(8))
                expect(
                    Self.open(&changed, count, &inbound, isControl) == nil, "opened a forgery")
            }
            if story == 2 {
                var cut = packet
                expect(
                    Self.open(&cut, Int(script.word()) % count, &inbound, isControl) == nil,
                    "opened a cut packet")
            }
            var copy = packet
            guard let opened = Self.open(&packet, count, &inbound, isControl) else {
                return expect(false, "our own packet does not open")
            }
            expect(Array(packet[0..<opened]) == plain, "opened to something else")
            expect(Self.open(&copy, count, &inbound, isControl) == nil, "opened a replay")
        }
    }

    private static func open(
        _ packet: inout [UInt8], _ count: Int, _ context: inout SRTPContext, _ isControl: Bool
    ) -> Int? {
        packet.withUnsafeMutableBytes { buffer in
            isControl
                ? try? context.unprotectRTCP(buffer, count: count)
                : try? context.unprotect(buffer, count: count)
        }
    }
}

/// One context for the life of the process. Debian's libsrtp2 loads NSS's modules anew for each
/// session that is the only one (16 ms an input instead of 0.1).
final class KeptOpen: Sendable {
    static let shared: KeptOpen? = try? KeptOpen()
    private let context: SRTPContext

    private init() throws {
        let suite = SRTPSuite.aesCM128HMACSHA1_80
        context = try SRTPContext(
            suite: suite, key: [UInt8](repeating: 3, count: suite.keyAndSaltCount),
            direction: .inbound)
    }
}
