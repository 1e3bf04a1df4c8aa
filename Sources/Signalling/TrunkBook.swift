internal import Base
internal import SIP

/// The trunks of an agent by their place in the configuration, and the probes that are out.
struct TrunkBook {
    private(set) var states: [TrunkState]
    /// By branch.
    private var probes: [String: (trunk: Int, probe: OptionsProbe)] = [:]

    init(_ trunks: [TrunkConfiguration]) {
        states = trunks.map { TrunkState($0.limits) }
    }

    mutating func take(_ trunk: Int, now: Instant) -> TrunkState.Refusal? {
        states.indices.contains(trunk) ? states[trunk].take(now: now) : .down
    }

    /// Until the trunk's rate lets a call through.
    func wait(_ trunk: Int, now: Instant) -> Interval {
        states.indices.contains(trunk) ? states[trunk].rateWait(now: now) : .zero
    }

    mutating func callEnded(_ trunk: Int) {
        if states.indices.contains(trunk) { states[trunk].callEnded() }
    }

    mutating func heard(_ trunk: Int, status: Int, retryAfter: Int?, now: Instant) {
        guard states.indices.contains(trunk) else { return }
        states[trunk].heard(status: status, retryAfter: retryAfter, now: now)
    }

    mutating func failed(_ trunk: Int, now: Instant) {
        if states.indices.contains(trunk) { states[trunk].failed(now: now) }
    }

    // MARK: probes

    var hasProbes: Bool { !probes.isEmpty }

    var nextDeadline: Instant? {
        (states.compactMap(\.probeDue) + probes.values.compactMap(\.probe.deadline)).min()
    }

    /// Trunks that are to be asked now.
    mutating func dueTrunks(now: Instant) -> [Int] {
        let due = states.indices.filter { states[$0].probeDue.map { $0 <= now } ?? false }
        for trunk in due { states[trunk].probeSent() }
        return due
    }

    mutating func began(_ probe: OptionsProbe, trunk: Int) {
        probes[probe.branch] = (trunk, probe)
    }

    /// Where a trunk is could not be found out, or the probe not be sent.
    mutating func probeFailed(_ trunk: Int, now: Instant) {
        guard states.indices.contains(trunk) else { return }
        states[trunk].probeAnswered(status: nil, retryAfter: nil, now: now)
    }

    /// A probe that went there cannot have arrived.
    mutating func transportFailed(_ destination: SIPAddress, now: Instant) {
        for (branch, entry) in probes where entry.probe.destination == destination {
            probes[branch] = nil
            probeFailed(entry.trunk, now: now)
        }
    }

    /// - Returns: false when it is no answer to a probe.
    mutating func receive(_ response: SIPMessage, now: Instant) -> Bool {
        guard let branch = response.probeBranch else { return false }
        guard var entry = probes[branch], let status = response.status else { return true }
        var outputs = Outbox<TransactionOutput>()
        entry.probe.receive(response, now: now, out: &outputs)
        guard status >= 200 else {
            probes[branch] = entry
            return true
        }
        probes[branch] = nil
        states[entry.trunk].probeAnswered(
            status: status, retryAfter: response.retryAfter, now: now)
        return true
    }

    /// What has to be sent again; a probe without answer is a failure.
    mutating func handleTimers(now: Instant) -> [(bytes: [UInt8], to: SIPAddress)] {
        var again: [(bytes: [UInt8], to: SIPAddress)] = []
        for (branch, entry) in probes.sorted(by: { $0.key < $1.key })
        where entry.probe.deadline.map({ $0 <= now }) ?? true {
            var probe = entry.probe
            var outputs = Outbox<TransactionOutput>()
            probe.handleTimers(now: now, out: &outputs)
            probes[branch] = (entry.trunk, probe)
            for output in outputs.takeAll() {
                switch output {
                case .transmit(let bytes), .retransmit(let bytes):
                    again.append((bytes, probe.destination))
                case .timedOut:
                    probes[branch] = nil
                    probeFailed(entry.trunk, now: now)
                case .deliver: break
                }
            }
        }
        return again
    }
}
