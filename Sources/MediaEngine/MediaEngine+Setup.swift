internal import Base
internal import CLinux
internal import Media

/// What is decided once, when an engine starts.
extension MediaEngine {
    static func checkedHost(
        _ configuration: MediaEngineConfiguration
    ) throws(EngineError) -> SocketAddressValue {
        let ports = configuration.ports
        guard ports.lowerBound >= 1024, ports.upperBound <= 65535,
            ports.lowerBound + ports.lowerBound % 2 < ports.upperBound
        else {
            throw .badConfiguration(
                "--rtp-ports \(ports.lowerBound)-\(ports.upperBound) holds no pair of ports "
                    + "between 1024 and 65535: give a range such as 20000-39999")
        }
        guard let host = SocketAddressValue(address: configuration.address, port: 0) else {
            throw .badConfiguration(
                "--rtp-address \(configuration.address) is not a numeric IP address")
        }
        do throws(MediaSockets.BindError) {
            _ = tl_close(try MediaSockets.bind(host))
        } catch {
            if case .failed(let reason) = error { throw reason }
            throw .addressUnavailable(configuration.address)
        }
        return host
    }

    /// The shared ports of one worker.
    static func bindShared(
        _ configuration: MediaEngineConfiguration, host: SocketAddressValue,
        from ports: inout PortAllocator
    ) throws(EngineError) -> [SharedPort] {
        guard (0...maximumSharedPorts).contains(configuration.sharedPorts) else {
            throw .badConfiguration(
                "rtp.shared_ports \(configuration.sharedPorts) is not 0-\(maximumSharedPorts)")
        }
        let now = monotonicNow()
        var bound: [SharedPort] = []
        var attempts = ports.freeCount(now: now)
        while bound.count < configuration.sharedPorts {
            guard attempts > 0, let port = ports.take(now: now) else {
                throw .portsExhausted(configuration.ports)
            }
            attempts -= 1
            do throws(MediaSockets.BindError) {
                bound.append(SharedPort(sockets: try MediaSockets(host: host, port: port)))
            } catch {
                switch error {
                case .inUse: ports.skip(port)
                case .failed(let reason): throw reason
                }
            }
        }
        return bound
    }

    static func usableCPUs() -> [Int] {
        var cpus = [Int32](repeating: 0, count: 1024)
        let count = tl_allowed_cpus(&cpus, Int32(cpus.count))
        return cpus.prefix(Int(max(0, count))).map(Int.init)
    }

    static func workerCount(
        _ configuration: MediaEngineConfiguration, usable: Int
    ) -> Int {
        let wanted = configuration.workers > 0 ? configuration.workers : usable - 1
        return min(max(1, wanted), maximumWorkers)
    }

    /// The first usable CPU is left to everything else, when there is a choice.
    static func cpu(
        _ number: Int, _ configuration: MediaEngineConfiguration, usable: [Int]
    ) -> Int? {
        if !configuration.cpus.isEmpty {
            return configuration.cpus[number % configuration.cpus.count]
        }
        guard usable.count > 1 else { return nil }
        return usable[1 + number % (usable.count - 1)]
    }
}
