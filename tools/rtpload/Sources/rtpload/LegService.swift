import CRTPLoad
import Foundation

/// An address of this machine: a load generator that could be pointed anywhere would be a weapon.
func loopback(_ host: String) throws -> UInt32 {
    let address = rl_address(host == "localhost" ? "127.0.0.1" : host)
    guard address >> 24 == 127 else {
        throw UsageError("\(host): rtpload sends to 127.0.0.0/8 only")
    }
    return address
}

/// Makes and removes legs over a trunkline server's HTTP interface.
struct LegService {
    struct Created {
        var id: String
        var port: Int
        var localKey: [UInt8]?
        var remoteKey: [UInt8]?
    }

    private let address: UInt32
    private let port: Int
    private let authority: String
    private let options: Options

    init(_ text: String, _ options: Options) throws {
        guard let url = URL(string: text), url.scheme == "http", let host = url.host else {
            throw UsageError("--api \(text): give http://HOST:PORT")
        }
        address = try loopback(host)
        port = url.port ?? 80
        authority = "\(host):\(port)"
        self.options = options
    }

    func create(localPort: Int) throws -> Created {
        let key = options.isSecure ? (0..<30).map { _ in UInt8.random(in: 0...255) } : nil
        var offer = """
            v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
            m=audio \(localPort) RTP/\(key == nil ? "AVP" : "SAVP") 0 101\r\n\
            a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
            a=ptime:\(options.ptime)\r\na=sendrecv\r\n
            """
        if let key {
            offer += "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"
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
            let port = object["port"] as? Int
        else {
            throw UsageError("POST /v1/legs: " + String(decoding: answer, as: UTF8.self))
        }
        var created = Created(id: id, port: port)
        guard let key else { return created }
        guard let inline = sdp.components(separatedBy: "inline:").dropFirst().first else {
            throw UsageError("the answer has no SRTP key")
        }
        let text = inline.prefix { $0.isLetter || $0.isNumber || "+/=".contains($0) }
        created.localKey = key
        created.remoteKey = try Options.key(String(text))
        return created
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
