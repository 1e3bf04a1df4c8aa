import Base
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
        #expect(broken(bytes, pace: pace) == [], "\(file)")
    }
}

/// The same promises under scripts of chance, which have gaps of every length.
@Test(arguments: [1, 4])
func scriptsOfChanceKeepTheTapsPromises(pace: Int) {
    var generator = SeededGenerator(seed: 20)
    for number in 0..<300 {
        let script = (0..<400).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
        #expect(broken(script, pace: pace) == [], "\(number)")
    }
}

private func broken(_ script: [UInt8], pace: Int) -> [String] {
    var story = TapStory(script: script)
    while !story.isOver { story.step(pace: pace) }
    story.finish()
    return Array(story.broken.prefix(3))
}
