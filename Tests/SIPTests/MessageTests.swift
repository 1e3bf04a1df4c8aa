import Base
import SIP
import Testing

let plainInvite = bytes(
    [
        "INVITE sip:bob@biloxi.com SIP/2.0",
        "Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds",
        "Max-Forwards: 70", "t: Bob <sip:bob@biloxi.com>",
        "f: Alice <sip:alice@atlanta.com>;tag=1928301774", "i: a84b4c76e66710",
        "CSeq: 314159 INVITE", "m: <sip:alice@pc33.atlanta.com>",
        "Subject: folded", "  over", "\ttwo lines",
        "Content-Type: application/sdp", "l: 5",
    ], body: "v=0\r\nextra")

@Test func invitePartsAreRead() throws {
    let message = try SIPMessage(parsing: plainInvite)
    #expect(message.defect == nil)
    #expect(message.method == .invite)
    #expect(message.requestURI == "sip:bob@biloxi.com")
    #expect(message.headers[.callID] == "a84b4c76e66710")
    #expect(message.headers[HeaderName("Subject")] == "folded over two lines")
    #expect(text(message.body) == "v=0\r\n")
    #expect(message.sdp == message.body)
    #expect(message.contactURI?.host == "pc33.atlanta.com")
    let essentials = try MessageEssentials(message)
    #expect(essentials.from.tag == "1928301774")
    #expect(essentials.to.tag == nil)
    #expect(essentials.cseq == CSeq(number: 314_159, method: .invite))
}

@Test func bareLineFeedsAndLeadingEmptyLinesAreForgiven() throws {
    let lf = "\r\n\r\n" + text(plainInvite).replacing("\r\n", with: "\n")
    let message = try SIPMessage(parsing: Array(lf.utf8))
    #expect(message.defect == nil)
    #expect(message.headers[.callID] == "a84b4c76e66710")
}

@Test func responseIsReadWithAndWithoutReason() throws {
    let ok = try SIPMessage(parsing: bytes(["SIP/2.0 200 = 2**3 * 5**2", "l: 0"]))
    #expect(ok.status == 200)
    #expect(ok.start == .response(status: 200, reason: "= 2**3 * 5**2"))
    #expect(try SIPMessage(parsing: bytes(["SIP/2.0 100 "])).status == 100)
    #expect(try SIPMessage(parsing: bytes(["SIP/2.0 100"])).status == 100)
}

@Test func whatIsNoSIPThrows() {
    #expect(throws: SIPError.notSIP) { try SIPMessage(parsing: []) }
    #expect(throws: SIPError.notSIP) { try SIPMessage(parsing: Array("\r\n\r\n".utf8)) }
    #expect(throws: SIPError.notSIP) { try SIPMessage(parsing: bytes(["GET / HTTP/1.1"])) }
    #expect(throws: SIPError.notSIP) { try SIPMessage(parsing: [0, 1, 2, 255]) }
    #expect(throws: SIPError.badVersion) { try SIPMessage(parsing: bytes(["SIP/3.0 200 OK"])) }
    for line in [
        "SIP/2.0 4294967301 x", "SIP/2.0 99 x", "SIP/2.0 700 x", "SIP/2.0 2x0 x", "SIP/2.0 ",
    ] {
        #expect(throws: SIPError.badStatusCode) { try SIPMessage(parsing: bytes([line])) }
    }
}

@Test(arguments: [
    (["INVITE sip:a@b SIP/7.0"], SIPError.badVersion),
    (["INVITE  sip:a@b SIP/2.0"], .badStartLine),
    (["INVITE sip:a@b; lr SIP/2.0"], .badStartLine),
    (["INVITE sip:a@b SIP/2.0", "no colon here"], .badHeaderLine(line: 2)),
    (["INVITE sip:a@b SIP/2.0", "Via: x", "Content Length: 5"], .badHeaderLine(line: 3)),
    (["INVITE sip:a@b SIP/2.0", "X: a\rEvil: b"], .badHeaderLine(line: 2)),
    (["INVITE sip:a@b SIP/2.0", "Content-Length: -999"], .badContentLength),
    (["INVITE sip:a@b SIP/2.0", "l: 0", "Content-Length: 3"], .badContentLength),
    (["INVITE sip:a@b SIP/2.0", "l: 9999"], .bodyTruncated(needed: 9999, have: 0)),
    (["INVITE sip:a@b SIP/2.0", "l: 99999999999999999999"], .badContentLength),
])
func faultIsKeptAsDefect(_ lines: [String], _ defect: SIPError) throws {
    #expect(try SIPMessage(parsing: bytes(lines)).defect == defect)
}

@Test func missingBlankLineIsADefect() throws {
    let message = try SIPMessage(parsing: Array("OPTIONS sip:a@b SIP/2.0\r\nl: 0\r\n".utf8))
    #expect(message.defect == .missingBlankLine)
}

@Test func limitsAreKept() {
    let many = Array(repeating: "X: y", count: SIPLimits.headerCount + 1)
    #expect(throws: SIPError.tooManyHeaders(limit: 256)) {
        try SIPMessage(parsing: bytes(["OPTIONS sip:a@b SIP/2.0"] + many))
    }
    let long = "X: " + String(repeating: "y", count: SIPLimits.headerBytes)
    #expect(throws: SIPError.headerTooLong(limit: 8192)) {
        try SIPMessage(parsing: bytes(["OPTIONS sip:a@b SIP/2.0", long]))
    }
    let folds = ["X: y"] + Array(repeating: " " + String(repeating: "z", count: 1000), count: 9)
    #expect(throws: SIPError.headerTooLong(limit: 8192)) {
        try SIPMessage(parsing: bytes(["OPTIONS sip:a@b SIP/2.0"] + folds))
    }
    #expect(throws: SIPError.tooLarge(bytes: 65_536, limit: 65_535)) {
        try SIPMessage(parsing: [UInt8](repeating: 65, count: 65_536))
    }
}

