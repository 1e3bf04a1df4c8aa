import CallModel
import Media
import Testing

@testable import MediaEngine

/// Links as the engine counts them, without legs.
@Suite struct LinkTableTests {
    /// A worker has refused it: it carries nothing, and is nobody's link.
    @Test func aLinkThatHasEndedIsNotAmongThoseOfItsLegs() throws {
        var table = LinkTable()
        let (a, b) = (LegID(1), LegID(2))
        for leg in [a, b] { table.add(leg, mode: .normal) }
        let first = try table.connect(LinkSpec(from: a, to: b))
        let second = try table.connect(LinkSpec(from: b, to: a))
        #expect(table.links(of: a).map(\.id) == [first.id, second.id])
        first.end(.targetClosed)
        for leg in [a, b] { #expect(table.links(of: leg).map(\.id) == [second.id]) }
        #expect(table.all.map(\.id) == [second.id])
    }
}
