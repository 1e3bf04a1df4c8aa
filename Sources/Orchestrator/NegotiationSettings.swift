internal import Media
internal import SDP

/// What offers and answers say about our audio, and what we make of what they agreed on. docs/OPERATIONS.md lists the keys, docs/SIP.md the
/// rules.
public struct NegotiationSettings: Sendable, Equatable {
    /// A codec in a configuration: the raw value, whatever its case.
    public enum Codec: String, Sendable, CaseIterable {
        case opus, g722, pcmu, pcma, l16
        case l16Wideband = "l16/16000"
        /// Comfort noise (RFC 3389) beside the codecs of 8000 Hz.
        case cn

        /// What offer and answer call it; nil for comfort noise.
        var negotiated: AudioCodec? {
            switch self {
            case .opus: .opus
            case .g722: .g722
            case .pcmu: .pcmu
            case .pcma: .pcma
            case .l16: .l16
            case .l16Wideband: .l16Wideband
            case .cn: nil
            }
        }
    }

    /// Which protection of media we offer and take: none or SRTP (RFC 3711), and where its keys come
    /// from.
    public enum SRTPMode: String, Sendable, CaseIterable {
        /// Plain RTP only; offers on a secure profile are refused.
        case none
        /// Offers plain RTP, and takes keys or DTLS from those who offer them.
        case accept
        /// Offers plain RTP with keys beside it (RFC 8643); else as `accept`.
        case optional
        /// Keys in the description (RFC 4568), or no call.
        case required
        /// DTLS-SRTP (RFC 5763), or no call.
        case dtls
        /// One of the two, or no call.
        case any
    }

    /// In our offers, in order of preference. G.711 alone unless told otherwise: every carrier has
    /// it, and it costs the least.
    public var offeredCodecs: [Codec] = [.pcmu, .pcma]
    /// In our answers.
    public var acceptedCodecs: [Codec] = [.opus, .g722, .pcmu, .pcma, .l16Wideband, .l16, .cn]
    /// Answers follow our order of codecs instead of the offerer's.
    public var prefersOwnOrder = false
    /// What we ask peers to send, milliseconds; what we send ourselves when they ask for nothing.
    public var ptimeMilliseconds = 20
    /// By default we offer plain RTP, and take keys or DTLS from those who offer them.
    public var srtp = SRTPMode.accept
    /// Answer `a=setup:actpass` with `active`.
    public var answersDTLSActively = true
    /// Offer to carry RTP and RTCP on one port. DTLS offers always do.
    public var offersRTCPMux = false
    /// Ask for RTCP XR VoIP metrics (RFC 3611).
    public var usesExtendedReports = true

    /// Pauses are described (RFC 3389) or left out (Opus) where the far end agreed, instead of sent.
    public var suppressesSilence = false
    /// Of Opus that we send, bits per second; the far end may ask for less.
    public var opusBitrate = 24_000
    /// Effort of our Opus encoders.
    public var opusComplexity = 5

    /// What `ptimeMilliseconds` may be.
    public static let ptimes = [10, 20, 30, 40, 60]
    /// What `opusBitrate` may be (RFC 7587 6.1).
    public static let opusBitrates = 6000...510_000
    /// What `opusComplexity` may be.
    public static let opusComplexities = 0...10

    /// The defaults above.
    public init() {}

    /// Refuses settings that no call could be made with.
    func validate(_ name: String) throws(PlatformConfiguration.Invalid) {
        for (key, codecs) in [("codecs", offeredCodecs), ("accept_codecs", acceptedCodecs)] {
            guard codecs.contains(where: { $0.negotiated != nil }) else {
                throw PlatformConfiguration.Invalid(
                    "\(name)\(key) has no codec: name at least one of opus, g722, pcmu, pcma, l16")
            }
            guard Set(codecs).count == codecs.count else {
                throw PlatformConfiguration.Invalid("\(name)\(key) names a codec twice")
            }
        }
        guard Self.ptimes.contains(ptimeMilliseconds) else {
            throw PlatformConfiguration.Invalid(
                "\(name)ptime \(ptimeMilliseconds) is not possible: choose 10, 20, 30, 40 or 60")
        }
        guard Self.opusBitrates.contains(opusBitrate) else {
            throw PlatformConfiguration.Invalid(
                "\(name)opus_bitrate \(opusBitrate) is not possible: choose 6000 to 510000 bits a "
                    + "second; 24000 is good speech")
        }
        guard Self.opusComplexities.contains(opusComplexity) else {
            throw PlatformConfiguration.Invalid(
                "\(name)opus_complexity \(opusComplexity) is not possible: choose 0 to 10")
        }
    }

    /// What these say about how a leg encodes.
    func apply(to options: inout LegOptions) {
        options.discontinuous = suppressesSilence
        options.opusBitrate = opusBitrate
        options.opusComplexity = opusComplexity
    }

    /// Our offers. `certificate`: SHA-256 of ours; empty: no DTLS.
    func offering(certificate: [UInt8]) -> AudioCapabilities {
        var capabilities = base(offeredCodecs, certificate: certificate)
        capabilities.srtp =
            switch srtp {
            case .none, .accept: .none
            case .optional: .optional
            case .required: .required
            case .dtls: .dtls
            case .any: .any
            }
        capabilities.rtcpMux = offersRTCPMux || srtp == .dtls || srtp == .any
        return capabilities
    }

    /// Our answers.
    func answering(certificate: [UInt8]) -> AudioCapabilities {
        var capabilities = base(acceptedCodecs, certificate: certificate)
        capabilities.srtp =
            switch srtp {
            case .none: .none
            case .accept, .optional: .optional
            case .required: .required
            case .dtls: .dtls
            case .any: .any
            }
        return capabilities
    }

    private func base(_ codecs: [Codec], certificate: [UInt8]) -> AudioCapabilities {
        AudioCapabilities(
            codecs: AudioFormat.formats(
                of: codecs.compactMap(\.negotiated), comfortNoise: codecs.contains(.cn)),
            ptime: ptimeMilliseconds,
            dtls: CertificateFingerprint(hash: .sha256, bytes: certificate).map {
                DTLSIdentity(fingerprint: $0, answersActively: answersDTLSActively)
            },
            preference: prefersOwnOrder ? .own : .offerer,
            extendedReports: usesExtendedReports)
    }
}
