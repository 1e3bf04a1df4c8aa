// swift-tools-version: 6.2
import PackageDescription

// Cost of SRTP per packet, ours and libsrtp2's in the same interleaved run.
//
//   swift run -c release --package-path tools/bench/srtp srtp

let package = Package(
    name: "srtp",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "trunkline", path: "../../..")],
    targets: [
        .executableTarget(
            name: "srtp",
            dependencies: [.product(name: "TrunklineMedia", package: "trunkline")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
