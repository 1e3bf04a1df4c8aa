import Base
import SecureRTP

#if canImport(Glibc)
import Glibc
#endif

/// CPU of one end of DTLS handshakes, and of its costliest single call: what a media worker cannot
/// do anything else in.
private struct Cost {
    var whole: [Double] = []
    var longestCall: [Double] = []
    private var sum = 0.0
    private var longest = 0.0

    mutating func call(_ body: () -> Void) {
        let before = cpuMicroseconds()
        body()
        let spent = cpuMicroseconds() - before
        sum += spent
        longest = max(longest, spent)
    }

    mutating func endHandshake() {
        whole.append(sum)
        longestCall.append(longest)
        sum = 0
        longest = 0
    }

    func show(_ name: String) {
        func figures(_ values: [Double]) -> String {
            let sorted = values.sorted()
            let last = sorted.count - 1
            return "median \(Int(sorted[last / 2])), p99 \(Int(sorted[last * 99 / 100]))"
        }
        print("  \(name): whole \(figures(whole)) us, costliest call \(figures(longestCall)) us")
    }
}

private func cpuMicroseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

/// Memory of the process, KiB (`/proc/self/statm`); 0 where there is none.
private func heapKiB() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return 0 }
    let words = String(
        decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self
    )
    .split(separator: " ")
    return words.count > 1 ? (Int(words[1]) ?? 0) * 4 : 0
}

/// Handshakes one after the other, both ends in this thread; every association is kept, so that
/// the growth of the heap is theirs.
func measureHandshakes(_ count: Int) throws {
    let day = WallTime(seconds: 1_780_000_000)
    let start = cpuMicroseconds()
    let ann = try DTLSIdentity(now: day)
    let made = cpuMicroseconds() - start
    let bob = try DTLSIdentity(now: day)
    let here = DTLSSource(low: 1, port: 1)
    let there = DTLSSource(low: 2, port: 2)
    final class Ends {
        var client: DTLSAssociation
        var server: DTLSAssociation
        init(_ client: consuming DTLSAssociation, _ server: consuming DTLSAssociation) {
            self.client = client
            self.server = server
        }
    }
    func parameters(_ role: DTLSParameters.Role, _ peer: DTLSIdentity) -> DTLSParameters {
        DTLSParameters(
            role: role, fingerprintHash: .sha256, fingerprint: peer.fingerprint(.sha256))
    }
    var kept: [Ends] = []
    var client = Cost()
    var server = Cost()
    let before = heapKiB()
    for _ in 0..<count {
        let ends = Ends(
            try DTLSAssociation(parameters(.client, bob), identity: ann, source: there),
            try DTLSAssociation(parameters(.server, ann), identity: bob))
        kept.append(ends)
        var toServer: [[UInt8]] = []
        var toClient: [[UInt8]] = []
        client.call { ends.client.start(now: .zero) { toServer.append(Array($0)) } }
        while !toServer.isEmpty || !toClient.isEmpty {
            let up = toServer
            toServer = []
            for bytes in up {
                bytes.withUnsafeBytes { datagram in
                    server.call {
                        ends.server.receive(datagram, from: here, now: .zero) {
                            toClient.append(Array($0))
                        }
                    }
                }
            }
            let down = toClient
            toClient = []
            for bytes in down {
                bytes.withUnsafeBytes { datagram in
                    client.call {
                        ends.client.receive(datagram, from: there, now: .zero) {
                            toServer.append(Array($0))
                        }
                    }
                }
            }
        }
        client.endHandshake()
        server.endHandshake()
    }
    let during = heapKiB()
    for ends in kept {
        ends.client.tick(now: Instant(milliseconds: 60_000)) { _ in }
        ends.server.tick(now: Instant(milliseconds: 60_000)) { _ in }
    }
    let after = heapKiB()
    let complete = kept.count { ends in
        if case .established = ends.client.state, case .established = ends.server.state {
            return true
        }
        return false
    }
    print("DTLS 1.2, P-256: \(complete) of \(count) handshakes, CPU of this thread")
    client.show("client")
    server.show("server")
    print("  certificate and key: \(Int(made)) us, once a process")
    print(
        "  memory of an association: \((during - before) / (2 * count)) KiB, after it has lingered "
            + "\((after - before) / (2 * count)) KiB")
}