@Test func essentialsAreDemandedOnceEach() throws {
    let base = try SIPMessage(parsing: plainInvite)
    for name in [HeaderName.from, .to, .callID, .cseq, .via] {
        var without = base
        without.headers.removeAll(name)
        #expect(throws: SIPError.missing(name)) { try MessageEssentials(without) }
    }
    for name in [HeaderName.from, .to, .callID, .cseq] {
        var twice = base
        twice.headers.append(name, base.headers[name] ?? "")
        #expect(throws: SIPError.repeated(name)) { try MessageEssentials(twice) }
    }
    var other = base
    other.headers.set(.cseq, "1 BYE")
    #expect(throws: SIPError.methodMismatch) { try MessageEssentials(other) }
    var hops = base
    for _ in 0..<SIPLimits.viaCount { hops.headers.append(.via, "SIP/2.0/UDP h") }
    #expect(throws: SIPError.malformed(.via)) { try MessageEssentials(hops) }
}

@Test func messageGoesOutWithLongNamesAndTrueLength() throws {
    var message = SIPMessage(.request(method: .info, uri: "sip:a@b"))
    message.headers.append(HeaderName("i"), "1")
    message.headers.append(.contentLength, "77")
    message.headers.append(HeaderName("X-Note"), "one\r\nEvil: two")
    message.body = [1, 2, 3]
    #expect(
        text(message.serialised)
            == "INFO sip:a@b SIP/2.0\r\nCall-ID: 1\r\nX-Note: one  Evil: two\r\nContent-Length: 3\r\n\r\n\u{1}\u{2}\u{3}"
    )
}

@Test func whatWasReadIsReadAgainAlike() throws {
    let first = try SIPMessage(parsing: plainInvite)
    var second = try SIPMessage(parsing: first.serialised)
    // Content-Length moves to the end.
    var expected = first
    expected.headers.removeAll(.contentLength)
    second.headers.removeAll(.contentLength)
    #expect(second == expected)
}

@Test func responseCopiesWhatItMust() throws {
    var request = try SIPMessage(parsing: plainInvite)
    request.headers.append(.timestamp, "54")
    let trying = request.makeResponse(100, toTag: "x")
    #expect(trying.headers.lines.map(\.name) == [.via, .to, .from, .callID, .cseq, .timestamp])
    #expect(trying.headers[.to] == "Bob <sip:bob@biloxi.com>")
    let busy = request.makeResponse(486, toTag: "x")
    #expect(busy.headers[.to] == "Bob <sip:bob@biloxi.com>;tag=x")
    #expect(busy.headers[.timestamp] == nil)
    #expect(busy.start == .response(status: 486, reason: "Busy Here"))
}

// MARK: nothing traps

/// Everything a server does with a datagram, up to the answer.
func exercise(_ bytes: [UInt8]) {
    var bench = Bench()
    bench.inject(bytes)
    guard let message = try? SIPMessage(parsing: bytes) else { return }
    _ = try? MessageEssentials(message)
    for line in message.headers.lines {
        _ = try? NameAddress(line.value, of: line.name)
        _ = try? Via(line.value)
        _ = try? SIPURI(line.value)
        _ = DigestChallenge.parse(line.value)
    }
    _ = message.contactURI
    if let again = try? SIPMessage(parsing: message.serialised) { _ = again.serialised }
}

private let seeds: [[UInt8]] = [
    plainInvite, fixture("sip/torture/rfc4475/wsinv.dat"),
    fixture("sip/torture/rfc4475/intmeth.dat"), fixture("sip/torture/rfc4475/regaut01.dat"),
    bytes([
        "SIP/2.0 401 Unauthorized", "v: SIP/2.0/UDP h;branch=z9hG4bK1", "CSeq: 1 INVITE",
        "WWW-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth,auth-int\", stale=TRUE",
    ]),
]

@Test(arguments: seeds.indices)
func truncationAtEveryByteNeverTraps(_ index: Int) {
    let whole = seeds[index]
    #expect(!whole.isEmpty)
    for count in 0...whole.count { exercise(Array(whole.prefix(count))) }
}

@Test(arguments: seeds.indices)
func mutationNeverTraps(_ index: Int) {
    var random = SeededGenerator(seed: 4475 + UInt64(index))
    let interesting = Array("\r\n\t :;,<>\"\\@?=%[]/0\u{0}".utf8)
    for _ in 0..<400 {
        var mutant = seeds[index]
        for _ in 0..<Int.random(in: 1...8, using: &random) where !mutant.isEmpty {
            let at = Int.random(in: 0..<mutant.count, using: &random)
            switch random.next() % 5 {
            case 0: mutant[at] = UInt8(truncatingIfNeeded: random.next())
            case 1: mutant.remove(at: at)
            case 2: mutant.insert(interesting[Int(random.next() % 18)], at: at)
            case 3:
                let end = min(mutant.count, at + Int.random(in: 0...40, using: &random))
                mutant.insert(contentsOf: mutant[at..<end], at: at)
            default: mutant.removeSubrange(at..<min(mutant.count, at + 7))
            }
        }
        exercise(mutant)
    }
}
