import Foundation
import Testing

/// Inputs that the fuzzer of the tap once ended on, played as `tools/fuzz` plays them.
@Test(arguments: [1, 2, 4])
func fuzzersFindingsKeepTheTapsPromises(pace: Int) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    let folder = root.appending(path: "Fixtures/crashers/tap")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(files.contains("crash-619b96d185396b29eee253d6cc9e86f1188e9e48"))
    for file in files.sorted() {
        let bytes = [UInt8](try Data(contentsOf: folder.appending(path: file)))
        var story = TapStory(script: bytes)
        while !story.isOver { story.step(pace: pace) }
        story.finish()
        #expect(story.broken.prefix(3) == [], "\(file)")
    }
}
