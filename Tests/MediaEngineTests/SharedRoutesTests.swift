import Base
import CallModel
import Media
import Testing

@testable import MediaEngine

private func at(_ ms: Int64) -> Instant { Instant(milliseconds: ms) }
private func host(_ last: UInt8, _ port: UInt16 = 4000) -> SocketAddressValue {
    SocketAddressValue(ipv4: 192, 0, 2, last, port: port)
}

/// Few keys, so that every operation meets runs, wraps and a full table.
@Test(arguments: [UInt64(1), 2]) func theRouteTableDoesWhatADictionaryDoes(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    var table = RouteTable(limit: 300, seed: seed)
    var model: [RouteKey: Int32] = [:]
    var refused = 0
    for _ in 0..<1_000_000 {
        let word = generator.next()
        let pick = Int(word >> 8 & 0x1FF)
        let address =
            pick % 2 == 0
            ? host(UInt8(pick & 0x3F), UInt16(pick))
            : SocketAddressValue(
                high: 0x2001_0DB8_0000_0000, low: UInt64(pick), port: 7, isIPv6: true)
        let key =
            pick % 3 == 0
            ? RouteKey(port: pick % 4, ssrc: UInt32(pick))
            : RouteKey(port: pick % 4, address: address)
        switch word & 3 {
        case 0, 1:
            let value = Int32(truncatingIfNeeded: word >> 32)
            let isKnown = model[key] != nil
            guard table.set(key, value) else {
                // Only a new key, and only when there is no room.
                if isKnown || model.count < 300 {
                    Issue.record("refused without need")
                    return
                }
                refused += 1
                continue
            }
            model[key] = value
        case 2:
            table.remove(key)
            model[key] = nil
        default:
            if table.find(key) != model[key] {
                Issue.record("found \(String(describing: table.find(key)))")
                return
            }
        }
    }
    #expect(refused > 0)
    let count = table.count
    #expect(count == model.count)
    for (key, value) in model where table.find(key) != value {
        Issue.record("lost a key")
        return
    }
}

@Test func keysDifferByPortSSRCFamilyAndKind() {
    let v4 = host(1)
    let v6 = SocketAddressValue(high: 0, low: v4.low, port: v4.port, isIPv6: true)
    let keys: Set<RouteKey> = [
        RouteKey(port: 0, address: v4), RouteKey(port: 1, address: v4),
        RouteKey(port: 0, address: v6), RouteKey(port: 0, address: host(1, 4001)),
        RouteKey(port: 0, ssrc: 0), RouteKey(port: 1, ssrc: 0), RouteKey(port: 0, ssrc: 1),
    ]
    #expect(keys.count == 7)
}

private func routes() -> SharedRoutes { SharedRoutes(ports: 2, legLimit: 64, seed: 7) }

@Test func aSignalledAddressLeadsToItsLegOnItsPortOnly() {
    var routes = routes()
    routes.add(3, port: 1)
    routes.configure(3, rtp: host(1), rtcp: host(1, 4001), isSecure: false)
    var found = routes.route(port: 1, from: host(1), ssrc: 9)
    #expect(found == .leg(3))
    found = routes.route(port: 1, channel: .rtcp, from: host(1, 4001), ssrc: nil)
    #expect(found == .leg(3))
    // Somebody else's RTP may come from there.
    found = routes.route(port: 1, from: host(1, 4001), ssrc: nil)
    #expect(found == .drop)
    found = routes.route(port: 0, from: host(1), ssrc: 9)
    #expect(found == .drop)
    found = routes.route(port: 1, from: host(2), ssrc: 9)
    #expect(found == .drop)
}

@Test func strangersLeaveNoTraceInTheTable() {
    var routes = routes()
    routes.add(0, port: 0)
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: false)
    let before = routes.keyCount
    for last in 0...255 {
        let found = routes.route(port: 0, from: host(UInt8(last), 9), ssrc: UInt32(last))
        #expect(found == .drop)
    }
    let after = routes.keyCount
    #expect(before == 1 && after == 1)
}

@Test func aKnownSSRCFromElsewhereIsShownToItsLegAndMovesWhenProven() {
    var routes = routes()
    routes.add(0, port: 0)
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: false)
    routes.prove(0, address: host(1), ssrc: 77)
    var found = routes.route(port: 0, from: host(9), ssrc: 77)
    #expect(found == .learn(0))
    routes.prove(0, address: host(9), ssrc: 77)
    found = routes.route(port: 0, from: host(9), ssrc: 5)
    #expect(found == .leg(0))
    // RTCP comes from the port above.
    found = routes.route(port: 0, channel: .rtcp, from: host(9, 4001), ssrc: 5)
    #expect(found == .leg(0))
    // A re-INVITE to another address forgets both.
    routes.configure(0, rtp: host(5), rtcp: nil, isSecure: false)
    found = routes.route(port: 0, from: host(9), ssrc: 77)
    #expect(found == .drop)
    found = routes.route(port: 0, from: host(5), ssrc: 77)
    #expect(found == .leg(0))
    let count = routes.keyCount
    #expect(count == 1)
}

