import Audio
import Foundation
import SecureRTP

/// A wrong argument, in words.
struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The command line.
struct Options {
    static let usage = """
        rtpload: sends RTP on N legs and measures what comes back: lost, late, latency, and how it sounds.

        Where to (one of):
          --to HOST:PORT[+STEP]   leg i goes to PORT + i·STEP (step 2 when not given); several with
                                  commas: the legs take turns among them
          --legs-file FILE        one leg a line: [HOST:]PORT,PAIR,TXKEY,RXKEY; PAIR is the line (from 0)
                                  whose audio comes back here, a key is base64 or `-`
          --api URL               make the legs by POST URL/v1/legs (trunkline), delete them after
        What:
          --wav FILE              G.711 of this file (any rate) instead of a made-up voice
          --codec pcmu|pcma       (pcmu)    --payload-type N   instead of the codec's own
          --ptime MS (20)         10 to 60 in tens
          --pcap FILE [--ssrc HEX]  the longest RTP stream of a capture, in its own time, over and over
        How much:
          --legs N (100)  --seconds S (5)  --warmup S (1)
        On the way out, the same with the same seed:
          --loss PERCENT  --burst PACKETS (1)   mean length of a burst of losses
          --jitter MS             each packet up to so much late: above the ptime they overtake
          --duplicates PERCENT    --seed N (1)
        SRTP:
          --suite NAME (AES_CM_128_HMAC_SHA1_80)   or _32, AES_256_CM_HMAC_SHA1_80 or _32,
                                  AEAD_AES_128_GCM, AEAD_AES_256_GCM
          --srtp                  offer it, take the answer's key (--api)
          --key BASE64            key and salt for both ways of every leg (--to)
        What comes back:
          --match timestamp|audio (timestamp)   by its sound: when a bot answers, not an echo
          --probe-every K         with --match audio: legs 0, K, 2K … by their timestamp
          --record FOLDER  --record-legs K (4)  sent-N.wav, heard-N.wav (tools/quality/echo.py scores them)
        --api only:
          --mode WORD (echo)  --stream-url URL  --no-detection  --token KEY
        Machine:
          --from PORT (30000)     our ports: PORT + 2·phase, RTCP above each
          --bind HOST (127.0.0.1) our address
          --own-addresses         leg i sends from 127.64.0.1 + i: for servers whose legs share a port (--to)
          --lab                   permits private addresses (10/8, 172.16/12, 192.168/16) of your own lab;
                                  without it only 127/8
          --pid PID               report this process's CPU time
          --cpu N  --realtime     pin us, ask for SCHED_RR
          --batch N (16)          datagrams a sendmmsg
        The result is one JSON object on standard output.
        """

    typealias Target = (address: UInt32, port: Int, step: Int)

    var targets: [String] = []
    var legsFile: String?
    var api: String?
    var legs = 100
    var seconds = 5.0
    var warmup = 1.0
    var ptime = 20
    var wav: String?
    var pcap: String?
    var ssrc: UInt32?
    var codec = LoadCodec.pcmu
    var payloadType: UInt8?
    var impairment = Impairment.Settings()
    var isSecure = false
    var suite = SRTPSuite.aesCM128HMACSHA1_80
    var keyText: String?
    var matchesAudio = false
    var probeEvery = 0
    var record: String?
    var recordLegs = 4
    var mode = "echo"
    var streamURL: String?
    var detects = true
    var token: String?
    var from = 30_000
    var bind = "127.0.0.1"
    var ownAddresses = false
    /// 127.64.0.1
    static let firstAddress: UInt32 = 0x7F40_0001
    var isLab = false
    var pid: Int?
    var cpu = -1
    var isRealtime = false
    var batch = 16

    /// Milliseconds over which the legs' beginnings are spread, a socket each.
    var phases: Int { pcap == nil ? ptime : 20 }

    /// 30 bytes of AES_CM_128, or what the suite wants.
    var key: [UInt8]? { get throws { try keyText.map { try key($0) } } }

