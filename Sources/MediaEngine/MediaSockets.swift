internal import CLinux
internal import Media

/// The two bound UDP sockets of a leg: RTP on an even port, RTCP on the next.
struct MediaSockets: ~Copyable {
    let rtp: Int32
    let rtcp: Int32
    let port: Int

    enum BindError: Error {
        case inUse
        case failed(EngineError)
    }

    /// - Parameters:
    ///   - host: local address; its port is ignored.
    ///   - receiveBuffer: bytes asked of the kernel; 0: its default.
    init(host: SocketAddressValue, port: Int, receiveBuffer: Int = 0) throws(BindError) {
        guard port % 2 == 0, let low = UInt16(exactly: port), low < .max else {
            throw .failed(.badConfiguration("RTP port \(port) is not an even UDP port"))
        }
        let first = try Self.bind(host.withPort(low), receiveBuffer: receiveBuffer)
        do throws(BindError) {
            rtcp = try Self.bind(host.withPort(low + 1), receiveBuffer: receiveBuffer)
        } catch {
            _ = tl_close(first)
            throw error
        }
        rtp = first
        self.port = port
    }

    deinit {
        _ = tl_close(rtp)
        _ = tl_close(rtcp)
    }

    static func bind(
        _ address: SocketAddressValue, receiveBuffer: Int = 0
    ) throws(BindError) -> Int32 {
        var system = address.system
        let result = tl_udp_bind(&system, Int32(clamping: receiveBuffer))
        guard result < 0 else { return result }
        switch -result {
        case errnoAddressInUse, errnoAccess: throw .inUse
        case errnoAddressUnavailable:
            throw .failed(.addressUnavailable(address.withPort(0).hostText))
        default: throw .failed(.system(call: "bind", errno: -result))
        }
    }
}

// Linux errno values, asm-generic/errno.h; Glibc is not imported for three numbers.
private let errnoAddressInUse: Int32 = 98
private let errnoAddressUnavailable: Int32 = 99
private let errnoAccess: Int32 = 13

extension SocketAddressValue {
    /// The address without its port.
    var hostText: String { String(description.dropLast(String(port).count + 1)) }
}
