public import Base
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

    /// As `receive` on the RTP channel, of a packet that may be another leg's: where it is not taken it is
    /// no drop of this leg's, and no counter knows of it. A failed try may spoil the bytes.
    ///
    /// - Returns: whether it was taken.
    public mutating func tryPacket(
        _ packet: UnsafeMutableRawBufferPointer, from address: SocketAddressValue, now: Instant,
        workspace: inout LegWorkspace, out: inout Outbox<LegOutput>, send: PacketSend
    ) -> Bool {
        let before = receiver.accepted
        isTrial = true
        defer { isTrial = false }
        receive(
            packet: packet, from: address, on: .rtp, now: now, workspace: &workspace, out: &out,
            send: send)
        return receiver.accepted != before
    }
}