@Test func twoLegsWithOneSSRCAreFoundByAddressOnly() {
    var routes = routes()
    for leg in 0..<2 {
        routes.add(leg, port: 0)
        routes.configure(leg, rtp: host(UInt8(leg)), rtcp: nil, isSecure: false)
        routes.prove(leg, address: host(UInt8(leg)), ssrc: 77)
    }
    var found = routes.route(port: 0, from: host(1), ssrc: 77)
    #expect(found == .leg(1))
    found = routes.route(port: 0, from: host(9), ssrc: 77)
    #expect(found == .drop)
    routes.remove(0, now: at(0), rest: .zero)
    routes.remove(1, now: at(0), rest: .zero)
    let count = routes.keyCount
    #expect(count == 0)
}

@Test func twoLegsAtOneAddressAreToldApartBySSRC() {
    var routes = routes()
    routes.add(0, port: 0)
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: false)
    routes.prove(0, address: host(1), ssrc: 10)
    routes.add(1, port: 0)
    routes.configure(1, rtp: host(1), rtcp: nil, isSecure: false)
    let collisions = routes.collisions
    #expect(collisions == 1)
    var found = routes.route(port: 0, from: host(1), ssrc: 10)
    #expect(found == .leg(0))
    // The only one without an SSRC.
    found = routes.route(port: 0, from: host(1), ssrc: 11)
    #expect(found == .leg(1))
    routes.prove(1, address: host(1), ssrc: 11)
    found = routes.route(port: 0, from: host(1), ssrc: 11)
    #expect(found == .leg(1))
    found = routes.route(port: 0, from: host(1), ssrc: 12)
    #expect(found == .drop)
    // Without an SSRC (DTLS, STUN) nobody can say.
    found = routes.route(port: 0, from: host(1), ssrc: nil)
    #expect(found == .drop)
    routes.remove(0, now: at(0), rest: .zero)
    found = routes.route(port: 0, from: host(1), ssrc: 12)
    #expect(found == .leg(1))
}

@Test func twoLegsAtOneAddressThatNobodyWasHeardByGetNothingUnlessKeysDecide() {
    var routes = routes()
    for leg in 0..<2 {
        routes.add(leg, port: 0)
        routes.configure(leg, rtp: host(1), rtcp: nil, isSecure: false)
    }
    var found = routes.route(port: 0, from: host(1), ssrc: 10)
    #expect(found == .drop)
    routes.configure(1, rtp: host(1), rtcp: nil, isSecure: true)
    found = routes.route(port: 0, from: host(1), ssrc: 10)
    #expect(found == .tryKeys)
    var trial = routes.nextTrial(port: 0)
    #expect(trial == 1)
    routes.prove(1, address: host(1), ssrc: 10)
    trial = routes.nextTrial(port: 0)
    #expect(trial == nil)
}

/// A far end behind a NAT that comes back from a hold on another port and with another SSRC.
@Test func aNewDescriptionIsWaitedForWhereThereAreKeys() {
    var routes = routes()
    routes.add(0, port: 0)
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: true)
    routes.prove(0, address: host(9), ssrc: 77)
    routes.settle(0)
    var found = routes.route(port: 0, from: host(9, 5000), ssrc: 78)
    #expect(found == .drop)
    // On hold nothing is wanted, behind it the keys decide.
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: true, isReceiving: false)
    found = routes.route(port: 0, from: host(9, 5000), ssrc: 78)
    #expect(found == .drop)
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: true)
    found = routes.route(port: 0, from: host(9, 5000), ssrc: 78)
    let trial = routes.nextTrial(port: 0)
    #expect(found == .tryKeys && trial == 0)
    routes.prove(0, address: host(9, 5000), ssrc: 78)
    routes.settle(0)
    found = routes.route(port: 0, from: host(9, 5000), ssrc: 79)
    #expect(found == .leg(0))
    found = routes.route(port: 0, from: host(9, 5002), ssrc: 79)
    #expect(found == .drop)
    // Without keys nobody can say.
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: false)
    found = routes.route(port: 0, from: host(9, 5002), ssrc: 79)
    #expect(found == .drop)
    routes.remove(0, now: at(0), rest: .zero)
    let rest = (routes.keyCount, routes.nextTrial(port: 0))
    #expect(rest.0 == 0 && rest.1 == nil)
}

