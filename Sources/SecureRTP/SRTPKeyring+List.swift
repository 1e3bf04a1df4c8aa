//   packet ─► the context in use ─┬─ its identifier ──────────────────────────────► opened
//                                 └─ another ─► in the list? ─► that key's context ─► opened
//                                                               (made when first named)

/// Several keys of one crypto line (RFC 4568 6.1): the far end may change to another of them with any
/// packet, which says so by its master key identifier, and both ends hold all of them from the
/// beginning. Each has its own replay windows. The rollover counter goes on over a change (RFC 3711
/// 3.3.1), or begins anew with far ends that make a new context of their own; the first packet shows.
extension SRTPKeyring {
    /// Keys of one line; each but the first costs a context once a packet has named it.
    public static let listLimit = 8

    /// Where the packet's SSRC, identifier and tag stand: SRTP or SRTCP.
    public enum PacketKind: Sendable { case rtp, rtcp }

    /// The keys that may come besides the one in use, instead of those before. One that was used
    /// goes on where it was; one that is listed no more is retired.
    ///
    /// - Throws: `badMasterKeyIdentifier`.
    public mutating func list(
        _ keys: [SRTPMasterKey], _ suite: SRTPSuite
    ) throws(SRTPError) {
        guard !keys.isEmpty else { return unlist() }
        let former = listed
        var wanted: [Entry] = []
        for key in keys.prefix(Self.listLimit - 1) {
            let entry =
                takeEntry(suite, key.key, .inbound) ?? Entry(suite, .inbound, key.key, nil)
            entry.identifier = key.identifier
            try entry.context?.setMasterKeyIdentifier(key.identifier)
            wanted.append(entry)
        }
        listed = wanted
        for entry in former where !wanted.contains(where: { $0 === entry }) { retire(entry) }
        if !wanted.contains(where: { $0 === latest }) { latest = nil }
    }

    /// No keys but the one in use.
    public mutating func unlist() {
        for entry in listed { retire(entry) }
        listed = []
        latest = nil
    }

    /// Verifies and decrypts an SRTP or SRTCP packet in place, with the context in use or the key of
    /// the list that it names.
    ///
    /// - Returns: the count of the plain packet, and what it is among those of its source under all
    ///   keys: what somebody held back from before a change is not the newest.
    /// - Throws: as `SRTPContext.unprotect`; `authenticationFailed` without a context.
    @inline(__always)
    public mutating func unprotect(
        _ packet: UnsafeMutableRawBufferPointer, _ kind: PacketKind,
        inUse: inout SRTPContext?
    ) throws(SRTPError) -> (count: Int, arrival: SRTPContext.Arrival) {
        do throws(SRTPError) {
            let header = latest == nil && carried == nil ? nil : Header(packet, kind)
            if let header, kind == .rtp,
                let former = newestIndex(of: header.ssrc, inUse: nil)
            {
                inUse?.setFormerIndex(former)
            }
            var previous: UInt64?
            if let header { previous = inUse?.newestIndex(of: header.ssrc) }
            guard let count = try inUse?.unprotect(packet, kind) else {
                throw .authenticationFailed
            }
            let arrival = inUse?.lastArrival() ?? SRTPContext.Arrival()
            guard let header else { return (count, arrival) }
            return (count, settle(arrival, header, kind, nil, inUse, since: previous))
        } catch {
            guard error == .unknownMasterKey, !listed.isEmpty else { throw error }
            return try unprotectListed(packet, kind, inUse)
        }
    }

    /// The keys are about to change: `newestIndex(of:inUse:)` of the stream stays what it is until a newer
    /// packet has been opened, whichever key that has and wherever on the ring it is then.
    public mutating func carry(_ index: UInt64, of ssrc: UInt32) { carried = (ssrc, index) }

    /// Rollover counter ‖ sequence number of a source's newest packet, under the key that was used
    /// last.
    public func newestIndex(of ssrc: UInt32, inUse: borrowing SRTPContext?) -> UInt64? {
        if let carried, carried.ssrc == ssrc { return carried.index }
        if let latest { return latest.context?.newestIndex(of: ssrc) }
        return inUse?.newestIndex(of: ssrc)
    }

    /// What is read of a packet before it is opened in place.
    private struct Header {
        let ssrc: UInt32
        let sequence: UInt16

