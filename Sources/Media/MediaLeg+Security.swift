internal import Base
internal import RTP
internal import SecureRTP

extension MediaLeg {
    /// New keys, or none. The old contexts go only when the new ones are ready.
    mutating func rekey(_ keys: SRTPKeys?) throws(MediaError) {
        guard let keys else {
            sender.srtp = nil
            receiver.srtp = nil
            receiver.isSecure = false
            return
        }
        do throws(SRTPError) {
            let outbound = try SRTPContext(
                suite: keys.suite, key: keys.local, direction: .outbound)
            let inbound = try SRTPContext(suite: keys.suite, key: keys.remote, direction: .inbound)
            sender.srtp = consume outbound
            receiver.srtp = consume inbound
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
            return try receiver.srtp?.unprotectRTCP(packet, count: packet.count)
        } catch {
            return nil
        }
    }

    mutating func protectRTCP(_ packet: UnsafeMutableRawBufferPointer, count: Int) -> Int? {
        do throws(SRTPError) {
            return try sender.srtp?.protectRTCP(packet, count: count)
        } catch {
            return nil
        }
    }
}
