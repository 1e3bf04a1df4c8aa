/// Every metric of the process, by area. A constant is called what its metric is called, in camel
/// case, without the leading `trunkline_` and the trailing `_total`.
///
/// Labels hold words from small closed sets (a reason, a verdict, a status class), never a number,
/// name, address, call or campaign: those are people's data or grow without bound.
/// docs/METRICS.md has one row for each; a test keeps the two equal.
public enum Catalogue {
    /// In the order of docs/METRICS.md and of the scrape.
    public static let all: [MetricDefinition] =
        rtpGroup + mediaGroup + sipGroup + streamingGroup + callsGroup + complianceGroup
        + storeGroup + processGroup

    /// Delays inside the process: 10 µs to 100 ms.
    private static let latenessBuckets: [Double] = [
        0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02,
        0.05, 0.1,
    ]
    /// Fsynced writes and requests: 0.5 ms to 2.5 s.
    private static let workBuckets: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
    ]
    /// Times that people wait through: 100 ms to 60 s.
    private static let waitBuckets: [Double] = [
        0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60,
    ]

    private static func counter(
        _ name: String, _ unit: String, _ labels: [String], _ help: String
    ) -> MetricDefinition {
        MetricDefinition(
            "trunkline_" + name + "_total", .counter, unit: unit, labels: labels, help: help)
    }

    private static func counter(
        _ name: String, _ unit: String, _ help: String
    ) -> MetricDefinition {
        counter(name, unit, [], help)
    }

    private static func gauge(
        _ name: String, _ unit: String, _ labels: [String], _ help: String
    ) -> MetricDefinition {
        MetricDefinition("trunkline_" + name, .gauge, unit: unit, labels: labels, help: help)
    }

    private static func gauge(
        _ name: String, _ unit: String, _ help: String
    ) -> MetricDefinition {
        gauge(name, unit, [], help)
    }

    private static func histogram(
        _ name: String, _ buckets: [Double], _ help: String
    ) -> MetricDefinition {
        MetricDefinition(
            "trunkline_" + name, .histogram(buckets: buckets), unit: "seconds", help: help)
    }

    // MARK: RTP

    public static let rtpPacketsReceived = counter(
        "rtp_packets_received", "packets", "RTP packets that a leg accepted.")
    public static let rtpPacketsSent = counter(
        "rtp_packets_sent", "packets", "RTP packets handed to the kernel.")
    public static let rtpPacketsLost = counter(
        "rtp_packets_lost", "packets",
        "RTP packets expected by sequence number but never received (RFC 3550 A.3).")
    public static let rtpPacketsRejected = counter(
        "rtp_packets_rejected", "packets", ["reason"],
        "Datagrams on a media port that were dropped, by why.")
    public static let rtpBytesReceived = counter(
        "rtp_bytes_received", "bytes", "UDP payload bytes of accepted RTP packets.")
    public static let rtpBytesSent = counter(
        "rtp_bytes_sent", "bytes", "UDP payload bytes of sent RTP packets.")
    public static let rtpConcealedFrames = counter(
        "rtp_concealed_frames", "frames", "20 ms frames of audio made up in place of lost ones.")
    public static let rtpSocketDrops = counter(
        "rtp_socket_drops", "packets",
        "Packets the kernel dropped because a media socket's receive buffer was full.")
    private static let rtpGroup = [
        rtpPacketsReceived, rtpPacketsSent, rtpPacketsLost, rtpPacketsRejected, rtpBytesReceived,
        rtpBytesSent, rtpConcealedFrames, rtpSocketDrops,
    ]

    // MARK: Media

    public static let mediaLegs = gauge("media_legs", "legs", "Media legs that exist now.")
    public static let mediaLegsCreated = counter(
        "media_legs_created", "legs", "Media legs created since the start.")
    public static let mediaLegsRefused = counter(
        "media_legs_refused", "legs",
        "Media legs refused because every media worker's ticks were late.")
    public static let mediaPortsFree = gauge(
        "media_ports_free", "ports",
        "RTP ports that a new leg could take now (those in quarantine are not free).")
    public static let mediaTickLatenessSeconds = histogram(
        "media_tick_lateness_seconds", latenessBuckets,
        "How much later than due a media worker's tick began.")
    public static let mediaCommandsDropped = counter(
        "media_commands_dropped", "commands",
        "Commands to a leg refused because its worker's queue was full.")
    public static let mediaRealtime = gauge(
        "media_realtime", "workers", "Media workers that run with real-time priority (SCHED_RR).")
    public static let detectionEvents = counter(
        "detection_events", "events", ["event"], "Events the detectors reported, by kind.")
    public static let recordings = counter(
        "recordings", "recordings", ["result"], "Recordings ended, by result.")
    public static let recordingDroppedSamples = counter(
        "recording_dropped_samples", "samples",
        "Samples missing from recordings because the disk was slower than the calls.")
    private static let mediaGroup = [
        mediaLegs, mediaLegsCreated, mediaLegsRefused, mediaPortsFree, mediaTickLatenessSeconds,
        mediaCommandsDropped, mediaRealtime, detectionEvents, recordings, recordingDroppedSamples,
    ]

    // MARK: SIP

    public static let sipMessagesReceived = counter(
        "sip_messages_received", "messages", ["kind"],
        "SIP messages received and parsed, by method or `response`.")
    public static let sipMessagesSent = counter(
        "sip_messages_sent", "messages", ["kind"],
        "SIP messages sent, retransmissions included, by method or `response`.")
    public static let sipParseErrors = counter(
        "sip_parse_errors", "messages", ["reason"], "Datagrams that were no SIP message, by why.")
    public static let sipRetransmissions = counter(
        "sip_retransmissions", "messages", "SIP messages sent again by a transaction timer.")
    public static let sipResponses = counter(
        "sip_responses", "responses", ["class"],
        "Responses received to our requests, by status class (`1xx` to `6xx`).")
    public static let sipTransactions = gauge(
        "sip_transactions", "transactions", "SIP transactions open now.")
    private static let sipGroup = [
        sipMessagesReceived, sipMessagesSent, sipParseErrors, sipRetransmissions, sipResponses,
        sipTransactions,
    ]

    // MARK: Streaming

    public static let streamConnections = gauge(
        "stream_connections", "connections", "WebSocket media streams open now.")
    public static let streamConnects = counter(
        "stream_connects", "connections", ["result"], "WebSocket connects tried, by result.")
    public static let streamMessagesReceived = counter(
        "stream_messages_received", "messages", "WebSocket messages received from bots.")
    public static let streamMessagesSent = counter(
        "stream_messages_sent", "messages", "WebSocket messages sent to bots.")
    public static let streamPlayoutDroppedMilliseconds = counter(
        "stream_playout_dropped_milliseconds", "milliseconds",
        "Bot audio dropped because the playout buffer of its leg was full.")
    public static let streamLateSamples = counter(
        "stream_late_samples", "samples",
        "Samples of received audio that a bot never got because its connection was too slow.")
    private static let streamingGroup = [
        streamConnections, streamConnects, streamMessagesReceived, streamMessagesSent,
        streamPlayoutDroppedMilliseconds, streamLateSamples,
    ]

    // MARK: Calls

    public static let callsActive = gauge("calls_active", "calls", "Calls under way now.")
    public static let calls = counter(
        "calls", "calls", ["end_reason"], "Calls ended, by end reason.")
    public static let callOutcomes = counter(
        "call_outcomes", "calls", ["outcome"], "Calls ended, by outcome category.")
    public static let answerVerdicts = counter(
        "answer_verdicts", "verdicts", ["verdict"], "Final verdicts on what answered a call.")
    public static let callSetupSeconds = histogram(
        "call_setup_seconds", waitBuckets, "Time from INVITE to its final response.")
    public static let beepToMessageSeconds = histogram(
        "beep_to_message_seconds", waitBuckets,
        "Time from the end of a voicemail beep to the first packet of the message.")
    private static let callsGroup = [
        callsActive, calls, callOutcomes, answerVerdicts, callSetupSeconds,
        beepToMessageSeconds,
    ]

    // MARK: Compliance

    public static let gateDecisions = counter(
        "gate_decisions", "decisions", ["decision"],
        "Dial decisions of the compliance gate: allow, wait or block.")
    public static let gateBlocks = counter(
        "gate_blocks", "checks", ["check"], "Checks that failed in a decision that was not allow.")
    public static let optOuts = counter(
        "opt_outs", "requests", ["source"],
        "Do-not-call requests put on the internal list, by how they were made.")
    private static let complianceGroup = [gateDecisions, gateBlocks, optOuts]

    // MARK: Store

    public static let storeWrites = counter(
        "store_writes", "transactions", "Write transactions committed to the store.")
    public static let storeWriteSeconds = histogram(
        "store_write_seconds", workBuckets,
        "Time of a write transaction, waiting and fsync included.")
    private static let storeGroup = [storeWrites, storeWriteSeconds]

    // MARK: Process

    public static let httpRequests = counter(
        "http_requests", "requests", ["method", "status"],
        "HTTP requests answered, by method and status code.")
    public static let metricsLabelOverflow = counter(
        "metrics_label_overflow", "lookups",
        "Look-ups of a metric whose label sets were used up; they were counted as `other`.")
    public static let buildInfo = gauge(
        "build_info", "build", ["version"], "Always 1; the label says which build runs.")
    private static let processGroup = [httpRequests, metricsLabelOverflow, buildInfo]
}
