import Base
import CHeapCount
import Glibc
import SIP

// sipbench [parse|calls|memory|all]
//
// parse   an INVITE with SDP: all header lines, body; then also the six essentials read
// calls   two user agents in one thread, no sockets: INVITE 100 180 200 ACK BYE 200, both sides
// memory  heap of an established dialog, transactions gone, both sides counted apart

func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

let sdp = """
    v=0\r\no=- 3747 3747 IN IP4 192.0.2.10\r\ns=call\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r
    m=audio 20344 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n
    """
let invite = Array(
    ("""
    INVITE sip:+12125550100@192.0.2.20:5060 SIP/2.0\r
    Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bKuvg2c8q0k1x5w9d3\r
    Max-Forwards: 70\r
    From: "Example" <sip:+12125550199@sip.example.com>;tag=9fxced76sl01\r
    To: <sip:+12125550100@sip.example.com>\r
    Call-ID: 3848276298220188511k2j4h6g8@192.0.2.10\r
    CSeq: 8137 INVITE\r
    Contact: <sip:+12125550199@192.0.2.10:5060>\r
    Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY\r
    Accept: application/sdp\r
    Supported: 100rel, timer, replaces\r
    Session-Expires: 1800;refresher=uac\r
    Min-SE: 90\r
    User-Agent: Trunkline/1.0\r
    P-Asserted-Identity: <sip:+12125550199@sip.example.com>\r
    Content-Type: application/sdp\r
    Content-Length: \(sdp.utf8.count)\r
    \r

    """ + sdp).utf8)

func report(_ name: String, _ count: Int, _ seconds: Double) {
    let rate = Int(Double(count) / seconds)
    let each = Int(seconds / Double(count) * 1e9)
    print("\(name): \(rate)/s of one core, \(each) ns each (\(count) in \(seconds) s of CPU)")
}

func heap(_ name: String, _ count: Int, _ body: () -> Void) {
    var calls = 0
    var bytes = 0
    heap_count_start()
    for _ in 0..<count { body() }
    heap_count_stop(&calls, &bytes)
    print("\(name): \(calls / count) allocations, \(bytes / count) bytes each")
}

func parse() {
    var sum = 0
    for round in 1...3 {
        let count = 200_000
        var start = cpuSeconds()
        for _ in 0..<count {
            if let message = try? SIPMessage(parsing: invite) { sum &+= message.body.count }
        }
        report("parse, round \(round)", count, cpuSeconds() - start)
        start = cpuSeconds()
        for _ in 0..<count {
            if let message = try? SIPMessage(parsing: invite),
                let essentials = try? MessageEssentials(message)
            {
                sum &+= Int(essentials.cseq.number)
            }
        }
        report("parse with essentials, round \(round)", count, cpuSeconds() - start)
    }
    heap("parse", 1_000) {
        if let message = try? SIPMessage(parsing: invite) { sum &+= message.body.count }
    }
    print("message: \(invite.count) bytes, \(sum == 0 ? "unread" : "read")")
}

/// Two user agents and the wire between them.
struct Pair {
    static let hosts = ["192.0.2.1", "192.0.2.2"]
    var agents: [UserAgent]
    var now = Instant.zero
    var out = Outbox<UserAgentOutput>()
    var answered = 0
    var ended = 0

    init() {
        agents = Self.hosts.enumerated().map { index, host in
            var settings = UserAgent.Configuration(
                party: LocalParty(host: host, port: 5060, product: "bench"),
                hashes: DigestHashes(md5: { _ in [] }, sha256: { _ in [] }))
            settings.maximumCalls = 200_000
            settings.maximumCallsPerSource = 200_000
            settings.maximumTransactions = 1_000_000
            return UserAgent(settings, entropy: SeededGenerator(seed: UInt64(index + 1)))
        }
    }

    /// Delivers everything until nothing is under way.
    mutating func settle(from first: Int) {
        var side = first
        var idle = 0
        var waiting: [[([UInt8], Int)]] = [[], []]
        take(&waiting, of: side)
        while idle < 2 {
            side = 1 - side
            let batch = waiting[side]
            waiting[side] = []
            idle = batch.isEmpty ? idle + 1 : 0
            for (bytes, source) in batch {
                agents[side].receive(
                    bytes, from: SIPAddress(host: Self.hosts[source], port: 5060), now: now,
                    out: &out)
                take(&waiting, of: side)
            }
        }
    }

    private mutating func take(_ waiting: inout [[([UInt8], Int)]], of side: Int) {
        while !out.isEmpty {
            for output in out.takeAll() {
                switch output {
                case .send(let bytes, _): waiting[1 - side].append((bytes, side))
                case .incoming(let key, _):
                    agents[side].ring(key, now: now, out: &out)
                    agents[side].answer(key, sdp: Array(sdp.utf8), now: now, out: &out)
                case .notice(_, .answered): answered += 1
                case .notice(_, .ended): ended += 1
                default: break
                }
            }
        }
    }

    mutating func place(_ number: Int) {
        guard let target = try? SIPURI("sip:+12125550100@192.0.2.2"),
            let from = try? SIPURI("sip:+12125550199@192.0.2.1")
        else { return }
        agents[0].place(
            CallSetup(
                target: target, from: NameAddress(uri: .sip(from)), offer: Array(sdp.utf8),
                destination: SIPAddress(host: Self.hosts[1], port: 5060)),
            key: .outbound(UInt64(number)), now: now, out: &out)
        settle(from: 0)
    }

    mutating func advance(_ interval: Interval) {
        now += interval
        for side in 0..<2 {
            agents[side].handleTimers(now: now, out: &out)
            settle(from: side)
        }
    }
}

func calls() {
    var pair = Pair()
    let count = 20_000
    let start = cpuSeconds()
    for number in 1...count {
        pair.place(number)
        pair.agents[0].hangUp(.outbound(UInt64(number)), now: pair.now, out: &pair.out)
        pair.settle(from: 0)
        pair.advance(.milliseconds(1))
    }
    report("whole calls, both sides", count, cpuSeconds() - start)
    pair.advance(.seconds(40))
    pair.advance(.seconds(40))
    print(
        "answered \(pair.answered), ended \(pair.ended); left: "
            + pair.agents.map { "\($0.activeCalls) calls, \($0.transactionCount) transactions" }
            .joined(separator: "; "))
}

func memory() {
    var pair = Pair()
    // Tables grow in steps: a first round makes them.
    let count = 4_096
    for number in 1...count { pair.place(number) }
    pair.advance(.seconds(40))
    let before = heap_bytes()
    for number in (count + 1)...(2 * count) { pair.place(number) }
    pair.advance(.seconds(40))
    let after = heap_bytes()
    print(
        "an established dialog: \((after - before) / count / 2) bytes "
            + "(\(pair.agents[0].activeCalls) calls, mean of both sides, "
            + "\(pair.agents[0].transactionCount + pair.agents[1].transactionCount) transactions left)"
    )
}

let what = CommandLine.arguments.dropFirst().first ?? "all"
if what == "parse" || what == "all" { parse() }
if what == "calls" || what == "all" { calls() }
if what == "memory" || what == "all" { memory() }
