internal import Audio
internal import Base
internal import CallModel

// One leg's links, once it has any:
//
//   packet ─► LegPlayout ── each tick ──┐
//   said ─► lines of the writers ───────┴─► LinkWriter ═► other legs
//
//   other legs ═► LinkReader ─┐
//   bot's bridge ─────────────┼─► Mixer ─► Limiter ─► Seam ─► the frame that is sent
//   clip under the talk ──────┘                └─ without a listener's own voice ─► his line
//
//   on hold: music instead of all that, silence to the other legs

/// What a leg hears from and gives to other legs. A leg without links has none of this; it is made
/// with the first and let go with the last.
///
/// One thread uses it, the leg's worker. Making and removing links allocates; a tick does not.
final class LegLinks {
    /// Ticks between reports of counters.
    static let reportPeriod = 50

    /// Of what the leg says, and of everything here, Hz.
    let rate: Int
    /// Somebody hears what the far end says.
    private(set) var listens = false
    /// Made with the first packet that somebody hears, and anew when the codec changes.
    private var playout: LegPlayout?
    /// That of the codec before, until what it holds has been heard.
    private var leaving: LegPlayout?
    private var readers: [LinkReader] = []
    private var writers: [LinkWriter] = []
    private let scratch = LinkScratch()
    private var mixer: Mixer
    private var limiter = Limiter()
    private var seam: OutputSeam
    private var music: ClipPlayback?
    private(set) var isHeld = false
    private var ticks = 0
    /// Counted by a playout buffer that has been replaced.
    private var unreported = LinkCounters()

    /// - Parameters:
    ///   - rate: of what the leg says, Hz.
    ///   - source: of what it is saying already.
    ///   - last: the sample that it has come to.
    init(rate: Int, saying source: OutputSeam.Source = .talk, after last: Int16 = 0) {
        self.rate = rate
        mixer = Mixer(capacity: rate * LinkReader.longestFrame / 1000)
        seam = OutputSeam(rate: rate, saying: source, after: last)
        readers.reserveCapacity(MediaLeg.linkLimit)
        writers.reserveCapacity(MediaLeg.linkLimit)
    }

    /// The same links at another rate: the leg's codec has changed. What is heard and said goes on;
    /// `old` is not to be used any more.
    convenience init(from old: LegLinks, rate: Int) {
        self.init(rate: rate)
        old.report(&unreported)
        for reader in old.readers { readers.append(LinkReader(from: reader, legRate: rate)) }
        for writer in old.writers { writers.append(LinkWriter(from: writer, legRate: rate)) }
        listens = old.listens
        playout = old.playout.take()
        playout?.useOutput(rate: rate)
        leaving = old.leaving.take()
        leaving?.useOutput(rate: rate)
        seam = OutputSeam(rate: rate, after: old.seam)
        isHeld = old.isHeld
        music = old.music.take()
    }

    /// Nothing is linked, on hold or still fading.
    var isIdle: Bool { readers.isEmpty && writers.isEmpty && !isHeld && seam.isDone }

    // MARK: links

    /// False when the leg has as many as it may.
    func add(input link: LegLink) -> Bool {
        // Those that have ended go with the next tick.
        guard readers.count(where: { $0.link.ended == nil }) < MediaLeg.linkLimit else {
            return false
        }
        readers.append(LinkReader(link, legRate: rate))
        return true
    }

    /// False when the leg has as many as it may.
    func add(output link: LegLink) -> Bool {
        guard writers.count(where: { $0.link.ended == nil }) < MediaLeg.linkLimit else {
            return false
        }
        writers.append(LinkWriter(link, legRate: rate))
        if link.tap.hasReceived { listens = true }
        return true
    }

