internal import COpenSSL

//   protect    header ─► source ─► index (ROC ‖ sequence) ─► used before? ─► encrypt ─► tag ─► store
//   unprotect  header ─► source ─► estimated index ─► seen? ─► tag right? ─► decrypt ─► store
//
// A packet that fails anywhere leaves no trace but a count of failures (RolloverSearch.swift): state
// is stored last. Session keys belong to the context, not to a source (RFC 3711 3.2.3), so a new SSRC
// costs one entry of a short table (SourceTable.swift).

/// SRTP and SRTCP of one direction on libcrypto: RFC 3711, RFC 6188, RFC 7714.
struct LibcryptoSession: ~Copyable {
    /// What a packet needs besides its cipher, in one cache line that `deinit` zeroes.
    private struct KeyState {
        var mid = HMACMidStates()
        var salt = SessionSalt()
    }

    private static let eBit: UInt32 = 0x8000_0000

    private let suite: SRTPSuite
    let isAEAD: Bool
    private let tagCount: Int
    private let rtcpTagCount: Int
    private(set) var masterKeyIdentifier: [UInt8]
    private let initialRolloverCounter: UInt32
    /// The newest index that came under the key before this one, until the first packet has shown
    /// whether the counter goes on from there or began anew.
    var formerIndex: UInt64?
    private let rtpCipher: PacketCipher
    private let rtcpCipher: PacketCipher
    /// RTP's and RTCP's.
    private let keys: UnsafeMutablePointer<KeyState>
    var sources = SourceTable()
    /// Packets refused in a row whose sources have not been heard yet.
    var newcomerMisses: UInt32 = 0
    /// Tags that were checked for a second counter.
    var searches = 0
    /// What the last packet that was opened says about its source.
    private var arrival = SRTPContext.Arrival()
    /// Packets that the master key may still protect (RFC 3711 9.2).
    private var packetsLeft: UInt64 = 1 << 48
    private var reportsLeft: UInt64 = 1 << 31

    /// - Parameter key: master key ‖ salt; the caller has checked its length.
    init(
        suite: SRTPSuite, key: UnsafeRawBufferPointer, isOutbound: Bool,
        masterKeyIdentifier: [UInt8], rolloverCounter: UInt32, formerIndex: UInt64?
    ) throws(SRTPError) {
        let derivation = try KeyDerivation(suite: suite, key: key)
        let isAEAD = suite.isAEAD
        let rtpCipher = try derivation.with(.rtpEncryption, count: suite.keyCount) {
            bytes throws(SRTPError) in
            try PacketCipher(key: bytes, isAEAD: isAEAD, isEncrypting: isOutbound)
        }
        let rtcpCipher = try derivation.with(.rtcpEncryption, count: suite.keyCount) {
            bytes throws(SRTPError) in
            try PacketCipher(key: bytes, isAEAD: isAEAD, isEncrypting: isOutbound)
        }
        var rtp = KeyState()
        var rtcp = KeyState()
        defer {
            OPENSSL_cleanse(&rtp, MemoryLayout<KeyState>.size)
            OPENSSL_cleanse(&rtcp, MemoryLayout<KeyState>.size)
        }
        rtp.salt = try derivation.with(.rtpSalt, count: suite.saltCount) { SessionSalt($0) }
        rtcp.salt = try derivation.with(.rtcpSalt, count: suite.saltCount) { SessionSalt($0) }
        if !isAEAD {
            rtp.mid = try derivation.with(.rtpAuthentication, count: 20) { HMACMidStates(key: $0) }
            rtcp.mid = try derivation.with(.rtcpAuthentication, count: 20) {
                HMACMidStates(key: $0)
            }
        }
        self.init(
            suite: suite, rtpCipher: rtpCipher, rtcpCipher: rtcpCipher, rtp: rtp, rtcp: rtcp,
            masterKeyIdentifier: masterKeyIdentifier, rolloverCounter: rolloverCounter)
        self.formerIndex = formerIndex
    }

