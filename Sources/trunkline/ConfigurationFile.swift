internal import Base
internal import CallModel
internal import Configuration
internal import Detection
internal import Foundation
internal import Orchestrator
internal import SecureRTP
internal import Streaming
internal import Synchronization
internal import SystemPackage

/// Reads the YAML configuration file into the platform's settings. docs/OPERATIONS.md lists the keys.
enum ConfigurationFile {
    typealias Invalid = PlatformConfiguration.Invalid

    /// Every key, sections with theirs.
    static let keys: [String: Set<String>] = [
        "http": [], "sip": [], "sip_public_host": [], "data": [], "audio_directories": [],
        "audio_private_hosts": [],
        "workers": [], "cpus": [], "api_key": [], "caller_id": [], "transfer_numbers": [],
        "maximum_calls": [],
        "media_timeout_seconds": [], "routes": [],
        "codecs": [], "accept_codecs": [], "codec_preference": [], "ptime": [], "rtcp_mux": [],
        "rtcp_xr": [], "silence_suppression": [], "opus_bitrate": [], "opus_complexity": [],
        "rtp": ["address", "ports", "receive_buffer", "learn_any_host", "shared_ports"],
        "recording": ["format", "bitrate", "complexity"],
        "stream": [
            "url", "transcript_url", "trust", "mode", "frame_milliseconds", "gather_milliseconds",
            "encoding", "sample_rate", "connections",
        ],
        "srtp": ["required", "mode", "dtls_setup", "backend"],
        "compliance": [
            "federal_list", "federal_list_as_of", "federal_list_waiver", "state_list_waiver",
            "state_lists", "demonstration_clock",
        ],
        "language_model": ["url", "model"], "detection": DetectionKeys.keys,
    ].merging(SIPKeys.keys) { a, _ in a }
        .merging(SIPKeys.trunkSections.map { ($0, SIPKeys.trunkKeys) }) { a, _ in a }
        .merging(["trunk": SIPKeys.offerKeys]) { $0.union($1) }

