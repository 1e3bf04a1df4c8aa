internal import CLinux
internal import Glibc
internal import NIOCore

/// A plain TCP connection on a `StreamThread`: `recv` and `send`, nothing between. NIO opened it
/// (`StreamConnector`), and knows nothing of it any more.
final class PlainSocket {
    let descriptor: Int32
    /// Where its loop keeps it; -1 outside.
    var place = -1
    private let loop: SocketLoop
    /// What the kernel did not take yet.
    private let backlog = FrameBuffer()
    /// Bytes waiting from which on no media is wanted; below half of them it is again.
    private let highMark: Int
    private(set) var isWritable = true
    private(set) var isOpen = true
    private var isWatchingWritable = false
    private var failure: Int32?
    /// Who hears of it; nobody while it lingers.
    private var receiver: (any FrameReceiver)?
    private(set) var lingersUntil = NIODeadline.distantFuture

    init(descriptor: Int32, loop: SocketLoop, highMark: Int) {
        self.descriptor = descriptor
        self.loop = loop
        self.highMark = highMark
    }

    /// Begins to read. False when the connection is of no use.
    func start(_ receiver: any FrameReceiver) -> Bool {
        guard isOpen, loop.add(self) else { return false }
        self.receiver = receiver
        return true
    }

    /// Bytes that wait for the kernel.
    var waiting: Int { backlog.count }
    /// The frames of the next `send`.
    var out: FrameBuffer { loop.out }

    // MARK: out

    /// Sends what is in `buffer`, which is empty afterwards; what the kernel does not take waits here.
    func send(_ buffer: FrameBuffer) {
        defer { buffer.removeAll() }
        guard isOpen, failure == nil else { return }
        var rest = UnsafeRawBufferPointer(buffer.bytes)
        if backlog.count == 0 {
            let sent = write(rest)
            guard sent < rest.count, failure == nil else { return }
            rest = UnsafeRawBufferPointer(rebasing: rest[sent...])
        }
        backlog.append(rest)
        if backlog.count > highMark { isWritable = false }
        watchWritable(true)
    }

    /// The kernel takes data again.
    func drain() {
        guard isOpen, failure == nil else { return }
        while backlog.count > 0 {
            let waiting = backlog.count
            let sent = write(UnsafeRawBufferPointer(backlog.bytes))
            if sent > 0 { backlog.removeFirst(sent) }
            guard sent == waiting else { break }
        }
        guard failure == nil else { return }
        if backlog.count == 0 {
            backlog.release()
            watchWritable(false)
        }
        if !isWritable, backlog.count <= highMark / 2 {
            isWritable = true
            receiver?.becameWritable()
        }
    }

    /// Bytes that the kernel took.
    private func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        while true {
            let sent = Glibc.send(
                descriptor, bytes.baseAddress, bytes.count,
                Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
            if sent >= 0 { return sent }
            let code = errno
            if code == EINTR { continue }
            if code != EAGAIN {
                failure = code
                loop.report(broken: self)
            }
            return 0
        }
    }

    private func watchWritable(_ isWanted: Bool) {
        guard isWanted != isWatchingWritable else { return }
        isWatchingWritable = isWanted
        loop.watchWritable(self, isWanted)
    }

    // MARK: in

    /// What is there, up to the size of `space`; epoll comes back for more.
    func read(into space: UnsafeMutableRawBufferPointer) {
        guard isOpen else { return }
        let count = recv(
            descriptor, space.baseAddress, space.count, Int32(MSG_DONTWAIT))
        if count > 0 {
            receiver?.receive(UnsafeRawBufferPointer(rebasing: space[..<count]))
        } else if count == 0 {
            end(nil)
        } else {
            let code = errno
            if code != EAGAIN, code != EINTR { end(code) }
        }
    }

    // MARK: the end

    /// A write has found the connection broken.
    func breakOff() {
        if isOpen { end(failure) }
    }

    private func end(_ code: Int32?) {
        let told = receiver
        close()
        told?.channelClosed(error: code.map(Self.text))
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        receiver = nil
        loop.remove(self)
        _ = tl_close(descriptor)
        backlog.release()
    }

    /// Nobody listens any more; what waits still goes out, until the bot closes or `deadline`.
    func linger(until deadline: NIODeadline) {
        guard isOpen else { return }
        receiver = nil
        lingersUntil = deadline
        loop.linger(self)
    }

    private static func text(_ code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { text in
            tl_error_text(code, text.baseAddress, Int32(text.count))
            return text.baseAddress.map { String(cString: $0) } ?? "error \(code)"
        }
    }
}
