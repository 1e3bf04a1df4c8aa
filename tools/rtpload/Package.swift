// swift-tools-version: 6.2
import PackageDescription

// A load generator for anything that answers RTP. Nested, so that the server does not carry it.
//
//   swift run -c release --package-path tools/rtpload rtpload --help

let package = Package(
    name: "rtpload",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "trunkline", path: "../..")],
    targets: [
        .target(name: "CRTPLoad"),
        .executableTarget(
            name: "rtpload",
            dependencies: ["CRTPLoad", .product(name: "TrunklineMedia", package: "trunkline")],
            swiftSettings: [
                .swiftLanguageMode(.v6),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
            ]),
    ]
)