    /// The leg is gone: the other ends learn it at their next tick.
    func close(counters: inout LinkCounters, out: inout Outbox<LegOutput>) {
        for writer in writers { writer.link.end(.sourceClosed) }
        for reader in readers {
            reader.link.end(.targetClosed)
            out.push(.linkEnded(reader.link.id, reader.link.ended ?? .targetClosed))
        }
        report(&counters)
        writers.removeAll()
        readers.removeAll()
        listens = false
        playout = nil
        leaving = nil
    }

    // MARK: hold

    /// - Parameter music: looped; nil: silence.
    func hold(_ music: consuming ClipPlayback?) {
        self.music = music
        isHeld = true
    }

    func resume() {
        music = nil
        isHeld = false
    }

    /// A clip under the talk is gone before its end.
    func cutClip() { seam.open() }

    // MARK: heard

    /// Decoded audio of one packet, as it came.
    func heard(
        _ samples: UnsafeBufferPointer<Int16>, _ codec: AudioCodec, sequence: UInt16,
        timestamp: UInt32, now: Instant
    ) {
        if isLeaving(codec) {
            leaving?.take(samples, sequence: sequence, timestamp: timestamp, now: now)
        } else {
            prepare(codec)
            playout?.take(samples, sequence: sequence, timestamp: timestamp, now: now)
        }
    }

    /// Decoded audio of one packet from the analysis tap.
    func heardInOrder(
        _ samples: UnsafeBufferPointer<Int16>, _ codec: AudioCodec, timestamp: Int64, now: Instant
    ) {
        if isLeaving(codec) {
            leaving?.takeInOrder(samples, timestamp: timestamp, now: now)
        } else {
            prepare(codec)
            playout?.takeInOrder(samples, timestamp: timestamp, now: now)
        }
    }

    /// The analysis tap gave up `count` packets; 0: what is missing was never sent.
    func missedInOrder(_ count: Int) {
        playout?.skipInOrder(count)
        leaving?.skipInOrder(count)
    }

    /// Audio of `codec` goes on from what a playout buffer holds.
    func continues(_ codec: AudioCodec) -> Bool {
        playout?.takes(codec) ?? false || isLeaving(codec)
    }

    /// A packet of the codec before was overtaken by the new one's first, or the far end goes back to it.
    private func isLeaving(_ codec: AudioCodec) -> Bool {
        leaving?.takes(codec) ?? false && !(playout?.takes(codec) ?? false)
    }

    /// The far end may change its codec with any packet.
    private func prepare(_ codec: AudioCodec) {
        guard listens, !(playout?.takes(codec) ?? false) else { return }
        let jitter = playout?.buffer.delay
        dropLeaving()
        leaving = playout.take()
        playout = LegPlayout(codec, outputRate: rate)
        // The path is the same, whatever comes over it.
        if let jitter { playout?.buffer.delay.learn(from: jitter) }
    }

    /// A packet without audio (comfort noise, a telephone-event).
    func heardOther(sequence: UInt16) { playout?.takeOther(sequence: sequence) }

    func changeSource() {
        playout?.changeSource()
        dropLeaving()
    }

    private func dropLeaving() {
        leaving?.report(to: &unreported)
        leaving = nil
    }

    /// A telephone-event press of the far end.
    func pressed(_ digit: Character, counters: inout LinkCounters) {
        guard !isHeld else { return }
        for writer in writers
        where writer.link.relaysDigits && writer.link.tap.hasReceived && !writer.link.isMuted {
            if writer.link.pass(digit: digit) { counters.digitsPassed += 1 }
        }
    }

    // MARK: said

