internal import Base
internal import Logging
internal import NIOCore
internal import SIP

extension AgentCore {
    /// What is measured around the user agent, for the metrics.
    func publishEdge() {
        metrics.publish(streams, gate, trunks.states) { serviceRoutes[$0] != nil }
    }

    /// Sends the OPTIONS that are due, and again what was not answered.
    func probeTrunks() {
        let now = now
        for (bytes, destination) in trunks.handleTimers(now: now) { transmit(bytes, destination) }
        for trunk in trunks.dueTrunks(now: now) {
            let settings = configuration.trunks[trunk]
            let uri = settings.uri
            resolver.resolve(uri) { [self] addresses in
                guard isOpen, let address = addresses.first, let party else {
                    trunks.probeFailed(trunk, now: self.now)
                    noteTrunks()
                    return
                }
                gate.expect(address.host)
                var outputs = Outbox<TransactionOutput>()
                let probe = OptionsProbe(
                    to: uri, at: address, party: party, timing: configuration.timing,
                    entropy: &entropy, now: self.now, out: &outputs)
                trunks.began(probe, trunk: trunk)
                for case .transmit(let bytes) in outputs.takeAll() { transmit(bytes, address) }
                setTimer()
            }
        }
        noteTrunks()
    }

    /// Says once when a trunk goes or comes back.
    func noteTrunks() {
        for (index, state) in trunks.states.enumerated() where saidUp[index] != state.isUp {
            saidUp[index] = state.isUp
            publishEdge()
            logger.warning(
                state.isUp ? "trunk is back" : "trunk is down: no answer to OPTIONS and calls",
                metadata: ["trunk": "\(configuration.trunks[index].name)"])
        }
    }

    /// True when the bytes answer a probe of ours.
    func takesProbeAnswer(_ bytes: [UInt8]) -> Bool {
        guard bytes.starts(with: "SIP/2.0 ".utf8), trunks.hasProbes,
            let message = try? SIPMessage(parsing: bytes), trunks.receive(message, now: now)
        else { return false }
        noteTrunks()
        setTimer()
        return true
    }
}
