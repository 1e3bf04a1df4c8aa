internal import COpenSSL

// libssl ── BIO_read ──► the one datagram that is being looked at, then "try again"
//        ── BIO_write ─► one datagram of a flight, kept until the call into libssl returns
//        ── BIO_ctrl ──► where libssl keeps the time of its next retransmission
//
// libssl's timers read the wall clock. Ours may not, so the library's is set so far ahead that it
// never fires by itself, and when *our* time has come it is moved into the past (see `expireTimer`).

/// The network of one SSL object: memory only.
final class DTLSTransport {
    /// Bytes of output that one call may leave: a flight with the longest certificate chain.
    static let outputLimit = 32_768
    /// Microseconds that libssl waits by itself: more than an hour, a handshake lasts half a minute.
    static let never: UInt32 = 4_000_000_000

    /// Lent for the length of one call.
    var inbound: UnsafeRawBufferPointer?
    private(set) var output: [UInt8] = []
    private(set) var ends: [Int] = []
    /// SAFETY: points into the SSL object that owns this BIO, and is used only while that lives.
    private var timer: UnsafeMutableRawPointer?

    let expected: DTLSParameters
    let cookieSecret: [UInt8]
    /// Of the datagram that is being looked at.
    var source = DTLSSource(low: 0, port: 0)
    var presentedCertificate = false
    var isMismatch = false
    /// What libssl's own timer is set to, µs.
    var interval: UInt32 = DTLSTransport.never

    init(expected: DTLSParameters, cookieSecret: [UInt8]) {
        self.expected = expected
        self.cookieSecret = cookieSecret
    }

    /// Hands each datagram of the output to `send` and forgets it.
    func drain(_ send: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        output.withUnsafeBytes { bytes in
            for end in ends {
                send(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                start = end
            }
        }
        forget()
    }

    func forget() {
        output.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
    }

    /// Gives the memory back: the handshake is over.
    func shrink() {
        output = []
        ends = []
    }

    /// Makes libssl believe that its retransmission timer has run out. Does nothing where libssl
    /// does not lend its timer (3.2 and later); there its own runs by the wall clock.
    func expireTimer() {
        // A `struct timeval` of 1970: two words.
        guard let timer, timer.loadUnaligned(as: Int.self) != 0 else { return }
        timer.storeBytes(of: 1, as: Int.self)
        timer.storeBytes(of: 0, toByteOffset: MemoryLayout<Int>.size, as: Int.self)
    }

    // MARK: what libssl calls

    fileprivate func read(_ buffer: UnsafeMutablePointer<CChar>, _ room: Int) -> Int {
        guard let datagram = inbound else { return -1 }
        inbound = nil
        let count = min(room, datagram.count)
        guard count > 0 else { return -1 }
        UnsafeMutableRawBufferPointer(start: buffer, count: count)
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: datagram[0..<count]))
        return count
    }

    fileprivate func write(_ bytes: UnsafePointer<CChar>, _ count: Int) -> Int {
        // A datagram that does not fit is one that the network lost.
        guard count > 0, output.count + count <= Self.outputLimit else { return count }
        output.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: count))
        ends.append(output.count)
        return count
    }

    fileprivate func lend(_ timer: UnsafeMutableRawPointer) {
        // libssl 3.0 and 3.1 pass the address of the field itself; later ones that of a copy on the
        // stack, and a stack is near our own frame.
        var here = 0
        let frame = withUnsafePointer(to: &here) { UInt(bitPattern: $0) }
        let address = UInt(bitPattern: timer)
        let distance = address > frame ? address - frame : frame - address
        self.timer =
            distance > Self.stackReach && Self.lendsTimer ? timer : nil
    }

    private static let stackReach: UInt = 1 << 18
    private static let lendsTimer = (0x3000_0000..<0x3020_0000).contains(OpenSSL_version_num())

    /// False: retransmissions follow the wall clock, because libssl keeps its timer to itself.
    static var hasVirtualTime: Bool { lendsTimer }
}

/// BIO_clear_retry_flags, which is a macro.
private let retryFlags = Int32(
    BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY)

/// The BIO type of `DTLSTransport`; one for the process.
struct DTLSTransportMethod: @unchecked Sendable {
    // Sendable: written once, before anybody else has it; libssl only reads it.
    let method: OpaquePointer?

    static let shared = DTLSTransportMethod()

    private init() {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams")
        BIO_meth_set_write(method) { bio, bytes, count in
            guard let bytes, let transport = DTLSTransport.of(bio) else { return -1 }
            BIO_clear_flags(bio, retryFlags)
            return Int32(transport.write(bytes, Int(count)))
        }
        BIO_meth_set_read(method) { bio, buffer, room in
            guard let buffer, let transport = DTLSTransport.of(bio) else { return -1 }
            BIO_clear_flags(bio, retryFlags)
            let count = transport.read(buffer, Int(room))
            if count < 0 { BIO_set_flags(bio, Int32(BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)) }
            return Int32(count)
        }
        BIO_meth_set_ctrl(method) { bio, command, _, pointer in
            switch command {
            case Int32(BIO_CTRL_FLUSH): return 1
            case Int32(BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT):
                if let pointer { DTLSTransport.of(bio)?.lend(pointer) }
                return 1
            // IPv4 and UDP.
            case Int32(BIO_CTRL_DGRAM_GET_MTU_OVERHEAD): return 28
            default: return 0
            }
        }
    }

    /// - Returns: a BIO that borrows `transport`, which must live longer.
    func makeBIO(_ transport: DTLSTransport) -> OpaquePointer? {
        guard let method, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(transport).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }
}

extension DTLSTransport {
    /// SAFETY: the association that owns the SSL object, and so the BIO, owns the transport too and
    /// frees the SSL object first.
    fileprivate static func of(_ bio: OpaquePointer?) -> DTLSTransport? {
        guard let bio, let pointer = BIO_get_data(bio) else { return nil }
        return Unmanaged<DTLSTransport>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// As above, for callbacks that get the SSL object.
    static func of(ssl: OpaquePointer?) -> DTLSTransport? {
        guard let ssl, let pointer = SSL_get_ex_data(ssl, 0) else { return nil }
        return Unmanaged<DTLSTransport>.fromOpaque(pointer).takeUnretainedValue()
    }
}
