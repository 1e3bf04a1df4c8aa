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

    /// `MediaCounters.packetsReceived`: repeated and late ones count too.
    public static let rtpPacketsReceived = counter(
        "rtp_packets_received", "packets", "RTP packets that a leg accepted.")
    /// `MediaCounters.packetsSent`.
    public static let rtpPacketsSent = counter(
        "rtp_packets_sent", "packets", "RTP packets handed to the kernel.")
    /// Each leg adds its own once a second.
    public static let rtpPacketsLost = counter(
        "rtp_packets_lost", "packets",
        "RTP packets expected by sequence number but never received (RFC 3550 A.3).")
    /// Label: a `RejectReason.label`.
    public static let rtpPacketsRejected = counter(
        "rtp_packets_rejected", "packets", ["reason"],
        "Datagrams on a media port that were dropped, by why.")
    /// UDP payload, SRTP's part included.
    public static let rtpBytesReceived = counter(
        "rtp_bytes_received", "bytes", "UDP payload bytes of accepted RTP packets.")
    /// UDP payload, SRTP's part included.
    public static let rtpBytesSent = counter(
        "rtp_bytes_sent", "bytes", "UDP payload bytes of sent RTP packets.")
    /// The time made up, in steps of 20 ms whatever the packets' ptime.
    public static let rtpConcealedFrames = counter(
        "rtp_concealed_frames", "frames", "20 ms frames of audio made up in place of lost ones.")
    /// On ports of one leg and on shared ones.
    public static let rtpSendFailures = counter(
        "rtp_send_failures", "packets", "RTP packets that the kernel or SRTP refused to send.")
    /// Rises when a worker does not read in time.
    public static let rtpSocketDrops = counter(
        "rtp_socket_drops", "packets",
        "Packets the kernel dropped because a media socket's receive buffer was full.")
    /// Label: one of `MediaCounters.handshakeResults`, `established` for those that gave keys.
    public static let dtlsHandshakes = counter(
        "dtls_handshakes", "handshakes", ["result"],
        "DTLS handshakes of media ports that ended, by result.")
    /// A flight may be several datagrams.
    public static let dtlsRetransmissions = counter(
        "dtls_retransmissions", "flights",
        "DTLS flights sent again because no answer had come.")
    /// Of handshakes that gave keys only; 0.5 ms to 2.5 s.
    public static let dtlsHandshakeSeconds = histogram(
        "dtls_handshake_seconds", workBuckets,
        "From the first datagram of a DTLS handshake to its keys.")
    private static let rtpGroup = [
        rtpPacketsReceived, rtpPacketsSent, rtpPacketsLost, rtpPacketsRejected, rtpBytesReceived,
        rtpBytesSent, rtpConcealedFrames, rtpSendFailures, rtpSocketDrops, dtlsHandshakes,
        dtlsRetransmissions, dtlsHandshakeSeconds,
    ]

    // MARK: Media

    /// Of calls and of those made alone.
    public static let mediaLegs = gauge("media_legs", "legs", "Media legs that exist now.")
    /// Of calls and of those made alone.
    public static let mediaLegsCreated = counter(
        "media_legs_created", "legs", "Media legs created since the start.")
    /// Label: `overload`, `legs`, `ports`, `descriptors` (EMFILE, ENFILE), `shutdown` or `other`.
    public static let mediaLegsRefused = counter(
        "media_legs_refused", "legs", ["reason"],
        "Media legs refused, by why: overload, legs, ports, descriptors, shutdown or other.")
    /// Once for each look at a port that is held.
    public static let mediaPortsSkipped = counter(
        "media_ports_skipped", "ports", "RTP ports stepped over because another process held them.")
    /// A slot is 1 ms.
    public static let mediaTicksSkipped = counter(
        "media_ticks_skipped", "slots",
        "Milliseconds of media ticks left out because a worker was held up too long.")
    /// The owner's queue was full.
    public static let mediaEventsDropped = counter(
        "media_events_dropped", "events",
        "Detections lost because the owner of the engine did not take its events.")
    /// To be sent to a far end: its leg's queue was full.
    public static let mediaDigitsRefused = counter(
        "media_digits_refused", "digits", "Digits not sent because a leg had too many to send.")
    /// Received from a far end: more than `PressBudget` allows.
    public static let mediaDigitsIgnored = counter(
        "media_digits_ignored", "digits",
        "Digits of far ends that nobody was told of because a leg had too many for a hand.")
    /// Beginnings; `mediaWorkersShedding` says how many do so now.
    public static let mediaSheddings = counter(
        "media_sheddings", "times", "Times that a worker began to leave out optional work.")
    /// Turns given, by all workers.
    public static let mediaStreamTurns = counter(
        "media_stream_turns", "times",
        "Times that a media worker without a pause left its core to others because streams were behind."
    )
    /// Beginnings, not packets.
    public static let mediaReceiveBacklogs = counter(
        "media_receive_backlogs", "times",
        "Times that packets began to wait for a media worker for 5 ms or longer.")
    /// 0 while all keep up.
    public static let mediaWorkersShedding = gauge(
        "media_workers_shedding", "workers",
        "Media workers that leave out optional work because their ticks run late.")
    /// Read at each scrape.
    public static let mediaPortsFree = gauge(
        "media_ports_free", "ports",
        "RTP ports that a new leg could take now (those in quarantine are not free).")
    /// One observation a tick of each worker; 10 µs to 100 ms.
    public static let mediaTickLatenessSeconds = histogram(
        "media_tick_lateness_seconds", latenessBuckets,
        "How much later than due a media worker's tick began.")
    /// Unusable ones count too: an unknown leg, a bad address, a clip that cannot be converted.
    public static let mediaCommandsDropped = counter(
        "media_commands_dropped", "commands",
        "Commands to a leg refused: its worker's queue was full, or they could not be carried out.")
    /// Set once, when the engine has started.
    public static let mediaRealtime = gauge(
        "media_realtime", "workers", "Media workers that run with real-time priority (SCHED_RR).")
    /// Read at each scrape.
    public static let mediaSharedLegs = gauge(
        "media_shared_legs", "legs", "Media legs on ports that they share with other legs.")
    /// Which of the two a packet is for cannot be told then.
    public static let mediaSharedCollisions = counter(
        "media_shared_collisions", "legs",
        "Times that two legs of one shared port had the same far address.")
    /// Over all shared ports.
    public static let mediaSharedOverruns = counter(
        "media_shared_overruns", "slots",
        "Milliseconds in which a shared port had more packets waiting than are taken at once.")
    /// Label: `speech_start`, `speech_end`, `beep`, `tone`, `dtmf`, `verdict`, `greeting_end`,
    /// `ready_for_message` or `barge_in`.
    public static let detectionEvents = counter(
        "detection_events", "events", ["event"], "Events the detectors reported, by kind.")
    /// Label: `ok` or `failed`.
    public static let recordings = counter(
        "recordings", "recordings", ["result"], "Recordings ended, by result.")
    /// Label: `disk_full`, `vanished`, `too_many` … (`RecordingFailure.labels`).
    public static let mediaRecordingsFailed = counter(
        "media_recordings_failed", "recordings", ["reason"],
        "Recordings that failed or ended early, by why; their calls went on.")
    /// Samples a channel, added when the recording stops.
    public static let recordingDroppedSamples = counter(
        "recording_dropped_samples", "samples",
        "Samples missing from recordings because the disk was slower than the calls.")
    /// One direction each.
    public static let mediaLinks = gauge(
        "media_links", "links", "Links between legs that exist now; a bridge is two.")
    /// Not those of playout buffers: `playoutUnderruns`.
    public static let linkUnderruns = counter(
        "link_underruns", "underruns",
        "Times that a link between legs ran dry because a media worker was late.")
    /// Overrun and trimmed samples together.
    public static let linkDroppedSamples = counter(
        "link_dropped_samples", "samples",
        "Samples given up on links between legs after a media worker had stood still.")
    /// Label: `received`, `late`, `early`, `lost` or `unusable` (longer than 120 ms).
    public static let playoutPackets = counter(
        "playout_packets", "packets", ["result"],
        "Packets that playout (jitter) buffers were to play, by what became of them.")
    /// Label: `expanded` or `compressed`.
    public static let playoutAdjustments = counter(
        "playout_adjustments", "frames", ["kind"],
        "Frames that a playout buffer stretched or shortened to change its delay.")
    /// A buffer that runs dry in a pause is not counted.
    public static let playoutUnderruns = counter(
        "playout_underruns", "underruns",
        "Times that a playout buffer ran dry while somebody spoke.")
    /// 20 to 200 ms, the buffers' bound.
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

    /// Label: the method, or `response`.
    public static let sipMessagesReceived = counter(
        "sip_messages_received", "messages", ["kind"],
        "SIP messages received and parsed, by method or `response`.")
    /// Label: the method, or `response`.
    public static let sipMessagesSent = counter(
        "sip_messages_sent", "messages", ["kind"],
        "SIP messages sent, retransmissions included, by method or `response`.")
    /// Label: one of `SIPError.labels`.
    public static let sipParseErrors = counter(
        "sip_parse_errors", "messages", ["reason"], "Datagrams that were no SIP message, by why.")
    /// RFC 3261 17.
    public static let sipRetransmissions = counter(
        "sip_retransmissions", "messages", "SIP messages sent again by a transaction timer.")
    /// Label: `1xx` … `6xx`.
    public static let sipResponses = counter(
        "sip_responses", "responses", ["class"],
        "Responses received to our requests, by status class (`1xx` to `6xx`).")
    /// Client and server transactions of the user agent.
    public static let sipTransactions = gauge(
        "sip_transactions", "transactions", "SIP transactions open now.")
    /// Read once a second.
    public static let sipConnections = gauge(
        "sip_connections", "connections", "TCP, TLS and WebSocket connections open now.")
    /// Label: `source`, `connections`, `deadline`, `idle`, `slow` or `fault`.
    public static let sipConnectionsDropped = counter(
        "sip_connections_dropped", "connections", ["reason"],
        "Connections refused (`source`, `connections`) or ended (`deadline`, `idle`, `slow`, `fault`)."
    )
    /// Label: `denied` or `limited`.
    public static let sipSourcesRefused = counter(
        "sip_sources_refused", "messages", ["reason"],
        "Datagrams and connections dropped unread: `denied` (not in the list), `limited` (too many)."
    )
    /// Also our own registrations beyond `SIPLimits.registrations`, which nobody hears a 503 for.
    public static let sipOverloads = counter(
        "sip_overloads", "requests",
        "Requests answered 503, or not sent, because a limit was reached.")
    /// A call follows `SIPLimits.earlyDescriptions` of them.
    public static let sipEarlyMediaIgnored = counter(
        "sip_early_media_ignored", "descriptions",
        "Changes of early media not followed because a callee had made too many.")
    /// With a Retry-After; the session stays as it was (RFC 3261 14.1).
    public static let sipOffersRefused = counter(
        "sip_offers_refused", "offers",
        "Offers of peers within calls answered 500 because a call had too many.")
    /// Label: the trunk's name in the configuration.
    public static let sipTrunkUp = gauge(
        "sip_trunk_up", "trunks", ["trunk"], "1 when the trunk answers, or is never asked; else 0.")
    /// Label: the trunk's name in the configuration.
    public static let sipTrunkCalls = gauge(
        "sip_trunk_calls", "calls", ["trunk"], "Calls over the trunk now.")
    /// Label: the trunk's name; only of trunks that we register with.
    public static let sipRegistered = gauge(
        "sip_registered", "registrations", ["trunk"],
        "1 while we are registered with the trunk, 0 when that failed.")
    private static let sipGroup = [
        sipMessagesReceived, sipMessagesSent, sipParseErrors, sipRetransmissions, sipResponses,
        sipTransactions, sipConnections, sipConnectionsDropped, sipSourcesRefused, sipOverloads,
        sipEarlyMediaIgnored, sipOffersRefused, sipTrunkUp, sipTrunkCalls, sipRegistered,
    ]

    // MARK: Streaming

    /// Of one call and multiplexed ones.
    public static let streamConnections = gauge(
        "stream_connections", "connections", "WebSocket media streams open now.")
    /// Label: `ok`, `timeout`, `unreachable`, `tls`, `refused`, `cancelled` or `invalid`.
    public static let streamConnects = counter(
        "stream_connects", "connections", ["result"], "WebSocket connects tried, by result.")
    /// Of streams of one call and of multiplexed ones.
    public static let streamMessagesReceived = counter(
        "stream_messages_received", "messages", "WebSocket messages received from bots.")
    /// Of streams of one call and of multiplexed ones.
    public static let streamMessagesSent = counter(
        "stream_messages_sent", "messages", "WebSocket messages sent to bots.")
    /// Time, whatever the rate of the audio.
    public static let streamPlayoutDroppedMilliseconds = counter(
        "stream_playout_dropped_milliseconds", "milliseconds",
        "Bot audio dropped because the playout buffer of its leg was full.")
    /// At the rate of the stream.
    public static let streamLateSamples = counter(
        "stream_late_samples", "samples",
        "Samples of received audio that a bot never got because its connection was too slow.")
    /// Label: `malformed`, `unknown`, `oversized`, `unread` …
    public static let streamMessagesIgnored = counter(
        "stream_messages_ignored", "messages", ["reason"],
        "Messages (multiplexed: records) from bots that were not usable, or came faster than they were "
            + "read, by why.")
    /// Label: `call` or `multiplexed`.
    public static let streamMediaDropped = counter(
        "stream_media_dropped", "frames", ["dialect"],
        "Frames of received audio dropped because a bot did not read, by dialect.")
    /// Also among `streamConnections`.
    public static let streamMuxConnections = gauge(
        "stream_mux_connections", "connections", "Multiplexed stream connections open now.")
    /// On all multiplexed connections together.
    public static let streamMuxLegs = gauge(
        "stream_mux_legs", "legs", "Legs on multiplexed stream connections now.")
    /// Connections lost, whether or not they came back.
    public static let streamMuxReconnects = counter(
        "stream_mux_reconnects", "connections",
        "Multiplexed stream connections that were lost while legs were on them.")
    /// WebSocket payload.
    public static let streamMuxBytesSent = counter(
        "stream_mux_bytes_sent", "bytes", "Bytes of multiplexed stream messages sent to bots.")
    /// WebSocket payload.
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

    /// Until their record is made.
    public static let callsActive = gauge("calls_active", "calls", "Calls under way now.")
    /// Label: an `EndReason`.
    public static let calls = counter(
        "calls", "calls", ["end_reason"], "Calls ended, by end reason.")
    /// Label: an `Outcome`.
    public static let callOutcomes = counter(
        "call_outcomes", "calls", ["outcome"], "Calls ended, by outcome category.")
    /// Label: an `AnswerVerdict`; calls without one are not counted.
    public static let answerVerdicts = counter(
        "answer_verdicts", "verdicts", ["verdict"], "Final verdicts on what answered a call.")
    /// Of outbound calls that were answered only, from their start on; 100 ms to 60 s.
    public static let callSetupSeconds = histogram(
        "call_setup_seconds", waitBuckets, "Time from the start of an outbound call to its answer.")
    /// Of calls on which a beep was heard; 100 ms to 60 s.
    public static let beepToMessageSeconds = histogram(
        "beep_to_message_seconds", waitBuckets,
        "Time from the end of a voicemail beep to the first packet of the message.")
    /// Buckets at the categories of ITU-T G.109; a call without audio is not observed.
    public static let callMOS = histogram(
        "call_mos", opinionBuckets, unit: "mos",
        "Mean opinion score (1 to 4.5) of what we heard, one observation a call.")
    private static let callsGroup = [
        callsActive, calls, callOutcomes, answerVerdicts, callSetupSeconds,
        beepToMessageSeconds, callMOS,
    ]

    // MARK: Compliance

    /// Label: `allow`, `wait` or `block`.
    public static let gateDecisions = counter(
        "gate_decisions", "decisions", ["decision"],
        "Dial decisions of the compliance gate: allow, wait or block.")
    /// Label: a `CheckName`; one decision may fail several.
    public static let gateBlocks = counter(
        "gate_blocks", "checks", ["check"], "Checks that failed in a decision that was not allow.")
    /// Label: `dtmf` (the callee's digit) or `api`.
    public static let optOuts = counter(
        "opt_outs", "requests", ["source"],
        "Do-not-call requests put on the internal list, by how they were made.")
    /// Above 0 for long: the store takes no writes.
    public static let optOutsUnstored = gauge(
        "opt_outs_unstored", "numbers",
        "Do-not-call requests in force that the store does not hold yet.")
    private static let complianceGroup = [gateDecisions, gateBlocks, optOuts, optOutsUnstored]

    // MARK: Store

    /// Committed ones only.
    public static let storeWrites = counter(
        "store_writes", "transactions", "Write transactions committed to the store.")
    /// 0.5 ms to 2.5 s.
    public static let storeWriteSeconds = histogram(
        "store_write_seconds", workBuckets,
        "Time of a write transaction, waiting and fsync included.")
    private static let storeGroup = [storeWrites, storeWriteSeconds]

    // MARK: Process

    /// Labels: the method, `other` where it is none of HTTP's usual ones, and the status as a
    /// number.
    public static let httpRequests = counter(
        "http_requests", "requests", ["method", "status"],
        "HTTP requests answered, by method and status code.")
    /// Listening sockets are not among them.
    public static let httpConnections = gauge(
        "http_connections", "connections", "HTTP connections open now, event streams included.")
    /// Label: `connections`, `source`, `head`, `body` or `stalled`.
    public static let httpConnectionsDropped = counter(
        "http_connections_dropped", "connections", ["reason"],
        "HTTP connections refused (`connections`, `source`) or ended (`head`, `body`, `stalled`).")
    /// Should stay 0: a label takes values from no small set.
    public static let metricsLabelOverflow = counter(
        "metrics_label_overflow", "lookups",
        "Look-ups of a metric whose label sets were used up; they were counted as `other`.")
    /// Label: `Platform.version`.
    public static let buildInfo = gauge(
        "build_info", "build", ["version"], "Always 1; the label says which build runs.")
    private static let processGroup = [
        httpRequests, httpConnections, httpConnectionsDropped, metricsLabelOverflow, buildInfo,
    ]
}
