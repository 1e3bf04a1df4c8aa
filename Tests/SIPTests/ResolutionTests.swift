import Base
import Testing

@testable import SIP

// MARK: DNS messages

/// An answer written by hand: header, the question, then what the test gives.
private func message(
    id: Int = 0x1234, flags: Int = 0x8180, answers: Int, _ name: [UInt8], _ type: UInt8,
    _ rest: [UInt8]
) -> [UInt8] {
    [
        UInt8(id >> 8), UInt8(id & 255), UInt8(flags >> 8), UInt8(flags & 255), 0, 1, 0,
        UInt8(answers),
    ]
        + [0, 0, 0, 0] + name + [0, type, 0, 1] + rest
}

private let name: [UInt8] = [3] + Array("sip".utf8) + [7] + Array("Example".utf8) + [0]
private let question = DNSQuestion("sip.example", .srv)

@Test func queryIsWrittenAsRFC1035Says() {
    #expect(
        DNSQuestion("_sip._udp.Example.com.", .srv)?.serialised(id: 0x0102)
            == [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4] + Array("_sip".utf8) + [4]
            + Array("_udp".utf8) + [7] + Array("example".utf8) + [3] + Array("com".utf8)
            + [0, 0, 33, 0, 1])
    for bad in ["", ".", ".1", "a..b", String(repeating: "x", count: 64), "a b"] {
        #expect(DNSQuestion(bad, .a) == nil, "\(bad)")
    }
}

private let service: [UInt8] =
    [0xC0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 14] + [0, 10, 0, 60, 0x13, 0xC4]
    + [5] + Array("big-x".utf8) + [0xC0, 16]

@Test func serviceRecordIsRead() throws {
    let question = try #require(question)
    let answer = try DNSAnswer(
        parsing: message(answers: 1, name, 33, service), to: question, id: 0x1234)
    #expect(
        answer.records == [
            DNSRecord(
                name: "sip.example",
                content: .service(
                    DNSService(priority: 10, weight: 60, port: 5_060, target: "big-x.example")),
                timeToLive: 60)
        ])
}

@Test func aliasIsFollowed() throws {
    let question = try #require(DNSQuestion("sip.example", .a))
    let alias: [UInt8] = [0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, UInt8(ascii: "b"), 0xC0, 16]
    let address: [UInt8] = [
        1, UInt8(ascii: "b"), 0xC0, 16, 0, 1, 0, 1, 0, 0, 0, 7, 0, 4, 192, 0, 2, 1,
    ]
    let other: [UInt8] = [
        1, UInt8(ascii: "x"), 0xC0, 16, 0, 1, 0, 1, 0, 0, 0, 7, 0, 4, 192, 0, 2, 9,
    ]
    let answer = try DNSAnswer(
        parsing: message(answers: 3, name, 1, other + alias + address), to: question, id: 0x1234)
    #expect(answer.records.map(\.content) == [.address("192.0.2.1")])
}

@Test func pointerRecordIsRead() throws {
    let question = try #require(DNSQuestion("sip.example", .naptr))
    let data: [UInt8] =
        [0, 50, 0, 51, 1, UInt8(ascii: "s"), 7] + Array("SIP+D2T".utf8) + [0, 4]
        + Array("_sip".utf8) + [0xC0, 12]
    let record: [UInt8] = [0xC0, 12, 0, 35, 0, 1, 0, 0, 1, 0, 0, UInt8(data.count)] + data
    let answer = try DNSAnswer(
        parsing: message(answers: 1, name, 35, record), to: question, id: 0x1234)
    #expect(
        answer.records.map(\.content) == [
            .pointer(
                DNSPointer(
                    order: 50, preference: 51, flags: "s", service: "SIP+D2T",
                    replacement: "_sip.sip.example"))
        ])
}

