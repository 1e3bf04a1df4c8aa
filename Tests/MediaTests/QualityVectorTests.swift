import Testing

@testable import Media

/// The E-model against the Recommendation's own numbers and against a published fit of it.
@Suite struct QualityVectorTests {
    /// Ie and Bpl of G.113 appendix I: a change of these changes every call's record.
    @Test func equipmentHasTheValuesOfG113() {
        #expect(QualityModel.Equipment.g711.impairment == 0)
        #expect(QualityModel.Equipment.g711.lossRobustness == 25.1)
        #expect(QualityModel.Equipment.g711WithoutConcealment.impairment == 0)
        #expect(QualityModel.Equipment.g711WithoutConcealment.lossRobustness == 4.3)
    }

    /// Ie,eff (7-29), R and MOS of G.711 by percent of random loss, worked out in double precision from
    /// the formulas of G.107 outside this code.
    @Test(arguments: [
        (0.5, 1.86, 91.35, 4.371), (1, 3.64, 89.57, 4.328), (2, 7.01, 86.20, 4.235),
        (3, 10.14, 83.06, 4.134), (5, 15.78, 77.43, 3.923), (7, 20.72, 72.49, 3.711),
        (10, 27.07, 66.14, 3.411), (15, 35.54, 57.67, 2.979), (20, 42.13, 51.08, 2.632),
    ])
    func lossOfConcealedAudio(_ percent: Double, _ impairment: Double, _ r: Double, _ mos: Double) {
        let model = QualityModel(lossFraction: percent / 100)
        #expect(abs(model.effectiveEquipmentImpairment - impairment) < 0.006)
        #expect(abs(model.rFactor - r) < 0.006)
        #expect(abs(model.mos - mos) < 0.001)
    }

    @Test(arguments: [
        (0.5, 83.31, 4.143), (1, 75.28, 3.834), (2, 63.05, 3.256), (3, 54.17, 2.794),
        (5, 42.13, 2.170), (10, 26.77, 1.481), (20, 15.02, 1.124),
    ])
    func lossOfAudioThatIsNotConcealed(_ percent: Double, _ r: Double, _ mos: Double) {
        let model = QualityModel(
            equipment: .g711WithoutConcealment, lossFraction: percent / 100)
        #expect(abs(model.rFactor - r) < 0.006)
        #expect(abs(model.mos - mos) < 0.001)
    }

    /// (7-29) with BurstR: 95 × 5 ÷ (5 ÷ 2 + 25.1) = 17.21, ÷ (5 ÷ 4 + 25.1) = 18.03.
    @Test(arguments: [(1.0, 15.78), (2, 17.21), (4, 18.03)])
    func burstsCountAsInG107(_ ratio: Double, _ impairment: Double) {
        let model = QualityModel(lossFraction: 0.05, burstRatio: ratio)
        #expect(abs(model.effectiveEquipmentImpairment - impairment) < 0.006)
    }

    /// Idte + Idle + Idd (7-20 … 7-28) by delay in ms, worked out as above, and R and MOS with it.
    @Test(arguments: [
        (0.0, 0.149, 93.206, 4.4094), (25, 0.966, 92.389, 4.3930), (50, 1.599, 91.756, 4.3796),
        (100, 2.692, 90.664, 4.3549), (150, 3.816, 89.539, 4.3275), (175, 5.127, 88.228, 4.2932),
        (200, 7.551, 85.805, 4.2232), (250, 14.178, 79.177, 3.9925), (300, 20.689, 72.666, 3.7194),
        (400, 31.108, 62.247, 3.2156), (500, 38.552, 54.803, 2.8280),
    ])
    func delay(_ milliseconds: Double, _ impairment: Double, _ r: Double, _ mos: Double) {
        let model = QualityModel(oneWayDelay: milliseconds)
        let id = QualityModel.delayImpairment(milliseconds: milliseconds)
        #expect(abs(id - impairment) < 0.002)
        #expect(abs(model.rFactor - r) < 0.002)
        #expect(abs(model.mos - mos) < 0.0002)
    }

    /// Cole and Rosenbluth, Voice over IP performance monitoring (ACM CCR 31-2, 2001), fitted curves to
    /// G.107 and G.113: Id = 0.024 d + 0.11 (d − 177.3) beyond 177.3 ms, for G.711 with random loss
    /// e Ie = 30 ln(1 + 15 e). Both straighten what they fit by up to two.
    @Test(arguments: [
        (50.0, 1.20), (100, 2.40), (150, 3.60), (200, 7.30), (250, 14.00), (300, 20.70),
    ])
    func delayFollowsThePublishedFit(_ milliseconds: Double, _ impairment: Double) {
        let id = QualityModel.delayImpairment(milliseconds: milliseconds)
        #expect(abs(id - impairment) < 0.5)
    }

    @Test(arguments: [
        (0.0, 0.0), (0.01, 4.19), (0.02, 7.87), (0.05, 16.79), (0.10, 27.49), (0.20, 41.59),
    ])
    func lossFollowsThePublishedFit(_ fraction: Double, _ impairment: Double) {
        let ie = QualityModel(lossFraction: fraction).effectiveEquipmentImpairment
        #expect(abs(ie - impairment) < 1.1)
    }
}
