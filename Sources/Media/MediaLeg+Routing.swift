internal import RTP

extension MediaLeg {
    /// Who is believed now: the source that `SourceRule` locked and the SSRC followed there. nil
    /// before the first packet was accepted, and again after the far end's address has changed.
    public var provenSource: (address: SocketAddressValue, ssrc: UInt32)? {
        guard source.isLocked, let address = source.destination, let stream = receiver.stream
        else { return nil }
        return (address, stream.ssrc)
    }

    /// RTP packets accepted so far.
    public var packetsAccepted: Int { receiver.accepted }
}
