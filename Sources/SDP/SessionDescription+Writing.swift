extension SessionDescription {
    /// The body on the wire: RFC 8866's order of lines, CRLF after each.
    public var serialised: String {
        var lines = [
            "v=0", "o=\(origin.serialised)", "s=\(sessionName.isEmpty ? "-" : sessionName)",
        ]
        let (beforeConnection, afterConnection) = Self.split(otherLines, at: "iuep")
        lines += beforeConnection
        if let connection { lines.append("c=\(connection.serialised)") }
        // b= stands before t=; r=, z= and k= after it.
        let (bandwidth, afterTiming) = Self.split(afterConnection, at: "b")
        lines += bandwidth
        lines.append("t=\(timing)")
        lines += afterTiming
        lines += attributes.map(\.line)
        if let direction { lines.append("a=\(direction.rawValue)") }
        for description in media { lines += description.lines }
        // What was read may hold anything but line ends; what a caller sets may not end a line.
        return lines.map { $0.filter { !$0.isNewline } + "\r\n" }.joined()
    }

    /// The same in UTF-8, for a message's body.
    public var serialisedBytes: [UInt8] { Array(serialised.utf8) }

    /// The lines whose type is one of `types`, and the rest, each in order.
    static func split(_ lines: [String], at types: String) -> ([String], [String]) {
        (
            lines.filter { $0.first.map { types.contains($0) } ?? false },
            lines.filter { !($0.first.map { types.contains($0) } ?? false) }
        )
    }
}

extension SDPAttribute {
    var line: String { value.map { "a=\(name):\($0)" } ?? "a=\(name)" }
}

extension MediaDescription {
    var lines: [String] {
        let list = formats.isEmpty ? "0" : formats.joined(separator: " ")
        var lines = ["m=\(kind) \(port) \(protocolName) \(list)"]
        let (title, rest) = SessionDescription.split(otherLines, at: "i")
        lines += title
        if let connection { lines.append("c=\(connection.serialised)") }
        lines += rest
        for map in rtpmaps {
            let channels = map.channels == 1 ? "" : "/\(map.channels)"
            lines.append("a=rtpmap:\(map.payloadType) \(map.encoding)/\(map.clockRate)\(channels)")
        }
        for fmtp in fmtps { lines.append("a=fmtp:\(fmtp.payloadType) \(fmtp.text)") }
        for line in crypto { lines.append("a=crypto:\(line.serialised)") }
        if let ptime { lines.append("a=ptime:\(ptime)") }
        if let maxptime { lines.append("a=maxptime:\(maxptime)") }
        if let rtcpPort {
            let address = rtcpAddress.map { " \(ConnectionField(address: $0).serialised)" } ?? ""
            lines.append("a=rtcp:\(rtcpPort)\(address)")
        }
        if rtcpMux { lines.append("a=rtcp-mux") }
        lines += attributes.map(\.line)
        if let direction { lines.append("a=\(direction.rawValue)") }
        return lines
    }
}
