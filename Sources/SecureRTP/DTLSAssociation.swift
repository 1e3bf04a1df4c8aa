public import Base
internal import COpenSSL

// server:  listening ─ ClientHello with our cookie ─► handshaking ─┬─► established ─► closed
// client:  idle ─ start ─────────────────────────────► handshaking ┘        │
//                                                          └─► failed      linger
//
// server, handshaking:  plain alert ─┬─ anything else comes ─► it was forged
//                                    └─ nothing for 2 s ─────► failed
//
//   datagram, now ─► libssl (memory) ─► datagrams of the next flight ─► send
//   tick: now ≥ deadline ─► the last flight again, 250 ms later, then 500 ms … 4 s
//
// Before a source has shown that it receives what we send to it, it gets nothing but a
// HelloVerifyRequest, shorter than what it sent (RFC 6347 4.2.1), and leaves no state.

/// One DTLS 1.2 association whose only purpose is keys for SRTP (RFC 5763, RFC 5764), without socket
/// and clock. One owner.
public struct DTLSAssociation: ~Copyable, @unchecked Sendable {
    // Sendable: the SSL object and its transport are private and this value is their one owner.

    /// How far the handshake is; `failed` is the end, `established` stays when the memory is given
    /// back.
    public enum State: Equatable, Sendable {
        /// As a client: `start` was not called. As a server: no ClientHello with a cookie yet.
        case waiting
        case handshaking
        /// The far end is who signalling said; `exportKeys` has what was agreed.
        case established(SRTPSuite)
        case failed(DTLSFailure)
    }

    /// Bytes of the longest datagram that we send, without IP and UDP headers.
    public static let mtu = 1200
    /// What libssl can work with.
    public static let smallestMTU = 288
    /// When libssl packs several records into a datagram its sum is a few bytes short.
    private static let packingMargin = 32
    /// First wait for an answer. RFC 6347 4.2.4.1 says a second, and less for who cannot wait: a
    /// caller who has answered hears silence meanwhile.
    public static let firstRetransmission = Interval.milliseconds(250)
    /// Waits double from `firstRetransmission` up to this.
    public static let longestRetransmission = Interval.seconds(4)
    /// A handshake that takes longer has failed.
    public static let handshakeLimit = Interval.seconds(30)
    /// How long an established association answers a far end that missed our last flight, and hears
    /// its close_notify. Its memory goes then.
    public static let linger = Interval.seconds(30)
    /// How long a server waits for its client to go on in spite of an alert that anybody could have
    /// sent: until there are keys alerts are not protected. A client that began anew would have time to.
    public static let alertPatience = Interval.seconds(2)
    private static let exporterLabel = "EXTRACTOR-dtls_srtp"

    /// What signalling agreed on: our role, and the far end's fingerprints.
    public let parameters: DTLSParameters
    /// Moved by `start`, `receive` and `tick` only.
    public private(set) var state = State.waiting
    /// Whom the handshake is with; nil for a server that is still listening.
    public private(set) var source: DTLSSource?
    /// When `tick` wants to be called; `distantFuture`: never.
    public private(set) var deadline = Instant.distantFuture
    /// Application data, which nobody may send here, and datagrams of other sources.
    public private(set) var ignored = 0
    /// Times that our last flight was due again because no answer came.
    public private(set) var retransmissions = 0
    /// The far end has said close_notify, or a fatal alert after the handshake.
    public private(set) var isClosed = false
    /// From the first datagram of the handshake to its end.
    public private(set) var duration = Interval.zero

    private let identity: DTLSIdentity
    private let transport: DTLSTransport
    private let mtu: Int
    private var ssl: OpaquePointer?
    private var interval = DTLSAssociation.firstRetransmission
    private var resendAt = Instant.distantFuture
    private var startedAt = Instant.zero
    private var endsAt = Instant.distantFuture
    /// As a server: an alert in the clear that nothing has followed yet.
    private var doubt: (failure: DTLSFailure, until: Instant)?

    /// - Parameters:
    ///   - source: of the far end, for a client; a server learns it.
    ///   - mtu: at least `smallestMTU`.
    /// - Throws: `library`; `badKey` for a fingerprint whose length is not its hash's, none or too many.
    public init(
        _ parameters: DTLSParameters, identity: DTLSIdentity, source: DTLSSource? = nil,
        mtu: Int = DTLSAssociation.mtu
    ) throws(SRTPError) {
        if let wrong = parameters.wrongFingerprint {
            throw .badKey(expected: parameters.fingerprintHash.byteCount, have: wrong.count)
        }
        let transport = DTLSTransport(expected: parameters, cookieSecret: identity.cookieSecret)
        let ssl = try Self.open(identity, transport, parameters.role)
        self.parameters = parameters
        self.identity = identity
        self.transport = transport
        self.ssl = ssl
        self.mtu = max(mtu, Self.smallestMTU)
        self.source = parameters.role == .client ? source : nil
        prepare()
    }

