@testable import SecureRTP

/// A context in a box, because `#expect` and closures refuse what cannot be copied.
final class Session {
    private var context: SRTPContext

    init(
        _ suite: SRTPSuite = .aesCM128HMACSHA1_80, key: [UInt8], _ direction: SRTPContext.Direction,
        _ backend: SRTPBackend = .libcrypto, identifier: [UInt8] = [], rolloverCounter: UInt32 = 0,
        formerIndex: UInt64? = nil
    ) throws(SRTPError) {
        context = try SRTPContext(
            suite: suite, key: key, direction: direction, backend: backend,
            masterKeyIdentifier: identifier, rolloverCounter: rolloverCounter,
            formerIndex: formerIndex)
    }

    func rolloverCounter(of ssrc: UInt32) -> UInt32? { context.rolloverCounter(of: ssrc) }

    var searches: Int { context.searchCount() }
    var arrival: SRTPContext.Arrival { context.lastArrival() }

    func setMasterKeyIdentifier(_ identifier: [UInt8]) throws(SRTPError) {
        try context.setMasterKeyIdentifier(identifier)
    }

    func setPacketsLeft(_ packets: UInt64, reports: UInt64) {
        context.setPacketsLeft(packets, reports: reports)
    }

    enum Operation { case protect, unprotect, protectRTCP, unprotectRTCP }

    func run(
        _ operation: Operation, _ packet: [UInt8], room: Int = 64
    ) throws(SRTPError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: packet.count + room, alignment: 8)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: packet)
        let count =
            switch operation {
            case .protect: try context.protect(buffer, count: packet.count)
            case .unprotect: try context.unprotect(buffer, count: packet.count)
            case .protectRTCP: try context.protectRTCP(buffer, count: packet.count)
            case .unprotectRTCP: try context.unprotectRTCP(buffer, count: packet.count)
            }
        return Array(buffer[0..<count])
    }

    func run(_ operation: Operation, _ packet: [UInt8], count: Int) throws(SRTPError) -> Int {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, packet.count), alignment: 8)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: packet)
        return switch operation {
        case .protect: try context.protect(buffer, count: count)
        case .unprotect: try context.unprotect(buffer, count: count)
        case .protectRTCP: try context.protectRTCP(buffer, count: count)
        case .unprotectRTCP: try context.unprotectRTCP(buffer, count: count)
        }
    }
}

/// A master key ‖ salt of the suite's length.
func key(for suite: SRTPSuite, from first: UInt8 = 1) -> [UInt8] {
    (0..<suite.keyAndSaltCount).map { first &+ UInt8($0) }
}

func rtp(_ sequence: UInt16, payload: Int = 160, ssrc: UInt8 = 7) -> [UInt8] {
    [0x80, 0, UInt8(sequence >> 8), UInt8(sequence & 255), 0, 0, 1, 64, 0, 0, 0, ssrc]
        + (0..<payload).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ Int(sequence)) }
}

let rtcp: [UInt8] = [
    0x80, 200, 0, 6, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 11,
]
