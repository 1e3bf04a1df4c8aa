internal import Audio
internal import Base
internal import CallModel
internal import Media
internal import MediaEngine

// API ─► party (call or leg) ─► its media leg, in a state that allows it ─► one engine command
//                           └─► links: connect both, or neither

/// What the API does to the media of live calls and bare legs.
extension CallCenter {
    /// Ids of clips that the API plays; a flow's own are below.
    static let firstPlay = 1000
    /// Digits of one request.
    static let digitLimit = 32

    // MARK: audio

    /// Returns the id that `play_finished` names.
    func play(
        _ clip: PlaybackClip, on party: MediaParty, loop: Bool, mix: Bool
    ) throws(PlatformError) -> Int {
        let leg = try speakingLeg(party)
        let id = nextPlay
        nextPlay = nextPlay == Int.max ? Self.firstPlay : nextPlay + 1
        try order(.play(id: id, clip: clip, loops: loop, mixed: mix), leg)
        return id
    }

    /// Throws what `play` would.
    func check(_ party: MediaParty) throws(PlatformError) { _ = try speakingLeg(party) }

    func stopPlaying(_ party: MediaParty) throws(PlatformError) {
        try order(.stopPlaying, try speakingLeg(party))
    }

    func hear(transcript: String, on party: MediaParty) throws(PlatformError) {
        try order(.transcript(transcript), try mediaLeg(party))
    }

    func sendDigits(
        _ digits: String, milliseconds: Int, on party: MediaParty
    ) throws(PlatformError) {
        let leg = try speakingLeg(party)
        // RFC 4733 where it was agreed; else INFO where the peer takes it; else tones in the audio.
        if case .call(let id) = party, let active = calls[id], active.lacksTelephoneEvents,
            let sip = active.sip, let engine = parts?.engine
        {
            for digit in digits {
                sip.sendDigit(digit, milliseconds: milliseconds) {
                    engine.send(.sendDTMF(digit, durationMs: milliseconds), to: leg)
                }
            }
            return
        }
        for digit in digits { try order(.sendDTMF(digit, durationMs: milliseconds), leg) }
    }

    func hold(_ party: MediaParty, music: PlaybackClip?) throws(PlatformError) {
        try order(.hold(music: music), try conversingLeg(party))
        if case .call(let id) = party { calls[id]?.hold = Hold(music: music) }
    }

    func resume(_ party: MediaParty) throws(PlatformError) {
        try order(.resume, try conversingLeg(party))
        if case .call(let id) = party { calls[id]?.hold = nil }
    }

    /// A call waits for an agent: that ends no hold it was on before.
    func holdForTransfer(_ id: CallID, music: PlaybackClip?) throws(PlatformError) {
        try order(.hold(music: music), try conversingLeg(.call(id)))
    }

    /// No agent comes: the call is as it was.
    func endHoldForTransfer(_ id: CallID) throws(PlatformError) {
        let leg = try conversingLeg(.call(id))
        if let hold = calls[id]?.hold {
            try order(.hold(music: hold.music), leg)
        } else {
            try order(.resume, leg)
        }
    }

    /// - Parameter path: nil ends the recording.
    func record(_ party: MediaParty, to path: String?) throws(PlatformError) {
        let leg = try mediaLeg(party)
        guard let path else {
            guard isRecording(party) else { throw .conflict("\(party) is not being recorded") }
            try order(.stopRecording, leg)
            switch party {
            case .call(let id): calls[id]?.flow.recordingStopped()
            case .leg(let id): bareLegs[id]?.recordings.stopped()
            }
            return
        }
        guard !isRecording(party) else {
            throw .conflict("\(party) is being recorded already: stop that first")
        }
        try order(.startRecording(path: path), leg)
        switch party {
        case .call(let id): calls[id]?.flow.recordingBegan()
        case .leg(let id): bareLegs[id]?.recordings.began()
        }
    }

    private func isRecording(_ party: MediaParty) -> Bool {
        switch party {
        case .call(let id): calls[id]?.flow.isRecording ?? false
        case .leg(let id): bareLegs[id]?.recordings.isRunning ?? false
        }
    }

    // MARK: links

    var liveLinks: [LiveLink] { (parts?.engine.links() ?? []).map(describe) }

    func link(_ id: LinkID) -> LiveLink? { parts?.engine.link(id).map(describe) }

    func connect(_ request: LinkRequest) throws(PlatformError) -> LiveLink {
        let made = try connectAll([
            LinkSpec(
                from: try mediaLeg(request.from, field: "from"),
                to: try conversingLeg(request.to, field: "to"), tap: request.tap.tap,
                gainDecibels: request.gainDecibels, digits: request.digits)
        ])
        guard let id = made.first, let link = link(id) else { throw .notFound("link") }
        return link
    }

    /// The event ends the last link that led to its leg, because the other leg has gone.
    func isAlone(_ event: EngineEvent) -> Bool {
        guard case .linkEnded(_, .sourceClosed) = event.kind, let engine = parts?.engine else {
            return false
        }
        return !engine.links(of: event.leg).contains { $0.to == event.leg }
    }