    /// An AEAD session from session keys, the same for RTP and RTCP, as RFC 7714's vectors give it.
    init(
        suite: SRTPSuite, sessionKey: [UInt8], sessionSalt: [UInt8], isOutbound: Bool
    ) throws(SRTPError) {
        guard suite.isAEAD, sessionKey.count == suite.keyCount else {
            throw .badKey(expected: suite.keyCount, have: sessionKey.count)
        }
        func cipher() throws(SRTPError) -> PacketCipher {
            var created: PacketCipher?
            var failure: SRTPError?
            sessionKey.withUnsafeBytes { bytes in
                do throws(SRTPError) {
                    created = try PacketCipher(key: bytes, isAEAD: true, isEncrypting: isOutbound)
                } catch {
                    failure = error
                }
            }
            guard let created else { throw failure ?? .library(0) }
            return created
        }
        var state = KeyState()
        state.salt = sessionSalt.withUnsafeBytes { SessionSalt($0) }
        self.init(
            suite: suite, rtpCipher: try cipher(), rtcpCipher: try cipher(), rtp: state,
            rtcp: state, masterKeyIdentifier: [], rolloverCounter: 0)
    }

    private init(
        suite: SRTPSuite, rtpCipher: consuming PacketCipher, rtcpCipher: consuming PacketCipher,
        rtp: KeyState, rtcp: KeyState, masterKeyIdentifier: [UInt8], rolloverCounter: UInt32
    ) {
        self.rtpCipher = rtpCipher
        self.rtcpCipher = rtcpCipher
        keys = .allocate(capacity: 2)
        keys.initialize(to: rtp)
        (keys + 1).initialize(to: rtcp)
        self.suite = suite
        isAEAD = suite.isAEAD
        tagCount = suite.tagCount
        rtcpTagCount = suite.rtcpTagCount
        self.masterKeyIdentifier = masterKeyIdentifier
        initialRolloverCounter = rolloverCounter
    }

    deinit {
        // SAFETY: two elements were allocated; they hold no references.
        OPENSSL_cleanse(keys, 2 * MemoryLayout<KeyState>.stride)
        keys.deallocate()
    }

    /// Rollover counter and sequence number of a source's newest packet; nil before its first.
    func newestIndex(of ssrc: UInt32) -> UInt64? {
        sources.newestIndex(of: ssrc)
    }

    /// Something was protected, or opened.
    func isUsed() -> Bool { !sources.isEmpty }
    // Functions, because a property cannot be read through an optional of what cannot be copied.
    func untriedFormerIndex() -> UInt64? { formerIndex }
    func lastArrival() -> SRTPContext.Arrival { arrival }
    func searchCount() -> Int { searches }

    /// Another name for the same key: counters and windows go on.
    mutating func setMasterKeyIdentifier(_ identifier: [UInt8]) {
        masterKeyIdentifier = identifier
    }

    /// For tests of the limits, which nobody lives to reach.
    mutating func setPacketsLeft(_ packets: UInt64, reports: UInt64) {
        packetsLeft = packets
        reportsLeft = reports
    }

    // MARK: RTP

    // SAFETY of the four: the caller guarantees `count` readable bytes at `packet`, at least a
    // header (and tag, and identifier), and room behind them for what protection appends.

    mutating func protect(_ packet: UnsafeMutableRawPointer, count: Int) throws(SRTPError) -> Int {
        let header = try Self.headerCount(packet, count: count)
        let ssrc = Self.word(packet, 8)
        let position = sources.place(of: ssrc)
        let window = sources.packets(position, of: ssrc)
        let index = try estimate(Self.sequence(packet), window)
        try Self.check(index, window)
        guard packetsLeft > 0 else { throw .keyExpired }
        let vector = InitialVector(
            salt: keys[0].salt, ssrc: ssrc, index: index, isAEAD: isAEAD)
        var end = count
        if isAEAD {
            try rtpCipher.seal(
                packet + header, count: count - header, vector: vector, associated: packet,
                associatedCount: header, tag: packet + count)
            end += tagCount
            end += append(to: packet + end)
        } else {
            try rtpCipher.run(packet + header, count: count - header, vector: vector)
            // The identifier is not part of what the tag covers (RFC 3711 3.1).
            end += append(to: packet + end)
            tag(
                packet, count: count, suffix: UInt32(truncatingIfNeeded: index >> 16), keys[0].mid,
                into: packet + end, tagCount)
            end += tagCount
        }
        packetsLeft &-= 1
        let place = try sources.commit(position, ssrc)
        sources[place].rtp.store(index)
        return end
    }

