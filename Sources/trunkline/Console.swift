internal import ArgumentParser
internal import Foundation
internal import NIOCore
internal import Orchestrator

/// The two streams a person or script reads.
enum Console {
    static func line(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }

    static func error(_ text: String) {
        FileHandle.standardError.write(Data(("trunkline: " + text + "\n").utf8))
    }

    /// Says what failed in one line that names the remedy; the caller throws what comes back.
    static func exit(_ failure: any Error, _ settings: PlatformConfiguration?) -> any Error {
        if failure is ExitCode { return failure }
        if let io = failure as? IOError, io.errnoCode == EADDRINUSE, let http = settings?.http {
            error(
                "HTTP address \(http.host):\(http.port) is in use: stop the program that holds it "
                    + "(`ss -ltnp` shows it) or choose another with --http HOST:PORT")
        } else {
            error(String(describing: failure))
        }
        return ExitCode.failure
    }
}
