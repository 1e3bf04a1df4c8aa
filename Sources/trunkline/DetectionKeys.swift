internal import Base
internal import CallModel
internal import Configuration
internal import Detection
internal import Orchestrator

/// The keys of the configuration file about what the detectors take for what (docs/DETECTION.md).
enum DetectionKeys {
    typealias Invalid = PlatformConfiguration.Invalid

    /// Those of the section `detection`.
    static let keys: Set<String> = [
        "policy", "endpointing_score", "endpointing_minimum_ms", "endpointing_silence_ms",
        "barge_in_score", "barge_in_minimum_ms", "barge_in_ms", "sit_grace_ms",
    ]

    static func apply(_ reader: ConfigReader, to policy: inout DetectionPolicy) throws {
        if let name = reader.string(forKey: "detection.policy") {
            policy = try answerPolicy("detection.policy", name)
        }
        try rule(reader, "detection.endpointing", &policy.endpointing)
        let key = "detection.endpointing_silence_ms"
        if let ms = reader.int(forKey: ConfigKey(key)) {
            policy.endpointing.hangoverMs = try milliseconds(key, ms, 60...5000)
        }
        try rule(reader, "detection.barge_in", &policy.bargeIn)
        if let ms = reader.int(forKey: "detection.barge_in_ms") {
            policy.bargeInMs = try milliseconds("detection.barge_in_ms", ms, 20...5000)
        }
    }

    /// `detection.sit_grace_ms`; nil in it: never.
    static func apply(_ reader: ConfigReader, toGrace grace: inout Interval?) throws {
        let key = "detection.sit_grace_ms"
        guard let ms = reader.int(forKey: ConfigKey(key)) else { return }
        guard ms != 0 else { return grace = nil }
        grace = .milliseconds(Int64(try milliseconds(key, ms, 500...60_000)))
    }

    /// - Throws: `Invalid` when `key` names no policy.
    static func answerPolicy(_ key: String, _ name: String) throws -> DetectionPolicy {
        DetectionPolicy(try policyName(key, name))
    }

    /// - Throws: `Invalid` when `key` names no policy.
    static func policyName(_ key: String, _ name: String) throws -> AnswerPolicy {
        guard let policy = AnswerPolicy(rawValue: name) else {
            throw Invalid("\(key): \(name) is not fast, balanced or careful")
        }
        return policy
    }

    private static func rule(
        _ reader: ConfigReader, _ key: String, _ rule: inout SpeechRule
    ) throws {
        if let score = reader.double(forKey: ConfigKey("\(key)_score")) {
            try begin(&rule, "\(key)_score", atScore: score)
        }
        if let ms = reader.int(forKey: ConfigKey("\(key)_minimum_ms")) {
            rule.minimumMs = try milliseconds("\(key)_minimum_ms", ms, 20...2000)
        }
    }

    /// - Throws: `Invalid` when the score is out of `SpeechRule.scores`.
    static func begin(_ rule: inout SpeechRule, _ key: String, atScore score: Double) throws {
        guard SpeechRule.scores.contains(Float(score)) else {
            throw Invalid("\(key): \(score) is not from 0.1 to 0.95")
        }
        rule.begin(atScore: Float(score))
    }

    /// - Throws: `Invalid` when `ms` is out of `range`.
    static func milliseconds(_ key: String, _ ms: Int, _ range: ClosedRange<Int>) throws -> Int {
        guard range.contains(ms) else {
            throw Invalid("\(key): \(ms) is not from \(range.lowerBound) to \(range.upperBound)")
        }
        return ms
    }
}