    func disconnect(_ id: LinkID) -> Bool { parts?.engine.disconnect(id) ?? false }

    /// nil: left as it is. False when there is no such link.
    func change(_ id: LinkID, gainDecibels: Double?, isMuted: Bool?) -> Bool {
        guard let engine = parts?.engine, engine.link(id) != nil else { return false }
        if let gainDecibels { engine.setGain(gainDecibels, of: id) }
        if let isMuted { engine.setMuted(isMuted, of: id) }
        return true
    }

    /// Lets two parties hear each other. Their bots and clips end unless they are to stay; a call then
    /// ends with its last partner, a bare leg goes on. Who hears the other already (he listened, he
    /// whispered, they are bridged) goes on by the link that is there: a voice is not heard twice.
    func bridge(
        _ party: MediaParty, with other: MediaParty, digits: Bool, keepsBot: Bool
    ) throws(PlatformError) -> [LiveLink] {
        let a = try conversingLeg(party)
        let b = try conversingLeg(other, field: "with")
        guard a != b else { throw .invalid("with", "\(party) cannot be bridged with itself") }
        let there = (parts?.engine.links(of: a) ?? []).filter { $0.tap != .sent }
        var specs: [LinkSpec] = []
        var replaced: [LinkID] = []
        // nil: a new one.
        let kept: [LinkID?] = [(a, b), (b, a)].map { from, to in
            let links = there.filter { $0.from == from && $0.to == to }
            if let usable = links.first(where: { !$0.isMuted && ($0.digits || !digits) }) {
                return usable.id
            }
            replaced += links.map(\.id)
            let tap: LinkTap = links.contains { $0.tap == .both } ? .both : .received
            specs.append(LinkSpec(from: from, to: to, tap: tap, digits: digits))
            return nil
        }
        var made = try connectAll(specs, inPlaceOf: replaced).makeIterator()
        for each in [party, other] {
            if !keepsBot {
                handOver(each)
            } else if case .call(let id) = each {
                calls[id]?.flow.share()
            }
        }
        return kept.compactMap { $0 ?? made.next() }.compactMap { link($0) }
    }

    /// Another party takes the place of bot and clip (`CallFlow.handOver`, and the same of a bare leg).
    private func handOver(_ party: MediaParty) {
        switch party {
        case .call(let id):
            let now = SystemClock.moment
            calls[id]?.flow.handOver(now, out: &outbox)
            perform(id, now)
        case .leg(let id):
            bareLegs[id]?.stream?.stop()
            parts?.engine.send(.stopPlaying, to: id)
            // What the bot has said already is not heard any more, however long its stream takes to end.
            parts?.engine.send(.detach, to: id)
        }
    }

    /// Lets `supervisor` take part in what `party`'s leg hears and says.
    func supervise(
        _ party: MediaParty, by supervisor: MediaParty, _ kind: Supervision
    ) throws(PlatformError) -> [LiveLink] {
        let leg = try kind == .listen ? mediaLeg(party) : conversingLeg(party)
        let boss =
            try kind == .whisper
            ? mediaLeg(supervisor, field: "with") : conversingLeg(supervisor, field: "with")
        guard leg != boss else {
            throw .invalid("with", "\(party) cannot supervise itself")
        }
        let links = parts?.engine.links(of: leg) ?? []
        var specs: [LinkSpec] = []
        // Muted links give way to those that are made.
        var replaced: [LinkDescription] = []
        let ears = links.filter { $0.to == boss }
        if kind != .whisper, let tap = Self.unheard(ears) {
            specs.append(LinkSpec(from: leg, to: boss, tap: tap))
            replaced += ears.filter(\.isMuted)
        }
        if kind != .listen {
            var hearers = [leg]
            if kind == .barge {
                hearers += links.filter { $0.from == leg && $0.tap == .received }.map(\.to)
            }
            // What is only said to the supervisor is not his voice.
            let voices = (parts?.engine.links(of: boss) ?? [])
                .filter { $0.from == boss && $0.tap != .sent }
            for hearer in hearers where hearer != boss {
                let there = voices.filter { $0.to == hearer }
                guard !there.contains(where: { !$0.isMuted }) else { continue }
                specs.append(LinkSpec(from: boss, to: hearer))
                replaced += there
            }
        }
        let made = try connectAll(specs, inPlaceOf: replaced.map(\.id))
        return made.compactMap { link($0) }
    }

    /// What of a leg has to be given to a supervisor, who has these links from it, so that he hears both
    /// sides, each once; nil: nothing.
    private static func unheard(_ links: [LinkDescription]) -> LinkTap? {
        let taps = links.filter { !$0.isMuted }.map(\.tap)
        let hearsReceived = taps.contains { $0 != .sent }
        let hearsSent = taps.contains { $0 != .received }
        if hearsReceived, hearsSent { return nil }
        return hearsReceived ? .sent : hearsSent ? .received : .both
    }

