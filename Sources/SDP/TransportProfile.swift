/// What a transport of an m= line says about keys.
enum TransportProfile: Equatable {
    /// RTP/AVP, RTP/AVPF.
    case plain
    /// RTP/SAVP, RTP/SAVPF: keys in the description, or (some peers) DTLS.
    case secure
    /// UDP/TLS/RTP/SAVP, UDP/TLS/RTP/SAVPF (RFC 5764 8).
    case dtls

    /// nil for a transport that we do not speak.
    init?(_ name: String) {
        switch name {
        case "RTP/AVP", "RTP/AVPF": self = .plain
        case "RTP/SAVP", "RTP/SAVPF": self = .secure
        case "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF": self = .dtls
        default: return nil
        }
    }

    /// The transport of our offers.
    static func offered(_ srtp: AudioCapabilities.SRTP) -> String {
        switch srtp {
        case .none, .optional: "RTP/AVP"
        case .required, .any: "RTP/SAVP"
        case .dtls: "UDP/TLS/RTP/SAVP"
        }
    }
}

extension SDPAttribute {
    /// Asks for VoIP metrics blocks (RFC 3611 5.1).
    static let voipMetrics = SDPAttribute("rtcp-xr", "voip-metrics")
}

extension SessionDescription {
    /// Whether VoIP metrics are asked for, on the line or for the session (RFC 3611 5.1).
    func wantsVoIPMetrics(_ media: MediaDescription) -> Bool {
        let lines = media.attributes.values("rtcp-xr") + attributes.values("rtcp-xr")
        return lines.contains { line in
            line.split(separator: " ").contains { $0.lowercased().hasPrefix("voip-metrics") }
        }
    }

    /// The group attribute of an answer that takes this line alone (RFC 8843 7.3): a bundle of one,
    /// when the offer has it in a bundle and shares its port with RTCP, as bundles must.
    func bundle(with media: MediaDescription) -> [SDPAttribute] {
        guard media.rtcpMux, let name = media.attributes.values("mid").first, !name.isEmpty else {
            return []
        }
        let isBundled = attributes.values("group").contains { group in
            let words = group.split(separator: " ")
            return words.first == "BUNDLE" && words.dropFirst().contains { $0 == name }
        }
        return isBundled ? [SDPAttribute("group", "BUNDLE \(name)")] : []
    }
}

extension MediaDescription {
    /// The line's name, which an answer repeats (RFC 5888 9.1).
    var identification: [SDPAttribute] {
        attributes.values("mid").prefix(1).map { SDPAttribute("mid", $0) }
    }

    /// The line with port 0 that refuses this one (RFC 3264 6): same kind, transport, formats and
    /// name.
    var rejected: MediaDescription {
        var line = MediaDescription(
            kind: kind, port: 0, protocolName: protocolName, formats: formats)
        line.attributes = identification
        return line
    }
}
