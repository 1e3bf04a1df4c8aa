internal import AsyncHTTPClient
internal import Audio
internal import Foundation
internal import NIOCore
internal import Synchronization

// URL ─► scheme, host ─► resolve once ─► public address? ─► connect to that address ─► 200 ─► WAV
//  ▲                                                                            └─ 3xx ─┐
//  └──────────────────────────── at most three times ───────────────────────────────────┘

/// Fetches WAV files that a caller of the API names by URL. Whoever may call the API could have it
/// look into the operator's own network: addresses that are not public are refused before anything
/// is sent, on every redirect anew, and the connection goes to the address that was looked at.
final class ClipFetcher: Sendable {
    /// Bytes of a file: ten minutes of 16-bit stereo at 24 kHz and more.
    static let byteLimit = 64 << 20
    static let redirectLimit = 3
    /// Of one fetch with all its redirects, seconds.
    static let secondsLimit = 15
    /// Fetches at once, and so threads that look up a name.
    static let fetchLimit = 8
    static let longestURL = 2048

    private let allowsPrivate: Bool
    private let lookUp: LookUp
    private let pause: @Sendable (Duration) async throws -> Void
    private let running = Mutex(0)

    /// A host's address; may be deaf to cancellation.
    typealias LookUp = @Sendable (_ host: String) async throws -> SocketAddress

    /// - Parameters:
    ///   - lookUp: the system's resolver; a test puts a slow one here.
    ///   - pause: the clock of `secondsLimit`.
    init(
        allowsPrivate: Bool, lookUp: @escaping LookUp = ClipFetcher.askSystem,
        pause: @escaping @Sendable (Duration) async throws -> Void = {
            try await Task.sleep(for: $0)
        }
    ) {
        self.allowsPrivate = allowsPrivate
        self.lookUp = lookUp
        self.pause = pause
    }

    /// The clip at `url`, after `secondsLimit` at the latest. Throws `PlatformError` naming `field`.
    ///
    /// A fetch that is given up keeps its place until it has really ended: the system's resolver cannot
    /// be interrupted, and its threads are as few as the places.
    func clip(_ url: String, field: String) async throws -> PlaybackClip {
        let isFree = running.withLock { count in
            guard count < Self.fetchLimit else { return false }
            count += 1
            return true
        }
        guard isFree else {
            throw PlatformError.unavailable(
                "too_many_fetches", "\(Self.fetchLimit) files are being fetched already")
        }
        // Whichever comes first. Not a task group, which would wait for the other one, too.
        let (outcomes, outcome) = AsyncStream.makeStream(of: Result<PlaybackClip, any Error>.self)
        let fetch = Task {
            let result: Result<PlaybackClip, any Error>
            do {
                let bytes = try await self.fetch(url, field)
                result = .success(try MediaFiles.decode(bytes, path: "the file", field: field))
            } catch { result = .failure(error) }
            running.withLock { $0 -= 1 }
            outcome.yield(result)
        }
        let limit = Task {
            try await pause(.seconds(Self.secondsLimit))
            outcome.yield(
                .failure(Self.failed("it took more than \(Self.secondsLimit) s", field)))
        }
        defer {
            fetch.cancel()
            limit.cancel()
        }
        for await first in outcomes { return try first.get() }
        throw CancellationError()
    }

    private func fetch(_ first: String, _ field: String) async throws -> [UInt8] {
        var target = try Self.parse(first, field)
        for _ in 0...Self.redirectLimit {
            let host = target.host ?? ""
            let address = try await resolve(host, field)
            switch try await get(target, host: host, address: address, field) {
            case .body(let bytes): return bytes
            case .redirect(let location):
                guard let next = URL(string: location, relativeTo: target)?.absoluteString else {
                    throw Self.failed("it redirects to nowhere", field)
                }
                target = try Self.parse(next, field)
            }
        }
        throw Self.failed("it redirects more than \(Self.redirectLimit) times", field)
    }

    private enum Answer { case body([UInt8]), redirect(String) }

