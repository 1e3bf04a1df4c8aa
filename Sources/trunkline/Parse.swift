internal import Orchestrator

/// Reads the values of flags and settings; errors name the flag.
enum Parse {
    typealias Invalid = PlatformConfiguration.Invalid

    /// `127.0.0.1:8080`, `[::1]:8080`.
    static func endpoint(_ name: String, _ text: String) throws -> PlatformConfiguration.Endpoint {
        guard let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]),
            (0...65535).contains(port)
        else { throw Invalid("\(name) \(text) is not HOST:PORT") }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            throw Invalid("\(name) \(text): an IPv6 address stands in brackets, as [::1]:5060")
        }
        guard !host.isEmpty else { throw Invalid("\(name) \(text) is not HOST:PORT") }
        return PlatformConfiguration.Endpoint(host: host, port: port)
    }

    /// `20000-39999`.
    static func ports(_ name: String, _ text: String) throws -> ClosedRange<Int> {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let first = Int(parts[0]), let last = Int(parts[1]), first <= last
        else { throw Invalid("\(name) \(text) is not FIRST-LAST, for example 20000-39999") }
        return first...last
    }

    /// `1,2,3`.
    static func cpus(_ name: String, _ text: String) throws -> [Int] {
        try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            guard let cpu = Int(part), (0..<1024).contains(cpu) else {
                throw Invalid("\(name) \(text) is not a list of CPU numbers, for example 1,2,3")
            }
            return cpu
        }
    }
}
