internal import Base
internal import CLinux
internal import Media

/// The words of the system for `errno`.
func systemErrorText(_ errno: Int32) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { text in
        guard let start = text.baseAddress else { return "error \(errno)" }
        tl_error_text(errno, start, Int32(text.count))
        return String(cString: start) + " (errno \(errno))"
    }
}

/// The monotonic clock: the only place where the engine reads it.
@inline(__always)
func monotonicNow() -> Instant { Instant(nanoseconds: tl_monotonic_ns()) }

/// Throws for a negative result of a CLinux call.
@discardableResult
func checked(_ call: String, _ result: Int32) throws(EngineError) -> Int32 {
    guard result >= 0 else { throw .system(call: call, errno: -result) }
    return result
}

/// Eight bytes of the system's entropy.
func randomWord() -> UInt64 {
    var word: UInt64 = 0
    let result = withUnsafeMutableBytes(of: &word) { tl_random($0.baseAddress, Int32($0.count)) }
    // getrandom cannot fail for 8 bytes on a kernel this runs on; without entropy no leg is safe.
    precondition(result == 0, "getrandom failed")
    return word
}

extension SocketAddressValue {
    @inline(__always)
    init(_ address: tl_address) {
        var address = address
        let words = withUnsafeBytes(of: &address.bytes) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        if address.is_ipv6 != 0 {
            self.init(high: words.0, low: words.1, port: address.port, isIPv6: true)
        } else {
            self.init(low: words.0 >> 32, port: address.port)
        }
    }

    @inline(__always)
    var system: tl_address {
        var address = tl_address()
        address.port = port
        address.is_ipv6 = isIPv6 ? 1 : 0
        let first = (isIPv6 ? high : low << 32).bigEndian
        let second = (isIPv6 ? low : 0).bigEndian
        withUnsafeMutableBytes(of: &address.bytes) { bytes in
            bytes.storeBytes(of: first, toByteOffset: 0, as: UInt64.self)
            bytes.storeBytes(of: second, toByteOffset: 8, as: UInt64.self)
        }
        return address
    }
}

/// A thread of our own, outside every pool: it may block, be pinned and have a scheduling class.
final class EngineThread: Sendable {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }
    private let handle: UInt64

    init(name: String, _ run: @escaping @Sendable () -> Void) throws(EngineError) {
        let context = Unmanaged.passRetained(Body(run))
        var handle: UInt64 = 0
        let result = tl_thread_start(
            { context in
                guard let context else { return }
                Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
            }, context.toOpaque(), name, &handle)
        guard result == 0 else {
            context.release()
            throw .system(call: "pthread_create", errno: -result)
        }
        self.handle = handle
    }

    /// Waits for the end of the thread; once.
    func join() { _ = tl_thread_join(handle) }
}

/// An eventfd that wakes an epoll loop.
final class WakeSignal: Sendable {
    let descriptor: Int32

    init() throws(EngineError) { descriptor = try checked("eventfd", tl_eventfd_create()) }
    deinit { _ = tl_close(descriptor) }

    func signal() { _ = tl_eventfd_signal(descriptor) }
    func drain() { _ = tl_eventfd_drain(descriptor) }

    /// Blocks until signalled or until `timeout` (nil: for ever) has passed. One thread only.
    func wait(epoll: Int32, timeout: Interval?) {
        var event = tl_event()
        if tl_epoll_wait(epoll, &event, 1, timeout?.nanoseconds ?? -1) > 0 { drain() }
    }
}

/// An epoll descriptor, closed with its last owner.
final class EpollLoop: Sendable {
    let descriptor: Int32

    init() throws(EngineError) { descriptor = try checked("epoll_create1", tl_epoll_create()) }
    deinit { _ = tl_close(descriptor) }

    func add(_ fd: Int32, token: UInt64) throws(EngineError) {
        try checked("epoll_ctl", tl_epoll_add(descriptor, fd, token))
    }
    func remove(_ fd: Int32) { _ = tl_epoll_remove(descriptor, fd) }
}