    /// All of them or none; `replaced` end with that, and later than the new ones begin where there is room
    /// for both.
    private func connectAll(
        _ specs: [LinkSpec], inPlaceOf replaced: [LinkID]
    ) throws(PlatformError) -> [LinkID] {
        let isTight = !replaced.isEmpty && !fits(specs, beside: [])
        guard isTight, fits(specs, beside: replaced) else {
            let made = try connectAll(specs)
            for id in replaced { _ = disconnect(id) }
            return made
        }
        for id in replaced { _ = disconnect(id) }
        return try connectAll(specs)
    }

    /// Whether legs have room for these links when those that are `leaving` have left.
    private func fits(_ specs: [LinkSpec], beside leaving: [LinkID]) -> Bool {
        for leg in Set(specs.flatMap { [$0.from, $0.to] }) {
            let links = (parts?.engine.links(of: leg) ?? []).filter { !leaving.contains($0.id) }
            let outputs = links.count { $0.from == leg } + specs.count { $0.from == leg }
            let inputs = links.count { $0.to == leg } + specs.count { $0.to == leg }
            guard max(outputs, inputs) <= MediaLeg.linkLimit else { return false }
        }
        return true
    }

    /// All of them or none.
    private func connectAll(_ specs: [LinkSpec]) throws(PlatformError) -> [LinkID] {
        guard let engine = parts?.engine else {
            throw .unavailable("shutting_down", "the server is shutting down")
        }
        var made: [LinkID] = []
        for spec in specs {
            do throws(EngineError) {
                made.append(try engine.connect(spec))
            } catch {
                for id in made { engine.disconnect(id) }
                throw PlatformError(link: error)
            }
        }
        return made
    }

    private func describe(_ link: LinkDescription) -> LiveLink {
        func party(_ leg: LegID) -> MediaParty { callOfLeg[leg].map { .call($0) } ?? .leg(leg) }
        return LiveLink(
            id: link.id, from: party(link.from), to: party(link.to), tap: LinkSource(link.tap),
            digits: link.digits, isMuted: link.isMuted, sampleRate: link.sampleRate)
    }

    // MARK: parties

    /// Of a bare leg, or of a call that was answered and has not ended.
    private func mediaLeg(_ party: MediaParty, field: String? = nil) throws(PlatformError) -> LegID
    {
        switch party {
        case .leg(let id):
            guard bareLegs[id] != nil else { throw Self.missing("leg", party, field) }
            return id
        case .call(let id):
            guard let active = calls[id] else { throw Self.missing("live call", party, field) }
            guard active.flow.facts.answeredAt != nil, active.flow.phase != .ending,
                active.flow.phase != .finished
            else { throw .conflict("\(id) is \(active.flow.phase.name), not answered") }
            return active.leg
        }
    }

    /// One that may say something of ours now: a message for a mailbox is not interrupted.
    private func speakingLeg(
        _ party: MediaParty, field: String? = nil
    ) throws(PlatformError) -> LegID {
        let leg = try mediaLeg(party, field: field)
        switch party {
        case .leg(let id) where bareLegs[id]?.description.mode == .silence:
            throw .conflict("\(id) is in silence mode and says nothing")
        case .call(let id):
            switch calls[id]?.flow.phase {
            case .awaitingBeep, .leavingMessage, .interrupted:
                throw .conflict("\(id) is leaving a message")
            default: break
            }
            if calls[id]?.mode == .silence {
                throw .conflict("\(id) is in silence mode and says nothing")
            }
        default: break
        }
        return leg
    }

    /// One that other legs may speak through.
    private func conversingLeg(
        _ party: MediaParty, field: String? = nil
    ) throws(PlatformError) -> LegID {
        let leg = try speakingLeg(party, field: field)
        let isEcho =
            switch party {
            case .leg(let id): bareLegs[id]?.description.mode == .echo
            case .call(let id): calls[id]?.mode == .echo
            }
        if isEcho { throw .conflict("\(party) is in echo mode: it says only what it hears") }
        return leg
    }

    private static func missing(
        _ what: String, _ party: MediaParty, _ field: String?
    ) -> PlatformError {
        var error = PlatformError.notFound("\(what): \(party)")
        error.field = field
        return error
    }

    private func order(_ command: LegCommand, _ leg: LegID) throws(PlatformError) {
        guard parts?.engine.send(command, to: leg) == true else {
            throw .unavailable("engine_busy", "the media engine cannot take this command now")
        }
    }
}

extension PlatformError {
    init(link error: EngineError) {
        switch error {
        case .noSuchLeg: self = PlatformError(code: "not_found", message: "\(error)", status: 404)
        case .tooManyLinks:
            self = PlatformError(code: "too_many_links", message: "\(error)", status: 409)
        case .unusableLink: self = .conflict("\(error)")
        default: self = .unavailable("engine_busy", "\(error)")
        }
    }
}
