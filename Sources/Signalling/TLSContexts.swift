internal import Base
internal import Foundation
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// The TLS contexts of both directions, made from files and made again when the files change.
/// Lives on one event loop; files are read on NIO's thread pool.
final class TLSContexts {
    struct Pair: Sendable {
        /// nil without a certificate: we can only be a client.
        var server: NIOSSLContext?
        var client: NIOSSLContext
    }

    let settings: TLSSettings
    private(set) var current: Pair?
    private(set) var reloads = 0
    private let loop: any EventLoop
    private let logger: Logger
    private var stamp: [String]
    private var task: RepeatedTask?

    /// - Throws: `SignallingError.tls` when a file is absent or holds no usable PEM.
    init(_ settings: TLSSettings, loop: any EventLoop, logger: Logger) throws(SignallingError) {
        self.settings = settings
        self.loop = loop
        self.logger = logger
        stamp = Self.stamp(settings)
        current = try Self.load(settings)
    }

    func startWatching() {
        let bound = NIOLoopBound(self, eventLoop: loop)
        let interval = TimeAmount.nanoseconds(settings.reloadInterval.nanoseconds)
        task = loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            bound.value.look(force: false) { _ in }
        }
    }

    func stop() {
        task?.cancel()
        task = nil
    }

    /// Reads the files again if they changed. A broken new certificate leaves the old one in use.
    func look(force: Bool, _ done: @escaping (Bool) -> Void) {
        let settings = settings
        let known = stamp
        let work = NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            () -> ([String], Result<Pair, SignallingError>)? in
            let stamp = Self.stamp(settings)
            guard force || stamp != known else { return nil }
            do throws(SignallingError) {
                return (stamp, .success(try Self.load(settings)))
            } catch {
                return (stamp, .failure(error))
            }
        }
        let take = NIOLoopBound(
            { (found: ([String], Result<Pair, SignallingError>)?) in
                guard let (stamp, result) = found else {
                    done(false)
                    return
                }
                self.stamp = stamp
                switch result {
                case .success(let pair):
                    self.current = pair
                    self.reloads += 1
                    self.logger.info("SIP certificates read again")
                    done(true)
                case .failure(let error):
                    self.logger.error(
                        "new SIP certificates are not usable: the old ones stay",
                        metadata: ["reason": "\(error)"])
                    done(false)
                }
            }, eventLoop: loop)
        work.whenComplete { take.value((try? $0.get()) ?? nil) }
    }

    /// Size and time of each file: what changes when a certificate is replaced.
    private static func stamp(_ settings: TLSSettings) -> [String] {
        [settings.certificateFile, settings.keyFile, settings.trustFile].compactMap { $0 }.map {
            let attributes = try? FileManager.default.attributesOfItem(atPath: $0)
            let date = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            let number = attributes?[.systemFileNumber] as? UInt64 ?? 0
            return "\(date) \(attributes?[.size] as? UInt64 ?? 0) \(number)"
        }
    }

    private static func load(_ settings: TLSSettings) throws(SignallingError) -> Pair {
        do {
            let trust: NIOSSLTrustRoots = settings.trustFile.map { .file($0) } ?? .default
            var client = TLSConfiguration.makeClientConfiguration()
            client.minimumTLSVersion = .tlsv12
            client.trustRoots = trust
            // Names are checked as RFC 5922 says, by `CertificateIdentity`.
            client.certificateVerification = .noHostnameVerification
            var server: TLSConfiguration?
            if let certificate = settings.certificateFile, let key = settings.keyFile {
                let chain = try NIOSSLCertificate.fromPEMFile(certificate).map {
                    NIOSSLCertificateSource.certificate($0)
                }
                let source = NIOSSLPrivateKeySource.privateKey(
                    try NIOSSLPrivateKey(file: key, format: .pem))
                client.certificateChain = chain
                client.privateKey = source
                var made = TLSConfiguration.makeServerConfiguration(
                    certificateChain: chain, privateKey: source)
                made.minimumTLSVersion = .tlsv12
                made.trustRoots = trust
                if settings.requiresClientCertificate {
                    made.certificateVerification = .noHostnameVerification
                }
                server = made
            }
            return Pair(
                server: try server.map { try NIOSSLContext(configuration: $0) },
                client: try NIOSSLContext(configuration: client))
        } catch {
            throw .tls(reason: String("\(error)".prefix(200)))
        }
    }
}
