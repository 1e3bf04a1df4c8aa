import Audio
import Base
import RTP
import SecureRTP
import Testing

@testable import Media

/// Two legs, one on libsrtp2 and one on our own code: neither may notice.
private final class MixedPair {
    let theirs: LegBench
    let ours: LegBench
    private var heard = (theirs: 0, ours: 0)

    init() throws {
        var options = LegOptions(detection: false)
        options.srtpBackend = .libsrtp2
        theirs = try LegBench(configured: false, options: options, ssrc: 0xA)
        ours = try LegBench(configured: false, ssrc: 0xB)
    }

    /// Both answer a new description; nil: plain.
    func agree(_ keys: SRTPKeys?) throws {
        let turned = keys.map {
            SRTPKeys(
                suite: $0.suite, local: $0.remote, remote: $0.local, localMKI: $0.remoteMKI,
                remoteMKI: $0.localMKI)
        }
        try theirs.configure(keys)
        try ours.configure(turned)
    }

    /// `ticks` of speech both ways, reports with them.
    func talk(ticks: Int) {
        for _ in 0..<ticks {
            let from = (theirs.sent.count, ours.sent.count)
            theirs.run(ticks: 1)
            ours.run(ticks: 1)
            for item in theirs.sent[from.0...] { ours.receive(item.bytes, on: item.channel) }
            for item in ours.sent[from.1...] { theirs.receive(item.bytes, on: item.channel) }
        }
    }

    /// Packets of audio that each has heard since the last call, and none refused.
    func takeHeard() -> (theirs: Int, ours: Int) {
        let now = (theirs.summary.packetsReceived, ours.summary.packetsReceived)
        defer { heard = now }
        #expect(theirs.summary.packetsRejected == 0)
        #expect(ours.summary.packetsRejected == 0)
        return (now.0 - heard.theirs, now.1 - heard.ours)
    }
}

@Suite(.serialized) struct BackendLegTests {
    private func keys(
        _ suite: SRTPSuite, _ local: Int, _ remote: Int, mki: [UInt8] = []
    ) -> SRTPKeys {
        SRTPKeys(
            suite: suite, local: SecureFar.key(suite, local), remote: SecureFar.key(suite, remote),
            localMKI: mki, remoteMKI: mki)
    }

    private func talkAndCheck(_ pair: MixedPair, ticks: Int = 20) {
        pair.talk(ticks: ticks)
        let heard = pair.takeHeard()
        #expect(heard.theirs == ticks && heard.ours == ticks, "\(heard)")
    }

    /// Keys, another name for them, a new key of either side, another suite and the first keys again.
    @Test(arguments: SRTPSuite.allCases, [[], [9], [0, 0, 0, 1]] as [[UInt8]])
    func aCallGoesOnOverEveryReOffer(suite: SRTPSuite, mki: [UInt8]) throws {
        let other = suite == .aeadAES128GCM ? SRTPSuite.aesCM128HMACSHA1_80 : .aeadAES128GCM
        let pair = try MixedPair()
        try pair.agree(keys(suite, 0, 50, mki: mki))
        #expect(pair.theirs.backends == [.libsrtp2, .libsrtp2])
        #expect(pair.ours.backends == [.libcrypto, .libcrypto])
        // Reports too: the first comes within 5 s.
        talkAndCheck(pair, ticks: 300)
        #expect(pair.theirs.sent.contains { $0.isReport })
        #expect(pair.ours.sent.contains { $0.isReport })
        for step in [
            keys(suite, 0, 50, mki: [7, 7]), keys(suite, 0, 50), keys(suite, 100, 50, mki: mki),
            keys(suite, 100, 150, mki: mki), keys(other, 10, 20), keys(suite, 100, 150, mki: mki),
        ] {
            try pair.agree(step)
            talkAndCheck(pair)
        }
        try pair.agree(nil)
        talkAndCheck(pair)
        try pair.agree(keys(suite, 0, 50, mki: mki))
        talkAndCheck(pair, ticks: 300)
    }

