import Base
import SDP

extension FuzzTarget {
    /// A description as offer, as answer to ours, and there and back through the writer.
    static let sdp = FuzzTarget(name: "sdp", maximumInput: 4096) { bytes in
        guard let description = try? SessionDescription(parsing: Array(bytes)) else { return }
        // Line ends of Unicode and empty values are written more plainly; after that nothing changes.
        let first = written(description)
        expect(first.media.count == description.media.count, "m= lines lost")
        let second = written(first)
        expect(written(second) == second, "the third trip differs from the second")
        let certificate = CertificateFingerprint(
            hash: .sha256, bytes: [UInt8](repeating: 3, count: 32))
        for srtp: AudioCapabilities.SRTP in [.none, .optional, .required, .dtls, .any] {
            let able = AudioCapabilities(
                codecs: AudioFormat.formats(of: AudioCodec.allCases, comfortNoise: true),
                srtp: srtp, dtls: certificate.map { DTLSIdentity(fingerprint: $0) },
                preference: bytes.count % 2 == 0 ? .own : .offerer, extendedReports: true)
            answer(description, able)
            guard
                let offer = try? OfferAnswer.makeOffer(
                    localAddress: "192.0.2.10", port: 40_000, capabilities: able, sessionID: 1,
                    cryptoKeys: key)
            else { return expect(false, "no offer of ours") }
            if let agreed = try? OfferAnswer.accept(
                answer: description, toOffer: offer, capabilities: able)
            {
                check(agreed, srtp)
            }
        }
    }

    private static func key(_ suite: CryptoSuite) -> [UInt8]? {
        [UInt8](repeating: 7, count: suite.keyCount)
    }

    /// What a peer reads of what we write.
    private static func written(_ description: SessionDescription) -> SessionDescription {
        guard let read = try? SessionDescription(parsing: description.serialisedBytes) else {
            // Longer lines than were read: defaults are written out.
            expect(description.serialisedBytes.count > SDPLimits.lineBytes, "cannot read our text")
            return description
        }
        return read
    }

    private static func answer(
        _ offer: SessionDescription, _ able: AudioCapabilities
    ) {
        guard
            let (answer, agreed) = try? OfferAnswer.answer(
                to: offer, localAddress: "192.0.2.10", port: 40_000, capabilities: able,
                sessionID: 1, cryptoKeys: key)
        else { return }
        check(agreed, able.srtp)
        expect(answer.media.count == offer.media.count, "RFC 3264 6: as many m= lines")
        for (index, line) in answer.media.enumerated() where index != agreed.mediaIndex {
            expect(line.port == 0, "a second line is open")
        }
        let offered = offer.media[agreed.mediaIndex]
        if offered.protocolName.contains("SAVP") {
            expect(agreed.srtp != nil || agreed.dtls != nil, "a secure offer answered plain")
        }
        expect(!agreed.rtcpMux || offered.rtcpMux, "rtcp-mux without an offer of it")
        guard let read = try? SessionDescription(parsing: answer.serialisedBytes) else {
            return expect(false, "our answer cannot be read")
        }
        expect(read.media.count == answer.media.count, "our answer reads differently")
    }

    private static func check(_ agreed: NegotiatedAudio, _ srtp: AudioCapabilities.SRTP) {
        expect((1...65_535).contains(agreed.remotePort), "port \(agreed.remotePort)")
        expect((0...65_535).contains(agreed.remoteRTCPPort), "RTCP port")
        let isKeyed = agreed.srtp != nil
        let isAssociated = agreed.dtls != nil
        expect(!(isKeyed && isAssociated), "keys twice")
        switch srtp {
        case .none: expect(!isKeyed && !isAssociated, "SRTP that we do not have")
        case .optional: break
        case .required: expect(isKeyed, "no keys where they are required")
        case .dtls: expect(isAssociated, "no DTLS where it is required")
        case .any: expect(isKeyed || isAssociated, "plain where SRTP is required")
        }
        expect(agreed.codec.carries(milliseconds: agreed.ptimeMilliseconds), "no such frame")
        expect(agreed.payloadType < 128, "payload type")
        expect((1...200).contains(agreed.ptimeMilliseconds), "ptime")
    }
}
