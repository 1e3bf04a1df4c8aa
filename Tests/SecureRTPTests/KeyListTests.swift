import SecureRTP
import Testing

/// The receiving end of a crypto line with several keys: a context in use, and a keyring with the rest.
private final class Listener {
    private var inUse: SRTPContext?
    private var ring: SRTPKeyring
    let suite: SRTPSuite

    init(
        _ suite: SRTPSuite, _ keys: [SRTPMasterKey], _ backend: SRTPBackend = .libcrypto
    ) throws {
        self.suite = suite
        ring = SRTPKeyring(backend: backend)
        inUse = try SRTPContext(
            suite: suite, key: keys[0].key, direction: .inbound, backend: backend,
            masterKeyIdentifier: keys[0].identifier)
        try ring.list(Array(keys.dropFirst()), suite)
    }

    func list(_ keys: [SRTPMasterKey]) throws { try ring.list(keys, suite) }
    func take(_ key: SRTPMasterKey) -> Bool {
        ring.take(suite, key: key.key, .inbound) != nil
    }

    func open(
        _ packet: [UInt8], _ kind: SRTPKeyring.PacketKind = .rtp
    ) throws(SRTPError) -> (plain: [UInt8], arrival: SRTPContext.Arrival) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: packet.count, alignment: 8)
        defer { buffer.deallocate() }
        buffer.copyBytes(from: packet)
        let (count, arrival) = try ring.unprotect(buffer, kind, inUse: &inUse)
        return (Array(buffer[0..<count]), arrival)
    }

    func plain(
        _ packet: [UInt8], _ kind: SRTPKeyring.PacketKind = .rtp
    ) throws(SRTPError) -> [UInt8] { try open(packet, kind).plain }
}

@Suite struct KeyListTests {
    private static func keys(_ suite: SRTPSuite, _ count: Int = 3) -> [SRTPMasterKey] {
        (0..<count).map {
            SRTPMasterKey(
                key: key(for: suite, from: UInt8(1 + 20 * $0)), identifier: [0, UInt8($0 + 1)])
        }
    }

    /// As many sessions of the far end as it has keys, so that each counter begins at 0.
    private static func senders(_ suite: SRTPSuite, _ keys: [SRTPMasterKey]) throws -> [Session] {
        try keys.map { try Session(suite, key: $0.key, .outbound, identifier: $0.identifier) }
    }

    /// libsrtp2 as far end, which changes its key in mid-stream, and back: its counter goes on over the
    /// change (RFC 3711 3.3.1).
    @Test(arguments: SRTPSuite.allCases)
    func aFarEndMayChangeToAnyKeyOfTheListAtAnyTime(suite: SRTPSuite) throws {
        let keys = Self.keys(suite)
        let far = try NativeSRTP(suite, keys, outbound: true)
        let listener = try Listener(suite, keys)
        var sequence: UInt16 = 65_000
        for place in [0, 1, 1, 2, 0, 2] as [UInt32] {
            for _ in 0..<300 {
                let plain = rtp(sequence)
                let secured = try far.run(.protect, plain, key: place)
                #expect(try listener.plain(secured) == plain)
                #expect(throws: SRTPError.replayed) { try listener.plain(secured) }
                sequence &+= 1
            }
            let report = try far.run(.protectRTCP, rtcp, key: place)
            #expect(try listener.plain(report, .rtcp) == rtcp)
            #expect(throws: SRTPError.replayed) { try listener.plain(report, .rtcp) }
        }
    }

    /// And the other way about: it finds our one key among its several, whichever of our backends wrote it.
    @Test(arguments: SRTPSuite.allCases, SRTPBackend.allCases)
    func theIdentifierStandsWhereOthersLookForIt(suite: SRTPSuite, backend: SRTPBackend) throws {
        let keys = Self.keys(suite)
        let far = try NativeSRTP(suite, keys, outbound: false)
        for key in keys {
            let sender = try Session(
                suite, key: key.key, .outbound, backend, identifier: key.identifier)
            let sequence = UInt16(key.identifier[1])
            let secured = try sender.run(.protect, rtp(sequence))
            #expect(try far.run(.unprotect, secured) == rtp(sequence))
            var plain = rtcp
            plain[7] = key.identifier[1]
            let report = try sender.run(.protectRTCP, plain)
            // libsrtp 2.5 looks for the identifier of SRTCP before a tag of RTP's length.
            if suite.tagCount == 4 { continue }
            #expect(try far.run(.unprotectRTCP, report) == plain)
        }
    }