    private func get(
        _ url: URL, host: String, address: String, _ field: String
    ) async throws -> Answer {
        var settings = HTTPClient.Configuration(redirectConfiguration: .disallow)
        settings.dnsOverride = [host: address]
        settings.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        let answer: Result<Answer, any Error>
        do {
            let response = try await client.execute(
                HTTPClientRequest(url: url.absoluteString),
                timeout: .seconds(Int64(Self.secondsLimit)))
            switch response.status.code {
            case 200:
                let body = try await response.body.collect(upTo: Self.byteLimit)
                answer = .success(.body(Array(body.readableBytesView)))
            case 301, 302, 303, 307, 308:
                guard let location = response.headers.first(name: "location") else {
                    throw Self.failed("it redirects to nowhere", field)
                }
                answer = .success(.redirect(location))
            default:
                throw Self.failed("the answer is \(response.status.code)", field)
            }
        } catch let error as PlatformError {
            answer = .failure(error)
        } catch is NIOTooManyBytesError {
            answer = .failure(
                Self.failed("it is larger than \(Self.byteLimit) bytes", field))
        } catch {
            answer = .failure(Self.failed("its host cannot be spoken with", field))
        }
        try? await client.shutdown()
        return try answer.get()
    }

    // MARK: what may be asked

    static func parse(_ text: String, _ field: String) throws(PlatformError) -> URL {
        guard text.utf8.count <= longestURL, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            let url = URL(string: text), let scheme = url.scheme?.lowercased(),
            scheme == "http" || scheme == "https", url.user == nil, url.password == nil,
            let host = url.host, !host.isEmpty,
            // As it is looked up, so it is connected to: no second way to write it.
            host.utf8.allSatisfy({ Self.isHostByte($0) })
        else {
            throw .invalid(
                field, "\(field) must be an http:// or https:// URL without user and password")
        }
        return url
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
            true
        default: false
        }
    }

    /// The numeric address that will be connected to.
    private func resolve(_ host: String, _ field: String) async throws -> String {
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let found = try? await lookUp(bare)
        // Nobody waits any more: nothing may be sent.
        try Task.checkCancellation()
        guard let found, let address = found.ipAddress else {
            throw Self.failed("its host is not known", field)
        }
        guard allowsPrivate || Self.isPublic(found) else {
            throw PlatformError.invalid(
                field,
                "\(field): its host is not on the public internet; `audio_private_hosts: true` "
                    + "allows that")
        }
        return address
    }

    /// On a thread of its own: the resolver waits for servers, half a minute when they are silent, and
    /// would keep NIO's few threads from everybody else.
    @Sendable static func askSystem(_ host: String) async throws -> SocketAddress {
        try await withCheckedThrowingContinuation { found in
            Thread.detachNewThread {
                found.resume(
                    with: Result { try SocketAddress.makeAddressResolvingHost(host, port: 0) })
            }
        }
    }

    /// Neither loopback, private, link-local, shared, for documentation or benchmarks, multicast,
    /// reserved, nor a wrapping of an IPv4 address (RFC 6890).
    static func isPublic(_ address: SocketAddress) -> Bool {
        switch address {
        case .v4(let v4):
            let value = UInt32(bigEndian: v4.address.sin_addr.s_addr)
            let closed: [(UInt32, Int)] = [
                (0x0000_0000, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8),
                (0xA9FE_0000, 16), (0xAC10_0000, 12), (0xC000_0000, 24), (0xC000_0200, 24),
                (0xC058_6300, 24), (0xC0A8_0000, 16), (0xC612_0000, 15), (0xC633_6400, 24),
                (0xCB00_7100, 24), (0xE000_0000, 3),
            ]
            return !closed.contains { value >> (32 - $0.1) == $0.0 >> (32 - $0.1) }
        case .v6(let v6):
            let bytes = withUnsafeBytes(of: v6.address.sin6_addr) { Array($0) }
            // 2000::/3 alone is handed out; of it not Teredo, ORCHID, documentation and 6to4.
            guard bytes[0] & 0xE0 == 0x20 else { return false }
            if bytes[0] == 0x20, bytes[1] == 0x02 { return false }
            if bytes[0] == 0x20, bytes[1] == 0x01 {
                return !(bytes[2] < 0x02 || bytes[2] == 0x0D && bytes[3] == 0xB8)
            }
            return bytes[0] != 0x3F || bytes[1] != 0xFF
        case .unixDomainSocket: return false
        }
    }

    private static func failed(_ why: String, _ field: String) -> PlatformError {
        PlatformError(
            code: "fetch_failed", message: "\(field) cannot be fetched: \(why)", field: field,
            status: 502)
    }
}
