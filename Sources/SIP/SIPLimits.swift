/// What a peer may make us hold. Reaching a limit is an error or a counted refusal, never growth.
public enum SIPLimits {
    /// The largest UDP payload there is; a message cannot be longer.
    public static let messageBytes = 65_535
    /// Header lines of one message. A request has some 20; RFC 4475 longreq has 34 Vias.
    public static let headerCount = 256
    /// One header field with its folds, or the start line.
    public static let headerBytes = 8_192
    /// Hops of one message; Max-Forwards starts at 70 (RFC 3261 8.1.1.6).
    public static let viaCount = 70
    /// Values of one list header.
    public static let valuesPerHeader = 128
    /// Parameters of one URI or header value.
    public static let parameterCount = 64
    /// Proxies that stay in a dialog's path.
    public static let routeCount = 20
    /// Branches of one forked INVITE that we follow (early dialogs, surplus 200s).
    public static let forkCount = 16
    /// Times one request is sent again with credentials (a stale nonce, or a proxy and then the
    /// callee): more is a challenge loop (Asterisk AST-2020-002).
    public static let authenticationTries = 2
    /// A body we are willing to look into.
    public static let bodyBytes = 32_768
}
