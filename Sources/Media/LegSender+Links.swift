internal import Audio
internal import Base

/// What a leg with links says: voices, the bot and a clip under them are one sum.
extension LegSender {
    mutating func sendLinked(
        _ links: LegLinks, _ frame: UnsafeMutableBufferPointer<Int16>, _ now: Instant,
        _ destination: SocketAddressValue, _ bridge: inout LegBridge?,
        _ recorder: inout LegRecorderTap?, _ workspace: inout LegWorkspace,
        _ out: inout Outbox<LegOutput>, _ send: PacketSend
    ) {
        let rate = rate
        if clip != nil, clip?.isMixed == false || links.isHeld {
            clip?.fill(frame, rate: rate)
            links.saidInstead(frame, by: .clip)
        } else if links.isHeld {
            links.fillHold(frame)
        } else {
            let hasBot = bridge?.take(into: frame, rate: rate, workspace: &workspace) == true
            let speaks = links.mix(into: frame, hasBot: hasBot, clip: &clip, now: now)
            if speaks {
                sendAudio(frame, now, destination, &recorder, &workspace, send)
            } else {
                sendSilence(frame, destination, &workspace, send)
            }
            // After the packet has gone to the socket: a mark means sent.
            bridge?.confirmSent(workspace: &workspace)
            reportClip(&out)
            return
        }
        bridge?.obeyClear(workspace: &workspace)
        sendAudio(frame, now, destination, &recorder, &workspace, send)
        reportClip(&out)
    }
}
