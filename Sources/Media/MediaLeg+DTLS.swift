internal import Base
internal import SecureRTP

// A leg's DTLS-SRTP (RFC 5763, RFC 5764): one association with rtcp-mux, else one a port, with keys
// of its own.
//
//   client ─► an association with the SDP's address, and with nobody else
//   server ─► listener (stateless cookies) ─┬─ the SDP's address: replaces all others
//                                           ├─ another port of its host, or with `learnsAnyHost` any
//                                           │  address: only while the SDP's is silent, two at most,
//                                           │  the oldest gives way
//                                           └─ anybody else: hears nothing
//   the first that proves the signalled fingerprint wins: its keys, its address, all others forgotten
//   a ClientHello with other random bytes from where a handshake was: its client begins anew

/// The handshakes of one port of a leg.
struct DTLSPort {
    /// An association with the address it was promised to.
    final class Candidate {
        var association: DTLSAssociation
        /// Of a listener: of whoever spoke last.
        var address: SocketAddressValue
        var since: Instant
        /// As a server: of the ClientHello that began it.
        var hello: DTLSHello?

        init(
            _ association: consuming DTLSAssociation, _ address: SocketAddressValue, since: Instant
        ) {
            self.association = association
            self.address = address
            self.since = since
        }
    }

    /// Handshakes at once with addresses that signalling did not name.
    static let foreignLimit = 2
    /// How long one of them may take before a third may replace it.
    static let foreignPatience = Interval.seconds(3)
    /// Handshakes that one port of a leg begins as a server, with the SDP's address, and again as
    /// many with all others. Each costs a signature.
    static let attemptLimit = 16
    /// One of them more is allowed after so long: whoever fails often is not shut out for good.
    static let attemptRefill = Interval.seconds(2)
    /// As a client: before the first new handshake after a failure; twice as long before the next.
    static let retryPause = Interval.milliseconds(500)
    static let longestRetryPause = Interval.seconds(4)

    let signalled: SocketAddressValue
    var winner: Candidate?
    var candidates: [Candidate] = []
    /// As a server: answers whoever has not shown a cookie yet.
    var listener: Candidate?
    private var attempts = Attempts()
    private var foreignAttempts = Attempts()
    /// As a client: the far end is not who signalling said.
    private(set) var isHopeless = false
    /// As a client: when to begin again; nil: no handshake has failed.
    private(set) var retryAt: Instant?
    private var pause = DTLSPort.retryPause

    init(signalled: SocketAddressValue) { self.signalled = signalled }

    /// Handshakes begun, less what time has given back.
    private struct Attempts {
        private var count = 0
        private var refilledAt = Instant.zero

        mutating func isLeft(now: Instant) -> Bool {
            let grown = (now - refilledAt).nanoseconds / DTLSPort.attemptRefill.nanoseconds
            if count > 0, grown > 0 {
                count = Int(max(0, Int64(count) - grown))
                refilledAt += DTLSPort.attemptRefill * grown
            }
            return count < DTLSPort.attemptLimit
        }

        mutating func use(now: Instant) {
            if count == 0 { refilledAt = now }
            count += 1
        }
    }

    /// As a client: a failure may be forged (alerts are not protected before there are keys), or be that
    /// of a far end which has not seen our description yet. A wrong certificate is neither.
    mutating func failed(_ failure: DTLSFailure, now: Instant) {
        if failure == .fingerprintMismatch { isHopeless = true }
        retryAt = now + pause
        pause = min(pause * 2, Self.longestRetryPause)
    }

    /// As a client: signalling has said something new.
    mutating func beginAgain() {
        isHopeless = false
        retryAt = nil
        pause = Self.retryPause
    }

    /// The earliest time at which something is to be done.
    var deadline: Instant {
        var earliest = winner?.association.deadline ?? .distantFuture
        for candidate in candidates { earliest = min(earliest, candidate.association.deadline) }
        return earliest
    }

    /// Whether a handshake with `address` may begin, or so much as a cookie be given to it.
    mutating func admits(
        _ address: SocketAddressValue, fromAnyHost: Bool, now: Instant
    ) -> Bool {
        if address == signalled { return attempts.isLeft(now: now) }
        guard fromAnyHost || address.hasSameHost(as: signalled), foreignAttempts.isLeft(now: now),
            !candidates.contains(where: { $0.address == signalled })
        else { return false }
        guard candidates.count >= Self.foreignLimit,
            !candidates.contains(where: { $0.address == address })
        else { return true }
        return candidates.contains { now - $0.since >= Self.foreignPatience }
    }

    /// The handshake that `datagram` of `address` belongs to; nil: none, or its client gives up that
    /// one and begins another.
    func handshake(of address: SocketAddressValue, _ datagram: UnsafeRawBufferPointer) -> Candidate?
    {
        guard
            let known = candidates.first(where: { $0.address == address })
                ?? (winner?.address == address ? winner : nil)
        else { return nil }
        guard let begun = known.hello, let hello = DTLSHello(datagram) else { return known }
        return hello == begun ? known : nil
    }