@Test func strangeAnswersAreRefused() throws {
    let question = try #require(question)
    func error(_ bytes: [UInt8]) -> DNSError? {
        do throws(DNSError) {
            _ = try DNSAnswer(parsing: bytes, to: question, id: 0x1234)
            return nil
        } catch { return error }
    }
    #expect(error(message(id: 1, answers: 0, name, 33, [])) == .notAnswer)
    #expect(error(message(flags: 0x0180, answers: 0, name, 33, [])) == .notAnswer)
    #expect(error(message(answers: 0, name, 1, [])) == .notAnswer)
    #expect(error(message(answers: 0, [1, 65, 0], 33, [])) == .notAnswer)
    #expect(error(message(flags: 0x8183, answers: 0, name, 33, [])) == .refused(code: 3))
    #expect(error(message(answers: 2, name, 33, service)) == .truncated)
    // A name that points at itself, forwards, or into the header.
    for target in [29, 40, 11] {
        let loop: [UInt8] = [0xC0, UInt8(target), 0, 33, 0, 1, 0, 0, 0, 1, 0, 0]
        #expect(error(message(answers: 1, name, 33, loop)) == .badPointer, "\(target)")
    }
    // Data that is longer than the record.
    var long = service
    long[11] = 15
    #expect(error(message(answers: 1, name, 33, long + [0])) == .badRecord)
    let whole = message(answers: 1, name, 33, service)
    for count in 0..<whole.count { #expect(error(Array(whole.prefix(count))) != nil) }
}

@Test func noBytesMakeTheParserTrap() throws {
    let question = try #require(question)
    var random = SeededGenerator(seed: 11)
    let whole = message(answers: 3, name, 33, service + service + service)
    var read = 0
    for _ in 0..<20_000 {
        var bytes = whole
        for _ in 0..<(1 + random.next() % 4) {
            bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(
                truncatingIfNeeded: random.next())
        }
        if (try? DNSAnswer(parsing: bytes, to: question, id: 0x1234)) != nil { read += 1 }
    }
    #expect(read > 100)
}

// MARK: the order of RFC 2782

@Test func prioritiesComeBeforeWeightsAndWeightsAreKept() {
    let services = [
        DNSService(priority: 20, weight: 0, port: 1, target: "backup"),
        DNSService(priority: 10, weight: 60, port: 1, target: "big"),
        DNSService(priority: 10, weight: 20, port: 1, target: "one"),
        DNSService(priority: 10, weight: 20, port: 1, target: "two"),
        DNSService(priority: 5, weight: 9, port: 1, target: ""),
    ]
    var random = SeededGenerator(seed: 5)
    var firsts: [String: Int] = [:]
    for _ in 0..<10_000 {
        let order = ServiceSelector.order(services, entropy: &random).map(\.target)
        #expect(order.count == 4)
        #expect(order.last == "backup")
        firsts[order[0], default: 0] += 1
    }
    #expect((5_700...6_300).contains(firsts["big", default: 0]))
    #expect((1_750...2_250).contains(firsts["one", default: 0]))
    #expect((1_750...2_250).contains(firsts["two", default: 0]))
}

// MARK: RFC 3263

/// Answers from a table and writes down what was asked.
private func resolve(
    _ uri: String, zone: [String: [DNSRecord.Content]],
    transports: [SIPTransport] = [.udp, .tcp, .tls], ipv6: Bool = false
) throws -> (asked: [String], addresses: [SIPAddress]) {
    var resolution = Resolution(
        try SIPURI(uri), transports: transports, wantsIPv6: ipv6,
        entropy: SeededGenerator(seed: 1))
    var asked: [String] = []
    var step = resolution.start()
    while case .ask(let question) = step {
        let key = "\(question.name) \(question.type)"
        asked.append(key)
        try #require(asked.count < 100)
        step = resolution.receive(
            (zone[key] ?? []).map { DNSRecord(name: question.name, content: $0, timeToLive: 1) })
    }
    guard case .done(let addresses) = step else { return (asked, []) }
    return (asked, addresses)
}

private let zone: [String: [DNSRecord.Content]] = [
    "example.com naptr": [
        .pointer(
            DNSPointer(
                order: 90, preference: 50, flags: "s", service: "SIP+D2T",
                replacement: "_sip._tcp.example.com")),
        .pointer(
            DNSPointer(
                order: 50, preference: 50, flags: "S", service: "SIPS+D2T",
                replacement: "_sips._tcp.example.com")),
        .pointer(
            DNSPointer(
                order: 10, preference: 1, flags: "u", service: "E2U+sip", replacement: "")),
    ],
    "_sips._tcp.example.com srv": [
        .service(DNSService(priority: 1, weight: 1, port: 5_061, target: "s1.example.com"))
    ],
    "_sip._tcp.example.com srv": [
        .service(DNSService(priority: 2, weight: 1, port: 5_070, target: "s2.example.com")),
        .service(DNSService(priority: 1, weight: 1, port: 5_060, target: "s1.example.com")),
    ],
    "s1.example.com a": [.address("192.0.2.1"), .address("192.0.2.11")],
    "s2.example.com a": [.address("192.0.2.2")],
    "plain.example a": [.address("192.0.2.30")],
    "plain.example aaaa": [.address("2001:db8::30")],
]

@Test func pointersServicesAndAddressesAreFollowedInTheirOrder() throws {
    let (asked, addresses) = try resolve("sip:bob@Example.com", zone: zone)
    #expect(
        asked == [
            "example.com naptr", "_sips._tcp.example.com srv", "_sip._tcp.example.com srv",
            "s1.example.com a", "s1.example.com a", "s2.example.com a",
        ])
    #expect(
        addresses == [
            SIPAddress(host: "192.0.2.1", port: 5_061, transport: .tls, name: "example.com"),
            SIPAddress(host: "192.0.2.11", port: 5_061, transport: .tls, name: "example.com"),
            SIPAddress(host: "192.0.2.1", port: 5_060, transport: .tcp),
            SIPAddress(host: "192.0.2.11", port: 5_060, transport: .tcp),
            SIPAddress(host: "192.0.2.2", port: 5_070, transport: .tcp),
        ])
    // sips: takes nothing that is not secure (4.1).
    #expect(
        try resolve("sips:bob@example.com", zone: zone).addresses.allSatisfy {
            $0.transport == .tls
        })
}