@Test func aNewDescriptionAtASharedAddressIsAQuestionOfKeys() {
    var routes = routes()
    for leg in 0...1 {
        routes.add(leg, port: 0)
        routes.configure(leg, rtp: host(1), rtcp: nil, isSecure: true)
        routes.prove(leg, address: host(1), ssrc: UInt32(leg))
        routes.settle(leg)
    }
    var found = routes.route(port: 0, from: host(1), ssrc: 7)
    #expect(found == .drop)
    routes.configure(1, rtp: host(1), rtcp: nil, isSecure: true)
    found = routes.route(port: 0, from: host(1), ssrc: 7)
    #expect(found == .tryKeys)
    found = routes.route(port: 0, from: host(1), ssrc: 1)
    #expect(found == .leg(1))
}

@Test func afterAHangUpAddressAndSSRCRest() {
    var routes = routes()
    routes.add(0, port: 0)
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: false)
    routes.prove(0, address: host(1), ssrc: 10)
    routes.remove(0, now: at(0), rest: .seconds(30))
    var found = routes.route(port: 0, from: host(1), ssrc: 10)
    #expect(found == .drop)
    found = routes.route(port: 0, from: host(9), ssrc: 10)
    #expect(found == .drop)
    // The next call from the same address is another stream.
    routes.add(0, port: 0)
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: false)
    let collisions = routes.collisions
    #expect(collisions == 0)
    found = routes.route(port: 0, from: host(1), ssrc: 10)
    #expect(found == .drop)
    found = routes.route(port: 0, from: host(1), ssrc: 11)
    #expect(found == .leg(0))
    routes.expire(now: at(30_000))
    found = routes.route(port: 0, from: host(1), ssrc: 10)
    #expect(found == .leg(0))
    let count = routes.keyCount
    #expect(count == 1)
}

/// A far end that has one port and one SSRC for all its calls.
@Test func anSSRCThatRestsIsAQuestionOfKeys() {
    var routes = routes()
    routes.add(0, port: 0)
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: true)
    routes.prove(0, address: host(1), ssrc: 77)
    routes.remove(0, now: at(0), rest: .seconds(30))
    routes.add(1, port: 0)
    routes.configure(1, rtp: host(1), rtcp: nil, isSecure: false)
    var found = routes.route(port: 0, from: host(1), ssrc: 77)
    #expect(found == .drop)
    routes.configure(1, rtp: host(1), rtcp: nil, isSecure: true)
    found = routes.route(port: 0, from: host(1), ssrc: 77)
    let trial = routes.nextTrial(port: 0)
    #expect(found == .tryKeys && trial == 1)
    routes.prove(1, address: host(1), ssrc: 77)
    routes.settle(1)
    found = routes.route(port: 0, from: host(1), ssrc: 77)
    #expect(found == .leg(1))
}

/// DTLS has no SSRC: where old calls only rest, it is the living one's.
@Test func whatHasNoSSRCIsTheOnlyLiveLegs() {
    var routes = routes()
    routes.add(0, port: 0)
    routes.configure(0, rtp: host(1), rtcp: nil, isSecure: false)
    routes.prove(0, address: host(1), ssrc: 10)
    routes.remove(0, now: at(0), rest: .seconds(30))
    var found = routes.route(port: 0, from: host(1), ssrc: nil)
    #expect(found == .drop)
    routes.add(1, port: 0)
    routes.configure(1, rtp: host(1), rtcp: nil, isSecure: true)
    found = routes.route(port: 0, from: host(1), ssrc: nil)
    #expect(found == .leg(1))
    // What rests has no key of the new leg's.
    found = routes.route(port: 0, from: host(1), ssrc: 10)
    #expect(found == .tryKeys)
    // A second live one there, and nobody can say.
    routes.add(2, port: 0)
    routes.configure(2, rtp: host(1), rtcp: nil, isSecure: true)
    found = routes.route(port: 0, from: host(1), ssrc: nil)
    #expect(found == .drop)
}

@Test func onlySoManyShareOneAddress() {
    var routes = routes()
    for leg in 0...SharedRoutes.groupLimit {
        routes.add(leg, port: 0)
        routes.configure(leg, rtp: host(1), rtcp: nil, isSecure: false)
    }
    let refusals = routes.refusals
    #expect(refusals == 1)
    for leg in 0...SharedRoutes.groupLimit { routes.remove(leg, now: at(0), rest: .zero) }
    let count = routes.keyCount
    #expect(count == 0)
}

