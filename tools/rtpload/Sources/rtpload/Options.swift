import Foundation

/// A wrong argument, in words.
struct UsageError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// The command line.
struct Options {
    static let usage = """
        rtpload: sends G.711 RTP on N legs, evenly phased, and measures what comes back.

        Where to (one of):
          --to HOST:PORT[+STEP]   leg i goes to PORT + i·STEP (step 2 when not given)
          --legs-file FILE        one leg a line: PORT,PAIR,TXKEY,RXKEY; PAIR is the line (from 0)
                                  whose audio comes back here, a key is base64 or `-`
          --api URL               make the legs by POST URL/v1/legs (trunkline), delete them after
        How much:
          --legs N (100)  --seconds S (5)  --warmup S (1)  --ptime MS (20: 10, 20, 30, 40, 60)
          --wav FILE              G.711 of this file (any rate) instead of a made-up voice
        SRTP (AES_CM_128_HMAC_SHA1_80):
          --srtp                  offer it (--api)
          --key BASE64            30 bytes for both ways of every leg (--to)
        --api only:
          --mode WORD (echo)  --stream-url URL  --no-detection  --token KEY
        Machine:
          --from PORT (30000)     our ports: PORT + 2·phase, RTCP above each
          --pid PID               report this process's CPU time
          --cpu N  --realtime     pin us, ask for SCHED_RR
          --batch N (16)          datagrams a sendmmsg
        The result is one JSON object on standard output. Only loopback addresses are served.
        """

    var target: (address: UInt32, port: Int, step: Int)?
    var legsFile: String?
    var api: String?
    var legs = 100
    var seconds = 5.0
    var warmup = 1.0
    var ptime = 20
    var wav: String?
    var isSecure = false
    var key: [UInt8]?
    var mode = "echo"
    var streamURL: String?
    var detects = true
    var token: String?
    var from = 30_000
    var pid: Int?
    var cpu = -1
    var isRealtime = false
    var batch = 16

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            func value() throws -> String {
                guard let value = rest.popFirst() else {
                    throw UsageError("\(word) needs a value")
                }
                return value
            }
            func number(_ range: ClosedRange<Int>) throws -> Int {
                let text = try value()
                guard let number = Int(text), range.contains(number) else {
                    throw UsageError(
                        "\(word) \(text): give \(range.lowerBound)-\(range.upperBound)")
                }
                return number
            }
            func duration() throws -> Double {
                let text = try value()
                guard let seconds = Double(text), (0...3600).contains(seconds) else {
                    throw UsageError("\(word) \(text): give 0-3600 seconds")
                }
                return seconds
            }
            switch word {
            case "--to": target = try Self.target(try value())
            case "--legs-file": legsFile = try value()
            case "--api": api = try value()
            case "--legs": legs = try number(1...20_000)
            case "--seconds": seconds = try duration()
            case "--warmup": warmup = try duration()
            case "--ptime":
                ptime = try number(10...60)
                guard [10, 20, 30, 40, 60].contains(ptime) else {
                    throw UsageError("--ptime \(ptime): give 10, 20, 30, 40 or 60")
                }
            case "--wav": wav = try value()
            case "--srtp": isSecure = true
            case "--key": key = try Self.key(try value())
            case "--mode": mode = try value()
            case "--stream-url": streamURL = try value()
            case "--no-detection": detects = false
            case "--token": token = try value()
            case "--from": from = try number(1024...65_000)
            case "--pid": pid = try number(1...4_194_304)
            case "--cpu": cpu = try number(0...1023)
            case "--realtime": isRealtime = true
            case "--batch": batch = try number(1...64)
            default: throw UsageError("unknown argument \(word)")
            }
        }
        let ways = [target != nil, legsFile != nil, api != nil].count { $0 }
        guard ways == 1 else { throw UsageError("give one of --to, --legs-file, --api") }
        guard seconds > 0 else { throw UsageError("--seconds must be above 0") }
    }

    private static func target(_ text: String) throws -> (address: UInt32, port: Int, step: Int) {
        let parts = text.split(separator: ":")
        let numbers = parts.count == 2 ? parts[1].split(separator: "+") : []
        guard let host = parts.first, let first = numbers.first, numbers.count <= 2,
            let port = Int(first), (1...65_535).contains(port),
            let step = numbers.count == 2 ? Int(numbers[1]) : 2, (0...100).contains(step)
        else { throw UsageError("--to \(text): give HOST:PORT or HOST:PORT+STEP") }
        return (try loopback(String(host)), port, step)
    }

    static func key(_ text: String) throws -> [UInt8] {
        guard let key = Data(base64Encoded: text), key.count == 30 else {
            throw UsageError("an SRTP key is 30 bytes in base64")
        }
        return Array(key)
    }
}
