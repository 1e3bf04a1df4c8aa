internal import Base
internal import CallModel
internal import Foundation
internal import SIP

extension AgentCore {
    /// Keeps a copy of what goes over the wire.
    func traced(_ bytes: [UInt8], isOutgoing: Bool, peer: SIPAddress) {
        guard configuration.trace.calls > 0 || hep != nil else { return }
        let time = WallTime(
            milliseconds: Int64((Date().timeIntervalSince1970 * 1_000).rounded(.down)))
        trace.record(bytes, isOutgoing: isOutgoing, peer: peer, at: time)
        guard let hep, let party else { return }
        let own = SIPAddress(
            host: boundHost, port: party.streamPorts[peer.transport] ?? party.port,
            transport: peer.transport)
        hep.export(
            bytes, from: isOutgoing ? own : peer, to: isOutgoing ? peer : own, at: time)
    }

    /// The ladder of one call: its messages in order, and how many were not kept.
    func trace(of id: CallID) -> (messages: [TracedMessage], missing: Int)? {
        trace.messages(of: id.value)
    }
}
