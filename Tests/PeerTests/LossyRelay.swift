import Base
import Foundation
import Synchronization

//   SIPp ──▶ port ──▶ our agent        lost, twice, or late, as the seed says
//   SIPp ◀── port ◀── our agent

/// A relay of datagrams between two peers of 127.0.0.1 that loses some, repeats some and lets some be
/// overtaken. Which ones, a seed says: the n-th datagram of a run meets the same fate each time.
final class LossyRelay: Sendable {
    struct Faults: Sendable {
        /// Of 100 datagrams.
        var lost: UInt64 = 10
        var doubled: UInt64 = 5
        var late: UInt64 = 10
        /// How late.
        var delayMilliseconds: UInt32 = 40
    }

    struct Counts: Sendable { var relayed = 0, lost = 0, doubled = 0, late = 0 }

    private struct State {
        var entropy: SeededGenerator
        var counts = Counts()
        var isOpen = true
    }

    let port: Int
    private let descriptor: Int32
    private let one: sockaddr_in
    private let other: sockaddr_in
    private let faults: Faults
    private let state: Mutex<State>

    /// - Parameters: the ports of the two peers.
    init(between first: Int, and second: Int, faults: Faults, seed: UInt64) throws {
        port = try freePort()
        descriptor = socket(
            AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        one = Self.address(first)
        other = Self.address(second)
        self.faults = faults
        state = Mutex(State(entropy: SeededGenerator(seed: seed)))
        var ours = Self.address(port)
        let bound = withUnsafePointer(to: &ours) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard descriptor >= 0, bound == 0 else { throw PeerFailure("no socket for the relay") }
        // So that the thread notices the end.
        var patience = timeval(tv_sec: 0, tv_usec: 100_000)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        Thread { [self] in run() }.start()
    }

    var counts: Counts { state.withLock { $0.counts } }

    func close() { state.withLock { $0.isOpen = false } }

    private static func address(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = UInt16(truncatingIfNeeded: port).bigEndian
        return address
    }

    private func run() {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while state.withLock({ $0.isOpen }) {
            var source = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let count = withUnsafeMutablePointer(to: &source) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length)
                }
            }
            guard count > 0 else { continue }
            let target = source.sin_port == one.sin_port ? other : one
            relay(Array(buffer.prefix(count)), to: target)
        }
    }

    /// Not before the last late datagram: its number may be another socket's by then.
    deinit { Foundation.close(descriptor) }

    private func relay(_ bytes: [UInt8], to target: sockaddr_in) {
        let (isLost, isDoubled, isLate) = state.withLock { state in
            let fate = (
                state.entropy.next() % 100 < faults.lost,
                state.entropy.next() % 100 < faults.doubled,
                state.entropy.next() % 100 < faults.late
            )
            if fate.0 {
                state.counts.lost += 1
            } else {
                state.counts.relayed += 1
                if fate.1 { state.counts.doubled += 1 }
                if fate.2 { state.counts.late += 1 }
            }
            return fate
        }
        guard !isLost else { return }
        if isLate {
            Thread { [self] in
                usleep(faults.delayMilliseconds * 1000)
                send(bytes, target)
            }.start()
        } else {
            send(bytes, target)
        }
        if isDoubled { send(bytes, target) }
    }

    private func send(_ bytes: [UInt8], _ target: sockaddr_in) {
        var target = target
        _ = withUnsafePointer(to: &target) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(
                    descriptor, bytes, bytes.count, 0, $0,
                    socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