    mutating func unprotect(
        _ packet: UnsafeMutableRawPointer, count: Int
    ) throws(SRTPError) -> Int {
        let plainCount = count - tagCount - masterKeyIdentifier.count
        let header = try Self.headerCount(packet, count: plainCount)
        let ssrc = Self.word(packet, 8)
        try checkIdentifier(packet + plainCount + (isAEAD ? tagCount : 0))
        let position = sources.place(of: ssrc)
        let window = sources.packets(position, of: ssrc)
        var index = try estimate(Self.sequence(packet), window)
        do throws(SRTPError) {
            try Self.check(index, window)
            try open(packet, count: count, header: header, ssrc: ssrc, index: index)
        } catch {
            index = try openElsewhere(
                packet, count: count, header: header, ssrc: ssrc, estimate: index, position,
                window, after: error)
        }
        if formerIndex != nil { formerIndex = nil }
        let place = try sources.commit(position, ssrc)
        arrival = window.arrival(index)
        sources[place].rtp.store(index)
        if arrival.isFirst { newcomerMisses = 0 }
        if sources[place].misses != 0 { sources[place].misses = 0 }
        return plainCount
    }

    /// Checks the tag of a packet with `index` and decrypts it.
    @inline(__always)
    func open(
        _ packet: UnsafeMutableRawPointer, count: Int, header: Int, ssrc: UInt32, index: UInt64
    ) throws(SRTPError) {
        let plainCount = count - tagCount - masterKeyIdentifier.count
        let vector = InitialVector(
            salt: keys[0].salt, ssrc: ssrc, index: index, isAEAD: isAEAD)
        if isAEAD {
            try rtpCipher.open(
                packet + header, count: plainCount - header, vector: vector, associated: packet,
                associatedCount: header, tag: packet + plainCount)
        } else {
            guard
                tagMatches(
                    packet, count: plainCount, suffix: UInt32(truncatingIfNeeded: index >> 16),
                    keys[0].mid, packet + count - tagCount, tagCount)
            else { throw .authenticationFailed }
            try rtpCipher.run(packet + header, count: plainCount - header, vector: vector)
        }
    }

    /// The index that a packet with `sequence` of a source most likely has.
    @inline(__always)
    private func estimate(
        _ sequence: UInt16, _ window: ReplayWindow
    ) throws(SRTPError) -> UInt64 {
        guard let index = window.estimate(sequence, rolloverCounter: initialRolloverCounter)
        else { throw .keyExpired }
        return index
    }

    /// Throws for an index that was used or seen.
    @inline(__always)
    private static func check(_ index: UInt64, _ window: ReplayWindow) throws(SRTPError) {
        switch window.check(index) {
        case .fresh: return
        case .replayed: throw .replayed
        case .tooOld: throw .tooOld
        }
    }

    // MARK: RTCP

    mutating func protectRTCP(
        _ packet: UnsafeMutableRawPointer, count: Int
    ) throws(SRTPError) -> Int {
        guard packet.load(as: UInt8.self) >> 6 == 2 else { throw .malformed }
        let ssrc = Self.word(packet, 4)
        let position = sources.place(of: ssrc)
        let window = sources.reports(position, of: ssrc)
        let index = window.isStarted ? UInt32(truncatingIfNeeded: window.highest) + 1 : 1
        guard index < Self.eBit, reportsLeft > 0 else { throw .keyExpired }
        let header = SRTPContext.rtcpHeaderCount
        let vector = InitialVector(
            salt: keys[1].salt, ssrc: ssrc, index: UInt64(index), isAEAD: isAEAD)
        let word = (Self.eBit | index).bigEndian
        var end = count
        if isAEAD {
            // RFC 7714 9.3: ciphertext ‖ tag ‖ E and index ‖ identifier; the index is authenticated.
            let trailer = packet + count + rtcpTagCount
            trailer.storeBytes(of: word, as: UInt32.self)
            try rtcpCipher.seal(
                packet + header, count: count - header, vector: vector, associated: packet,
                associatedCount: header,
                trailer: UnsafeRawBufferPointer(start: trailer, count: 4), tag: packet + count)
            end += rtcpTagCount + 4
            end += append(to: packet + end)
        } else {
            try rtcpCipher.run(packet + header, count: count - header, vector: vector)
            (packet + end).storeBytes(of: word, as: UInt32.self)
            end += 4
            let authenticated = end
            end += append(to: packet + end)
            tag(
                packet, count: authenticated, suffix: nil, keys[1].mid, into: packet + end,
                rtcpTagCount)
            end += rtcpTagCount
        }
        reportsLeft &-= 1
        let place = try sources.commit(position, ssrc)
        sources[place].rtcp.store(UInt64(index))
        return end
    }