    /// Adds everybody up. `frame` holds the bot's audio already when `hasBot`. Returns false when
    /// the frame is silence.
    func mix(
        into frame: UnsafeMutableBufferPointer<Int16>, hasBot: Bool, clip: inout ClipPlayback?,
        now: Instant
    ) -> Bool {
        let count = frame.count
        mixer.begin(count)
        var speaks = hasBot
        if hasBot { mixer.add(UnsafeBufferPointer(frame)) }
        if clip != nil {
            let part = UnsafeMutableBufferPointer(rebasing: scratch.frame[0..<count])
            clip?.fill(part, rate: rate)
            mixer.add(UnsafeBufferPointer(part))
            speaks = true
        }
        for reader in readers {
            reader.take(count, now: now)
            guard reader.speaks else { continue }
            mixer.add(UnsafeBufferPointer(rebasing: reader.frame[0..<count]))
            speaks = true
        }
        mixer.write(limiter: &limiter, into: frame)
        let isSmoothing = seam.smooth(frame, from: .talk)
        for writer in writers where writer.link.tap.hasSent { hand(frame, to: writer) }
        return speaks || isSmoothing
    }

    /// Who listens and speaks here himself does not hear himself, however many links he has.
    private func hand(_ frame: UnsafeMutableBufferPointer<Int16>, to writer: LinkWriter) {
        let count = frame.count
        var own: LinkReader?
        for reader in readers where reader.speaks && reader.link.from == writer.link.to {
            if own == nil {
                own = reader
            } else {
                let part = UnsafeMutableBufferPointer(rebasing: scratch.frame[0..<count])
                for index in 0..<count { part[index] = -max(reader.frame[index], -32_767) }
                mixer.add(UnsafeBufferPointer(part))
            }
        }
        guard let own else {
            return writer.said(UnsafeBufferPointer(frame), scratch: scratch)
        }
        let part = UnsafeMutableBufferPointer(rebasing: scratch.heard[0..<count])
        mixer.write(
            without: UnsafeBufferPointer(rebasing: own.frame[0..<count]),
            limiter: &writer.saidLimiter, into: part)
        writer.said(UnsafeBufferPointer(part), scratch: scratch)
        // The others of this listener are heard by everybody else.
        for reader in readers
        where reader !== own && reader.speaks && reader.link.from == writer.link.to {
            mixer.add(UnsafeBufferPointer(rebasing: reader.frame[0..<count]))
        }
    }

    /// Something else is said instead (a clip, a tone): live voices do not wait for its end.
    func saidInstead(_ frame: UnsafeMutableBufferPointer<Int16>, by source: OutputSeam.Source) {
        _ = seam.smooth(frame, from: source)
        for writer in writers where writer.link.tap.hasSent {
            writer.said(UnsafeBufferPointer(frame), scratch: scratch)
        }
        passOver()
    }

    /// The music that one on hold hears.
    func fillHold(_ frame: UnsafeMutableBufferPointer<Int16>) {
        if music == nil { frame.update(repeating: 0) } else { music?.fill(frame, rate: rate) }
        saidInstead(frame, by: .music)
    }

    /// Nothing is said in this frame (a telephone-event, no address yet).
    func passOver() { for reader in readers { reader.skip() } }

    /// The next digit that another leg's far end pressed.
    func takeDigit() -> Character? {
        for reader in readers where reader.link.relaysDigits {
            if let digit = reader.link.takeDigit() { return digit }
        }
        return nil
    }

    // MARK: the tick

    /// Gives every listener his frame and lets go of links that have ended. Call once a tick, after
    /// what is said.
    func tick(
        now: Instant, workspace: inout LegWorkspace, out: inout Outbox<LegOutput>
    ) {
        removeEnded(&workspace.counters.links, &out)
        var heard: UnsafeBufferPointer<Int16>?
        if listens, playout != nil {
            let frame = UnsafeMutableBufferPointer(rebasing: scratch.heard[0..<rate / 50])
            _ = playout?.pull(into: frame, scratch: scratch.converted, now: now)
            if leaving != nil { addLeaving(to: frame, now) }
            heard = UnsafeBufferPointer(frame)
        }
        for writer in writers {
            writer.write(heard: heard, isHeld: isHeld, now: now, scratch: scratch)
        }
        ticks &+= 1
        guard ticks % Self.reportPeriod == 0 else { return }
        report(&workspace.counters.links)
        if playout != nil { workspace.notePlayoutDelay(milliseconds: delayMilliseconds) }
    }

