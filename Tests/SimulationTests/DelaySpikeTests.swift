import Base
import Detection
import Media
import Simulation
import Testing

/// Nothing is lost; for `spike` ms the line holds everything back and then gives it at once.
@Test(arguments: [150, 250, 350] as [Int64])
func aLineThatStallsDoesNotMoveTheBeep(_ spike: Int64) throws {
    let world = VirtualWorld(seed: 1)
    let legAddress = SocketAddressValue(ipv4: 192, 0, 2, 1, port: 20_000)
    let phone = PhoneNode(
        address: SocketAddressValue(ipv4: 192, 0, 2, 2, port: 30_000), seed: 2)
    let leg = LegNode(address: legAddress, phase: .milliseconds(7), seed: 1, world: world)
    world.add(leg)
    world.add(phone)
    try leg.configure(RemoteMedia(address: "192.0.2.2", port: 30_000), world: world)
    let (track, beep) = Soundtrack.mailbox(greeting: 3000, pause: 500, beep: 400, seed: 1)
    phone.say(track)
    phone.start(to: legAddress, world: world)
    leg.answered(world: world)
    func setLatency(_ ms: Int64, _ world: VirtualWorld) {
        world.network.set(
            LinkConditions(latency: .milliseconds(ms)), from: phone.address, to: legAddress)
    }
    // FIFO holds what follows behind the first delayed packet: a stall of `spike` ms.
    world.after(.milliseconds(1000)) { setLatency(20 + spike, $0) }
    world.after(.milliseconds(1020)) { setLatency(20, $0) }
    world.run(for: .milliseconds(Int64(track.milliseconds) + 600))
    let starts = leg.outputs.compactMap { entry -> Int? in
        if case .detection(.beep(let start, _, _, _, _)) = entry.event { start } else { nil }
    }
    print("SPIKE", spike, starts, beep.lowerBound)
    #expect(starts.count == 1)
    #expect(abs((starts.first ?? -1000) - beep.lowerBound) <= 100)
}
