import Audio
import Foundation
import Testing

private func isClose(_ a: Double, _ b: Double, within limit: Double = 1e-9) -> Bool {
    abs(a - b) <= limit * max(1, abs(b))
}

@Test func sineAndCosineAgreeWithTheSystemLibrary() {
    for step in -4000...4000 {
        let x = Double(step) * 0.008_3
        #expect(isClose(Elementary.sin(x), sin(x)), "sin \(x)")
        #expect(isClose(Elementary.cos(x), cos(x)), "cos \(x)")
    }
    for x in [1e3, 12_345.678, -99_999.5, 5e5] {
        #expect(isClose(Elementary.sin(x), sin(x)), "sin \(x)")
        #expect(isClose(Elementary.cos(x), cos(x)), "cos \(x)")
    }
}

@Test func logarithmAndExponentialAgreeWithTheSystemLibrary() {
    for step in 1...4000 {
        let x = Double(step) * Double(step) * 1e-3
        #expect(isClose(Elementary.log(x), log(x)), "log \(x)")
        #expect(isClose(Elementary.log10(x), log10(x)), "log10 \(x)")
        let y = Double(step - 2000) * 0.05
        #expect(isClose(Elementary.exp(y) / exp(y), 1), "exp \(y)")
    }
    for x in [1e-300, 1e-20, 1e20, 1e300] { #expect(isClose(Elementary.log(x), log(x))) }
}

@Test func edgesOfTheDomainAreNotTraps() {
    #expect(Elementary.log(0) == -.infinity)
    #expect(Elementary.log(-1).isNaN)
    #expect(Elementary.log(.nan).isNaN)
    #expect(Elementary.log(.infinity) == .infinity)
    #expect(Elementary.exp(1000) == .infinity)
    #expect(Elementary.exp(-1000) == 0)
    #expect(Elementary.exp(.nan).isNaN)
    #expect(Elementary.sin(.infinity).isNaN)
    #expect(Elementary.cos(1e9).isNaN)
    #expect(isClose(Elementary.decibels(power: 0), -200))
    #expect(isClose(Elementary.amplitude(decibels: 20), 10))
    #expect(isClose(Elementary.decibels(power: 1000), 30))
}
