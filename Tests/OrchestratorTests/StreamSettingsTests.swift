import Streaming
import Testing

@testable import Orchestrator

@Suite struct StreamSettingsTests {
    @Test func framesThatNoStreamCouldHaveAreRefusedBeforeTheStart() throws {
        var settings = PlatformConfiguration()
        settings.streams = StreamDefaults(
            mode: .multiplexed, frameMilliseconds: 100, encoding: .linear16, sampleRate: 16_000,
            connections: 4)
        try settings.validate()
        settings.streams.frameMilliseconds = 30
        #expect(
            throws: PlatformConfiguration.Invalid(
                "stream.frame_milliseconds must be one of 20, 40, 60, 80, 100")
        ) { try settings.validate() }
        settings.streams.frameMilliseconds = 20
        settings.streams.encoding = .muLaw
        #expect(
            throws: PlatformConfiguration.Invalid(
                "stream.sample_rate 16000 needs stream.encoding linear16")
        ) { try settings.validate() }
        settings.streams = StreamDefaults()
        for milliseconds in [0, 21] {
            settings.streams.gatherMilliseconds = milliseconds
            #expect(
                throws: PlatformConfiguration.Invalid(
                    "stream.gather_milliseconds must be from 1 to 20")
            ) { try settings.validate() }
        }
        settings.streams.gatherMilliseconds = 20
        try settings.validate()
        settings.transcriptURL = "http://stt/"
        #expect(throws: PlatformConfiguration.Invalid.self) { try settings.validate() }
    }

    @Test(arguments: [
        "ws://bot/", "WSS://bot/", "mux+ws://bot:8766/", "mux+wss://bot/#frame=100",
        "call+ws://bot/", "call+wss://bot/",
    ])
    func eachKindOfStreamMayBeAskedFor(url: String) throws {
        try Platform.check(streamURL: url, field: "stream_url")
    }

    @Test(arguments: ["http://bot/", "mux+http://bot/", "mux://bot/", "bot", "ws:/bot", ""])
    func otherURLsAreRefused(url: String) {
        #expect(throws: PlatformError.self) {
            try Platform.check(streamURL: url, field: "stream_url")
        }
    }
}
