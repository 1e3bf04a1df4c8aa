// swift-tools-version: 6.2
import PackageDescription

// The Detection room's own features of WAV files, as rows of floats, for tools/train.
//
//   swift run -c release --package-path tools/train/features earfeatures OUT < list-of-files

let package = Package(
    name: "ear-features",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "trunkline", path: "../../..")],
    targets: [
        .executableTarget(
            name: "earfeatures",
            dependencies: [.product(name: "TrunklineMedia", package: "trunkline")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
