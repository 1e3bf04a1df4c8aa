import Audio
import Foundation
import Testing

private func fixture(_ name: String) throws -> WAVFile {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../Fixtures/audio/")
    return try WAVFile(parsing: [UInt8](Data(contentsOf: folder.appending(path: name))))
}

@Test(arguments: ["beep-mulaw.wav", "beep-alaw-extensible.wav"])
func compandedFilesHoldTheToneOfTheirManifest(name: String) throws {
    let file = try fixture(name)
    #expect(file.sampleRate == 8000 && file.channels == 1)
    #expect(file.durationMilliseconds == 1400)
    // Peak 8000: 20 log₁₀(8000 / 32768) + 3.14 dBm0.
    #expect(abs(Level.dBm0(Array(file.samples[4000..<7200])) + 9.11) < 0.2)
    #expect(Level.dBm0(Array(file.samples[0..<4000])) < -65)
    // An independent encoder chose the bytes: encoding again must give them back.
    let bytes = file.samples.map { name.contains("mulaw") ? G711.muLaw($0) : G711.aLaw($0) }
    let again = bytes.map {
        name.contains("mulaw") ? G711.sample(muLaw: $0) : G711.sample(aLaw: $0)
    }
    #expect(again == file.samples)
}

@Test func stereoWideFileGivesItsLeftChannelAtTheTelephoneRate() throws {
    let file = try fixture("beep-stereo-16k.wav")
    #expect(file.sampleRate == 16_000 && file.channels == 2)
    #expect(file.durationMilliseconds == 900)
    let left = try file.channel(0, at: 8000)
    #expect(left.count == 7200)
    #expect(abs(Level.dBm0(Array(left[2200..<5000])) + 9.11) < 0.1)
    let right = file.channel(1)
    #expect(abs(Level.dBm0(Array(right[4400..<10_000])) + 15.13) < 0.1)
}

@Test(arguments: ["tone-unpatched-header.wav", "tone-lying-size.wav"])
func filesOfKilledRecordersAreReadToTheirEnd(name: String) throws {
    let file = try fixture(name)
    #expect(file.frameCount == 800)
    #expect(file.samples.max() == 8000)
}