    /// Some far ends make a new context for a key, with a counter of its own.
    @Test(arguments: SRTPSuite.allCases, SRTPBackend.allCases)
    func aKeyWhoseCounterBeginsAnewIsHeardToo(suite: SRTPSuite, backend: SRTPBackend) throws {
        let keys = Self.keys(suite)
        let senders = try Self.senders(suite, keys)
        let listener = try Listener(suite, keys, backend)
        for sequence in [60_000, 100, 30_000, 60_000, 200] as [UInt16] {
            _ = try listener.plain(try senders[0].run(.protect, rtp(sequence)))
        }
        for sequence in UInt16(201)..<210 {
            let secured = try senders[1].run(.protect, rtp(sequence))
            #expect(try listener.plain(secured) == rtp(sequence))
        }
        // What was late under the old key is heard as well.
        #expect(try listener.plain(try senders[0].run(.protect, rtp(210))) == rtp(210))
    }

    /// A forged packet that names a key makes its context, and must not fix its counter.
    @Test(arguments: SRTPSuite.allCases)
    func whatIsForgedInAKeysNameDecidesNothing(suite: SRTPSuite) throws {
        let keys = Self.keys(suite)
        let far = try NativeSRTP(suite, keys, outbound: true)
        let stranger = try Session(
            suite, key: key(for: suite, from: 99), .outbound, identifier: keys[1].identifier)
        let listener = try Listener(suite, keys)
        for sequence in [1000, 30_000, 60_000, 20_000, 50_000] as [UInt16] {
            let forged = try stranger.run(.protect, rtp(sequence))
            #expect(throws: SRTPError.authenticationFailed) { try listener.plain(forged) }
            _ = try listener.plain(try far.run(.protect, rtp(sequence)))
        }
        let secured = try far.run(.protect, rtp(50_001), key: 1)
        #expect(try listener.plain(secured) == rtp(50_001))
    }

    /// A key that comes back when the sequence numbers have wrapped under another one: the counter has
    /// gone on, and the key's own window does not know.
    @Test(arguments: SRTPSuite.allCases, [true, false])
    func aKeyThatComesBackBehindAWrapIsHeardAtOnce(suite: SRTPSuite, isFirst: Bool) throws {
        let keys = Self.keys(suite)
        let listener = try Listener(suite, keys)
        let (old, new) = isFirst ? (keys[0], keys[1]) : (keys[1], keys[0])
        func far(_ key: SRTPMasterKey, _ counter: UInt32) throws -> Session {
            try Session(
                suite, key: key.key, .outbound, identifier: key.identifier,
                rolloverCounter: counter)
        }
        let early = try far(old, 0)
        let first = try early.run(.protect, rtp(40_000))
        #expect(try listener.plain(first) == rtp(40_000))
        let between = try far(new, 0)
        for sequence in [40_001, 60_000, 10_000, 40_000, 60_000, 10_000] as [UInt16] {
            let secured = try between.run(.protect, rtp(sequence))
            #expect(try listener.plain(secured) == rtp(sequence))
        }
        // What somebody has kept of the key's first time stays heard.
        #expect(throws: SRTPError.self) { try listener.plain(first) }
        let back = try far(old, 2)
        for sequence in UInt16(10_001)..<10_005 {
            let secured = try back.run(.protect, rtp(sequence))
            let opened = try listener.open(secured)
            #expect(opened.plain == rtp(sequence) && opened.arrival.isNewest)
        }
        #expect(throws: SRTPError.self) { try listener.plain(first) }
    }

