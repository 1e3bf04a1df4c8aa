internal import Base
internal import CallModel
internal import Compliance
internal import Foundation
internal import Logging
internal import Store
internal import Synchronization
internal import Telemetry

/// Asks the gate: gathers what the pure decision needs (rules, lists, the number's history, the
/// internal list, the clock), decides, counts.
final class GateDesk: Sendable {
    /// The ring time begins with the first ring. Until then a call waits 10 s at most for its trunk's rate
    /// and 30 s for the network (docs/SIP.md), and the last ring must lie inside the calling hours.
    static let setupSeconds = 40

    private let rules: GateRules
    private let store: Store
    private let metrics: MetricsRegistry
    private let settings: PlatformConfiguration.ComplianceSettings
    /// Monotonic instant at which the demonstration clock showed its configured time.
    private let clockOrigin: Instant
    /// Opt-outs that the store does not hold yet: kept until it does.
    private let optOuts = Mutex<Set<PhoneNumber>>([])
    /// Calls without a contact that are being decided on or under way: the store knows of them when they
    /// have ended.
    private let directCalls = Mutex<[PhoneNumber: [CallID: WallTime]]>([:])

    init(
        settings: PlatformConfiguration.ComplianceSettings, store: Store,
        metrics: MetricsRegistry, logger: Logger
    ) throws {
        self.settings = settings
        self.store = store
        self.metrics = metrics
        clockOrigin = SystemClock.instant
        rules = try Self.load(settings, logger: logger)
    }

    /// The gate's time: the real one, unless a demonstration set another.
    var now: WallTime {
        guard let start = settings.demonstrationClock else { return SystemClock.wall }
        return start + (SystemClock.instant - clockOrigin)
    }

    /// Decides on one attempt. A store that cannot answer denies (`internalListed: nil`).
    ///
    /// - Parameter underWay: what `begin` answered for this call; nil: it has not begun.
    func decide(
        contact: Contact, campaign: Campaign, underWay: [WallTime]? = nil
    ) async -> GateDecision {
        // Before the store is asked: a call that ends meanwhile is counted twice rather than not at all.
        let underWay =
            underWay
            ?? directCalls.withLock { calls in
                calls[contact.number].map { Array($0.values) } ?? []
            }
        // History is stored under the real clock, whatever the gate's clock shows.
        var history = try? await store.history(contact.number, now: SystemClock.wall)
        history?.add(underWay: underWay)
        let listed = history == nil ? nil : await isListed(contact.number)
        let request = request(
            contact, campaign, history: history ?? CallHistory(), internalListed: listed)
        let decision = Gate.decide(request, rules: rules)
        metrics.counter(Catalogue.gateDecisions, [decision.verdict.name]).increment()
        for reason in decision.reasons {
            metrics.counter(Catalogue.gateBlocks, [reason]).increment()
        }
        return decision
    }

    /// From now on, and until `end`, the call is an attempt for every later decision on its number.
    ///
    /// - Returns: when the calls to the number began that are under way already: attempts before this one.
    func begin(_ call: CallID, to number: PhoneNumber) -> [WallTime] {
        directCalls.withLock { calls in
            let others = calls[number].map { Array($0.values) } ?? []
            calls[number, default: [:]][call] = SystemClock.wall
            return others
        }
    }

    /// The call was refused, or has its record.
    func end(_ call: CallID, to number: PhoneNumber) {
        directCalls.withLock { calls in
            calls[number]?[call] = nil
            if calls[number]?.isEmpty == true { calls[number] = nil }
        }
    }

    /// The coming days' spans in which a call to this contact would be lawful.
    func openings(contact: Contact, campaign: Campaign) -> [Opening] {
        Gate.openings(
            for: request(contact, campaign, history: CallHistory(), internalListed: nil),
            rules: rules)
    }

    private func request(
        _ contact: Contact, _ campaign: Campaign, history: CallHistory, internalListed: Bool?
    ) -> GateRequest {
        var request = GateRequest(
            contact: contact, campaign: campaign, now: now, history: history,
            internalListed: internalListed)
        request.ringTimeoutSeconds += Self.setupSeconds
        return request
    }

