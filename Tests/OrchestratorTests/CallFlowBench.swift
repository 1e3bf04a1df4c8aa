import Audio
import Base
import CallModel
import Detection
import MediaEngine
import Signalling
import Streaming

@testable import Orchestrator

/// Drives one `CallFlow` by hand, in virtual time.
struct Bench {
    var flow: CallFlow
    var milliseconds: Int64 = 0
    var actions: [CallFlow.Action] = []
    private var out = Outbox<CallFlow.Action>()

    init(_ plan: CallPlan) {
        flow = CallFlow(plan: plan, now: Self.moment(0))
    }

    static func moment(_ milliseconds: Int64) -> CallFlow.Moment {
        CallFlow.Moment(
            instant: Instant(milliseconds: milliseconds),
            wall: WallTime(milliseconds: 1_700_000_000_000 + milliseconds))
    }

    var now: CallFlow.Moment { Self.moment(milliseconds) }

    mutating func sip(_ event: CallLegEvent) {
        flow.signalling(event, now, out: &out)
        actions += out.takeAll()
    }
    mutating func media(_ event: EngineEvent.Kind) {
        flow.media(event, now, out: &out)
        actions += out.takeAll()
    }
    mutating func heard(_ event: DetectionEvent) { media(.detection(event)) }
    mutating func stream(_ event: StreamEvent) {
        flow.stream(event, now, out: &out)
        actions += out.takeAll()
    }
    /// Of a stream that another one has followed.
    mutating func formerStream(_ event: StreamEvent) {
        flow.stream(event, isCurrent: false, now, out: &out)
        actions += out.takeAll()
    }
    mutating func recogniser(_ event: StreamEvent) {
        flow.recogniser(event, now, out: &out)
        actions += out.takeAll()
    }
    mutating func hangUp() {
        flow.hangUp(now, out: &out)
        actions += out.takeAll()
    }
    mutating func handOver() {
        flow.handOver(now, out: &out)
        actions += out.takeAll()
    }
    mutating func loseThePartner() {
        flow.partnerLeft(now, out: &out)
        actions += out.takeAll()
    }
    mutating func conclude(_ reason: EndReason) {
        flow.conclude(reason, now, out: &out)
        actions += out.takeAll()
    }
    mutating func advance(_ by: Int64) {
        milliseconds += by
        flow.tick(now, out: &out)
        actions += out.takeAll()
    }
    mutating func clear() { actions = [] }

    /// Ends the SIP and the media side, as the agent and the engine do after a hang-up.
    mutating func closeDown(_ reason: EndReason = .localHangup, status: Int = 200) {
        sip(.ended(reason, status: status))
        media(.closed(MediaSummary(packetsReceived: 10)))
    }

    var events: [String] {
        actions.compactMap { if case .emit(let event) = $0 { event.kind.name } else { nil } }
    }
    var plays: [Int] {
        actions.compactMap {
            if case .media(.play(let id, _, _, _)) = $0 { id } else { nil }
        }
    }
    var streamsConnected: Int {
        actions.count { if case .connectStream = $0 { true } else { false } }
    }
    /// What has been asked of the recogniser and told the detectors about it, in words.
    var recognition: [String] {
        actions.compactMap {
            switch $0 {
            case .connectRecogniser: "connect"
            case .stopRecogniser: "stop"
            case .media(.expectTranscript(let isExpected)): isExpected ? "expect" : "expect no more"
            case .media(.transcript(let text)): text
            case .media(.detach): "detach"
            case .connectStream: "bot"
            default: nil
            }
        }
    }
    var digits: [Character] {
        actions.compactMap { if case .streamDigit(let digit) = $0 { digit } else { nil } }
    }
    var hangUps: Int { actions.count { if case .hangUp = $0 { true } else { false } } }
    var records: [CallRecord] {
        actions.compactMap { if case .finish(let record) = $0 { record } else { nil } }
    }
    func index(_ matches: (CallFlow.Action) -> Bool) -> Int? { actions.firstIndex(where: matches) }
}

let message = PlaybackClip(samples: [Int16](repeating: 1, count: 800))

func plan(
    voicemail: PlaybackClip? = message, detect: Bool = true, record: Bool = false,
    direction: CallRecord.Direction = .outbound
) -> CallPlan {
    CallPlan(
        id: CallID("call-1"), direction: direction, number: try? PhoneNumber("+12125550101"),
        conversation: .stream(url: "ws://127.0.0.1:9/"), voicemail: voicemail,
        detectAnswer: detect, record: record, recordingPath: record ? "/tmp/x.wav" : nil)
}

func verdict(_ verdict: AnswerVerdict, final: Bool = true) -> DetectionEvent {
    .verdict(verdict, final: final, confidence: 0.9, reason: "test", atMs: 0)
}
let beep = DetectionEvent.beep(
    startMs: 5000, endMs: 5400, frequencyHz: 700, levelDBm0: -12, knownAtMs: 5440)
