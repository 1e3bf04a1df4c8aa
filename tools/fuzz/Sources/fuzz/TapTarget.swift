import Base
import RTP

extension FuzzTarget {
    /// The analysis tap under any order of packets, ticks and resets.
    static let tap = FuzzTarget(name: "tap", maximumInput: 1024) { bytes in
        var story = TapStory(script: Array(bytes))
        while !story.isOver {
            story.step(pace: 1)
            expect(story.broken.isEmpty, story.broken.first ?? "")
        }
        story.finish()
        expect(story.broken.isEmpty, story.broken.first ?? "")
    }
}
