internal import CLinux
internal import Glibc
internal import NIOCore

/// What a `StreamThread` turns around: epoll, its sockets and the buffers they share. Never leaves the
/// thread once that runs.
final class SocketLoop {
    static let signalToken = UInt64.max
    static let wakeToken = UInt64.max - 1
    /// Bytes read from a socket at a time: more than a bot sends in a tick, and within the caches.
    static let readCapacity = 1 << 16
    private static let eventCapacity = 128
    private static let tick = TimeAmount.milliseconds(StreamHub.tickMilliseconds)

    private let epoll: Int32
    private let wakes: Int32?
    private let events: UnsafeMutablePointer<tl_event>
    private let received: UnsafeMutableRawBufferPointer
    /// Where every socket's frames are written before they are sent: the same storage, so always near.
    let out = FrameBuffer(capacity: 8192)
    private var sockets: [PlainSocket?] = []
    private var freePlaces: [Int] = []
    private var lingering: [PlainSocket] = []
    /// Sockets that a write has found broken: their owners hear of it at the end of the turn.
    private var broken: [PlainSocket] = []
    private var nextTick: NIODeadline?
    private var wasWoken = false
    var onWake: () -> Void = {}
    var onTick: () -> Void = {}

    init(epoll: Int32, wakes: Int32?) {
        self.epoll = epoll
        self.wakes = wakes
        events = .allocate(capacity: Self.eventCapacity)
        events.initialize(repeating: tl_event(), count: Self.eventCapacity)
        received = .allocate(byteCount: Self.readCapacity, alignment: 64)
    }

    deinit {
        events.deallocate()
        received.deallocate()
        if epoll >= 0 { _ = tl_close(epoll) }
    }

    /// Whether `onTick` is wanted, a few times a second.
    var ticks: Bool {
        get { nextTick != nil }
        set {
            guard newValue != ticks else { return }
            nextTick = newValue ? .now() + Self.tick : nil
        }
    }

    // MARK: a turn

    /// Waits for something and serves the sockets that have something. True when the thread was
    /// signalled.
    func wait(hasJobs: Bool) -> Bool {
        let count = tl_epoll_wait(
            epoll, events, Int32(Self.eventCapacity), hasJobs || !broken.isEmpty ? 0 : timeout)
        var isSignalled = false
        for index in 0..<Int(max(0, count)) {
            let event = events[index]
            switch event.token {
            case Self.signalToken: isSignalled = true
            case Self.wakeToken:
                drainWakes()
                wasWoken = true
            default: serve(event)
            }
        }
        return isSignalled
    }

    func finishTurn() {
        if wasWoken {
            wasWoken = false
            onWake()
        }
        while let socket = broken.popLast() { socket.breakOff() }
        guard nextTick != nil || !lingering.isEmpty else { return }
        let now = NIODeadline.now()
        if let due = nextTick, now >= due {
            nextTick = now + Self.tick
            onTick()
        }
        if !lingering.isEmpty {
            for socket in lingering where socket.lingersUntil <= now { socket.close() }
            lingering.removeAll { !$0.isOpen }
        }
    }

    private var timeout: Int64 {
        guard nextTick != nil || !lingering.isEmpty else { return -1 }
        let now = NIODeadline.now()
        let due = nextTick ?? now + Self.tick
        return max(0, (due - now).nanoseconds)
    }

    private func drainWakes() {
        guard let wakes else { return }
        // However many bytes there are, it is one wake-up; epoll comes back for what is left.
        if read(wakes, received.baseAddress, received.count) == 0 {
            // The hub is gone.
            _ = tl_epoll_remove(epoll, wakes)
        }
    }

    /// An event of a socket that has been closed since, or replaced, finds nothing to read.
    private func serve(_ event: tl_event) {
        let place = Int(event.token)
        guard place < sockets.count, let socket = sockets[place] else { return }
        if event.writable != 0 { socket.drain() }
        if event.readable != 0 || event.writable == 0 { socket.read(into: received) }
        assert(out.count == 0, "a frame was written and not flushed")
    }

    // MARK: sockets

    /// False when the kernel cannot watch it; it is closed then.
    func add(_ socket: PlainSocket) -> Bool {
        let place = freePlaces.popLast() ?? sockets.count
        if place == sockets.count { sockets.append(nil) }
        guard tl_epoll_add(epoll, socket.descriptor, UInt64(place)) >= 0 else {
            freePlaces.append(place)
            socket.close()
            return false
        }
        socket.place = place
        sockets[place] = socket
        return true
    }

    func watchWritable(_ socket: PlainSocket, _ isWanted: Bool) {
        _ = tl_epoll_watch_writable(
            epoll, socket.descriptor, UInt64(socket.place), isWanted ? 1 : 0)
    }

    /// Before its descriptor is closed.
    func remove(_ socket: PlainSocket) {
        guard socket.place >= 0, socket.place < sockets.count, sockets[socket.place] === socket
        else { return }
        // Closing would do; a descriptor somebody else holds too would stay in the set.
        _ = tl_epoll_remove(epoll, socket.descriptor)
        sockets[socket.place] = nil
        freePlaces.append(socket.place)
    }

    func linger(_ socket: PlainSocket) { lingering.append(socket) }
    func report(broken socket: PlainSocket) { broken.append(socket) }

    /// The thread ends.
    func close() {
        for socket in sockets { socket?.close() }
        lingering = []
        broken = []
        onWake = {}
        onTick = {}
        if let wakes { _ = tl_close(wakes) }
    }
}
