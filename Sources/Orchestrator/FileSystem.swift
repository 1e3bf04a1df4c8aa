internal import Foundation

enum FileSystem {
    /// Makes the directory and those above it; only its owner may enter.
    static func makePrivateDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
    }
}
