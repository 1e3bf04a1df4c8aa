internal import Base
internal import RTP
internal import SecureRTP

extension MediaLeg {
    /// New keys, or none. A direction whose suite and key stay keeps its context with its rollover
    /// counter, whatever the key is called: a fresh one would encrypt other packets with the same key
    /// stream, and take replayed packets for new. For the same reason a key that comes back gets the
    /// context that it had, and so does one that is only at another place of a list. The old contexts go
    /// only when the new ones are ready.
    mutating func rekey(_ keys: SRTPKeys?) throws(MediaError) {
        guard let keys else { return dropKeys() }
        guard keys.isUsable else { throw .badKeys }
        let old = liveKeys.flatMap { $0.suite == keys.suite ? $0 : nil }
        let keepsOutbound = old?.local == keys.local
        let keepsInbound = old?.remote == keys.remote
        noteFormerIndex(carries: !keepsInbound || old?.furtherRemote != keys.furtherRemote)
        do throws(SRTPError) {
            var outbound: SRTPContext?
            if !keepsOutbound, !keyring.holds(keys.suite, key: keys.local, .outbound) {
                outbound = try SRTPContext(
                    suite: keys.suite, key: keys.local, direction: .outbound,
                    backend: options.srtpBackend)
            }
            var inbound: SRTPContext?
            if !keepsInbound, !keyring.holds(keys.suite, key: keys.remote, .inbound) {
                inbound = try SRTPContext(
                    suite: keys.suite, key: keys.remote, direction: .inbound,
                    backend: options.srtpBackend, formerIndex: formerIndex)
            }
            // Nothing fails from here on.
            if !keepsOutbound {
                if outbound == nil {
                    outbound = keyring.take(keys.suite, key: keys.local, .outbound)
                }
                leaveStreamOfOldKey()
                if let live = liveKeys, let context = sender.srtp.take() {
                    keyring.retire(context, key: live.local)
                }
                sender.srtp = consume outbound
            }
            if !keepsInbound {
                if inbound == nil {
                    inbound = keyring.take(
                        keys.suite, key: keys.remote, .inbound, formerIndex: formerIndex)
                }
                if let live = liveKeys, let context = receiver.srtp.take() {
                    keyring.retire(context, key: live.remote)
                }
                receiver.srtp = consume inbound
            }
            try keyring.list(keys.furtherRemote, keys.suite)
            liveKeys = keys
            receiver.isSecure = true
            try sender.srtp?.setMasterKeyIdentifier(keys.localMKI)
            try receiver.srtp?.setMasterKeyIdentifier(keys.remoteMKI)
        } catch {
            throw .badKeys
        }
    }

    /// Goes on without protection, or until DTLS gives keys. What was in use is kept for when it comes
    /// back.
    mutating func dropKeys() {
        noteFormerIndex(carries: true)
        let live = liveKeys
        liveKeys = nil
        if let context = sender.srtp.take(), let live {
            keyring.retire(context, key: live.local)
        }
        if let context = receiver.srtp.take(), let live {
            keyring.retire(context, key: live.remote)
        }
        keyring.unlist()
        receiver.isSecure = false
        srtcpSource = nil
    }

    /// Where the far end's stream is, for the next key: also over a key that no packet came under, and
    /// over a time without protection.
    private mutating func noteFormerIndex(carries: Bool) {
        if let ssrc = receiver.stream?.ssrc,
            let newest = keyring.newestIndex(of: ssrc, inUse: receiver.srtp)
        {
            formerIndex = newest
            if carries { keyring.carry(newest, of: ssrc) }
        } else if let untried = receiver.srtp?.untriedFormerIndex() {
            formerIndex = untried
        }
    }

    /// A new key's rollover counter begins at 0 for the far end, wherever our numbers are: what was
    /// sent before ends with its SSRC, and another stream begins below 2¹⁵, so that no loss at its
    /// start can hide a rollover (RFC 3711 3.3.1).
    mutating func leaveStreamOfOldKey() {
        guard sender.streamPackets > 0 || sender.srtp?.isUsed() == true else { return }
        let start = collision.restart(besides: sender.ssrc, receiver.stream?.ssrc)
        sender.changeSource(to: start.ssrc, sequence: start.sequence)
    }

    typealias Opened = (count: Int, arrival: SRTPContext.Arrival)

    /// Opens an SRTP packet in place; nil (and counted) when its tag is wrong or it was seen
    /// before.
    mutating func unprotect(
        _ packet: UnsafeMutableRawBufferPointer, _ workspace: inout LegWorkspace
    ) -> Opened? {
        do throws(SRTPError) {
            return try keyring.unprotect(packet, .rtp, inUse: &receiver.srtp)
        } catch {
            refuse(error, &workspace)
            return nil
        }
    }

    /// The same of an SRTCP packet.
    mutating func unprotectRTCP(
        _ packet: UnsafeMutableRawBufferPointer, _ workspace: inout LegWorkspace
    ) -> Opened? {
        do throws(SRTPError) {
            guard dtls?.rtcp != nil else {
                return try keyring.unprotect(packet, .rtcp, inUse: &receiver.srtp)
            }
            guard let count = try srtcpIn?.unprotectRTCP(packet, count: packet.count),
                let arrival = srtcpIn?.lastArrival()
            else { throw .authenticationFailed }
            return (count, arrival)
        } catch {
            refuse(error, &workspace)
            return nil
        }
    }

    private mutating func refuse(_ error: SRTPError, _ workspace: inout LegWorkspace) {
        switch error {
        case .replayed: reject(.duplicate, &workspace)
        case .tooOld: reject(.late, &workspace)
        default: reject(.authentication, &workspace)
        }
    }

    mutating func protectRTCP(_ packet: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        do throws(SRTPError) {
            if dtls?.rtcp != nil { return try srtcpOut?.protectRTCP(packet, count: count) }
            return try sender.srtp?.protectRTCP(packet, count: count)
        } catch {
            return nil
        }
    }
}
