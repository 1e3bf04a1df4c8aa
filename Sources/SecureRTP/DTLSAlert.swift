/// What a datagram says in the clear about the end of a handshake: anybody's claim, because nothing
/// protects an alert before there are keys (RFC 6347 4.1.2.7).
struct DTLSAlert: Equatable {
    private static let alertRecord: UInt8 = 21
    private static let headerCount = 13
    private static let fatal: UInt8 = 2

    /// Bytes of the records before the first plain alert.
    let start: Int
    /// AlertDescription (RFC 5246 7.2) of a fatal one; nil for a warning.
    let fatal: Int?

    /// Looks for the first alert record of epoch 0. nil: there is none.
    init?(_ datagram: UnsafeRawBufferPointer) {
        var start = 0
        while start + Self.headerCount <= datagram.count {
            let count = Int(datagram[start + 11]) << 8 | Int(datagram[start + 12])
            let body = start + Self.headerCount
            if datagram[start] == Self.alertRecord, datagram[start + 3] == 0,
                datagram[start + 4] == 0
            {
                self.start = start
                fatal =
                    count >= 2 && body + 2 <= datagram.count && datagram[body] == Self.fatal
                    ? Int(datagram[body + 1]) : nil
                return
            }
            start = body + count
        }
        return nil
    }
}