        /// nil: too short for one.
        init?(_ packet: UnsafeMutableRawBufferPointer, _ kind: PacketKind) {
            let at = kind == .rtp ? 8 : 4
            guard packet.count >= at + 4 else { return nil }
            ssrc = UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: at, as: UInt32.self))
            sequence = UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
    }

    @inline(never)
    private mutating func unprotectListed(
        _ packet: UnsafeMutableRawBufferPointer, _ kind: PacketKind,
        _ inUse: borrowing SRTPContext?
    ) throws(SRTPError) -> (count: Int, arrival: SRTPContext.Arrival) {
        guard let header = Header(packet, kind),
            let entry = listed.first(where: { $0.isNamed(in: packet, kind) })
        else { throw .unknownMasterKey }
        if entry.context == nil { try entry.open(backend) }
        // Asked again for each packet until one is right: what is forged may have come before.
        if kind == .rtp, entry !== latest || carried != nil {
            entry.context?.setFormerIndex(newestIndex(of: header.ssrc, inUse: inUse))
        }
        let previous = entry.context?.newestIndex(of: header.ssrc)
        guard let count = try entry.context?.unprotect(packet, kind) else {
            throw .unknownMasterKey
        }
        let arrival = entry.context?.lastArrival() ?? SRTPContext.Arrival()
        return (count, settle(arrival, header, kind, entry, inUse, since: previous))
    }

    /// Of a packet under another key than the newest was: whether it is newer still, so that this is
    /// the key from now on.
    private mutating func settle(
        _ arrival: SRTPContext.Arrival, _ header: Header, _ kind: PacketKind, _ entry: Entry?,
        _ inUse: borrowing SRTPContext?, since previous: UInt64?
    ) -> SRTPContext.Arrival {
        let isCarried = kind == .rtp && carried?.ssrc == header.ssrc
        guard entry !== latest || isCarried else { return arrival }
        var arrival = arrival
        if let newest = newestIndex(of: header.ssrc, inUse: inUse) {
            switch kind {
            case .rtp:
                // By the number alone, which goes on whatever becomes of the counter.
                let ahead = Int16(
                    bitPattern: header.sequence &- UInt16(truncatingIfNeeded: newest))
                arrival.isNewest =
                    arrival.isNewest
                    && (arrival.isFirst || ahead > 0
                        || isFarBeyond(newest, header.ssrc, since: previous, entry, inUse))
            // The stream says when the key has changed.
            case .rtcp: arrival.isNewest = false
            }
            arrival.isFirst = false
        }
        if arrival.isNewest {
            latest = entry
            if isCarried { carried = nil }
        }
        return arrival
    }
}

extension SRTPKeyring {
    /// Behind a hold of 2¹⁵ packets the number alone cannot tell ahead from behind, and the whole index does: so
    /// far on under its own key that nobody can have held it back from before the change.
    private func isFarBeyond(
        _ newest: UInt64, _ ssrc: UInt32, since previous: UInt64?, _ entry: Entry?,
        _ inUse: borrowing SRTPContext?
    ) -> Bool {
        let opened =
            if let entry { entry.context?.newestIndex(of: ssrc) } else {
                inUse?.newestIndex(of: ssrc)
            }
        guard let opened, opened > newest else { return false }
        return previous.map { opened >= $0 + 0x8000 } ?? true
    }
}

extension SRTPKeyring.Entry {
    /// Where the identifier stands: before the tag of HMAC (RFC 3711 3.1, 3.4), at the end with AEAD
    /// (RFC 7714 8.2, 9.2). It is public: no constant time.
    fileprivate func isNamed(
        in packet: UnsafeMutableRawBufferPointer, _ kind: SRTPKeyring.PacketKind
    ) -> Bool {
        let tag = suite.isAEAD ? 0 : kind == .rtp ? suite.tagCount : suite.rtcpTagCount
        let start = packet.count - tag - identifier.count
        guard start >= 0, !identifier.isEmpty else { return false }
        for (index, byte) in identifier.enumerated() where packet[start + index] != byte {
            return false
        }
        return true
    }
}

extension SRTPContext {
    @inline(__always)
    fileprivate mutating func unprotect(
        _ packet: UnsafeMutableRawBufferPointer, _ kind: SRTPKeyring.PacketKind
    ) throws(SRTPError) -> Int {
        switch kind {
        case .rtp: try unprotect(packet, count: packet.count)
        case .rtcp: try unprotectRTCP(packet, count: packet.count)
        }
    }
}
