// swift-tools-version: 6.2
import PackageDescription

// From the socket to the detector: how long a packet of a clean stream takes through a running
// engine, with other legs at work beside it. Ends with 1 when the 99th percentile is 1 ms or more.
//
//   swift run -c release --package-path tools/bench/tap tap --legs 200 --seconds 20

let package = Package(
    name: "tap",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "trunkline", path: "../../..")],
    targets: [
        .executableTarget(
            name: "tap",
            dependencies: [
                .product(name: "TrunklineMedia", package: "trunkline"),
                .product(name: "TrunklineEngine", package: "trunkline"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
