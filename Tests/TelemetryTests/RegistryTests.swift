import Foundation
import Testing

@testable import Telemetry

private let labelled = MetricDefinition(
    "trunkline_test_total", .counter, unit: "things", labels: ["reason"], help: "Things.")

@Test func everyMetricWithoutLabelsIsThereFromTheStart() {
    let text = MetricsRegistry().render()
    let lines = Set(text.split(separator: "\n").map(String.init))
    for definition in Catalogue.all {
        #expect(lines.contains("# TYPE \(definition.name) \(definition.kind.name)"))
        guard definition.labels.isEmpty else { continue }
        switch definition.kind {
        case .counter, .gauge: #expect(lines.contains("\(definition.name) 0"))
        case .histogram: #expect(lines.contains("\(definition.name)_bucket{le=\"+Inf\"} 0"))
        }
    }
}

@Test func sameLabelsGiveTheSameInstrument() {
    let registry = MetricsRegistry()
    #expect(
        registry.counter(Catalogue.sipParseErrors, ["a"])
            === registry.counter(Catalogue.sipParseErrors, ["a"]))
    #expect(
        registry.counter(Catalogue.sipParseErrors, ["a"])
            !== registry.counter(Catalogue.sipParseErrors, ["b"]))
    #expect(registry.gauge(Catalogue.mediaLegs) === registry.gauge(Catalogue.mediaLegs))
}

@Test func textIsExactlyPrometheusFormat() {
    let definitions = [
        labelled,
        MetricDefinition("trunkline_level", .gauge, unit: "legs", help: "A \\ and a\nline."),
        MetricDefinition(
            "trunkline_wait_seconds", .histogram(buckets: [0.25, 1, 2.5]), unit: "seconds",
            labels: ["kind"], help: "Waiting."),
    ]
    let registry = MetricsRegistry(definitions: definitions)
    registry.counter(labelled, ["z"]).increment(by: 3)
    registry.counter(labelled, ["a \"quoted\"\\\n"]).increment()
    registry.gauge(definitions[1]).set(0.1)
    for value in [0.25, 0.5, 2, 99] { registry.histogram(definitions[2], ["x"]).observe(value) }
    #expect(
        registry.render() == """
            # HELP trunkline_test_total Things.
            # TYPE trunkline_test_total counter
            trunkline_test_total{reason="a \\"quoted\\"\\\\\\n"} 1
            trunkline_test_total{reason="z"} 3
            # HELP trunkline_level A \\\\ and a\\nline.
            # TYPE trunkline_level gauge
            trunkline_level 0.1
            # HELP trunkline_wait_seconds Waiting.
            # TYPE trunkline_wait_seconds histogram
            trunkline_wait_seconds_bucket{kind="x",le="0.25"} 1
            trunkline_wait_seconds_bucket{kind="x",le="1"} 2
            trunkline_wait_seconds_bucket{kind="x",le="2.5"} 3
            trunkline_wait_seconds_bucket{kind="x",le="+Inf"} 4
            trunkline_wait_seconds_sum{kind="x"} 101.75
            trunkline_wait_seconds_count{kind="x"} 4

            """)
}

@Test func severalLabelsKeepTheirOrderAndSortByValue() {
    let registry = MetricsRegistry()
    registry.counter(Catalogue.httpRequests, ["POST", "200"]).increment()
    registry.counter(Catalogue.httpRequests, ["GET", "404"]).increment()
    registry.counter(Catalogue.httpRequests, ["GET", "200"]).increment()
    let lines = registry.render().split(separator: "\n")
        .filter { $0.hasPrefix("trunkline_http_requests_total{") }
    #expect(
        lines == [
            "trunkline_http_requests_total{method=\"GET\",status=\"200\"} 1",
            "trunkline_http_requests_total{method=\"GET\",status=\"404\"} 1",
            "trunkline_http_requests_total{method=\"POST\",status=\"200\"} 1",
        ])
}

@Test func theScrapeIsTheSameTwice() {
    let registry = MetricsRegistry()
    for index in 0..<40 {
        registry.counter(Catalogue.sipParseErrors, ["r\(index)"]).increment(by: index)
    }
    #expect(registry.render() == registry.render())
}

@Test func labelSetsBeyondTheLimitAreFoldedIntoOtherAndCounted() {
    let registry = MetricsRegistry()
    for index in 0..<64 {
        registry.counter(Catalogue.sipParseErrors, ["r\(index)"]).increment()
    }
    #expect(registry.counter(Catalogue.metricsLabelOverflow).value == 0)
    for index in 64..<74 {
        registry.counter(Catalogue.sipParseErrors, ["r\(index)"]).increment(by: 2)
    }
    #expect(registry.counter(Catalogue.metricsLabelOverflow).value == 10)
    // Known label sets still count for themselves.
    registry.counter(Catalogue.sipParseErrors, ["r7"]).increment()
    #expect(registry.counter(Catalogue.metricsLabelOverflow).value == 10)
    let lines = registry.render().split(separator: "\n").map(String.init)
        .filter { $0.hasPrefix("trunkline_sip_parse_errors_total{") }
    #expect(lines.count == 65)
    #expect(lines.contains("trunkline_sip_parse_errors_total{reason=\"other\"} 20"))
    #expect(lines.contains("trunkline_sip_parse_errors_total{reason=\"r7\"} 2"))
    #expect(!lines.contains { $0.contains("r64") })
}