    /// Keys of DTLS are protected by the same code as those of signalling, RTCP's own with them. Each
    /// expects one of two certificates.
    @Test(arguments: [true, false]) func keysOfDTLSRunOnTheChosenBackend(mux: Bool) throws {
        let people = try (0..<3).map { _ in try DTLSIdentity(now: WallTime(seconds: 1_780_000_000))
        }
        let legs = try SRTPBackend.allCases.enumerated().map { index, backend in
            var options = LegOptions(detection: false)
            options.srtpBackend = backend
            let bench = try LegBench(
                configured: false, options: options, certificate: people[index],
                ssrc: UInt32(index) + 1)
            try bench.leg.configure(
                RemoteMedia(
                    address: "127.0.0.2", port: 4000, rtcpMux: mux,
                    dtls: DTLSParameters(
                        role: index == 0 ? .client : .server, fingerprintHash: .sha256,
                        fingerprints: [people[2], people[1 - index]].map { $0.fingerprint(.sha256) }
                    )),
                now: bench.now)
            return bench
        }
        var seen = [0, 0]
        for _ in 0..<500 {
            for leg in legs { leg.run(ticks: 1) }
            // What an answer calls forth goes across in the same 20 ms.
            while seen != legs.map(\.sent.count) {
                for (index, leg) in legs.enumerated() {
                    let new = leg.sent[seen[index]...]
                    seen[index] = leg.sent.count
                    for item in new {
                        let source = item.channel == .rtp ? 4000 : 4001 as UInt16
                        legs[1 - index].receive(
                            item.bytes, from: LegBench.peer.withPort(source), on: item.channel)
                    }
                }
            }
        }
        for (leg, backend) in zip(legs, SRTPBackend.allCases) {
            #expect(leg.backends == [backend, backend])
            #expect(leg.reportBackends == (mux ? [nil, nil] : [backend, backend]))
            #expect(leg.summary.packetsReceived > 480)
            #expect(leg.summary.packetsRejected == 0)
            #expect(leg.sent.contains { $0.isReport })
        }
    }

    /// What was heard under a key is not heard again when it has another name, or comes back.
    @Test func aKeyKeepsItsWindowOnLibsrtp2() throws {
        var options = LegOptions(detection: false)
        options.srtpBackend = .libsrtp2
        let suite = SRTPSuite.aesCM128HMACSHA1_32
        let bench = try LegBench(
            options: options, remote: LegBench.remote(srtp: keys(suite, 0, 50)))
        let far = try SecureFar(keys(suite, 0, 50))
        bench.receive(try far.audio(1))
        try bench.configure(keys(suite, 0, 50, mki: [3]))
        try far.rename(keys(suite, 0, 50, mki: [3]))
        bench.receive(try SecureFar(keys(suite, 0, 50, mki: [3])).audio(1))
        #expect(bench.rejected(.duplicate) == 1)
        bench.receive(try far.audio(2))
        try bench.configure(keys(suite, 0, 90))
        try bench.configure(keys(suite, 0, 50))
        bench.receive(try SecureFar(keys(suite, 0, 50)).audio(2))
        #expect(bench.rejected(.duplicate) == 2)
        #expect(bench.summary.packetsReceived == 2)
        // An address is learned from the newest packet alone.
        try far.rename(keys(suite, 0, 50))
        let held = try far.audio(3)
        bench.receive(try far.audio(4))
        bench.receive(held, from: LegBench.stranger)
        #expect(bench.destination == LegBench.peer)
        bench.receive(try far.audio(5), from: LegBench.stranger)
        #expect(bench.destination == LegBench.stranger)
        #expect(bench.summary.packetsReceived == 5)
    }

    /// A key that nothing came under, and an SSRC that changes with the key, as on our own code.
    @Test func aKeyThatWasNeverUsedChangesNoStreamOnLibsrtp2() throws {
        var options = LegOptions(detection: false)
        options.srtpBackend = .libsrtp2
        let bench = try LegBench(
            options: options, remote: LegBench.remote(srtp: keys(.aesCM128HMACSHA1_80, 0, 50)))
        let ssrc = bench.ssrc
        try bench.configure(keys(.aesCM128HMACSHA1_80, 100, 50))
        #expect(bench.ssrc == ssrc)
        bench.run(ticks: 1)
        try bench.configure(keys(.aesCM128HMACSHA1_80, 0, 50))
        #expect(bench.ssrc != ssrc)
    }
}

extension LegBench {
    /// `#expect` refuses what cannot be copied.
    fileprivate var backends: [SRTPBackend?] {
        [leg.sender.srtp?.backend, leg.receiver.srtp?.backend]
    }
    fileprivate var reportBackends: [SRTPBackend?] {
        [leg.srtcpOut?.backend, leg.srtcpIn?.backend]
    }
}
