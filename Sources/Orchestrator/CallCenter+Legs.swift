internal import Audio
internal import Base
internal import CallModel
internal import Media
internal import MediaEngine
internal import Streaming

/// Media legs without SIP (`POST /v1/legs`): for load tools and for embedding.
struct BareLeg: Sendable {
    /// Events kept for `GET /v1/legs/{id}`: the newest.
    static let eventLimit = 500

    var description: LegDescription
    var stream: StreamSession?
    var recordings = RecordingBook()
}

extension CallCenter {
    func createBareLeg(_ request: LegRequest) throws(PlatformError) -> LegDescription {
        guard let parts, acceptsCalls else {
            throw .unavailable("shutting_down", "the server is shutting down")
        }
        if request.mode == .stream, request.streamURL == nil {
            throw .invalid("stream_url", "mode stream needs stream_url")
        }
        let mode: LegMode =
            switch request.mode {
            case .echo: .echo
            case .stream, .bridge: .normal
            case .silence: .silence
            }
        // Before a port is taken: it would have to rest after a leg that never was.
        let trial: RemoteMedia
        do {
            trial = try MediaNegotiation.check(
                offer: Array(request.offer.utf8), address: parts.localAddress,
                settings: parts.negotiation, certificate: parts.certificate)
        } catch {
            throw .invalid("offer", "the offer cannot be answered: \(error)")
        }
        let handle: LegHandle
        do {
            var options = LegOptions(
                mode: mode, detection: request.detection,
                policy: parts.answerPolicy.deciding(by: request.answerPolicy))
            options.sharedPort = request.sharesPort
            options.expectsTranscript = request.expectsTranscript
            options.farEnd = SocketAddressValue(address: trial.address, port: trial.port)
            parts.negotiation.apply(to: &options)
            handle = try parts.engine.createLeg(options)
        } catch {
            let code = if case .portsExhausted = error { "ports_exhausted" } else { "engine_full" }
            throw .unavailable(code, "\(error)")
        }
        var negotiation = MediaNegotiation(
            address: parts.localAddress, port: handle.port, settings: parts.negotiation,
            certificate: parts.certificate)
        let answer: (sdp: [UInt8], media: RemoteMedia)
        do {
            answer = try negotiation.answer(Array(request.offer.utf8))
        } catch {
            parts.engine.removeLeg(handle.id)
            throw .invalid("offer", "the offer cannot be answered: \(error)")
        }
        parts.engine.send(.configure(answer.media), to: handle.id)
        parts.engine.send(.answered, to: handle.id)
        if let path = request.recordingPath {
            parts.engine.send(.startRecording(path: path), to: handle.id)
        }
        var leg = BareLeg(
            description: LegDescription(
                id: handle.id, port: handle.port,
                answer: String(decoding: answer.sdp, as: UTF8.self), mode: request.mode,
                createdAt: SystemClock.wall, events: []))
        if request.recordingPath != nil { leg.recordings.began() }
        if request.mode == .stream, let url = request.streamURL {
            let bridge = parts.hub.makeBridge(for: url)
            let id = CallID(handle.id.description)
            let inlet = StreamInlet(id, feed: feed, metrics: parts.metrics)
            var stream = StreamRequest(url: url, streamID: "MZ" + id.value, callID: id)
            stream.tlsTrust = parts.streamTrust
            leg.stream = parts.hub.connect(stream, bridge: bridge) { inlet.yield($0) }
            parts.engine.send(.attach(bridge), to: handle.id)
        }
        bareLegs[handle.id] = leg
        return leg.description
    }

    func bareLeg(_ id: LegID) -> LegDescription? { bareLegs[id]?.description }

    func removeBareLeg(_ id: LegID) -> Bool {
        guard let leg = bareLegs.removeValue(forKey: id) else { return false }
        leavingLegs.insert(id)
        leg.stream?.stop()
        parts?.engine.removeLeg(id)
        return true
    }

    func bareLegEvent(_ event: EngineEvent, _ now: CallFlow.Moment) {
        guard bareLegs[event.leg] != nil else { return lastWord(event, now) }
        switch event.kind {
        case .mediaTimeout:
            // Its owner has gone without a word: nobody else would ever give the port back.
            note(.ended(.mediaTimeout), event.leg, now)
            _ = removeBareLeg(event.leg)
            return
        case .closed:
            // Ended by the engine, not by us.
            _ = removeBareLeg(event.leg)
            leavingLegs.remove(event.leg)
            return
        default: break
        }
        let kind: CallEvent.Kind? =
            switch event.kind {
            case .detection(let detection): CallEvent.Kind(detection)
            case .dtmf(let digit, let source): .dtmf(digit: digit, source: source.rawValue)
            default: Self.ending(event.kind)
            }
        switch event.kind {
        case .recordingFinished, .recordingFailed: bareLegs[event.leg]?.recordings.ended()
        default: break
        }
        if case .dtmf(let digit, _) = event.kind {
            bareLegs[event.leg]?.stream?.sendDTMF(digit)
        }
        if let kind { note(kind, event.leg, now) }
        if let kind, let stream = bareLegs[event.leg]?.stream {
            stream.report(
                CallEvent(call: CallID(event.leg.description), at: now.wall, kind: kind))
        }
    }

    /// What has begun on a leg and is over.
    private static func ending(_ kind: EngineEvent.Kind) -> CallEvent.Kind? {
        switch kind {
        case .recordingFinished(let path): .recordingFinished(path: path)
        case .recordingFailed(_, let reason): .recordingFailed(reason: reason)
        case .playFinished(let id, let completed): .playFinished(id: id, completed: completed)
        case .linkEnded(let id, let reason): .linkEnded(id, reason: reason.label)
        default: nil
        }
    }

    /// A leg that was deleted, or of nobody: how its recording, clip and links ended is told all the same.
    private func lastWord(_ event: EngineEvent, _ now: CallFlow.Moment) {
        guard leavingLegs.contains(event.leg) else { return }
        if case .closed = event.kind { leavingLegs.remove(event.leg) }
        if let kind = Self.ending(event.kind) { note(kind, event.leg, now) }
    }

    /// `id` is the leg's, as a stream knows it.
    func bareLegStream(_ event: StreamEvent, _ id: CallID, _ now: CallFlow.Moment) {
        guard let leg = LegID(description: id.value), bareLegs[leg] != nil else { return }
        switch event {
        case .connected: note(.streamConnected, leg, now)
        case .mark(let name): note(.mark(name: name), leg, now)
        case .cleared: break
        case .transcript(let text): parts?.engine.send(.transcript(text), to: leg)
        case .ended(let reason), .failed(let reason):
            bareLegs[leg]?.stream = nil
            parts?.engine.send(.detach, to: leg)
            note(.streamEnded(reason: reason), leg, now)
        }
    }

    private func note(_ kind: CallEvent.Kind, _ leg: LegID, _ now: CallFlow.Moment) {
        let event = CallEvent(call: CallID(leg.description), at: now.wall, kind: kind)
        if let count = bareLegs[leg]?.description.events.count, count >= BareLeg.eventLimit {
            bareLegs[leg]?.description.events.removeFirst(count - BareLeg.eventLimit + 1)
        }
        bareLegs[leg]?.description.events.append(event)
        parts?.bus.publish(event)
    }
}