    @Test(arguments: SRTPSuite.allCases, SRTPBackend.allCases)
    func anIdentifierOfNoKeyIsRefused(suite: SRTPSuite, backend: SRTPBackend) throws {
        let keys = Self.keys(suite)
        let listener = try Listener(suite, Array(keys.prefix(2)), backend)
        let senders = try Self.senders(suite, keys)
        let secured = try senders[2].run(.protect, rtp(1))
        let report = try senders[2].run(.protectRTCP, rtcp)
        #expect(throws: SRTPError.unknownMasterKey) { try listener.plain(secured) }
        #expect(throws: SRTPError.unknownMasterKey) { try listener.plain(report, .rtcp) }
        // Its own key under another one's name, and cut short anywhere.
        let other = try Session(
            suite, key: keys[1].key, .outbound, identifier: keys[0].identifier)
        #expect(throws: SRTPError.authenticationFailed) {
            try listener.plain(try other.run(.protect, rtp(1)))
        }
        let right = try senders[1].run(.protect, rtp(2, payload: 3))
        for count in right.indices {
            #expect(throws: SRTPError.self) { try listener.plain(Array(right[0..<count])) }
        }
        #expect(try listener.plain(right) == rtp(2, payload: 3))
    }

    /// Somebody keeps back a packet of the key before and sends it when the far end has changed: heard, not
    /// the newest.
    @Test func whatWasHeldBackOverAChangeOfKeyIsNotTheNewest() throws {
        let suite = SRTPSuite.aeadAES128GCM
        let keys = Self.keys(suite)
        let far = try NativeSRTP(suite, keys, outbound: true)
        let listener = try Listener(suite, keys)
        func send(_ sequence: UInt16, _ key: UInt32) throws -> [UInt8] {
            try far.run(.protect, rtp(sequence), key: key)
        }
        var arrival = try listener.open(try send(1, 0)).arrival
        #expect(arrival.isFirst && arrival.isNewest)
        let held = try send(2, 0)
        let heldReport = try far.run(.protectRTCP, rtcp, key: 0)
        // The stream is known, whatever its key.
        arrival = try listener.open(try send(3, 1)).arrival
        #expect(!arrival.isFirst && arrival.isNewest)
        arrival = try listener.open(held).arrival
        #expect(!arrival.isFirst && !arrival.isNewest)
        arrival = try listener.open(try send(4, 1)).arrival
        #expect(arrival.isNewest)
        // Nor do reports under a key that the stream has left.
        arrival = try listener.open(try far.run(.protectRTCP, rtcp, key: 1), .rtcp).arrival
        #expect(arrival.isNewest)
        arrival = try listener.open(heldReport, .rtcp).arrival
        #expect(!arrival.isFirst && !arrival.isNewest)
        arrival = try listener.open(try send(5, 1)).arrival
        #expect(arrival.isNewest)
        // It returns to the first key.
        arrival = try listener.open(try send(6, 0)).arrival
        #expect(!arrival.isFirst && arrival.isNewest)
        arrival = try listener.open(try far.run(.protectRTCP, rtcp, key: 0), .rtcp).arrival
        #expect(arrival.isNewest)
    }

    /// The counter that is offered to a key's newcomers is another source's, and opens nothing of one that
    /// was heard and has made room.
    @Test(arguments: SRTPSuite.allCases)
    func whatARetiredSourceSentIsNotOpenedByAnothersCounter(suite: SRTPSuite) throws {
        let keys = Self.keys(suite)
        let senders = try Self.senders(suite, keys)
        let stranger = try Session(
            suite, key: key(for: suite, from: 99), .outbound, identifier: keys[1].identifier)
        let listener = try Listener(suite, keys)
        var old: [[UInt8]] = []
        // The last two with another counter than that of the first three, and of the other source.
        for sequence in [10_000, 20_000, 50_000, 10_000, 30_000] as [UInt16] {
            old.append(try senders[1].run(.protect, rtp(sequence, ssrc: 1)))
            _ = try listener.plain(old[old.count - 1])
        }
        for ssrc in UInt8(2)..<2 + UInt8(SRTPContext.sourceLimit) {
            _ = try listener.plain(try senders[1].run(.protect, rtp(1, ssrc: ssrc)))
        }
        _ = try listener.plain(try senders[0].run(.protect, rtp(50, ssrc: 200)))
        let forged = try stranger.run(.protect, rtp(51, ssrc: 200))
        #expect(throws: SRTPError.authenticationFailed) { try listener.plain(forged) }
        for packet in old {
            #expect(throws: SRTPError.self) { try listener.plain(packet) }
        }
    }

    /// A later description keeps a key, drops one and brings one; then the dropped one returns.
    @Test(arguments: SRTPBackend.allCases)
    func aKeyThatStaysOnTheListKeepsItsWindow(backend: SRTPBackend) throws {
        let suite = SRTPSuite.aesCM128HMACSHA1_80
        let keys = Self.keys(suite, 4)
        let senders = try Self.senders(suite, keys)
        let listener = try Listener(suite, Array(keys.prefix(3)), backend)
        let packets = try senders.map { try $0.run(.protect, rtp(1)) }
        for packet in packets.prefix(3) { _ = try listener.plain(packet) }
        try listener.list([keys[2], keys[3]])
        #expect(throws: SRTPError.replayed) { try listener.plain(packets[2]) }
        #expect(throws: SRTPError.unknownMasterKey) { try listener.plain(packets[1]) }
        #expect(try listener.plain(packets[3]) == rtp(1))
        try listener.list([keys[1]])
        #expect(throws: SRTPError.replayed) { try listener.plain(packets[1]) }
        #expect(try listener.plain(try senders[1].run(.protect, rtp(2))) == rtp(2))
        // By another name.
        try listener.list([SRTPMasterKey(key: keys[1].key, identifier: [7, 7])])
        let renamed = try Session(suite, key: keys[1].key, .outbound, identifier: [7, 7])
        #expect(throws: SRTPError.replayed) {
            try listener.plain(try renamed.run(.protect, rtp(2)))
        }
        // The key that is taken out of the list is the one that was in it.
        #expect(listener.take(keys[1]))
        #expect(!listener.take(keys[1]))
        #expect(listener.take(keys[3]))
    }

    @Test func keysDoNotPrintThemselves() {
        let key = SRTPMasterKey(key: [0xAB, 0xCD], identifier: [1])
        for text in ["\(key)", String(reflecting: key), "\([key])"] {
            #expect(!text.contains("171") && !text.contains("205"))
        }
    }
}
