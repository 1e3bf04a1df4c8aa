import Base
import CallModel
import Signalling
import Testing

@testable import Orchestrator

@Test func httpBeyondLoopbackNeedsAKey() throws {
    var settings = PlatformConfiguration()
    try settings.validate()
    settings.http = .init(host: "0.0.0.0", port: 8080)
    #expect(throws: PlatformConfiguration.Invalid.self) { try settings.validate() }
    settings.apiKey = Redacted("k")
    try settings.validate()
}

@Test func whatNobodyCanMeanIsRefused() throws {
    let changes: [@Sendable (inout PlatformConfiguration) -> Void] = [
        { $0.rtpAddress = "0.0.0.0" }, { $0.rtpAddress = "::" }, { $0.maximumCalls = -5 },
        { $0.mediaTimeoutSeconds = -1 }, { $0.recordingBitrate = 1 },
        { $0.recordingComplexity = 99 },
    ]
    for change in changes {
        var settings = PlatformConfiguration()
        change(&settings)
        #expect(throws: PlatformConfiguration.Invalid.self) { try settings.validate() }
    }
    var settings = PlatformConfiguration()
    settings.mediaTimeoutSeconds = 0
    try settings.validate()
}

@Test func demonstrationClockIsRefusedUnlessTheTrunkIsThisMachine() throws {
    var settings = PlatformConfiguration()
    settings.compliance.demonstrationClock = WallTime(seconds: 0)
    settings.trunk = .init(endpoint: .init(host: "203.0.113.9", port: 5060))
    #expect(throws: PlatformConfiguration.Invalid.self) { try settings.validate() }
    settings.trunk = .init(endpoint: .init(host: "127.0.0.1", port: 5060))
    try settings.validate()
    // `trunk_2`: calls go there when the first fails.
    settings.signalling.trunks = [
        TrunkConfiguration(host: "127.0.0.1"),
        TrunkConfiguration(name: "trunk_2", host: "sip.example", port: 5060),
    ]
    let error = #expect(throws: PlatformConfiguration.Invalid.self) { try settings.validate() }
    #expect(error?.description.contains("sip.example") == true)
    settings.signalling.trunks[1].host = "::1"
    try settings.validate()
    settings.signalling.trunks[1].host = "sip.example"
    settings.compliance.demonstrationClock = nil
    try settings.validate()
}

@Test func anyTrunkReachesNumbers() {
    var settings = PlatformConfiguration()
    #expect(!settings.hasTrunk)
    settings.signalling.trunks = [TrunkConfiguration(name: "trunk_2", host: "sip.example")]
    #expect(settings.hasTrunk)
    settings.signalling.trunks = []
    settings.trunk = .init(endpoint: .init(host: "127.0.0.1", port: 5060))
    #expect(settings.hasTrunk)
}

@Test func moreWorkersThanTheEngineStartsAreRefused() throws {
    var settings = PlatformConfiguration()
    for count in [0, 1, 64] {
        settings.workers = count
        try settings.validate()
    }
    for count in [-1, 65, 256] {
        settings.workers = count
        let error = #expect(throws: PlatformConfiguration.Invalid.self) { try settings.validate() }
        #expect(error?.description.contains("\(count)") == true)
        #expect(error?.description.contains("64") == true)
    }
}

@Test func targetsThatNameATelephoneNumberAreRecognised() {
    #expect(Platform.number(of: "sip:+12125550101@127.0.0.1:5060")?.e164 == "+12125550101")
    #expect(Platform.number(of: "tel:+12125550101;phone-context=x")?.e164 == "+12125550101")
    #expect(Platform.number(of: "+12125550101")?.e164 == "+12125550101")
    #expect(Platform.number(of: "sip:2125550101@example.com")?.e164 == "+12125550101")
    #expect(Platform.number(of: "sip:echo@127.0.0.1") == nil)
    #expect(Platform.number(of: "sip:1000@127.0.0.1") == nil)
}

@Test func onlyLoopbackTargetsCountAsThisMachine() {
    #expect(Platform.isLoopback(target: "sip:a@127.0.0.1:5060"))
    #expect(Platform.isLoopback(target: "sip:a@[::1]:5060;transport=udp"))
    #expect(Platform.isLoopback(target: "sip:a@localhost"))
    #expect(!Platform.isLoopback(target: "sip:a@198.51.100.1"))
    #expect(!Platform.isLoopback(target: "sip:a@127.0.0.1@198.51.100.1"))
    #expect(!Platform.isLoopback(target: "+12125550101"))
}

