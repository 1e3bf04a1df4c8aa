internal import Glibc

/// The pipe that media workers wake the streams by.
struct WakePipe {
    /// Non-blocking.
    let writeEnd: Int32
    let readEnd: Int32
    /// A second read end that is never read: with it a write after `readEnd` has been closed is no
    /// SIGPIPE.
    let keptEnd: Int32

    init() throws(StreamError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .wakePipe(errno: errno) }
        let kept = fcntl(ends[0], F_DUPFD_CLOEXEC, 0)
        guard kept >= 0, fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0,
            fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0,
            fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0, fcntl(ends[1], F_SETFD, FD_CLOEXEC) == 0
        else {
            let code = errno
            for descriptor in ends + [kept] where descriptor >= 0 { _ = Glibc.close(descriptor) }
            throw .wakePipe(errno: code)
        }
        (readEnd, writeEnd, keptEnd) = (ends[0], ends[1], kept)
    }

    func close() {
        for descriptor in [readEnd, writeEnd, keptEnd] { _ = Glibc.close(descriptor) }
    }
}