    init(_ arguments: [String]) throws {
        var rest = Words(arguments[...])
        while let word = rest.next() {
            switch word {
            case "--to":
                targets = try rest.value(word).split(separator: ",").map(String.init)
            case "--legs-file": legsFile = try rest.value(word)
            case "--api": api = try rest.value(word)
            case "--legs": legs = try rest.number(word, 1...20_000)
            case "--seconds": seconds = try rest.real(word, 0...3600)
            case "--warmup": warmup = try rest.real(word, 0...3600)
            case "--ptime":
                ptime = try rest.number(word, 10...60)
                guard ptime % 10 == 0 else { throw UsageError("--ptime \(ptime): give tens of ms") }
            case "--wav": wav = try rest.value(word)
            case "--pcap": pcap = try rest.value(word)
            case "--ssrc":
                let text = try rest.value(word)
                ssrc = UInt32(text, radix: 16)
                if ssrc == nil { throw UsageError("--ssrc \(text): give 8 hexadecimal digits") }
            case "--codec":
                let text = try rest.value(word)
                guard ["pcmu", "pcma"].contains(text.lowercased()) else {
                    throw UsageError("--codec \(text): give pcmu or pcma")
                }
                codec = text.lowercased() == "pcma" ? .pcma : .pcmu
            case "--payload-type": payloadType = UInt8(try rest.number(word, 0...127))
            case "--loss": impairment.loss = try rest.real(word, 0...100)
            case "--burst": impairment.burst = try rest.real(word, 1...1000)
            case "--jitter": impairment.jitter = try rest.real(word, 0...1000)
            case "--duplicates": impairment.duplicates = try rest.real(word, 0...100)
            case "--seed": impairment.seed = UInt64(try rest.number(word, 0...1_000_000_000))
            case "--srtp": isSecure = true
            case "--suite":
                let text = try rest.value(word)
                guard let known = SRTPSuite(sdpName: text) else {
                    throw UsageError(
                        "--suite \(text): give one of "
                            + SRTPSuite.allCases.map(\.sdpName).joined(separator: " "))
                }
                suite = known
            case "--key": keyText = try rest.value(word)
            case "--match":
                let text = try rest.value(word)
                guard ["timestamp", "audio"].contains(text) else {
                    throw UsageError("--match \(text): give timestamp or audio")
                }
                matchesAudio = text == "audio"
            case "--probe-every": probeEvery = try rest.number(word, 0...20_000)
            case "--record": record = try rest.value(word)
            case "--record-legs": recordLegs = try rest.number(word, 1...64)
            case "--mode": mode = try rest.value(word)
            case "--stream-url": streamURL = try rest.value(word)
            case "--no-detection": detects = false
            case "--own-addresses": ownAddresses = true
            case "--token": token = try rest.value(word)
            case "--from": from = try rest.number(word, 1024...65_000)
            case "--bind": bind = try rest.value(word)
            case "--lab": isLab = true
            case "--pid": pid = try rest.number(word, 1...4_194_304)
            case "--cpu": cpu = try rest.number(word, 0...1023)
            case "--realtime": isRealtime = true
            case "--batch": batch = try rest.number(word, 2...64)
            default: throw UsageError("unknown argument \(word)")
            }
        }
        let ways = [!targets.isEmpty, legsFile != nil, api != nil].count { $0 }
        guard ways == 1 else { throw UsageError("give one of --to, --legs-file, --api") }
        guard seconds > 0 else { throw UsageError("--seconds must be above 0") }
        guard pcap == nil || wav == nil else { throw UsageError("give --wav or --pcap") }
        guard !matchesAudio || pcap == nil else {
            throw UsageError("--match audio needs packets of one size: no --pcap")
        }
        // Who asked for SRTP must not measure plain RTP.
        guard !isSecure || api != nil else { throw UsageError("--srtp needs --api; --to takes --key") }
        guard keyText == nil || !targets.isEmpty else { throw UsageError("--key needs --to") }
        guard !ownAddresses || !targets.isEmpty else {
            throw UsageError("--own-addresses needs --to")
        }
        guard ssrc == nil || pcap != nil else { throw UsageError("--ssrc needs --pcap") }
        guard bind == "0.0.0.0" || ipv4(bind) != 0 else {
            throw UsageError("--bind \(bind): give an IPv4 address")
        }
    }

    /// An IPv4 address that may be sent to: a load generator that could be pointed anywhere would be
    /// a weapon.
    func address(_ host: String) throws -> UInt32 {
        let address = host == "localhost" ? 0x7F00_0001 : ipv4(host)
        let isPrivate =
            address >> 24 == 10 || address >> 20 == 0xAC1 || address >> 16 == 0xC0A8
        guard address >> 24 == 127 || isLab && isPrivate else {
            throw UsageError(
                isPrivate
                    ? "\(host): say --lab if this machine is yours to load"
                    : "\(host): rtpload sends to 127/8, and with --lab to private IPv4 addresses")
        }
        return address
    }

    /// Where leg `index` goes.
    func target(_ index: Int) throws -> (address: UInt32, port: Int) {
        let text = targets[index % targets.count]
        let parts = text.split(separator: ":")
        let numbers = parts.count == 2 ? parts[1].split(separator: "+") : []
        guard let host = parts.first, let first = numbers.first, numbers.count <= 2,
            let port = Int(first), (1...65_535).contains(port),
            let step = numbers.count == 2 ? Int(numbers[1]) : 2, (0...100).contains(step)
        else { throw UsageError("--to \(text): give HOST:PORT or HOST:PORT+STEP") }
        return (try address(String(host)), port + index / targets.count * step)
    }

    func key(_ text: String) throws -> [UInt8] {
        guard let key = Data(base64Encoded: text), key.count == suite.keyAndSaltCount else {
            throw UsageError(
                "a key of \(suite.sdpName) is \(suite.keyAndSaltCount) bytes in base64")
        }
        return Array(key)
    }
}

/// The words that are left.
private struct Words {
    private var rest: ArraySlice<String>

    init(_ words: ArraySlice<String>) { rest = words }

    mutating func next() -> String? { rest.popFirst() }

    mutating func value(_ word: String) throws -> String {
        guard let value = rest.popFirst(), !value.hasPrefix("--") else {
            throw UsageError("\(word) needs a value")
        }
        return value
    }

    mutating func number(_ word: String, _ range: ClosedRange<Int>) throws -> Int {
        let text = try value(word)
        guard let number = Int(text), range.contains(number) else {
            throw UsageError("\(word) \(text): give \(range.lowerBound)-\(range.upperBound)")
        }
        return number
    }

    mutating func real(_ word: String, _ range: ClosedRange<Double>) throws -> Double {
        let text = try value(word)
        guard let number = Double(text), range.contains(number) else {
            throw UsageError("\(word) \(text): give \(range.lowerBound)-\(range.upperBound)")
        }
        return number
    }
}