@Test func filesOutsideTheAllowedDirectoriesAreRefused() throws {
    let files = MediaFiles(roots: ["/tmp/trunkline-none"])
    for path in [
        "/etc/passwd", "../../etc/passwd", "a/../../../etc/passwd", "/tmp/trunkline-none2/x",
    ] {
        #expect(throws: PlatformError.self) { try files.resolve(path, field: "play") }
    }
    #expect(try files.resolve("a.wav", field: "play") == "/tmp/trunkline-none/a.wav")
    #expect(throws: PlatformError.self) { try files.clip("missing.wav", field: "play") }
}

@Test func slowSubscriberLosesItsOldestEventsAndOthersLoseNone() async throws {
    let bus = EventBus()
    let slow = try #require(bus.subscribe())
    for index in 0..<(EventBus.backlogLimit + 10) {
        bus.publish(
            CallEvent(
                call: CallID("c"), at: WallTime(milliseconds: Int64(index)), kind: .dialing))
    }
    bus.finish()
    var received: [Int64] = []
    for await event in slow { received.append(event.at.milliseconds) }
    #expect(received.count == EventBus.backlogLimit)
    #expect(received.first == 10)
}

@Test func subscribersBeyondTheLimitAreRefused() {
    let bus = EventBus()
    var kept: [AsyncStream<CallEvent>] = []
    for _ in 0..<EventBus.subscriberLimit {
        if let stream = bus.subscribe() { kept.append(stream) }
    }
    #expect(kept.count == EventBus.subscriberLimit)
    #expect(bus.subscribe() == nil)
}

@Test func rfc3339TimesAreReadWithTheirOffset() {
    #expect(WallTime(iso8601: "2026-11-18T15:00:00-05:00")?.iso8601 == "2026-11-18T20:00:00.000Z")
    #expect(WallTime(iso8601: "2026-11-18T20:00:00.250Z")?.milliseconds == 1_795_032_000_250)
    #expect(WallTime(iso8601: "2026-11-18")?.iso8601 == "2026-11-18T00:00:00.000Z")
    #expect(WallTime(iso8601: "yesterday") == nil)
}

@Test func aNameThatStartsLikeALoopbackAddressIsNotThisMachine() {
    #expect(PlatformConfiguration.Endpoint(host: "127.8.9.1", port: 1).isLoopback)
    #expect(!PlatformConfiguration.Endpoint(host: "127.example.com", port: 1).isLoopback)
    #expect(!Platform.isLoopback(target: "sip:+12125550101@127.example.com"))
}

@Test func timesOutsideTheCalendarAreRefusedNotTrapped() {
    for text in [
        "", "+292277026596-12-04T15:30:07Z", "99999999999999999999-01-01", "2026-13-01",
        "2026-02-30", "2026-11-18T25:00:00Z", "2026-11-18T10:00:00", "0x2026-11-1",
    ] {
        #expect(WallTime(iso8601: text) == nil, "\(text)")
    }
}

@Test func targetsThatMayBeNumbersAreReadOrRefused() throws {
    for text in [
        "SIP:+12125550101@example.com", "sips:+12125550101@example.com",
        "sip:%2B12125550101@example.com", "sip:+12125550101:pw@example.com",
        "sip:+12125550101;npdi@example.com", "sip:(212)%20555-0101@example.com", "12125550101",
        "TEL:+12125550101",
    ] {
        #expect(try CallTarget(text).number?.e164 == "+12125550101", "\(text)")
    }
    for text in [
        "", "banana", "911", "sip:", "sip:@example.com", "sip:442071838750@example.com",
        "sip:0012125550101@example.com", "sip:1234567@example.com", "mailto:a@example.com",
        "sip:a@example.com\r\nX: y", "tel:12", "sip:911@example.com", "sip:9-1-1@example.com",
        "sip:+911@example.com", "sip:%39.1.1;phone-context=x@example.com", "sip:911#@example.com",
    ] {
        #expect(throws: PlatformError.self, "\(text)") { try CallTarget(text) }
    }
    #expect(try CallTarget("sip:123456@example.com").number == nil)
    #expect(try CallTarget("sip:example.com").number == nil)
    #expect(try CallTarget("tel:+1-212-555-0101").dial == "+12125550101")
    #expect(try CallTarget("sip:echo@127.0.0.1").dial == "sip:echo@127.0.0.1")
}

@Test func onlyWebSocketURLsAreTakenForABot() throws {
    for url in ["ws://127.0.0.1:1/", "wss://bot.example/path?x=1", "WS://bot.example"] {
        try Platform.check(streamURL: url, field: "stream_url")
    }
    try Platform.check(streamURL: nil, field: "stream_url")
    for url in ["", "http://a/", "ws:/a", "ws://a b/", "ws://a/\r\nX: y"] {
        #expect(throws: PlatformError.self, "\(url)") {
            try Platform.check(streamURL: url, field: "stream_url")
        }
    }
}
