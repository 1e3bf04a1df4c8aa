internal import Configuration
internal import Orchestrator

/// The keys of the configuration file about codecs and the protection of media.
enum NegotiationKeys {
    typealias Invalid = PlatformConfiguration.Invalid

    static func apply(_ reader: ConfigReader, to settings: inout NegotiationSettings) throws {
        if let names = reader.stringArray(forKey: "codecs") {
            settings.offeredCodecs = try codecs("codecs", names)
        }
        if let names = reader.stringArray(forKey: "accept_codecs") {
            settings.acceptedCodecs = try codecs("accept_codecs", names)
        }
        if let text = reader.string(forKey: "codec_preference") {
            switch text {
            case "peer": settings.prefersOwnOrder = false
            case "own": settings.prefersOwnOrder = true
            default: throw Invalid("codec_preference: \(text) is not peer or own")
            }
        }
        if let milliseconds = reader.int(forKey: "ptime") {
            settings.ptimeMilliseconds = milliseconds
        }
        if let flag = reader.bool(forKey: "silence_suppression") {
            settings.suppressesSilence = flag
        }
        if let bits = reader.int(forKey: "opus_bitrate") { settings.opusBitrate = bits }
        if let effort = reader.int(forKey: "opus_complexity") { settings.opusComplexity = effort }
        if let flag = reader.bool(forKey: "rtcp_mux") { settings.offersRTCPMux = flag }
        if let flag = reader.bool(forKey: "rtcp_xr") { settings.usesExtendedReports = flag }
        if let text = reader.string(forKey: "srtp.mode") {
            settings.srtp = try mode("srtp.mode", text)
        }
        // The older key: keys in the description or no call.
        if reader.bool(forKey: "srtp.required") == true {
            switch settings.srtp {
            case .required, .dtls, .any: break
            case .accept where reader.string(forKey: "srtp.mode") == nil:
                settings.srtp = .required
            case .none, .accept, .optional:
                throw Invalid(
                    "srtp.required and srtp.mode \(settings.srtp.rawValue) contradict each other: "
                        + "leave out one of them")
            }
        }
        if let text = reader.string(forKey: "srtp.dtls_setup") {
            switch text {
            case "active": settings.answersDTLSActively = true
            case "passive": settings.answersDTLSActively = false
            default: throw Invalid("srtp.dtls_setup: \(text) is not active or passive")
            }
        }
    }

    /// What calls to the trunk offer where it differs from the rest; nil when nothing does.
    static func trunk(
        _ reader: ConfigReader, _ platform: NegotiationSettings
    ) throws -> NegotiationSettings? {
        var settings = platform
        if let names = reader.stringArray(forKey: "trunk.codecs") {
            settings.offeredCodecs = try codecs("trunk.codecs", names)
        }
        if let text = reader.string(forKey: "trunk.srtp") {
            settings.srtp = try mode("trunk.srtp", text)
        }
        return settings == platform ? nil : settings
    }

    private static func codecs(
        _ key: String, _ names: [String]
    ) throws -> [NegotiationSettings.Codec] {
        try names.map { name in
            guard let codec = NegotiationSettings.Codec(rawValue: name.lowercased()) else {
                let known = NegotiationSettings.Codec.allCases.map(\.rawValue)
                throw Invalid("\(key): \(name) is none of \(known.joined(separator: ", "))")
            }
            return codec
        }
    }

    private static func mode(
        _ key: String, _ text: String
    ) throws -> NegotiationSettings.SRTPMode {
        guard let mode = NegotiationSettings.SRTPMode(rawValue: text) else {
            let known = NegotiationSettings.SRTPMode.allCases.map(\.rawValue)
            throw Invalid("\(key): \(text) is none of \(known.joined(separator: ", "))")
        }
        return mode
    }
}
