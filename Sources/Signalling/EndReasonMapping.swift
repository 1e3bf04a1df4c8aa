internal import CallModel
internal import SIP

extension EndReason {
    /// The end of a call as signalling saw it.
    init(_ end: CallEnd) {
        switch end.cause {
        case .rejected: self = EndReason(status: end.status, reasonText: end.reason)
        case .noAnswer: self = .noAnswer
        case .cancelled: self = .cancelled
        // An answered call that the peer no longer keeps up: nobody is called again for that.
        case .remoteBye, .peerLost, .sessionExpired: self = .remoteHangup
        case .replaced: self = .transferred
        case .localBye: self = .localHangup
        case .refused: self = .declined
        case .overload: self = .engineFull
        case .timeout, .transport, .notAcknowledged, .protocolError: self = .trunkError
        }
    }
}