    mutating func unprotectRTCP(
        _ packet: UnsafeMutableRawPointer, count: Int
    ) throws(SRTPError) -> Int {
        guard packet.load(as: UInt8.self) >> 6 == 2 else { throw .malformed }
        let plainCount = count - rtcpTagCount - 4 - masterKeyIdentifier.count
        let header = SRTPContext.rtcpHeaderCount
        let indexAt = isAEAD ? plainCount + rtcpTagCount : plainCount
        let word = Self.word(packet, indexAt)
        // Encryption was negotiated; a packet without it is not of this session.
        guard word & Self.eBit != 0 else { throw .malformed }
        let index = UInt64(word & ~Self.eBit)
        let ssrc = Self.word(packet, 4)
        try checkIdentifier(packet + indexAt + 4)
        let position = sources.place(of: ssrc)
        let window = sources.reports(position, of: ssrc)
        try Self.check(index, window)
        let vector = InitialVector(salt: keys[1].salt, ssrc: ssrc, index: index, isAEAD: isAEAD)
        if isAEAD {
            try rtcpCipher.open(
                packet + header, count: plainCount - header, vector: vector, associated: packet,
                associatedCount: header,
                trailer: UnsafeRawBufferPointer(start: packet + indexAt, count: 4),
                tag: packet + plainCount)
        } else {
            guard
                tagMatches(
                    packet, count: plainCount + 4, suffix: nil, keys[1].mid,
                    packet + count - rtcpTagCount, rtcpTagCount)
            else { throw .authenticationFailed }
            try rtcpCipher.run(packet + header, count: plainCount - header, vector: vector)
        }
        let place = try sources.commit(position, ssrc)
        arrival = window.arrival(index)
        sources[place].rtcp.store(index)
        return plainCount
    }

    // MARK: Tag and identifier

    @inline(__always)
    private func append(to end: UnsafeMutableRawPointer) -> Int {
        guard !masterKeyIdentifier.isEmpty else { return 0 }
        masterKeyIdentifier.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { end.copyMemory(from: base, byteCount: bytes.count) }
        }
        return masterKeyIdentifier.count
    }

    /// The identifier is public: no constant time.
    @inline(__always)
    private func checkIdentifier(_ bytes: UnsafeRawPointer) throws(SRTPError) {
        guard !masterKeyIdentifier.isEmpty else { return }
        for (index, byte) in masterKeyIdentifier.enumerated()
        where bytes.load(fromByteOffset: index, as: UInt8.self) != byte {
            throw .unknownMasterKey
        }
    }

    @inline(__always)
    private func tag(
        _ packet: UnsafeRawPointer, count: Int, suffix: UInt32?, _ mid: HMACMidStates,
        into output: UnsafeMutableRawPointer, _ tagCount: Int
    ) {
        withUnsafeTemporaryAllocation(byteCount: 160, alignment: 16) { scratch in
            guard let scratch = scratch.baseAddress else { return }
            mid.digest(packet, count: count, suffix: suffix, scratch: scratch)
            output.copyMemory(from: scratch, byteCount: tagCount)
        }
    }

    @inline(__always)
    private func tagMatches(
        _ packet: UnsafeRawPointer, count: Int, suffix: UInt32?, _ mid: HMACMidStates,
        _ tag: UnsafeRawPointer, _ tagCount: Int
    ) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 160, alignment: 16) { scratch in
            guard let scratch = scratch.baseAddress else { return false }
            mid.digest(packet, count: count, suffix: suffix, scratch: scratch)
            return CRYPTO_memcmp(scratch, tag, tagCount) == 0
        }
    }

    // MARK: Header

    /// Bytes before the payload: fixed header, sources, extension (RFC 3550 5.1, 5.3.1).
    @inline(__always)
    private static func headerCount(
        _ packet: UnsafeRawPointer, count: Int
    ) throws(SRTPError) -> Int {
        let first = packet.load(as: UInt8.self)
        guard first >> 6 == 2 else { throw .malformed }
        var header = SRTPContext.rtpHeaderCount + 4 * Int(first & 15)
        if first & 0x10 != 0 {
            guard header + 4 <= count else { throw .malformed }
            let words = packet.loadUnaligned(fromByteOffset: header + 2, as: UInt16.self)
            header += 4 + 4 * Int(UInt16(bigEndian: words))
        }
        guard header <= count else { throw .malformed }
        return header
    }

    @inline(__always)
    private static func sequence(_ packet: UnsafeRawPointer) -> UInt16 {
        UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    }

    @inline(__always)
    private static func word(_ packet: UnsafeRawPointer, _ at: Int) -> UInt32 {
        UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: at, as: UInt32.self))
    }
}
