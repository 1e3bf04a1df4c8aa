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
    /// Jitter buffers: 20 to 200 ms, their bound.
    private static let playoutBuckets: [Double] = [
        0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2,
    ]
    /// Fsynced writes and requests: 0.5 ms to 2.5 s.
    private static let workBuckets: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
    ]
    /// Times that people wait through: 100 ms to 60 s.
    private static let waitBuckets: [Double] = [
        0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60,
    ]

    /// MOS: ITU-T G.109 has 4.34 for the best category, then 4.03, 3.60, 3.10 and, where nearly
    /// everybody is dissatisfied, 2.58.
    private static let opinionBuckets: [Double] = [1.5, 2, 2.58, 3.1, 3.6, 4.03, 4.34, 4.5]

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
        _ name: String, _ buckets: [Double], unit: String = "seconds", _ help: String
    ) -> MetricDefinition {
        MetricDefinition(
            "trunkline_" + name, .histogram(buckets: buckets), unit: unit, help: help)
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
    public static let rtpSendFailures = counter(
        "rtp_send_failures", "packets", "RTP packets that the kernel or SRTP refused to send.")
    public static let rtpSocketDrops = counter(
        "rtp_socket_drops", "packets",
        "Packets the kernel dropped because a media socket's receive buffer was full.")
    public static let dtlsHandshakes = counter(
        "dtls_handshakes", "handshakes", ["result"],
        "DTLS handshakes of media ports that ended, by result.")
    public static let dtlsRetransmissions = counter(
        "dtls_retransmissions", "flights",
        "DTLS flights sent again because no answer had come.")
    public static let dtlsHandshakeSeconds = histogram(
        "dtls_handshake_seconds", workBuckets,
        "From the first datagram of a DTLS handshake to its keys.")
    private static let rtpGroup = [
        rtpPacketsReceived, rtpPacketsSent, rtpPacketsLost, rtpPacketsRejected, rtpBytesReceived,
        rtpBytesSent, rtpConcealedFrames, rtpSendFailures, rtpSocketDrops, dtlsHandshakes,
        dtlsRetransmissions, dtlsHandshakeSeconds,
    ]

    // MARK: Media

    public static let mediaLegs = gauge("media_legs", "legs", "Media legs that exist now.")
    public static let mediaLegsCreated = counter(
        "media_legs_created", "legs", "Media legs created since the start.")
    public static let mediaLegsRefused = counter(
        "media_legs_refused", "legs", ["reason"],
        "Media legs refused, by why: overload, legs, ports, descriptors, shutdown or other.")
    public static let mediaPortsSkipped = counter(
        "media_ports_skipped", "ports", "RTP ports stepped over because another process held them.")
    public static let mediaTicksSkipped = counter(
        "media_ticks_skipped", "slots",
        "Milliseconds of media ticks left out because a worker was held up too long.")
    public static let mediaEventsDropped = counter(
        "media_events_dropped", "events",
        "Detections lost because the owner of the engine did not take its events.")
    public static let mediaDigitsRefused = counter(
        "media_digits_refused", "digits", "Digits not sent because a leg had too many to send.")
    public static let mediaDigitsIgnored = counter(
        "media_digits_ignored", "digits",
        "Digits of far ends that nobody was told of because a leg had too many for a hand.")
    public static let mediaSheddings = counter(
        "media_sheddings", "times", "Times that a worker began to leave out optional work.")
    public static let mediaStreamTurns = counter(
        "media_stream_turns", "times",
        "Times that a media worker without a pause left its core to others because streams were behind."
    )
    public static let mediaReceiveBacklogs = counter(
        "media_receive_backlogs", "times",
        "Times that packets began to wait for a media worker for 5 ms or longer.")
    public static let mediaWorkersShedding = gauge(
        "media_workers_shedding", "workers",
        "Media workers that leave out optional work because their ticks run late.")
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
    public static let mediaSharedLegs = gauge(
        "media_shared_legs", "legs", "Media legs on ports that they share with other legs.")
    public static let mediaSharedCollisions = counter(
        "media_shared_collisions", "legs",
        "Times that two legs of one shared port had the same far address.")
    public static let mediaSharedOverruns = counter(
        "media_shared_overruns", "slots",
        "Milliseconds in which a shared port had more packets waiting than are taken at once.")
    public static let detectionEvents = counter(
        "detection_events", "events", ["event"], "Events the detectors reported, by kind.")
    public static let recordings = counter(
        "recordings", "recordings", ["result"], "Recordings ended, by result.")
    public static let mediaRecordingsFailed = counter(
        "media_recordings_failed", "recordings", ["reason"],
        "Recordings that failed or ended early, by why; their calls went on.")
    public static let recordingDroppedSamples = counter(
        "recording_dropped_samples", "samples",
        "Samples missing from recordings because the disk was slower than the calls.")
    public static let mediaLinks = gauge(
        "media_links", "links", "Links between legs that exist now; a bridge is two.")
    public static let linkUnderruns = counter(
        "link_underruns", "underruns",
        "Times that a link between legs ran dry because a media worker was late.")
    public static let linkDroppedSamples = counter(
        "link_dropped_samples", "samples",
        "Samples given up on links between legs after a media worker had stood still.")
    public static let playoutPackets = counter(
        "playout_packets", "packets", ["result"],
        "Packets that playout (jitter) buffers were to play, by what became of them.")
    public static let playoutAdjustments = counter(
        "playout_adjustments", "frames", ["kind"],
        "Frames that a playout buffer stretched or shortened to change its delay.")
    public static let playoutUnderruns = counter(
        "playout_underruns", "underruns",
        "Times that a playout buffer ran dry while somebody spoke.")
    public static let playoutDelaySeconds = histogram(
        "playout_delay_seconds", playoutBuckets,
        "Delay of a playout buffer, one observation a second of each.")
    private static let mediaGroup = [
        mediaLegs, mediaLegsCreated, mediaLegsRefused, mediaPortsFree, mediaTickLatenessSeconds,
        mediaPortsSkipped, mediaTicksSkipped, mediaEventsDropped, mediaDigitsRefused,
        mediaDigitsIgnored, mediaSheddings, mediaStreamTurns, mediaReceiveBacklogs,
        mediaWorkersShedding, mediaCommandsDropped, mediaRealtime,
        mediaSharedLegs, mediaSharedCollisions, mediaSharedOverruns, detectionEvents,
        recordings, mediaRecordingsFailed, recordingDroppedSamples,
        mediaLinks, linkUnderruns, linkDroppedSamples, playoutPackets, playoutAdjustments,
        playoutUnderruns, playoutDelaySeconds,
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
    public static let sipConnections = gauge(
        "sip_connections", "connections", "TCP, TLS and WebSocket connections open now.")
    public static let sipConnectionsDropped = counter(
        "sip_connections_dropped", "connections", ["reason"],
        "Connections refused (`source`, `connections`) or ended (`deadline`, `idle`, `slow`, `fault`)."
    )
    public static let sipSourcesRefused = counter(
        "sip_sources_refused", "messages", ["reason"],
        "Datagrams and connections dropped unread: `denied` (not in the list), `limited` (too many)."
    )
    public static let sipOverloads = counter(
        "sip_overloads", "requests", "Requests answered 503 because a limit was reached.")
    public static let sipEarlyMediaIgnored = counter(
        "sip_early_media_ignored", "descriptions",
        "Changes of early media not followed because a callee had made too many.")
    public static let sipOffersRefused = counter(
        "sip_offers_refused", "offers",
        "Offers of peers within calls answered 500 because a call had too many.")
    public static let sipTrunkUp = gauge(
        "sip_trunk_up", "trunks", ["trunk"], "1 when the trunk answers, or is never asked; else 0.")
    public static let sipTrunkCalls = gauge(
        "sip_trunk_calls", "calls", ["trunk"], "Calls over the trunk now.")
    public static let sipRegistered = gauge(
        "sip_registered", "registrations", ["trunk"],
        "1 while we are registered with the trunk, 0 when that failed.")
    private static let sipGroup = [
        sipMessagesReceived, sipMessagesSent, sipParseErrors, sipRetransmissions, sipResponses,
        sipTransactions, sipConnections, sipConnectionsDropped, sipSourcesRefused, sipOverloads,
        sipEarlyMediaIgnored, sipOffersRefused, sipTrunkUp, sipTrunkCalls, sipRegistered,
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
    public static let streamMessagesIgnored = counter(
        "stream_messages_ignored", "messages", ["reason"],
        "Messages (multiplexed: records) from bots that were not usable, or came faster than they were "
            + "read, by why.")
    public static let streamMediaDropped = counter(
        "stream_media_dropped", "frames", ["dialect"],
        "Frames of received audio dropped because a bot did not read, by dialect.")
    public static let streamMuxConnections = gauge(
        "stream_mux_connections", "connections", "Multiplexed stream connections open now.")
    public static let streamMuxLegs = gauge(
        "stream_mux_legs", "legs", "Legs on multiplexed stream connections now.")
    public static let streamMuxReconnects = counter(
        "stream_mux_reconnects", "connections",
        "Multiplexed stream connections that were lost while legs were on them.")
    public static let streamMuxBytesSent = counter(
        "stream_mux_bytes_sent", "bytes", "Bytes of multiplexed stream messages sent to bots.")
    public static let streamMuxBytesReceived = counter(
        "stream_mux_bytes_received", "bytes",
        "Bytes of multiplexed stream messages received from bots.")
    private static let streamingGroup = [
        streamConnections, streamConnects, streamMessagesReceived, streamMessagesSent,
        streamPlayoutDroppedMilliseconds, streamLateSamples, streamMessagesIgnored,
        streamMediaDropped, streamMuxConnections, streamMuxLegs, streamMuxReconnects,
        streamMuxBytesSent, streamMuxBytesReceived,
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
    public static let callMOS = histogram(
        "call_mos", opinionBuckets, unit: "mos",
        "Mean opinion score (1 to 4.5) of what we heard, one observation a call.")
    private static let callsGroup = [
        callsActive, calls, callOutcomes, answerVerdicts, callSetupSeconds,
        beepToMessageSeconds, callMOS,
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
    public static let optOutsUnstored = gauge(
        "opt_outs_unstored", "numbers",
        "Do-not-call requests in force that the store does not hold yet.")
    private static let complianceGroup = [gateDecisions, gateBlocks, optOuts, optOutsUnstored]

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
    public static let httpConnections = gauge(
        "http_connections", "connections", "HTTP connections open now, event streams included.")
    public static let httpConnectionsDropped = counter(
        "http_connections_dropped", "connections", ["reason"],
        "HTTP connections refused (`connections`, `source`) or ended (`head`, `body`, `stalled`).")
    public static let metricsLabelOverflow = counter(
        "metrics_label_overflow", "lookups",
        "Look-ups of a metric whose label sets were used up; they were counted as `other`.")
    public static let buildInfo = gauge(
        "build_info", "build", ["version"], "Always 1; the label says which build runs.")
    private static let processGroup = [
        httpRequests, httpConnections, httpConnectionsDropped, metricsLabelOverflow, buildInfo,
    ]
}