@Test func nameWithoutServiceRecordsIsAskedForItsAddress() throws {
    let (asked, addresses) = try resolve("sip:bob@plain.example", zone: zone)
    #expect(
        asked == [
            "plain.example naptr", "_sip._udp.plain.example srv", "_sip._tcp.plain.example srv",
            "_sips._tcp.plain.example srv", "plain.example a",
        ])
    #expect(addresses == [SIPAddress(host: "192.0.2.30", port: 5_060)])
    let six = try resolve("sip:bob@plain.example", zone: zone, ipv6: true)
    #expect(six.addresses == [SIPAddress(host: "2001:db8::30", port: 5_060)])
}

@Test(arguments: [
    ("sip:bob@plain.example:5080", ["plain.example a"], SIPTransport.udp, 5_080),
    ("sip:bob@plain.example:5080;transport=tcp", ["plain.example a"], .tcp, 5_080),
    (
        "sip:bob@plain.example;transport=tcp",
        ["_sip._tcp.plain.example srv", "plain.example a"], .tcp, 5_060
    ),
    ("sip:bob@192.0.2.30;transport=tls", [], .tls, 5_061),
])
func whatTheURISaysIsNotLookedUp(
    uri: String, expected: [String], transport: SIPTransport, port: Int
) throws {
    let (asked, addresses) = try resolve(uri, zone: zone)
    #expect(asked == expected)
    #expect(addresses.map(\.host) == ["192.0.2.30"])
    #expect(addresses.map(\.transport) == [transport])
    #expect(addresses.map(\.port) == [port])
}

@Test func machineOfOurOwnIsNotLookedUpAsAService() throws {
    #expect(try resolve("sip:bob@localhost", zone: [:]).asked == ["localhost a"])
}

@Test func addressesToNowhereAreLeftOut() throws {
    let zone: [String: [DNSRecord.Content]] = [
        "bad.example a": [
            .address("0.0.0.0"), .address("224.0.0.1"), .address("192.0.2.5"),
            .address("192.0.2.5"),
        ]
    ]
    #expect(
        try resolve("sip:bad.example:5060", zone: zone).addresses.map(\.host) == ["192.0.2.5"])
}

@Test func hugeAnswersGiveBoundedWork() throws {
    var zone: [String: [DNSRecord.Content]] = [:]
    zone["_sip._udp.big.example srv"] = (0..<200).map {
        .service(DNSService(priority: $0, weight: 0, port: 5_060, target: "h\($0).big.example"))
    }
    for index in 0..<200 {
        zone["h\(index).big.example a"] = (0..<200).map { .address("192.0.2.\($0)") }
    }
    let (asked, addresses) = try resolve("sip:x@big.example;transport=udp", zone: zone)
    #expect(addresses.count == Resolution.addressLimit)
    #expect(asked.count <= 1 + Resolution.serviceLimit)
}

/// RFC 2782: the lowest priority first, wherever it stands in the answer.
@Test func theBestServiceMayBeTheLastOfALongAnswer() throws {
    var zone: [String: [DNSRecord.Content]] = [:]
    zone["_sip._udp.long.example srv"] = (0..<40).map {
        .service(
            DNSService(priority: 39 - $0, weight: 0, port: 5_060, target: "h\($0).long.example"))
    }
    for index in 0..<40 {
        zone["h\(index).long.example a"] = [.address("192.0.2.\(index + 1)")]
    }
    let found = try resolve("sip:x@long.example;transport=udp", zone: zone).addresses
    #expect(found.first?.host == "192.0.2.40")
}
