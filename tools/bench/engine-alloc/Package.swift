// swift-tools-version: 6.2
import PackageDescription

// The media engine alone, without the server. `engine-alloc` counts heap allocations on its worker
// threads (nested, because overriding malloc must reach nothing but this one executable);
// `enginehost` and `aihost` (the engine with media streams to a bot) are what tools/bench/run measures.
//
//   swift run -c release --package-path tools/bench/engine-alloc engine-alloc

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]
let engine: [Target.Dependency] = [
    .product(name: "TrunklineMedia", package: "trunkline"),
    .product(name: "TrunklineEngine", package: "trunkline"),
]

let package = Package(
    name: "engine-alloc",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "trunkline", path: "../../.."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        .target(name: "CEngineCount"),
        .executableTarget(
            name: "engine-alloc", dependencies: ["CEngineCount"] + engine, swiftSettings: settings),
        .target(name: "HostArguments", swiftSettings: settings),
        .executableTarget(
            name: "enginehost", dependencies: ["HostArguments"] + engine, swiftSettings: settings),
        .executableTarget(
            name: "aihost",
            dependencies: ["HostArguments"] + engine + [
                .product(name: "TrunklineStreams", package: "trunkline"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: settings),
    ]
)
