// swift-tools-version: 6.2
import PackageDescription

// The package's own Audio and Media rooms behind a command line, for tools/quality: concealment of
// losses, what the two taps make of a network, and the time that codecs and filters take.
//
//   swift run -c release --package-path tools/quality/plc-cli plc conceal JOBS
//   swift run -c release --package-path tools/quality/plc-cli plc time

let package = Package(
    name: "plc-cli",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "trunkline", path: "../../..")],
    targets: [
        // Own name: a target name is unique among packages, and trunkline's is not a product.
        .systemLibrary(
            name: "CSpeexReference", path: "Sources/CSpeexReference", pkgConfig: "speexdsp"),
        .executableTarget(
            name: "plc",
            dependencies: [
                "CSpeexReference", .product(name: "TrunklineMedia", package: "trunkline"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
        .executableTarget(
            name: "taps",
            dependencies: [.product(name: "TrunklineMedia", package: "trunkline")],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
