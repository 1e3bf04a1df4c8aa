// swift-tools-version: 6.2
import PackageDescription

// One package, one executable, many rooms. A room is a target; what it may import is exactly its
// dependency list here (docs/ARCHITECTURE.md says why), and `tools/check` builds with
// `--explicit-target-dependency-import-check error` so that nothing walks through a wall.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// A room: a library target in Sources/NAME and its tests in Tests/NAMETests.
func room(
    _ name: String, _ imports: [Target.Dependency] = [], tests: [Target.Dependency] = [],
    resources: [Resource]? = nil
) -> [Target] {
    [
        .target(
            name: name, dependencies: imports, resources: resources, swiftSettings: strict),
        .testTarget(
            name: name + "Tests",
            dependencies: [.target(name: name)] + imports + tests,
            swiftSettings: strict),
    ]
}

func lib(_ product: String, _ package: String) -> Target.Dependency {
    .product(name: product, package: package)
}

let nio = [
    lib("NIOCore", "swift-nio"), lib("NIOPosix", "swift-nio"),
    lib("NIOConcurrencyHelpers", "swift-nio"),
]
let nioWeb = [
    lib("NIOHTTP1", "swift-nio"), lib("NIOWebSocket", "swift-nio"), lib("NIOSSL", "swift-nio-ssl"),
]
let log = lib("Logging", "swift-log")

var targets: [Target] = [
    // C: system libraries, and the few calls Glibc's Swift module lacks.
    .systemLibrary(
        name: "CSRTP", path: "Sources/CSRTP", pkgConfig: "libsrtp2",
        providers: [.apt(["libsrtp2-dev"])]),
    .systemLibrary(
        name: "COpus", path: "Sources/COpus", pkgConfig: "opus",
        providers: [.apt(["libopus-dev"])]),
    .systemLibrary(
        name: "CSpeexDSP", path: "Sources/CSpeexDSP", pkgConfig: "speexdsp",
        providers: [.apt(["libspeexdsp-dev"])]),
    .systemLibrary(
        name: "COpenSSL", path: "Sources/COpenSSL", pkgConfig: "openssl",
        providers: [.apt(["libssl-dev"])]),
    .target(name: "CLinux"),
    .target(name: "CVector"),
]

// Base and model
targets += room("Base")
targets += room("Telemetry", ["Base"])
targets += room("CallModel", ["Base"])

// Core: sans-IO
targets += room("RTP", ["Base"])
targets += room("SDP", ["Base"])
targets += room("SIP", ["Base"])
targets += room("SecureRTP", ["Base", "CSRTP", "COpenSSL"])
targets += room("Audio", ["Base", "COpus", "CSpeexDSP", "CVector"])
targets += room(
    "Detection", ["Base", "CallModel", "Audio", "CVector"])
targets += room("Compliance", ["Base", "CallModel"])
targets += room("Campaigns", ["Base", "CallModel", "Compliance"])
targets += room("Conversation", ["Base", "CallModel"])
targets += room("Media", ["Base", "CallModel", "RTP", "SecureRTP", "Audio", "Detection"])

// Edge
targets += room(
    "MediaEngine",
    [
        "Base", "CallModel", "RTP", "SecureRTP", "Audio", "Detection", "Media", "Telemetry",
        "CLinux",
    ])
targets += room(
    "Signalling",
    [
        "Base", "CallModel", "SIP", "SDP", "Telemetry", log, lib("Crypto", "swift-crypto"),
        lib("NIOTLS", "swift-nio"),
    ] + nio + nioWeb)
targets += room(
    "Streaming", ["Base", "CallModel", "Audio", "Telemetry", "CLinux", log] + nio + nioWeb)
targets += room(
    "Speech",
    [
        "Base", lib("AsyncHTTPClient", "async-http-client"), lib("NIOCore", "swift-nio"),
        lib("NIOFoundationCompat", "swift-nio"),
    ], tests: nio + nioWeb)
