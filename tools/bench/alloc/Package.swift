// swift-tools-version: 6.2
import PackageDescription

// Counts heap allocations on the packet path. Nested, because overriding malloc must reach nothing
// but this one executable.
//
//   swift run -c release --package-path tools/bench/alloc alloc

let package = Package(
    name: "alloc",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "trunkline", path: "../../..")],
    targets: [
        .target(name: "CAllocationCount"),
        .executableTarget(
            name: "alloc",
            dependencies: [
                "CAllocationCount", .product(name: "TrunklineMedia", package: "trunkline"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]),
    ]
)
