public import Base
public import CallModel
internal import Media
internal import SIP

/// An agent to be called beside a live call, and bridged with it.
public struct AgentRequest: Sendable {
    /// A SIP URI, or a number of `PlatformConfiguration.transferNumbers`.
    public var to: String
    /// Caller ID shown to the agent; nil: that of the configuration.
    public var from: PhoneNumber?
    /// A WAV file that the caller hears, looped; nil: silence.
    public var musicPath: String?
    /// Then the agent is given up, and the call goes on as it was. The API takes 1…180.
    public var ringTimeoutSeconds: Int
    /// Of the agent's call, from its answer. The API takes 1…86,400.
    public var maximumSeconds: Int
    /// What the agent's telephone shows; names begin with `X-`.
    public var headers: [String: String]

    /// The defaults: silence, 30 s of ringing, two hours.
    public init(
        to: String, from: PhoneNumber? = nil, musicPath: String? = nil,
        ringTimeoutSeconds: Int = 30, maximumSeconds: Int = 7200, headers: [String: String] = [:]
    ) {
        self.to = to
        self.from = from
        self.musicPath = musicPath
        self.ringTimeoutSeconds = ringTimeoutSeconds
        self.maximumSeconds = maximumSeconds
        self.headers = headers
    }
}

/// Handing a live call over to somebody else.
extension Platform {
    /// Headers of one agent's call, and bytes of a value.
    static let transferHeaderLimit = 16
    static let transferHeaderBytes = 512

    /// Has the far end call `target`, a SIP URI, itself (SIP REFER); `consulted` is a live call with
    /// the target that it takes over. Events `transfer` tell how it goes. A number in it must be one of
    /// ours, as when we call it.
    public func transfer(
        _ call: CallID, to target: String, consulted: CallID? = nil
    ) async throws {
        guard target.utf8.count <= 512, target.hasPrefix("sip:") || target.hasPrefix("sips:") else {
            throw PlatformError.invalid("to", "to must be a sip: or sips: URI")
        }
        try demandOurs(CallTarget(target))
        try await center.transfer(call, to: target, consulted: consulted)
    }

    /// Calls an agent while the call hears music, and bridges both when the agent answers. Returns
    /// the agent's call. Events `transfer` tell how it goes; without an agent the call goes on as it
    /// was.
    public func transfer(_ call: CallID, to agent: AgentRequest) async throws -> CallID {
        let target = try CallTarget(agent.to)
        try demandOurs(target)
        guard configuration.hasTrunk || target.dial.contains(":") else {
            throw PlatformError.invalid("to", "no trunk is configured: a number cannot be reached")
        }
        let id = Self.newCallID()
        var plan = CallPlan(
            id: id, direction: .outbound, number: target.number, conversation: .silence,
            detectAnswer: false, ringTimeout: .seconds(Int64(agent.ringTimeoutSeconds)),
            maximumDuration: .seconds(Int64(agent.maximumSeconds)), optOutDigit: nil)
        plan.headers = try Self.headers(agent.headers) + [("X-Trunkline-Call", call.value)]
        let music = try agent.musicPath.map { path throws(PlatformError) in
            try files.clip(path, field: "music")
        }
        try await center.transfer(
            call, byCalling: plan, target: target.dial,
            from: (agent.from ?? configuration.callerID)?.e164 ?? "trunkline", music: music
        ) { [store, logger] record in
            await store.finish(record, contactStatus: nil, nextAttemptAt: nil, logger: logger)
        }
        return id
    }

    /// The gate is not asked about an agent, so no other number may be called in its place.
    private func demandOurs(_ target: CallTarget) throws(PlatformError) {
        guard let number = target.number, !configuration.transferNumbers.contains(number) else {
            return
        }
        throw PlatformError(
            code: "gate_blocked",
            message: "a number that calls are handed over to must be one of ours: name it in "
                + "transfer_numbers",
            field: "to", status: 403)
    }

    private static func headers(
        _ headers: [String: String]
    ) throws(PlatformError) -> [(String, String)] {
        guard headers.count <= transferHeaderLimit else {
            throw .invalid("headers", "headers may be \(transferHeaderLimit) at most")
        }
        for (name, value) in headers {
            guard name.hasPrefix("X-"), name.utf8.count <= 64,
                name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
            else {
                throw .invalid("headers", "headers must be named X-…, of letters, digits and -")
            }
            guard value.utf8.count <= transferHeaderBytes,
                value.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
            else {
                throw .invalid(
                    "headers", "\(name) must be one line of \(transferHeaderBytes) bytes at most")
            }
        }
        return headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
