internal import Base
internal import RTP
internal import SecureRTP

extension MediaLeg {
    /// New keys, or none. A direction whose key stays keeps its context with its rollover counter:
    /// a fresh one would encrypt other packets with the same key stream. The old contexts go only
    /// when the new ones are ready.
    mutating func rekey(_ keys: SRTPKeys?) throws(MediaError) {
        guard let keys else {
            sender.srtp = nil
            receiver.srtp = nil
            receiver.isSecure = false
            return
        }
        let old = remote?.srtp.flatMap { $0.suite == keys.suite ? $0 : nil }
        let keepsOutbound = old.map { $0.local == keys.local && $0.localMKI == keys.localMKI }
        let keepsInbound = old.map { $0.remote == keys.remote && $0.remoteMKI == keys.remoteMKI }
        do throws(SRTPError) {
            var outbound: SRTPContext?
            if keepsOutbound != true {
                outbound = try SRTPContext(
                    suite: keys.suite, key: keys.local, direction: .outbound,
                    masterKeyIdentifier: keys.localMKI)
            }
            if keepsInbound != true {
                var former: UInt64?
                if let ssrc = receiver.stream?.ssrc {
                    former = receiver.srtp?.newestIndex(of: ssrc)
                }
                receiver.srtp = try SRTPContext(
                    suite: keys.suite, key: keys.remote, direction: .inbound,
                    masterKeyIdentifier: keys.remoteMKI, formerIndex: former)
            }
            if keepsOutbound != true { sender.srtp = consume outbound }
            receiver.isSecure = true
        } catch {
            throw .badKeys
        }
    }

    /// Opens an SRTP packet in place; nil (and counted) when its tag is wrong or it was seen
    /// before.
    mutating func unprotect(
        _ packet: UnsafeMutableRawBufferPointer, _ workspace: inout LegWorkspace
    ) -> Int? {
        do throws(SRTPError) {
            guard let count = try receiver.srtp?.unprotect(packet, count: packet.count) else {
                reject(.authentication, &workspace)
                return nil
            }
            return count
        } catch {
            switch error {
            case .replayed: reject(.duplicate, &workspace)
            case .tooOld: reject(.late, &workspace)
            default: reject(.authentication, &workspace)
            }
            return nil
        }
    }

    mutating func unprotectRTCP(_ packet: UnsafeMutableRawBufferPointer) -> Int? {
        do throws(SRTPError) {
            if dtls?.rtcp != nil {
                return try srtcpIn?.unprotectRTCP(packet, count: packet.count)
            }
            return try receiver.srtp?.unprotectRTCP(packet, count: packet.count)
        } catch {
            return nil
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
