import Base
import Foundation
import Orchestrator
import Store
import Telemetry
import Testing

@testable import Server

/// Health, metrics, the key, and the shape of every refusal.
@Suite(.serialized) struct DoorTests {
    @Test func healthNamesEverySocketAndTheStore() async throws {
        try await House.open { house in
            for path in ["/api/health", "/health"] {
                let health = try await house.json("GET", path)
                #expect(health["status"].string == "ok")
                #expect(
                    health["checks"].array.compactMap { $0["name"].string } == [
                        "store", "media", "sip",
                    ])
                #expect(health["checks"].array.allSatisfy { $0["healthy"].bool == true })
            }
        }
    }

    @Test func metricsAreReadablePrometheusTextOfTheCatalogue() async throws {
        try await House.open { house in
            _ = try await house.request("GET", "/v1/calls")
            _ = try await house.request("PROPFIND", "/v1/calls")
            #expect(try await house.request("BREW", "/v1/calls").status == 400)
            let reply = try await house.request("GET", "/metrics")
            #expect(reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            let names = Set(Catalogue.all.map(\.name))
            var samples: [String: Double] = [:]
            for line in reply.text.split(separator: "\n") where !line.hasPrefix("#") {
                let parts = line.split(separator: " ")
                let name = parts[0].prefix { $0 != "{" }
                let base =
                    ["_bucket", "_sum", "_count"].first { name.hasSuffix($0) }
                    .map { String(name.dropLast($0.count)) } ?? String(name)
                #expect(names.contains(String(name)) || names.contains(base), "\(line)")
                let value: Double = try #require(parts.last.flatMap { Double($0) })
                samples[String(parts[0])] = value
            }
            #expect(samples[#"trunkline_http_requests_total{method="GET",status="200"}"#] ?? 0 >= 1)
            // A made-up method has no label set of its own.
            #expect(!reply.text.contains("PROPFIND"))
            #expect(samples.keys.contains { $0.contains(#"method="other""#) })
        }
    }

    @Test func everythingButHealthAndMetricsNeedsTheKey() async throws {
        try await House.open(key: "correct horse") { house in
            for path in ["/api/health", "/health", "/metrics"] {
                #expect(try await house.request("GET", path, key: "").status == 200)
            }
            let closed = [
                ("GET", "/v1/calls"), ("POST", "/v1/calls"), ("GET", "/v1/calls/x"),
                ("DELETE", "/v1/calls/x"), ("POST", "/v1/legs"), ("GET", "/v1/legs/leg-1"),
                ("DELETE", "/v1/legs/leg-1"), ("POST", "/v1/legs/leg-1/bridge"),
                ("POST", "/v1/calls/x/play"), ("GET", "/v1/links"), ("POST", "/v1/links"),
                ("DELETE", "/v1/links/link-1"), ("GET", "/v1/campaigns"), ("POST", "/v1/campaigns"),
                ("GET", "/v1/campaigns/x"), ("POST", "/v1/campaigns/x/contacts"),
                ("POST", "/v1/campaigns/x/start"), ("POST", "/v1/campaigns/x/pause"),
                ("GET", "/v1/campaigns/x/records"), ("POST", "/v1/dnc/internal"),
                ("POST", "/v1/dnc/internal/check"), ("GET", "/v1/events"),
                ("POST", "/api/generate-script"), ("POST", "/api/check-compliance"),
                ("POST", "/api/initiate-call"), ("POST", "/api/classify-outcome"),
                ("POST", "/api/schedule-call"), ("POST", "/api/campaign-analytics"),
                ("GET", "/no/such/page"), ("GET", "/api/health/"), ("GET", "//metrics"),
            ]
            for (method, path) in closed {
                let reply = try await house.request(
                    method, path, method == "POST" ? "{}" : nil, key: "")
                expectError(reply, 401, "unauthorized")
            }
            for wrong in ["wrong", "correct hors", "correct horses", "Correct horse"] {
                expectError(
                    try await house.request("GET", "/v1/calls", key: wrong), 401, "unauthorized")
            }
            expectError(
                try await house.request(
                    "GET", "/v1/calls", key: "", headers: ["Authorization": "Basic correct horse"]),
                401, "unauthorized")
            #expect(try await house.request("GET", "/v1/calls").status == 200)
        }
    }

    @Test func keysAreComparedWhole() {
        #expect(AccessRule.equalInConstantTime([1, 2, 3], [1, 2, 3]))
        #expect(!AccessRule.equalInConstantTime([1, 2, 3], [1, 2]))
        #expect(!AccessRule.equalInConstantTime([1, 2], [1, 2, 0]))
        #expect(!AccessRule.equalInConstantTime([], [0]))
        #expect(AccessRule.equalInConstantTime([], []))
    }

    /// A page of somebody else's in a browser on this machine must not place calls.
    @Test func webPagesOfOthersAreNotServedByAServerWithoutAKey() async throws {
        try await House.open { house in
            let own = "127.0.0.1:\(house.httpPort)"
            for headers in [
                ["Origin": "http://evil.example"], ["Origin": "null"],
                ["Origin": "https://\(own)"], ["Host": "rebound.example:\(house.httpPort)"],
                ["Host": "127.evil.example", "Origin": "http://127.evil.example"],
            ] {
                expectError(
                    try await house.request("POST", "/v1/calls", "{}", headers: headers), 403,
                    "foreign_origin")
            }
            for headers in [
                ["Origin": "http://\(own)"], ["Host": "localhost:\(house.httpPort)"],
                ["Host": "[::1]:8080"],
            ] {
                #expect(
                    try await house.request("GET", "/v1/calls", headers: headers).status == 200)
            }
        }
        try await House.open(key: "k") { house in
            let reply = try await house.request(
                "GET", "/v1/calls", headers: ["Host": "trunkline.example"])
            #expect(reply.status == 200)
        }
    }

    @Test func refusalsOfTheTransportHaveTheSameShape() async throws {
        try await House.open { house in
            expectError(try await house.request("GET", "/v1/nothing"), 404, "not_found")
            expectError(try await house.request("GET", "/"), 404, "not_found")
            expectError(try await house.request("PUT", "/v1/calls", "{}"), 404, "not_found")
            expectError(try await house.request("DELETE", "/metrics"), 404, "not_found")
            for body in ["", "{", "nonsense", "\"unended", "{\"to\":\"a\"}}", "\u{0}"] {
                expectError(
                    try await house.request("POST", "/v1/calls", body), 400, "invalid_json")
            }
            let nested = String(repeating: "[", count: 100_000)
            expectError(
                try await house.request("POST", "/v1/calls", nested), 400, "invalid_json")
            let wrongType = try await house.request("POST", "/v1/calls", "[1]")
            #expect(wrongType.status == 400)
            #expect(wrongType.error["code"].string == "invalid_request")
            let large = "{\"to\":\"" + String(repeating: "x", count: 1 << 20) + "\"}"
            expectError(
                try await house.request("POST", "/v1/calls", large), 413, "body_too_large")
        }
    }

    @Test func storeErrorsBecomeRefusalsWithoutPathsOrSQL() {
        let cases: [(StoreError, Int, String)] = [
            (.notFound("campaign"), 404, "not_found"), (.conflict("UNIQUE x"), 409, "conflict"),
            (.limit(name: "contacts", maximum: 5), 400, "too_many"),
            (.closed, 503, "store_unavailable"),
            (.writeFailed(path: "/data/x", reason: "full"), 503, "store_unavailable"),
            (.database(code: 1, reason: "SELECT"), 503, "store_unavailable"),
        ]
        for (error, status, code) in cases {
            let refusal = PlatformError(error)
            #expect(refusal.status == status && refusal.code == code, "\(error)")
            for secret in ["/data", "SELECT", "UNIQUE"] {
                #expect(!refusal.message.contains(secret))
            }
        }
    }

    @Test func connectionsAreKeptForTheNextRequestAndClosedWhenAsked() async throws {
        try await House.open { house in
            let wire = try await Wire(port: house.httpPort)
            let get = "GET /health HTTP/1.1\r\nHost: localhost\r\n"
            try await wire.send(get + "\r\n")
            try await wire.until("\"checks\"")
            #expect(!wire.isClosed)
            try await wire.send(get + "Connection: close\r\n\r\n")
            try await eventually("the server to close") { wire.isClosed }
            #expect(wire.text.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
            // What is no HTTP is told so.
            let other = try await Wire(port: house.httpPort)
            try await other.send("\u{16}\u{3}\u{1}nonsense\r\n\r\n")
            try await eventually("the server to close") { other.isClosed }
            #expect(other.text.hasPrefix("HTTP/1.1 400"))
        }
    }
}
