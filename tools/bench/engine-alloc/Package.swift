// swift-tools-version: 6.2
import PackageDescription

// The media engine alone, without the server. `engine-alloc` counts heap allocations on its worker
// threads (nested, because overriding malloc must reach nothing but this one executable);
// `enginehost` is what tools/bench/run measures.
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
    dependencies: [.package(name: "trunkline", path: "../../..")],
    targets: [
        .target(name: "CEngineCount"),
        .executableTarget(
            name: "engine-alloc", dependencies: ["CEngineCount"] + engine, swiftSettings: settings),
        .executableTarget(name: "enginehost", dependencies: engine, swiftSettings: settings),
    ]
)
