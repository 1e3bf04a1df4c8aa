import Foundation

/// The result as one JSON object.
func report(
    _ tally: Tally, _ options: Options, _ track: Track, _ legs: Int,
    _ readings: [ServerProbe.Reading]
) -> String {
    var fields: [String] = []
    func add(_ name: String, _ value: Int) { fields.append("\"\(name)\": \(value)") }
    let sentByTimestamp = tally.sent - tally.audioSent
    add("legs", legs)
    fields.append("\"seconds\": \(number(options.seconds))")
    add("ptime_ms", Int(track.interval / 1_000_000))
    add("sent", tally.sent)
    add("received", tally.received)
    add("lost", max(0, sentByTimestamp - tally.received))
    add("late", tally.late)
    add("reordered", tally.reordered)
    add("duplicates", tally.duplicates)
    add("not_authentic", tally.notAuthentic)
    add("unmatched", tally.unknown)
    add("guessed_offsets", tally.guessedOffsets)
    add("send_failures", tally.sendFailures)
    add("generator_late_sends", tally.lateSends)
    fields.append("\"generator_cpu_s\": \(number(Double(tally.cpuNanoseconds) / 1e9))")
    fields.append(
        "\"replies\": {\"received\": \(tally.replies), \"missing\": \(tally.repliesMissing)}")
    if tally.received > 0 { fields.append("\"latency_us\": \(quantiles(tally.latency))") }
    if options.matchesAudio {
        fields.append(
            "\"audio\": {\"sent\": \(tally.audioSent), \"returned\": \(tally.audioReceived), "
                + "\"lost\": \(max(0, tally.audioSent - tally.audioReceived)), "
                + "\"late\": \(tally.audioLate), \"latency_us\": "
                + quantiles(tally.audioLatency) + "}")
    }
    if !options.impairment.isNone {
        fields.append(
            "\"impairment\": {\"dropped\": \(tally.dropped), \"delayed\": \(tally.delayed), "
                + "\"copied\": \(tally.copied), \"seed\": \(options.impairment.seed)}")
    }
    if let folder = options.record {
        fields.append(
            "\"recorded\": {\"folder\": \(quoted(folder)), \"legs\": \(options.recordLegs)}")
    }
    if readings.count == 2 { fields.append(server(readings, tally, options, legs)) }
    return "{" + fields.joined(separator: ", ") + "}"
}

private func server(
    _ readings: [ServerProbe.Reading], _ tally: Tally, _ options: Options, _ legs: Int
) -> String {
    let used = Double(readings[1].total - readings[0].total)
    let threads = readings[1].threads.map { name, time in
        quoted(name) + ": " + number(Double(time - (readings[0].threads[name] ?? 0)) / 1e9)
    }
    return "\"server\": {\"cpu_s\": \(number(used / 1e9)), \"us_per_packet\": "
        + number(used / 1000 / Double(max(1, tally.sent))) + ", \"ms_per_leg_second\": "
        + number(used / 1e6 / options.seconds / Double(legs))
        + ", \"resident_kib\": \(readings[1].residentKiB), \"resident_kib_before\": "
        + "\(readings[0].residentKiB), \"threads_cpu_s\": {"
        + threads.sorted().joined(separator: ", ") + "}}"
}

private func number(_ value: Double) -> String { String(format: "%.3f", value) }

private func quoted(_ text: String) -> String {
    let safe = text.map { "\"\\".contains($0) ? "\\\($0)" : "\($0)" }.joined()
    return "\"\(safe)\""
}

private func quantiles(_ latency: LatencyHistogram) -> String {
    let values = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)]
        .map { "\"\($0)\": \(number(latency.microseconds(at: $1)))" }
    return "{\"mean\": \(number(latency.meanMicroseconds)), " + values.joined(separator: ", ")
        + ", \"max\": \(number(Double(latency.maximum) / 1000))}"
}
