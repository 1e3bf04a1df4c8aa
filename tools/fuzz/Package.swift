// swift-tools-version: 6.2
import PackageDescription

// libFuzzer over every parser and state machine that reads what a stranger sends. Nested, because a
// fuzz target's `main` is libFuzzer's own and would break `swift test` of the package it stands in.
// One executable holds all targets: FUZZ_TARGET names the one to run. See tools/fuzz/run.

let package = Package(
    name: "fuzz",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "trunkline", path: "../..")],
    targets: [
        .executableTarget(
            name: "fuzz",
            dependencies: [
                .product(name: "TrunklineMedia", package: "trunkline"),
                .product(name: "TrunklineSIP", package: "trunkline"),
                .product(name: "TrunklineRules", package: "trunkline"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])])
    ]
)