@Test func anOwnValueOtherAndTheOverflowAreOneSeries() {
    let registry = MetricsRegistry(definitions: [labelled])
    registry.counter(labelled, ["other"]).increment(by: 5)
    for index in 0..<70 { registry.counter(labelled, ["r\(index)"]).increment() }
    let others = registry.render().split(separator: "\n").filter { $0.contains("\"other\"") }
    #expect(others == ["trunkline_test_total{reason=\"other\"} 12"])
}

@Test func foldedHistogramsAddUpBucketByBucket() {
    let definition = MetricDefinition(
        "trunkline_x_seconds", .histogram(buckets: [1]), unit: "seconds", labels: ["k"],
        help: "X.")
    let registry = MetricsRegistry(definitions: [definition])
    registry.histogram(definition, ["other"]).observe(0.5)
    for index in 0..<63 { registry.histogram(definition, ["r\(index)"]).observe(0.5) }
    registry.histogram(definition, ["one too many"]).observe(2)
    let lines = registry.render().split(separator: "\n").filter { $0.contains("\"other\"") }
    #expect(
        lines == [
            "trunkline_x_seconds_bucket{k=\"other\",le=\"1\"} 1",
            "trunkline_x_seconds_bucket{k=\"other\",le=\"+Inf\"} 2",
            "trunkline_x_seconds_sum{k=\"other\"} 2.5",
            "trunkline_x_seconds_count{k=\"other\"} 2",
        ])
}

@Test func telephoneNumbersAndEndlessValuesNeverBecomeLabels() {
    #expect(MetricsRegistry.safeLabelValue("+12125551234") == "redacted")
    #expect(MetricsRegistry.safeLabelValue("2125551234") == "redacted")
    #expect(MetricsRegistry.safeLabelValue("5551234") == "redacted")
    #expect(MetricsRegistry.safeLabelValue("486") == "486")
    #expect(MetricsRegistry.safeLabelValue("busy") == "busy")
    #expect(MetricsRegistry.safeLabelValue("") == "")
    #expect(MetricsRegistry.safeLabelValue(String(repeating: "x", count: 5000)).count == 64)
}

@Test func refreshersRunBeforeEachScrapeAndMayUseTheRegistry() {
    let registry = MetricsRegistry()
    registry.onScrape { registry.gauge(Catalogue.callsActive).add(1) }
    #expect(registry.render().contains("\ntrunkline_calls_active 1\n"))
    #expect(registry.render().contains("\ntrunkline_calls_active 2\n"))
}

@Test func numbersReadBackAsTheyWere() {
    #expect(PrometheusText.number(0) == "0")
    #expect(PrometheusText.number(-3) == "-3")
    #expect(PrometheusText.number(0.00001) == "1e-05")
    #expect(PrometheusText.number(2.5) == "2.5")
    #expect(PrometheusText.number(1e300) == "1e+300")
    #expect(PrometheusText.number(.infinity) == "+Inf")
    #expect(PrometheusText.number(-.infinity) == "-Inf")
    #expect(PrometheusText.number(.nan) == "NaN")
}

/// Reads the whole scrape back with the grammar of the format: every line is a header or a sample
/// of the family that was announced last.
@Test func everyLineOfTheScrapeParses() throws {
    let registry = MetricsRegistry()
    for definition in Catalogue.all {
        let values = definition.labels.map { _ in "v\"\\\n" }
        switch definition.kind {
        case .counter: registry.counter(definition, values).increment()
        case .gauge: registry.gauge(definition, values).set(-1.25)
        case .histogram: registry.histogram(definition, values).observe(0.003)
        }
    }
    let text = registry.render()
    #expect(text.hasSuffix("\n"))
    let label = #"[a-z_]+="([^"\\\n]|\\[\\n"])*""#
    let sample = try Regex(#"([a-z_]+)(\{\#(label)(,\#(label))*\})? (\S+)"#)
    var family = ""
    var samples = 0
    for line in text.split(separator: "\n") {
        if line.hasPrefix("# HELP ") || line.hasPrefix("# TYPE ") {
            family = String(line.split(separator: " ")[2])
            continue
        }
        let match = try #require(try sample.wholeMatch(in: line), "\(line)")
        let name = String(try #require(match[1].substring))
        #expect([family, family + "_bucket", family + "_sum", family + "_count"].contains(name))
        #expect(Double(try #require(match[6].substring)) != nil || line.hasSuffix("+Inf"))
        samples += 1
    }
    #expect(samples > 80)
}
