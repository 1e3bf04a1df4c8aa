// swift-tools-version: 6.2
import PackageDescription

// Runs a capture or a made-up network through the playout buffer and prints CSV for
// tools/plot-jitter; also says what a packet and a frame cost, in time and allocations.
//
//   swift run -c release --package-path tools/bench/jitter jitter --network wifi > var/jitter.csv

let package = Package(
    name: "jitter",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "trunkline", path: "../../..")],
    targets: [
        .target(name: "CAllocationCount"),
        .executableTarget(
            name: "jitter",
            dependencies: [
                "CAllocationCount", .product(name: "TrunklineMedia", package: "trunkline"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
