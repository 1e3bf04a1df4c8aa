// swift-tools-version: 6.2
import PackageDescription

// What the detectors of one leg cost: time for 20 ms of audio against a C floor in the same run,
// allocations, bytes of state.
//
//   swift run -c release --package-path tools/bench/detect detectbench [--json] [--rounds N]

let package = Package(
    name: "detect-bench",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "trunkline", path: "../../..")],
    targets: [
        .target(name: "CAllocationCount"),
        .target(name: "CFloor", cSettings: [.unsafeFlags(["-O3"])]),
        .executableTarget(
            name: "detectbench",
            dependencies: [
                "CAllocationCount", "CFloor",
                .product(name: "TrunklineMedia", package: "trunkline"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "hear",
            dependencies: [.product(name: "TrunklineMedia", package: "trunkline")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
