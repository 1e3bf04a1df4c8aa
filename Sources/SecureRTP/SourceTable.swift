//   packet's SSRC ─► among the newest 64? ─► whole windows
//                 └► among 1,024 retired? ─► a window that has seen all up to the highest index
//                                        └► a newcomer; with 1,088 behind it, refused
//   authentic ─► commit: the source that was silent longest makes room, and its record stays

/// The SSRCs of one context, each with its index and replay windows (RFC 3711 3.2.3). Bounded, and
/// nothing that was seen is ever forgotten: a source that makes room for another leaves a record of
/// how far it came, so that its return goes on from there and its old packets stay old (3.3.2).
///
/// State is stored by `commit` and what its caller does then; before that a packet leaves no trace.
struct SourceTable: Sendable {
    /// One SSRC that sent an authentic packet, or that we sent as.
    struct Source: Sendable {
        let ssrc: UInt32
        /// Packets refused in a row, of a source that has been heard.
        var misses: UInt32 = 0
        fileprivate var lastUse: UInt64 = 0
        var rtp = ReplayWindow()
        /// Of what we send: the last index; the first is 1.
        var rtcp = ReplayWindow()
    }

    /// What is left of a source: where it is to go on. 16 bytes.
    private struct Record: Sendable {
        let ssrc: UInt32
        /// One above the highest SRTCP index; 0: there was none.
        let reports: UInt32
        /// One above the highest index; 0: there was none.
        let packets: UInt64

        init(_ source: Source) {
            ssrc = source.ssrc
            reports = source.rtcp.isStarted ? UInt32(source.rtcp.highest + 1) : 0
            packets = source.rtp.isStarted ? source.rtp.highest + 1 : 0
        }

        var source: Source {
            var source = Source(ssrc: ssrc)
            if packets > 0 { source.rtp = ReplayWindow(upTo: packets - 1) }
            if reports > 0 { source.rtcp = ReplayWindow(upTo: UInt64(reports) - 1) }
            return source
        }
    }

    private var sources: [Source] = []
    private var retired: [Record] = []
    /// Where the last packet's source was found.
    private var latest = 0
    private var uses: UInt64 = 0

    init() { sources.reserveCapacity(1) }

    var isEmpty: Bool { sources.isEmpty }

    /// Of a source whose packets are being handled: a `place`, or what `commit` returned.
    subscript(place: Int) -> Source {
        @inline(__always) get { sources[place] }
        @inline(__always) _modify { yield &sources[place] }
    }

    /// nil: a newcomer, or one that was retired.
    @inline(__always)
    mutating func place(of ssrc: UInt32) -> Int? {
        if latest < sources.count, sources[latest].ssrc == ssrc { return latest }
        for index in sources.indices where sources[index].ssrc == ssrc {
            latest = index
            return index
        }
        return nil
    }

    /// Which packets of a source were seen.
    @inline(__always)
    func packets(_ place: Int?, of ssrc: UInt32) -> ReplayWindow {
        if let place { return sources[place].rtp }
        return record(of: ssrc)?.source.rtp ?? ReplayWindow()
    }

    /// Which SRTCP packets of a source were seen.
    @inline(__always)
    func reports(_ place: Int?, of ssrc: UInt32) -> ReplayWindow {
        if let place { return sources[place].rtcp }
        return record(of: ssrc)?.source.rtcp ?? ReplayWindow()
    }

    /// Rollover counter ‖ sequence number of a source's newest packet; nil before its first.
    func newestIndex(of ssrc: UInt32) -> UInt64? {
        let place = sources.firstIndex { $0.ssrc == ssrc }
        let window = packets(place, of: ssrc)
        return window.isStarted ? window.highest : nil
    }

    /// Whether `commit` would take a packet of this source.
    func hasRoom(for ssrc: UInt32) -> Bool {
        sources.count < SRTPContext.sourceLimit
            || retired.count < SRTPContext.retiredSourceLimit || record(of: ssrc) != nil
    }

    /// The place of an authentic packet's source, made now when it has none.
    ///
    /// - Throws: `tooManySources`.
    @inline(__always)
    mutating func commit(_ place: Int?, _ ssrc: UInt32) throws(SRTPError) -> Int {
        let committed = if let place { place } else { try admit(ssrc) }
        uses &+= 1
        sources[committed].lastUse = uses
        return committed
    }

    @inline(never)
    private mutating func admit(_ ssrc: UInt32) throws(SRTPError) -> Int {
        guard sources.count == SRTPContext.sourceLimit else {
            sources.append(Source(ssrc: ssrc))
            latest = sources.count - 1
            return latest
        }
        let former = retired.firstIndex { $0.ssrc == ssrc }
        guard former != nil || retired.count < SRTPContext.retiredSourceLimit,
            let longestSilent = sources.indices.min(by: {
                sources[$0].lastUse < sources[$1].lastUse
            })
        else {
            throw .tooManySources(
                limit: SRTPContext.sourceLimit + SRTPContext.retiredSourceLimit)
        }
        let record = Record(sources[longestSilent])
        if let former {
            sources[longestSilent] = retired[former].source
            retired[former] = record
        } else {
            sources[longestSilent] = Source(ssrc: ssrc)
            retired.append(record)
        }
        latest = longestSilent
        return longestSilent
    }

    private func record(of ssrc: UInt32) -> Record? { retired.first { $0.ssrc == ssrc } }
}