    /// The first key that nothing reads: a setting misspelt must not be a setting ignored.
    static func unknownKey(in lines: [String]) -> String? {
        let quotes = CharacterSet(charactersIn: "\"'")
        var section: String?
        var depth: Int?
        for line in lines {
            let indentation = line.prefix { $0 == " " }.count
            let text = line.dropFirst(indentation)
            guard let colon = text.firstIndex(of: ":"), !text.hasPrefix("#"), !text.hasPrefix("-")
            else { continue }
            let key = text[..<colon].trimmingCharacters(in: quotes)
            guard key.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }), !key.isEmpty
            else { continue }
            if indentation == 0 {
                guard keys[key] != nil else { return key }
                section = key
                depth = nil
                // A mapping on one line hides its keys from us.
                if text[text.index(after: colon)...].first(where: { $0 != " " }) == "{" {
                    return key + ": {…} (one key a line)"
                }
            } else if let name = section, let known = keys[name], !known.isEmpty,
                indentation == depth ?? indentation
            {
                depth = indentation
                guard known.contains(key) else { return name + "." + key }
            }
        }
        return nil
    }

    static func apply(path: String, to settings: inout PlatformConfiguration) async throws {
        guard let text = FileManager.default.contents(atPath: path) else {
            throw Invalid(
                "the configuration file \(path) cannot be read: correct --config or its permissions"
            )
        }
        // A file of comments only is all defaults; the YAML reader wants a mapping.
        let lines = String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline)
        if lines.allSatisfy({ $0.drop(while: \.isWhitespace).first.map { $0 == "#" } ?? true }) {
            return
        }
        if let key = unknownKey(in: lines.map(String.init)) {
            throw Invalid(
                "the configuration file \(path) has the unknown key \(key): correct it "
                    + "(docs/OPERATIONS.md lists the keys)")
        }
        let misread = MisreadValues()
        let reader: ConfigReader
        do {
            reader = ConfigReader(
                provider: try await FileProvider<YAMLSnapshot>(filePath: FilePath(path)),
                accessReporter: misread)
        } catch {
            let reason = "\(error)".split(whereSeparator: \.isNewline).joined(separator: " ")
            throw Invalid(
                "the configuration file \(path) is not valid YAML: \(reason); correct it or leave "
                    + "out --config")
        }
        do { try apply(reader, to: &settings) } catch {
            // What was not read at all may be why another setting is missed.
            throw misread.first ?? error
        }
        if let error = misread.first { throw error }
    }

    static func apply(_ reader: ConfigReader, to settings: inout PlatformConfiguration) throws {
        if let text = reader.string(forKey: "http") {
            settings.http = try Parse.endpoint("http", text)
        }
        if let text = reader.string(forKey: "sip") {
            settings.sip = try Parse.endpoint("sip", text)
        }
        settings.sipPublicHost = reader.string(forKey: "sip_public_host")
        if let text = reader.string(forKey: "rtp.address") { settings.rtpAddress = text }
        if let text = reader.string(forKey: "rtp.ports") {
            settings.rtpPorts = try Parse.ports("rtp.ports", text)
        }
        if let count = reader.int(forKey: "rtp.shared_ports") { settings.rtpSharedPorts = count }
        if let text = reader.string(forKey: "data") { settings.dataDirectory = text }
        if let list = reader.stringArray(forKey: "audio_directories") {
            settings.audioDirectories = list
        }
        if let flag = reader.bool(forKey: "audio_private_hosts") {
            settings.allowsPrivateAudioHosts = flag
        }
        if let count = reader.int(forKey: "workers") { settings.workers = count }
        if let text = reader.string(forKey: "cpus") { settings.cpus = try Parse.cpus("cpus", text) }
        if let key = reader.string(forKey: "api_key", isSecret: true) {
            settings.apiKey = Redacted(key)
        }
        if let text = reader.string(forKey: "caller_id") {
            settings.callerID = try number("caller_id", text)
        }
        settings.transferNumbers = Set(
            try (reader.stringArray(forKey: "transfer_numbers") ?? []).map {
                try number("transfer_numbers", $0)
            })
        if let text = reader.string(forKey: "stream.url") { settings.streamURL = text }
        if let text = reader.string(forKey: "stream.transcript_url") {
            settings.transcriptURL = text
        }
        if let text = reader.string(forKey: "stream.trust") { settings.streamTrustPath = text }
        try streams(reader, &settings.streams)
        if let count = reader.int(forKey: "maximum_calls") { settings.maximumCalls = count }
        try NegotiationKeys.apply(reader, to: &settings.negotiation)
        if let count = reader.int(forKey: "media_timeout_seconds") {
            settings.mediaTimeoutSeconds = count
        }
        try DetectionKeys.apply(reader, to: &settings.answerPolicy)
        try DetectionKeys.apply(reader, toGrace: &settings.informationGrace)
        try media(reader, &settings)
        try SIPKeys.apply(reader, to: &settings.signalling)
        try trunk(reader, &settings)
        try compliance(reader, &settings)
        for entry in reader.stringArray(forKey: "routes") ?? [] { try route(entry, &settings) }
        if let url = reader.string(forKey: "language_model.url"),
            let model = reader.string(forKey: "language_model.model")
        {
            let key = ProcessInfo.processInfo.environment["TRUNKLINE_LLM_KEY"] ?? ""
            settings.languageModel = .init(baseURL: url, model: model, key: Redacted(key))
        }
    }

    private static func media(
        _ reader: ConfigReader, _ settings: inout PlatformConfiguration
    ) throws {
        if let bytes = reader.int(forKey: "rtp.receive_buffer") { settings.receiveBuffer = bytes }
        if let flag = reader.bool(forKey: "rtp.learn_any_host") { settings.learnsAnyHost = flag }
        if let name = reader.string(forKey: "srtp.backend") {
            guard let backend = SRTPBackend(rawValue: name) else {
                throw Invalid("srtp.backend: \(name) is not libcrypto or libsrtp2")
            }
            settings.srtpBackend = backend
        }
        if let word = reader.string(forKey: "recording.format") {
            guard word == "wav" || word == "opus" else {
                throw Invalid("recording.format: \(word) is neither wav nor opus")
            }
            settings.recordsOpus = word == "opus"
        }
        if let bits = reader.int(forKey: "recording.bitrate") { settings.recordingBitrate = bits }
        if let effort = reader.int(forKey: "recording.complexity") {
            settings.recordingComplexity = effort
        }
    }

    private static func streams(
        _ reader: ConfigReader, _ streams: inout StreamDefaults
    ) throws {
        if let word = reader.string(forKey: "stream.mode") {
            guard let mode = StreamMode(rawValue: word) else {
                throw Invalid("stream.mode: \(word) is neither call nor multiplexed")
            }
            streams.mode = mode
        }
        if let word = reader.string(forKey: "stream.encoding") {
            guard let encoding = StreamEncoding(rawValue: word) else {
                throw Invalid("stream.encoding: \(word) is neither mulaw nor linear16")
            }
            streams.encoding = encoding
        }
        if let count = reader.int(forKey: "stream.frame_milliseconds") {
            streams.frameMilliseconds = count
        }
        if let rate = reader.int(forKey: "stream.sample_rate") { streams.sampleRate = rate }
        if let count = reader.int(forKey: "stream.connections") { streams.connections = count }
        if let count = reader.int(forKey: "stream.gather_milliseconds") {
            streams.gatherMilliseconds = count
        }
    }

    private static func trunk(
        _ reader: ConfigReader, _ settings: inout PlatformConfiguration
    ) throws {
        guard let text = reader.string(forKey: "trunk.address") else { return }
        settings.trunk = PlatformConfiguration.Trunk(
            endpoint: try Parse.endpoint(
                "trunk.address", SIPKeys.hasPort(text) ? text : text + ":5060"),
            username: reader.string(forKey: "trunk.username"),
            password: reader.string(forKey: "trunk.password", isSecret: true).map(Redacted.init),
            domain: reader.string(forKey: "trunk.domain"),
            negotiation: try NegotiationKeys.trunk(reader, settings.negotiation))
        settings.trunk?.sharedPort = reader.bool(forKey: "trunk.shared_port") ?? false
    }

    private static func compliance(
        _ reader: ConfigReader, _ settings: inout PlatformConfiguration
    ) throws {
        let scoped = reader.scoped(to: "compliance")
        settings.compliance.federalListPath = scoped.string(forKey: "federal_list")
        settings.compliance.federalListAsOf = try time(scoped, "federal_list_as_of")
        settings.compliance.federalListWaiver = scoped.string(forKey: "federal_list_waiver")
        settings.compliance.stateListWaiver = scoped.string(forKey: "state_list_waiver")
        settings.compliance.demonstrationClock = try time(scoped, "demonstration_clock")
        for entry in scoped.stringArray(forKey: "state_lists") ?? [] {
            let parts = entry.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].utf8.count == 2,
                parts[0].allSatisfy({ $0.isASCII && $0.isLetter })
            else {
                throw Invalid("compliance.state_lists: \(entry) is not STATE=PATH")
            }
            let state = parts[0].uppercased()
            guard settings.compliance.stateListPaths[state] == nil else {
                throw Invalid("compliance.state_lists: \(state) is there twice")
            }
            settings.compliance.stateListPaths[state] = String(parts[1])
        }
    }

    /// `echo=echo`, `bot=stream`, `sales=stream:wss://…`, `hours=play:hours.wav`.
    private static func route(_ entry: String, _ settings: inout PlatformConfiguration) throws {
        let parts = entry.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw Invalid("routes: \(entry) is not USER=ROUTE") }
        let words = parts[1].split(separator: ":", maxSplits: 1).map(String.init)
        switch (words.first, words.count) {
        case ("echo", 1): settings.routes[parts[0]] = .echo
        case ("silence", 1): settings.routes[parts[0]] = .silence
        case ("stream", 1): settings.routes[parts[0]] = .stream(url: nil)
        case ("stream", 2): settings.routes[parts[0]] = .stream(url: words[1])
        case ("play", 2): settings.routes[parts[0]] = .play(path: words[1])
        default:
            throw Invalid("routes: \(parts[1]) is not echo, silence, stream[:URL] or play:PATH")
        }
    }

    private static func number(_ name: String, _ text: String) throws -> PhoneNumber {
        do { return try PhoneNumber(text) } catch {
            throw Invalid("\(name) is not an E.164 number")
        }
    }

    private static func time(_ reader: ConfigReader, _ name: String) throws -> WallTime? {
        guard let text = reader.string(forKey: ConfigKey([name])) else { return nil }
        guard let time = WallTime(iso8601: text) else {
            throw Invalid("compliance.\(name): \(text) is not an RFC 3339 time")
        }
        return time
    }
}

/// Values that were there and could not be read as what was asked for: a setting of the wrong kind must not
/// be a setting ignored.
private final class MisreadValues: AccessReporter {
    private let found = Mutex(ConfigurationFile.Invalid?.none)

    /// The first of them.
    var first: ConfigurationFile.Invalid? { found.withLock { $0 } }

    func report(_ event: AccessEvent) {
        let failed = event.providerResults.contains {
            if case .failure = $0.result { true } else { false }
        }
        guard failed || event.conversionError != nil else { return }
        let wanted =
            switch event.metadata.valueType {
            case .int: "a whole number"
            case .double: "a number"
            case .bool: "true or false"
            case .stringArray: "a list, as [\"…\"]"
            default: "one value"
            }
        found.withLock { first in
            if first == nil { first = .init("\(event.metadata.key) is not \(wanted)") }
        }
    }
}
