import Audio
import Base
import Detection
import Testing

/// We say a recorded prompt in frames of 20 ms and hear `received` meanwhile.
private func bargeIns(
    saying own: [Int16], hearing received: [Int16], policy: DetectionPolicy = .balanced
) -> [Int] {
    var chain = DetectorChain(policy: policy)
    var out = Outbox<DetectionEvent>()
    chain.answered()
    for start in stride(from: 0, to: received.count - 159, by: 160) {
        if start + 160 <= own.count {
            chain.said(levelDBm0: Level.dBm0(Array(own[start..<start + 160])))
        }
        received[start..<start + 160].withUnsafeBufferPointer { chain.push($0, out: &out) }
    }
    return out.takeAll().compactMap { if case .bargeIn(let at) = $0 { at } else { nil } }
}

private func echo(of own: [Int16], lossDB: Double, afterMs: Int) -> [Int16] {
    [Int16](repeating: 0, count: afterMs * 8)
        + own.map { Int16(Double($0) * Elementary.amplitude(decibels: -lossDB)) }
}

@Test func ourOwnVoiceComingBackIsNoBargeIn() throws {
    for name in ["vm-intro", "vm-isunavail", "vm-options"] {
        let own = try Prompt.samples(name)
        for lossDB in [14.0, 20, 30] {
            for afterMs in [0, 20, 90, 250] {
                let heard = echo(of: own, lossDB: lossDB, afterMs: afterMs)
                #expect(
                    bargeIns(saying: own, hearing: heard) == [], "\(name), \(lossDB), \(afterMs)")
            }
        }
    }
}

@Test func aPersonOverOurVoiceIsHeardSoon() throws {
    let own = try Prompt.samples("vm-intro") + Prompt.samples("vm-options")
    for (index, name) in ["vm-goodbye", "vm-received", "vm-login"].enumerated() {
        for gain in [1.0, 0.5] {
            var scene = Scene(seed: UInt64(index))
            scene.silence(1000)
            scene.append(try Prompt.samples(name).map { Int16(Double($0) * gain) })
            scene.silence(1000)
            // With our echo below it.
            let back = echo(of: own, lossDB: 20, afterMs: 60)
            var heard = scene.onTheLine(noise: -55)
            for at in heard.indices where at < back.count {
                heard[at] = Int16(clamping: Int(heard[at]) + Int(back[at]))
            }
            let found = bargeIns(saying: own, hearing: heard)
            #expect(found.count >= 1, "\(name)")
            // The recordings begin with up to 0.2 s of silence.
            #expect((1200...1800).contains(found.first ?? 0), "\(name): \(found)")
        }
    }
}

@Test func whoSpeaksWhileWeAreSilentBargesIntoNothing() throws {
    let far = try Prompt.samples("vm-intro")
    #expect(bargeIns(saying: [], hearing: far) == [])
    // Nor into what we said long before.
    var scene = Scene()
    scene.silence(1000)
    scene.append(far)
    let own = [Int16](repeating: 8000, count: 4000)
    #expect(bargeIns(saying: own, hearing: scene.onTheLine(noise: -60)) == [])
}

/// What is compared is what we said just now, not the loudest word of a long prompt.
@Test func aQuietPersonIsHeardOverOurQuietWords() throws {
    var own = [Int16](repeating: 0, count: 0)
    var loud = Scene(seed: 1)
    loud.tone([300, 500], ms: 200, level: -6)
    own += loud.samples
    var quiet = Scene(seed: 2)
    quiet.tone([300, 500], ms: 5000, level: -26)
    own += quiet.samples
    var scene = Scene(seed: 3)
    scene.silence(2000)
    scene.append(try Prompt.samples("vm-goodbye").map { Int16(Double($0) * 0.5) })
    scene.silence(1500)
    let found = bargeIns(saying: own, hearing: scene.onTheLine(noise: -60))
    #expect(found.count >= 1)
}

/// How easily we are interrupted is set apart from where a turn begins and ends.
@Test func bargeInHasASensitivityOfItsOwn() throws {
    var own = Scene(seed: 4)
    own.tone([300, 500], ms: 6000, level: -20)
    var scene = Scene(seed: 5)
    scene.silence(1500)
    scene.append(try Prompt.samples("vm-goodbye"))
    scene.silence(1500)
    let heard = scene.onTheLine(noise: -60)
    let usual = try #require(bargeIns(saying: own.samples, hearing: heard).first)

    var patient = DetectionPolicy.balanced
    patient.bargeInMs = 400
    let later = try #require(bargeIns(saying: own.samples, hearing: heard, policy: patient).first)
    #expect(later >= usual + 280)
    patient.bargeInMs = 5000
    #expect(bargeIns(saying: own.samples, hearing: heard, policy: patient) == [])

    var eager = DetectionPolicy.balanced
    eager.bargeIn.begin(atScore: 0.1)
    eager.bargeIn.minimumMs = 20
    eager.bargeInMs = 20
    let sooner = try #require(bargeIns(saying: own.samples, hearing: heard, policy: eager).first)
    #expect(sooner < usual)

    // The borders of a turn play no part in it.
    var slow = DetectionPolicy.balanced
    slow.endpointing.minimumMs = 2000
    slow.endpointing.hangoverMs = 3000
    #expect(
        bargeIns(saying: own.samples, hearing: heard, policy: slow)
            == bargeIns(saying: own.samples, hearing: heard))
}
