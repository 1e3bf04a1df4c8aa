import Foundation
import Testing

/// A SIP telephone by hand, caller or callee of one call over UDP: says what the test tells it to.
final class ScriptedPeer {
    let sip: UDPEar
    /// Media ports: a call may move from one to the other.
    let rtp: UDPEar
    let other: UDPEar
    private let name: String
    private let server: Int
    /// The house's ends of the dialog, as they stand in From and To of our requests.
    private var from: String
    private var to: String
    private var callID: String
    /// The user part that our requests go to.
    private var user = "house"
    private var sequence = 0

    init(_ name: String, sipPort: Int) async throws {
        self.name = name
        server = sipPort
        sip = try await UDPEar()
        rtp = try await UDPEar()
        other = try await UDPEar()
        from = "<sip:\(name)@127.0.0.1>;tag=peer"
        to = ""
        callID = name + "-call"
    }

    // MARK: descriptions

    /// One audio line.
    func sdp(
        _ ear: UDPEar, _ profile: String = "RTP/AVP", version: Int = 1, _ lines: [String] = []
    ) -> String {
        ([
            "v=0", "o=- 1 \(version) IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
            "m=audio \(ear.port) \(profile) 0",
        ] + lines + [""]).joined(separator: "\r\n")
    }

    // MARK: messages

    /// Sends a request of the dialog and waits for its final response; an INVITE's 2xx is not
    /// acknowledged.
    @discardableResult
    func request(_ method: String, _ body: String = "", extra: [String] = []) async throws -> Heard
    {
        sequence += 1
        try await sip.send(text(method, body, extra), to: server)
        return try await heard("a response to \(method)") { [sequence] in
            $0.isFinalResponse(to: method, sequence)
        }
    }

    func call(_ user: String, _ body: String, extra: [String] = []) async throws -> Heard {
        self.user = user
        to = "<sip:\(user)@127.0.0.1>"
        let answer = try await request("INVITE", body, extra: extra)
        to = answer["To"]
        return answer
    }

    /// The ACK of the last INVITE's 2xx.
    func acknowledge(_ body: String = "") async throws {
        try await sip.send(text("ACK", body, []), to: server)
    }

    /// Takes the house's INVITE: its first, or a later one.
    func invited(after number: Int = 0) async throws -> Heard {
        let invite = try await heard("an INVITE") {
            $0.first.hasPrefix("INVITE ") && $0.sequence > number
        }
        callID = invite["Call-ID"]
        to = invite["From"]
        let callee = invite["To"]
        from = callee + (callee.contains(";tag=") ? "" : ";tag=peer")
        return invite
    }

    func answer(_ invite: Heard, _ body: String, extra: [String] = []) async throws {
        let head =
            ["SIP/2.0 200 OK"] + invite.lines.filter { $0.hasPrefix("Via: ") }
            + [
                "From: \(invite["From"])", "To: \(from)", "Call-ID: \(callID)",
                "CSeq: \(invite["CSeq"])", "Contact: <sip:\(name)@127.0.0.1:\(sip.port)>",
            ] + extra
        try await sip.send(Self.message(head, body), to: server)
        _ = try await heard("the ACK") {
            $0.first.hasPrefix("ACK ") && $0.sequence == invite.sequence
        }
    }

    private func text(_ method: String, _ body: String, _ extra: [String]) -> String {
        Self.message(
            [
                "\(method) sip:\(user)@127.0.0.1:\(server) SIP/2.0",
                "Via: SIP/2.0/UDP 127.0.0.1:\(sip.port);branch=z9hG4bK\(name)\(method)\(sequence)",
                "Max-Forwards: 70", "From: \(from)", "To: \(to)", "Call-ID: \(callID)",
                "CSeq: \(sequence) \(method)", "Contact: <sip:\(name)@127.0.0.1:\(sip.port)>",
            ] + extra, body)
    }

    private static func message(_ head: [String], _ body: String) -> String {
        let type = body.isEmpty ? [] : ["Content-Type: application/sdp"]
        let lines = head + type + ["Content-Length: \(body.utf8.count)", "", ""]
        return lines.joined(separator: "\r\n") + body
    }

    private func heard(_ what: String, _ matches: (Heard) -> Bool) async throws -> Heard {
        var found: Heard?
        try await eventually(what) {
            found = sip.datagrams.lazy.map { Heard($0) }.first(where: matches)
            return found != nil
        }
        return try #require(found)
    }

    func close() async throws {
        for ear in [sip, rtp, other] { try await ear.close() }
    }
}

/// A message of the house.
struct Heard {
    let lines: [String]
    let body: String

    init(_ bytes: [UInt8]) {
        let parts = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n\r\n")
        lines = parts[0].components(separatedBy: "\r\n")
        body = parts.dropFirst().joined(separator: "\r\n\r\n")
    }

    var first: String { lines.first ?? "" }
    var status: Int { Int(first.split(separator: " ").dropFirst().first ?? "") ?? 0 }
    var sequence: Int { Int(self["CSeq"].prefix { $0.isNumber }) ?? 0 }

    /// The first header of this name.
    subscript(name: String) -> String {
        String(lines.first { $0.hasPrefix(name + ": ") }?.dropFirst(name.count + 2) ?? "")
    }

    func isFinalResponse(to method: String, _ number: Int) -> Bool {
        first.hasPrefix("SIP/2.0 ") && status >= 200 && self["CSeq"] == "\(number) \(method)"
    }

    // MARK: its description

    private var bodyLines: [String] { body.components(separatedBy: "\r\n") }

    /// What follows `start` in every line that has it.
    func values(_ start: String) -> [String] {
        bodyLines.compactMap { $0.hasPrefix(start) ? String($0.dropFirst(start.count)) : nil }
    }

    /// Of o=.
    var version: Int { Int(values("o=").first?.split(separator: " ")[2] ?? "") ?? 0 }
    /// Of the audio line.
    var formats: [String] {
        values("m=audio ").first.map { $0.split(separator: " ").dropFirst(2).map(String.init) }
            ?? []
    }
    var port: Int { Int(values("m=audio ").first?.prefix { $0.isNumber } ?? "") ?? 0 }
    /// Tag, suite and key of each crypto line.
    var crypto: [[String]] {
        values("a=crypto:").map { $0.components(separatedBy: " ") }
    }
}