/// Whatever happens in whatever order: nothing is left behind, and nobody's entry leads elsewhere.
@Test func randomCallsLeaveAnEmptyTable() {
    var generator = SeededGenerator(seed: 5)
    var routes = SharedRoutes(ports: 2, legLimit: 64, seed: 5)
    var live: [Int: (port: Int, address: SocketAddressValue)] = [:]
    for step in 0..<50_000 {
        let word = generator.next()
        let leg = Int(word & 31)
        // Mostly own addresses, sometimes one of three that many use.
        let address = host(UInt8(word >> 8 & 7) < 6 ? 100 + UInt8(leg) : UInt8(word >> 16 & 1))
        let now = at(Int64(step))
        switch (live[leg], word >> 24 & 7) {
        case (nil, _):
            let port = Int(word >> 32 & 1)
            routes.add(leg, port: port)
            routes.configure(leg, rtp: address, rtcp: nil, isSecure: word >> 33 & 3 == 0)
            live[leg] = (port, address)
        case (.some, 0):
            routes.remove(leg, now: now, rest: .milliseconds(40))
            live[leg] = nil
        case (.some(let known), 1):
            routes.configure(leg, rtp: address, rtcp: nil, isSecure: false)
            live[leg] = (known.port, address)
        case (.some(let known), _):
            let ssrc = UInt32(word >> 40 & 63)
            switch routes.route(port: known.port, from: known.address, ssrc: ssrc) {
            case .leg(let found):
                if live[found]?.address != known.address || live[found]?.port != known.port {
                    Issue.record("step \(step): \(found) was elsewhere")
                    return
                }
                routes.prove(found, address: known.address, ssrc: ssrc)
            default: break
            }
        }
        routes.expire(now: now)
    }
    for leg in live.keys.sorted() { routes.remove(leg, now: at(60_000), rest: .zero) }
    routes.expire(now: at(99_000))
    let count = routes.keyCount
    #expect(count == 0)
}

// MARK: the book

@Test func aKnownFarEndGetsAPortWhereItIsAloneElseItsOwn() {
    var book = SharedPortBook(workers: 1, ports: 2, rest: .seconds(30))
    #expect(book.choose(LegID(1), worker: 0, farEnd: host(1), now: at(0)) == 0)
    #expect(book.choose(LegID(2), worker: 0, farEnd: host(1), now: at(0)) == 1)
    #expect(book.choose(LegID(3), worker: 0, farEnd: host(1), now: at(0)) == nil)
    #expect(book.choose(LegID(4), worker: 0, farEnd: host(2), now: at(0)) == 0)
    book.release(LegID(1), now: at(0))
    #expect(book.choose(LegID(5), worker: 0, farEnd: host(1), now: at(29_999)) == nil)
    #expect(book.choose(LegID(6), worker: 0, farEnd: host(1), now: at(30_000)) == 0)
    #expect(book.count == 3)
}

@Test func afterACollisionLegsWithoutAKnownFarEndGetTheirOwnPortsForAWhile() {
    var book = SharedPortBook(workers: 1, ports: 1, rest: .zero)
    #expect(book.choose(LegID(1), worker: 0, farEnd: nil, now: at(0)) == 0)
    #expect(book.choose(LegID(2), worker: 0, farEnd: nil, now: at(0)) == 0)
    #expect(book.claim(LegID(1), host(1), now: at(0)) == true)
    #expect(book.claim(LegID(1), host(1), now: at(0)) == true)
    #expect(book.claim(LegID(2), host(1), now: at(0)) == false)
    #expect(book.choose(LegID(3), worker: 0, farEnd: nil, now: at(599_999)) == nil)
    #expect(book.choose(LegID(3), worker: 0, farEnd: host(3), now: at(599_999)) == 0)
    #expect(book.choose(LegID(4), worker: 0, farEnd: nil, now: at(600_000)) == 0)
}

@Test func aWorkerTakesOnlySoManyLegsOnSharedPorts() {
    var book = SharedPortBook(workers: 2, ports: 2, limit: 3, rest: .seconds(1))
    for id in UInt32(1)...3 {
        #expect(book.choose(LegID(id), worker: 0, farEnd: nil, now: at(0)) != nil)
    }
    #expect(book.choose(LegID(4), worker: 0, farEnd: nil, now: at(0)) == nil)
    #expect(book.choose(LegID(4), worker: 1, farEnd: nil, now: at(0)) != nil)
    // One that rests still counts.
    book.release(LegID(1), now: at(0))
    #expect(book.choose(LegID(5), worker: 0, farEnd: nil, now: at(999)) == nil)
    #expect(book.choose(LegID(5), worker: 0, farEnd: nil, now: at(1000)) != nil)
}
