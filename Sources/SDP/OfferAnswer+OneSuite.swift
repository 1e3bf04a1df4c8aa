/// The forms for a caller with one key, or none: AES_CM_128_HMAC_SHA1_80 alone.
extension OfferAnswer {
    /// As `makeOffer` with keys for every suite.
    ///
    /// - Parameter cryptoKey: 30 fresh bytes, master key ‖ salt; used unless `capabilities.srtp` is
    ///   none.
    /// - Throws: `missingKey`.
    public static func makeOffer(
        localAddress: String, port: Int, capabilities: AudioCapabilities, sessionID: UInt64,
        version: UInt64 = 1, cryptoKey: [UInt8]? = nil, direction: MediaDirection = .sendrecv
    ) throws(SDPError) -> SessionDescription {
        try makeOffer(
            localAddress: localAddress, port: port, capabilities: oneSuite(capabilities),
            sessionID: sessionID, version: version, direction: direction
        ) { _ in cryptoKey }
    }

    /// As `answer` with keys for every suite.
    ///
    /// - Throws: as that.
    public static func answer(
        to offer: SessionDescription, localAddress: String, port: Int,
        capabilities: AudioCapabilities, sessionID: UInt64, version: UInt64 = 1,
        cryptoKey: [UInt8]? = nil, direction: MediaDirection = .sendrecv
    ) throws(SDPError) -> (answer: SessionDescription, negotiated: NegotiatedAudio) {
        try answer(
            to: offer, localAddress: localAddress, port: port,
            capabilities: oneSuite(capabilities), sessionID: sessionID, version: version,
            direction: direction
        ) { _ in cryptoKey }
    }

    private static func oneSuite(_ capabilities: AudioCapabilities) -> AudioCapabilities {
        var capabilities = capabilities
        capabilities.cryptoSuites = [.aesCM128HMACSHA1_80]
        return capabilities
    }
}
