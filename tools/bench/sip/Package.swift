// swift-tools-version: 6.2
import PackageDescription

// What SIP costs: `sipbench` without sockets (parsing, allocation, memory of a dialog, whole calls),
// `sipcalls` with them (whole outbound calls to a peer). tools/bench/sip/run uses both.
//
//   swift run -c release --package-path tools/bench/sip sipbench

let package = Package(
    name: "sipbench",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(name: "trunkline", path: "../../.."),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    ],
    targets: [
        .target(name: "CHeapCount"),
        .executableTarget(
            name: "sipbench",
            dependencies: [
                "CHeapCount", .product(name: "TrunklineSIP", package: "trunkline"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "sipcalls",
            dependencies: [
                .product(name: "TrunklineSIP", package: "trunkline"),
                .product(name: "TrunklineSignalling", package: "trunkline"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