    mutating func promote(_ candidate: Candidate) {
        candidates.removeAll { $0.address == candidate.address }
        if candidate.address == signalled {
            candidates = []
        } else if candidates.count >= Self.foreignLimit,
            let oldest = candidates.indices.min(by: { candidates[$0].since < candidates[$1].since })
        {
            candidates.remove(at: oldest)
        }
        candidates.append(candidate)
        if candidate.address == signalled {
            attempts.use(now: candidate.since)
        } else {
            foreignAttempts.use(now: candidate.since)
        }
    }
}

/// What a leg whose keys come by DTLS has besides.
struct LegDTLS {
    /// Without keys for so long after the answer, the leg says so. Handshakes may still come.
    static let patience = Interval.seconds(30)

    let parameters: DTLSParameters
    let identity: DTLSIdentity
    var rtp: DTLSPort
    /// nil with rtcp-mux.
    var rtcp: DTLSPort?
    /// The failure has been reported.
    var saidFailure = false
    /// The answer, or the agreement when that came later; nil: still ringing.
    var since: Instant?

    /// Who did not answer before the call was answered, or before this description, may do so now.
    mutating func beginAgain(since: Instant?) {
        self.since = since
        rtp.beginAgain()
        rtcp?.beginAgain()
    }

    /// As a client: whether a handshake is to begin at `port`.
    func mayBegin(_ port: DTLSPort, now: Instant) -> Bool {
        guard parameters.role == .client, port.winner == nil, port.candidates.isEmpty,
            !port.isHopeless
        else { return false }
        guard let retryAt = port.retryAt else { return true }
        return now >= retryAt && since.map { now - $0 < Self.patience } ?? true
    }

    /// The port of a channel that has one; nil for RTCP's with rtcp-mux.
    subscript(channel: LegChannel) -> DTLSPort? {
        get {
            switch channel {
            case .rtp: rtp
            case .rtcp: rtcp
            }
        }
        set {
            switch channel {
            case .rtp: if let newValue { rtp = newValue }
            case .rtcp: rtcp = newValue
            }
        }
    }

    var hasKeys: Bool { rtp.winner != nil }
}

extension SocketAddressValue {
    var dtlsSource: DTLSSource { DTLSSource(high: high, low: low, port: port) }
}

extension MediaLeg {
    /// DTLS was agreed, and nothing may be sent or taken before it has given keys.
    var awaitsKeys: Bool { receiver.isSecure && receiver.srtp == nil }

    /// The far end has proven who it is, and media is protected by the keys of that handshake.
    public var isSecuredByDTLS: Bool { dtls?.hasKeys ?? false }

    /// Keys of signalling, or an association that will give some. What is unchanged stays; another
    /// fingerprint, role or address is another association (RFC 8842 4), and until it has keys
    /// there are none.
    mutating func secure(_ media: RemoteMedia, now: Instant) throws(MediaError) {
        guard let parameters = media.dtls else {
            try rekey(media.srtp)
            forgetDTLS()
            return
        }
        guard let certificate else { throw .noCertificate }
        let address = try media.rtpAddress()
        let reports = media.rtcpMux ? nil : try media.rtcpAddress()
        if let dtls, dtls.parameters == parameters, dtls.rtp.signalled == address,
            dtls.rtcp?.signalled == reports
        {
            if !dtls.hasKeys {
                self.dtls?.beginAgain(since: answeredAt == nil ? nil : now)
            }
            return
        }
        forgetDTLS()
        dropKeys()
        dtls = LegDTLS(
            parameters: parameters, identity: certificate, rtp: DTLSPort(signalled: address),
            rtcp: reports.map { DTLSPort(signalled: $0) }, since: answeredAt == nil ? nil : now)
        receiver.isSecure = true
    }

    mutating func forgetDTLS() {
        dtls = nil
        srtcpOut = nil
        srtcpIn = nil
    }

    // MARK: datagrams

    mutating func receiveDTLS(
        _ datagram: UnsafeRawBufferPointer, _ address: SocketAddressValue, _ channel: LegChannel,
        _ now: Instant, _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>,
        _ send: PacketSend
    ) {
        guard let port = dtls?[channel] else { return reject(.otherProtocol, &workspace) }
        if let winner = port.winner, winner.address != address {
            return reject(.foreignSource, &workspace)
        }
        if let known = port.handshake(of: address, datagram) {
            known.association.receive(datagram, from: address.dtlsSource, now: now) {
                _ = send($0, address, channel)
            }
        } else if !listen(datagram, address, channel, now, send) {
            return reject(.foreignSource, &workspace)
        }
        settle(channel, now, &workspace, &out)
    }