    /// nil when the list cannot be read.
    private func isListed(_ number: PhoneNumber) async -> Bool? {
        if optOuts.withLock({ $0.contains(number) }) { return true }
        return try? await store.isOnInternalList(number)
    }

    /// Effective for the very next decision, before the store has it.
    func remember(optOut number: PhoneNumber) {
        change { _ = $0.insert(number) }
    }

    /// The store has it: from now on the list itself says so.
    func forget(optOut number: PhoneNumber) {
        change { _ = $0.remove(number) }
    }

    /// Numbers remembered and not forgotten.
    var unstoredOptOuts: Int { optOuts.withLock { $0.count } }

    private func change(_ body: (inout Set<PhoneNumber>) -> Void) {
        optOuts.withLock { numbers in
            body(&numbers)
            metrics.gauge(Catalogue.optOutsUnstored).set(Double(numbers.count))
        }
    }

    // MARK: loading

    private static func load(
        _ settings: PlatformConfiguration.ComplianceSettings, logger: Logger
    ) throws -> GateRules {
        var rules = try GateRules.builtIn()
        rules.zones.merge(systemZones(rules.zoneNames)) { _, read in read }
        if let path = settings.federalListPath {
            rules.federalList = try list(path, asOf: settings.federalListAsOf, logger: logger)
        } else if let reason = settings.federalListWaiver {
            rules.federalList = .waived(reason: reason, by: "configuration")
        }
        for (state, path) in settings.stateListPaths {
            rules.stateLists[state] = try list(path, asOf: nil, logger: logger)
        }
        if let reason = settings.stateListWaiver {
            rules.otherStateLists = .waived(reason: reason, by: "configuration")
        }
        if let clock = settings.demonstrationClock {
            rules.clockNote = "demonstration clock set to \(clock.iso8601)"
            logger.warning("the gate runs on a demonstration clock: calling hours are not real")
        }
        return rules
    }

    /// Zones as this machine's time zone database has them; missing ones keep the built-in rule.
    private static func systemZones(_ names: [String]) -> [String: ZoneRules] {
        var zones: [String: ZoneRules] = [:]
        for name in names where !name.contains("..") {
            guard let data = FileManager.default.contents(atPath: "/usr/share/zoneinfo/" + name),
                let rules = try? ZoneRules(tzif: [UInt8](data))
            else { continue }
            zones[name] = rules
        }
        return zones
    }

    private static func list(
        _ path: String, asOf: WallTime?, logger: Logger
    ) throws -> ListSource {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw PlatformConfiguration.Invalid(
                "the do-not-call list \(path) cannot be read: correct the path or its permissions")
        }
        defer { try? file.close() }
        let modified = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
        let date =
            asOf
            ?? WallTime(
                milliseconds: Int64(
                    ((modified as? Date) ?? .distantPast).timeIntervalSince1970 * 1000))
        var parser = DoNotCallParser(version: URL(fileURLWithPath: path).lastPathComponent)
        while let chunk = try file.read(upToCount: 1 << 20), !chunk.isEmpty {
            chunk.withUnsafeBytes { parser.feed($0) }
        }
        parser.finish()
        if parser.errorCount > 0 {
            throw PlatformConfiguration.Invalid(
                "the do-not-call list \(path) has \(parser.errorCount) bad lines (first: line "
                    + "\(parser.errors.first?.line ?? 0)): a list with errors is not used; mend it "
                    + "or download it again")
        }
        guard parser.numberCount > 0 else {
            throw PlatformConfiguration.Invalid(
                "the do-not-call list \(path) holds no number: a list that proves everybody free is not "
                    + "used; download it again")
        }
        logger.info(
            "do-not-call list loaded",
            metadata: ["file": "\(path)", "numbers": "\(parser.numberCount)"])
        return .loaded(parser.set, asOf: date)
    }
}
