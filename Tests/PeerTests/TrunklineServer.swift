import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// `trunkline serve` as a child process on its own ports and data directory.
final class TrunklineServer: Sendable {
    let directory: String
    let httpPort: Int
    let sipPort: Int
    private let configPath: String
    private let firstPort: Int
    private let rtpCount: Int
    /// A command that runs the server: a wrapper into a namespace.
    private let prefix: [String]
    nonisolated(unsafe) private(set) var child: Child

    init(
        directory: String, trunkPort: Int? = nil, extra: String = "", rtpCount: Int = 200,
        prefix: [String] = []
    ) async throws {
        self.directory = directory
        self.rtpCount = rtpCount
        self.prefix = prefix
        httpPort = try freePort()
        sipPort = try freePort()
        firstPort = try TestPorts.server.take()
        configPath = directory + "/config.yaml"
        var config = extra
        if let trunkPort { config += "\ntrunk:\n  address: \"127.0.0.1:\(trunkPort)\"\n" }
        try config.write(toFile: configPath, atomically: true, encoding: .utf8)
        child = try Self.spawn(
            directory, configPath, httpPort, sipPort, firstPort, rtpCount, prefix)
        try await waitForHealth()
    }

    private static func spawn(
        _ directory: String, _ config: String, _ http: Int, _ sip: Int, _ first: Int, _ count: Int,
        _ prefix: [String]
    ) throws -> Child {
        try Child(
            "serve", prefix.first ?? Place.trunkline,
            prefix.dropFirst() + (prefix.isEmpty ? [] : [Place.trunkline]) + [
                "serve", "--config", config, "--http", "127.0.0.1:\(http)", "--sip",
                "127.0.0.1:\(sip)", "--rtp-ports", "\(first)-\(first + count - 1)", "--data",
                directory + "/data",
            ], log: directory)
    }

    func restart() async throws {
        child = try Self.spawn(
            directory, configPath, httpPort, sipPort, firstPort, rtpCount, prefix)
        try await waitForHealth()
    }

    private func waitForHealth() async throws {
        try await eventually("the server to be healthy", within: 20) {
            guard child.isRunning else {
                throw PeerFailure("the server ended: \(child.output.suffix(500))")
            }
            return (try? await request("GET", "/api/health").status) == 200
        }
    }

    var dataDirectory: String { directory + "/data" }

    func request(
        _ method: String, _ path: String, body: String? = nil,
        type: String = "application/json", headers: [String: String] = [:]
    ) async throws -> (status: Int, body: Data) {
        guard let url = URL(string: "http://127.0.0.1:\(httpPort)\(path)") else {
            throw PeerFailure("bad path \(path)")
        }
        var request = URLRequest(url: url, timeoutInterval: 20)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        if body != nil { request.setValue(type, forHTTPHeaderField: "Content-Type") }
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, data)
    }

    /// The JSON object of a request that must succeed.
    func json(
        _ method: String, _ path: String, _ body: String? = nil, type: String = "application/json"
    ) async throws -> JSON {
        let (status, data) = try await request(method, path, body: body, type: type)
        guard (200..<300).contains(status) else {
            throw PeerFailure(
                "\(method) \(path): \(status) \(String(decoding: data, as: UTF8.self))")
        }
        return data.isEmpty
            ? JSON([String: Any]()) : JSON(try JSONSerialization.jsonObject(with: data))
    }

    /// The records of the calls taken, once there are `count`: a record is written after the
    /// call's last message and its streams' ends.
    func records(_ count: Int) async throws -> [JSON] {
        var records: [JSON] = []
        try await eventually("\(count) records", within: 20) {
            records = try await json("GET", "/v1/calls")["records"].array
            return records.count == count
        }
        return records
    }

    func metric(_ line: String) async throws -> Double? {
        let text = String(decoding: try await request("GET", "/metrics").body, as: UTF8.self)
        return text.split(separator: "\n").first { $0.hasPrefix(line + " ") }
            .flatMap { $0.split(separator: " ").last }.flatMap { Double($0) }
    }
}

/// Reads JSON without ceremony; a wrong path is nil and fails the expectation that needs it.
struct JSON: @unchecked Sendable {
    // @unchecked: holds the immutable result of JSONSerialization.
    let value: Any?
    init(_ value: Any?) { self.value = value }
    subscript(key: String) -> JSON { JSON((value as? [String: Any])?[key]) }
    subscript(index: Int) -> JSON {
        guard let list = value as? [Any], list.indices.contains(index) else { return JSON(nil) }
        return JSON(list[index])
    }
    var string: String? { value as? String }
    var double: Double? { (value as? NSNumber)?.doubleValue }
    var int: Int? { (value as? NSNumber)?.intValue }
    var bool: Bool? { (value as? NSNumber)?.boolValue }
    var array: [JSON] { (value as? [Any] ?? []).map { JSON($0) } }

    init(line: some StringProtocol) {
        value = try? JSONSerialization.jsonObject(with: Data(line.utf8))
    }

    /// One object a line.
    static func lines(of path: String) -> [JSON] {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map { JSON(line: $0) }.filter { $0.value != nil }
    }
}
