import Audio
import Base
import CallModel
import Foundation
import Media
import Telemetry
import Testing

@testable import MediaEngine

/// Links between legs of a running engine, on real sockets.
@Suite(.serialized) struct EngineLinkTests {
    private func makeEngine(
        ports: ClosedRange<Int>, _ log: EventLog, _ metrics: MetricsRegistry = MetricsRegistry(),
        workers: Int = 2
    ) throws -> MediaEngine {
        var settings = configuration(ports: ports)
        settings.workers = workers
        return try MediaEngine(settings, metrics: metrics) { log.add($0) }
    }

    @Test func aBridgeCarriesAudioBetweenTwoWorkers() throws {
        let log = try EventLog()
        let metrics = MetricsRegistry()
        let engine = try makeEngine(ports: 26000...26019, log, metrics)
        defer { engine.shutdown() }
        let phones = [try Phone(), try Phone()]
        let legs = try phones.map { phone in
            let leg = try engine.createLeg(LegOptions(detection: false))
            #expect(engine.send(.configure(phone.remote), to: leg.id))
            return leg
        }
        let there = try engine.connect(LinkSpec(from: legs[0].id, to: legs[1].id))
        let back = try engine.connect(LinkSpec(from: legs[1].id, to: legs[0].id))
        #expect(engine.linkCount == 2)
        #expect(engine.links(of: legs[0].id).map(\.id) == [there, back])
        // µ-law 0x20 is loud, and only one of the two says it.
        let loud = [UInt8](repeating: 0x20, count: 160)
        let quiet = [UInt8](repeating: 0xFF, count: 160)
        var heard = 0
        var echoed = 0
        for _ in 0..<150 where heard < 5 {
            phones[0].send(loud, to: legs[0].port)
            phones[1].send(quiet, to: legs[1].port)
            if let payload = phones[1].receive(), payload.contains(where: isLoud) {
                heard += 1
            }
            if let payload = phones[0].receive(), payload.contains(where: isLoud) {
                echoed += 1
            }
        }
        #expect(heard == 5)
        #expect(echoed == 0)
        engine.disconnect(there)
        #expect(log.wait { log.kinds(legs[1].id).contains { $0.isEnd(of: there, .disconnected) } })
        #expect(!engine.disconnect(there))
        // The other link goes with its leg.
        engine.removeLeg(legs[1].id)
        #expect(log.wait { engine.linkCount == 0 })
        #expect(log.wait { log.kinds(legs[0].id).contains { $0.isEnd(of: back, .sourceClosed) } })
        #expect(metrics.render().contains("trunkline_media_links 0"))
    }

    @Test func whatCannotBeLinkedIsRefusedInWords() throws {
        let log = try EventLog()
        let engine = try makeEngine(ports: 26100...26149, log)
        defer { engine.shutdown() }
        let a = try engine.createLeg(LegOptions(detection: false)).id
        let echo = try engine.createLeg(LegOptions(mode: .echo, detection: false)).id
        let nobody = LegID(4711)
        #expect(throws: EngineError.noSuchLeg(nobody)) {
            try engine.connect(LinkSpec(from: a, to: nobody))
        }
        #expect(throws: EngineError.noSuchLeg(nobody)) {
            try engine.connect(LinkSpec(from: nobody, to: a))
        }
        #expect(throws: EngineError.unusableLink("a leg cannot be linked to itself")) {
            try engine.connect(LinkSpec(from: a, to: a))
        }
        #expect(throws: EngineError.self) { try engine.connect(LinkSpec(from: a, to: echo)) }
        #expect(throws: EngineError.self) {
            try engine.connect(LinkSpec(from: echo, to: a, gainDecibels: 13))
        }
        let link = try engine.connect(LinkSpec(from: echo, to: a, gainDecibels: -6))
        #expect(engine.setGain(0, of: link))
        #expect(!engine.setGain(.nan, of: link))
        #expect(engine.setMuted(true, of: link))
        #expect(engine.link(link)?.isMuted == true)
        #expect(!engine.setMuted(true, of: LinkID(99)))
        for _ in 1..<MediaLeg.linkLimit { _ = try engine.connect(LinkSpec(from: echo, to: a)) }
        #expect(throws: EngineError.tooManyLinks(echo, limit: 8)) {
            try engine.connect(LinkSpec(from: echo, to: a))
        }
        // A place that has just become free can be taken at once.
        engine.disconnect(link)
        _ = try engine.connect(LinkSpec(from: echo, to: a))
        #expect(engine.linkCount == 8)
        let long = PlaybackClip(
            samples: [Int16](repeating: 0, count: MediaEngine.clipLimit / 2 + 1))
        #expect(!engine.send(.play(id: 1, clip: long), to: a))
    }

    @Test func linksMadeAndEndedWhileLegsComeAndGoLeaveNothing() throws {
        let log = try EventLog()
        let engine = try makeEngine(ports: 26200...26299, log)
        defer { engine.shutdown() }
        var random = SeededGenerator(seed: 11)
        func pick(_ count: Int) -> Int { Int(random.next() % UInt64(max(1, count))) }
        var legs: [LegID] = []
        var made = 0
        for _ in 0..<400 {
            switch pick(8) {
            case 0, 1:
                if legs.count < 12 {
                    let leg = try engine.createLeg(LegOptions(detection: false)).id
                    engine.send(
                        .configure(RemoteMedia(address: "127.0.0.1", port: 9)), to: leg)
                    legs.append(leg)
                }
            case 2 where !legs.isEmpty: engine.removeLeg(legs.remove(at: pick(legs.count)))
            case 3: engine.links().first.map { _ = engine.disconnect($0.id) }
            default:
                guard legs.count > 1 else { continue }
                let spec = LinkSpec(from: legs[pick(legs.count)], to: legs[pick(legs.count)])
                do throws(EngineError) {
                    _ = try engine.connect(spec)
                    made += 1
                } catch {
                    switch error {
                    case .unusableLink, .tooManyLinks, .noSuchLeg: break
                    default: Issue.record("\(error)")
                    }
                }
            }
        }
        for leg in legs { engine.removeLeg(leg) }
        #expect(log.wait { engine.legCount == 0 })
        #expect(engine.linkCount == 0)
        #expect(made > 50)
        // Each link's end is said once.
        func ends() -> [LinkID] {
            log.all.compactMap { event -> LinkID? in
                if case .linkEnded(let id, _) = event.kind { id } else { nil }
            }
        }
        #expect(log.wait { ends().count == made })
        #expect(Set(ends()).count == made)
    }
}

/// µ-law codes of some −20 dB of full scale and more.
private func isLoud(_ code: UInt8) -> Bool { ~code & 0x7F > 0x50 }

extension EngineEvent.Kind {
    fileprivate func isEnd(of link: LinkID, _ reason: LinkEndReason) -> Bool {
        if case .linkEnded(let id, let why) = self { id == link && why == reason } else { false }
    }
}
