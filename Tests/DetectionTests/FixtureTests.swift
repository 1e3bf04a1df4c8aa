import Audio
import Detection
import Foundation
import Testing

@Test(arguments: [
    ("beep-mulaw.wav", 500), ("beep-alaw-extensible.wav", 500), ("beep-stereo-16k.wav", 250),
])
func fixtureBeepsAreFoundWhereTheirManifestSays(name: String, start: Int) throws {
    let url = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Fixtures/audio/" + name)
    let file = try WAVFile(parsing: [UInt8](Data(contentsOf: url)))
    let beeps = try FileDetection.run(
        samples: file.channel(0), sampleRate: file.sampleRate
    ).events.beeps
    try #require(beeps.count == 1)
    #expect(abs(beeps[0].start - start) <= 30)
    #expect(abs(beeps[0].end - start - 400) <= 30)
    #expect(abs(beeps[0].hertz - 1000) < 2)
    #expect(abs(beeps[0].level + 9.1) < 0.3)
}
