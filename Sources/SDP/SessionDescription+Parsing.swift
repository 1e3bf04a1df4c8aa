extension SessionDescription {
    /// Reads a description: lines end in CRLF, LF or CR, their order is not insisted on, unknown
    /// lines and attributes are kept, an attribute that cannot be read is kept as text.
    ///
    /// - Throws: a limit of `SDPLimits`; `notSDP`; `badLine` for an m= or c= line that cannot be
    ///   read.
    public init(parsing bytes: [UInt8]) throws(SDPError) {
        guard bytes.count <= SDPLimits.bodyBytes else {
            throw .tooLong(limit: SDPLimits.bodyBytes, have: bytes.count)
        }
        self.init(
            origin: OriginField(sessionID: "0", version: "0", address: "0.0.0.0"), connection: nil)
        var reader = Reader()
        for line in bytes.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
            try reader.count(line)
            // A line without "x=" is noise that some peers add.
            guard line.count >= 2, line[line.startIndex + 1] == UInt8(ascii: "=") else { continue }
            let value = String(decoding: line.dropFirst(2), as: UTF8.self)
            try read(line[line.startIndex], value, &reader)
        }
        guard reader.hasVersion else { throw .notSDP }
    }

    /// Counts against the limits while lines go by.
    private struct Reader {
        var line = 0
        var attributes = 0
        var hasVersion = false
        var hasTiming = false

        mutating func count(_ bytes: ArraySlice<UInt8>) throws(SDPError) {
            line += 1
            guard line <= SDPLimits.lines else { throw .tooManyLines(limit: SDPLimits.lines) }
            guard bytes.count <= SDPLimits.lineBytes else {
                throw .lineTooLong(limit: SDPLimits.lineBytes, line: line)
            }
        }

        mutating func countAttribute() throws(SDPError) {
            attributes += 1
            guard attributes <= SDPLimits.attributes else {
                throw .tooManyAttributes(limit: SDPLimits.attributes)
            }
        }
    }

    private mutating func read(
        _ type: UInt8, _ value: String, _ reader: inout Reader
    ) throws(SDPError) {
        switch type {
        case UInt8(ascii: "v"):
            guard value.trimmed == "0" else { throw .notSDP }
            reader.hasVersion = true
        case UInt8(ascii: "o"):
            if let origin = OriginField(parsing: value) { self.origin = origin }
        case UInt8(ascii: "s"): sessionName = value
        case UInt8(ascii: "c"):
            guard let connection = ConnectionField(parsing: value) else {
                throw .badLine(line: reader.line)
            }
            if media.isEmpty {
                self.connection = connection
            } else {
                // Several c= lines are multicast layers; the first counts.
                let last = media.count - 1
                media[last].connection = media[last].connection ?? connection
            }
        case UInt8(ascii: "t"):
            if !reader.hasTiming { timing = value }
            reader.hasTiming = true
        case UInt8(ascii: "m"):
            guard media.count < SDPLimits.media else {
                throw .tooManyMedia(limit: SDPLimits.media)
            }
            media.append(try MediaDescription(parsing: value, line: reader.line))
            reader.attributes = 0
        case UInt8(ascii: "a"):
            try reader.countAttribute()
            readAttribute(value)
        default:
            try reader.countAttribute()
            let line = String(decoding: [type, UInt8(ascii: "=")], as: UTF8.self) + value
            if media.isEmpty {
                otherLines.append(line)
            } else {
                media[media.count - 1].otherLines.append(line)
            }
        }
    }

    private mutating func readAttribute(_ text: String) {
        let attribute: SDPAttribute
        if let colon = text.firstIndex(of: ":") {
            attribute = SDPAttribute(
                String(text[..<colon]), String(text[text.index(after: colon)...]))
        } else {
            attribute = SDPAttribute(text.trimmed)
        }
        guard media.isEmpty else {
            media[media.count - 1].read(attribute)
            return
        }
        if attribute.value == nil, let direction = MediaDirection(rawValue: attribute.name) {
            self.direction = direction
        } else {
            attributes.append(attribute)
        }
    }
}

