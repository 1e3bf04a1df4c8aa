import CRTPLoad
import Foundation
import SecureRTP

/// An IPv4 address in host order; 0 when it is none.
func ipv4(_ text: String) -> UInt32 { rl_address(text) }

/// Makes and removes legs over a trunkline server's HTTP interface.
struct LegService {
    struct Created {
        var id: String
        var plan: LegPlan
    }

    private let address: UInt32
    private let port: Int
    private let authority: String
    private let options: Options
    private let track: Track

    init(_ text: String, _ options: Options, _ track: Track) throws {
        guard let url = URL(string: text), url.scheme == "http", let host = url.host,
            (1...65_535).contains(url.port ?? 80)
        else { throw UsageError("--api \(text): give http://HOST:PORT") }
        address = try options.address(host)
        port = url.port ?? 80
        authority = "\(host):\(port)"
        self.options = options
        self.track = track
    }

    func create(index: Int, localPort: Int) throws -> Created {
        let size = options.suite.keyAndSaltCount
        let key = options.isSecure ? (0..<size).map { _ in UInt8.random(in: 0...255) } : nil
        let type = options.payloadType ?? track.codec.staticPayloadType
        let ptime = track.interval / 1_000_000
        var offer = """
            v=0\r\no=- 1 1 IN IP4 \(options.bind)\r\ns=-\r\nc=IN IP4 \(options.bind)\r\nt=0 0\r\n\
            m=audio \(localPort) RTP/\(key == nil ? "AVP" : "SAVP") \(type) 101\r\n\
            a=rtpmap:\(type) \(track.codec.rawValue)/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
            a=ptime:\(ptime)\r\na=sendrecv\r\n
            """
        if let key {
            offer += "a=crypto:1 \(options.suite.sdpName) inline:"
            offer += Data(key).base64EncodedString() + "\r\n"
        }
        var body: [String: Any] = [
            "offer": offer, "mode": options.mode, "options": ["detection": options.detects],
        ]
        if let url = options.streamURL { body["stream_url"] = url }
        let content = try JSONSerialization.data(withJSONObject: body)
        let answer = try request("POST", "/v1/legs", content)
        guard let object = try? JSONSerialization.jsonObject(with: answer) as? [String: Any],
            let id = object["leg_id"] as? String, let sdp = object["answer"] as? String,
            let port = object["port"] as? Int, (1...65_535).contains(port)
        else {
            throw UsageError("POST /v1/legs: " + String(decoding: answer, as: UTF8.self))
        }
        do {
            return Created(id: id, plan: try plan(index, sdp, port, key))
        } catch {
            remove(id)
            throw error
        }
    }

    /// Where the answer says that the leg is, and with what keys.
    private func plan(_ index: Int, _ sdp: String, _ port: Int, _ key: [UInt8]?) throws -> LegPlan {
        let host = sdp.components(separatedBy: "c=IN IP4 ").dropFirst().first ?? options.bind
        let there = String(host.prefix { $0.isNumber || $0 == "." })
        var plan = LegPlan(address: try options.address(there), port: port, pair: index)
        plan.suite = options.suite
        if let key {
            guard let inline = sdp.components(separatedBy: "inline:").dropFirst().first else {
                throw UsageError("the answer has no SRTP key")
            }
            let text = inline.prefix { $0.isLetter || $0.isNumber || "+/=".contains($0) }
            plan.sendKey = key
            plan.receiveKey = try options.key(String(text))
        }
        return plan
    }

    func remove(_ id: String) { _ = try? request("DELETE", "/v1/legs/\(id)", Data()) }

    private func request(_ method: String, _ path: String, _ body: Data) throws -> Data {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: \(authority)\r\nConnection: close\r\n"
        if let token = options.token { text += "Authorization: Bearer \(token)\r\n" }
        text += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n\r\n"
        let message = Array(text.utf8) + Array(body)
        var response = [UInt8](repeating: 0, count: 65_536)
        let count = rl_exchange(
            address, UInt16(port), message, Int32(message.count), &response,
            Int32(response.count))
        guard count > 0 else {
            throw UsageError("\(method) \(path) at \(authority): no answer (\(count))")
        }
        let answer = Data(response[0..<Int(count)])
        let blank = answer.range(of: Data("\r\n\r\n".utf8))
        let content = blank.map { answer[$0.upperBound...] } ?? answer
        // A chunked answer of one chunk: take what lies between the braces.
        guard let first = content.firstIndex(of: UInt8(ascii: "{")),
            let last = content.lastIndex(of: UInt8(ascii: "}")), first < last
        else { return Data(content) }
        return Data(content[first...last])
    }
}
