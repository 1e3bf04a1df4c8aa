/// Which special information tones a network plays before its announcement: why the call cannot be put through.
///
/// North American networks say it by pitch (low, high) and length (short, long) of the first two tones
/// (AT&T's and Bellcore's code); what else rises in three steps (ITU-T E.180: 950, 1400, 1800 Hz,
/// 330 ms each) says no more than that there is information.
public enum SpecialInformation: String, Hashable, Sendable, CaseIterable {
    /// Number changed, disconnected, or an operator takes the call.
    case intercept
    /// No such number.
    case vacantCode = "vacant_code"
    /// The call was lost in the exchange, or dialled incompletely.
    case reorder
    /// The same at the long-distance carrier's.
    case carrierReorder = "carrier_reorder"
    /// All trunks are busy.
    case noCircuit = "no_circuit"
    /// The same at the long-distance carrier's.
    case carrierNoCircuit = "carrier_no_circuit"
    /// Codes without a use.
    case reserved1 = "reserved_1"
    case reserved2 = "reserved_2"

    /// What a call that meets these tones has ended for; nil where they do not say.
    public var endReason: EndReason? {
        switch self {
        case .intercept, .vacantCode: .invalidNumber
        case .reorder, .carrierReorder, .noCircuit, .carrierNoCircuit: .trunkError
        case .reserved1, .reserved2: nil
        }
    }

    /// There is nobody to be reached under the number, by whichever way.
    public var blamesNumber: Bool { endReason == .invalidNumber }
}
