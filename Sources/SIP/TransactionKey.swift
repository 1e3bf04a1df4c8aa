/// What makes two messages belong to one transaction.
public struct TransactionKey: Hashable, Sendable {
    private let text: String

    /// A client transaction: our branch and the CSeq method (RFC 3261 17.1.3).
    public init(clientBranch branch: String, method: SIPMethod) {
        text = method.name + " " + branch
    }

    /// A server transaction: branch, sent-by and method, ACK counting as INVITE (17.2.3).
    ///
    /// Without the magic cookie the fields that RFC 2543 compares stand in: Request-URI, From
    /// tag, Call-ID, CSeq number and top Via. The To tag is left out, since it is what an ACK and
    /// its INVITE differ in.
    public init(server message: SIPMessage, _ essentials: MessageEssentials, as method: SIPMethod) {
        let via = essentials.topVia
        let name = method == .ack ? SIPMethod.invite.name : method.name
        if via.hasCookie, let branch = via.branch {
            text = name + " " + branch + " " + hostPortText(via.host.asciiLowercased, via.port)
        } else {
            text = [
                "2543", name, message.requestURI ?? "", essentials.from.tag ?? "",
                essentials.callID, String(essentials.cseq.number), via.transport,
                hostPortText(via.host, via.port), via.branch ?? "",
            ].joined(separator: " ")
        }
    }
}