    /// What the buffer of the codec before holds is heard to its end, while the new one waits for its
    /// target.
    private func addLeaving(to frame: UnsafeMutableBufferPointer<Int16>, _ now: Instant) {
        guard let held = leaving?.buffer.heldSamples, held > 0 else { return dropLeaving() }
        let rest = UnsafeMutableBufferPointer(rebasing: scratch.frame[0..<frame.count])
        let heard = leaving?.pull(into: rest, scratch: scratch.converted, now: now) ?? 0
        let isLast = (leaving?.buffer.heldSamples ?? 0) == 0
        // Behind its end is a guess of what the new one has: 2 ms of it for a fade.
        let fade = rate / 500
        for index in frame.indices {
            let level = isLast ? max(0, min(fade, heard + fade - index)) : fade
            frame[index] = Int16(
                clamping: Int(frame[index]) + Int(rest[index]) * level / max(1, fade))
        }
    }

    /// Of the playout buffer.
    var delayMilliseconds: Double { playout?.buffer.delayMilliseconds ?? 0 }

    private func removeEnded(_ counters: inout LinkCounters, _ out: inout Outbox<LegOutput>) {
        var index = 0
        while index < readers.count {
            let reader = readers[index]
            guard reader.isFinished, let reason = reader.link.ended else {
                index += 1
                continue
            }
            reader.report(to: &counters)
            out.push(.linkEnded(reader.link.id, reason))
            readers.remove(at: index)
        }
        index = 0
        while index < writers.count {
            guard writers[index].link.ended != nil else {
                index += 1
                continue
            }
            writers[index].report(to: &counters)
            writers.remove(at: index)
        }
        if listens, !writers.contains(where: { $0.link.tap.hasReceived }) {
            listens = false
            dropLeaving()
            report(&counters)
            playout = nil
        }
    }

    private func report(_ counters: inout LinkCounters) {
        for reader in readers { reader.report(to: &counters) }
        for writer in writers { writer.report(to: &counters) }
        playout?.report(to: &counters)
        leaving?.report(to: &counters)
        counters.add(unreported)
        unreported = LinkCounters()
    }
}

/// Joins what one source said to what the next says: the step between them decays over 5 ms, so a
/// clip that is stopped, music that begins or talk that goes on does not click.
struct OutputSeam {
    enum Source { case talk, clip, music, tone }

    private let overlap: Int
    private var source: Source
    private var last: Int16
    private var step = 0
    private var left = 0
    /// The next frame is joined though its source is the same.
    private var isOpen = false

    /// - Parameters:
    ///   - source: who speaks already; what he says next has nothing to be joined to.
    ///   - last: the sample that he has come to.
    init(rate: Int, saying source: Source = .talk, after last: Int16 = 0) {
        overlap = max(1, rate / 200)
        self.source = source
        self.last = last
    }

    /// The same at another rate: the converters begin anew, so there is a step.
    init(rate: Int, after old: OutputSeam) {
        self.init(rate: rate)
        source = old.source
        last = old.last
        isOpen = true
    }

    var isDone: Bool { left == 0 && source == .talk && !isOpen }

    /// What is said changes in its midst: the next frame is joined to it.
    mutating func open() { isOpen = true }

    /// True while the step is audible.
    mutating func smooth(
        _ frame: UnsafeMutableBufferPointer<Int16>, from next: Source
    ) -> Bool {
        guard let first = frame.first else { return false }
        if next != source || isOpen {
            source = next
            isOpen = false
            step = Int(last) - Int(first)
            left = overlap
        }
        let isSmoothing = left > 0
        for index in 0..<min(left, frame.count) {
            frame[index] = Int16(
                clamping: Int(frame[index]) + step * (left - index) / overlap)
        }
        left -= min(left, frame.count)
        last = frame[frame.count - 1]
        return isSmoothing
    }
}