extension ConnectionField {
    /// `IN IP4 192.0.2.1/127`.
    init?(parsing value: String) {
        let fields = value.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard fields.count >= 3, fields[0].uppercased() == "IN" else { return nil }
        guard fields[1].uppercased() == "IP4" || fields[1].uppercased() == "IP6",
            let address = fields[2].split(separator: "/").first
        else { return nil }
        self.init(address: String(address))
        isIPv6 = fields[1].uppercased() == "IP6"
    }
}

extension OriginField {
    init?(parsing value: String) {
        let fields = value.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
        guard fields.count >= 6 else { return nil }
        self.init(
            username: fields[0], sessionID: fields[1], version: fields[2], address: fields[5])
    }
}

extension MediaDescription {
    /// `audio 49170/2 RTP/AVP 0 8 101`.
    init(parsing value: String, line: Int) throws(SDPError) {
        let fields = value.split(
            maxSplits: SDPLimits.formats + 3, whereSeparator: { $0 == " " || $0 == "\t" })
        guard fields.count >= 3, fields[0].utf8.count <= 32, fields[2].utf8.count <= 64,
            let portText = fields[1].split(separator: "/").first,
            portText.utf8.allSatisfy(\.isDecimal),
            let port = Int(portText), (0...65_535).contains(port)
        else { throw .badLine(line: line) }
        guard fields.count - 3 <= SDPLimits.formats else {
            throw .tooManyFormats(limit: SDPLimits.formats)
        }
        self.init(
            kind: fields[0].lowercased(), port: port, protocolName: fields[2].uppercased(),
            formats: fields[3...].map(String.init))
    }

    /// Files a media attribute where it belongs; what cannot be read stays among `attributes`.
    mutating func read(_ attribute: SDPAttribute) {
        if attribute.value == nil, let direction = MediaDirection(rawValue: attribute.name) {
            self.direction = direction
            return
        }
        let value = (attribute.value ?? "").trimmed
        switch attribute.name.lowercased() {
        case "rtpmap":
            if let map = RTPMap(parsing: value) { return rtpmaps.append(map) }
        case "fmtp":
            if let space = value.firstIndex(of: " "), let type = UInt8(value[..<space]) {
                let text = String(value[value.index(after: space)...]).trimmed
                return fmtps.append(FormatParameters(payloadType: type, text: text))
            }
        case "ptime":
            if let milliseconds = Self.milliseconds(value) {
                ptime = milliseconds
                return
            }
        case "maxptime":
            if let milliseconds = Self.milliseconds(value) {
                maxptime = milliseconds
                return
            }
        case "rtcp-mux" where attribute.value == nil:
            rtcpMux = true
            return
        case "rtcp":
            let fields = value.split(separator: " ")
            if let first = fields.first, let port = Int(first), (1...65_535).contains(port) {
                rtcpPort = port
                if fields.count >= 4 { rtcpAddress = String(fields[3]) }
                return
            }
        case "crypto":
            if let crypto = CryptoAttribute(parsing: value) { return self.crypto.append(crypto) }
        default: break
        }
        attributes.append(attribute)
    }

    /// Whole milliseconds 1…1000; some peers write `20.0`.
    private static func milliseconds(_ text: String) -> Int? {
        guard let whole = text.split(separator: ".").first, let value = Int(whole),
            (1...1000).contains(value)
        else { return nil }
        return value
    }
}

extension RTPMap {
    /// `101 telephone-event/8000`.
    init?(parsing value: String) {
        let fields = value.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard fields.count >= 2, let type = UInt8(fields[0]), type < 128 else { return nil }
        let parts = fields[1].split(separator: "/")
        guard parts.count >= 2, let rate = Int(parts[1]), (1...1_000_000).contains(rate) else {
            return nil
        }
        let channels = parts.count > 2 ? Int(parts[2]) ?? 1 : 1
        guard (1...255).contains(channels) else { return nil }
        self.init(
            payloadType: type, encoding: String(parts[0]), clockRate: rate, channels: channels)
    }
}

extension String {
    /// Without spaces and tabs at the ends.
    var trimmed: String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        var slice = self[...]
        while let first = slice.first, isSpace(first) { slice.removeFirst() }
        while let last = slice.last, isSpace(last) { slice.removeLast() }
        return String(slice)
    }
}
