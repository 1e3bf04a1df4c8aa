public import Base
public import CallModel
internal import SIP
internal import Signalling

/// What was said on the wire for one call.
public struct SignallingTrace: Sendable {
    /// One SIP message as it went over the wire.
    public struct Message: Sendable {
        /// When it was sent or received.
        public var at: WallTime
        /// True for what we sent.
        public var isOutgoing: Bool
        /// `192.0.2.1:5060`.
        public var peer: String
        /// `udp`, `tcp`, `tls`, `ws` or `wss`.
        public var transport: String
        /// `INVITE sip:…`, `200 OK`.
        public var summary: String
        /// The message, secrets blanked out.
        public var text: String
    }

    /// In the order they went over the wire.
    public var messages: [Message]
    /// Messages beyond those kept.
    public var missing: Int
    /// The ladder, and each message below it.
    public var text: String
}

extension Platform {
    /// nil: nothing is known of the call, or no more.
    public func trace(_ id: CallID) async -> SignallingTrace? {
        guard let found = await agent.trace(of: id) else { return nil }
        return SignallingTrace(
            messages: found.messages.map {
                SignallingTrace.Message(
                    at: $0.at, isOutgoing: $0.isOutgoing,
                    peer: hostPortText($0.peer.host, $0.peer.port),
                    transport: $0.peer.transport.rawValue, summary: $0.summary,
                    text: String(decoding: $0.redacted, as: UTF8.self))
            }, missing: found.missing,
            text: TracedMessage.ladder(found.messages, missing: found.missing, own: "trunkline"))
    }
}
