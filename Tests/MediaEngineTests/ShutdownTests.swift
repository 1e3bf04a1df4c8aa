import Audio
import Base
import CallModel
import Foundation
import Media
import Synchronization
import Telemetry
import Testing

@testable import MediaEngine

/// The end of an engine: every leg that was made is closed, and everybody hears of it.
@Suite(.serialized) struct ShutdownTests {
    /// More events than a ring holds while the owner of the engine is busy, and then the end.
    @Test func theLastWordsOfALegAreNotLostWhenTheOwnerIsSlow() throws {
        let log = try EventLog()
        let gate = DispatchSemaphore(value: 0)
        let isBusy = Atomic<Bool>(false)
        let engine = try MediaEngine(
            configuration(ports: 22700...22719), metrics: MetricsRegistry()
        ) { events in
            if !isBusy.exchange(true, ordering: .relaxed) { gate.wait() }
            log.add(events)
        }
        let leg = try engine.createLeg(LegOptions(mode: .silence, detection: false))
        let clip = PlaybackClip(samples: [1])
        // Each is refused, in words, by a leg that only sends silence.
        let count = EventRing.capacity + 1000
        for number in 0..<count {
            #expect(log.wait { engine.send(.play(id: number, clip: clip), to: leg.id) })
        }
        let end = try EngineThread(name: "end") { engine.shutdown() }
        // The worker has closed its leg while nobody takes its events.
        #expect(log.wait { engine.legCount == 0 })
        gate.signal()
        end.join()
        let finished = log.kinds(leg.id).compactMap { kind -> Int? in
            if case .playFinished(let id, _) = kind { id } else { nil }
        }
        #expect(finished == Array(0..<count))
        guard case .closed = log.kinds(leg.id).last else {
            Issue.record("\(String(describing: log.kinds(leg.id).last))")
            return
        }
    }

    /// A leg that is being made while the engine goes is closed, or is refused and leaves nothing.
    @Test func legsMadeDuringTheEndAreClosedOrRefused() throws {
        for _ in 0..<25 {
            let log = try EventLog()
            let engine = try MediaEngine(
                configuration(ports: 22720...22999), metrics: MetricsRegistry()
            ) { log.add($0) }
            let made = Mutex<[LegID]>([])
            let refusals = Mutex<[EngineError]>([])
            let makers = try (0..<2).map { _ in
                try EngineThread(name: "maker") {
                    while true {
                        do throws(EngineError) {
                            let leg = try engine.createLeg(LegOptions(detection: false))
                            made.withLock { $0.append(leg.id) }
                            // Wakes the test at once: the ports would be gone soon.
                            log.add([])
                        } catch {
                            return refusals.withLock { $0.append(error) }
                        }
                    }
                }
            }
            let hasBegun = log.wait { made.withLock { $0.count } > 2 }
            #expect(hasBegun)
            engine.shutdown()
            for maker in makers { maker.join() }
            #expect(engine.legCount == 0)
            let closed = log.all.compactMap { event -> LegID? in
                if case .closed = event.kind { event.leg } else { nil }
            }
            let legs = made.withLock { $0 }
            #expect(closed.sorted() == legs.sorted())
        }
    }
}

/// An order that meets a leg which has just closed.
@Test func aBridgeForALegThatHasGoneIsClosed() throws {
    let log = try EventLog()
    let worker = HeldWorker()
    let engine = try MediaEngine(
        configuration(ports: 22764...22767), metrics: MetricsRegistry(), lateness: worker.lateness,
        events: { log.add($0) })
    let leg = try engine.createLeg(LegOptions(detection: false))
    #expect(log.settle(engine, leg.id))
    worker.hold(log)
    let bridge = AudioBridge()
    engine.removeLeg(leg.id)
    #expect(engine.send(.attach(bridge), to: leg.id))
    worker.release()
    #expect(log.waitForClosed(leg.id) != nil)
    #expect(log.wait { bridge.isClosed })
    engine.shutdown()
}