    private static func open(
        _ identity: DTLSIdentity, _ transport: DTLSTransport, _ role: DTLSParameters.Role
    ) throws(SRTPError) -> OpaquePointer {
        guard let ssl = SSL_new(identity.context) else { throw .library(1) }
        guard let bio = DTLSTransportMethod.shared.makeBIO(transport) else {
            SSL_free(ssl)
            throw .library(2)
        }
        // Takes our reference, and of one BIO for both ways a second of its own; SSL_free gives both back.
        SSL_set_bio(ssl, bio, bio)
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(transport).toOpaque())
        switch role {
        case .client: SSL_set_connect_state(ssl)
        case .server: SSL_set_accept_state(ssl)
        }
        return ssl
    }

    deinit {
        // Before the transport goes, which its BIO borrows.
        withExtendedLifetime(transport) { if let ssl { SSL_free(ssl) } }
    }

    private func prepare() {
        SSL_ctrl(ssl, SSL_CTRL_SET_MTU, mtu - Self.packingMargin, nil)
        transport.interval =
            DTLSTransport.hasVirtualTime
            ? DTLSTransport.never
            : UInt32(truncatingIfNeeded: Self.firstRetransmission.nanoseconds / 1000)
        DTLS_set_timer_cb(ssl) { ssl, _ in
            DTLSTransport.of(ssl: ssl)?.interval ?? DTLSTransport.never
        }
    }

    // MARK: what the owner calls

    /// The client's first flight. A server waits; a second call does nothing.
    public mutating func start(now: Instant, send: (UnsafeRawBufferPointer) -> Void) {
        guard parameters.role == .client, state == .waiting else { return }
        begin(now)
        advance(now, send)
    }

    /// Takes one datagram (RFC 7983: first byte 20 to 63). Anything may be in it.
    public mutating func receive(
        _ datagram: UnsafeRawBufferPointer, from source: DTLSSource, now: Instant,
        send: (UnsafeRawBufferPointer) -> Void
    ) {
        guard !datagram.isEmpty, ssl != nil, self.source == nil || self.source == source else {
            ignored += 1
            return
        }
        transport.inbound = state == .handshaking ? withoutAlert(datagram, now) : datagram
        transport.source = source
        // The bytes are the caller's again when this returns.
        defer { transport.inbound = nil }
        switch state {
        case .waiting where parameters.role == .server: listen(source, now, send)
        case .handshaking: if transport.inbound?.isEmpty == false { advance(now, send) }
        case .established: readOn(send)
        case .waiting, .failed: ignored += 1
        }
    }

    /// Retransmits what is due. Call when `deadline` has come; earlier calls do nothing.
    public mutating func tick(now: Instant, send: (UnsafeRawBufferPointer) -> Void) {
        guard now >= deadline else { return }
        guard case .handshaking = state else {
            if now >= endsAt { release() }
            return
        }
        guard now < endsAt else { return fail(.timeout, now) }
        if let doubt, now >= doubt.until { return fail(doubt.failure, now) }
        guard now >= resendAt else { return }
        retransmissions += 1
        interval = min(interval * 2, Self.longestRetransmission)
        if !DTLSTransport.hasVirtualTime {
            transport.interval = UInt32(truncatingIfNeeded: interval.nanoseconds / 1000)
        }
        transport.expireTimer()
        ERR_clear_error()
        let result = SSL_ctrl(ssl, Int32(DTLS_CTRL_HANDLE_TIMEOUT), 0, nil)
        transport.drain(send)
        if result < 0 { return fail(.timeout, now) }
        resend(at: now + interval)
    }

    /// Says close_notify to a far end that is still listening, and gives the memory back.
    public mutating func close(send: (UnsafeRawBufferPointer) -> Void) {
        if case .established = state, let ssl, !isClosed {
            ERR_clear_error()
            SSL_shutdown(ssl)
            transport.drain(send)
        }
        release()
    }

    /// The keys (RFC 5764 4.2); nil unless just established: while the association lingers.
    public borrowing func exportKeys() -> DTLSKeys? {
        guard case .established(let suite) = state, let ssl else { return nil }
        let count = 2 * suite.keyAndSaltCount
        let material = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer {
            OPENSSL_cleanse(material.baseAddress, count)
            material.deallocate()
        }
        let label = Self.exporterLabel
        guard
            SSL_export_keying_material(
                ssl, material.bindMemory(to: UInt8.self).baseAddress, count, label,
                label.utf8.count, nil, 0, 0) == 1
        else { return nil }
        return DTLSKeys(
            suite: suite, material: UnsafeRawBufferPointer(material), role: parameters.role)
    }

    // MARK: moves

    /// Without state for a source that has not shown our cookie.
    private mutating func listen(
        _ source: DTLSSource, _ now: Instant, _ send: (UnsafeRawBufferPointer) -> Void
    ) {
        // It wants room for an address that a BIO in memory does not have.
        guard let nobody = BIO_ADDR_new() else { return }
        defer { BIO_ADDR_free(nobody) }
        ERR_clear_error()
        let result = DTLSv1_listen(ssl, nobody)
        ERR_clear_error()
        guard result == 1 else { return transport.drain(send) }
        self.source = source
        prepare()
        begin(now)
        advance(now, send)
    }

    private mutating func begin(_ now: Instant) {
        state = .handshaking
        startedAt = now
        endsAt = now + Self.handshakeLimit
    }

    private mutating func advance(_ now: Instant, _ send: (UnsafeRawBufferPointer) -> Void) {
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        let hasFlight = !transport.ends.isEmpty
        if result == 1 {
            transport.drain(send)
            return establish(now)
        }
        let error = SSL_get_error(ssl, result)
        guard error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE else {
            // What is left to say is the alert (RFC 8122 6.2 demands it).
            transport.drain(send)
            return fail(reason(), now)
        }
        transport.drain(send)
        if hasFlight {
            interval = Self.firstRetransmission
            resend(at: now + interval)
        }
    }

    private mutating func resend(at time: Instant) {
        resendAt = time
        deadline = min(time, doubt?.until ?? .distantFuture, endsAt)
    }

    /// Takes the end that an alert in the clear tells a server from the handshake's records, and notes it.
    private mutating func withoutAlert(
        _ datagram: UnsafeRawBufferPointer, _ now: Instant
    ) -> UnsafeRawBufferPointer {
        guard parameters.role == .server else { return datagram }
        let alert = DTLSAlert(datagram)
        if alert?.start != 0 { doubt = nil }
        if let code = alert?.fatal, doubt == nil {
            doubt = (.alert(code), now + Self.alertPatience)
        }
        resend(at: resendAt)
        guard let alert else { return datagram }
        return UnsafeRawBufferPointer(rebasing: datagram[..<alert.start])
    }

    private mutating func establish(_ now: Instant) {
        guard let profile = SSL_get_selected_srtp_profile(ssl),
            let chosen = SRTPSuite.dtlsProfiles.first(where: { $0.number == profile.pointee.id })
        else { return fail(.noProfile, now) }
        // Belt and braces: libssl calls the check for every full handshake, and there is no other.
        guard transport.presentedCertificate, !transport.isMismatch else {
            return fail(.noCertificate, now)
        }
        state = .established(chosen.suite)
        duration = now - startedAt
        endsAt = now + Self.linger
        deadline = endsAt
        transport.shrink()
    }

    private mutating func readOn(_ send: (UnsafeRawBufferPointer) -> Void) {
        guard let ssl else { return }
        withUnsafeTemporaryAllocation(byteCount: 2048, alignment: 8) { scratch in
            while true {
                ERR_clear_error()
                let count = SSL_read(ssl, scratch.baseAddress, Int32(scratch.count))
                if count > 0 {
                    ignored += 1
                    continue
                }
                let error = SSL_get_error(ssl, count)
                // A close is noted; the keys are the call's, which signalling ends.
                if error != SSL_ERROR_WANT_READ, error != SSL_ERROR_WANT_WRITE { isClosed = true }
                break
            }
        }
        transport.drain(send)
        if isClosed { release() }
    }

    private mutating func fail(_ failure: DTLSFailure, _ now: Instant) {
        state = .failed(failure)
        duration = now - startedAt
        release()
    }

    /// Frees all but the outcome.
    private mutating func release() {
        deadline = .distantFuture
        transport.shrink()
        guard let old = ssl else { return }
        ssl = nil
        SSL_free(old)
    }

    private func reason() -> DTLSFailure {
        if transport.isMismatch { return .fingerprintMismatch }
        let code = Int(ERR_peek_last_error() & 0x7F_FFFF)
        switch code {
        case Int(SSL_R_READ_TIMEOUT_EXPIRED): return .timeout
        case Int(SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE): return .noCertificate
        // SSL_AD_REASON_OFFSET
        case 1000..<1256: return .alert(code - 1000)
        default: return .handshake(code)
        }
    }
}