targets += room(
    "Store",
    ["Base", "CallModel", "Compliance", "Campaigns", lib("GRDB", "GRDB.swift")])
targets += room(
    "Orchestrator",
    [
        "Base", "Telemetry", "CallModel", "SDP", "SIP", "SecureRTP", "Audio", "Detection",
        "Compliance", "Campaigns", "Conversation", "Media", "MediaEngine", "Signalling",
        "Streaming", "Speech", "Store", log, lib("AsyncHTTPClient", "async-http-client"),
    ] + nio)
targets += room(
    "Server",
    [
        "Base", "Telemetry", "CallModel", "Compliance", "Campaigns", "Conversation", "Store",
        "Orchestrator", log,
        lib("Hummingbird", "hummingbird"), lib("HummingbirdCore", "hummingbird"),
        lib("HTTPTypes", "swift-http-types"),
        lib("NIOHTTPTypes", "swift-nio-extras"), lib("NIOHTTPTypesHTTP1", "swift-nio-extras"),
        lib("ServiceLifecycle", "swift-service-lifecycle"),
    ] + nio + nioWeb, tests: [lib("NIOEmbedded", "swift-nio")])

targets += [
    .executableTarget(
        name: "trunkline",
        dependencies: [
            "Base", "Telemetry", "CallModel", "RTP", "SDP", "SIP", "SecureRTP", "Audio",
            "Detection", "Compliance", "Campaigns", "Conversation", "Media", "MediaEngine",
            "Signalling", "Streaming", "Speech", "Store", "Orchestrator", "Server", "CLinux",
            lib("ArgumentParser", "swift-argument-parser"), log,
            lib("ServiceLifecycle", "swift-service-lifecycle"),
            lib("Configuration", "swift-configuration"), lib("SystemPackage", "swift-system"),
            lib("Hummingbird", "hummingbird"),
        ] + nio,
        swiftSettings: strict),
    // The whole system in virtual time: drives the core rooms, never the edge.
    .target(
        name: "Simulation",
        dependencies: ["Base", "CallModel", "RTP", "SDP", "SIP", "Audio", "Detection", "Media"],
        swiftSettings: strict),
    .testTarget(
        name: "SimulationTests",
        dependencies: [
            "Simulation", "Base", "CallModel", "RTP", "SDP", "SIP", "Audio", "Detection", "Media",
        ],
        swiftSettings: strict),
    // Real sockets, real processes, real peers.
    .testTarget(
        name: "PeerTests",
        dependencies: [
            "trunkline", "Base", "Audio", "RTP", "SecureRTP", "CallModel", "SDP", "SIP",
            "Signalling", "Telemetry", log,
            lib("ArgumentParser", "swift-argument-parser"),
        ] + nio,
        swiftSettings: strict),
]

// TRUNKLINE_ROOMS=SIP,Signalling leaves only those rooms' tests in the graph: what a contributor
// waits for while working on one room.
if let only = Context.environment["TRUNKLINE_ROOMS"]?.split(separator: ",").map(String.init) {
    targets.removeAll { $0.type == .test && !only.contains(String($0.name.dropLast(5))) }
}

let package = Package(
    name: "trunkline",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "trunkline", targets: ["trunkline"]),
        .library(
            name: "TrunklineMedia",
            targets: ["Base", "CallModel", "RTP", "SecureRTP", "Audio", "Detection", "Media"]),
        .library(name: "TrunklineEngine", targets: ["MediaEngine", "Telemetry"]),
        .library(name: "TrunklineStreams", targets: ["Streaming"]),
        .library(name: "TrunklineSIP", targets: ["Base", "SIP", "SDP"]),
        .library(
            name: "TrunklineSignalling", targets: ["CallModel", "Signalling", "Telemetry"]),
        .library(name: "TrunklineRules", targets: ["Compliance", "Campaigns"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-crypto", "3.12.0"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0",
            traits: [.defaults, "YAML"]),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: targets
)