    /// As a server, for an address without a handshake, or whose client begins another one (RFC 6347
    /// 4.2.8: what is agreed stays until the new handshake has come to its end); false when it may
    /// not have one.
    private mutating func listen(
        _ datagram: UnsafeRawBufferPointer, _ address: SocketAddressValue, _ channel: LegChannel,
        _ now: Instant, _ send: PacketSend
    ) -> Bool {
        guard let state = dtls, state.parameters.role == .server, var port = state[channel],
            port.admits(address, fromAnyHost: source.learnsAnyHost, now: now)
        else { return false }
        let listener = port.listener ?? makeCandidate(state, port.signalled, now)
        guard let listener else { return false }
        listener.association.receive(datagram, from: address.dtlsSource, now: now) {
            _ = send($0, address, channel)
        }
        port.listener = listener
        if listener.association.state != .waiting {
            port.listener = nil
            listener.address = address
            listener.since = now
            listener.hello = DTLSHello(datagram)
            port.promote(listener)
        }
        dtls?[channel] = port
        return true
    }

    private func makeCandidate(
        _ dtls: LegDTLS, _ address: SocketAddressValue, _ now: Instant
    ) -> DTLSPort.Candidate? {
        do throws(SRTPError) {
            let association = try DTLSAssociation(
                dtls.parameters, identity: dtls.identity, source: address.dtlsSource)
            return DTLSPort.Candidate(association, address, since: now)
        } catch {
            return nil
        }
    }

    // MARK: time

    /// Starts what is to be started and retransmits what is due. Free while there is neither.
    mutating func tickDTLS(
        now: Instant, _ workspace: inout LegWorkspace, _ out: inout Outbox<LegOutput>,
        _ send: PacketSend
    ) {
        tickDTLS(.rtp, now, &workspace, &out, send)
        if dtls?.rtcp != nil { tickDTLS(.rtcp, now, &workspace, &out, send) }
        guard let state = dtls, !state.hasKeys, !state.saidFailure, let since = state.since,
            now - since >= LegDTLS.patience
        else { return }
        report(.timeout, &out)
    }

    private mutating func tickDTLS(
        _ channel: LegChannel, _ now: Instant, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>, _ send: PacketSend
    ) {
        guard let state = dtls, let port = state[channel] else { return }
        if state.mayBegin(port, now: now), source.destination != nil,
            let candidate = makeCandidate(state, port.signalled, now)
        {
            dtls?[channel]?.promote(candidate)
            candidate.association.start(now: now) { _ = send($0, port.signalled, channel) }
            return
        }
        guard port.deadline <= now else { return }
        for candidate in port.candidates + (port.winner.map { [$0] } ?? []) {
            let before = candidate.association.retransmissions
            candidate.association.tick(now: now) { _ = send($0, candidate.address, channel) }
            workspace.counters.dtlsRetransmissions +=
                candidate.association.retransmissions - before
        }
        settle(channel, now, &workspace, &out)
    }

    /// Draws the consequences of what the handshakes of a port have come to.
    private mutating func settle(
        _ channel: LegChannel, _ now: Instant, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>
    ) {
        guard var port = dtls?[channel], !port.candidates.isEmpty else { return }
        for candidate in port.candidates {
            switch candidate.association.state {
            case .waiting, .handshaking: break
            case .established(let suite):
                guard install(candidate, channel) else { continue }
                workspace.counters.countHandshake(nil)
                port.winner = candidate
                port.candidates = []
                port.listener = nil
                dtls?[channel] = port
                if channel == .rtp {
                    out.push(.mediaSecured(suite, handshake: candidate.association.duration))
                }
                return
            case .failed(let failure):
                workspace.counters.countHandshake(failure)
                port.candidates.removeAll { $0 === candidate }
                guard candidate.address == port.signalled, port.winner == nil else { continue }
                port.failed(failure, now: now)
                if channel == .rtp { report(failure, &out) }
            }
        }
        dtls?[channel] = port
    }

    private mutating func report(_ failure: DTLSFailure, _ out: inout Outbox<LegOutput>) {
        guard dtls?.saidFailure == false else { return }
        dtls?.saidFailure = true
        out.push(.mediaSecurityFailed(failure))
    }

    private mutating func install(_ winner: DTLSPort.Candidate, _ channel: LegChannel) -> Bool {
        guard let keys = winner.association.exportKeys() else { return false }
        do throws(SRTPError) {
            let backend = options.srtpBackend
            let outbound = try keys.makeContext(.outbound, backend: backend)
            let inbound = try keys.makeContext(.inbound, backend: backend)
            switch channel {
            case .rtp:
                leaveStreamOfOldKey()
                sender.srtp = consume outbound
                receiver.srtp = consume inbound
                // The handshake lives there, so media does.
                source.agreed(winner.address)
                sender.restart()
            case .rtcp:
                srtcpOut = consume outbound
                srtcpIn = consume inbound
                srtcpSource = winner.address
            }
            return true
        } catch {
            return false
        }
    }

    /// Says close_notify where somebody may still listen.
    mutating func closeDTLS(_ send: PacketSend) {
        for channel in [LegChannel.rtp, .rtcp] {
            if let winner = dtls?[channel]?.winner {
                winner.association.close { _ = send($0, winner.address, channel) }
            }
        }
        forgetDTLS()
    }
}
